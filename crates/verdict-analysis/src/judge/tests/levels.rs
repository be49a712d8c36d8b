//! Any-look error rates through the whole judge, for totals that keep growing.
//!
//! One judgement at the end tells whether any look has crossed. The long runs are `verdict simulate`'s.

use super::world::{World, after};
use super::*;

/// How many of these experiments cross a boundary at any of the looks, judged on their last day.
fn crossings(world: World, method: SequentialMethod, experiments: u64) -> u64 {
    let crosses = |number: &u64| {
        let case = Case::two_arms("value", "mean")
            .watched(method, world.days)
            .with(world.stats("levels", *number));
        let judged = case.judge_on(after(world.days - 1));
        let row = &judged.results[0];
        assert_eq!(row.status, "ok", "{row:?}");
        assert_eq!(row.increments.as_deref(), Some("units"));
        assert_eq!(row.crossed, Some(row.p_value.expect("a test") <= 0.05));
        row.crossed == Some(true)
    };
    (0..experiments).filter(crosses).count() as u64
}

/// At a level of 5%, 500 experiments cross at most 43 times, and 60 at most 10 times, but for one time in a thousand.
#[test]
fn looking_daily_at_totals_that_grow_keeps_the_level() {
    for own in [0.0, 1.0] {
        let world = World { own, ..World::PLAIN };
        for (method, experiments, most) in [
            (SequentialMethod::Msprt, 500, 43),
            (SequentialMethod::ConfidenceSequence, 500, 43),
            (SequentialMethod::Pocock, 60, 10),
        ] {
            let crossed = crossings(world, method, experiments);
            assert!(crossed <= most, "{method:?}, own means {own}: {crossed} of {experiments}");
        }
    }
}

/// The same experiments by 1.96 on every day: of 500, at 5%, at most 43 would be.
#[test]
fn the_same_looks_taken_one_by_one_do_not() {
    let found = |number: &u64| {
        let case = Case::two_arms("value", "mean").with(World::PLAIN.stats("levels", *number));
        (4..28).any(|day| {
            let judged = case.judge_on(after(day));
            judged.results[0].p_value.is_some_and(|p| p <= 0.05)
        })
    };
    let found = (0..500).filter(found).count();
    assert!(found > 120, "{found} of 500");
}

#[test]
fn an_effect_that_is_there_is_found_before_the_end() {
    let world = World { effect: 0.15, level: 1.0, ..World::PLAIN };
    for method in [SequentialMethod::Msprt, SequentialMethod::ObrienFleming] {
        let case = Case::two_arms("value", "mean")
            .mde(Mde::Relative(0.15))
            .watched(method, world.days)
            .with(world.stats("power", 3));
        let row = &case.judge_on(after(27)).results[0];
        assert!(row.crossed_ds.is_some_and(|ds| ds < after(27)), "{method:?} {row:?}");
    }
}
