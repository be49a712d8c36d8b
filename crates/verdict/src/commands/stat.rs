//! `verdict stat`: one method on given numbers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};

use verdict_analysis::stat::{answer, flags};

use super::moments;
use super::words::{self, Words};
use crate::args::Format;
use crate::exit::{Exit, Failure};

const USAGE: &str = "\
One statistical method on given numbers.

Usage: verdict stat METHOD FLAGS [--format text|json]
       verdict stat METHOD --help
       verdict stat --jsonl FILE|-

With --jsonl each line {\"method\": …, \"input\": {…}} of the file (- is standard input) is answered by one
line {\"method\": …, \"output\": {…}} or {\"method\": …, \"error\": \"…\"}.

Methods:
";

pub(crate) fn stat(words: Vec<String>) -> Result<Exit, Failure> {
    let mut words = Words::new(words);
    let format = words.format()?;
    let mut out = io::stdout().lock();
    if let Some(file) = words.value("jsonl")? {
        words.end()?;
        return lines(&file);
    }
    let help = words.help();
    let Some(name) = words.first() else {
        write!(out, "{USAGE}{}", flags::overview())?;
        return Ok(Exit::Done);
    };
    if help {
        write!(out, "{}", flags::method(&name).map_err(Failure::usage)?.help())?;
        return Ok(Exit::Done);
    }
    let answer = flags::ask(&name, &words.rest(), &words::text_of).map_err(Failure::usage)?;
    match format {
        Format::Text => writeln!(out, "{}", answer.text().trim_end())?,
        Format::Json => writeln!(out, "{:#}", answer.json())?,
    }
    Ok(Exit::Done)
}

/// Answers each line as it comes, so that a program may hold a conversation.
fn lines(file: &str) -> Result<Exit, Failure> {
    let reader: Box<dyn BufRead> = match file {
        "-" => Box::new(io::stdin().lock()),
        path => Box::new(BufReader::new(File::open(path).map_err(|e| words::in_file(path, &e))?)),
    };
    let mut out = io::stdout().lock();
    for line in reader.lines() {
        let line = line.map_err(|e| words::in_file(file, &e))?;
        if !line.trim().is_empty() {
            writeln!(out, "{}", moments::answer(&line).unwrap_or_else(|| answer(&line)))?;
            out.flush()?;
        }
    }
    Ok(Exit::Done)
}
