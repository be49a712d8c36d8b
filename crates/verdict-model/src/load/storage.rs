//! The section `storage`.

use std::collections::BTreeMap;

use crate::Storage;
use crate::yaml::{Item, Map};

/// Longer than any night.
const MOST_SECONDS: u32 = 7 * 86_400;
/// More would only be refused by the store.
const MOST_REQUESTS: u32 = 4096;
/// More would be a way of waiting.
const MOST_RETRIES: u32 = 100;

/// How stores are spoken to.
pub(super) fn storage(item: Option<&Item<'_>>) -> Storage {
    let mut storage = Storage::default();
    let Some(mut map) = item.and_then(|item| item.map()) else { return storage };
    whole(&mut map, "retries", 0, MOST_RETRIES, &mut storage.retries);
    whole(&mut map, "retry_timeout_s", 1, MOST_SECONDS, &mut storage.retry_timeout_s);
    whole(&mut map, "request_timeout_s", 1, MOST_SECONDS, &mut storage.request_timeout_s);
    whole(&mut map, "connect_timeout_s", 1, MOST_SECONDS, &mut storage.connect_timeout_s);
    whole(&mut map, "max_requests", 1, MOST_REQUESTS, &mut storage.max_requests);
    let mut run = 0;
    whole(&mut map, "run_timeout_s", 1, MOST_SECONDS, &mut run);
    storage.run_timeout_s = (run > 0).then_some(run);
    for (store, item) in
        map.get("options").and_then(|item| item.map()).iter().flat_map(|m| m.entries())
    {
        if !store.value.contains("://") {
            item.refuse(format!("`{store}` is no URL of a store; write s3://bucket"));
            continue;
        }
        let mut options = BTreeMap::new();
        for (name, item) in item.map().iter().flat_map(|map| map.entries()) {
            if Storage::is_secret(&name.value) {
                item.refuse(format!(
                    "`{name}` is a credential: set the environment variable {} instead",
                    name.value.to_ascii_uppercase()
                ));
            } else if let Some(value) = item.text() {
                options.insert(name.value, value);
            }
        }
        storage.options.insert(store.value.trim_end_matches('/').to_owned(), options);
    }
    map.finish();
    storage
}

/// Reads a whole number from `least` to `most` into `into`, where it is given.
fn whole(map: &mut Map<'_>, key: &str, least: u32, most: u32, into: &mut u32) {
    let Some(item) = map.get(key) else { return };
    let fits = |n: f64| n.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&n);
    if let Some(n) = item.number(&format!("a whole number from {least} to {most}"), fits) {
        // The bounds make the conversion exact.
        *into = n as u32;
    }
}
