//! What can be typed.

mod cluster;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use verdict_model::NaiveDate;

pub(crate) use cluster::{At, Cluster, ClusterCommand, Sending, WorkersLost};

/// A/B experiments, from event logs to decisions.
#[derive(Debug, Parser)]
#[command(name = "verdict", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 done, and a check or a \
                        guardrail asks for attention (--fail-on chooses which); 143 stopped by SIGTERM, 130 by SIGINT.\n\
                        Standard output is data, standard error is progress and diagnosis."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the tables of one date from the logs, and say what the experiments did
    Run(Run),
    /// Make the tables of every date of a range, in one pass over its days
    Backfill(Backfill),
    /// Judge group statistics that are there, without reading any log
    Analyze(Analyze),
    /// Write a page for each experiment, with an index, from the tables that are there; nothing is made
    Report(Report),
    /// Divide stored units at random, hundreds of times: can a metric be trusted at its size?
    Aa(Aa),
    /// Check a project's files, and their columns against the logs
    Validate(Validate),
    /// Say what a run would make, and why; nothing is written
    Plan(Plan),
    /// Make partitions again from their inputs, and compare their bytes with those that are there
    Verify(Verify),
    /// Remove what nobody needs: what killed processes left, and old partials
    Gc(Gc),
    /// Run SQL over the tables and views
    Query(Query),
    /// Work for runs on other machines
    Cluster(Cluster),
    /// Repeat an experiment on units whose truth is stated, and count what would be decided
    Simulate(Simulate),
    /// Write a starter project, with a comment for every choice
    Init(Init),
    /// Write a log whose truth is known, and a project over it
    Generate(Generate),
    /// One statistical method on given numbers
    #[command(disable_help_flag = true)]
    Stat(Words),
    /// How many units, how long, which effect, what power
    #[command(disable_help_flag = true)]
    Power(Words),
    /// Print completions for a shell
    Completions(Completions),
    /// Print the manual page
    Man(Man),
}

/// What every command needs to know of a project. `F` are the ways to print that a command knows.
#[derive(ClapArgs, Debug)]
pub(crate) struct Project<F: Printing = Format> {
    /// The project folder
    #[arg(short, long, default_value = ".", value_name = "FOLDER")]
    pub(crate) project: PathBuf,
    /// Where the tables are, instead of the project's own setting (a path or s3://bucket/prefix)
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) tables: Option<String>,
    /// A setting of the engine, by name: datafusion.execution.target_partitions=4
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// How to print
    #[arg(long, value_enum, default_value = F::DEFAULT)]
    pub(crate) format: F,
}

/// Ways to print.
pub(crate) trait Printing: ValueEnum + Clone + Send + Sync + 'static {
    /// The word of the one that is meant where none is named. (A word, since clap keeps defaults that are values in one place
    /// for all types.)
    const DEFAULT: &'static str;
}

impl Printing for Format {
    const DEFAULT: &'static str = "text";
}

impl Printing for Shown {
    const DEFAULT: &'static str = "text";
}

impl Printing for Reported {
    const DEFAULT: &'static str = "html";
}

impl Project<Shown> {
    /// For a command that knows no Markdown.
    pub(crate) fn plain(self) -> Project {
        let Project { project, tables, set, limits, format } = self;
        let format = if format == Shown::Json { Format::Json } else { Format::Text };
        Project { project, tables, set, limits, format }
    }
}

/// What the process may take.
#[derive(ClapArgs, Debug, Default)]
pub(crate) struct Limits {
    /// Memory that may be held at once, as 2GiB or 500MB; beyond it is spilled to disk [default: 8GiB]
    #[arg(long, value_name = "BYTES", value_parser = verdict_job::Limits::enough_memory)]
    pub(crate) memory: Option<u64>,
    /// The folder to spill to [default: the system's own for temporary files]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) spill_dir: Option<PathBuf>,
    /// Threads; they change no result [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZero<usize>>,
}

