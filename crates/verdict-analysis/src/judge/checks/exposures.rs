//! Who was exposed to what: the split, the arms, and units in several of them.

use std::collections::BTreeMap;

use verdict_model::rows::SEVERAL_VARIANTS;
use verdict_model::{NaiveDate, SeveralVariants, nearest};

use super::conservation::whole_number;
use super::split::Split;
use super::{Finding, Subject};
use crate::methods::MethodError;
use crate::methods::sequential::monitor::PValue;
use crate::methods::sequential::sample_ratio::PhasedWatch;
use crate::words::{count, counted, list, number, p_value, percent, share};

/// The largest share of exposed units that may have met several variants; above it the check fails.
///
/// Such units are no random draw: those that come back most often are the likeliest to meet a second variant,
/// so leaving them out biases what is left, and counting them by their first variant dilutes every effect. A
/// share s can move an estimate by a relative amount of the order of s, and one percent is about the smallest
/// relative effect that experiments are designed to find. Assignment by unit gives shares far below it (shared
/// devices, resets); assignment by session or request gives shares near one.
pub(super) const MOST_IN_SEVERAL_VARIANTS: f64 = 0.01;

/// Exposed units against the planned weights, by each unit's first variant, before any exclusion.
///
/// The check is made every day, so it goes by the test that may be: its p-value is that of all days the experiment is
/// judged by. The chi-squared test of the as-of date alone stands beside it, and warns where only it is below the level.
pub(super) fn sample_ratio(subject: &Subject<'_>) -> Finding {
    let alpha = subject.experiment.settings.sample_ratio_alpha;
    Finding { threshold: Some(alpha), ..split(subject, alpha) }
}

fn split(subject: &Subject<'_>, alpha: f64) -> Finding {
    let arms = &subject.experiment.design.arms;
    let exposed: Vec<i64> = arms.iter().map(|arm| exposed(subject, &arm.name)).collect();
    if let Some(i) = exposed.iter().position(|n| *n < 0) {
        return Finding::fail(format!(
            "{} units of {} are not a count; make the statistics again.",
            exposed[i], arms[i].name
        ));
    }
    let units: Vec<u64> = exposed.iter().map(|n| n.unsigned_abs()).collect();
    let total = units.iter().copied().fold(0, u64::saturating_add);
    if total == 0 {
        return Finding::fail(no_exposed_units(subject));
    }
    let now = Split::of(subject, subject.groups, None);
    if now.units().iter().ne(&units) {
        return Finding::fail(
            "The planned shares change from phase to phase, and the statistics do not tell on which day each exposed unit \
             was exposed first (rows of `exposed` by `exposure_ds`), so the split cannot be checked. Make them again by `verdict run`.",
        );
    }
    let tests = now.test().and_then(|once| Ok((once, watched(subject, alpha)?)));
    let (once, (p, since)) = match tests {
        Ok(tests) => tests,
        Err(error) => {
            return Finding::fail(format!("The sample-ratio test has no answer: {error}."));
        }
    };
    let split: Vec<String> = arms
        .iter()
        .zip(units.iter().zip(&once.expected))
        .map(|(arm, (units, expected))| {
            format!("{} {} (expected {})", arm.name, count(*units), number(*expected, 1))
        })
        .collect();
    let found = format!(
        "Exposed units: {}; {} for a split that is looked at every day; chi-squared {}, {} if it were looked at once",
        list(&split),
        p_value(p.p, alpha),
        number(once.chi2, 2),
        p_value(once.p_value, alpha),
    );
    let finding = if let Some(since) = since {
        Finding::fail(format!(
            "{found}. Below {alpha} since {since}: the split is not the planned one. Units of some arm were lost, added \
             or assigned otherwise, and those missing are rarely a random draw, so the arms are not comparable. Find \
             the cause (redirects, crashes, bots, late exposure logging), or correct the planned weights in the \
             experiment's `design.variants` or `design.traffic_split`."
        ))
    } else if once.p_value < alpha {
        Finding::warn(format!(
            "{found}. Only the latter is below {alpha}, as it is on some day of many an experiment whose split is the \
             planned one: watch it."
        ))
    } else {
        Finding::pass(format!("{found}: no sign of another split than the planned one."))
    };
    Finding { statistic: Some(once.chi2), p_value: Some(p.p), ..finding }
}

/// The p-value of the split over the days so far, and the first day on which it was below `alpha`.
fn watched(subject: &Subject<'_>, alpha: f64) -> Result<(PValue, Option<NaiveDate>), MethodError> {
    let design = &subject.experiment.design;
    let mut watch = PhasedWatch::new(&Split::weights(design))?;
    let mut since = None;
    for (day, groups) in subject.history.days() {
        let counted = |name: &str| groups.exposed(name).is_none_or(|row| row.n >= 0);
        // What is no count on an earlier day was said on that day.
        if !design.arms.iter().all(|arm| counted(&arm.name)) {
            continue;
        }
        watch.observe(Split::of(subject, groups, None).phases())?;
        if since.is_none() && watch.p_value().p < alpha {
            since = Some(day);
        }
    }
    Ok((watch.p_value(), since))
}

