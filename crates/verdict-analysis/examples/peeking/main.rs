//! The cost of daily looks, method by method: a Markdown table of any-look false positives, power and days to a decision.
//!
//! `cargo run --release -p verdict-analysis --example peeking -- [experiments] [world, from 0]`
//!
//! 20,000 experiments without an effect and a fifth of that with one, in each of five worlds, take the better part of an hour.

mod world;

use std::io::{self, Write};

use world::{DAYS, Watcher, World};

const WORLDS: [World; 5] =
    [World::Gaussian, World::Bernoulli, World::ZeroInflated, World::Cumulative, World::Persistent];

/// Lattice points for correlated looks: fewer than in production, to keep the run short.
const POINTS: usize = 2_048;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    let experiments = arguments.next().unwrap_or(20_000);
    let only = arguments.next();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{experiments} experiments without an effect, {} with it, {DAYS} daily looks, nominal 5%\n",
        experiments / 5
    )?;
    writeln!(
        out,
        "| metric | method | false positives, any look | ± 2 s.e. | power | mean days, effect | mean days, none |"
    )?;
    writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: |")?;
    for (at, world) in WORLDS.into_iter().enumerate() {
        if only.is_some_and(|only| only != at as u64) {
            continue;
        }
        let watchers = Watcher::all(world, POINTS);
        // Stops and days, without and with the effect.
        let mut tally = vec![[(0_u64, 0_u64); 2]; watchers.len()];
        for with_effect in [false, true] {
            // Power is no bound to keep: a fifth of the experiments shows it to a percent.
            let runs = if with_effect { experiments / 5 } else { experiments };
            for seed in 0..runs {
                let looks = world.experiment(seed + 1_000_000_007 * at as u64, with_effect);
                for ((_, watcher, _), tally) in watchers.iter().zip(&mut tally) {
                    let (stops, days) = &mut tally[usize::from(with_effect)];
                    let stop = watcher.stops(&looks);
                    *stops += u64::from(stop.is_some());
                    *days += stop.map_or(DAYS, |day| day + 1) as u64;
                }
            }
        }
        for ((name, _, _), [none, effect]) in watchers.iter().zip(&tally) {
            let share = |count: u64, runs: u64| count as f64 / runs as f64;
            let p = share(none.0, experiments);
            writeln!(
                out,
                "| {world:?} | {name} | {:.2}% | {:.2}% | {:.1}% | {:.1} | {:.1} |",
                100.0 * p,
                200.0 * (p * (1.0 - p) / experiments as f64).sqrt(),
                100.0 * share(effect.0, experiments / 5),
                share(effect.1, experiments / 5),
                share(none.1, experiments),
            )?;
        }
        out.flush()?;
    }
    Ok(())
}
