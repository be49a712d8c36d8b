//! The coordinator: gives steps to workers, and those of lost workers to others.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde_json::Value;

use crate::wire::{Answer, Connection, within};
use crate::{ClientTls, Error, Identity, Result};

/// How long the second round waits; each after it twice as long.
const BACK_OFF: Duration = Duration::from_millis(500);

/// What the addresses of a host with its port are.
type Lookup = fn(String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>>;

/// Where workers are.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Hosts with ports; each may stand for several addresses.
    hosts: Vec<String>,
    lookup: Lookup,
}

/// Asks the system, which asks the name's server.
fn of_system(host: String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host(host).await?.collect()) })
}

impl std::str::FromStr for Workers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Workers> {
        let wrong = || Error::Address { text: text.to_owned() };
        let host = |one: &str| {
            let host = one.trim();
            let host =
                ["dns://", "http://"].iter().find_map(|s| host.strip_prefix(s)).unwrap_or(host);
            let (name, port) = host.trim_end_matches('/').rsplit_once(':')?;
            let whole = !name.is_empty() && !name.contains('/') && port.parse::<u16>().is_ok();
            whole.then(|| format!("{name}:{port}"))
        };
        let hosts = text.split(',').map(|one| host(one).ok_or_else(wrong));
        Ok(Workers { hosts: hosts.collect::<Result<_>>()?, lookup: of_system })
    }
}

/// When a worker, or a step, is given up.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// A worker that says nothing for so long is lost.
    pub silence: Duration,
    /// A step may take so long; as long as it likes, without.
    pub step: Option<Duration>,
    /// How often a step is given to a worker, and how often workers are looked for.
    pub attempts: u32,
}

/// What a coordinator shows to workers, and asks of them.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Workers must be of the same.
    pub identity: Identity,
    /// The secret that workers must know; empty for none.
    pub secret: String,
    /// With it, connections are encrypted, and workers have certificates.
    pub tls: Option<ClientTls>,
}

/// A worker, and the host that it was told by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    address: SocketAddr,
    host: String,
}

/// What happens while steps are spread.
#[derive(Debug)]
pub enum Event<'a> {
    /// The step of that index was done by the worker.
    Done(usize, SocketAddr),
    /// A worker cannot be used, or was lost: why.
    Lost(&'a str, &'a Error),
}

/// Why a step was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// A worker tried and says that it cannot be done.
    Failed(String),
    /// No worker was left to do it.
    Lost,
}

/// What came of the steps, in their order.
#[derive(Debug)]
pub struct Spread {
    /// What each step gave.
    pub steps: Vec<std::result::Result<Value, Left>>,
    /// The workers that did any.
    pub workers: Vec<SocketAddr>,
}

/// Steps that wait, and what came of the others.
struct Board<'a> {
    steps: &'a [Value],
    state: Mutex<State>,
}

struct State {
    /// Steps to be done, by index, with how often each was tried.
    waiting: VecDeque<(usize, u32)>,
    done: Vec<std::result::Result<Value, Left>>,
    workers: Vec<SocketAddr>,
    /// Workers that took a step and did not come back with it.
    lost: Vec<SocketAddr>,
}

impl Board<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<(usize, u32)> {
        self.state().waiting.pop_front()
    }

    /// Those that have lost no step: a frozen worker would take the same one again. All of them where there is no other.
    fn well(&self, addresses: Vec<At>) -> Vec<At> {
        let state = self.state();
        let well = |at: &&At| !state.lost.contains(&at.address);
        let kept: Vec<At> = addresses.iter().filter(well).cloned().collect();
        if kept.is_empty() { addresses } else { kept }
    }
}

