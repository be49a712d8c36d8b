//! Categorical metrics: the shares of several categories in two arms, compared by one test.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use verdict_model::rows::{ComparedCategories, GroupStat, OTHER, ResultRow};

use super::groups::Groups;
use super::history::History;
use super::promise::{Mode, Promise};
use super::samples::{Gap, INVALID, usable};
use crate::methods::contingency::{Contingency, contingency};

/// The type of such metrics.
pub(super) const CATEGORICAL: &str = "categorical";

/// Units of a category that both arms are expected to have, for the chi-squared law to hold (Cochran 1954); rarer ones are
/// compared together.
const FEWEST_EXPECTED: f64 = 5.0;

/// Why shares of several categories have no relative effect.
const NO_LIFT: &str = "no_lift_of_categories";

/// The shares of two arms, and their test or why there is none.
struct Compared {
    categories: ComparedCategories,
    outcome: Result<Contingency, Gap>,
}

/// The row of a categorical metric, from one without any number.
pub(super) fn with_categories(
    promise: &Promise<'_>,
    history: &History<'_>,
    row: ResultRow,
) -> ResultRow {
    let Compared { categories, outcome } = compared(promise, history.shown());
    let row = ResultRow { categories, rel_effect_reason: Some(NO_LIFT.to_owned()), ..row };
    let without = |gap: Gap| ResultRow {
        status: gap.status().to_owned(),
        reason: Some(gap.reason().to_owned()),
        ..row.clone()
    };
    let test = match outcome {
        Ok(test) => test,
        Err(gap) => return without(gap),
    };
    let (ln_p, looks_used) = match promise.mode(history) {
        Mode::Withheld(gap) => return without(gap),
        Mode::Once => (test.log_p_value, None),
        Mode::Watched => {
            let (ln_p, looks) = over_looks(promise, history);
            (ln_p, Some(i32::try_from(looks).unwrap_or(i32::MAX)))
        }
    };
    let p = if looks_used.is_none() { test.p_value } else { ln_p.exp() };
    ResultRow {
        method: Some("chi_squared_homogeneity".to_owned()),
        statistic: Some(test.chi2),
        df: Some(test.df as f64),
        p_value: Some(p),
        log_p_value: (p < 1e-300).then_some(ln_p),
        looks_used,
        categories: ComparedCategories { cramers_v: test.cramers_v, ..row.categories },
        ..row
    }
}

/// ln p over all looks so far, and how many there were: the smallest of each look's p over its share of the level, which is the
/// same for all planned looks, and 1/(k (k + 1)) of look k without a plan. The shares add up to one, so that the level holds over
/// all looks together, however alike they are (Bonferroni).
fn over_looks(promise: &Promise<'_>, history: &History<'_>) -> (f64, usize) {
    let planned = history.planned();
    let mut least = 0.0_f64;
    let mut looks = 0;
    for (before, look) in history.looks().iter().enumerate() {
        let Ok(test) = compared(promise, history.on(look.ds)).outcome else { continue };
        let k = look.number.unwrap_or(before + 1) as f64;
        let share = planned.map_or(1.0 / (k * (k + 1.0)), |planned| 1.0 / planned.max(1) as f64);
        least = least.min(test.log_p_value - share.ln());
        looks += 1;
    }
    (least, looks)
}

fn compared(promise: &Promise<'_>, groups: &Groups<'_>) -> Compared {
    let group = |variant: &str| {
        let (segment, value) = promise.segment;
        groups.get(&promise.metric.name.value, variant, segment, value)
    };
    let control = group(&promise.experiment.design.control.value);
    let variant = group(&promise.arm.name);
    let both = usable(CATEGORICAL, control, "no_units_in_control")
        .and_then(|c| Ok((c, usable(CATEGORICAL, variant, "no_units_in_variant")?)))
        .and_then(|(c, t)| Ok([counts(c)?, counts(t)?]));
    let nothing = |gap| Compared { categories: ComparedCategories::default(), outcome: Err(gap) };
    match both {
        Err(gap) => nothing(gap),
        Ok([control, variant]) => {
            let table = table(&control, &variant);
            let of = |arm: usize| table.iter().map(|(_, units)| units[arm]).collect::<Vec<u64>>();
            let signed = |units: &[u64]| {
                units.iter().map(|n| i64::try_from(*n).unwrap_or(i64::MAX)).collect::<Vec<i64>>()
            };
            let (of_control, of_variant) = (of(0), of(1));
            let categories = ComparedCategories {
                category: Some(table.iter().map(|(name, _)| (*name).to_owned()).collect()),
                category_count_control: Some(signed(&of_control)),
                category_count_variant: Some(signed(&of_variant)),
                cramers_v: None,
            };
            let everybody_in_one = control.len() == 1 && control.keys().eq(variant.keys());
            let outcome = match table.len() {
                0 | 1 if everybody_in_one => Err(Gap::Insufficient("zero_variance")),
                0 | 1 => Err(Gap::Insufficient("too_few_units")),
                _ => contingency(&[of_control, of_variant]).map_err(Gap::from),
            };
            Compared { categories, outcome }
        }
    }
}

/// The units of each category, those that are there.
fn counts(group: &GroupStat) -> Result<BTreeMap<&str, u64>, Gap> {
    let categories = group.categories.as_ref().ok_or(INVALID)?;
    if categories.category.len() != categories.count.len() {
        return Err(INVALID);
    }
    let mut counts = BTreeMap::new();
    let mut units = 0_u64;
    for (category, count) in categories.category.iter().zip(&categories.count) {
        let count = u64::try_from(*count).map_err(|_| INVALID)?;
        units = units.checked_add(count).ok_or(INVALID)?;
        let twice = count > 0 && counts.insert(category.as_str(), count).is_some();
        if twice {
            return Err(INVALID);
        }
    }
    if i64::try_from(units) == Ok(group.n) { Ok(counts) } else { Err(INVALID) }
}

/// A category with its units in the control and in the variant.
type Row<'a> = (&'a str, [u64; 2]);

/// The categories that are compared, those with the most units first, of equals the first by name, and at the end together what
/// is too rare to be compared alone.
fn table<'a>(control: &BTreeMap<&'a str, u64>, variant: &BTreeMap<&'a str, u64>) -> Vec<Row<'a>> {
    let mut both: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (arm, counts) in [control, variant].into_iter().enumerate() {
        for (category, count) in counts {
            both.entry(category).or_default()[arm] = *count;
        }
    }
    let sum = |arm: usize| both.values().map(|units| units[arm] as f64).sum::<f64>();
    let totals = [sum(0), sum(1)];
    let smaller_share = totals[0].min(totals[1]) / (totals[0] + totals[1]);
    let is_rare = |[c, t]: [u64; 2]| (c as f64 + t as f64) * smaller_share < FEWEST_EXPECTED;
    let (rare, mut kept): (Vec<Row<'_>>, Vec<Row<'_>>) =
        both.into_iter().partition(|(name, units)| *name == OTHER || is_rare(*units));
    kept.sort_by_key(|(_, [c, t])| Reverse(u128::from(*c) + u128::from(*t)));
    if rare.is_empty() {
        return kept;
    }
    let add =
        |[a, b]: [u64; 2], (_, [c, t]): &Row<'_>| [a.saturating_add(*c), b.saturating_add(*t)];
    let mut others = rare.iter().fold([0; 2], add);
    // What is rare together, too, takes the next rarest in.
    while is_rare(others) {
        let Some(next) = kept.pop() else { break };
        others = add(others, &next);
    }
    kept.push((OTHER, others));
    kept
}
