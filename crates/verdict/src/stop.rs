//! SIGTERM and SIGINT: stop within seconds, leave nothing half-made.

use std::io::Write as _;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::exit::{Exit, Failure};
use crate::progress::line as note;

/// How long stopping may take: the task itself, and then taking back what was begun and not finished.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for the work to end, or for a signal that ends it.
///
/// Partitions are seen when they are whole and not before, so there is nothing to be mended: the next run makes what is
/// missing. Where there is something to `drain`, the first SIGTERM lets what is under way end, and the second one ends it.
pub(crate) async fn until_stopped(
    mut work: JoinHandle<Result<Exit, Failure>>,
    mut drain: Option<watch::Sender<bool>>,
) -> Result<Exit, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::world)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::world)?;
    let exit = loop {
        tokio::select! {
            ended = &mut work => {
                let ended = ended.map_err(Failure::world)?;
                verdict_job::settle(PATIENCE).await;
                return ended;
            }
            exit = stopped(&mut terminate, Exit::Terminated) => match drain.take() {
                Some(drain) => {
                    note("stopping when the steps under way are done; a second signal stops at once");
                    drain.send_replace(true);
                }
                None => break exit,
            },
            exit = stopped(&mut interrupt, Exit::Interrupted) => break exit,
        }
    };
    work.abort();
    // Work that does not listen ends with the process.
    let _ = timeout(PATIENCE, work).await;
    verdict_job::settle(PATIENCE).await;
    let told = "stopped by a signal: every partition that is there is whole, and the next run makes the others";
    // Where standard error is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{told}");
    Ok(exit)
}

async fn stopped(signal: &mut Signal, exit: Exit) -> Exit {
    signal.recv().await;
    exit
}
