//! Categorical metrics: the test, what is too rare for it, and many looks.

use super::*;
use crate::methods::resample::Draws;
use verdict_model::rows::Categories;

/// Units by category of an arm.
fn of(arm: &str, units: &[(&str, i64)]) -> GroupStat {
    GroupStat {
        n: units.iter().map(|(_, n)| n).sum(),
        categories: Some(Categories {
            category: units.iter().map(|(name, _)| (*name).to_owned()).collect(),
            count: units.iter().map(|(_, n)| *n).collect(),
        }),
        ..empty("way", "categorical", arm)
    }
}

fn case(control: &[(&str, i64)], treatment: &[(&str, i64)]) -> Case {
    let n = [control, treatment].map(|units| units.iter().map(|(_, n)| n).sum());
    let rates = ["control", "treatment"]
        .into_iter()
        .zip(n)
        .map(|(arm, n)| proportion("clicks", arm, n / 2, n));
    Case::two_arms("clicks", "proportion")
        .secondary("way", "categorical")
        .exposed(&n)
        .with(rates.collect::<Vec<_>>())
        .with([of("control", control), of("treatment", treatment)])
}

/// SciPy's `chi2_contingency([[120, 90, 40], [110, 105, 35]])`; V is the root of the statistic over 500 units.
#[test]
fn shares_are_compared_by_chi_squared() {
    let control = [("bank", 40), ("card", 120), ("cash", 90)];
    let row = case(&control, &[("bank", 35), ("card", 110), ("cash", 105)]).row("way");
    assert_eq!((&*row.status, row.method.as_deref()), ("ok", Some("chi_squared_homogeneity")));
    close(row.statistic, 1.921_962_095_875_139_3, 1e-12);
    close(row.p_value, 0.382_517_433_897_372_25, 1e-12);
    close(row.categories.cramers_v, 0.061_999_388_640_133_206, 1e-12);
    assert_eq!((row.df, row.effect, row.mean_control), (Some(2.0), None, None));
    assert_eq!(row.rel_effect_reason.as_deref(), Some("no_lift_of_categories"));
    // Those with the most units first.
    assert_eq!(
        row.categories.category.as_deref(),
        Some(&["card", "cash", "bank"].map(str::to_owned)[..])
    );
    assert_eq!(row.categories.category_count_control, Some(vec![120, 90, 40]));
    assert_eq!(crate::words::levels(&row).0, "");
    assert_eq!(crate::words::shares(&row)[0].control, "48.00%");
    assert_eq!(crate::words::lift(&row), "V 0.062");
}

/// Of even arms 9 units are 4.5 expected ones: too few alone. Together with another 4 they are 6.5.
#[test]
fn what_is_rare_is_compared_together() {
    let control = [("a", 50), ("b", 50), ("c", 5), ("d", 3)];
    let row = case(&control, &[("a", 40), ("b", 63), ("c", 4), ("e", 1)]).row("way");
    let names = ["b", "a", "(other)"].map(str::to_owned);
    assert_eq!(row.categories.category.as_deref(), Some(&names[..]));
    assert_eq!(row.categories.category_count_control, Some(vec![50, 50, 8]));
    assert_eq!(row.categories.category_count_variant, Some(vec![63, 40, 5]));
    assert_eq!(row.df, Some(2.0));
    // What is rare together takes the next rarest in.
    let row = case(&[("a", 50), ("b", 12), ("c", 1)], &[("a", 51), ("b", 11), ("d", 1)]).row("way");
    assert_eq!(row.categories.category_count_control, Some(vec![50, 13]));
    for (control, treatment, reason) in [
        (&[("a", 50)][..], &[("a", 60)][..], "zero_variance"),
        (&[("a", 2), ("b", 3)], &[("a", 1), ("b", 3)], "too_few_units"),
    ] {
        let row = case(control, treatment).row("way");
        assert_eq!((&*row.status, row.reason.as_deref()), ("insufficient", Some(reason)));
    }
    let mut damaged = case(&[("a", 50), ("b", 12)], &[("a", 51), ("b", 11)]);
    damaged.stats.iter_mut().filter(|row| row.metric == "way").for_each(|row| row.n += 1);
    assert_eq!(damaged.row("way").reason.as_deref(), Some("statistics_invalid"));
}