impl Limits {
    pub(crate) fn of_job(&self) -> verdict_job::Limits {
        let (memory, spill_dir) = (self.memory, self.spill_dir.clone());
        verdict_job::Limits { memory, spill_dir, threads: self.threads.map(Into::into) }
    }
}

/// What a run may read, and how long it may take.
#[derive(ClapArgs, Debug)]
pub(crate) struct Bounds {
    /// Refuse to run when more of the logs would be read, as 10GB
    #[arg(long, value_name = "BYTES", value_parser = verdict_job::Limits::bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// Give up after so many seconds [default: the project's storage.run_timeout_s]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: Option<u32>,
    /// Do not begin while a day that would be read, or that is an as-of date, is not complete by what its source asks
    #[arg(long)]
    pub(crate) require_complete: bool,
}

/// Which date, of which experiments.
#[derive(ClapArgs, Debug)]
pub(crate) struct Scope {
    /// The as-of date, the last day to include [default: yesterday, in the project's time zone]
    #[arg(short, long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) date: Option<NaiveDate>,
    /// Only this experiment (may be given several times)
    #[arg(short, long, value_name = "NAME")]
    pub(crate) experiment: Vec<String>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) project: Project<Shown>,
    #[command(flatten)]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
    #[command(flatten)]
    pub(crate) attention: Attention,
    /// Only say what would be made, and why (the same as `verdict plan`)
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Backfill {
    #[command(flatten)]
    pub(crate) project: Project<Shown>,
    /// The first as-of date
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) from: NaiveDate,
    /// The last as-of date [default: yesterday, in the project's time zone]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) to: Option<NaiveDate>,
    /// Only this experiment (may be given several times)
    #[arg(short, long, value_name = "NAME")]
    pub(crate) experiment: Vec<String>,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
    #[command(flatten)]
    pub(crate) attention: Attention,
    /// Only say what would be made, and why (the same as `verdict plan --from`)
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) work: Work,
}

/// How a run shares its work, and how it tells of it.
#[derive(ClapArgs, Debug)]
pub(crate) struct Work {
    /// Make a share of the days only, 2/8 is the second of eight, and where all days are made a share
    /// of the buckets of units of the totals. The slice that finds all shares made makes the rest, or a
    /// run without it does
    #[arg(long, value_name = "I/N")]
    pub(crate) slice: Option<Slice>,
    #[command(flatten)]
    pub(crate) sending: Sending,
    /// Write what changed (a decision, a guardrail, a check) to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) alerts: Option<PathBuf>,
    /// Tell what changed to a webhook that takes Slack's messages, if anything did [default: the
    /// environment's VERDICT_WEBHOOK]
    #[arg(long, value_name = "URL", hide_default_value = true)]
    pub(crate) webhook: Option<String>,
    /// What reading a terabyte costs, for the closing line's estimate
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) price_per_tb: Option<f64>,
    /// How progress and the closing line are told on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "HOW")]
    pub(crate) log_format: LogFormat,
    /// A line for every step
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// No progress, no closing line
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// A day, as it is typed.
fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "expected a day as YYYY-MM-DD, such as 2026-03-29".to_owned())
}

/// A share of the days, or of the buckets of totals: the `index`-th of `of`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

impl std::str::FromStr for Slice {
    type Err = String;

