//! The long table of coverage and error rates: `cargo run --release -p verdict-analysis --example error_rates`.
//!
//! `tests/simulations.rs` makes the same runs in short. Standard output is `ERROR_RATES.md`; with an argument it is the rows
//! alone whose method or data have that part.

#![expect(clippy::print_stdout, reason = "the table is what the example is for")]

mod counts;
mod draws;
mod means;
mod resampled;
mod samples;

use std::process::ExitCode;

use draws::{Case, Claim};

/// How many times the runs of the test this table makes.
const LONGER: u64 = 25;

fn main() -> ExitCode {
    let part = std::env::args().nth(1);
    if part.is_none() {
        heading();
    }
    let part = part.unwrap_or_default();
    let mut outside = 0;
    for case in cases().filter(|case| case.what.contains(&part) || case.data.contains(&part)) {
        let runs = case.runs * LONGER;
        let share = case.count(runs) as f64 / runs as f64;
        let (low, high) = case.allowed(runs);
        let fails = !(low <= share && share <= high);
        outside += u32::from(fails);
        println!(
            "| {} | {} | {} | {} | {}{} | {} to {} |",
            case.what,
            case.data,
            claim(case),
            runs,
            percent(share),
            if fails { " **outside**" } else { "" },
            percent(low.max(0.0)),
            percent(high.min(1.0))
        );
    }
    if outside == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn heading() {
    println!("# Coverage and error rates, by simulation\n");
    println!(
        "Made by `cargo run --release -p verdict-analysis --example error_rates > crates/verdict-analysis/ERROR_RATES.md`."
    );
    println!(
        "Intervals are of 95%, tests of 5%. \"Allowed\" is what the method claims: the nominal share, the bias that is known"
    );
    println!(
        "of it at such data (discreteness, skewness), and four binomial standard errors of this many runs on either side; a"
    );
    println!(
        "row outside of it fails the command. Rows of mistakes stand beside the right way; their range is what they are known"
    );
    println!("to do. `tests/simulations.rs` runs the same cases with 1 in {LONGER} of the runs.\n");
    println!("| method | data | claim | runs | observed | allowed |");
    println!("|---|---|---|---:|---:|---|");
}

fn cases() -> impl Iterator<Item = &'static Case> {
    [counts::CASES, means::CASES, samples::CASES, resampled::CASES].into_iter().flatten()
}

fn claim(case: &Case) -> &'static str {
    match case.claim {
        Claim::Covers(_) => "covers 95%",
        Claim::CoversAtLeast => "covers 95% or more",
        Claim::Rejects(_) => "rejects 5%",
        Claim::RejectsAtMost => "rejects 5% or less",
        Claim::Errs(..) => "errs",
    }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}
