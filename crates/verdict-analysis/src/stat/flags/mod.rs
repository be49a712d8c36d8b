//! The methods by name, with flags for people: `verdict stat two-proportion-z --control 4820/50000 --treatment 5140/50000`.
//!
//! Each [`Method`] is a row of a table: its flags, what they mean, an example, how they become the input of
//! [`stat::evaluate`](super::evaluate), and how its output is said in one sentence. Method names and flags may be written with
//! `-` or `_`. Nothing here opens a file: a value `@path` goes through the caller's reader.
//!
//! ```
//! use verdict_analysis::stat::flags::ask;
//!
//! let words = ["--control", "4820/50000", "--treatment", "5140/50000"].map(str::to_owned);
//! let answer = ask("two-proportion-z", &words, &|_| Err("no files here".to_owned()))?;
//! assert!(answer.text().starts_with(
//!     "treatment − control = +0.64 points, 95% interval +0.269 points to +1.01 points, p = 0.000727 (two-sided)"
//! ));
//! # Ok::<(), verdict_analysis::stat::flags::AskError>(())
//! ```

mod bayesian;
mod families;
mod looks;
mod means;
mod plans;
mod proportions;
mod read;
mod samples;
mod say;
mod sequences;
mod text;

use serde_json::{Map, Value, json};
use verdict_model::nearest;

use super::{StatError, evaluate};
use crate::flags::{Flag, FlagError, Given, ReadFile, help_lines, pairs};

/// A method with its flags.
#[derive(Debug)]
pub struct Method {
    /// The name, as [`super::evaluate`] and the reference values have it: `two_proportion_z`.
    pub name: &'static str,
    /// What it answers, in a line.
    pub title: &'static str,
    /// The flags.
    pub flags: &'static [Flag],
    /// The words of an example that works.
    pub example: &'static [&'static str],
    /// The input of the method from the flags.
    build: fn(&Given<'_>) -> Result<Value, FlagError>,
    /// One sentence about the output, where one is natural.
    conclude: fn(&Value, &Map<String, Value>) -> Option<String>,
}

impl Method {
    /// The name as it is typed: `two-proportion-z`.
    #[must_use]
    pub fn typed(&self) -> String {
        self.name.replace('_', "-")
    }

    /// What the method answers, its flags and an example.
    #[must_use]
    pub fn help(&self) -> String {
        format!(
            "{}\n\nUsage: verdict stat {} FLAGS\n\nFlags:\n{}\nExample:\n  verdict stat {} {}\n",
            self.title,
            self.typed(),
            help_lines(self.flags),
            self.typed(),
            self.example.join(" ")
        )
    }

    /// The input of [`super::evaluate`] from flags and their values.
    ///
    /// # Errors
    /// [`FlagError`] for a flag that is unknown, missing, given twice or malformed, and for a file that cannot be read.
    pub fn input(
        &self,
        pairs: &[(String, String)],
        read: &ReadFile<'_>,
    ) -> Result<Value, FlagError> {
        (self.build)(&Given::new(&self.typed(), self.flags, pairs, read)?)
    }
}

/// A method's answer to flags.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The method.
    pub method: &'static Method,
    /// The input that the flags stood for.
    pub input: Value,
    /// All that the method says.
    pub output: Map<String, Value>,
}

impl Answer {
    /// The answer for people: one sentence where one is natural, then every value by its name.
    #[must_use]
    pub fn text(&self) -> String {
        let sentence = (self.method.conclude)(&self.input, &self.output);
        let table = text::table(&self.output);
        match sentence {
            Some(sentence) => format!("{sentence}\n\n{table}"),
            None => table,
        }
    }

    /// The answer for machines: `{"method": …, "output": {…}}`, as [`super::answer`] has it.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"method": self.method.name, "output": self.output})
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The flags make no request.
    #[error(transparent)]
    Flags(#[from] FlagError),
    /// The method refuses.
    #[error(transparent)]
    Method(#[from] StatError),
}

/// Asks a method by the words of a command line.
///
/// `read` turns the path after `@` into the text of the file.
///
/// # Errors
/// [`AskError`] when there is no such method, when the flags make no request, or when the method refuses the input.
pub fn ask(name: &str, words: &[String], read: &ReadFile<'_>) -> Result<Answer, AskError> {
    let method = method(name)?;
    let input = method.input(&pairs(words)?, read)?;
    let output = evaluate(method.name, &input)?;
    Ok(Answer { method, input, output })
}

/// The method of a name, written with `-` or `_`.
///
/// # Errors
/// [`FlagError::UnknownMethod`], with the nearest name.
pub fn method(name: &str) -> Result<&'static Method, FlagError> {
    let plain = name.replace('-', "_").to_lowercase();
    methods().find(|method| method.name == plain).ok_or_else(|| {
        let typed: Vec<String> = methods().map(Method::typed).collect();
        let given = plain.replace('_', "-");
        FlagError::UnknownMethod {
            nearest: nearest(&given, typed.iter().map(String::as_str)).map(str::to_owned),
            method: given,
            known: typed.join(", "),
        }
    })
}

/// Every method with flags, by theme.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    [
        proportions::METHODS,
        means::METHODS,
        samples::METHODS,
        families::METHODS,
        bayesian::METHODS,
        sequences::METHODS,
        looks::METHODS,
        plans::METHODS,
    ]
    .into_iter()
    .flatten()
}

/// All methods with their titles, aligned, one a line.
#[must_use]
pub fn overview() -> String {
    let width = methods().map(|method| method.name.len()).max().unwrap_or(0);
    methods().map(|method| format!("  {:width$}  {}\n", method.typed(), method.title)).collect()
}

#[cfg(test)]
mod tests;