    fn from_str(text: &str) -> Result<Slice, String> {
        let wrong = || "expected I/N with I from 1 to N, such as 2/8".to_owned();
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        match (index.trim().parse(), of.trim().parse()) {
            (Ok(index), Ok(of)) if (1..=of).contains(&index) => Ok(Slice { index, of }),
            _ => Err(wrong()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Analyze {
    #[command(flatten)]
    pub(crate) project: Project<Shown>,
    #[command(flatten)]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) attention: Attention,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) project: Project<Reported>,
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// Where the site goes, a folder or s3://bucket/prefix; files of an earlier one are written over
    #[arg(short, long, value_name = "PATH|URL", default_value = "verdict-report")]
    pub(crate) out: String,
}

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "Units are those of the latest unit totals up to --date. Exit code 3: some metric is not to be trusted."
)]
pub(crate) struct Aa {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// How many times the units are divided into halves
    #[arg(short = 'n', long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) splits: u32,
    /// The level of the tests [default: the experiment's]
    #[arg(long, value_name = "A", value_parser = level)]
    pub(crate) alpha: Option<f64>,
    /// Another seed gives other halves
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Print the resolved configuration, every default filled in
    #[arg(long)]
    pub(crate) show: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// Plan a backfill: every as-of date from this one to --date
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) from: Option<NaiveDate>,
    /// Print the rendered stage queries
    #[arg(long)]
    pub(crate) sql: bool,
    /// Fail where a day that would be read, or that is an as-of date, is not complete by what its source asks
    #[arg(long)]
    pub(crate) require_complete: bool,
    #[command(flatten)]
    pub(crate) at: At,
}

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "Exit codes: 0 every partition is what its inputs give; 1 one is not; 3 one is missing or stale."
)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// The first as-of date [default: only --date]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) from: Option<NaiveDate>,
    /// No progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Gc {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Only say what would go, and why
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Partials of so many days are kept
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) older_than: u32,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Query {
    #[command(flatten)]
    pub(crate) project: Project,
    /// How to print the rows, instead of what --format says
    #[arg(short, long, value_enum, value_name = "HOW")]
    pub(crate) output: Option<Output>,
    #[command(flatten)]
    pub(crate) sending: Sending,
    /// How rows are packed on their way from workers
    #[arg(long, value_enum, default_value_t = Packing::Lz4, requires = "workers", value_name = "HOW")]
    pub(crate) compression: Packing,
    /// The query
    #[arg(allow_hyphen_values = true)]
    pub(crate) sql: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table for people
    Table,
    /// Comma-separated values with a line of names
    Csv,
    /// A JSON array
    Json,
    /// A Parquet file, on standard output
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Packing {
    /// Not at all
    None,
    /// Fast
    Lz4,
    /// Smaller
    Zstd,
}

impl From<Packing> for verdict_job::Compression {
    fn from(packing: Packing) -> verdict_job::Compression {
        match packing {
            Packing::None => verdict_job::Compression::None,
            Packing::Lz4 => verdict_job::Compression::Lz4,
            Packing::Zstd => verdict_job::Compression::Zstd,
        }
    }
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Init {
    /// The folder of the project
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "The log is that of a shop with three experiments; cargo doc -p verdict-generate has its laws, truth.json what \
                  was planted.\n\
                  Faults to plant: lost_units=0.01, novelty=0.5, simpson=0.1, interaction=0.3, bot=2000."
)]
pub(crate) struct Generate {
    /// The folder to write, which must not exist, or be empty
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The first day [default: so that the last one is yesterday]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) from: Option<NaiveDate>,
    /// How many days
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub(crate) days: u32,
    /// How many users there are; about a fifth of them comes on a day
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) users: u32,
    /// Mean number of events of a user on a day on which it comes
    #[arg(long, value_name = "MEAN", default_value_t = 12.0)]
    pub(crate) events_per_visit: f64,
    /// Another seed gives other users
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// An effect to plant: new_checkout:treatment:orders=+5% (orders, clicks, amount, latency)
    #[arg(long, value_name = "EXPERIMENT:VARIANT:QUANTITY=SIZE", allow_hyphen_values = true)]
    pub(crate) effect: Vec<verdict_generate::Effect>,
    /// A fault to plant (may be given several times)
    #[arg(long, value_name = "FAULT=NUMBER")]
    pub(crate) plant: Vec<verdict_generate::Plant>,
    /// Threads; they change no byte [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZero<usize>>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// No progress, no closing line
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Man {
    /// Write a page for each command into this folder instead
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "A population file says who arrives and how metrics are distributed; README.md has one."
)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) project: Project,
    /// The experiment [default: the only one]
    pub(crate) experiment: Option<String>,
    /// What units do: a YAML file
    #[arg(long, value_name = "FILE")]
    pub(crate) population: Option<PathBuf>,
    /// Units that enter on a day, over all variants
    #[arg(long, value_name = "N")]
    pub(crate) units_per_day: Option<f64>,
    /// What units do on a metric, as in the file: 'revenue={distribution: gaussian, mean: 3, sd: 5}'
    #[arg(long, value_name = "NAME=YAML", value_parser = key_value)]
    pub(crate) metric: Vec<(String, String)>,
    /// Take means, variances and correlations from day to day from the control's stored group
    /// statistics, of every day up to --date
    #[arg(long)]
    pub(crate) from_logs: bool,
    /// The last day of --from-logs [default: yesterday, in the project's time zone]
    #[arg(short, long, value_name = "YYYY-MM-DD", requires = "from_logs")]
    pub(crate) date: Option<NaiveDate>,
    /// An effect: revenue=+5%, revenue=-0.2 (in the metric's unit), blue:revenue=+5% (one variant)
    #[arg(long, value_name = "[VARIANT:]METRIC=SIZE", allow_hyphen_values = true)]
    pub(crate) effect: Vec<verdict_sim::Effect>,
    /// How many experiments
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) experiments: u64,
    /// Another seed gives other experiments
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many days, instead of the planned duration
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u32>,
    /// Judge every look, instead of finding the first crossing by bisection
    #[arg(long)]
    pub(crate) every_look: bool,
    /// No progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Words that the command reads by itself.
