//! The n-th request goes wrong.

use std::time::Duration;

use super::{Row, World, all, asked, share};
use crate::support::proxy::{Fault, Plan};

const ALWAYS: usize = usize::MAX;

/// Later than the project's `request_timeout_s`.
const LATE: Duration = Duration::from_secs(16);

const KINDS: [(&str, Fault, usize); 10] = [
    ("503 Slow Down, once", Fault::Status(503, "SlowDown"), 1),
    ("503 Slow Down, from then on", Fault::Status(503, "SlowDown"), ALWAYS),
    ("429 Too Many Requests, from then on", Fault::Status(429, "TooManyRequests"), ALWAYS),
    ("500 Internal Error, from then on", Fault::Status(500, "InternalError"), ALWAYS),
    ("403 Access Denied, once", Fault::Status(403, "AccessDenied"), 1),
    ("connection lost before the request, from then on", Fault::Unasked, ALWAYS),
    ("connection lost after the request, once", Fault::Unanswered, 1),
    ("answer cut in its middle, once", Fault::Truncated, 1),
    ("answer cut in its middle, from then on", Fault::Truncated, ALWAYS),
    ("answer later than the timeout, once", Fault::Slow(LATE), 1),
];

#[test]
fn every_request_may_fail() {
    let Some(world) = World::new("faults") else { return };
    let (whole, requests) = world.undisturbed("whole");
    assert!(requests > 20 && whole.len() >= 9, "{requests} requests, {:?}", whole.keys());
    let kinds = KINDS.into_iter().enumerate().filter(|(_, (name, ..))| asked(name));
    for (kind, (name, fault, times)) in kinds {
        let mut row = Row::new(name);
        // Of a share each kind takes other requests.
        let (first, step) = match all() {
            true => share(),
            false => (1 + kind * 5 % (requests / 3), requests / 3),
        };
        for n in (first..=requests).step_by(step) {
            let tables = format!("faulty/{kind}-{n}");
            world.proxy.begin(Some(Plan { fault, first: n, times }));
            row.ended(&world.run(&tables));
            row.tried += world.proxy.seen().1.min(1);
            world.repairs(&mut row, &tables, &whole, &whole);
        }
        row.account();
    }
}