fn no_exposed_units(subject: &Subject<'_>) -> String {
    let experiment = subject.experiment;
    let counted_at_all =
        experiment.design.arms.iter().any(|arm| subject.groups.exposed(&arm.name).is_some());
    let cause = match subject.counts {
        Some(counts) if counts.variants.is_empty() => format!(
            "No row of the exposure log ({} read) belongs to this experiment, whose key there is `{}`: correct \
             `exposures.key` in the experiment file, its dates, or the exposures' `experiment` expression and filter",
            counted(counts.exposures.read, "row"),
            experiment.key
        ),
        Some(counts) => format!("The log shows {} for it", shown_variants(&counts.variants)),
        None if counted_at_all => "The statistics count none in any arm".to_owned(),
        None => format!(
            "The statistics have no rows of `{SEVERAL_VARIANTS}`, the built-in metric whose n counts exposed units; \
             add them"
        ),
    };
    format!("There are no exposed units at all, so the split cannot be checked. {cause}.")
}

/// Every arm has exposed units.
pub(super) fn variants_present(subject: &Subject<'_>) -> Finding {
    let design = &subject.experiment.design;
    let missing: Vec<&str> =
        design.arms.iter().map(|arm| &*arm.name).filter(|arm| exposed(subject, arm) <= 0).collect();
    if missing.is_empty() {
        let found = format!("All {} have exposed units.", counted(design.arms.len() as u64, "arm"));
        return Finding::pass(found).counting(0);
    }
    let said: Vec<String> = missing.iter().map(|arm| never_shown(subject, arm)).collect();
    let log = subject.counts.map_or(String::new(), |counts| {
        format!(" The log shows {}.", shown_variants(&counts.variants))
    });
    Finding::fail(format!(
        "{}.{log} Correct `design.control` or `design.variants` in the experiment file, or the exposures' `variant` \
         expression.",
        said.join("; ")
    ))
    .counting(missing.len() as u64)
}

fn never_shown(subject: &Subject<'_>, arm: &str) -> String {
    let design = &subject.experiment.design;
    let part = if arm == design.control.value { "control" } else { "variant" };
    let rows = subject.counts.and_then(|counts| counts.variants.get(arm).copied()).unwrap_or(0);
    if rows > 0 {
        return format!(
            "No unit was exposed to the {part} `{arm}`, although the log has {} of it",
            counted(rows, "row")
        );
    }
    let others = subject.counts.into_iter().flat_map(|counts| counts.variants.keys());
    let others =
        others.map(String::as_str).filter(|name| *name != NO_VARIANT && !is_arm(subject, name));
    let hint =
        nearest(arm, others).map_or(String::new(), |name| format!(" (did you mean `{name}`?)"));
    format!("No unit was exposed to the {part} `{arm}`{hint}")
}

/// Rows of variants that the experiment does not configure.
pub(super) fn unknown_variants(subject: &Subject<'_>) -> Finding {
    let of_statistics = subject.groups.unknown_variants(subject.experiment);
    let Some(counts) = subject.counts else {
        if of_statistics.is_empty() {
            return super::log::not_known();
        }
        let names: Vec<String> = of_statistics.iter().map(|name| format!("`{name}`")).collect();
        return Finding::warn(format!(
            "The statistics hold {} that the experiment does not configure: {}. Nothing was computed for {}; add what \
             belongs to the experiment to `design.variants`.",
            counted(names.len() as u64, "variant"),
            list(&names),
            if names.len() == 1 { "it" } else { "them" },
        ))
        .counting(names.len() as u64);
    };
    let unknown: BTreeMap<String, u64> = counts
        .variants
        .iter()
        .filter(|(name, rows)| **rows > 0 && !is_arm(subject, name))
        .map(|(name, rows)| (name.clone(), *rows))
        .collect();
    let rows = unknown.values().copied().fold(0, u64::saturating_add);
    let all = counts.variants.values().copied().fold(0, u64::saturating_add);
    if rows == 0 {
        return Finding::pass(format!(
            "All {} of this experiment name a configured variant.",
            counted(all, "row")
        ))
        .counting(0);
    }
    let arms = || subject.experiment.design.arms.iter().map(|arm| &*arm.name);
    let hints: Vec<String> = unknown
        .keys()
        .filter_map(|name| nearest(name, arms()).map(|arm| format!("`{name}` is near `{arm}`")))
        .collect();
    let hints = if hints.is_empty() { String::new() } else { format!(" ({})", list(&hints)) };
    Finding::warn(format!(
        "{} of {} of this experiment name no configured variant and were left out: {}{hints}. Add what belongs to the \
         experiment to `design.variants`, or correct the exposures' `variant` expression or filter.",
        count(rows),
        counted(all, "row"),
        shown_variants(&unknown),
    ))
    .counting(rows)
}

