use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::{Handler, Served, serve};

const POLICY: Policy = Policy { silence: Duration::from_secs(5), step: None, attempts: 2 };

fn identity(version: &str) -> Identity {
    Identity { version: version.into(), format: "7".into() }
}

/// A worker of that version and secret that doubles numbers: its address.
async fn doubling(version: &str, secret: &str) -> SocketAddr {
    let handler: Handler = Arc::new(|step| {
        Box::pin(
            async move { step.as_i64().map(|n| (2 * n).into()).ok_or_else(|| "no number".into()) },
        )
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Served { identity: identity(version), secret: secret.into(), tls: None, slots: 2 };
    tokio::spawn(serve(listener, served, handler, for_ever(), |_| {}));
    address
}

/// What never says that it is time to end.
fn for_ever() -> watch::Receiver<bool> {
    watch::channel(false).1
}

/// What comes of the steps at workers of those addresses, and what was said of lost ones.
async fn spread(at: &[SocketAddr], steps: &[Value], policy: Policy) -> (Spread, Vec<String>) {
    let text: Vec<String> = at.iter().map(SocketAddr::to_string).collect();
    let workers: Workers = text.join(",").parse().unwrap();
    let lost = Mutex::new(Vec::new());
    let tell = |event: &Event<'_>| {
        if let Event::Lost(_, error) = event {
            lost.lock().unwrap().push(error.to_string());
        }
    };
    let credentials =
        Credentials { identity: identity("1.0"), secret: "open sesame".into(), tls: None };
    let spread = workers.spread(steps, &credentials, policy, &tell).await;
    (spread, lost.into_inner().unwrap())
}

#[tokio::test]
async fn every_step_is_done_and_one_that_cannot_be_says_why() {
    let at = [doubling("1.0", "open sesame").await, doubling("1.0", "open sesame").await];
    let steps = [1.into(), 2.into(), "x".into(), 4.into(), 5.into()];
    let (spread, lost) = spread(&at, &steps, POLICY).await;
    let failed = Err(Left::Failed("no number".into()));
    let done = |n: i64| Ok(Value::from(n));
    assert_eq!(spread.steps, [done(2), done(4), failed, done(8), done(10)]);
    assert_eq!(lost, [""; 0]);
}

#[tokio::test]
async fn a_worker_of_another_version_is_refused_and_the_others_do_its_steps() {
    let at = [doubling("1.1", "open sesame").await, doubling("1.0", "open sesame").await];
    let (spread, lost) = spread(&at, &[1.into(), 2.into()], POLICY).await;
    assert_eq!(spread.steps, [Ok(2.into()), Ok(4.into())]);
    assert_eq!(spread.workers, [at[1]]);
    assert!(lost[0].contains("not of one version") && lost[0].contains("1.1"), "{lost:?}");
}

#[tokio::test]
async fn a_worker_with_another_secret_gets_no_step() {
    let (spread, lost) = spread(&[doubling("1.0", "").await], &[1.into()], POLICY).await;
    assert_eq!(spread.steps, [Err(Left::Lost)]);
    assert!(lost[0].contains("VERDICT_CLUSTER_SECRET"), "{lost:?}");
}

#[tokio::test]
async fn a_step_that_a_frozen_worker_has_is_done_by_another() {
    // It greets, takes steps and is never heard of again.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let frozen = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            let me = identity("1.0");
            held.push(Connection::from_coordinator(stream, None, &me, "open sesame", 1).await);
        }
    });
    let steps: Vec<Value> = (0..8).map(Value::from).collect();
    let policy = Policy { silence: Duration::from_millis(300), attempts: 3, ..POLICY };
    // Alone it does nothing, and that is said.
    let (alone, lost) = spread(&[frozen], &steps[..1], Policy { attempts: 1, ..policy }).await;
    assert_eq!(alone.steps, [Err(Left::Lost)]);
    assert!(lost[0].contains("it said nothing for 300ms"), "{lost:?}");
    let at = [frozen, doubling("1.0", "open sesame").await];
    let (spread, _) = spread(&at, &steps, policy).await;
    assert_eq!(spread.steps, (0..8).map(|n| Ok((2 * n).into())).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_step_that_a_slow_worker_has_is_done_by_another() {
    // It says every second that it is alive, and is never done.
    let slow: Handler = Arc::new(|_| Box::pin(std::future::pending()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = [listener.local_addr().unwrap(), doubling("1.0", "open sesame").await];
    let secret = "open sesame".into();
    let served = Served { identity: identity("1.0"), secret, tls: None, slots: 1 };
    tokio::spawn(serve(listener, served, slow, for_ever(), |_| {}));
    let policy = Policy { step: Some(Duration::from_millis(300)), attempts: 3, ..POLICY };
    let (alone, lost) = spread(&at[..1], &[1.into()], Policy { attempts: 1, ..policy }).await;
    assert_eq!(alone.steps, [Err(Left::Lost)]);
    assert!(lost[0].contains("the step was not done within 300ms"), "{lost:?}");
    let steps: Vec<Value> = (0..8).map(Value::from).collect();
    let (spread, lost) = spread(&at, &steps, policy).await;
    assert_eq!(spread.steps, (0..8).map(|n| Ok((2 * n).into())).collect::<Vec<_>>());
    assert_eq!((spread.workers, lost.len()), (vec![at[1]], 1), "{lost:?}");
}

/// Where the name of the next test leads: each time that it is asked, to the next of these, and in the end to the last.
static NAMED: Mutex<VecDeque<SocketAddr>> = Mutex::new(VecDeque::new());

/// The pod that a name stood for has gone, and another has come in its place under the same name.
#[tokio::test]
async fn a_name_is_resolved_anew_for_each_round() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let come = doubling("1.0", "open sesame").await;
    NAMED.lock().unwrap().extend([gone, come]);
    let mut workers: Workers = "dns://workers.svc:7411".parse().unwrap();
    workers.lookup = |host| {
        assert_eq!(host, "workers.svc:7411");
        let mut named = NAMED.lock().unwrap();
        let first = named[0];
        if named.len() > 1 {
            named.pop_front();
        }
        Box::pin(async move { Ok(vec![first]) })
    };
    let lost = Mutex::new(0);
    let tell = |event: &Event<'_>| {
        *lost.lock().unwrap() += usize::from(matches!(event, Event::Lost(..)));
    };
    let secret = "open sesame".into();
    let credentials = Credentials { identity: identity("1.0"), secret, tls: None };
    let spread = workers.spread(&[4.into()], &credentials, POLICY, &tell).await;
    assert_eq!((spread.steps, spread.workers), (vec![Ok(8.into())], vec![come]));
    assert_eq!(lost.into_inner().unwrap(), 1);
}

#[tokio::test]
async fn a_listener_that_others_reach_needs_a_secret() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let served = Served { identity: identity("1.0"), secret: String::new(), tls: None, slots: 1 };
    let refused =
        serve(listener, served, Arc::new(|_| Box::pin(async { Ok(1.into()) })), for_ever(), |_| {});
    assert!(refused.await.unwrap_err().to_string().contains("VERDICT_CLUSTER_SECRET"));
}

