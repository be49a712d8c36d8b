//! Plans against published figures, the reference values' own, and hand computation.

use super::flags::{help, planned};
use super::*;

fn asked(words: &str) -> Plan {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    planned(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn refused(words: &str) -> String {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    planned(&words).expect_err("a fault").to_string()
}

fn by(plan: &Plan, formula: Formula) -> &Answer {
    plan.answers.iter().find(|answer| answer.formula == formula).expect("an answer")
}

const NORMAL: Formula = Formula::NormalApproximation;
const EXACT_T: Formula = Formula::NoncentralT;
const BINOMIAL: Formula = Formula::ExactBinomial;

fn near(got: f64, want: f64, relative: f64) {
    assert!((got - want).abs() <= relative * want.abs(), "{got} is not {want}");
}

#[test]
fn the_published_plan_of_a_conversion_rate() {
    // power_proportions.json, seed_example_razorpay and power/at_seed_n.
    let plan = asked("--baseline 3.2% --lift 10% --units-per-day 10000");
    let normal = by(&plan, NORMAL);
    assert_eq!((normal.units.as_slice(), normal.total), ([49_777, 49_777].as_slice(), 99_554));
    near(normal.power, 0.800_005_558_395_647_7, 1e-12);
    assert_eq!(normal.days, Some(10.0));
    assert_eq!(plan.request.question, Question::Duration);
    let exact = by(&plan, BINOMIAL);
    assert_eq!(exact.units, normal.units);
    near(exact.power, normal.power, 1e-3);
}

#[test]
fn the_published_plan_of_an_order_value() {
    // power_means.json, seed_example_zomato: 6,753 by the normal formula, 6,753.78 by the noncentral t.
    let plan = asked("--mean 450 --sd 280 --lift 3%");
    assert_eq!(by(&plan, NORMAL).units, [6_753, 6_753]);
    assert_eq!(by(&plan, EXACT_T).units, [6_754, 6_754]);
    assert_eq!(by(&plan, EXACT_T).effect, 13.5);
    assert!(by(&plan, EXACT_T).power >= 0.8);
    // power/p2: the same plan asked the other way round.
    let power = asked("--sd 280 --difference 13.5 --units 13506");
    near(by(&power, EXACT_T).power, 0.799_954_706_328_127_4, 1e-9);
    near(by(&power, NORMAL).power, 0.800_010_490_392_739_7, 1e-12);
    assert_eq!(by(&power, NORMAL).effect_rel, None);
}

#[test]
fn the_smallest_effect_of_given_units() {
    // power_proportions.json, mde/n10000_p10; power_means.json, mde/m1 and mde/ratio_half.
    let rate = asked("--baseline 10% --units 20000");
    assert!(matches!(rate.request.question, Question::Mde { units: 20_000 }));
    near(by(&rate, NORMAL).effect, 0.012_201_025_074_385_252, 1e-9);
    near(by(&rate, NORMAL).effect_down.expect("down"), -0.011_573_434_983_578_965, 1e-9);
    near(by(&rate, NORMAL).power, 0.8, 1e-5);
    let mean = asked("--mean 450 --sd 280 --units 13506");
    near(by(&mean, EXACT_T).effect, 13.500_779_597_933_683, 1e-9);
    near(by(&mean, EXACT_T).effect_rel.expect("relative"), 0.030_001_732_439_852_63, 1e-9);
    near(by(&mean, EXACT_T).power, 0.8, 1e-9);
    let uneven = asked("--mean 5.24 --sd 9 --units 30000 --split 2,1");
    assert_eq!(by(&uneven, NORMAL).units, [20_000, 10_000]);
    near(by(&uneven, EXACT_T).effect, 0.308_819_950_060_650_1, 1e-9);
}

#[test]
fn uneven_splits_plan_for_each_side() {
    // power_proportions.json, ratio_2 and ratio_one_ninth.
    let double = asked("--baseline 10% --lift 5% --split 1,2");
    assert_eq!(by(&double, NORMAL).units, [43_446, 86_892]);
    let ninth = asked("--baseline 5% --lift 10% --split 90,10");
    assert_eq!(by(&ninth, NORMAL).units, [153_873, 17_097]);
    // Of two treatments the smaller decides: the larger one changes nothing but the total.
    let both = asked("--baseline 5% --lift 10% --split 90,10,45 --correction none");
    assert_eq!(by(&both, NORMAL).units, [153_873, 17_097, 76_937]);
}

#[test]
fn several_variants_share_alpha() {
    // Two comparisons at 2.5% each: (2.241402728 + 0.841621234)² 2 / 0.1² = 1901.007 units.
    let plan = asked("--sd 1 --difference 0.1 --variants 3");
    assert_eq!(plan.comparisons, 2);
    assert_eq!(plan.alpha_per_comparison, 0.025);
    assert_eq!(by(&plan, NORMAL).units, [1_902, 1_902, 1_902]);
    let sidak = asked("--sd 1 --difference 0.1 --variants 3 --correction sidak");
    // 1 - sqrt(0.95).
    near(sidak.alpha_per_comparison, 0.025_320_565_519_103_666, 1e-12);
    let none = asked("--sd 1 --difference 0.1 --variants 3 --correction none");
    assert_eq!(none.alpha_per_comparison, 0.05);
    // Metrics multiply the comparisons.
    assert_eq!(asked("--sd 1 --difference 0.1 --variants 3 --metrics 5").comparisons, 10);
}

#[test]
fn one_sided_plans_are_smaller() {
    // power_proportions.json and power_means.json, one_sided.
    let rate = asked("--baseline 3.2% --lift 10% --alternative one-sided");
    assert_eq!(by(&rate, NORMAL).units, [39_209, 39_209]);
    let mean = asked("--mean 450 --sd 280 --lift 3% --alternative one-sided");
    assert_eq!((by(&mean, NORMAL).units[0], by(&mean, EXACT_T).units[0]), (5_320, 5_320));
}

#[test]
fn a_covariate_leaves_one_minus_its_squared_correlation() {
    // 49,776.416 and 6,752.836 units without; 64% of them at a correlation of 0.6.
    let rate = asked("--baseline 3.2% --lift 10% --correlation 0.6");
    assert_eq!(by(&rate, NORMAL).units[0], (49_776.416_322_181_445_f64 * 0.64).ceil() as u64);
    assert_eq!(rate.answers.len(), 1, "no binomial law is left after adjustment");
    let mean = asked("--mean 450 --sd 280 --lift 3% --correlation -0.6");
    assert_eq!(by(&mean, NORMAL).units[0], (6_752.835_897_645_747_f64 * 0.64).ceil() as u64);
    // The detectable effect and the power take it in too.
    let mde = asked("--baseline 10% --units 12800 --correlation 0.6");
    near(by(&mde, NORMAL).effect, 0.012_201_025_074_385_252, 1e-9);
}

#[test]
fn a_ratio_is_planned_by_its_linearised_variance() {
    // r = 0.05; (0.6 - 2 0.05 2.5 + 0.05² 40) / 8² = 0.00703125; 2 7.848880 0.00703125 / 0.005² = 4,415.0 units.
    let plan = asked("--ratio num=0.4,den=8,var_num=0.6,var_den=40,cov=2.5 --lift 10%");
    assert_eq!(by(&plan, NORMAL).units, [4_415, 4_415]);
    assert_eq!(by(&plan, EXACT_T).units, [4_416, 4_416]);
    near(by(&plan, NORMAL).effect, 0.005, 1e-12);
}

#[test]
fn guardrails_plan_for_their_margin() {
    // (1.644853627 + 0.841621234)² 2 0.1 0.9 / 0.01² = 11,128.6 units, one-sided.
    let absolute = asked("--baseline 10% --margin 0.01 --better higher");
    assert_eq!(by(&absolute, NORMAL).units, [11_129, 11_129]);
    // A relative margin of 10% is the same distance, with the control's part of the variance times 0.9²:
    // 11,128.6 (1 + 0.81) / 2 = 10,071.4.
    let relative = asked("--baseline 10% --relative-margin 10% --better higher");
    assert_eq!(by(&relative, NORMAL).units, [10_072, 10_072]);
    // Lower is better: 11,128.6 (1 + 1.21) / 2 = 12,297.1.
    let lower = asked("--baseline 10% --relative-margin 10% --better lower");
    assert_eq!(by(&lower, NORMAL).units, [12_298, 12_298]);
    // Four guardrails are planned with power 95% each and the same alpha: (1.644853627 + 1.644853627)² 2 / 0.1² = 2,164.4.
    let four = asked("--sd 1 --margin 0.1 --better lower --guardrails 4");
    assert_eq!((four.power_per_comparison, four.alpha_per_comparison), (0.95, 0.05));
    assert_eq!(by(&four, NORMAL).units, [2_165, 2_165]);
    // A true harm of half the margin leaves half the distance: four times the units of 1,236.5.
    let harmed = asked("--sd 1 --margin 0.1 --better higher --difference -0.05");
    assert_eq!(by(&harmed, NORMAL).units, [4_947, 4_947]);
}

#[test]
fn the_margin_itself_can_be_asked_for() {
    // (1.644853627 + 0.841621234) sqrt(2 / 10,000) = 0.0351641.
    let plan = asked("--sd 1 --better higher --units 20000");
    near(by(&plan, NORMAL).effect, 0.035_164_064, 1e-7);
    near(by(&plan, NORMAL).power, 0.8, 1e-12);
    // A true effect in the good direction makes room.
    let helped = asked("--sd 1 --better higher --units 20000 --difference 0.01");
    near(by(&helped, NORMAL).effect, 0.025_164_064, 1e-7);
    near(by(&helped, NORMAL).power, 0.8, 1e-12);
}

#[test]
fn days_and_units_are_two_ways_to_say_one_thing() {
    let days = asked("--baseline 10% --lift 12% --days 14 --units-per-day 1000");
    let units = asked("--baseline 10% --lift 12% --units 14000 --units-per-day 1000");
    assert_eq!(days.answers, units.answers);
    assert_eq!(days.answers[0].days, Some(14.0));
    assert!(matches!(days.request.question, Question::Power { units: 14_000 }));
}

#[test]
fn curves_rise_through_the_plan() {
    for words in [
        "--baseline 3.2% --lift 10%",
        "--baseline 50% --lift -10%",
        "--mean 450 --sd 280 --lift 3% --split 80,10,10",
        "--sd 1 --margin 0.1 --better lower",
        "--sd 1 --units 500",
        "--baseline 10% --better higher --units 9000",
    ] {
        let plan = asked(words);
        for (points, of_effect) in [(&plan.power_by_units, false), (&plan.power_by_effect, true)] {
            assert!(points.len() >= 30, "{words}: {} points", points.len());
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "{words}");
            // A decrease: the power falls towards no effect.
            let falls = of_effect && (words.contains("-10%") || words.contains("lower"));
            let monotone = |pair: &[(f64, f64)]| {
                if falls { pair[0].1 + 1e-9 >= pair[1].1 } else { pair[0].1 <= pair[1].1 + 1e-9 }
            };
            assert!(points.windows(2).all(monotone), "{words}: {points:?}");
            assert!(
                points.iter().any(|(_, power)| (*power - plan.power_per_comparison).abs() < 0.02),
                "{words}"
            );
        }
    }
}

#[test]
fn what_cannot_be_planned_is_refused() {
    assert!(refused("--baseline 60% --lift 80%").contains("treatment rate"));
    assert_eq!(refused("--lift 10%"), "--baseline, --sd or --ratio is missing");
    assert_eq!(refused("--baseline 3%"), "--lift or --difference is missing");
    assert_eq!(refused("--mean 4 --lift 1%"), "--sd is missing");
    assert!(refused("--sd 1 --lift 10%").contains("the control's mean is not given"));
    assert!(refused("--sd 1 --difference 0").contains("cannot be reached"));
    assert!(refused("--sd 0 --difference 1").contains("must be positive"));
    assert!(refused("--sd 1 --difference 1 --split 1").contains("split"));
    assert!(refused("--sd 1 --difference 1 --split 1,0").contains("split"));
    assert!(refused("--sd 1 --difference 1 --units 3").contains("at least 2"));
    assert!(refused("--sd 1 --difference 1 --correlation 1").contains("correlation"));
    assert!(refused("--sd 1 --difference 1 --solve duration").contains("--units-per-day"));
    assert!(refused("--sd 1 --difference 1e-9").contains("rescale"));
    assert!(refused("--sd 1 --margin 1").contains("--better"));
    assert!(
        refused("--sd 1 --margin 1 --better lower --difference 2")
            .contains("not within the margin")
    );
    assert!(refused("--baseline 3% --sd 1 --lift 1%").contains("do not go together"));
    assert!(refused("--baseline 3% --lift 1% --variants 1").contains("from 2 to 1000"));
    assert!(refused("--baseline 3% --lfit 1%").contains("did you mean `--lift`?"));
}

#[test]
fn the_text_says_the_plan() {
    let text =
        asked("--baseline 3.2% --lift 10% --units-per-day 10000 --variants 3").text(Chars::Ascii);
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some(
            "A proportion of 3.2%, to detect an effect of +10% (+0.32 points) with power 80% (alpha 5%, two-sided)"
        )
    );
    let header = text.lines().nth(2).expect("a header");
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        [
            "formula",
            "control",
            "treatment",
            "1",
            "treatment",
            "2",
            "total",
            "power",
            "effect",
            "days"
        ]
    );
    assert!(text.contains("normal approximation"), "{text}");
    assert!(text.contains("2 comparisons share alpha: 2.5% each (Bonferroni)."), "{text}");
    assert!(text.contains("  80% |---") && text.contains("units in all"), "{text}");
    assert!(text.is_ascii(), "{text}");
    let mde = asked("--baseline 10% --units 20000").text(Chars::Unicode);
    assert!(
        mde.starts_with(
            "A proportion of 10%: with 20,000 units +12.2% (+1.22 points) or -1.16 points is the smallest effect that \
             is detected with power 80% (alpha 5%, two-sided)"
        ),
        "{mde}"
    );
    let margin =
        asked("--baseline 10% --margin 0.01 --better higher --guardrails 2").text(Chars::Unicode);
    assert!(margin.contains("to show that it is not lower by more than 1 point (the true effect being 0% (0 points))"), "{margin}");
    assert!(margin.contains("2 guardrails must all pass"), "{margin}");
}

#[test]
fn the_json_has_answers_by_formula_and_both_curves() {
    let json = asked("--mean 450 --sd 280 --lift 3%").json();
    assert_eq!(json["question"], "sample_size");
    assert_eq!(json["answers"][0]["formula"], "normal_approximation");
    assert_eq!(json["answers"][0]["units"], serde_json::json!([6753, 6753]));
    assert_eq!(json["answers"][1]["formula"], "noncentral_t");
    assert_eq!(json["answers"][1]["effect_absolute"], 13.5);
    assert!(json["power_by_units"].as_array().is_some_and(|points| points.len() > 30));
    assert!(json["power_by_effect"].as_array().is_some_and(|points| points.len() > 30));
    let guardrail = asked("--baseline 10% --relative-margin 1% --better lower").json();
    assert_eq!(guardrail["objective"]["margin_scale"], "relative");
    assert_eq!(guardrail["sides"], "one-sided");
}

#[test]
fn the_help_names_every_flag() {
    let help = help();
    for flag in flags::FLAGS {
        assert!(help.contains(&format!("--{} {}", flag.name, flag.value)), "{help}");
    }
}
