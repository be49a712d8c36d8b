//! `verdict power`: planning an experiment.

use std::io::{self, IsTerminal as _, Write as _};

use verdict_analysis::planning::{Chars, flags};

use super::words::Words;
use crate::args::Format;
use crate::exit::{Exit, Failure};

pub(crate) fn power(words: Vec<String>) -> Result<Exit, Failure> {
    let mut words = Words::new(words);
    let format = words.format()?;
    let mut out = io::stdout().lock();
    if words.help() || words.is_empty() {
        write!(out, "{}", flags::help())?;
        return Ok(Exit::Done);
    }
    let plan = flags::planned(&words.rest()).map_err(Failure::usage)?;
    match format {
        Format::Text => {
            // A program that reads this may not know more than ASCII; a terminal does.
            let chars = if out.is_terminal() { Chars::Unicode } else { Chars::Ascii };
            writeln!(out, "{}", plan.text(chars).trim_end())?;
        }
        Format::Json => writeln!(out, "{:#}", plan.json())?,
    }
    Ok(Exit::Done)
}
