//! Methods of counts: proportions, tables and sample ratios.

use serde_json::{Map, Value};

use super::Method;
use super::read::{
    ALPHA, ALTERNATIVE, Build, CONTROL_ANY, CONTROL_RATE, TREATMENT_ANY, TREATMENT_RATE,
};
use super::say::{Said, Unit, p_value};
use super::text::significant;
use crate::flags::{Flag, FlagError, Given, flag};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "two_proportion_z",
        title: "Do two rates differ? The pooled z test, with Newcombe's and other intervals.",
        flags: &[CONTROL_RATE, TREATMENT_RATE, ALPHA, ALTERNATIVE],
        example: &["--control", "4820/50000", "--treatment", "5140/50000"],
        build: |given| Build::default().rates(given)?.level(given)?.done(),
        conclude: |input, output| Said::new(input, output).difference("ci_newcombe", Unit::Points),
    },
    Method {
        name: "one_proportion_ci",
        title: "In which interval does one rate lie? Wilson's and other intervals.",
        flags: &[flag("rate", "X/N", "X units of N have the outcome"), ALPHA],
        example: &["--rate", "46/10000"],
        build: one_proportion,
        conclude: wilson,
    },
    Method {
        name: "noninferiority",
        title: "Is harm beyond a margin ruled out? Guardrails; with --low and --high, equivalence.",
        flags: &[
            CONTROL_ANY,
            TREATMENT_ANY,
            flag("margin", "M", "how much worse is acceptable, in the metric's unit"),
            flag("relative-margin", "SHARE", "the same as a share of the control, such as 1%"),
            flag("better", "WORD", "higher or lower: which way the metric improves"),
            flag("low", "D", "equivalence: the lowest difference that counts as none"),
            flag("high", "D", "equivalence: the highest difference that counts as none"),
            ALPHA,
        ],
        example: &[
            "--control",
            "mean=250,sd=70,n=5000",
            "--treatment",
            "mean=251,sd=71,n=5000",
            "--margin",
            "5",
            "--better",
            "lower",
        ],
        build: noninferiority,
        conclude: ruled_out,
    },
    Method {
        name: "chi2_tables",
        title: "Are the rows of a table of counts alike? Chi-squared, G, Fisher, Cramér's V.",
        flags: &[Flag {
            name: "row", value: "A,B,…", meaning: "one row of counts", repeats: true
        }],
        example: &["--row", "10,20", "--row", "30,40"],
        build: table,
        conclude: |input, output| {
            let said = Said::new(input, output);
            let (chi2, df) = (said.number("chi2")?, said.number("dof")?);
            let p = p_value(said.number("p")?, said.number("log_p"));
            Some(format!(
                "chi-squared = {} with {df} degrees of freedom, {p}",
                significant(chi2, 4)
            ))
        },
    },
    Method {
        name: "srm",
        title: "Do the variants hold the shares of units that were planned?",
        flags: &[
            flag("counts", "A,B,…", "the units of each variant"),
            flag("weights", "A,B,…", "the planned shares, in any unit; equal by default"),
        ],
        example: &["--counts", "821588,815482", "--weights", "50,50"],
        build: sample_ratio,
        conclude: |input, output| {
            let said = Said::new(input, output);
            let p = p_value(said.number("p")?, said.number("log_p"));
            Some(if said.is("mismatch_at_0.001")? {
                format!(
                    "sample ratio mismatch ({p}, below 0.001): find its cause before anything else is believed"
                )
            } else {
                format!("the counts agree with the planned shares ({p}, not below 0.001)")
            })
        },
    },
];

fn one_proportion(given: &Given<'_>) -> Result<Value, FlagError> {
    let (x, n) = given.need("rate")?.rate()?;
    Build::default().with("x", x).with("n", n).level(given)?.done()
}

fn wilson(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let (low, high) = said.pair("wilson")?;
    let rate = input.get("x")?.as_f64()? / input.get("n")?.as_f64()?;
    let shown = |share: f64| format!("{}%", significant(100.0 * share, 4));
    Some(format!(
        "the rate is {}, {} interval {} to {} (Wilson)",
        shown(rate),
        said.confidence(),
        shown(low),
        shown(high)
    ))
}

fn noninferiority(given: &Given<'_>) -> Result<Value, FlagError> {
    let build = Build::default().level(given)?;
    if given.has("low") || given.has("high") {
        given.without("low", &["margin", "relative-margin", "better"])?;
        return build
            .means(given)?
            .with("kind", "tost_means")
            .with("low", given.need("low")?.number()?)
            .with("upp", given.need("high")?.number()?)
            .done();
    }
    given.without("margin", &["relative-margin"])?;
    let build = match (given.get("margin"), given.get("relative-margin")) {
        (Some(margin), _) => {
            build.with("margin", margin.number()?).with("margin_scale", "absolute")
        }
        (None, Some(margin)) => {
            build.with("margin", margin.number()?).with("margin_scale", "relative")
        }
        (None, None) => {
            return Err(FlagError::Missing { flags: "--margin or --relative-margin".to_owned() });
        }
    };
    let better = given.need("better")?.one_of(&[("higher", "higher"), ("lower", "lower")])?;
    let build = build.with("better", better);
    if given.need("control")?.is_rate() {
        build.rates(given)?.with("kind", "proportions").done()
    } else {
        build.means(given)?.with("kind", "means").done()
    }
}

fn ruled_out(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let p = p_value(said.number("p")?, said.number("log_p"));
    if let Some(equivalent) = said.is("equivalent") {
        let not = if equivalent { "" } else { "not " };
        return Some(format!("equivalence within the limits is {not}shown ({p})"));
    }
    let unit = if said.asked("kind")? == "proportions" { Unit::Points } else { Unit::Own };
    let worst = said.number("worst_case_bound").map_or_else(String::new, |bound| {
        format!(
            "; at worst treatment − control = {} ({} bound)",
            unit.signed(bound),
            said.confidence()
        )
    });
    Some(if said.is("non_inferior")? {
        format!("harm beyond the margin is ruled out ({p}){worst}")
    } else {
        format!("harm beyond the margin is not ruled out ({p}){worst}")
    })
}

fn table(given: &Given<'_>) -> Result<Value, FlagError> {
    let rows: Result<Vec<Vec<u64>>, FlagError> = given.all("row").map(|row| row.wholes()).collect();
    match rows? {
        rows if rows.is_empty() => Err(FlagError::Missing { flags: "--row".to_owned() }),
        rows => Build::default().with("table", rows).done(),
    }
}

fn sample_ratio(given: &Given<'_>) -> Result<Value, FlagError> {
    let counts = given.need("counts")?.wholes()?;
    let weights = match given.get("weights") {
        Some(weights) => weights.numbers()?,
        None => vec![1.0; counts.len()],
    };
    Build::default().with("counts", counts).with("weights", weights).done()
}
