//! One day: what units do on it.

use crate::draws::{Draws, Purpose};
use crate::unit::{Assignments, Unit, WEB};
use crate::{Plant, Quantity, Spec};

const DAY_US: i64 = 86_400_000_000;
/// Within how long a session's events follow, in microseconds.
const SESSION_US: f64 = 4.0 * 3.6e9;
/// The share of later days on which an exposure is logged again.
const LOGGED_AGAIN: f64 = 0.25;

/// The kinds of events.
pub(crate) const KINDS: [&str; 5] = ["view", "search", "click", "order", "latency"];
const VIEW: u8 = 0;
const SEARCH: u8 = 1;
const CLICK: u8 = 2;
const ORDER: u8 = 3;
const LATENCY: u8 = 4;

const P_SEARCH: f64 = 0.15;
const P_CLICK: f64 = 0.12;
const P_ORDER: f64 = 0.02;
const P_LATENCY: f64 = 0.09;
/// No unit orders with more than this share of its events.
const MOST_ORDERS: f64 = 0.25;

/// A row of the event log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// Microseconds since 1970.
    pub(crate) ts: i64,
    pub(crate) unit: u64,
    pub(crate) kind: u8,
    pub(crate) amount: Option<f64>,
    pub(crate) platform: u8,
    pub(crate) country: u8,
}

/// A row of the exposure log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposure {
    pub(crate) ts: i64,
    pub(crate) unit: u64,
    pub(crate) experiment: u8,
    pub(crate) arm: u8,
    pub(crate) platform: u8,
    pub(crate) country: u8,
    /// Whether it is the unit's first of the experiment.
    pub(crate) first: bool,
}

/// A day's rows, in order of time.
#[derive(Debug, Default)]
pub(crate) struct Day {
    pub(crate) events: Vec<Event>,
    pub(crate) exposures: Vec<Exposure>,
}

/// By what chances and amounts are multiplied, from a time on.
#[derive(Clone, Copy, Debug)]
struct Factors {
    from: i64,
    orders: f64,
    clicks: f64,
    amount: f64,
    latency: f64,
}

impl Factors {
    fn none(from: i64) -> Factors {
        Factors { from, orders: 1.0, clicks: 1.0, amount: 1.0, latency: 1.0 }
    }

    fn take(&mut self, other: &Factors) {
        self.orders *= other.orders;
        self.clicks *= other.clicks;
        self.amount *= other.amount;
        self.latency *= other.latency;
    }
}

/// What happens on a day, 0 being the first.
pub(crate) fn day(spec: &Spec, assignments: &Assignments, day: u32) -> Day {
    let midnight = spec.date(day).and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
    let mut rows = Day::default();
    for number in 0..spec.users {
        visit(spec, assignments, (day, midnight), number, &mut rows);
    }
    // Stable: rows of one time stay in order of units.
    rows.events.sort_by_key(|event| event.ts);
    rows.exposures.sort_by_key(|exposure| exposure.ts);
    rows
}

fn visit(
    spec: &Spec,
    assignments: &Assignments,
    (day, midnight): (u32, i64),
    number: u32,
    rows: &mut Day,
) {
    let unit = Unit::new(spec, number);
    let is_bot = assignments.bot == Some(number);
    let Some(begins) = unit.visit(spec.seed, number, day).or_else(|| is_bot.then_some(0)) else {
        return;
    };
    let begins = midnight + begins;
    let mut draws = Draws::new(spec.seed, number, day, Purpose::Events);
    let factors = expose(spec, assignments, (day, begins), number, &unit, rows);

    let count = 1 + draws.poisson(unit.events);
    for _ in 0..count {
        // Squared: early in the session more often than late.
        let ts =
            (begins + (draws.uniform().powi(2) * SESSION_US) as i64).min(midnight + DAY_US - 1);
        let mut now = Factors::none(ts);
        factors.iter().filter(|f| f.from <= ts).for_each(|f| now.take(f));
        let orders = (P_ORDER * unit.buyer * now.orders).min(MOST_ORDERS);
        let clicks = P_CLICK * now.clicks;
        let draw = draws.uniform();
        let mut below = 0.0;
        let mut is = |chance: f64| {
            below += chance;
            draw < below
        };
        let kind = if is(orders) {
            ORDER
        } else if is(clicks) {
            CLICK
        } else if is(P_SEARCH) {
            SEARCH
        } else if is(P_LATENCY) {
            LATENCY
        } else {
            VIEW
        };
        let amount = match kind {
            ORDER => Some(rounded((3.4 + 0.8 * draws.normal()).exp() * now.amount, 100.0)),
            LATENCY => Some(rounded((4.8 + 0.6 * draws.normal()).exp() * now.latency, 10.0)),
            _ => None,
        };
        rows.events.push(event(&unit, ts, kind, amount));
    }
    if is_bot {
        let orders = spec.plants.iter().find_map(|plant| match plant {
            Plant::Bot(orders) => Some(*orders),
            _ => None,
        });
        for _ in 0..orders.unwrap_or(0) {
            let ts = midnight + (draws.uniform() * DAY_US as f64) as i64;
            rows.events.push(event(&unit, ts, ORDER, Some(9.99)));
        }
    }
}

