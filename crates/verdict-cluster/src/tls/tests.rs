use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::{Credentials, Event, Handler, Identity, Policy, Served, Workers, serve};

/// Of an authority of the tests, whose certificate for `localhost` and 127.0.0.1 runs until 2120.
fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "src/tls/certificates", name].iter().collect()
}

fn server() -> ServerTls {
    ServerTls::from_files(&file("worker.pem"), &file("worker.key")).unwrap()
}

fn identity() -> Identity {
    Identity { version: "1.0".into(), format: "7".into() }
}

/// What never says that it is time to end.
fn for_ever() -> watch::Receiver<bool> {
    watch::channel(false).1
}

/// A worker that doubles numbers: where it is, and what it says of coordinators that it turns away.
async fn doubling(tls: Option<ServerTls>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let handler: Handler =
        Arc::new(|step| Box::pin(async move { Ok((2 * step.as_i64().unwrap()).into()) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Served { identity: identity(), secret: "open sesame".into(), tls, slots: 2 };
    let said = Arc::new(Mutex::new(Vec::new()));
    let saying = Arc::clone(&said);
    tokio::spawn(serve(listener, served, handler, for_ever(), move |what: &str| {
        saying.lock().unwrap().push(what.to_owned());
    }));
    (address, said)
}

/// What comes of a step at a worker that goes by that name, or why the worker is not used.
async fn doubled(at: &str, authorities: Option<&str>) -> std::result::Result<Value, String> {
    let workers: Workers = at.parse().unwrap();
    let lost = Mutex::new(Vec::new());
    let tell = |event: &Event<'_>| {
        if let Event::Lost(_, error) = event {
            lost.lock().unwrap().push(error.to_string());
        }
    };
    let tls = authorities.map(|name| ClientTls::from_file(&file(name)).unwrap());
    let credentials = Credentials { identity: identity(), secret: "open sesame".into(), tls };
    let policy = Policy { silence: Duration::from_secs(5), step: None, attempts: 1 };
    let spread = workers.spread(&[21.into()], &credentials, policy, &tell).await;
    match spread.steps.into_iter().next().unwrap() {
        Ok(value) => Ok(value),
        Err(_) => Err(lost.into_inner().unwrap().join("; ")),
    }
}

#[tokio::test]
async fn steps_are_done_over_encrypted_connections_by_name_and_by_address() {
    let (address, said) = doubling(Some(server())).await;
    for host in ["127.0.0.1", "localhost"] {
        let at = format!("{host}:{}", address.port());
        assert_eq!(doubled(&at, Some("authority.pem")).await, Ok(42.into()), "{at}");
    }
    assert_eq!(*said.lock().unwrap(), [""; 0]);
}

/// Passes on what comes to a worker and what it answers, and keeps both.
async fn listening_in(worker: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (ours, theirs) =
                (listener.accept().await.unwrap().0, TcpStream::connect(worker).await.unwrap());
            let ((from_us, to_us), (from_them, to_them)) = (ours.into_split(), theirs.into_split());
            for (mut from, mut to) in [(from_us, to_them), (from_them, to_us)] {
                let hears = Arc::clone(&hears);
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(n @ 1..) = from.read(&mut bytes).await {
                        hears.lock().unwrap().extend(&bytes[..n]);
                        if to.write_all(&bytes[..n]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        }
    });
    (address, heard)
}

#[tokio::test]
async fn who_listens_in_reads_nothing() {
    let tells = |heard: &[u8]| heard.windows(8).any(|bytes| bytes == b"\"format\"");
    for (tls, authorities) in [(None, None), (Some(server()), Some("authority.pem"))] {
        let encrypted = tls.is_some();
        let (address, _) = doubling(tls).await;
        let (between, heard) = listening_in(address).await;
        assert_eq!(doubled(&between.to_string(), authorities).await, Ok(42.into()));
        // Without encryption the greeting is there to be read: the test can fail.
        assert_eq!(tells(&heard.lock().unwrap()), !encrypted);
    }
}

#[tokio::test]
async fn a_worker_whose_certificate_is_not_for_it_is_not_used() {
    let (address, _) = doubling(Some(server())).await;
    let of_another = doubled(&address.to_string(), Some("another.pem")).await.unwrap_err();
    assert!(
        of_another.contains("UnknownIssuer") && of_another.contains("--workers-ca"),
        "{of_another}"
    );
    // 127.0.0.2 is this machine too, and not in the certificate.
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Served {
        identity: identity(),
        secret: "open sesame".into(),
        tls: Some(server()),
        slots: 1,
    };
    let handler: Handler = Arc::new(|step| Box::pin(async { Ok(step) }));
    tokio::spawn(serve(listener, served, handler, for_ever(), |_| {}));
    let elsewhere = doubled(&address.to_string(), Some("authority.pem")).await.unwrap_err();
    assert!(elsewhere.contains("names `127.0.0.2`"), "{elsewhere}");
}

#[tokio::test]
async fn who_encrypts_and_who_does_not_are_told_what_is_missing() {
    let (encrypted, _) = doubling(Some(server())).await;
    let why = doubled(&encrypted.to_string(), None).await.unwrap_err();
    assert!(why.contains("speaks TLS") && why.contains("--workers-ca"), "{why}");
    let (plain, said) = doubling(None).await;
    let why = doubled(&plain.to_string(), Some("authority.pem")).await.unwrap_err();
    assert!(why.contains("--tls-cert"), "{why}");
    assert!(said.lock().unwrap()[0].contains("speaks TLS"), "{said:?}");
}

#[test]
fn files_that_do_not_serve_are_named_with_what_is_wrong() {
    let key = ServerTls::from_files(&file("worker.pem"), &file("worker.pem")).unwrap_err();
    assert!(key.to_string().contains("worker.pem does not serve as a private key in PEM"), "{key}");
    let of_another = ServerTls::from_files(&file("another.pem"), &file("worker.key")).unwrap_err();
    assert!(of_another.to_string().contains("the key of "), "{of_another}");
    let none = ClientTls::from_file(&file("worker.key")).unwrap_err();
    assert!(none.to_string().contains("there is none in it"), "{none}");
    let missing = ClientTls::from_file(&file("missing.pem")).unwrap_err();
    assert!(
        missing.to_string().contains("missing.pem does not serve as certificates in PEM"),
        "{missing}"
    );
}
