//! States of groups that go on from look to look.

use verdict_accum::{
    AccumError, Categories, Distribution, ExactPairs, ExactValues, Moments, Moments1, Moments2,
    Moments4,
};

use crate::render::Held;

/// Moments of one, two or four variables, or a distribution, that take in stored states.
#[derive(Debug)]
pub(crate) enum Running {
    One(Box<Moments1>),
    Two(Box<Moments2>),
    Four(Box<Moments4>),
    Distribution(Box<Distribution>),
    Values(Box<ExactValues>),
    Pairs(Box<ExactPairs>),
    Categories(Box<Categories>),
}

impl Running {
    pub(super) fn new(held: Held) -> Running {
        match held {
            Held::Buckets => Running::Distribution(Box::default()),
            Held::Values(1) => Running::Values(Box::default()),
            Held::Values(_) => Running::Pairs(Box::default()),
            Held::Categories => Running::Categories(Box::default()),
            Held::Moments(1) => Running::One(Box::default()),
            Held::Moments(2) => Running::Two(Box::default()),
            Held::Moments(_) => Running::Four(Box::default()),
        }
    }

    /// Adds, or with the weight -1 takes away, a unit.
    pub(crate) fn push(&mut self, weight: i64, [x, y]: [f64; 2]) -> Result<(), AccumError> {
        match self {
            Running::One(m) => m.push(weight, &[x]),
            Running::Two(m) => m.push(weight, &[x, y]),
            Running::Four(_) => Err(AccumError::State("moments of four variables")),
            Running::Distribution(_)
            | Running::Values(_)
            | Running::Pairs(_)
            | Running::Categories(_) => Err(AccumError::State("a distribution")),
        }
    }

    /// The sum, the mean and the centred second moment of a variable, where it has it.
    pub(crate) fn of(&self, i: usize) -> [Option<f64>; 3] {
        match self {
            Running::One(m) if i == 0 => [m.sum(0), m.mean(0), m.m2(0)],
            Running::One(_) => [None; 3],
            Running::Two(m) => [m.sum(i), m.mean(i), m.m2(i)],
            Running::Four(m) => [m.sum(i), m.mean(i), m.m2(i)],
            Running::Distribution(_)
            | Running::Values(_)
            | Running::Pairs(_)
            | Running::Categories(_) => [None; 3],
        }
    }

    /// The centred co-moment of the first two variables, where there are two.
    pub(crate) fn co(&self) -> Option<f64> {
        match self {
            Running::One(_)
            | Running::Distribution(_)
            | Running::Values(_)
            | Running::Pairs(_)
            | Running::Categories(_) => None,
            Running::Two(m) => m.co(0, 1),
            Running::Four(m) => m.co(0, 1),
        }
    }

    pub(crate) fn n(&self) -> i128 {
        match self {
            Running::One(m) => m.n(),
            Running::Two(m) => m.n(),
            Running::Four(m) => m.n(),
            // Nobody asks: checks look at units' moments alone.
            Running::Distribution(_)
            | Running::Values(_)
            | Running::Pairs(_)
            | Running::Categories(_) => 0,
        }
    }

    pub(super) fn merge(&mut self, state: &[u8]) -> Result<(), AccumError> {
        match self {
            Running::One(m) => m.merge_bytes(state),
            Running::Two(m) => m.merge_bytes(state),
            Running::Four(m) => m.merge_bytes(state),
            Running::Distribution(d) => d.merge_bytes(state),
            Running::Values(v) => v.merge_bytes(state),
            Running::Pairs(v) => v.merge_bytes(state),
            Running::Categories(c) => c.merge_bytes(state),
        }
    }

    /// The moments of (x, x′) over the units that count both before, when the group was this, and now: `left` are those
    /// that left (with the weight −1), `changed` the pairs of those that changed. x are all variables, x′ what the first
    /// `totals` of them were; the others are covariates, which stay as they are.
    pub(super) fn shared(
        &self,
        totals: usize,
        left: Option<&[u8]>,
        changed: Option<&[u8]>,
    ) -> Result<Vec<u8>, AccumError> {
        match (self, totals) {
            (Running::One(before), _) => shared::<1, 1, 2, 3>(before, [0, 0], [1], left, changed),
            (Running::Two(before), 1) => {
                shared::<2, 3, 3, 6>(before, [0, 1, 0], [2, 1], left, changed)
            }
            (Running::Two(before), _) => {
                shared::<2, 3, 4, 10>(before, [0, 1, 0, 1], [2, 3], left, changed)
            }
            (Running::Four(before), 2) => {
                shared::<4, 10, 6, 21>(before, [0, 1, 2, 3, 0, 1], [4, 5, 2, 3], left, changed)
            }
            (Running::Four(_), _) => Err(AccumError::State("a metric of four components")),
            (
                Running::Distribution(_)
                | Running::Values(_)
                | Running::Pairs(_)
                | Running::Categories(_),
                _,
            ) => Err(AccumError::State("distributions have no pairs")),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Running::One(m) => m.to_bytes(),
            Running::Two(m) => m.to_bytes(),
            Running::Four(m) => m.to_bytes(),
            Running::Distribution(d) => d.to_bytes(),
            Running::Values(v) => v.to_bytes(),
            Running::Pairs(v) => v.to_bytes(),
            Running::Categories(c) => c.to_bytes(),
        }
    }
}

