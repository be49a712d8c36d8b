//! Flags for people: `--control 4820/50000 --alpha 5%`, read by tables of [`Flag`]s.
//!
//! Every flag takes a value, so that a negative number is never taken for a flag. The same words serve
//! [`stat::flags`](crate::stat::flags) and [`planning::flags`](crate::planning::flags). Nothing here opens a file: a
//! value `@path` is handed to the caller's reader.

mod error;
mod values;

pub use error::FlagError;
pub(crate) use values::Value;

use verdict_model::nearest;

/// One flag of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The name without its dashes.
    pub name: &'static str,
    /// What the value looks like, such as `X/N`.
    pub value: &'static str,
    /// What the value means.
    pub meaning: &'static str,
    /// Whether the flag may be given more than once.
    pub repeats: bool,
}

/// A flag that is given at most once.
pub(crate) const fn flag(name: &'static str, value: &'static str, meaning: &'static str) -> Flag {
    Flag { name, value, meaning, repeats: false }
}

/// Turns the text behind `@path` into the text of that file, or says why it cannot be read.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// Splits the words of a command line into flags and values: `--alpha 0.05` and `--alpha=0.05` are one.
///
/// # Errors
/// [`FlagError::NotAFlag`] for a word without dashes where a flag is due, [`FlagError::NoValue`] for a flag at the end.
///
/// ```
/// use verdict_analysis::flags::pairs;
///
/// let words = ["--control", "4820/50000", "--alpha=5%"].map(str::to_owned);
/// let expected = [("control", "4820/50000"), ("alpha", "5%")];
/// assert_eq!(pairs(&words)?, expected.map(|(flag, value)| (flag.to_owned(), value.to_owned())));
/// # Ok::<(), verdict_analysis::flags::FlagError>(())
/// ```
pub fn pairs(words: &[String]) -> Result<Vec<(String, String)>, FlagError> {
    let mut pairs = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) else {
            return Err(FlagError::NotAFlag { word: word.clone() });
        };
        let (flag, value) = match flag.split_once('=') {
            Some((flag, value)) => (flag, value.to_owned()),
            None => match words.next() {
                Some(value) => (flag, value.clone()),
                None => return Err(FlagError::NoValue { flag: flag.to_owned() }),
            },
        };
        pairs.push((flag.to_owned(), value));
    }
    Ok(pairs)
}

/// The flags that were given, all of them known.
pub(crate) struct Given<'a> {
    values: Vec<(&'static Flag, &'a str)>,
    read: &'a ReadFile<'a>,
}

impl<'a> Given<'a> {
    /// Matches what was given with the flags of a command; `_` and `-` are one, and so are capitals and small letters.
    pub(crate) fn new(
        command: &str,
        known: &'static [Flag],
        pairs: &'a [(String, String)],
        read: &'a ReadFile<'a>,
    ) -> Result<Self, FlagError> {
        let mut values: Vec<(&'static Flag, &'a str)> = Vec::new();
        for (name, value) in pairs {
            let plain = name.trim_start_matches('-').replace('_', "-").to_lowercase();
            let Some(flag) = known.iter().find(|flag| flag.name == plain) else {
                return Err(FlagError::Unknown {
                    command: command.to_owned(),
                    flag: plain.clone(),
                    nearest: nearest(&plain, known.iter().map(|f| f.name)).map(str::to_owned),
                    known: listed(known.iter().map(|flag| flag.name)),
                });
            };
            if !flag.repeats && values.iter().any(|(given, _)| given.name == flag.name) {
                return Err(FlagError::Repeated { flag: plain });
            }
            values.push((flag, value.trim()));
        }
        Ok(Self { values, read })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(flag, _)| flag.name == name)
    }

    /// The value of an optional flag.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'_>> {
        self.all(name).next()
    }

    /// The value of a flag that has to be there.
    pub(crate) fn need(&self, name: &str) -> Result<Value<'_>, FlagError> {
        self.get(name).ok_or_else(|| FlagError::Missing { flags: format!("--{name}") })
    }

    /// Every value of a flag that repeats, in order.
    pub(crate) fn all<'b>(&'b self, name: &str) -> impl Iterator<Item = Value<'b>> {
        self.values.iter().filter(move |(flag, _)| flag.name == name).map(|(flag, text)| Value {
            flag: flag.name,
            text,
            read: self.read,
        })
    }

    /// Refuses any of the flags `other` beside `flag`.
    pub(crate) fn without(&self, flag: &str, other: &[&str]) -> Result<(), FlagError> {
        match other.iter().find(|other| self.has(flag) && self.has(other)) {
            Some(other) => {
                Err(FlagError::Contradiction { flag: flag.to_owned(), other: (*other).to_owned() })
            }
            None => Ok(()),
        }
    }
}

/// The flags of a command, aligned, one a line.
pub(crate) fn help_lines(flags: &[Flag]) -> String {
    let left = |flag: &Flag| format!("  --{} {}", flag.name, flag.value);
    let width = flags.iter().map(|flag| left(flag).chars().count()).max().unwrap_or(0);
    flags
        .iter()
        .map(|flag| {
            let left = left(flag);
            let space = " ".repeat(width - left.chars().count());
            let again = if flag.repeats { " (may be given more than once)" } else { "" };
            format!("{left}{space}  {}{again}\n", flag.meaning)
        })
        .collect()
}

/// `--a, --b and --c`.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    crate::words::list(&names.map(|name| format!("--{name}")).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Flag] = &[
        flag("alpha", "A", "the level"),
        Flag { name: "row", value: "A,B", meaning: "a row", repeats: true },
    ];

    fn given<'a>(pairs: &'a [(String, String)]) -> Result<Given<'a>, FlagError> {
        Given::new("test", KNOWN, pairs, &|_| Err("no files here".to_owned()))
    }

    fn pair(flag: &str, value: &str) -> (String, String) {
        (flag.to_owned(), value.to_owned())
    }

    #[test]
    fn an_unknown_flag_names_the_nearest_and_all() {
        let pairs = [pair("alhpa", "1")];
        let error = given(&pairs).err().expect("an error").to_string();
        assert_eq!(
            error,
            "`test` has no flag --alhpa (did you mean `--alpha`?); its flags are --alpha and --row"
        );
    }

    #[test]
    fn a_flag_given_twice_is_refused_unless_it_repeats() {
        let twice = [pair("alpha", "1"), pair("Alpha", "2")];
        assert_eq!(given(&twice).err().expect("an error").to_string(), "--alpha is given twice");
        let rows = [pair("row", "1,2"), pair("row", "3,4")];
        assert_eq!(given(&rows).expect("rows").all("row").count(), 2);
    }

    #[test]
    fn words_that_are_no_pairs_are_refused() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let error = pairs(&words(&["5140/50000"])).expect_err("no flag").to_string();
        assert!(error.contains("`5140/50000`"), "{error}");
        assert_eq!(
            pairs(&words(&["--alpha"])).expect_err("no value").to_string(),
            "--alpha needs a value"
        );
        // A negative number is a value.
        assert_eq!(pairs(&words(&["--margin", "-1"])), Ok(vec![pair("margin", "-1")]));
    }

    #[test]
    fn help_is_aligned() {
        assert_eq!(
            help_lines(KNOWN),
            "  --alpha A  the level\n  --row A,B  a row (may be given more than once)\n"
        );
    }
}
