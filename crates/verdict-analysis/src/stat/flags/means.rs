//! Methods of means, variances and covariances.

use serde_json::{Map, Value, json};

use super::Method;
use super::read::{ALPHA, ALTERNATIVE, Build, CONTROL_MEAN, TREATMENT_MEAN, whole};
use super::say::{Said, Unit, p_value};
use crate::flags::{self, Flag, FlagError, Given, flag};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "welch_t",
        title: "Do two means differ? Welch's t test, with absolute and relative intervals.",
        flags: &[CONTROL_MEAN, TREATMENT_MEAN, ALPHA, ALTERNATIVE],
        example: &[
            "--control",
            "mean=32.48,sd=8.23,n=10000",
            "--treatment",
            "mean=31.91,sd=7.91,n=10000",
        ],
        build: |given| Build::default().means(given)?.level(given)?.done(),
        conclude: difference,
    },
    Method {
        name: "ratio_delta",
        title: "Do two ratios of means differ (clicks per view)? The delta method.",
        flags: &[
            flag(
                "control",
                "n=…,num=…,den=…,var_num=…,var_den=…,cov=…",
                "the control's units, means, variances and covariance of numerator and denominator",
            ),
            flag("treatment", "n=…,…", "the treatment, likewise"),
            ALPHA,
            ALTERNATIVE,
        ],
        example: &[
            "--control",
            "n=10000,num=0.4,den=8,var_num=0.6,var_den=40,cov=2.5",
            "--treatment",
            "n=10000,num=0.42,den=8.1,var_num=0.6,var_den=41,cov=2.6",
        ],
        build: ratio,
        conclude: difference,
    },
    Method {
        name: "cuped",
        title: "Do two means differ, adjusted for the same metric before the experiment (CUPED)?",
        flags: &[
            flag(
                "control",
                "n=…,mean_y=…,mean_x=…,var_y=…,var_x=…,cov=…",
                "the control's moments: y during, x before the experiment",
            ),
            flag("treatment", "n=…,…", "the treatment, likewise"),
            flag("control-y", "1,2,3 | @file", "instead of moments: the control's values of y"),
            flag("control-x", "1,2,3 | @file", "and of x, in the same order"),
            flag("treatment-y", "1,2,3 | @file", "the treatment's values of y"),
            flag("treatment-x", "1,2,3 | @file", "and of x"),
            ALPHA,
            ALTERNATIVE,
        ],
        example: &[
            "--control",
            "n=5000,mean_y=10,mean_x=9,var_y=25,var_x=24,cov=17",
            "--treatment",
            "n=5000,mean_y=10.3,mean_x=9.1,var_y=26,var_x=24,cov=17.5",
        ],
        build: cuped,
        conclude: difference,
    },
    Method {
        name: "cluster_robust",
        title: "Do two means differ when rows come in clusters? Cluster-robust standard errors.",
        flags: &[
            Flag {
                name: "cell",
                value: "CLUSTER,ARM,N,SUM",
                meaning: "one cluster's rows in one arm (0 control, 1 treatment) and their sum",
                repeats: true,
            },
            flag("cluster", "1,1,2 | @file", "instead of cells: the cluster of each row"),
            flag("arm", "0,1,0 | @file", "the arm of each row"),
            flag("y", "1,2,3 | @file", "the outcome of each row"),
            ALPHA,
        ],
        example: &[
            "--cell",
            "1,0,6,13.3",
            "--cell",
            "2,0,4,11.1",
            "--cell",
            "3,1,5,16.2",
            "--cell",
            "4,1,4,13.8",
        ],
        build: clusters,
        conclude: |input, output| {
            let said = Said::new(input, output);
            let effect = Unit::Own.signed(said.number("diff")?);
            let p = p_value(said.number("p_t")?, None);
            let interval = said.interval("ci_t", Unit::Own)?;
            Some(format!("treatment − control = {effect}, {interval}, {p} (two-sided)"))
        },
    },
];

fn difference(input: &Value, output: &Map<String, Value>) -> Option<String> {
    Said::new(input, output).difference("ci", Unit::Own)
}

const RATIO: &str = "n=10000,num=0.4,den=8,var_num=0.6,var_den=40,cov=2.5";

