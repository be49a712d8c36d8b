//! The value of one flag, read as what the flag takes.

use super::{FlagError, ReadFile};

/// The text given for a flag.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) flag: &'static str,
    pub(crate) text: &'a str,
    pub(super) read: &'a ReadFile<'a>,
}

impl<'a> Value<'a> {
    /// A number; `5%` is 0.05 and `50_000` is 50000.
    pub(crate) fn number(self) -> Result<f64, FlagError> {
        number(self.text).ok_or_else(|| self.malformed(self.text, "a number, such as 0.05 or 5%,"))
    }

    /// A whole number, zero or more.
    pub(crate) fn whole(self) -> Result<u64, FlagError> {
        whole(self.text).ok_or_else(|| self.malformed(self.text, "a whole number, zero or more,"))
    }

    /// Successes among trials: `4820/50000`.
    pub(crate) fn rate(self) -> Result<(u64, u64), FlagError> {
        self.text
            .split_once('/')
            .and_then(|(x, n)| Some((whole(x)?, whole(n)?)))
            .ok_or_else(|| self.malformed(self.text, "successes/units, such as 4820/50000,"))
    }

    /// Whether the value reads as successes among trials.
    pub(crate) fn is_rate(self) -> bool {
        !self.text.starts_with('@') && self.text.contains('/')
    }

    /// Whether the value is a list of named numbers, such as `mean=5,sd=2`.
    pub(crate) fn is_named(self) -> bool {
        !self.text.starts_with('@') && self.text.contains('=')
    }

    /// One of the words of a list.
    pub(crate) fn one_of<T: Copy>(self, words: &[(&str, T)]) -> Result<T, FlagError> {
        let plain = self.text.replace('_', "-").to_lowercase();
        let found = words.iter().find(|(word, _)| *word == plain).map(|(_, value)| *value);
        found.ok_or_else(|| {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.malformed(self.text, &format!("one of {}", all.join(", ")))
        })
    }

    /// Numbers between commas, spaces or lines, in place or in the file behind `@path`.
    pub(crate) fn numbers(self) -> Result<Vec<f64>, FlagError> {
        self.list("a list of numbers, such as 1.5,2,3 or @file,", number)
    }

    /// Whole numbers, as [`numbers`](Self::numbers).
    pub(crate) fn wholes(self) -> Result<Vec<u64>, FlagError> {
        self.list("a list of whole numbers, such as 10,20,30 or @file,", whole)
    }

    /// Numbers by name, `mean=32.48,sd=8.23,n=10000`: in the order of `names`, `None` for a name that is not given.
    pub(crate) fn named<const N: usize>(
        self,
        names: [&str; N],
        example: &str,
    ) -> Result<[Option<f64>; N], FlagError> {
        let mut values = [None; N];
        for part in self.text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let read = part
                .split_once('=')
                .and_then(|(name, text)| {
                    let at = names.iter().position(|known| known.eq_ignore_ascii_case(name.trim()));
                    Some((at?, number(text)?))
                })
                .filter(|(at, _)| values[*at].is_none());
            let Some((at, value)) = read else {
                return Err(self.malformed(
                    part,
                    &format!("each of {} at most once, such as {example},", names.join(", ")),
                ));
            };
            values[at] = Some(value);
        }
        Ok(values)
    }

    /// The error that this value is not what its flag takes.
    pub(crate) fn malformed(self, part: &str, expected: &str) -> FlagError {
        // Nobody reads a thousand values back.
        let value = match part.char_indices().nth(60) {
            Some((end, _)) => format!("{}…", &part[..end]),
            None => part.to_owned(),
        };
        FlagError::Malformed { flag: self.flag.to_owned(), value, expected: expected.to_owned() }
    }

    fn list<T>(self, expected: &str, item: fn(&str) -> Option<T>) -> Result<Vec<T>, FlagError> {
        let from_file;
        let text = match self.text.strip_prefix('@') {
            Some(path) => {
                from_file = (self.read)(path).map_err(|why| FlagError::File {
                    flag: self.flag.to_owned(),
                    path: path.to_owned(),
                    why,
                })?;
                from_file.as_str()
            }
            None => self.text,
        };
        let parts = text
            .split(|c: char| c == ',' || c == ';' || c.is_whitespace())
            .filter(|part| !part.is_empty());
        let values: Result<Vec<T>, FlagError> =
            parts.map(|part| item(part).ok_or_else(|| self.malformed(part, expected))).collect();
        match values {
            Ok(values) if values.is_empty() => Err(self.malformed(self.text, expected)),
            values => values,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let (digits, divisor) = match text.strip_suffix('%') {
        Some(digits) => (digits, 100.0),
        None => (text, 1.0),
    };
    let value = digits.replace('_', "").parse::<f64>().ok()? / divisor;
    value.is_finite().then_some(value)
}

fn whole(text: &str) -> Option<u64> {
    text.trim().replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(text: &'a str, read: &'a ReadFile<'a>) -> Value<'a> {
        Value { flag: "flag", text, read }
    }

    fn no_file(_: &str) -> Result<String, String> {
        Err("no such file".to_owned())
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(value("5%", &no_file).number(), Ok(0.05));
        assert_eq!(value("50_000", &no_file).number(), Ok(50_000.0));
        assert_eq!(value("-1e-3", &no_file).number(), Ok(-0.001));
        for bad in ["", "%", "x", "inf", "nan", "1,5"] {
            assert!(value(bad, &no_file).number().is_err(), "{bad}");
        }
        assert_eq!(value("4820/50_000", &no_file).rate(), Ok((4_820, 50_000)));
        assert_eq!(
            value("4820", &no_file).rate().expect_err("no rate").to_string(),
            "--flag 4820: successes/units, such as 4820/50000, expected"
        );
    }

    #[test]
    fn lists_stand_in_place_or_in_a_file() {
        assert_eq!(value("1, 2;3\n4", &no_file).numbers(), Ok(vec![1.0, 2.0, 3.0, 4.0]));
        let read = |path: &str| Ok(format!("1.5\n{path}\n"));
        assert_eq!(value("@27", &read).numbers(), Ok(vec![1.5, 27.0]));
        assert_eq!(
            value("@x.csv", &no_file).numbers().expect_err("no file").to_string(),
            "--flag @x.csv: no such file"
        );
        let fault = value("1,two,3", &no_file).numbers().expect_err("a word").to_string();
        assert!(fault.starts_with("--flag two: a list of numbers"), "{fault}");
        assert!(value(" , ", &no_file).numbers().is_err());
    }

    #[test]
    fn named_numbers_come_in_any_order_and_once() {
        let names = ["n", "mean", "sd"];
        let read = |text| value(text, &no_file).named(names, "n=1").map(|v| v.to_vec());
        assert_eq!(read("sd=2, n=10"), Ok(vec![Some(10.0), None, Some(2.0)]));
        assert!(read("n=1,n=2").is_err());
        assert!(read("median=3").is_err());
    }

    #[test]
    fn a_long_value_is_cut_where_a_character_ends() {
        let long = "é".repeat(100);
        let error = value(&long, &no_file).number().expect_err("no number").to_string();
        assert!(error.contains(&format!("{}…", "é".repeat(60))), "{error}");
    }
}