impl Workers {
    /// Has every step done by some worker. Workers are resolved anew for each round: those that are lost in one may be back
    /// in the next, and new ones join.
    pub async fn spread(
        &self,
        steps: &[Value],
        credentials: &Credentials,
        policy: Policy,
        tell: &(dyn Fn(&Event<'_>) + Sync),
    ) -> Spread {
        let state = State {
            waiting: (0..steps.len()).map(|step| (step, 0)).collect(),
            done: vec![Err(Left::Lost); steps.len()],
            workers: Vec::new(),
            lost: Vec::new(),
        };
        let board = Board { steps, state: Mutex::new(state) };
        let mut wait = BACK_OFF;
        for round in 0..policy.attempts {
            if board.state().waiting.is_empty() {
                break;
            }
            if round > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            let addresses = board.well(self.resolve(tell).await);
            let call = Call { board: &board, credentials, policy, tell };
            join_all(addresses.iter().map(|at| call.worker(at))).await;
        }
        let State { done, workers, .. } =
            board.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        Spread { steps: done, workers }
    }

    /// Greets all of them: how many steps each does at once, or why it cannot be used.
    pub async fn greet(&self, credentials: &Credentials) -> Vec<(String, Result<usize>)> {
        let lost = Mutex::new(Vec::new());
        let unresolved = |event: &Event<'_>| {
            if let Event::Lost(host, error) = event {
                let told = ((*host).to_owned(), Err(Error::Refused(error.to_string())));
                lost.lock().unwrap_or_else(PoisonError::into_inner).push(told);
            }
        };
        let all = self.resolve(&unresolved).await;
        let greeted = all.iter().map(async |at| {
            let slots = reach(credentials, at).await.map(|(_, slots)| slots);
            (at.address.to_string(), slots)
        });
        let mut greeted = join_all(greeted).await;
        greeted.extend(lost.into_inner().unwrap_or_else(PoisonError::into_inner));
        greeted
    }

    /// How many there are by their addresses, whether or not they answer.
    pub async fn count(&self) -> usize {
        self.resolve(&|_| {}).await.len()
    }

    async fn resolve(&self, tell: &(dyn Fn(&Event<'_>) + Sync)) -> Vec<At> {
        let mut all = Vec::new();
        for host in &self.hosts {
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
            let name = name.trim_start_matches('[').trim_end_matches(']');
            match (self.lookup)(host.clone()).await {
                Ok(found) => {
                    let at = |address| At { address, host: name.to_owned() };
                    all.extend(found.into_iter().map(at));
                }
                Err(error) => tell(&Event::Lost(host, &error.into())),
            }
        }
        all.sort();
        all.dedup_by(|a, b| a.address == b.address);
        all
    }
}

async fn reach(credentials: &Credentials, at: &At) -> Result<(Connection, usize)> {
    let Credentials { identity, secret, tls } = credentials;
    let tls = tls.as_ref().map(|tls| (tls, at.host.as_str()));
    Connection::to_worker(at.address, tls, identity, secret).await
}

/// A round's work with workers.
#[derive(Clone, Copy)]
struct Call<'a> {
    board: &'a Board<'a>,
    credentials: &'a Credentials,
    policy: Policy,
    tell: &'a (dyn Fn(&Event<'_>) + Sync),
}

impl<'a> Call<'a> {
    /// Has a worker do steps, as many at once as it says, until none waits or it is lost.
    fn worker(self, at: &'a At) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let (first, slots) = match reach(self.credentials, at).await {
                Ok(reached) => reached,
                Err(error) => return (self.tell)(&Event::Lost(&at.address.to_string(), &error)),
            };
            let more = (1..slots).map(|_| self.slot(at, None));
            join_all(std::iter::once(self.slot(at, Some(first))).chain(more)).await;
        })
    }

    fn slot(self, at: &'a At, reached: Option<Connection>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.pull(at, reached).await {
                (self.tell)(&Event::Lost(&at.address.to_string(), &error));
            }
        })
    }

    async fn pull(self, at: &At, reached: Option<Connection>) -> Result<()> {
        let address = at.address;
        let mut worker = match reached {
            Some(worker) => worker,
            None => reach(self.credentials, at).await?.0,
        };
        while let Some((step, tried)) = self.board.next() {
            match self.one(&mut worker, &self.board.steps[step]).await {
                Ok(done) => {
                    let well = done.is_ok();
                    let mut state = self.board.state();
                    state.done[step] = done.map_err(Left::Failed);
                    if !state.workers.contains(&address) {
                        state.workers.push(address);
                    }
                    drop(state);
                    if well {
                        (self.tell)(&Event::Done(step, address));
                    }
                }
                Err(error) => {
                    let mut state = self.board.state();
                    state.lost.push(address);
                    // A step that takes its workers with it is not given to all of them.
                    if tried + 1 < self.policy.attempts {
                        state.waiting.push_back((step, tried + 1));
                    }
                    drop(state);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Has a step done: what it gave, or why it cannot be done. An error is the worker's end.
    async fn one(
        &self,
        worker: &mut Connection,
        step: &Value,
    ) -> Result<std::result::Result<Value, String>> {
        let silence = self.policy.silence;
        let work = async {
            within(silence, worker.send(step)).await?;
            loop {
                match within(silence, worker.receive()).await? {
                    Answer::Working => {}
                    Answer::Done(value) => return Ok(Ok(value)),
                    Answer::Failed(why) => return Ok(Err(why)),
                }
            }
        };
        match self.policy.step {
            Some(time) => tokio::time::timeout(time, work).await.unwrap_or(Err(Error::Slow(time))),
            None => work.await,
        }
    }
}

#[cfg(test)]
mod tests;
