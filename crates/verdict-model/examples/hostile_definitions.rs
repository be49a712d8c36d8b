//! Definitions with anything wrong in them, for so many seconds: each is a list of problems, or a project whose experiments' plans
//! the loader reads again as they are. A panic, a depth that ends the process or another plan ends it with the input.
//!
//! ```text
//! cargo run -p verdict-model --example hostile_definitions -- SECONDS [SEED] [FOLDER]
//! ```
#![expect(clippy::unwrap_used, reason = "a panic is how a fuzzer says what it found")]
#![expect(clippy::print_stdout, reason = "the counts are what it is run for")]

use std::path::Path;
use std::time::{Duration, Instant};

use verdict_model::{ExperimentPlan, LoadError, ProjectFiles};

/// A stateless mix of 64 bits, counted on: inputs depend on the seed alone.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// What means something to YAML, to a loader, or to whoever counts.
const WORDS: [&str; 48] = [
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "|",
    ">",
    "'",
    "\"",
    "---\n",
    "...\n",
    "? ",
    "~",
    "null",
    "true",
    "-1",
    "0",
    "1e309",
    "-0.0",
    "nan",
    ".inf",
    "0x7f",
    "1_000",
    "99999999999999999999",
    "0.05",
    "2024-02-30",
    "2019-11-24",
    "\u{feff}",
    "\u{202e}",
    "\0",
    "é",
    "type",
    "experiment",
    "metrics",
    "units",
    "mean",
    "../..",
];

fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = |or: u64| args.next().map_or(or, |arg| arg.parse().unwrap());
    let (seconds, seed) = (number(10), number(1));
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../jobs/sample");
    let folder = args.next().map_or(sample, Into::into);
    let files = ProjectFiles::read(&folder).unwrap();
    assert!(files.load().is_ok(), "{} is a project", folder.display());
    let mut draws = Draws(seed);
    let (mut tried, mut not_yaml, mut invalid, mut projects, mut plans) = (0_u64, 0, 0, 0, 0);
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let harms = draws.below(6);
        let mut all = String::new();
        // Of each file a part may come from another.
        let files = files.clone().changed(|_, text| {
            all.push_str(text);
            let mut text: Vec<char> = text.chars().collect();
            for _ in 0..harms {
                harm(&mut text, &all, &mut draws);
            }
            text.into_iter().collect()
        });
        let one = Instant::now();
        tried += 1;
        match files.load() {
            Err(LoadError::Yaml { .. }) => not_yaml += 1,
            Err(error) => {
                invalid += 1;
                assert!(!error.to_string().is_empty());
            }
            Ok(project) => {
                projects += 1;
                for experiment in &project.experiments {
                    let plan = ExperimentPlan::of(&project, experiment);
                    let again = ExperimentPlan::load(&plan.text);
                    let again = again.unwrap_or_else(|e| panic!("{e}\n{}\n{files:#?}", plan.text));
                    let experiment = again.experiments.first().unwrap();
                    let same = ExperimentPlan::of(&again, experiment);
                    assert_eq!(same.keys, plan.keys, "{}\n{files:#?}", plan.text);
                    plans += 1;
                }
            }
        }
        slowest = slowest.max(one.elapsed());
    }
    println!(
        "{tried} projects tried: {not_yaml} no YAML, {invalid} with problems, {projects} valid, whose {plans} plans were read \
         again as they are; the slowest took {:.3} s",
        slowest.as_secs_f64()
    );
}

/// Changes a text in one place.
fn harm(text: &mut Vec<char>, others: &str, draws: &mut Draws) {
    let at = draws.below(text.len() + 1);
    let to = (at + draws.below(12)).min(text.len());
    match draws.below(8) {
        0 => drop(text.drain(at..to)),
        1 | 2 => {
            let word = WORDS[draws.below(WORDS.len())];
            text.splice(at..to, word.chars());
        }
        3 => {
            let word = WORDS[draws.below(WORDS.len())];
            text.splice(at..at, word.chars());
        }
        4 => {
            // The same again, as often as it takes to be deep.
            let again: Vec<char> = text[at..to].to_vec();
            let times = 1 << draws.below(10);
            text.splice(at..at, again.iter().copied().cycle().take(again.len() * times));
        }
        5 => {
            let others: Vec<&str> = others.lines().collect();
            let line = others[draws.below(others.len())];
            text.splice(at..at, line.chars());
        }
        6 => {
            if let Some(c) = char::from_u32(draws.next() as u32 % 0x11_0000) {
                text.insert(at, c);
            }
        }
        _ => text.truncate(at.max(1)),
    }
}
