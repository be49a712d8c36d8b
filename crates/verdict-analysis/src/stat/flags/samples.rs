//! Methods of the values themselves.

use serde_json::{Map, Value};

use super::Method;
use super::read::{ALPHA, ALTERNATIVE, Build, CONTROL_LIST, TREATMENT_LIST};
use super::say::{Said, Unit, p_value};
use super::text::significant;
use crate::flags::{Flag, FlagError, Given, flag};

const VALUES: Flag = flag("values", "1,2,3 | @file", "the values of one sample");
const QUANTILE: Flag = flag("q", "Q", "the quantile, 0.5 for the median");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "mann_whitney",
        title: "Are the treatment's values larger? Mann-Whitney, with the probability of superiority.",
        flags: &[CONTROL_LIST, TREATMENT_LIST, ALTERNATIVE],
        example: &["--control", "1,2,3,4", "--treatment", "3,5,6,7,8"],
        build: |given| lists(given)?.level(given)?.done(),
        conclude: |input, output| {
            let said = Said::new(input, output);
            let stem = said.alternative().replace('-', "_");
            // Exact where there are no ties and few values.
            let exact = said.number(&format!("p_{stem}_exact"));
            let p = exact.or_else(|| said.number(&format!("p_{stem}_cc")))?;
            let how = if exact.is_some() { "exact" } else { "with continuity correction" };
            Some(format!(
                "a treatment value is the larger one with probability {}, {} ({}, {how})",
                significant(said.number("common_language")?, 3),
                p_value(p, None),
                said.alternative()
            ))
        },
    },
    Method {
        name: "permutation",
        title: "Are two samples from one distribution? A permutation test.",
        flags: &[
            CONTROL_LIST,
            TREATMENT_LIST,
            flag(
                "statistic",
                "WORD",
                "difference of the mean (the default) or the median, or welch (studentised)",
            ),
            flag("exceedances", "B", "instead of values: b of m labellings as extreme"),
            flag("resamples", "M", "the number of random labellings, 9999 by default"),
            ALTERNATIVE,
        ],
        example: &["--control", "1,2,3,4", "--treatment", "3,5,6,7,8"],
        build: permutation,
        conclude: permuted,
    },
    Method {
        name: "bootstrap_ci",
        title: "In which interval does a statistic lie? Percentile and BCa bootstrap.",
        flags: &[
            VALUES,
            CONTROL_LIST,
            TREATMENT_LIST,
            flag(
                "statistic",
                "WORD",
                "mean (the default), median, p90 (one sample), relative (two samples)",
            ),
            flag("resamples", "B", "the number of replicates, 10000 by default"),
            ALPHA,
        ],
        example: &["--values", "3,1,4,1,5,9,2,6,5,3,5", "--statistic", "median"],
        build: bootstrap,
        conclude: |input, output| {
            let said = Said::new(input, output);
            let (key, how) = match said.pair("ci_bca") {
                Some(_) => ("ci_bca", "BCa"),
                None => ("ci_percentile", "percentile"),
            };
            let (low, high) = said.pair(key)?;
            Some(format!(
                "{} = {}, {} interval {} to {} ({how} bootstrap)",
                said.asked("statistic")?,
                significant(said.number("statistic")?, 4),
                said.confidence(),
                significant(low, 4),
                significant(high, 4)
            ))
        },
    },
    Method {
        name: "quantile_ci",
        title: "In which interval does a quantile, or a difference of quantiles, lie?",
        flags: &[
            VALUES,
            CONTROL_LIST,
            TREATMENT_LIST,
            flag("n", "N", "instead of values: the ranks for a sample of this size"),
            QUANTILE,
            ALPHA,
        ],
        example: &["--values", "@latencies.txt", "--q", "0.9"],
        build: quantiles,
        conclude: quantile_said,
    },
    Method {
        name: "winsorize_quantiles",
        title: "The quantiles of a sample by every definition, and its values clipped at two of them.",
        flags: &[
            VALUES,
            flag("lower", "Q", "the lower quantile, 0 by default"),
            flag("upper", "Q", "the upper quantile, 0.99 by default"),
        ],
        example: &["--values", "1,2,3,4,5,6,7,8,9,100", "--upper", "0.9"],
        build: |given| {
            let number =
                |flag: &str, default: f64| given.get(flag).map_or(Ok(default), |v| v.number());
            Build::default()
                .with("x", given.need("values")?.numbers()?)
                .with("lower", number("lower", 0.0)?)
                .with("upper", number("upper", 0.99)?)
                .done()
        },
        conclude: |input, output| {
            let said = Said::new(input, output);
            Some(format!(
                "{} values clipped below and {} above; the mean of the rest with the clipped is {}",
                said.number("n_clipped_low")?,
                said.number("n_clipped_high")?,
                significant(said.number("winsorized_mean")?, 5)
            ))
        },
    },
];

fn lists(given: &Given<'_>) -> Result<Build, FlagError> {
    Ok(Build::default()
        .with("control", given.need("control")?.numbers()?)
        .with("treatment", given.need("treatment")?.numbers()?))
}

