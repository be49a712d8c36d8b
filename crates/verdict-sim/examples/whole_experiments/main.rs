//! Error rates of whole experiments, judged as production judges them: Markdown tables.
//!
//! `cargo run --release -p verdict-sim --example whole_experiments -- [experiments] [part of a row's name …]`
//!
//! 20,000 experiments without an effect, and a twentieth of that with one, for every method and kind of unit. A row of a
//! method that claims a level and exceeds it by a tenth fails the command. With parts of names only the rows whose
//! names contain one of them are made; `seed=N` makes other experiments. All ways to look at one kind of units look at
//! the same experiments.

mod case;
mod estimates;
mod families;
mod splits;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use case::{DAYS, LOOKS, Looks, UNITS};
use verdict_sim::{Rate, Simulation};

/// What a level of 5% may be found to be at most.
const MOST: f64 = 0.055;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let experiments = arguments.next_if(|a| a.parse::<u64>().is_ok());
    let experiments = experiments.map_or(Ok(20_000), |a| a.parse::<u64>())?;
    let parts: Vec<String> = arguments.collect();
    let seeds = parts.iter().find_map(|part| part.strip_prefix("seed="));
    let seed = seeds.map_or(Ok(case::SEED), str::parse)?;
    let parts: Vec<&String> = parts.iter().filter(|part| !part.starts_with("seed=")).collect();
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
        let name = |looks: &Looks| format!("{} | {}", units.name, looks.name);
        let looks: Vec<Looks> =
            LOOKS.iter().copied().filter(|looks| wanted(&name(looks))).collect();
        if looks.is_empty() {
            continue;
        }
        let clock = Instant::now();
        let none = case::together(units, &looks, false, (experiments, seed))?;
        told(&mut io::stderr(), units.name, &none[0], clock)?;
        let some = case::together(units, &looks, true, ((experiments / 20).max(1), seed))?;
        for ((looks, none), some) in looks.iter().zip(&none).zip(&some) {
            let (level, power) = (&none.tests[0], &some.tests[0]);
            writeln!(
                out,
                "| {} | {} | {:.1}% | {:.1} | {:.1} |",
                name(looks),
                shown(&level.significant),
                100.0 * power.significant.rate,
                power.mean_days,
                level.mean_days,
            )?;
            exceeded |= looks.valid && level.significant.rate > MOST;
        }
        out.flush()?;
    }
    exceeded |= estimates::table(&mut out, experiments, seed, &wanted)?;
    exceeded |= families::table(&mut out, experiments, &wanted)?;
    if wanted(splits::NAME) {
        exceeded |= splits::table(&mut out, experiments)?;
    }
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