/// Units that met several variants.
pub(super) fn several_variants(subject: &Subject<'_>) -> Finding {
    let design = &subject.experiment.design;
    let rows: Vec<_> =
        design.arms.iter().filter_map(|arm| subject.groups.exposed(&arm.name)).collect();
    let units = rows.iter().map(|row| i128::from(row.n)).sum::<i128>();
    let several =
        rows.iter().map(|row| whole_number(row.sum_x).map(i128::from)).sum::<Option<i128>>();
    let as_i64 = |n: i128| i64::try_from(n).ok();
    let (Some(units), Some(several)) = (as_i64(units), several.and_then(as_i64)) else {
        return Finding::warn(format!(
            "Not known: the sum of `{SEVERAL_VARIANTS}` is not a count of units."
        ));
    };
    if rows.is_empty() {
        return Finding::warn(format!(
            "Not known: the statistics have no rows of `{SEVERAL_VARIANTS}`."
        ));
    }
    let most = MOST_IN_SEVERAL_VARIANTS * units.max(0) as f64;
    let threshold = Some(most);
    let found = format!("{} of {}", count(several), counted(units, "exposed unit"));
    if several <= 0 || units <= 0 {
        return Finding { threshold, ..Finding::pass(format!("{found} met several variants.")) }
            .counting(several.unsigned_abs());
    }
    let examples = subject.counts.map_or(&[][..], |counts| &counts.several_variants_examples);
    let examples: Vec<String> = examples.iter().map(|unit| format!("`{unit}`")).collect();
    let examples = if examples.is_empty() {
        String::new()
    } else {
        format!(", for example {}", list(&examples))
    };
    let done = match design.several_variants {
        SeveralVariants::Exclude => "They were left out of every metric",
        SeveralVariants::First => "They count with the variant that they met first",
    };
    let found =
        format!("{found} ({}) met several variants{examples}. {done}.", share(several, units));
    let limit = percent(MOST_IN_SEVERAL_VARIANTS);
    let finding = if several as f64 > most {
        Finding::fail(format!(
            "{found} More than {limit} is too many for either: such units are no random draw, so leaving them out \
             biases what is left, and counting them dilutes every effect. The experiment was probably not assigned by \
             `{}`: set `design.unit` to what was randomised, or mend the assignment.",
            design.unit.value
        ))
    } else {
        Finding::warn(format!(
            "{found} Up to {limit} is reported and tolerated; look for resets and shared devices."
        ))
    };
    Finding { threshold, ..finding }.counting(several.unsigned_abs())
}

/// Clusters in each arm below which a t with their number is still too narrow: Cameron & Miller (2015), section VI.
const FEWEST_CLUSTERS: i64 = 20;

/// Where clusters were randomised, whether there are enough of them.
pub(super) fn clusters(subject: &Subject<'_>) -> Finding {
    let design = &subject.experiment.design;
    let Some(cluster) = &design.cluster else {
        let found =
            format!("Units are what was randomised: each `{}` for itself.", design.unit.value);
        return Finding::pass(found);
    };
    let each = design.arms.iter().map(|arm| (&arm.name, exposed(subject, &arm.name)));
    let said: Vec<String> = each.clone().map(|(arm, n)| format!("{arm} {}", count(n))).collect();
    let fewest = each.map(|(_, n)| n).min().unwrap_or(0);
    let threshold = Some(FEWEST_CLUSTERS as f64);
    let found = format!("What was randomised is `{}`: {} of them", cluster.value, list(&said));
    let finding = if fewest < FEWEST_CLUSTERS {
        Finding::warn(format!(
            "{found}. Below {FEWEST_CLUSTERS} in each arm intervals are too narrow and p-values too small, although they \
             count clusters: randomise more of them, or pair them by what they did before."
        ))
    } else {
        Finding::pass(format!("{found}."))
    };
    Finding { statistic: Some(fewest as f64), threshold, ..finding }
}

/// How the log's counts name rows without a variant.
const NO_VARIANT: &str = "(null)";

fn exposed(subject: &Subject<'_>, arm: &str) -> i64 {
    subject.groups.exposed(arm).map_or(0, |row| row.n)
}

fn is_arm(subject: &Subject<'_>, variant: &str) -> bool {
    subject.experiment.design.arms.iter().any(|arm| arm.name == variant)
}

/// How many variants a message spells out.
const SPELLED_OUT: usize = 10;

fn shown_variants(variants: &BTreeMap<String, u64>) -> String {
    if variants.is_empty() {
        return "no variant at all".to_owned();
    }
    let mut by_rows: Vec<(&String, &u64)> = variants.iter().collect();
    by_rows.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
    let mut said: Vec<String> = by_rows
        .iter()
        .take(SPELLED_OUT)
        .map(|(name, rows)| match &***name {
            NO_VARIANT => format!("no variant ({})", counted(**rows, "row")),
            name => format!("`{name}` ({})", counted(**rows, "row")),
        })
        .collect();
    if by_rows.len() > SPELLED_OUT {
        said.push(format!("{} more", count((by_rows.len() - SPELLED_OUT) as u64)));
    }
    list(&said)
}
