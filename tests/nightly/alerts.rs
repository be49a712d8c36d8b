//! Alerts: on a change of state, and on nothing else; told to a webhook that is busy at first.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use super::generated;
use crate::support::{Ran, command, verdict};

/// Answers requests on a port of this machine with the given statuses, one each, and returns the bodies that came.
fn server(statuses: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hooks/secret-token", listener.local_addr().expect("an address"));
    let served = thread::spawn(move || {
        let answer = |status: &&str| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let body = body(&mut stream);
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nretry-after: 0\r\nconnection: close\r\n\r\n")
                .expect("an answer");
            body
        };
        statuses.iter().map(answer).collect()
    });
    (url, served)
}

fn body(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let n = stream.read(&mut chunk).expect("a request");
        read.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
        });
        if body.len() >= length.unwrap_or(0usize) {
            return body.to_owned();
        }
    }
}

fn run(folder: &std::path::Path, date: &str, more: &[&str]) -> Ran {
    let mut args =
        vec!["run", "--project", "demo", "--date", date, "--quiet", "--alerts", "alerts.json"];
    args.extend(["--fail-on", "changes", "--experiment", "new_checkout"]);
    args.extend(more);
    verdict(folder, &args)
}

fn changes(folder: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("alerts.json")).expect("the document");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["schema_version"], 1);
    value["changes"].as_array().expect("changes").clone()
}

#[test]
fn a_change_is_told_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generated(folder.path(), &["--effect", "new_checkout:treatment:orders=+150%"]);
    // The first day says nothing yet: too early is what was to be expected.
    let first = run(folder.path(), "2026-03-02", &[]).exits(0);
    assert_eq!(changes(folder.path()), Vec::<Value>::new(), "{}", first.stdout);

    // Busy, then failing, then well: the message arrives, once.
    let (url, served) = server(&["429 Too Many Requests", "503 Service Unavailable", "200 OK"]);
    run(folder.path(), "2026-03-07", &["--webhook", &url]).exits(3);
    let told = changes(folder.path());
    assert_eq!(told.len(), 1, "{told:?}");
    let of = |key: &str| told[0][key].as_str().unwrap_or_default().to_owned();
    assert_eq!((of("kind"), of("subject")), ("decision".into(), "treatment".into()));
    assert_eq!((of("before"), of("now")), ("continue".into(), "ship".into()));
    assert_eq!((of("since_ds"), of("ds")), ("2026-03-02".into(), "2026-03-07".into()));
    let bodies = served.join().expect("the server ends");
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2]);
    let body: Value = serde_json::from_str(&bodies[2]).expect("JSON");
    let text = body["text"].as_str().expect("a text");
    assert!(
        text.contains("*new_checkout* decision treatment: *ship* (before: continue)"),
        "{text}"
    );

    // The same date once more: nothing changed, nobody is told, though the address would answer nobody.
    run(folder.path(), "2026-03-07", &["--webhook", "http://127.0.0.1:9/none"]).exits(0);
    assert_eq!(changes(folder.path()), Vec::<Value>::new());
}

#[test]
fn a_webhook_that_refuses_is_told_of_without_its_address() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generated(folder.path(), &["--effect", "new_checkout:treatment:orders=+150%"]);
    let (url, served) = server(&["404 Not Found"]);
    let ran = run(folder.path(), "2026-03-07", &["--webhook", &url]).exits(3);
    assert!(
        ran.stderr.contains("warning: the webhook could not be told: it refused"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("secret-token"), "{}", ran.stderr);
    served.join().expect("the server ends");
    // What could not be delivered is in the document, and the tables are written.
    let first = changes(folder.path());
    assert_eq!(first.len(), 1);
    let query =
        ["query", "--project", "demo", "--format", "json", "SELECT decision FROM latest_decisions"];
    assert_eq!(verdict(folder.path(), &query).exits(0).json()[0]["decision"], "ship");

    // The next run, whose webhook is well, tells of it once more; and the one after that of nothing.
    let (url, served) = server(&["200 OK"]);
    run(folder.path(), "2026-03-07", &["--webhook", &url]).exits(3);
    assert_eq!(changes(folder.path()), first);
    assert!(served.join().expect("the server ends")[0].contains("*ship*"));
    run(folder.path(), "2026-03-07", &["--webhook", "http://127.0.0.1:9/none"]).exits(0);
    assert_eq!(changes(folder.path()), Vec::<Value>::new());
}

