//! A small reader over saphyr's marked tree: typed getters, and a memory of the keys that were asked for.
//!
//! [`parse`] turns text into plain [`Node`]s with lines; [`Item`] and [`Map`] are views of nodes that know
//! their [`Place`] and put what is wrong into [`Problems`] instead of returning it, so that one reading finds
//! everything. The keys that a [`Map`] is asked for are the keys that it allows: [`Map::finish`] refuses the
//! rest.

mod tree;

use std::cell::RefCell;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::load::Problem;
use crate::{Located, Place, nearest};
pub(crate) use tree::{Data, Node, parse};
use tree::{Entry, Scalar};

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// Notes that what is written at `place` cannot stay.
    pub(crate) fn add(&self, place: &Place, message: impl Into<String>) {
        self.0.borrow_mut().push(Problem { place: place.clone(), message: message.into() });
    }

    /// All of them, by file and line.
    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort();
        problems.dedup();
        problems
    }
}

/// A value in a file.
#[derive(Clone, Debug)]
pub(crate) struct Item<'a> {
    /// Where it is written: the line of its key, or its own where it has none.
    pub(crate) place: Place,
    node: &'a Node,
    problems: &'a Problems,
}

impl<'a> Item<'a> {
    /// The top of a document.
    pub(crate) fn document(file: Arc<str>, node: &'a Node, problems: &'a Problems) -> Item<'a> {
        Item { place: Place { file, line: node.line, key: String::new() }, node, problems }
    }

    /// Notes that this value cannot stay.
    pub(crate) fn refuse(&self, message: impl Into<String>) {
        self.problems.add(&self.place, message);
    }

    /// Notes that something else, at `place`, cannot stay.
    pub(crate) fn refuse_at(&self, place: &Place, message: impl Into<String>) {
        self.problems.add(place, message);
    }

    fn refuse_kind(&self, expected: &str) {
        let found = match &self.node.data {
            Data::Null => "nothing".to_owned(),
            Data::Scalar { text, .. } => format!("`{text}`"),
            Data::Sequence(_) => "a list".to_owned(),
            Data::Mapping(_) => "a mapping".to_owned(),
        };
        self.refuse(format!("expected {expected}, found {found}"));
    }

    /// Whether a key was written without a value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.node.data, Data::Null)
    }

    /// Whether it is a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.data, Data::Sequence(_))
    }

    /// Whether it is a mapping.
    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.node.data, Data::Mapping(_))
    }

    /// A text: any scalar that is not blank, as it is written.
    pub(crate) fn text(&self) -> Option<Located<String>> {
        match &self.node.data {
            Data::Scalar { text, .. } if !text.trim().is_empty() => {
                Some(Located { value: text.trim().to_owned(), place: self.place.clone() })
            }
            Data::Scalar { .. } => {
                self.refuse("is empty; write a text, or remove the key");
                None
            }
            _ => {
                self.refuse_kind("a text");
                None
            }
        }
    }

    /// A finite number for which `fits` holds; `expected` says which ones do.
    pub(crate) fn number(&self, expected: &str, fits: impl Fn(f64) -> bool) -> Option<f64> {
        match &self.node.data {
            Data::Scalar { scalar: Scalar::Number(x), .. } if x.is_finite() && fits(*x) => Some(*x),
            _ => {
                self.refuse_kind(expected);
                None
            }
        }
    }

    /// A number of days, at least 1.
    pub(crate) fn days(&self) -> Option<u32> {
        let whole = |x: f64| x >= 1.0 && x.fract() == 0.0 && x <= f64::from(u32::MAX);
        // The bounds make the conversion exact.
        self.number("a whole number of days, at least 1", whole).map(|x| x as u32)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.node.data {
            Data::Scalar { scalar: Scalar::Boolean(x), .. } => Some(*x),
            _ => {
                self.refuse_kind("true or false");
                None
            }
        }
    }

    /// A date.
    pub(crate) fn date(&self) -> Option<NaiveDate> {
        let date = match &self.node.data {
            // `%Y` alone would take other numbers of digits as well.
            Data::Scalar { text, .. } if text.len() == 10 => {
                NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
            }
            _ => None,
        };
        if date.is_none() {
            self.refuse_kind("a date as YYYY-MM-DD");
        }
        date
    }

    /// What one of the `words` stands for.
    pub(crate) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(format!(
                "`{}` is not allowed here{}",
                text.value,
                meant(&text.value, &words)
            ));
        }
        found
    }

    /// A mapping.
    pub(crate) fn map(&self) -> Option<Map<'a>> {
        match &self.node.data {
            Data::Mapping(entries) => Some(Map {
                place: self.place.clone(),
                entries,
                problems: self.problems,
                asked: Vec::new(),
            }),
            _ => {
                self.refuse_kind("a mapping");
                None
            }
        }
    }

    /// A list.
    pub(crate) fn list(&self) -> Option<Vec<Item<'a>>> {
        match &self.node.data {
            Data::Sequence(nodes) => Some(
                nodes
                    .iter()
                    .enumerate()
                    .map(|(i, node)| {
                        let key = format!("{}[{i}]", self.place.key);
                        let place =
                            Place { file: Arc::clone(&self.place.file), line: node.line, key };
                        Item { place, node, problems: self.problems }
                    })
                    .collect(),
            ),
            _ => {
                self.refuse_kind("a list");
                None
            }
        }
    }
}

