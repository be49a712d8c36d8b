//! Error rates of whole experiments, judged as production judges them: Markdown tables.
//!
//! `cargo run --release -p verdict-sim --example error_rates -- [experiments] [part of a row's name …]`
//!
//! 20,000 experiments without an effect, and a twentieth of that with one, for every method and kind of unit. A row of a
//! method that claims a level and exceeds it by a tenth fails the command. With parts of names only the rows whose
//! names contain one of them are made.

mod case;
mod families;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use case::{DAYS, LOOKS, UNITS};
use verdict_sim::{Rate, Simulation};

/// What a level of 5% may be found to be at most.
const MOST: f64 = 0.055;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let experiments = arguments.next_if(|a| a.parse::<u64>().is_ok());
    let experiments = experiments.map_or(Ok(20_000), |a| a.parse::<u64>())?;
    let parts: Vec<String> = arguments.collect();
    let wanted =
        |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let mut out = io::stdout().lock();
    let mut exceeded = false;
    writeln!(
        out,
        "| units | looks | false positives | 95% interval | power | days, effect | days, none |"
    )?;
    writeln!(out, "| --- | --- | ---: | --- | ---: | ---: | ---: |")?;
    for units in &UNITS {
        for looks in &LOOKS {
            let name = format!("{} | {}", units.name, looks.name);
            if !wanted(&name) {
                continue;
            }
            let clock = Instant::now();
            let none = case::single(units, looks, false, experiments)?;
            told(&mut io::stderr(), &name, &none, clock)?;
            let some = case::single(units, looks, true, (experiments / 20).max(1))?;
            let (level, power) = (&none.tests[0], &some.tests[0]);
            writeln!(
                out,
                "| {name} | {} | {:.1}% | {:.1} | {:.1} |",
                shown(&level.significant),
                100.0 * power.significant.rate,
                power.mean_days,
                level.mean_days,
            )?;
            out.flush()?;
            exceeded |= looks.valid && level.significant.rate > MOST;
        }
    }
    exceeded |= families::table(&mut out, experiments, &wanted)?;
    Ok(if exceeded { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tells how fast it went.
fn told(
    to: &mut impl Write,
    name: &str,
    simulation: &Simulation,
    clock: Instant,
) -> io::Result<()> {
    let (runs, seconds) = (simulation.runs.experiments, clock.elapsed().as_secs_f64());
    let speed = runs as f64 / seconds;
    writeln!(to, "{name}: {runs} experiments of {DAYS} days, {speed:.0} a second")
}

fn shown(rate: &Rate) -> String {
    let [rate, lower, upper] = [rate.rate, rate.lower, rate.upper].map(|x| 100.0 * x);
    format!("{rate:.2}% | {lower:.2}% to {upper:.2}%")
}
