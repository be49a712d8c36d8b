//! The formulas of planning, one by one. `verdict power` asks the same in one go, and answers in words.

use serde_json::{Map, Value};

use super::Method;
use super::read::Build;
use super::say::Said;
use super::text::significant;
use crate::flags::{Flag, FlagError, Given, flag};

const ALPHA: Flag = flag("alpha", "A", "the level, 0.05 by default");
const SIDES: Flag = flag("alternative", "WORD", "two-sided (the default) or one-sided");
const RATIO: Flag =
    flag("ratio", "K", "units in the treatment for one in the control, 1 by default");
const POWER: Flag =
    flag("power", "P", "the wanted power; asks for the sample size, with --n-control for the MDE");
const N_CONTROL: Flag = flag("n-control", "N", "the units in the control");
const MDE: Flag =
    flag("mde-relative", "SHARE", "sample size: the relative effect to detect, such as 10%");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "power_proportions",
        title: "Sample size, power or detectable effect of two rates (see also `verdict power`).",
        flags: &[
            flag("p-control", "RATE", "the control's rate"),
            MDE,
            flag("p-treatment", "RATE", "power: the treatment's rate"),
            N_CONTROL,
            POWER,
            ALPHA,
            SIDES,
            RATIO,
        ],
        example: &["--p-control", "3.2%", "--mde-relative", "10%", "--power", "80%"],
        build: |given| {
            let build = common(given)?.with("p_control", given.need("p-control")?.number()?);
            task(given, build, "p-treatment", "p_treatment")
        },
        conclude: planned,
    },
    Method {
        name: "power_means",
        title: "Sample size, power or detectable effect of two means (see also `verdict power`).",
        flags: &[
            flag("mean-control", "M", "the control's mean"),
            flag("sd", "S", "the standard deviation of the metric"),
            MDE,
            flag("delta", "D", "power: the difference of the means"),
            N_CONTROL,
            POWER,
            ALPHA,
            SIDES,
            RATIO,
        ],
        example: &[
            "--mean-control",
            "450",
            "--sd",
            "280",
            "--mde-relative",
            "3%",
            "--power",
            "80%",
        ],
        build: |given| {
            let build = common(given)?.with("sd", given.need("sd")?.number()?).number(
                given,
                "mean-control",
                "mean_control",
            )?;
            if given.has("mde-relative") {
                given.need("mean-control")?;
            }
            task(given, build, "delta", "delta")
        },
        conclude: planned,
    },
];

fn common(given: &Given<'_>) -> Result<Build, FlagError> {
    let build =
        Build::default().number(given, "alpha", "alpha")?.number(given, "ratio", "ratio")?;
    Ok(match given.get("alternative") {
        Some(word) => {
            let sides = [("two-sided", "two-sided"), ("one-sided", "one-sided")];
            build.with("alternative", word.one_of(&sides)?)
        }
        None => build,
    })
}

/// What is asked follows from what is given.
fn task(given: &Given<'_>, build: Build, effect: &str, key: &str) -> Result<Value, FlagError> {
    if let Some(value) = given.get(effect) {
        given.without(effect, &["mde-relative", "power"])?;
        return build
            .with("task", "power")
            .with(key, value.number()?)
            .with("n_control", given.need("n-control")?.number()?)
            .done();
    }
    let build = build.with("power", given.need("power")?.number()?);
    if let Some(n) = given.get("n-control") {
        given.without("n-control", &["mde-relative"])?;
        return build.with("task", "mde").with("n_control", n.number()?).done();
    }
    let Some(mde) = given.get("mde-relative") else {
        let flags = format!("--mde-relative, --n-control, or --{effect} with --n-control,");
        return Err(FlagError::Missing { flags });
    };
    build.with("task", "sample_size").with("mde_relative", mde.number()?).done()
}

fn planned(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let units = |n: f64| crate::words::number(n, 0);
    match said.asked("task")? {
        "sample_size" => Some(match said.number("n_control") {
            Some(n) => format!(
                "{} units in the control and {} in the treatment",
                units(n),
                units(said.number("n_treatment")?)
            ),
            None => format!(
                "{} units in the control by the normal approximation, {} by the noncentral t",
                units(said.number("n_control_z")?),
                units(said.number("n_control_t")?)
            ),
        }),
        "power" => {
            let power = said.number("power").or_else(|| said.number("power_t"))?;
            Some(format!("power {}", significant(power, 4)))
        }
        _ => Some(match said.number("mde_absolute_z") {
            Some(mde) => format!("differences from {} on are detected", significant(mde, 4)),
            None => format!(
                "relative effects from {}% on are detected",
                significant(100.0 * said.number("mde_relative_up")?, 3)
            ),
        }),
    }
}