fn event(unit: &Unit, ts: i64, kind: u8, amount: Option<f64>) -> Event {
    Event { ts, unit: unit.id, kind, amount, platform: unit.platform, country: unit.country }
}

fn rounded(x: f64, to: f64) -> f64 {
    (x * to).round() / to
}

/// Logs a unit's exposures of the day, and says what is different for it, each from when.
fn expose(
    spec: &Spec,
    assignments: &Assignments,
    (day, begins): (u32, i64),
    number: u32,
    unit: &Unit,
    rows: &mut Day,
) -> Vec<Factors> {
    let mut factors = Vec::new();
    // Since when the unit is in the last arm, of each of the first two experiments.
    let mut joint = [None; 2];
    for (experiment, assigned) in assignments.of(number).iter().enumerate() {
        let Some(assigned) = assigned.filter(|a| u32::from(a.first_day) <= day) else { continue };
        let first = u32::from(assigned.first_day) == day;
        let mut draws = Draws::of_experiment(spec.seed, number, day + 1, experiment);
        // Some events of the session come before the exposure.
        let ts = begins + (draws.uniform().powi(3) * SESSION_US / 4.0) as i64;
        if !assigned.lost && (first || draws.uniform() < LOGGED_AGAIN) {
            rows.exposures.push(Exposure {
                ts,
                unit: unit.id,
                experiment: experiment as u8,
                arm: assigned.arm,
                platform: unit.platform,
                country: unit.country,
                first,
            });
        }
        let from = if first { ts } else { i64::MIN };
        let arms = &spec.experiments[experiment].arms;
        let mut of = Factors::none(from);
        for (quantity, share) in &arms[assigned.arm as usize].effects {
            match quantity {
                Quantity::Orders => of.orders *= 1.0 + share,
                Quantity::Clicks => of.clicks *= 1.0 + share,
                Quantity::Amount => of.amount *= 1.0 + share,
                Quantity::Latency => of.latency *= 1.0 + share,
            }
        }
        let since = day - u32::from(assigned.first_day);
        for plant in spec.plants.iter().filter(|_| experiment == 0) {
            match plant {
                Plant::Novelty(share) if assigned.arm > 0 => {
                    of.orders *= 1.0 + share * 0.5_f64.powi(since as i32);
                }
                Plant::Simpson(share) if assigned.arm > 0 => of.orders *= 1.0 + share,
                _ => {}
            }
        }
        factors.push(of);
        if experiment < 2 && usize::from(assigned.arm) == arms.len() - 1 {
            joint[experiment] = Some(from);
        }
    }
    for plant in &spec.plants {
        match (plant, joint) {
            (Plant::Interaction(share), [Some(a), Some(b)]) => {
                factors.push(Factors { orders: 1.0 - share, ..Factors::none(a.max(b)) });
            }
            (Plant::Simpson(_), _) if unit.platform == WEB => {
                factors.push(Factors { orders: 3.0, ..Factors::none(i64::MIN) });
            }
            _ => {}
        }
    }
    factors
}
