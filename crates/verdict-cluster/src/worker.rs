//! The worker: takes steps from coordinators, and says that it is alive while it does them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::wire::{Answer, Connection};
use crate::{Error, Identity, Result, ServerTls};

/// How often a worker says that it is alive.
const ALIVE: Duration = Duration::from_secs(1);

/// Does a step: what came of it, or why it cannot be done. Dropping the future ends the work.
pub type Handler =
    Arc<dyn Fn(Value) -> BoxFuture<'static, std::result::Result<Value, String>> + Send + Sync>;

/// What a worker is to those that reach it.
#[derive(Clone, Debug)]
pub struct Served {
    /// Coordinators must be of the same.
    pub identity: Identity,
    /// The secret that coordinators must know; empty for none.
    pub secret: String,
    /// With it, connections are encrypted.
    pub tls: Option<ServerTls>,
    /// How many steps are done at once; the others wait.
    pub slots: usize,
}

/// Serves coordinators until `draining` is true: then nobody is let in any more, no step is begun, and it ends when those under way
/// are done and their answers given. It must not share its threads with the steps: a worker that computes on
/// all of them could not say that it is alive.
///
/// # Errors
/// The listener fails; it can be reached from other machines and there is no secret.
pub async fn serve(
    listener: TcpListener,
    served: Served,
    handler: Handler,
    mut draining: watch::Receiver<bool>,
    tell: impl Fn(&str),
) -> Result<()> {
    let address = listener.local_addr()?;
    if served.secret.is_empty() && !address.ip().is_loopback() {
        return Err(Error::Open { address });
    }
    let slots = Arc::new(Semaphore::new(served.slots));
    let mut coordinators: JoinSet<Option<String>> = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = drained(&mut draining) => break,
            Some(Ok(turned_away)) = coordinators.join_next() => {
                if let Some(what) = turned_away {
                    tell(&what);
                }
                continue;
            }
        };
        let (served, slots, handler) = (served.clone(), Arc::clone(&slots), Arc::clone(&handler));
        let draining = draining.clone();
        coordinators.spawn(async move {
            match coordinate(stream, &served, &slots, &handler, draining).await {
                // A coordinator that has gone needs nothing any more.
                Ok(()) | Err(Error::Connection(_)) => None,
                Err(error) => Some(format!("{peer} was turned away: {error}")),
            }
        });
    }
    drop(listener);
    while coordinators.join_next().await.is_some() {}
    Ok(())
}

/// Waits until it is true; for ever, where nobody is left to say so.
async fn drained(draining: &mut watch::Receiver<bool>) {
    if draining.wait_for(|draining| *draining).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn coordinate(
    stream: TcpStream,
    served: &Served,
    slots: &Semaphore,
    handler: &Handler,
    mut draining: watch::Receiver<bool>,
) -> Result<()> {
    let Served { identity, secret, tls, slots: at_once } = served;
    let greeted = Connection::from_coordinator(stream, tls.as_ref(), identity, secret, *at_once);
    let mut coordinator = greeted.await?;
    loop {
        let step: Value = tokio::select! {
            step = coordinator.receive() => step?,
            () = drained(&mut draining) => return Ok(()),
        };
        let begun = AtomicBool::new(false);
        let work = async {
            match slots.acquire().await {
                Ok(_slot) => {
                    begun.store(true, Ordering::Relaxed);
                    handler(step).await
                }
                Err(closed) => Err(closed.to_string()),
            }
        };
        let mut waits = draining.clone();
        let mut work = std::pin::pin!(work);
        let mut alive = tokio::time::interval(ALIVE);
        let answer = loop {
            let working = tokio::select! {
                done = &mut work => break done,
                // A step that waits for its turn is another worker's; it may have begun since this was asked.
                () = drained(&mut waits), if !begun.load(Ordering::Relaxed) => {
                    begun.load(Ordering::Relaxed)
                }
                _ = alive.tick() => true,
                () = coordinator.stream.stirs() => false,
            };
            if !working {
                // It waits for an answer and has nothing to say: it has gone, and its step with it; or nobody here
                // will begin its step.
                return Ok(());
            }
            coordinator.send(&Answer::Working).await?;
        };
        let answer = answer.map_or_else(Answer::Failed, Answer::Done);
        coordinator.send(&answer).await?;
    }
}
