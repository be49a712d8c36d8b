//! A log changes while it is read.

use std::sync::Arc;

use super::{Row, Tables, World, all, write_logs};
use crate::stores::bucket::Bucket;

/// At the n-th request the log of the first day is another one, of the same length, or gone.
#[test]
fn a_log_may_change_while_it_is_read() {
    let Some(world) = World::new("changed") else { return };
    let (old, requests) = world.undisturbed("old");
    let key = "logs/events/ds=2024-01-01/part-0.parquet";
    let local = world.project.path().join(key);
    let was = std::fs::read(&local).unwrap();
    write_logs(&world.project, 1, &[9.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 5.0]);
    let is = std::fs::read(&local).unwrap();
    assert_eq!(was.len(), is.len(), "only the version tells them apart");
    world.bucket.put(key, is.clone());
    let (new, _): (Tables, _) = world.undisturbed("new");
    assert!(old != new);
    let changed = Arc::new(Bucket::again(&world.bucket));
    for (what, bytes) in [("replaced", Some(is.clone())), ("deleted", None)] {
        let mut row = Row::new(format!("source {what} at the n-th request"));
        let step = if all() { 1 } else { requests / 5 };
        for n in (1..=requests).step_by(step) {
            world.bucket.put(key, was.clone());
            let (changed, bytes) = (Arc::clone(&changed), bytes.clone());
            world.proxy.begin(None);
            world.proxy.at(n, move || match &bytes {
                Some(bytes) => changed.put(key, bytes.clone()),
                None => changed.delete(key),
            });
            let tables = format!("changed/{what}-{n}");
            row.ended(&world.run(&tables));
            row.tried += 1;
            world.bucket.put(key, is.clone());
            // Whatever is there was made of one version of the log, not of both.
            world.repairs(&mut row, &tables, &new, &old);
        }
        row.account();
    }
}