/// Ten units of the control have no row, and so no category: they are counted as exposed, and in no share.
#[test]
fn units_without_a_category_are_no_contradiction() {
    let mut case = case(&[("a", 50), ("b", 12)], &[("a", 51), ("b", 11)]);
    let own = case.stats.iter_mut().find(|row| row.metric == "way" && row.variant == "control");
    let own = own.expect("a row");
    *own = GroupStat { ds: own.ds, ..of("control", &[("a", 42), ("b", 10)]) };
    let check = case.check("conservation_units");
    assert_eq!(check.status, "pass", "{}", check.message);
    assert_eq!(case.row("way").categories.category_count_control, Some(vec![42, 10]));
}

/// Two looks of four: the smaller p counts four times.
#[test]
fn looks_share_the_level() {
    let tables = [[(60, 40), (40, 60)], [(130, 120), (110, 140)]];
    let mut case = Case::two_arms("clicks", "proportion")
        .secondary("way", "categorical")
        .watched(SequentialMethod::ObrienFleming, 4);
    for (day, arms) in (0..).zip(tables) {
        for (arm, (a, b)) in ["control", "treatment"].into_iter().zip(arms) {
            let ds = world::after(day);
            case = case.with([
                GroupStat { ds, ..exposed(arm, a + b, 0) },
                GroupStat { ds, ..of(arm, &[("a", a), ("b", b)]) },
            ]);
        }
    }
    let row = case
        .judge_on(world::after(1))
        .results
        .into_iter()
        .find(|row| row.metric == "way")
        .expect("a row");
    // 100 in each arm, 60 against 40: z² = 0.2² / (0.5 · 0.5 · 2/100) = 8, p = 0.004678.
    let p = crate::methods::special::chi2_sf(8.0, 1.0);
    close(row.p_value, 4.0 * p, 1e-9);
    assert_eq!(row.looks_used, Some(2));
    // The statistic shown is that of the latest look: 20/250 apart, 0.48 pooled.
    close(row.statistic, 0.08 * 0.08 / (0.48 * 0.52 * 2.0 / 250.0), 1e-9);
}

/// 400 experiments without a difference, in three unequal categories, looked at once and on each of 10 planned days: at 5% more
/// than 31 have a chance below 1 in 300 (binomial), and over looks there are fewer.
#[test]
fn arms_that_choose_alike_are_seldom_told_apart() {
    let mut found = [0, 0];
    for seed in 0..400_u64 {
        let draws = Draws::named(&format!("categories {seed}"));
        let mut case = Case::two_arms("clicks", "proportion")
            .secondary("way", "categorical")
            .watched(SequentialMethod::Msprt, 10);
        let mut units = [[0_i64; 3]; 2];
        for day in 0..10_u32 {
            for (arm, name) in ["control", "treatment"].into_iter().enumerate() {
                for unit in 0..60_u64 {
                    let u = draws.unit(u64::from(day) * 60 + unit, arm as u64);
                    units[arm][usize::from(u > 0.6) + usize::from(u > 0.9)] += 1;
                }
                let [a, b, c] = units[arm];
                let ds = world::after(day);
                case = case.with([GroupStat { ds, ..of(name, &[("a", a), ("b", b), ("c", c)]) }]);
            }
        }
        let way = |case: &Case| {
            let types = case.types.clone();
            let rows =
                crate::judge::judge_results(&case.experiment, &types, world::after(9), &case.stats);
            rows.into_iter()
                .find(|row| row.metric == "way")
                .and_then(|row| row.p_value)
                .expect("a p")
        };
        found[0] += usize::from(way(&case) <= 0.05);
        case.experiment.settings.sequential = SequentialMethod::None;
        found[1] += usize::from(way(&case) <= 0.05);
    }
    assert!(found[0] <= 31 && (8..=31).contains(&found[1]), "{found:?}");
}
