//! Many experiments, on all cores.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::tally::Tally;
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
        let experiments = runs.experiments.max(1);
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let threads = runs.threads.map_or_else(cores, NonZero::get);
        let threads = threads.min(usize::try_from(experiments).unwrap_or(usize::MAX));
        let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let failed: Mutex<Option<SimError>> = Mutex::new(None);
        let work = || {
            let mut tally = Tally::new(self);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= experiments {
                    return tally;
                }
                match self.trial(runs.seed, number, runs.counted) {
                    Ok(outcome) => tally.add(self, &outcome),
                    Err(error) => {
                        // Numbers are handed out in order, so that whoever fails first in it is at work by now;
                        // the others end with what they have.
                        next.store(experiments, Ordering::Relaxed);
                        let mut failed = failed.lock().unwrap_or_else(|e| e.into_inner());
                        if failed.as_ref().is_none_or(|first| number < number_of(first)) {
                            *failed = Some(error);
                        }
                        return tally;
                    }
                }
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        let tallies: Vec<Tally> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(|e| e.into_inner()) {
            return Err(error);
        }
        let mut total = Tally::new(self);
        tallies.iter().for_each(|tally| total.merge(tally));
        if total.experiments != experiments {
            let reason = "a thread ended before its time".to_owned();
            return Err(SimError::Numbers { number: total.experiments, reason });
        }
        Ok(Simulation::new(self, runs, &total))
    }
}

fn number_of(error: &SimError) -> u64 {
    match error {
        SimError::Numbers { number, .. } => *number,
        _ => 0,
    }
}
