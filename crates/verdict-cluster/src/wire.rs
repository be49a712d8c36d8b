//! Messages over a connection: JSON with a length before it, and a code that only who knows the secret can make.
//!
//! Both sides say who they are, each with a nonce; from there on every message is sealed by a key of the secret and
//! both nonces, with its direction and number, so that none can be made up, repeated or left out. Whether it is encrypted besides
//! is for [`crate::tls`].

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::mac::{mac, nonce, same};
use crate::stream::Stream;
use crate::{ClientTls, Error, Result, ServerTls};

/// A message that is longer is not one: a step is a project's files, some kilobytes.
const LONGEST: usize = 64 << 20;

/// The version of these messages.
const PROTOCOL: u32 = 1;

/// How long either side may take to say who it is.
const GREETING: Duration = Duration::from_secs(10);

/// What both sides must agree in, to write the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The version of the program.
    pub version: String,
    /// The version of the tables' format.
    pub format: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    protocol: u32,
    identity: Identity,
    nonce: String,
}

/// The first sealed message of each side: the coordinator's proves that it knows the secret, the worker's as well.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    /// How many steps the worker does at once.
    slots: usize,
}

/// What a worker says while it works.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is alive, and not done yet.
    Working,
    /// The step is done.
    Done(Value),
    /// The step cannot be done: the worker is well.
    Failed(String),
}

/// What comes before a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open = 0,
    Sealed = 1,
    Refusal = 2,
}

/// One side of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    key: [u8; 32],
    /// What marks the messages of this side, and of the other one.
    marks: [u8; 2],
    sent: u64,
    received: u64,
}

impl Connection {
    /// Reaches a worker, which goes by `host` where it is asked for a certificate: the connection, and how many steps it does
    /// at once.
    pub(crate) async fn to_worker(
        address: std::net::SocketAddr,
        tls: Option<(&ClientTls, &str)>,
        identity: &Identity,
        secret: &str,
    ) -> Result<(Connection, usize)> {
        let greet = async {
            let stream = prompt(TcpStream::connect(address).await?);
            let stream = match tls {
                Some((tls, host)) => tls.connect(host, stream).await?,
                None => Stream::Plain(stream),
            };
            let mut connection = Connection::new(stream, [b'c', b'w']);
            let mine = connection.hello(identity).await?;
            let theirs: Hello = parsed(&connection.read(Kind::Open).await?)?;
            agree(identity, &theirs)?;
            connection.key = mac(secret.as_bytes(), &[mine.as_bytes(), theirs.nonce.as_bytes()]);
            connection.send(&Ready { slots: 0 }).await?;
            let ready: Ready = connection.receive().await?;
            Ok((connection, ready.slots.max(1)))
        };
        within(GREETING, greet).await
    }

    /// Greets a coordinator.
    pub(crate) async fn from_coordinator(
        stream: TcpStream,
        tls: Option<&ServerTls>,
        identity: &Identity,
        secret: &str,
        slots: usize,
    ) -> Result<Connection> {
        let stream = prompt(stream);
        let stream = match tls {
            Some(tls) => within(GREETING, tls.accept(stream)).await?,
            None => Stream::Plain(stream),
        };
        let mut connection = Connection::new(stream, [b'w', b'c']);
        let greet = async {
            let theirs: Hello = parsed(&connection.read(Kind::Open).await?)?;
            agree(identity, &theirs)?;
            let mine = connection.hello(identity).await?;
            connection.key = mac(secret.as_bytes(), &[theirs.nonce.as_bytes(), mine.as_bytes()]);
            connection.receive::<Ready>().await?;
            connection.send(&Ready { slots }).await
        };
        match within(GREETING, greet).await {
            Ok(()) => Ok(connection),
            Err(error) => {
                // Who is refused is told why; who has gone cannot be.
                let _ = connection.write(Kind::Refusal, error.to_string().as_bytes()).await;
                Err(error)
            }
        }
    }

    fn new(stream: Stream, marks: [u8; 2]) -> Connection {
        Connection { stream, key: [0; 32], marks, sent: 0, received: 0 }
    }

    async fn hello(&mut self, identity: &Identity) -> Result<String> {
        let nonce = nonce();
        let hello = Hello { protocol: PROTOCOL, identity: identity.clone(), nonce: nonce.clone() };
        self.write(Kind::Open, &text(&hello)?).await?;
        Ok(nonce)
    }

    /// Sends a sealed message.
    pub(crate) async fn send<T: Serialize>(&mut self, message: &T) -> Result<()> {
        let body = text(message)?;
        let code = mac(&self.key, &[&[self.marks[0]], &self.sent.to_be_bytes(), &body]);
        self.sent += 1;
        let sealed = [&code[..], &body[..]].concat();
        self.write(Kind::Sealed, &sealed).await
    }

    /// Waits for a sealed message.
    pub(crate) async fn receive<T: DeserializeOwned>(&mut self) -> Result<T> {
        let sealed = self.read(Kind::Sealed).await?;
        let Some((code, body)) = sealed.split_at_checked(32) else {
            return Err(Error::Garbled("it is too short".into()));
        };
        let wanted = mac(&self.key, &[&[self.marks[1]], &self.received.to_be_bytes(), body]);
        if !same(code, &wanted) {
            return Err(Error::Refused(
                "the secrets differ: set the same VERDICT_CLUSTER_SECRET for the coordinator and every worker"
                    .into(),
            ));
        }
        self.received += 1;
        parsed(body)
    }

    async fn write(&mut self, kind: Kind, body: &[u8]) -> Result<()> {
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LONGEST);
        let length = length.ok_or_else(|| Error::Garbled("it is too long".into()))?;
        let mut frame = Vec::with_capacity(body.len() + 5);
        frame.push(kind as u8);
        frame.extend(length.to_be_bytes());
        frame.extend(body);
        self.stream.write_all(&frame).await?;
        Ok(self.stream.flush().await?)
    }

    async fn read(&mut self, kind: Kind) -> Result<Vec<u8>> {
        let found = self.stream.read_u8().await?;
        // How records of TLS begin: an alert, or a greeting.
        if let 0x15 | 0x16 = found {
            return Err(Error::Refused(
                "the other side speaks TLS: a worker with --tls-cert needs a coordinator with --workers-ca, and the other way \
                 about"
                    .into(),
            ));
        }
        let length = self.stream.read_u32().await? as usize;
        if length > LONGEST {
            return Err(Error::Garbled(format!("it says that it is {length} bytes long")));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        if found == Kind::Refusal as u8 {
            return Err(Error::Refused(String::from_utf8_lossy(&body).into_owned()));
        }
        if found != kind as u8 {
            return Err(Error::Garbled(format!("its kind is {found}")));
        }
        Ok(body)
    }
}

/// Messages are small, and each waits for an answer.
fn prompt(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

fn agree(mine: &Identity, theirs: &Hello) -> Result<()> {
    if theirs.protocol == PROTOCOL && theirs.identity == *mine {
        return Ok(());
    }
    let of = |identity: &Identity, protocol: u32| {
        let Identity { version, format } = identity;
        format!("version {version}, tables of format {format}, protocol {protocol}")
    };
    Err(Error::Refused(format!(
        "coordinator and worker are not of one version ({}; {}): install the same one on both",
        of(mine, PROTOCOL),
        of(&theirs.identity, theirs.protocol)
    )))
}

pub(crate) async fn within<T>(time: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(time, work).await.unwrap_or(Err(Error::Silent(time)))
}

fn text<T: Serialize>(message: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(message).map_err(|e| Error::Garbled(e.to_string()))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|e| Error::Garbled(e.to_string()))
}
