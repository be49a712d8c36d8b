//! Units drawn one by one.

use verdict_accum::{AccumError, Moments1, Moments2, Moments4};

use crate::draws::Draws;
use crate::group::{Part, Statistics};

/// Units whose values are complete when they enter.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtEntry {
    one: Moments1,
    two: Moments2,
    last: Statistics,
}

impl AtEntry {
    pub(crate) fn day(
        &mut self,
        parts: &[Part],
        new: u64,
        shared: &[f64],
        draws: &mut Draws,
    ) -> Result<Statistics, AccumError> {
        let entered = self.last.n as usize;
        for unit in entered..entered + new as usize {
            let mut value = |part: &Part| {
                let score = part.shared * common(shared, unit) + part.own * draws.normal();
                part.quantile.value(score)
            };
            match parts {
                [numerator, denominator] => {
                    let x = value(numerator);
                    self.two.push(1, &[x, value(denominator)])?;
                }
                [part, ..] => self.one.push(1, &[value(part)])?,
                [] => {}
            }
        }
        let now = match parts {
            [_, _] => of_two(&self.two),
            _ => Statistics::of_one(&self.one),
        };
        self.last = now.looking_back_at(&self.last);
        Ok(self.last)
    }
}

/// Units that act on every day from the one they enter on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acting {
    /// What each unit has of its own, by part: it persists.
    own: Vec<[f64; 2]>,
    totals: Vec<[f64; 2]>,
}

impl Acting {
    pub(crate) fn day(
        &mut self,
        parts: &[Part],
        any: bool,
        new: u64,
        shared: &[f64],
        draws: &mut Draws,
    ) -> Result<Statistics, AccumError> {
        let before = self.totals.len();
        for unit in before..before + new as usize {
            let mut own = [0.0; 2];
            for (own, part) in own.iter_mut().zip(parts) {
                *own = part.shared * common(shared, unit);
                if part.own > 0.0 {
                    *own += part.own * draws.normal();
                }
            }
            self.own.push(own);
            self.totals.push([0.0; 2]);
        }
        match parts {
            [_, _] => self.act_on_two(parts, before, draws),
            [part, ..] => self.act_on_one(part, any, before, draws),
            [] => Ok(Statistics::default()),
        }
    }

    fn act_on_one(
        &mut self,
        part: &Part,
        any: bool,
        before: usize,
        draws: &mut Draws,
    ) -> Result<Statistics, AccumError> {
        let (mut all, mut both) = (Moments1::default(), Moments2::default());
        for (unit, (total, own)) in self.totals.iter_mut().zip(&self.own).enumerate() {
            let then = total[0];
            let value = act(part, own[0], draws);
            total[0] = if any { then.max(value) } else { then + value };
            all.push(1, &[total[0]])?;
            if unit < before {
                both.push(1, &[total[0], then])?;
            }
        }
        let now = Statistics::of_one(&all);
        Ok(Statistics { n_before: before as u64, co_x_before: both.co(0, 1), ..now })
    }

    fn act_on_two(
        &mut self,
        parts: &[Part],
        before: usize,
        draws: &mut Draws,
    ) -> Result<Statistics, AccumError> {
        let (mut all, mut both) = (Moments2::default(), Moments4::default());
        for (unit, (total, own)) in self.totals.iter_mut().zip(&self.own).enumerate() {
            let [x, y] = *total;
            for ((total, own), part) in total.iter_mut().zip(own).zip(parts) {
                *total += act(part, *own, draws);
            }
            all.push(1, total)?;
            if unit < before {
                both.push(1, &[total[0], total[1], x, y])?;
            }
        }
        let crossed = both.co(0, 3).zip(both.co(1, 2)).map(|(a, b)| 0.5 * (a + b));
        Ok(Statistics {
            n_before: before as u64,
            co_x_before: both.co(0, 2),
            co_y_before: both.co(1, 3),
            co_xy_before: crossed,
            ..of_two(&all)
        })
    }
}

/// What a unit does on a day.
fn act(part: &Part, own: f64, draws: &mut Draws) -> f64 {
    let score = if part.daily > 0.0 { own + part.daily * draws.normal() } else { own };
    part.quantile.value(score)
}

/// What a unit has in common over its metrics; nothing where no metric asks for it.
fn common(shared: &[f64], unit: usize) -> f64 {
    shared.get(unit).copied().unwrap_or(0.0)
}

fn of_two(moments: &Moments2) -> Statistics {
    let some = moments.n() > 0;
    Statistics {
        n: u64::try_from(moments.n()).unwrap_or(0),
        sum_x: moments.sum(0).filter(|_| some),
        mean_x: moments.mean(0),
        m2_x: moments.m2(0),
        sum_y: moments.sum(1).filter(|_| some),
        mean_y: moments.mean(1),
        m2_y: moments.m2(1),
        co_xy: moments.co(0, 1),
        ..Statistics::default()
    }
}
