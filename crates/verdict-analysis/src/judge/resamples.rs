//! Replicates that were drawn once: a look of a watched experiment is looked at again at every look after it, and a control in
//! every comparison.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::methods::MethodError;
use crate::methods::poisson_bootstrap::{Levels, Resampled, UnitTotals, draw, resampled};
use crate::methods::resample::Draws;

/// Is told of how many more draws a bootstrap has made: one is the weight of a distinct total in a replicate.
type Heard<'h> = dyn Fn(u64) + Send + Sync + 'h;

/// What the bootstraps of an experiment have drawn, kept from one as-of date to the next ([`super::judge_with`]).
///
/// It changes no number: replicates are a function of the seed, the group and its totals.
#[derive(Default)]
pub struct Resamples<'h> {
    drawn: Mutex<HashMap<Of, Levels>>,
    heard: Option<Box<Heard<'h>>>,
}

/// What replicates are a function of; of the totals a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Of {
    draws: Draws,
    replicates: u32,
    totals: u64,
    distinct: usize,
}

impl Of {
    fn new(units: UnitTotals<'_>, draws: Draws, replicates: u32) -> Of {
        let mut digest = DefaultHasher::new();
        let bits = |values: &[f64], digest: &mut DefaultHasher| {
            values.iter().for_each(|value| value.to_bits().hash(digest));
        };
        bits(units.x, &mut digest);
        units.y.is_some().hash(&mut digest);
        bits(units.y.unwrap_or_default(), &mut digest);
        units.counts.hash(&mut digest);
        Of { draws, replicates, totals: digest.finish(), distinct: units.x.len() }
    }
}

impl fmt::Debug for Resamples<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resamples").field("heard", &self.heard.is_some()).finish_non_exhaustive()
    }
}

impl<'h> Resamples<'h> {
    /// Nothing drawn so far; `heard` is told of every few hundred thousand draws while they are made.
    #[must_use]
    pub fn heard(heard: impl Fn(u64) + Send + Sync + 'h) -> Resamples<'h> {
        Resamples { drawn: Mutex::default(), heard: Some(Box::new(heard)) }
    }

    /// [`crate::methods::poisson_bootstrap::resample`], drawn once.
    pub(super) fn of(
        &self,
        units: UnitTotals<'_>,
        draws: Draws,
        replicates: u32,
    ) -> Result<Resampled, MethodError> {
        let of = Of::new(units, draws, replicates);
        let known = self.known(&of);
        let levels = match known {
            Some(levels) => levels,
            None => {
                let mut heard = |totals: u64| {
                    if let Some(heard) = &self.heard {
                        heard(totals * u64::from(replicates));
                    }
                };
                let levels = draw(units, draws, replicates, &mut heard)?;
                self.drawn().insert(of, Levels::clone(&levels));
                levels
            }
        };
        resampled(units, levels)
    }

    fn known(&self, of: &Of) -> Option<Levels> {
        self.drawn().get(of).cloned()
    }

    fn drawn(&self) -> std::sync::MutexGuard<'_, HashMap<Of, Levels>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::methods::poisson_bootstrap::resample;

    #[test]
    fn what_is_drawn_is_drawn_once_and_told() {
        let told = AtomicU64::new(0);
        let resamples = Resamples::heard(|draws| {
            told.fetch_add(draws, Ordering::Relaxed);
        });
        let x: Vec<f64> = (0..300).map(f64::from).collect();
        let counts = vec![2; 300];
        let units = UnitTotals { x: &x, y: None, counts: &counts };
        let draws = Draws::named("control");
        let text = |of: Result<Resampled, MethodError>| format!("{:?}", of.unwrap());
        let of = |units, draws, replicates| text(resamples.of(units, draws, replicates));
        let drawn = |units, draws, replicates| text(resample(units, draws, replicates));
        for _ in 0..2 {
            assert_eq!(of(units, draws, 50), drawn(units, draws, 50));
            assert_eq!(told.load(Ordering::Relaxed), 300 * 50);
        }
        // Whatever replicates follow from makes others.
        let (fewer, moved) = (vec![1; 300], x.iter().map(|x| x + 1.0).collect::<Vec<_>>());
        let with_y = UnitTotals { y: Some(&moved), ..units };
        let others = [
            (units, draws.of(1), 50),
            (units, draws, 51),
            (UnitTotals { counts: &fewer, ..units }, draws, 50),
            (UnitTotals { x: &moved, ..units }, draws, 50),
            (with_y, draws, 50),
            (UnitTotals { y: Some(&x), ..with_y }, draws, 50),
        ];
        for (nth, (units, draws, replicates)) in others.into_iter().enumerate() {
            assert_eq!(of(units, draws, replicates), drawn(units, draws, replicates));
            let expected = 300 * (50 * (nth as u64 + 2) + u64::from(nth > 0));
            assert_eq!(told.load(Ordering::Relaxed), expected);
        }
        // A sample that cannot be resampled is told so each time.
        let one = UnitTotals { x: &[1.0], y: None, counts: &[1] };
        assert!(resamples.of(one, draws, 50).is_err());
        assert!(resamples.of(one, draws, 50).is_err());
    }
}
