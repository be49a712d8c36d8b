//! Several variants, metrics and guardrails: the levels of families.

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use verdict_model::Role;
use verdict_sim::{Counted, Rate};

use crate::case::{self, LOOKS, Looks};
use crate::{MOST, shown, told};

/// The methods of the table of families. A spending method makes the boundary of every comparison anew at each look, and its
/// p-values by some five boundaries each: with eighteen comparisons and 28 looks that is a second of CPU time an
/// experiment, with four looks a fiftieth of it.
const FAMILY_LOOKS: [Looks; 5] = [
    LOOKS[1],
    LOOKS[2],
    Looks {
        name: "`obrien_fleming`, weekly",
        settings: ", sequential_method: obrien_fleming, look_every_days: 7, max_duration_days: 28",
        valid: true,
    },
    Looks {
        name: "`pocock`, weekly",
        settings: ", sequential_method: pocock, look_every_days: 7, max_duration_days: 28",
        valid: true,
    },
    LOOKS[5],
];

/// Four variants, one primary metric, two secondary ones, three guardrails; every unit's metrics are correlated.
const METRICS: &str = "primary: {name: m, mde_absolute: 0.2}
    secondary: [{name: m2}, {name: m3}]
    guardrails: [{name: g1}, {name: g2}, {name: g3}]";
const VARIANTS: &str = "[control, a, b, c]";
const UNITS: &str = "units_per_day: 200
metrics:
  m: {distribution: gaussian, mean: 10, sd: 1, shared: 0.5}
  m2: {distribution: gaussian, mean: 10, sd: 1, shared: 0.5}
  m3: {distribution: poisson, mean: 3, shared: 0.5}
  g1: {distribution: gaussian, mean: 10, sd: 1, shared: 0.5}
  g2: {distribution: gaussian, mean: 10, sd: 1, shared: 0.2}
  g3: {distribution: poisson, mean: 5, shared: 0.5}";
const AUTO_STOP: &str = ", auto_stop_on_violation: true";

/// Whether a family exceeds its level by more than a tenth.
pub(crate) fn table(
    out: &mut impl Write,
    experiments: u64,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<bool, Box<dyn Error>> {
    let mut exceeded = false;
    writeln!(out, "\n| experiment | looks | what | rate | 95% interval |")?;
    writeln!(out, "| --- | --- | --- | ---: | --- |")?;
    for looks in &FAMILY_LOOKS {
        let mut row = |experiment: &str, what: &str, rate: &Rate| -> io::Result<()> {
            exceeded |= rate.rate > MOST;
            writeln!(out, "| {experiment} | {} | {what} | {} |", looks.name, shown(rate))?;
            out.flush()
        };
        let name = "three variants, no effect";
        if wanted(&format!("{name} | {}", looks.name)) {
            let clock = Instant::now();
            let found = case::simulate(
                METRICS,
                VARIANTS,
                looks,
                AUTO_STOP,
                UNITS,
                &[],
                (experiments, Counted::Decisions),
            )?;
            told(&mut io::stderr(), name, &found, clock)?;
            for family in &found.families {
                let Some(rate) = &family.any_false else { continue };
                let what = match family.role {
                    Role::Primary => "primary significant in any variant",
                    Role::Guardrail => "any guardrail violated in any variant",
                    Role::Secondary => "any secondary metric significant in any variant",
                };
                row(name, what, rate)?;
            }
            let ships = found.variants.iter().map(|variant| variant.rate("ship").count).sum();
            let stops = found.variants.iter().map(|variant| variant.rate("stop_guardrail").count);
            let of = found.runs.experiments;
            row(name, "`ship` (per variant)", &Rate::new(ships, of * found.variants.len() as u64))?;
            let stops = Rate::new(stops.sum(), of * found.variants.len() as u64);
            row(name, "`stop_guardrail` (per variant)", &stops)?;
        }
        let name = "one of three variants better, the others not";
        if wanted(&format!("{name} | {}", looks.name)) {
            let effects = ["a:m=+0.2", "a:m2=+0.2"];
            let found = case::simulate(
                METRICS,
                VARIANTS,
                looks,
                AUTO_STOP,
                UNITS,
                &effects,
                (experiments, Counted::TestsOnly),
            )?;
            for family in &found.families {
                let Some(rate) =
                    family.any_false.as_ref().filter(|_| family.role != Role::Secondary)
                else {
                    continue;
                };
                let what = format!("any false {} finding", family.role.word());
                row(name, &what, rate)?;
            }
        }
        let name = "a guardrail worse by exactly its margin";
        if wanted(&format!("{name} | {}", looks.name)) {
            let metrics = "primary: {name: m, mde_absolute: 0.2}
    guardrails: [{name: g1, margin_absolute: 0.1}]";
            let units = UNITS.replace("units_per_day: 200", "units_per_day: 100");
            let effects = ["g1=-0.1"];
            let found = case::simulate(
                metrics,
                "[control, treatment]",
                looks,
                AUTO_STOP,
                &units,
                &effects,
                (experiments, Counted::TestsOnly),
            )?;
            for test in found.tests_of("g1") {
                row(name, "non-inferiority passed", &test.significant)?;
            }
        }
    }
    Ok(exceeded)
}