/// A mapping in a file.
#[derive(Debug)]
pub(crate) struct Map<'a> {
    /// Where it is written.
    pub(crate) place: Place,
    entries: &'a [Entry],
    problems: &'a Problems,
    asked: Vec<String>,
}

impl<'a> Map<'a> {
    /// Notes that this mapping cannot stay.
    pub(crate) fn refuse(&self, message: impl Into<String>) {
        self.problems.add(&self.place, message);
    }

    fn item(&self, entry: &'a Entry) -> Item<'a> {
        let path = &self.place.key;
        let key = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        let place = Place { file: Arc::clone(&self.place.file), line: entry.line, key };
        Item { place, node: &entry.value, problems: self.problems }
    }

    /// The value of `key`, where it has one.
    pub(crate) fn get(&mut self, key: &str) -> Option<Item<'a>> {
        let item = self.section(key)?;
        if item.is_null() {
            item.refuse("has no value; give it one, or remove the key");
            return None;
        }
        Some(item)
    }

    /// The value of `key`, which may be empty.
    pub(crate) fn section(&mut self, key: &str) -> Option<Item<'a>> {
        self.asked.push(key.to_owned());
        self.entries.iter().find(|entry| entry.key == key).map(|entry| self.item(entry))
    }

    /// The value of `key`; `what` says what to write where it is missing.
    pub(crate) fn require(&mut self, key: &str, what: &str) -> Option<Item<'a>> {
        if !self.entries.iter().any(|entry| entry.key == key) {
            self.refuse(format!("`{key}` is missing: {what}"));
        }
        self.get(key)
    }

    /// A text, where it is given.
    pub(crate) fn text(&mut self, key: &str) -> Option<Located<String>> {
        self.get(key)?.text()
    }

    /// Every entry whose key starts with `prefix`; `shown` stands for them in messages.
    pub(crate) fn prefixed(&mut self, prefix: &str, shown: &str) -> Vec<Item<'a>> {
        let entries: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.key.starts_with(prefix) && entry.key != prefix)
            .collect();
        self.asked.extend(entries.iter().map(|entry| entry.key.clone()));
        self.asked.push(shown.to_owned());
        entries.into_iter().map(|entry| self.item(entry)).collect()
    }

    /// Every entry, in the order of the file, for a mapping whose keys are names.
    pub(crate) fn entries(&self) -> Vec<(Located<String>, Item<'a>)> {
        self.entries
            .iter()
            .map(|entry| {
                let item = self.item(entry);
                (Located { value: entry.key.clone(), place: item.place.clone() }, item)
            })
            .collect()
    }

    /// Refuses the keys that nobody asked for.
    pub(crate) fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !self.asked.contains(&entry.key)) {
            let allowed: Vec<&str> = self.asked.iter().map(String::as_str).collect();
            let message = format!("unknown key{}", meant(&entry.key, &allowed));
            self.problems.add(&self.item(entry).place, message);
        }
    }
}

/// The end of a message about a wrong `word`: the nearest of the right ones, and all of them.
fn meant(word: &str, allowed: &[&str]) -> String {
    let list = allowed.join(", ");
    match nearest(word, allowed.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`? (allowed: {list})"),
        None => format!(" (allowed: {list})"),
    }
}