#[test]
fn workers_are_hosts_with_ports() {
    let hosts = |text: &str| text.parse::<Workers>().map(|workers| workers.hosts);
    assert_eq!(hosts("a:1, http://b:2/").unwrap(), ["a:1", "b:2"]);
    assert_eq!(hosts("dns://workers.svc:7411").unwrap(), ["workers.svc:7411"]);
    for wrong in ["", "a", "a:b", "a:1,", ":1", "a/b:1"] {
        assert!(hosts(wrong).unwrap_err().to_string().contains("names no workers"), "{wrong}");
    }
}

/// A worker of one slot with two steps, of which one is under way and the other waits, is told to end: the first is done and its
/// answer given, the other is done elsewhere.
#[tokio::test]
async fn a_worker_that_drains_ends_with_the_step_that_is_under_way() {
    let (begun, mut has_begun) = watch::channel(false);
    let (finish, may_finish) = watch::channel(false);
    let handler: Handler = Arc::new(move |step| {
        let mut may_finish = may_finish.clone();
        begun.send_replace(true);
        Box::pin(async move {
            may_finish.wait_for(|may| *may).await.map_err(|e| e.to_string())?;
            Ok(step)
        })
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served =
        Served { identity: identity("1.0"), secret: "open sesame".into(), tls: None, slots: 1 };
    let (drain, draining) = watch::channel(false);
    let worker = tokio::spawn(serve(listener, served, handler, draining, |_| {}));
    let steps = [1.into(), 2.into()];
    let run = tokio::spawn(async move { spread(&[address], &steps, POLICY).await });
    has_begun.wait_for(|begun| *begun).await.unwrap();
    drain.send_replace(true);
    finish.send_replace(true);
    worker.await.unwrap().unwrap();
    let (spread, lost) = run.await.unwrap();
    assert_eq!(spread.steps, [Ok(1.into()), Err(Left::Lost)]);
    assert!(!lost.is_empty());
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it lets nobody in any more");
}