fn permutation(given: &Given<'_>) -> Result<Value, FlagError> {
    if let Some(exceedances) = given.get("exceedances") {
        given.without("exceedances", &["control", "treatment", "statistic"])?;
        return Build::default()
            .with("kind", "rule")
            .with("exceedances", exceedances.whole()?)
            .with("resamples", given.need("resamples")?.whole()?)
            .done();
    }
    let statistic = match given.get("statistic") {
        Some(word) => word.one_of(&[("mean", "mean"), ("median", "median"), ("welch", "welch")])?,
        None => "mean",
    };
    let build = lists(given)?.level(given)?.with("kind", "exact").with("statistic", statistic);
    match given.get("resamples") {
        Some(resamples) => build.with("resamples", resamples.whole()?).done(),
        None => build.done(),
    }
}

fn permuted(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    if let Some(p) = said.number("p") {
        return Some(format!("{}: (b + 1) / (m + 1)", p_value(p, None)));
    }
    let (exact, random) = match said.alternative() {
        "greater" => ("p_greater", "p_greater_mc"),
        "less" => ("p_less", "p_less_mc"),
        _ => ("p_two_sided_abs", "p_two_sided_abs_mc"),
    };
    let (p, how) = match said.number(exact) {
        Some(p) => (p, "every labelling counted"),
        None => (said.number(random)?, "random labellings"),
    };
    Some(format!(
        "observed {} {}, {} ({}, {how})",
        said.asked("statistic")?,
        Unit::Own.signed(said.number("observed")?),
        p_value(p, None),
        said.alternative()
    ))
}

fn bootstrap(given: &Given<'_>) -> Result<Value, FlagError> {
    let word = given.get("statistic");
    let (samples, statistic) = if given.has("values") {
        given.without("values", &["control", "treatment"])?;
        let statistic = match word {
            None => "mean".to_owned(),
            Some(word) => match word.text.strip_prefix('p').and_then(|p| p.parse::<f64>().ok()) {
                Some(p) if p > 0.0 && p < 100.0 => format!("quantile_linear_{}", p / 100.0),
                _ => word
                    .one_of(&[("mean", "mean"), ("median", "median"), ("p90", "p90")])?
                    .to_owned(),
            },
        };
        (vec![given.need("values")?.numbers()?], statistic)
    } else if given.has("control") {
        let statistic = word.map_or(Ok("mean(treatment)-mean(control)"), |word| {
            word.one_of(&[
                ("mean", "mean(treatment)-mean(control)"),
                ("median", "median(treatment)-median(control)"),
                ("relative", "mean(treatment)/mean(control)-1"),
            ])
        })?;
        let samples = vec![given.need("control")?.numbers()?, given.need("treatment")?.numbers()?];
        (samples, statistic.to_owned())
    } else {
        let flags = "--values, or --control with --treatment,".to_owned();
        return Err(FlagError::Missing { flags });
    };
    let build =
        Build::default().with("samples", samples).with("statistic", statistic).level(given)?;
    match given.get("resamples") {
        Some(resamples) => build.with("resamples", resamples.whole()?).done(),
        None => build.done(),
    }
}

fn quantiles(given: &Given<'_>) -> Result<Value, FlagError> {
    let build = Build::default().with("q", given.need("q")?.number()?).level(given)?;
    if given.has("values") {
        given.without("values", &["control", "treatment", "n"])?;
        build.with("kind", "one_sample").with("x", given.need("values")?.numbers()?).done()
    } else if given.has("control") {
        given.without("control", &["n"])?;
        build
            .with("kind", "two_sample")
            .with("control", given.need("control")?.numbers()?)
            .with("treatment", given.need("treatment")?.numbers()?)
            .done()
    } else if let Some(n) = given.get("n") {
        build.with("kind", "ranks").with("n", n.whole()?).done()
    } else {
        let flags = "--values, --control with --treatment, or --n".to_owned();
        Err(FlagError::Missing { flags })
    }
}

fn quantile_said(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let q = input.get("q")?.as_f64()?;
    let confidence = said.confidence();
    match said.asked("kind")? {
        "one_sample" => {
            let (low, high) = said.pair("ci_bootstrap_closed_form")?;
            Some(format!(
                "the {q} quantile is {}, {confidence} interval {} to {}",
                significant(said.number("quantile_linear")?, 5),
                significant(low, 5),
                significant(high, 5)
            ))
        }
        "two_sample" => {
            let (low, high) = said.pair("ci")?;
            Some(format!(
                "treatment − control of the {q} quantile = {}, {confidence} interval {} to {}, {} (two-sided)",
                Unit::Own.signed(said.number("diff_quantile_linear")?),
                Unit::Own.signed(low),
                Unit::Own.signed(high),
                p_value(said.number("p_two_sided")?, None)
            ))
        }
        _ => Some(format!(
            "the {confidence} interval of the {q} quantile ends at the values of ranks {} and {}",
            said.number("lower_rank")?,
            said.number("upper_rank")?
        )),
    }
}