fn ratio(given: &Given<'_>) -> Result<Value, FlagError> {
    let group = |value: flags::Value<'_>| {
        let names = ["n", "num", "den", "var_num", "var_den", "cov"];
        match value.named(names, RATIO)? {
            [Some(n), Some(num), Some(den), Some(var_num), Some(var_den), Some(cov)]
                if whole(n).is_some() =>
            {
                Ok(json!({
                    "n": whole(n), "mean_num": num, "mean_den": den, "var_num": var_num,
                    "var_den": var_den, "cov": cov,
                }))
            }
            _ => Err(value.malformed(value.text, &format!("all of {RATIO}"))),
        }
    };
    Build::default()
        .with("control", group(given.need("control")?)?)
        .with("treatment", group(given.need("treatment")?)?)
        .level(given)?
        .done()
}

const CUPED: &str = "n=5000,mean_y=10,mean_x=9,var_y=25,var_x=24,cov=17";

fn cuped(given: &Given<'_>) -> Result<Value, FlagError> {
    let lists = ["control-y", "control-x", "treatment-y", "treatment-x"];
    let mut build = Build::default().level(given)?;
    for (arm, y, x) in
        [("control", "control-y", "control-x"), ("treatment", "treatment-y", "treatment-x")]
    {
        let group = if given.has(arm) {
            given.without(arm, &lists)?;
            moments(given.need(arm)?)?
        } else if given.has(y) {
            let (y, x) = (given.need(y)?, given.need(x)?);
            let (ys, xs) = (y.numbers()?, x.numbers()?);
            if ys.len() != xs.len() || ys.len() < 2 {
                let expected = format!("as many values as in --{}, two or more,", y.flag);
                return Err(x.malformed(x.text, &expected));
            }
            of_values(&ys, &xs)
        } else {
            return Err(FlagError::Missing { flags: format!("--{arm}, or --{y} with --{x},") });
        };
        build = build.with(arm, group);
    }
    build.done()
}

fn moments(value: flags::Value<'_>) -> Result<Value, FlagError> {
    let names = ["n", "mean_y", "mean_x", "var_y", "var_x", "cov"];
    match value.named(names, CUPED)? {
        [Some(n), Some(mean_y), Some(mean_x), Some(var_y), Some(var_x), Some(cov)]
            if whole(n).is_some() =>
        {
            Ok(json!({
                "n": whole(n), "mean_y": mean_y, "mean_x": mean_x, "var_y": var_y, "var_x": var_x,
                "cov_yx": cov,
            }))
        }
        _ => Err(value.malformed(value.text, &format!("all of {CUPED}"))),
    }
}

/// Means, variances and covariance of pairs, with the values themselves beside them.
fn of_values(y: &[f64], x: &[f64]) -> Value {
    let n = y.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mean_y, mean_x) = (mean(y), mean(x));
    let moment = |a: &[f64], mean_a: f64, b: &[f64], mean_b: f64| {
        a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / (n - 1.0)
    };
    json!({
        "n": y.len(), "mean_y": mean_y, "mean_x": mean_x,
        "var_y": moment(y, mean_y, y, mean_y),
        "var_x": moment(x, mean_x, x, mean_x),
        "cov_yx": moment(y, mean_y, x, mean_x),
        "y": y, "x": x,
    })
}

fn clusters(given: &Given<'_>) -> Result<Value, FlagError> {
    let build = Build::default().level(given)?;
    if !given.has("cell") {
        if !given.has("cluster") {
            let flags = "--cell, or --cluster with --arm and --y,".to_owned();
            return Err(FlagError::Missing { flags });
        }
        return build
            .with("cluster", given.need("cluster")?.wholes()?)
            .with("arm", given.need("arm")?.wholes()?)
            .with("y", given.need("y")?.numbers()?)
            .done();
    }
    given.without("cell", &["cluster", "arm", "y"])?;
    let cells: Result<Vec<Value>, FlagError> = given
        .all("cell")
        .map(|cell| {
            let fault = || cell.malformed(cell.text, "cluster,arm,n,sum, such as 1,0,6,13.3,");
            let numbers = cell.numbers()?;
            let &[cluster, arm, n, sum] = numbers.as_slice() else { return Err(fault()) };
            match (whole(cluster), whole(arm), whole(n)) {
                (Some(cluster), Some(arm), Some(n)) => {
                    Ok(json!({"cluster": cluster, "arm": arm, "n": n, "sum_y": sum}))
                }
                _ => Err(fault()),
            }
        })
        .collect();
    build.with("cells", cells?).done()
}
