//! Every method answers its own example, and what people mistype is explained.

use super::*;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn file(path: &str) -> Result<String, String> {
    match path {
        "latencies.txt" => Ok((1..=100).map(|i| format!("{i}\n")).collect()),
        path => Err(format!("{path} cannot be read")),
    }
}

fn asked(name: &str, flags: &[&str]) -> Answer {
    ask(name, &words(flags), &file).unwrap_or_else(|error| panic!("{name} {flags:?}: {error}"))
}

fn refused(name: &str, flags: &[&str]) -> String {
    ask(name, &words(flags), &file).expect_err("a fault").to_string()
}

/// The first line of the text.
fn sentence(name: &str, flags: &[&str]) -> String {
    asked(name, flags).text().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn every_method_answers_its_example_and_has_help() {
    let known: Vec<&str> = super::super::methods().collect();
    for method in methods().filter(|method| known.contains(&method.name)) {
        let answer = asked(&method.typed(), method.example);
        let text = answer.text();
        let mut lines = text.lines();
        let sentence = lines.next().expect("a sentence");
        assert!(sentence.len() > 10, "{}: {text}", method.name);
        assert_eq!(lines.next(), Some(""), "{}: a sentence stands first: {text}", method.name);
        assert!(!sentence.contains("NaN"), "{}: {text}", method.name);
        let help = method.help();
        for flag in method.flags {
            assert!(help.contains(&format!("--{} {}", flag.name, flag.value)), "{help}");
        }
        assert_eq!(answer.json()["method"], method.name);
    }
}

#[test]
fn every_method_of_the_machines_has_flags() {
    let with_flags: std::collections::BTreeSet<&str> = methods().map(|m| m.name).collect();
    let known: std::collections::BTreeSet<&str> = super::super::methods().collect();
    assert_eq!(known.difference(&with_flags).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn every_flag_of_a_method_is_read_by_it() {
    // A flag that nothing reads would be accepted and ignored: each is given a value that no reader takes.
    for method in methods() {
        for flag in method.flags {
            let name = method.typed();
            let others: Vec<(String, String)> = example_without(method, flag.name);
            let mut given = vec![(flag.name.to_owned(), "§".to_owned())];
            given.extend(others);
            let alone = method.input(&[(flag.name.to_owned(), "§".to_owned())], &file);
            let beside = method.input(&given, &file);
            let read = [&alone, &beside].into_iter().any(|r| {
                matches!(r, Err(FlagError::Malformed { flag: f, .. } | FlagError::Contradiction { flag: _, other: f }) if f == flag.name)
                    || matches!(r, Err(FlagError::Contradiction { flag: f, .. }) if f == flag.name)
                    || matches!(r, Ok(input) if input.to_string().contains('§'))
            });
            // Read only beside a flag that the example does not have: covered by the tests below.
            let pairs_of_flags = [
                "std-error",
                "high",
                "arm",
                "y",
                "t-opt",
                "control-x",
                "treatment-x",
                "prior-mean",
                "treatment-y",
                "treatment",
                "n-control",
                "resamples",
                "low",
            ];
            assert!(
                read || pairs_of_flags.contains(&flag.name),
                "{name} --{}: {alone:?} {beside:?}",
                flag.name
            );
        }
    }
}

fn example_without(method: &Method, flag: &str) -> Vec<(String, String)> {
    let all = pairs(&words(method.example)).expect("an example of pairs");
    all.into_iter().filter(|(name, _)| name != flag).collect()
}

#[test]
fn two_proportions_in_one_sentence() {
    // z, p and interval of the published example: 3.379112, 0.00072720, (0.00268806, 0.01011194) by Wald.
    let flags = ["--control", "4820/50000", "--treatment", "5140/50000"];
    assert_eq!(
        sentence("two-proportion-z", &flags),
        "treatment − control = +0.64 points, 95% interval +0.269 points to +1.01 points, p = 0.000727 (two-sided)"
    );
    let one_sided = [&flags[..], &["--alternative", "greater", "--alpha", "2.5%"]].concat();
    // Half of the two-sided p, and the lower end of the two-sided 95% interval.
    assert_eq!(
        sentence("two_proportion_z", &one_sided),
        "treatment − control = +0.64 points, at least +0.269 points (97.5% bound), p = 0.000364 (greater)"
    );
}

#[test]
fn means_come_as_summaries_or_values() {
    let from_summary =
        asked("welch-t", &["--control", "mean=2,var=1,n=3", "--treatment", "n=3, mean=5, sd=1"]);
    let from_values = asked("welch-t", &["--control", "1,2,3", "--treatment", "4 5 6"]);
    assert_eq!(from_summary.output, from_values.output);
    // t = 3 / sqrt(2/3) with 4 degrees of freedom.
    assert!(
        (from_values.output["t"].as_f64().expect("t") - 3.0 / (2.0_f64 / 3.0).sqrt()).abs() < 1e-12
    );
    assert_eq!(from_values.output["df"].as_f64(), Some(4.0));
}

#[test]
fn cuped_takes_values_or_moments() {
    let values = [
        "--control-y",
        "1,2,4",
        "--control-x",
        "1,2,3",
        "--treatment-y",
        "2,4,5",
        "--treatment-x",
        "1,2,3",
    ];
    let from_values = asked("cuped", &values);
    // y: means 7/3 and 11/3, x: 2; x: variance 1; cov 1.5 in both arms.
    let moments = "n=3,mean_x=2,var_x=1,var_y=2.3333333333333335,cov=1.5,mean_y=";
    let (c, t) = (format!("{moments}2.3333333333333335"), format!("{moments}3.6666666666666665"));
    let from_moments = asked("cuped", &["--control", &c, "--treatment", &t]);
    for key in ["theta", "diff", "se"] {
        let (a, b) = (from_values.output[key].as_f64(), from_moments.output[key].as_f64());
        assert!((a.expect(key) - b.expect(key)).abs() < 1e-12, "{key}: {a:?} {b:?}");
    }
    assert_eq!(from_values.output["theta"].as_f64(), Some(1.5));
    let fault = refused("cuped", &["--control-y", "1,2", "--control-x", "1,2,3"]);
    assert!(fault.contains("as many values as in --control-y"), "{fault}");
}

#[test]
fn clusters_come_as_cells_or_rows() {
    let cells =
        asked("cluster-robust", &["--cell", "1,0,2,3", "--cell", "2,1,1,4", "--cell", "3,1,1,5"]);
    let rows =
        asked("cluster-robust", &["--cluster", "1,1,2,3", "--arm", "0,0,1,1", "--y", "1,2,4,5"]);
    for key in ["diff", "se_cr1", "n_rows"] {
        assert_eq!(cells.output[key], rows.output[key], "{key}");
    }
    assert_eq!(cells.output["diff"].as_f64(), Some(3.0));
}

#[test]
fn a_guardrail_says_what_is_ruled_out() {
    // D = 1, SE = sqrt(70²/5000 + 71²/5000) = 1.41: T = (1 - 5)/1.41 = -2.84, p = 0.0023.
    let text = sentence(
        "noninferiority",
        &[
            "--control",
            "mean=250,sd=70,n=5000",
            "--treatment",
            "mean=251,sd=71,n=5000",
            "--margin",
            "5",
            "--better",
            "lower",
        ],
    );
    assert!(text.starts_with("harm beyond the margin is ruled out (p = 0.00228); at worst treatment − control = +3.32"), "{text}");
    let rates = [
        "--control",
        "100/1000",
        "--treatment",
        "95/1000",
        "--relative-margin",
        "1%",
        "--better",
        "higher",
    ];
    assert!(
        sentence("noninferiority", &rates).starts_with("harm beyond the margin is not ruled out")
    );
    let same = ["--control", "1,2,3", "--treatment", "1,2,3", "--low", "-9", "--high", "9"];
    // T = ±9 / sqrt(2/3) with 4 degrees of freedom, whose tail has a closed form: 0.00019260.
    assert_eq!(
        sentence("noninferiority", &same),
        "equivalence within the limits is shown (p = 0.000193)"
    );
}

#[test]
fn posteriors_state_their_prior() {
    let gaussian = [
        "--effect",
        "0",
        "--std-error",
        "1",
        "--prior-mean",
        "0",
        "--prior-sd",
        "1",
        "--mde",
        "0.7071067811865476",
    ];
    let answer = asked("bayes-gaussian", &gaussian);
    // Posterior N(0, 1/2): half of it above zero, sf(1) = 0.158655 beyond its standard deviation.
    assert_eq!(answer.output["chance_to_win"].as_f64(), Some(0.5));
    assert!(
        (answer.output["chance_to_win_by_mde"].as_f64().expect("chance")
            - 0.158_655_253_931_457_05)
            .abs()
            < 1e-12
    );
    let rates = ["--control", "20/100", "--treatment", "30/100", "--scale", "absolute"];
    let answer = asked("bayes-gaussian", &rates);
    assert!((answer.output["posterior_mean"].as_f64().expect("mean") - 0.1).abs() < 1e-15);
    let text = sentence(
        "bayes-beta-binomial",
        &["--control", "0/0", "--treatment", "0/0", "--prior", "2,3"],
    );
    assert!(
        text.starts_with("P(treatment better) = 0.5,") && text.ends_with("(prior Beta(2, 3))"),
        "{text}"
    );
}

#[test]
fn sequences_take_rates_summaries_or_the_difference() {
    let of_rates =
        asked("msprt", &["--control", "10/100", "--treatment", "20/100", "--tau", "0.1"]);
    // V = .1 .9 / 100 + .2 .8 / 100 = 0.0025.
    let of_difference = asked(
        "msprt",
        &["--difference", "0.1", "--std-error", "0.05", "--mixing-variance", "0.01"],
    );
    let (a, b) = (of_rates.output["p"].as_f64(), of_difference.output["p"].as_f64());
    assert!((a.expect("p") - b.expect("p")).abs() < 1e-12);
    let one_rate = sentence("confidence-sequences", &["--rate", "50/100", "--t-opt", "100"]);
    assert!(one_rate.starts_with("the rate lies between"), "{one_rate}");
}

#[test]
fn looks_are_planned_evenly_or_by_fractions() {
    let input = |name: &str, flags: &[&str]| {
        let method = method(name).expect("a method");
        method
            .input(&pairs(&words(flags)).expect("pairs"), &file)
            .map_err(|error| error.to_string())
    };
    let even =
        input("group-sequential-bounds", &["--looks", "4", "--type", "kim_demets", "--param", "1"]);
    let fractions = input(
        "group-sequential-bounds",
        &["--fractions", "0.25,0.5,0.75,1", "--type", "kim-demets", "--param", "1"],
    );
    assert_eq!(even, fractions);
    let even = even.expect("an input");
    assert_eq!((even["type"].as_str(), even["sides"].as_u64()), (Some("kim_demets"), Some(2)));
    let user = input(
        "group-sequential-bounds",
        &["--looks", "2", "--type", "user", "--spent", "0.01,0.05"],
    );
    assert_eq!(user.expect("an input")["cumulative_alpha"], json!([0.01, 0.05]));
    let mirrored =
        input("group-sequential-crossing", &["--looks", "2", "--upper", "2,1.5", "--drift", "2.8"]);
    let mirrored = mirrored.expect("an input");
    assert_eq!((&mirrored["lower_z"], &mirrored["drift"]), (&json!([-2.0, -1.5]), &json!(2.8)));
    let after = input(
        "group-sequential-inference",
        &["--information", "50,100", "--z", "2.1", "--alternative", "one-sided"],
    );
    assert_eq!(after.expect("an input")["sides"], 1);
    assert!(
        input("group-sequential-bounds", &["--looks", "0"]).is_err_and(|e| e.contains("1 to 200"))
    );
    assert!(
        input("group-sequential-bounds", &[]).is_err_and(|e| e.contains("--looks or --fractions"))
    );
}

#[test]
fn lists_are_read_from_files() {
    // 100 values, q = 1/2: the ranks of Binomial(101, 1/2) at 2.5% and 97.5% are 41 and 60.
    assert_eq!(
        sentence("quantile-ci", &["--values", "@latencies.txt", "--q", "0.5"]),
        "the 0.5 quantile is 50.5, 95% interval 41 to 60"
    );
    assert_eq!(
        refused("quantile-ci", &["--values", "@none.txt", "--q", "0.5"]),
        "--values @none.txt: none.txt cannot be read"
    );
}

#[test]
fn large_samples_are_permuted_at_random() {
    let many = (0..60).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let flags =
        ["--control", &many, "--treatment", &many, "--resamples", "99", "--statistic", "welch"];
    let answer = asked("permutation", &flags);
    assert!(!answer.output.contains_key("n_permutations"));
    // The observed difference is zero: every labelling is as extreme.
    assert_eq!(answer.output["p_two_sided_abs_mc"].as_f64(), Some(1.0));
    let rule = ["--exceedances", "0", "--resamples", "9999"];
    assert_eq!(sentence("permutation", &rule), "p = 0.0001: (b + 1) / (m + 1)");
}

#[test]
fn weights_split_the_error_of_a_family() {
    let flags = ["--p", "0.045,0.004", "--weights", "9,1"];
    let answer = asked("multiple-testing", &flags);
    // Weighted Bonferroni: 0.045 / 0.9 and 0.004 / 0.1.
    let adjusted: Vec<f64> = answer.output["adj_weighted_bonferroni"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    assert_eq!(adjusted, [0.05, 0.04]);
}

#[test]
fn a_plan_asks_what_its_flags_leave_open() {
    let size = ["--p-control", "3.2%", "--mde-relative", "10%", "--power", "80%"];
    // R power.prop.test and the guide's own code: 49,777.
    assert_eq!(
        sentence("power-proportions", &size),
        "49,777 units in the control and 49,777 in the treatment"
    );
    let power = ["--p-control", "0.5", "--p-treatment", "0.5", "--n-control", "100"];
    // No effect: the power is alpha.
    assert_eq!(sentence("power-proportions", &power), "power 0.05");
    assert!(
        sentence("power-means", &["--sd", "1", "--n-control", "100", "--power", "0.8"])
            .starts_with("differences from 0.396")
    );
    assert!(
        sentence("power-means", &["--sd", "1", "--delta", "0", "--n-control", "100"])
            .starts_with("power 0.05")
    );
}

#[test]
fn faults_name_the_flag_and_the_way_out() {
    let rate = ["--control", "4820/50000"];
    assert_eq!(refused("two-proportion-z", &rate), "--treatment is missing");
    assert_eq!(
        refused("two-proportion-z", &["--kontrol", "1/2"]),
        "`two-proportion-z` has no flag --kontrol (did you mean `--control`?); its flags are --control, --treatment, \
         --alpha and --alternative"
    );
    assert_eq!(
        refused("two-proportion-z", &["--control", "4820 of 50000", "--treatment", "1/2"]),
        "--control 4820 of 50000: successes/units, such as 4820/50000, expected"
    );
    assert!(
        refused("two-proportion", &[])
            .starts_with("there is no method `two-proportion` (did you mean"),
        "near names"
    );
    assert_eq!(
        refused("welch-t", &["--control", "mean=1,sd=1,n=1.5", "--treatment", "1,2"]),
        "--control mean=1,sd=1,n=1.5: mean, sd (or var) and a whole n, such as mean=32.48,sd=8.23,n=10000, expected"
    );
    assert!(
        refused(
            "msprt",
            &["--difference", "1", "--std-error", "1", "--tau", "1", "--mixing-variance", "1"]
        )
        .contains("do not go together")
    );
    assert!(
        refused("bayes-gaussian", &["--effect", "1", "--std-error", "1", "--prior-mean", "1"])
            .contains("--prior-sd")
    );
    // What the method itself refuses comes through in its own words.
    assert!(
        refused("two-proportion-z", &["--control", "5/2", "--treatment", "1/2"])
            .contains("successes among")
    );
}

#[test]
fn a_p_beyond_the_floats_is_a_power_of_ten() {
    let text = sentence(
        "two-proportion-z",
        &["--control", "100000/1000000", "--treatment", "900000/1000000"],
    );
    // z² = 0.64 / (0.25 · 2 / 10⁶): ln p is -z²/2 - ln(z sqrt(2 pi) / 2), and over ln 10 that is -277,951.6.
    assert!(text.contains("p = 10^-277951.6 "), "{text}");
}

#[test]
fn the_overview_has_every_method_once() {
    let overview = overview();
    assert_eq!(overview.lines().count(), methods().count());
    assert!(overview.contains("  srm "), "{overview}");
}
