//! What a partition was made from: the whole of it, and nothing else, so that equal fingerprints mean equal
//! contents.

use std::collections::BTreeMap;

use object_store::ObjectMeta;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use verdict_model::tables::FORMAT_VERSION;

/// The digests of what a partition was made from, by aspect, so that a stale one can say what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    /// The fingerprint of nothing but the format's version.
    pub(crate) fn new() -> Fingerprint {
        Fingerprint([("format".to_owned(), FORMAT_VERSION.to_string())].into())
    }

    /// The same with an aspect, where it has any part.
    pub(crate) fn with_any<T: AsRef<str>>(
        self,
        aspect: &str,
        parts: impl Iterator<Item = T>,
    ) -> Fingerprint {
        let mut parts = parts.peekable();
        if parts.peek().is_some() { self.with(aspect, parts) } else { self }
    }

    /// Adds an aspect: the parts are told apart whatever they contain.
    pub(crate) fn with<T: AsRef<str>>(
        mut self,
        aspect: &str,
        parts: impl IntoIterator<Item = T>,
    ) -> Fingerprint {
        self.0.insert(aspect.to_owned(), digest(parts));
        self
    }

    /// Adds the objects of a log: path below the log's root, size, and what tells its versions apart.
    pub(crate) fn with_objects<'a>(
        self,
        aspect: &str,
        relative: impl Fn(&'a ObjectMeta) -> &'a str,
        objects: &'a [ObjectMeta],
    ) -> Fingerprint {
        let parts = objects.iter().flat_map(|object| {
            let version = object
                .e_tag
                .clone()
                .unwrap_or_else(|| object.last_modified.timestamp_micros().to_string());
            [relative(object).to_owned(), object.size.to_string(), version]
        });
        self.with(aspect, parts)
    }

    /// One digest of all of it: a name for what has this fingerprint.
    pub(crate) fn name(&self) -> String {
        digest(self.0.iter().flat_map(|(aspect, of)| [aspect, of]))
    }

    /// The aspects in which `self` (wanted) differs from `found`; empty when nothing changed.
    pub(crate) fn changed_since<'a>(&'a self, found: &'a Fingerprint) -> Vec<&'a str> {
        let of_both = self.0.keys().chain(found.0.keys());
        let mut aspects: Vec<&str> =
            of_both.filter(|a| self.0.get(*a) != found.0.get(*a)).map(String::as_str).collect();
        aspects.sort_unstable();
        aspects.dedup();
        aspects
    }
}

/// A digest of `parts` in order.
pub(crate) fn digest<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update(format!("{}:", part.len()));
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// `bytes` in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_ne!(digest(["a", ""]), digest(["a"]));
        assert_eq!(digest(["a", "b"]), digest(["a", "b"]));
    }

    #[test]
    fn a_stale_fingerprint_says_what_changed() {
        let wanted = Fingerprint::new().with("definitions", ["x"]).with("objects", ["1"]);
        let found = Fingerprint::new().with("definitions", ["x"]).with("objects", ["2"]);
        assert_eq!(wanted.changed_since(&found), ["objects"]);
        assert_eq!(wanted.changed_since(&wanted.clone()), Vec::<&str>::new());
        assert_eq!(Fingerprint::new().changed_since(&wanted), ["definitions", "objects"]);
    }
}
