//! The words after a command whose flags are another crate's to know.

use std::io;

use clap::ValueEnum as _;

use crate::args::Format;
use crate::exit::Failure;

/// Words, from which the command takes its own flags.
#[derive(Debug)]
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn new(words: Vec<String>) -> Words {
        Words(words)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes `--name VALUE` or `--name=VALUE` out.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let flag = format!("--{name}");
        let is_it = |word: &String| {
            word.strip_prefix(&flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        let Some(at) = self.0.iter().position(is_it) else { return Ok(None) };
        let word = self.0.remove(at);
        match word.split_once('=') {
            Some((_, value)) => Ok(Some(value.to_owned())),
            None if at < self.0.len() => Ok(Some(self.0.remove(at))),
            None => Err(usage(format!("{flag} needs a value"))),
        }
    }

    /// Takes `--format` out.
    pub(crate) fn format(&mut self) -> Result<Format, Failure> {
        let Some(word) = self.value("format")? else { return Ok(Format::Text) };
        Format::from_str(&word, true)
            .map_err(|_| usage(format!("--format `{word}`: expected text or json")))
    }

    /// Takes `--name` out; whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word.strip_prefix("--") != Some(name));
        self.0.len() < before
    }

    /// Takes `--help` out; whether it was there.
    pub(crate) fn help(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != "--help" && word != "-h");
        self.0.len() < before
    }

    /// Takes the first word, which is no flag.
    pub(crate) fn first(&mut self) -> Option<String> {
        let named = self.0.first().is_some_and(|word| !word.starts_with("--"));
        named.then(|| self.0.remove(0))
    }

    pub(crate) fn rest(self) -> Vec<String> {
        self.0
    }

    /// Nothing more may follow.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        match self.0.first() {
            Some(word) => Err(usage(format!("`{word}` does not go with --jsonl"))),
            None => Ok(()),
        }
    }
}

fn usage(message: String) -> Failure {
    Failure::usage(verdict_job::Error::Usage(message))
}

/// The text of a file that a flag names.
pub(crate) fn text_of(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("`{path}` cannot be read: {e}"))
}

/// A file that cannot be read.
pub(crate) fn in_file(path: &str, error: &io::Error) -> Failure {
    Failure::world(io::Error::new(error.kind(), format!("`{path}` cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Words {
        Words::new(text.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn own_flags_are_taken_out_wherever_they_stand() {
        let mut given = words("welch-t --format json --control 1,2,3 --jsonl=x");
        assert_eq!(given.format().unwrap(), Format::Json);
        assert_eq!(given.value("jsonl").unwrap().as_deref(), Some("x"));
        assert_eq!(given.first().as_deref(), Some("welch-t"));
        assert_eq!(given.rest(), ["--control", "1,2,3"]);
    }

    #[test]
    fn a_flag_without_its_value_is_wrong_usage() {
        assert!(words("--jsonl").value("jsonl").is_err());
        assert!(words("--format xml").format().is_err());
        assert_eq!(words("--formatted x").value("format").unwrap(), None);
    }
}