/// The tables of a run that is killed before it has told of a change show no change to the next one, which tells of it all the
/// same; not where that is of an earlier date.
#[test]
fn a_change_is_told_by_the_next_run_when_one_is_killed_before_it_could() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generated(folder.path(), &["--effect", "new_checkout:treatment:orders=+150%"]);
    run(folder.path(), "2026-03-02", &[]).exits(0);

    // The webhook takes the connection, and is silent.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
    let args = ["--date", "2026-03-07", "--experiment", "new_checkout", "--webhook", &url];
    let args = [&["run", "--project", "demo", "--quiet", "--fail-on", "never"], &args[..]].concat();
    let mut killed = command(folder.path(), &[], &args);
    let mut killed = killed.stdout(Stdio::null()).spawn().expect("the command starts");
    listener.set_nonblocking(true).expect("a listener");
    let _silent = loop {
        if let Ok((stream, _)) = listener.accept() {
            break stream;
        }
        assert!(killed.try_wait().expect("a child").is_none(), "it ended and told nobody");
        thread::sleep(std::time::Duration::from_millis(20));
    };
    killed.kill().expect("it is there");
    killed.wait().expect("it ends");
    let said = "SELECT decision FROM decisions WHERE ds = DATE '2026-03-07'";
    let said = verdict(folder.path(), &["query", "--project", "demo", "--format", "json", said]);
    assert_eq!(said.exits(0).json()[0]["decision"], "ship", "its tables are there");

    // Of a day before the change there is nothing to tell; nor is it forgotten.
    run(folder.path(), "2026-03-03", &[]);
    let of_day = changes(folder.path());
    assert!(of_day.iter().all(|change| change["now"] != "ship"), "{of_day:?}");

    let (url, served) = server(&["200 OK"]);
    run(folder.path(), "2026-03-07", &["--webhook", &url]).exits(3);
    let told = changes(folder.path());
    let of = |key: &str| told[0][key].as_str().unwrap_or_default().to_owned();
    assert_eq!((of("before"), of("now")), ("continue".into(), "ship".into()));
    assert_eq!((of("since_ds"), of("ds")), ("2026-03-02".into(), "2026-03-07".into()));
    assert!(served.join().expect("the server ends")[0].contains("*ship*"));
    run(folder.path(), "2026-03-07", &[]).exits(0);
    assert_eq!(changes(folder.path()), Vec::<Value>::new());
    let left = folder.path().join("demo/tables/_untold");
    assert_eq!(std::fs::read_dir(left).map_or(0, Iterator::count), 0);
}

/// A mistyped address is told when it is typed, not in the first night in which something changes; and not repeated.
#[test]
fn a_webhook_that_is_no_address_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generated(folder.path(), &[]);
    for address in ["hooks.example.org/secret-token", "ftp://hooks.example.org/secret-token"] {
        let ran = run(folder.path(), "2026-03-02", &["--webhook", address]).exits(2);
        assert!(ran.stderr.contains("--webhook, or VERDICT_WEBHOOK"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("secret-token"), "{}", ran.stderr);
    }
    assert!(!folder.path().join("demo/tables").exists());
}

/// A change is told once, since the tables know it from then on: what else goes wrong does not keep it from the webhook.
#[test]
fn a_change_is_told_though_the_document_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generated(folder.path(), &["--effect", "new_checkout:treatment:orders=+150%"]);
    let (url, served) = server(&["200 OK"]);
    let args = [
        "run",
        "--project",
        "demo",
        "--date",
        "2026-03-07",
        "--quiet",
        "--alerts",
        "none/alerts.json",
        "--experiment",
        "new_checkout",
        "--webhook",
        &url,
    ];
    let ran = verdict(folder.path(), &args).exits(1);
    assert!(ran.stderr.contains("none/alerts.json could not be written"), "{}", ran.stderr);
    let bodies = served.join().expect("the server ends");
    assert!(bodies[0].contains("*ship*"), "{}", bodies[0]);
}
