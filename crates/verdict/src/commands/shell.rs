//! `verdict completions` and `verdict man`: what a package puts beside the command.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::args::{self, Args};
use crate::exit::{Exit, Failure};

/// Prints a shell's completions.
pub(crate) fn completions(args: &args::Completions) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "verdict", &mut text);
    std::io::stdout().lock().write_all(&text)?;
    Ok(Exit::Done)
}

/// Prints the manual page, or writes one for the command and one for each of its own.
pub(crate) fn man(args: &args::Man) -> Result<Exit, Failure> {
    match &args.out {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(Args::command(), folder)?;
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Args::command()).render(&mut text)?;
            std::io::stdout().lock().write_all(&text)?;
        }
    }
    Ok(Exit::Done)
}
