//! A proxy between the command and an object store, that makes the n-th request go wrong.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An answer with this status, instead of asking the store.
    Status(u16, &'static str),
    /// The connection ends before anything is answered; the store is not asked.
    Unasked,
    /// The store does what it is asked, and the connection ends before the answer.
    Unanswered,
    /// The answer ends in its middle.
    Truncated,
    /// The answer takes so long.
    Slow(Duration),
}

/// Which requests go wrong, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) fault: Fault,
    pub(crate) first: usize,
    /// How many from the first on.
    pub(crate) times: usize,
}

/// What happens at a request.
type Happens = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    seen: usize,
    injected: usize,
    plan: Option<Plan>,
    /// Method and path of every request.
    requests: Vec<String>,
    signed: usize,
    /// What happens before the request of that number is passed on.
    at: Option<(usize, Happens)>,
}

/// The proxy; it ends with the process.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// A proxy of the server at `upstream`.
    pub(crate) fn new(upstream: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let proxy = Proxy { port, state: Arc::default() };
        let of_threads = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let proxy = of_threads.clone();
                std::thread::spawn(move || {
                    // A client that goes away is no matter of the proxy's.
                    let _ = proxy.serve(client, upstream);
                });
            }
        });
        proxy
    }

    /// Counts from 1 again, and lets requests go wrong as `plan` says.
    pub(crate) fn begin(&self, plan: Option<Plan>) {
        *self.state.lock().expect("a lock") = State { plan, ..State::default() };
    }

    /// Lets something happen before the `n`-th request is passed on.
    pub(crate) fn at(&self, n: usize, happens: impl FnOnce() + Send + 'static) {
        self.state.lock().expect("a lock").at = Some((n, Box::new(happens)));
    }

    /// How many requests there were, and how many of them went wrong.
    pub(crate) fn seen(&self) -> (usize, usize) {
        let state = self.state.lock().expect("a lock");
        (state.seen, state.injected)
    }

    /// Method and path of every request since [`Proxy::begin`].
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().expect("a lock").requests.clone()
    }

    /// How many requests were signed.
    pub(crate) fn signed(&self) -> usize {
        self.state.lock().expect("a lock").signed
    }

    fn fault(&self, line: &str, signed: bool) -> Option<Fault> {
        let mut state = self.state.lock().expect("a lock");
        state.seen += 1;
        state.signed += usize::from(signed);
        state.requests.push(line.split(" HTTP/").next().unwrap_or(line).to_owned());
        let seen = state.seen;
        if state.at.as_ref().is_some_and(|(n, _)| *n == seen)
            && let Some((_, happens)) = state.at.take()
        {
            happens();
        }
        let plan = state.plan?;
        let hit = (plan.first..plan.first.saturating_add(plan.times)).contains(&state.seen);
        state.injected += usize::from(hit);
        hit.then_some(plan.fault)
    }

    fn serve(&self, mut client: TcpStream, upstream: u16) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        let Some((head, body)) = request(&mut client)? else { return Ok(()) };
        let signed = head.to_ascii_lowercase().contains("\r\nauthorization:");
        let fault = self.fault(head.lines().next().unwrap_or_default(), signed);
        match fault {
            Some(Fault::Status(status, code)) => {
                // A store repeats the key that it does not like.
                let key = between(&head, "Credential=", "/").unwrap_or_default();
                let body = format!(
                    "<Error><Code>{code}</Code><Message>as planned for {key}</Message></Error>"
                );
                let answer = format!(
                    "HTTP/1.1 {status} Planned\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: \
                     close\r\n\r\n{body}",
                    body.len()
                );
                return client.write_all(answer.as_bytes());
            }
            Some(Fault::Unasked) => return client.shutdown(Shutdown::Both),
            _ => {}
        }
        let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
        server.set_nodelay(true)?;
        // One request a connection: the end of the answer is the end of the stream.
        let kept =
            head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let mut lines: Vec<&str> = kept.filter(|line| !line.is_empty()).collect();
        lines.push("Connection: close");
        server.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())?;
        server.write_all(&body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        match fault {
            Some(Fault::Unanswered) => return client.shutdown(Shutdown::Both),
            Some(Fault::Truncated) => {
                let whole = find(&answer, b"\r\n\r\n").map_or(0, |at| at + 4);
                // An answer without a body loses half of its head.
                let end = if whole < answer.len() {
                    whole + (answer.len() - whole) / 2
                } else {
                    whole / 2
                };
                client.write_all(&answer[..end])?;
                return client.shutdown(Shutdown::Both);
            }
            Some(Fault::Slow(delay)) => std::thread::sleep(delay),
            _ => {}
        }
        client.write_all(&answer)
    }
}

/// The head and the body of a request; `None`: the client left.
fn request(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    let mut buffer = [0; 16 << 10];
    let end = loop {
        if let Some(at) = find(&read, b"\r\n\r\n") {
            break at;
        }
        match client.read(&mut buffer)? {
            0 => return Ok(None),
            n => read.extend_from_slice(&buffer[..n]),
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut body = read.split_off(end + 4);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while body.len() < length.unwrap_or(0) {
        match client.read(&mut buffer)? {
            0 => return Ok(None),
            n => body.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(Some((head, body)))
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    Some(text.split_once(from)?.1.split_once(to)?.0)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
