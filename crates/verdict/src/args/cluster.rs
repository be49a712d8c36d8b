//! Workers, and how they are used.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use verdict_cluster::Workers;

use super::Limits;

#[derive(ClapArgs, Debug)]
pub(crate) struct Cluster {
    #[command(subcommand)]
    pub(crate) command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Do steps of runs that coordinators (`verdict run --workers`) send, until it is stopped
    Worker(Worker),
}

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "A worker needs no project: the coordinator sends it. It needs the stores, by the same paths and URLs, and what \
                  the environment says of them. VERDICT_CLUSTER_SECRET is the secret that both sides must know; without it \
                  a worker listens on 127.0.0.1 only. Nothing is encrypted without --tls-cert."
)]
pub(crate) struct Worker {
    /// Where to listen; port 0 is any that is free, and standard error says which
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7411")]
    pub(crate) listen: SocketAddr,
    /// Steps that are done at once; each may take an equal share of the memory
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) slots: std::num::NonZero<u32>,
    /// Encrypt: the worker's certificate in PEM, which names it as coordinators do; with --workers-ca there
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// Where workers are.
#[derive(ClapArgs, Debug)]
pub(crate) struct At {
    /// Send days and totals to workers (`verdict cluster worker`): HOST:PORT, several with commas, or dns://NAME:PORT
    #[arg(long, value_name = "HOST:PORT,…")]
    pub(crate) workers: Option<Workers>,
    /// Encrypt: the authorities, in PEM, one of which signed every worker's certificate (--tls-cert there)
    #[arg(long, value_name = "FILE", requires = "workers")]
    pub(crate) workers_ca: Option<PathBuf>,
}

/// Workers that a run sends its days and totals to.
#[derive(ClapArgs, Debug)]
pub(crate) struct Sending {
    #[command(flatten)]
    pub(crate) at: At,
    /// A worker that says nothing for so long is lost
    #[arg(long, value_name = "SECONDS", default_value_t = 15, requires = "workers",
          value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) worker_silence: u32,
    /// A worker that takes longer for a step is lost [default: it may take as long as it likes]
    #[arg(long, value_name = "SECONDS", requires = "workers", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) step_timeout: Option<u32>,
    /// How often a step is given to a worker before the rest is left
    #[arg(long, value_name = "N", default_value_t = 3, requires = "workers",
          value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) worker_attempts: u32,
    /// What becomes of steps that no worker did
    #[arg(long, value_enum, default_value_t = WorkersLost::Local, requires = "workers", value_name = "WHAT")]
    pub(crate) workers_lost: WorkersLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkersLost {
    /// This process makes them
    Local,
    /// The run fails; what was made stays
    Fail,
}
