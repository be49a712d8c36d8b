//! `verdict power`: planning an experiment, from stated figures or from the project's own days.

use std::io::{self, IsTerminal as _, Write as _};

use verdict_analysis::planning::{Chars, flags};

use super::power_from_logs::{self, FromLogs};
use super::words::Words;
use crate::args::Format;
use crate::exit::{Exit, Failure};

pub(crate) async fn power(words: Vec<String>) -> Result<Exit, Failure> {
    let mut words = Words::new(words);
    let format = words.format()?;
    if words.help() || words.is_empty() {
        write!(io::stdout().lock(), "{}{}", flags::help(), power_from_logs::HELP)?;
        return Ok(Exit::Done);
    }
    if let Some(asked) = FromLogs::taken(&mut words)? {
        return power_from_logs::power(asked, &words.rest(), format).await;
    }
    let plan = flags::planned(&words.rest()).map_err(Failure::usage)?;
    let mut out = io::stdout().lock();
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