#[derive(ClapArgs, Debug)]
pub(crate) struct Words {
    /// What is asked, and its flags; --help tells of them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    pub(crate) words: Vec<String>,
}

/// What makes a finished run ask for attention.
#[derive(ClapArgs, Debug)]
pub(crate) struct Attention {
    /// What makes the exit code 3 (may be given several times)
    #[arg(long, value_enum, value_name = "WHAT", default_values_t = [FailOn::Checks, FailOn::Guardrails])]
    pub(crate) fail_on: Vec<FailOn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// A check failed: a decision is `invalid`
    Checks,
    /// A guardrail is violated
    Guardrails,
    /// A check warns
    Warnings,
    /// A decision, a guardrail or a check is not what it was when last told
    Changes,
    /// Nothing
    Never,
}

/// What commands print that judge experiments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// For people at a terminal
    Text,
    /// For chat and pull requests
    Markdown,
    /// For programs
    Json,
}

/// What `report` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reported {
    /// A static site
    Html,
    /// For people at a terminal
    Text,
    /// For chat and pull requests
    Markdown,
    /// For programs
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

fn level(text: &str) -> Result<f64, String> {
    let level = text.parse::<f64>().ok().filter(|level| *level > 0.0 && *level < 1.0);
    level.ok_or_else(|| "expected a number between 0 and 1".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

impl Command {
    /// The threads that are asked for.
    pub(crate) fn threads(&self) -> Option<usize> {
        let limits = match self {
            Command::Run(args) => &args.project.limits,
            Command::Backfill(args) => &args.project.limits,
            Command::Analyze(args) => &args.project.limits,
            Command::Report(args) => &args.project.limits,
            Command::Aa(args) => &args.project.limits,
            Command::Validate(args) => &args.project.limits,
            Command::Plan(args) => &args.project.limits,
            Command::Verify(args) => &args.project.limits,
            Command::Gc(args) => &args.project.limits,
            Command::Query(args) => &args.project.limits,
            Command::Cluster(args) => match &args.command {
                ClusterCommand::Worker(worker) => &worker.limits,
            },
            Command::Simulate(args) => &args.project.limits,
            Command::Init(_)
            | Command::Generate(_)
            | Command::Stat(_)
            | Command::Power(_)
            | Command::Completions(_)
            | Command::Man(_) => return None,
        };
        limits.threads.map(Into::into)
    }
}
