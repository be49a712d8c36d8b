//! `verdict cluster worker`.

use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verdict_cluster::{Handler, Served, ServerTls, serve};
use verdict_job::{Job, Limits};

use super::rows_sent::sent;
use super::sending::{Task, Wanted, identity, secret};
use crate::args::{self, ClusterCommand};
use crate::exit::{Exit, Failure};
use crate::progress::line as note;

/// Serves until `draining` says that the steps under way are the last.
pub(crate) async fn cluster(
    args: args::Cluster,
    draining: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let ClusterCommand::Worker(worker) = args.command;
    let slots = worker.slots.get();
    let mut limits = worker.limits.of_job();
    // Without a limit each step has the default of a run.
    limits.memory = limits.memory.map(|bytes| bytes / u64::from(slots));
    let engine = Handle::current();
    let handler: Handler = Arc::new(move |task| {
        // The engine computes on its own threads; dropping the future ends the step.
        let work = Ending(engine.spawn(Box::pin(work(task, limits.clone()))));
        Box::pin(async move {
            let mut work = work;
            (&mut work.0).await.unwrap_or_else(|ended| Err(format!("the step ended: {ended}")))
        })
    });
    let tls = match (&worker.tls_cert, &worker.tls_key) {
        (Some(certificate), Some(key)) => Some(ServerTls::from_files(certificate, key)),
        _ => None,
    };
    let tls = tls.transpose().map_err(Failure::usage)?;
    let served = Served { identity: identity(), secret: secret(), tls, slots: slots as usize };
    // A thread of its own, so that a worker that computes on all others still says that it is alive.
    let (ended, end) = tokio::sync::oneshot::channel();
    let network = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("network".into()).spawn(move || {
        let serving = async {
            let listener = TcpListener::bind(worker.listen).await?;
            let address = listener.local_addr()?;
            let tell = |what: &str| note(&format!("warning: {what}"));
            let served = serve(listener, served, handler, draining, tell);
            note(&format!("listening on {address}, {slots} steps at once"));
            served.await
        };
        // Who waits for it has ended with the process.
        let _ = ended.send(network.block_on(serving));
    })?;
    match end.await {
        Ok(Err(error)) => Err(Failure::world(error)),
        Ok(Ok(())) => Ok(Exit::Done),
        Err(gone) => Err(Failure::world(gone)),
    }
}

/// Makes a step: what was done, as the coordinator reads it.
async fn work(task: Value, limits: Limits) -> Result<Value, String> {
    let Task { project, tables, set, step } =
        serde_json::from_value(task).map_err(|e| format!("a step that is none: {e}"))?;
    let made = async {
        let project = project.load()?;
        let (job, problems) = Job::new(project, Some(&tables), &set, &limits)?;
        if !problems.is_empty() {
            return Err(Failure::of_job(problems));
        }
        match step {
            Wanted::Made(step) => {
                let made = job.make_step(&step).await?;
                note(&format!("made {step}: {} partitions of {} log rows", made.made, made.rows));
                Ok(serde_json::to_value(made))
            }
            Wanted::Rows(step) => {
                let rows = job.make_query_step(&step).await?;
                let bytes: usize = rows.iter().flatten().map(Vec::len).sum();
                note(&format!("made {step}: {bytes} bytes of rows"));
                Ok(serde_json::to_value(sent(rows)))
            }
        }
    };
    let made = made.await.map_err(|failure: Failure| failure.summary())?;
    made.map_err(|e| e.to_string())
}

/// A task that ends with who waits for it.
struct Ending(JoinHandle<Result<Value, String>>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}
