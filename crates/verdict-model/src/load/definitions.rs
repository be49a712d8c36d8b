//! The top-level sections, gathered over all files, and what they define by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::yaml::{Item, Node, Problems};
use crate::{Located, Place, nearest};

/// What all files say, by section.
#[derive(Debug, Default)]
pub(super) struct Sections<'a> {
    pub(super) project: Option<Item<'a>>,
    pub(super) storage: Option<Item<'a>>,
    pub(super) sources: Vec<(Located<String>, Item<'a>)>,
    pub(super) exposures: Vec<(Located<String>, Item<'a>)>,
    pub(super) metrics: Vec<(Located<String>, Item<'a>)>,
    pub(super) experiments: Vec<Item<'a>>,
}

impl<'a> Sections<'a> {
    /// The keys that a file may have.
    pub(super) const KEYS: [&'static str; 6] =
        ["project", "storage", "sources", "exposures", "metrics", "experiment"];

    /// Reads the top of every document.
    pub(super) fn gather(
        documents: &'a [(Arc<str>, Node)],
        problems: &'a Problems,
    ) -> Sections<'a> {
        let mut sections = Sections::default();
        for (file, node) in documents {
            let mut document = Item::document(Arc::clone(file), node, problems);
            if !document.is_mapping() {
                document.place.key = "the file".to_owned();
            }
            let Some(mut map) = document.map() else { continue };
            let present = |item: Option<Item<'a>>| item.filter(|item| !item.is_null());
            for (key, only) in
                [("project", &mut sections.project), ("storage", &mut sections.storage)]
            {
                let Some(item) = present(map.section(key)) else { continue };
                match only {
                    Some(first) => {
                        item.refuse(format!(
                            "is at {} already; a project has one",
                            at(&first.place)
                        ));
                    }
                    None => *only = Some(item),
                }
            }
            for (key, defined) in [
                ("sources", &mut sections.sources),
                ("exposures", &mut sections.exposures),
                ("metrics", &mut sections.metrics),
            ] {
                let map = present(map.section(key)).and_then(|item| item.map());
                for (name, item) in map.iter().flat_map(|map| map.entries()) {
                    match defined.iter().find(|(first, _)| *first == name) {
                        Some((first, _)) => refuse_second(&item, &name, &first.place),
                        None => defined.push((name, item)),
                    }
                }
            }
            sections.experiments.extend(present(map.section("experiment")));
            map.finish();
        }
        sections
    }
}

fn at(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

/// Refuses a second definition of `name`.
pub(super) fn refuse_second(item: &Item<'_>, name: &Located<String>, first: &Place) {
    item.refuse_at(
        &name.place,
        format!("`{name}` is defined at {} already; rename or remove one", at(first)),
    );
}

/// What a section defines, by name; `None` for a definition that has a problem, which others may refer to
/// without a problem of their own.
#[derive(Debug)]
pub(super) struct Definitions<T> {
    what: &'static str,
    by_name: BTreeMap<String, Option<T>>,
}

impl<T> Definitions<T> {
    /// Reads each definition; `what` is the word for one.
    pub(super) fn read(
        what: &'static str,
        entries: &[(Located<String>, Item<'_>)],
        mut read: impl FnMut(Located<String>, &Item<'_>) -> Option<T>,
    ) -> Definitions<T> {
        let mut by_name = BTreeMap::new();
        for (name, item) in entries {
            let fits = check_name(item, &name.value);
            by_name.insert(name.value.clone(), read(name.clone(), item).filter(|_| fits));
        }
        Definitions { what, by_name }
    }

    /// The definition of `name`, where there is one without problems.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name)?.as_ref()
    }

    /// Every name.
    pub(super) fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }

    /// The name of a definition, as `item` writes it; `None` where nothing of that name is defined.
    pub(super) fn refer(&self, item: &Item<'_>) -> Option<Located<String>> {
        let name = item.text()?;
        if self.by_name.contains_key(&name.value) {
            return Some(name);
        }
        item.refuse(format!("{} {}", self.what, undefined(&name.value, &self.names())));
        None
    }

    /// The definitions without problems.
    pub(super) fn into_whole(self) -> BTreeMap<String, T> {
        self.by_name.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The end of a message: `name` is none of the `defined` ones.
pub(super) fn undefined(name: &str, defined: &[&str]) -> String {
    const SHOWN: usize = 12;
    let near =
        nearest(name, defined.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    let near = near.unwrap_or_default();
    let list = match defined.len() {
        0 => "none".to_owned(),
        n if n > SHOWN => format!("{} and {} more", defined[..SHOWN].join(", "), n - SHOWN),
        _ => defined.join(", "),
    };
    format!("`{name}` is not defined{near} (defined: {list})")
}

/// Whether `name` is an identifier: it becomes a part of column names.
pub(super) fn check_name(item: &Item<'_>, name: &str) -> bool {
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        item.refuse(format!(
            "`{name}` is not a name; use letters, digits and _, a letter or _ first"
        ));
    }
    fits
}