const NO_VARIABLE: AccumError = AccumError::State("fewer variables than are asked for");

/// See [`Running::shared`]: `twice` are the variables of x and again of x′ among those of x, `was` those of x′ among both.
fn shared<const K: usize, const P: usize, const J: usize, const Q: usize>(
    before: &Moments<K, P>,
    twice: [usize; J],
    was: [usize; K],
    left: Option<&[u8]>,
    changed: Option<&[u8]>,
) -> Result<Vec<u8>, AccumError> {
    let mut unchanged = before.clone();
    if let Some(left) = left {
        unchanged.merge_bytes(left)?;
    }
    let mut both = Moments::<J, Q>::default();
    if let Some(changed) = changed {
        both.merge_bytes(changed)?;
        unchanged.retract(&both.of_variables(was).ok_or(NO_VARIABLE)?);
    }
    both.merge(&unchanged.of_variables(twice).ok_or(NO_VARIABLE)?);
    Ok(both.to_bytes())
}

/// Two states of one kind, added up.
///
/// # Errors
/// One of them is damaged; no state is kept of so many variables.
pub(crate) fn merged(held: Held, one: &[u8], other: &[u8]) -> Result<Vec<u8>, AccumError> {
    fn both<const K: usize, const P: usize>(
        one: &[u8],
        other: &[u8],
    ) -> Result<Vec<u8>, AccumError> {
        let mut moments = Moments::<K, P>::from_bytes(one)?;
        moments.merge_bytes(other)?;
        Ok(moments.to_bytes())
    }
    match held {
        Held::Moments(1) => both::<1, 1>(one, other),
        Held::Moments(2) => both::<2, 3>(one, other),
        // Pairs of what a unit has and had have more variables than a metric.
        Held::Moments(3) => both::<3, 6>(one, other),
        Held::Moments(4) => both::<4, 10>(one, other),
        Held::Moments(6) => both::<6, 21>(one, other),
        Held::Moments(_) => Err(AccumError::State("moments of so many variables")),
        _ => {
            let mut running = Running::new(held);
            running.merge(one)?;
            running.merge(other)?;
            Ok(running.to_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A unit's x and y on a day; nothing: it does not count.
    type Values = Option<[f64; 2]>;

    /// What two days share is, to the byte, what pairs of values of the units at both make; also where the difference of
    /// two values is no double, and where everybody leaves.
    #[test]
    fn what_two_days_share_is_that_of_the_pairs() {
        let units: [(Values, Values); 8] = [
            (Some([1.0, 0.1]), Some([1e9 + 0.3, 0.1])),
            (Some([1e-9, -7.0]), Some([3.0, 1e17])),
            (Some([0.1, 2.0]), Some([0.1, 2.0])),
            (Some([1e300, 2.5]), Some([1e300, 2.5])),
            (Some([5.0, 0.7]), None),
            (Some([1e-300, 4.0]), None),
            (None, Some([8.0, 1.0])),
            (Some([-2.0, 0.3]), Some([1e-5, 0.3])),
        ];
        for kept in [&units[..], &units[..4], &units[4..7], &units[6..7], &[]] {
            let (mut before, mut left) = (Moments2::default(), Moments2::default());
            let (mut changed, mut wanted) = (Moments4::default(), Moments4::default());
            let (mut before_x, mut left_x) = (Moments1::default(), Moments1::default());
            let (mut changed_x, mut wanted_x) = (Moments2::default(), Moments2::default());
            for (was, is) in kept {
                if let Some([x, y]) = *was {
                    before.push(1, &[x, y]).unwrap();
                    before_x.push(1, &[x]).unwrap();
                }
                match (*was, *is) {
                    (Some([x, y]), None) => {
                        left.push(-1, &[x, y]).unwrap();
                        left_x.push(-1, &[x]).unwrap();
                    }
                    (Some(was), Some(is)) => {
                        let ([x, y], [now_x, now_y]) = (was, is);
                        wanted.push(1, &[now_x, now_y, x, y]).unwrap();
                        wanted_x.push(1, &[now_x, x]).unwrap();
                        if was != is {
                            changed.push(1, &[now_x, now_y, x, y]).unwrap();
                            changed_x.push(1, &[now_x, x]).unwrap();
                        }
                    }
                    (None, _) => {}
                }
            }
            let (left, changed) = (left.to_bytes(), changed.to_bytes());
            let of_two = Running::Two(Box::new(before)).shared(2, Some(&left), Some(&changed));
            assert_eq!(of_two.unwrap(), wanted.to_bytes());
            let (left, changed) = (left_x.to_bytes(), changed_x.to_bytes());
            let of_one = Running::One(Box::new(before_x)).shared(1, Some(&left), Some(&changed));
            assert_eq!(of_one.unwrap(), wanted_x.to_bytes());
        }
        assert_eq!(
            Running::new(Held::Moments(1)).shared(1, None, None).unwrap(),
            Moments2::default().to_bytes()
        );
    }
}
