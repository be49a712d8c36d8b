//! Many experiments, on all cores.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::tally::Tally;
use crate::trial::Outcome;
use crate::world::World;
use crate::{SimError, Simulation};

/// How much is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// How many experiments; at least one.
    pub experiments: u64,
    /// Another seed gives other experiments; the same one the same, whatever the threads.
    pub seed: u64,
    /// Threads; `None`: as many as the machine has cores.
    pub threads: Option<NonZero<usize>>,
    /// What is counted, and how first looks are found.
    pub counted: Counted,
}

/// What is counted, and how first looks are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// Decisions and tests. First looks of sequential methods are found by bisection; without such a method every
    /// look is judged.
    #[default]
    Decisions,
    /// The same, and every look is judged.
    EveryLook,
    /// Tests only: an experiment of which no single look is significant by itself need not be judged further. Many
    /// times faster for group-sequential methods without an effect.
    TestsOnly,
}

impl World {
    /// Repeats the experiment; `progress` is told, from any thread, how many are done.
    ///
    /// # Errors
    /// [`SimError::Numbers`] of the first experiment whose numbers are none.
    pub fn simulate(
        &self,
        runs: Runs,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Simulation, SimError> {
        let mut simulations = World::simulate_together(&[self], runs, progress)?;
        simulations.pop().ok_or_else(ended)
    }

    /// Repeats several experiments: each as [`World::simulate`] does, and where they have the same units, those of the
    /// first, these are drawn only once for all of them.
    ///
    /// # Errors
    /// Those of [`World::simulate`].
    pub fn simulate_together(
        worlds: &[&World],
        runs: Runs,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Simulation>, SimError> {
        let experiments = runs.experiments.max(1);
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let threads = runs.threads.map_or_else(cores, NonZero::get);
        let threads = threads.min(usize::try_from(experiments).unwrap_or(usize::MAX));
        let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let failed: Mutex<Option<SimError>> = Mutex::new(None);
        let work = || {
            let mut tallies: Vec<Tally> = worlds.iter().map(|world| Tally::new(world)).collect();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= experiments {
                    return tallies;
                }
                match outcomes(worlds, runs, number) {
                    Ok(outcomes) => {
                        let all = tallies.iter_mut().zip(worlds).zip(&outcomes);
                        all.for_each(|((tally, world), outcome)| tally.add(world, outcome));
                    }
                    Err(error) => {
                        // Numbers are handed out in order, so that whoever fails first in it is at work by now;
                        // the others end with what they have.
                        next.store(experiments, Ordering::Relaxed);
                        let mut failed = failed.lock().unwrap_or_else(|e| e.into_inner());
                        if failed.as_ref().is_none_or(|first| number < number_of(first)) {
                            *failed = Some(error);
                        }
                        return tallies;
                    }
                }
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        let found: Vec<Vec<Tally>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(|e| e.into_inner()) {
            return Err(error);
        }
        let simulation = |(i, world): (usize, &&World)| {
            let mut total = Tally::new(world);
            found.iter().for_each(|tallies| total.merge(&tallies[i]));
            if total.experiments != experiments {
                return Err(ended());
            }
            Ok(Simulation::new(world, runs, &total))
        };
        worlds.iter().enumerate().map(simulation).collect()
    }
}

/// One experiment in each of the worlds.
fn outcomes(worlds: &[&World], runs: Runs, number: u64) -> Result<Vec<Outcome>, SimError> {
    let Some((first, _)) = worlds.split_first() else { return Ok(Vec::new()) };
    let shared = first.history(runs.seed, number)?;
    let outcome = |world: &&World| {
        if world.has_units_of(first) {
            return Ok(world.trial(&shared, runs.counted));
        }
        Ok(world.trial(&world.history(runs.seed, number)?, runs.counted))
    };
    worlds.iter().map(outcome).collect()
}

fn ended() -> SimError {
    SimError::Numbers { number: 0, reason: "a thread ended before its time".to_owned() }
}

fn number_of(error: &SimError) -> u64 {
    match error {
        SimError::Numbers { number, .. } => *number,
        _ => 0,
    }
}
