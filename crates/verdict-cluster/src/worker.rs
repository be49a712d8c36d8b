//! The worker: takes steps from coordinators, and says that it is alive while it does them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

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

/// Serves coordinators until the listener fails. It must not share its threads with the steps: a worker that computes on
/// all of them could not say that it is alive.
///
/// # Errors
/// The listener fails; it can be reached from other machines and there is no secret.
pub async fn serve(
    listener: TcpListener,
    served: Served,
    handler: Handler,
    tell: impl Fn(&str),
) -> Result<()> {
    let address = listener.local_addr()?;
    if served.secret.is_empty() && !address.ip().is_loopback() {
        return Err(Error::Open { address });
    }
    let slots = Arc::new(Semaphore::new(served.slots));
    let (said, mut saying) = tokio::sync::mpsc::unbounded_channel::<String>();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            Some(what) = saying.recv() => {
                tell(&what);
                continue;
            }
        };
        let (served, slots, handler) = (served.clone(), Arc::clone(&slots), Arc::clone(&handler));
        let said = said.clone();
        tokio::spawn(async move {
            match coordinate(stream, &served, &slots, &handler).await {
                Ok(()) => {}
                // A coordinator that has gone needs nothing any more.
                Err(Error::Connection(_)) => {}
                Err(error) => {
                    let _ = said.send(format!("{peer} was turned away: {error}"));
                }
            }
        });
    }
}

async fn coordinate(
    stream: TcpStream,
    served: &Served,
    slots: &Semaphore,
    handler: &Handler,
) -> Result<()> {
    let Served { identity, secret, tls, slots: at_once } = served;
    let greeted = Connection::from_coordinator(stream, tls.as_ref(), identity, secret, *at_once);
    let mut coordinator = greeted.await?;
    loop {
        let step: Value = coordinator.receive().await?;
        let work = async {
            match slots.acquire().await {
                Ok(_slot) => handler(step).await,
                Err(closed) => Err(closed.to_string()),
            }
        };
        let mut work = std::pin::pin!(work);
        let mut alive = tokio::time::interval(ALIVE);
        let answer = loop {
            let working = tokio::select! {
                done = &mut work => break done,
                _ = alive.tick() => true,
                () = coordinator.stream.stirs() => false,
            };
            if !working {
                // It waits for an answer and has nothing to say: it has gone, and its step with it.
                return Ok(());
            }
            coordinator.send(&Answer::Working).await?;
        };
        let answer = answer.map_or_else(Answer::Failed, Answer::Done);
        coordinator.send(&answer).await?;
    }
}
