//! Group-sequential designs: bounds for planned looks, what they do, and what is said after stopping.

use serde_json::{Map, Value};

use super::Method;
use super::read::Build;
use super::say::{Said, p_value};
use super::text::significant;
use crate::flags::{Flag, FlagError, Given, flag};

const TYPE: Flag = flag(
    "type",
    "WORD",
    "lan-demets-obf (the default), lan-demets-pocock, obf, pocock, kim-demets, hwang-shih-decani, wang-tsiatis or user",
);
const LOOKS: Flag = flag("looks", "K", "the number of looks, evenly spaced");
const FRACTIONS: Flag = flag(
    "fractions",
    "T1,T2,…",
    "instead: the share of the information at each look, such as 0.25,0.5,1",
);
const PARAM: Flag =
    flag("param", "P", "the parameter of kim-demets, hwang-shih-decani or wang-tsiatis");
const ALPHA: Flag = flag("alpha", "A", "the level in all, 0.05 by default");
const SIDES: Flag = flag("alternative", "WORD", "two-sided (the default) or one-sided");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "group_sequential_bounds",
        title: "How large must z be at each planned look? Spending functions and classical bounds.",
        flags: &[
            TYPE,
            LOOKS,
            FRACTIONS,
            PARAM,
            flag("spent", "A1,A2,…", "user: the alpha spent up to each look"),
            ALPHA,
            SIDES,
        ],
        example: &["--type", "lan-demets-obf", "--looks", "5"],
        build: |given| {
            let build = design(given)?.with("information_fractions", fractions(given)?);
            match given.get("spent") {
                Some(spent) => build.with("cumulative_alpha", spent.numbers()?).done(),
                None => build.done(),
            }
        },
        conclude: |input, output| {
            let sides = if input.get("sides")?.as_u64()? == 1 { "z" } else { "|z|" };
            let bounds = listed(output.get("z")?)?;
            Some(format!("stop when {sides} is at least {bounds}, look by look"))
        },
    },
    Method {
        name: "group_sequential_crossing",
        title: "How often does a design stop, and when? Crossing probabilities of given bounds.",
        flags: &[
            LOOKS,
            FRACTIONS,
            flag("upper", "Z1,Z2,…", "the upper bound of z at each look"),
            flag("lower", "Z1,Z2,…", "the lower bounds; the upper ones mirrored by default"),
            flag("drift", "D", "the mean of z at the last look, 0 (no effect) by default"),
        ],
        example: &["--looks", "2", "--upper", "1.96,1.96"],
        build: |given| {
            let upper = given.need("upper")?.numbers()?;
            let lower = match given.get("lower") {
                Some(lower) => lower.numbers()?,
                None => upper.iter().map(|z| -z).collect(),
            };
            Build::default()
                .with("information_fractions", fractions(given)?)
                .with("upper_z", upper)
                .with("lower_z", lower)
                .number(given, "drift", "drift")?
                .done()
        },
        conclude: |input, output| {
            let said = Said::new(input, output);
            Some(format!(
                "the design stops with probability {}, after {} of the information on average",
                significant(said.number("total")?, 4),
                significant(said.number("expected_information_fraction")?, 3)
            ))
        },
    },
    Method {
        name: "group_sequential_inference",
        title: "What is the effect after a group-sequential test? Stagewise p, adjusted interval and estimate.",
        flags: &[
            TYPE,
            flag(
                "information",
                "I1,I2,…",
                "the planned information at each look: one over the variance of the estimate",
            ),
            flag("z", "Z1,Z2,…", "z at the looks so far"),
            PARAM,
            ALPHA,
            SIDES,
        ],
        example: &[
            "--type",
            "lan-demets-pocock",
            "--information",
            "50,100,150",
            "--z",
            "2.12,3.25",
        ],
        build: |given| {
            design(given)?
                .with("information", given.need("information")?.numbers()?)
                .with("z_observed", given.need("z")?.numbers()?)
                .done()
        },
        conclude: after_stopping,
    },
];

/// Type, parameter, level and sides.
fn design(given: &Given<'_>) -> Result<Build, FlagError> {
    let shape = given.get("type").map_or(Ok("lan_demets_obf"), |word| {
        word.one_of(&[
            ("lan-demets-obf", "lan_demets_obf"),
            ("lan-demets-pocock", "lan_demets_pocock"),
            ("obf", "obf"),
            ("pocock", "pocock"),
            ("kim-demets", "kim_demets"),
            ("hwang-shih-decani", "hwang_shih_decani"),
            ("wang-tsiatis", "wang_tsiatis"),
            ("user", "user"),
        ])
    })?;
    let sides = given
        .get("alternative")
        .map_or(Ok(2), |word| word.one_of(&[("two-sided", 2), ("one-sided", 1)]))?;
    Build::default()
        .with("type", shape)
        .with("sides", sides)
        .number(given, "alpha", "alpha")?
        .number(given, "param", "param")
}

fn fractions(given: &Given<'_>) -> Result<Vec<f64>, FlagError> {
    given.without("looks", &["fractions"])?;
    if let Some(fractions) = given.get("fractions") {
        return fractions.numbers();
    }
    let Some(looks) = given.get("looks") else {
        return Err(FlagError::Missing { flags: "--looks or --fractions".to_owned() });
    };
    match looks.whole()? {
        k @ 1..=200 => Ok((1..=k).map(|i| i as f64 / k as f64).collect()),
        _ => Err(looks.malformed(looks.text, "a number from 1 to 200")),
    }
}

fn after_stopping(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let Some(p) = said.number("p_stagewise") else {
        let repeated = output.get("repeated_p")?.as_array()?.last()?.as_f64()?;
        return Some(format!(
            "not stopped yet; repeated {} at the last look",
            p_value(repeated, None)
        ));
    };
    let (low, high) = said.pair("ci_stagewise")?;
    Some(format!(
        "effect {} (median unbiased), interval {} to {}, stagewise {}",
        significant(said.number("estimate_median_unbiased")?, 4),
        significant(low, 4),
        significant(high, 4),
        p_value(p, None)
    ))
}

/// Three digits after the point, with commas between.
fn listed(values: &Value) -> Option<String> {
    let shown: Vec<String> = values
        .as_array()?
        .iter()
        .map(|z| z.as_f64().map_or_else(|| "infinity".to_owned(), |z| format!("{z:.3}")))
        .collect();
    Some(shown.join(", "))
}
