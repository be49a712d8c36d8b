//! The `verdict` command: arguments, standard output, exit codes and today's date; everything else is in the
//! crates below it.

mod alerts;
mod allocator;
mod args;
mod commands;
mod exit;
mod progress;
mod stop;
mod terminal;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tokio::sync::watch;

use args::{Args, Command};
use exit::{Exit, Failure};

/// Stack of the threads that plan and run queries: plans of many metrics are deep in a dev build.
const STACK_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    let args = Args::parse();
    match start(args) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.reader_left() => Exit::Done.into(),
        Err(failure) => {
            // Where standard error is closed there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit().into()
        }
    }
}

fn start(args: Args) -> Result<Exit, Failure> {
    allocator::keep_together(args.command.threads());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = args.command.threads() {
        builder.worker_threads(threads);
    }
    let runtime =
        builder.enable_all().thread_stack_size(STACK_BYTES).build().map_err(Failure::world)?;
    let (drain, draining) = watch::channel(false);
    let drain = matches!(args.command, Command::Cluster(_)).then_some(drain);
    let work = runtime.spawn(Box::pin(dispatch(args, draining)));
    let ended = runtime.block_on(stop::until_stopped(work, drain));
    // A thread that is in the middle of something ends with the process.
    runtime.shutdown_background();
    verdict_job::leave_no_scratch();
    ended
}

/// `draining` is for what ends when the steps under way are done.
async fn dispatch(args: Args, draining: watch::Receiver<bool>) -> Result<Exit, Failure> {
    match args.command {
        Command::Run(args) => Box::pin(commands::run::run(args)).await,
        Command::Backfill(args) => Box::pin(commands::run::backfill(args)).await,
        Command::Analyze(args) => Box::pin(commands::analyze::analyze(args)).await,
        Command::Report(args) => Box::pin(commands::report::report(args)).await,
        Command::Aa(args) => Box::pin(commands::aa::aa(args)).await,
        Command::Validate(args) => Box::pin(commands::validate::validate(args)).await,
        Command::Plan(args) => Box::pin(commands::plan::plan(args)).await,
        Command::Verify(args) => Box::pin(commands::verify::verify(args)).await,
        Command::Gc(args) => Box::pin(commands::gc::gc(args)).await,
        Command::Query(args) => Box::pin(commands::query::query(args)).await,
        Command::Cluster(args) => Box::pin(commands::cluster::cluster(args, draining)).await,
        Command::Simulate(args) => Box::pin(commands::simulate::simulate(args)).await,
        Command::Init(args) => commands::init::init(args),
        Command::Generate(args) => commands::generate::generate(args),
        Command::Completions(args) => commands::shell::completions(&args),
        Command::Man(args) => commands::shell::man(&args),
        Command::Stat(args) => commands::stat::stat(args.words),
        Command::Power(args) => Box::pin(commands::power::power(args.words)).await,
    }
}
