//! `--workers`: days and totals of a run, sent to workers. What workers made is not asked of them: the run plans again, finds what
//! is there and true, and makes the rest itself.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use verdict_analysis::words;
use verdict_cluster::{ClientTls, Credentials, Event, Identity, Left, Policy, Workers};
use verdict_job::{Job, Plan, Progress as _, QueryStep, Step, Tally};
use verdict_model::tables::FORMAT_VERSION;
use verdict_model::{NaiveDate, ProjectFiles};

use crate::args::{self, Printing, Shown, WorkersLost};
use crate::exit::Failure;
use crate::progress::Teller;

/// What a worker is sent: a step, and all that it needs to make it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) project: ProjectFiles,
    pub(super) tables: String,
    pub(super) set: Vec<(String, String)>,
    pub(super) step: Wanted,
}

/// What a worker may be asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Wanted {
    /// Partitions of the tables.
    Made(Step),
    /// Rows of a query.
    Rows(QueryStep),
}

/// The tasks of steps, for workers to which this process's folder means nothing.
pub(super) fn tasks<F: Printing>(
    job: &Job,
    project: &args::Project<F>,
    steps: impl IntoIterator<Item = Wanted>,
) -> Result<Vec<Value>, Failure> {
    let files = ProjectFiles::read(&project.project)?.absolute()?;
    let mut tables = job.tables().to_owned();
    if !tables.contains("://") {
        tables = std::path::absolute(&tables)?.display().to_string();
    }
    let task = |step| {
        let (project, tables, set) = (files.clone(), tables.clone(), project.set.clone());
        serde_json::to_value(Task { project, tables, set, step })
    };
    steps.into_iter().map(task).collect::<Result<_, _>>().map_err(Failure::world)
}

/// When a worker, or a step, is given up.
pub(super) fn policy(how: &args::Sending) -> Policy {
    let seconds = |s: u32| Duration::from_secs(s.into());
    Policy {
        silence: seconds(how.worker_silence),
        step: how.step_timeout.map(seconds),
        attempts: how.worker_attempts,
    }
}

/// The secret that coordinators and workers know; empty without one.
pub(super) fn secret() -> String {
    std::env::var("VERDICT_CLUSTER_SECRET").unwrap_or_default()
}

/// Who works together must be of the same: other versions write other bytes.
pub(super) fn identity() -> Identity {
    let version = env!("CARGO_PKG_VERSION").into();
    Identity { version, format: FORMAT_VERSION.to_string() }
}

/// What is shown to workers, and asked of them.
pub(super) fn credentials(at: &args::At) -> Result<Credentials, Failure> {
    let tls = at.workers_ca.as_deref().map(ClientTls::from_file).transpose();
    let tls = tls.map_err(Failure::usage)?;
    Ok(Credentials { identity: identity(), secret: secret(), tls })
}

/// A run's way to its workers.
pub(super) struct Sending<'a> {
    pub(super) job: &'a Job,
    pub(super) teller: &'a Teller,
    pub(super) project: &'a args::Project<Shown>,
    pub(super) workers: &'a Workers,
    pub(super) how: &'a args::Sending,
    pub(super) quiet: bool,
}

impl Sending<'_> {
    /// Has workers make the days of a plan: whether anything was made, so that one must plan again.
    pub(super) async fn days(&self, plan: &Plan, tally: &mut Tally) -> Result<bool, Failure> {
        let steps = self.job.day_steps(plan);
        self.send("days", &steps, tally).await?;
        Ok(!steps.is_empty())
    }

    /// The same for the totals of its experiments, a share for each worker: those of a share are made in one sweep.
    pub(super) async fn totals(
        &self,
        plan: &Plan,
        dates: (NaiveDate, NaiveDate),
        tally: &mut Tally,
    ) -> Result<bool, Failure> {
        let workers = self.workers.count().await;
        let [shares, totals] = self.job.totals_steps(plan, dates, workers);
        self.shares(&shares, tally).await?;
        self.send("totals", &totals, tally).await?;
        Ok(!totals.is_empty())
    }

    /// Has workers make shares of totals; those that no worker made are made here.
    pub(super) async fn shares(&self, steps: &[Step], tally: &mut Tally) -> Result<(), Failure> {
        for step in self.send("shares of totals", steps, tally).await? {
            // What fails here fails again where it is told of, when totals are made.
            if let Ok(made) = self.job.make_step(step).await {
                tally.add_work(&made);
            }
        }
        Ok(())
    }

    /// Has workers make steps, and gives those that none has made.
    async fn send<'s>(
        &self,
        what: &'static str,
        steps: &'s [Step],
        tally: &mut Tally,
    ) -> Result<Vec<&'s Step>, Failure> {
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let tasks = tasks(self.job, self.project, steps.iter().cloned().map(Wanted::Made))?;
        let policy = policy(self.how);
        let done = Mutex::new(0);
        let tell = |event: &Event<'_>| match event {
            Event::Done(step, worker) => self.done(&steps[*step], *worker, (&done, steps.len())),
            Event::Lost(worker, why) => {
                self.teller.note(&format!("warning: worker {worker} is not used: {why}"));
                let lost = json!({"worker": worker, "reason": why.to_string()});
                self.teller.event("worker_lost", lost);
            }
        };
        let credentials = credentials(&self.how.at)?;
        let spread = self.workers.spread(&tasks, &credentials, policy, &tell).await;
        let mut made = 0;
        let mut unmade = Vec::new();
        let mut first_left = None;
        for (step, came) in steps.iter().zip(spread.steps) {
            match came {
                Ok(value) => {
                    made += 1;
                    if let Ok(of_step) = serde_json::from_value::<Tally>(value) {
                        tally.add_work(&of_step);
                    }
                }
                Err(Left::Failed(why)) => {
                    unmade.push(step);
                    first_left.get_or_insert_with(|| format!("{step}: {why}"));
                }
                Err(Left::Lost) => {
                    unmade.push(step);
                    first_left
                        .get_or_insert_with(|| format!("{step}: no worker was left to make it"));
                }
            }
        }
        let (of, at) = (steps.len(), spread.workers.len());
        self.teller.event(
            "workers",
            json!({"what": what, "steps": of, "made_by_workers": made, "workers": at}),
        );
        if !self.quiet && self.teller.for_people() {
            let workers = words::counted(at as u64, "worker");
            self.teller.note(&format!("{made} of {of} {what} were made by {workers}"));
        }
        if let Some(left) = first_left {
            if self.how.workers_lost == WorkersLost::Fail {
                return Err(Failure::world(Unmade { left: of - made, of, what, first: left }));
            }
            self.teller
                .note(&format!("warning: {} of {of} {what} are made here ({left})", of - made));
        }
        Ok(unmade)
    }

    fn done(&self, step: &Step, worker: SocketAddr, (done, of): (&Mutex<usize>, usize)) {
        let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *done += 1;
        self.teller.step(*done, of, &format!("{step}, by worker {worker}"));
    }
}

/// Steps that nobody made, where workers must.
#[derive(Debug, thiserror::Error)]
#[error(
    "{left} of {of} {what} were made by no worker, the first of them {first}; what was made stays: run again when the workers \
     are well, or let this machine make the rest with `--workers-lost local`"
)]
pub(super) struct Unmade {
    pub(super) left: usize,
    pub(super) of: usize,
    pub(super) what: &'static str,
    pub(super) first: String,
}
