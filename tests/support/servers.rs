//! Object stores of other makers, run as processes on a free port: moto and nanio (S3), azurite (Azure), wsgidav (WebDAV).
//!
//! `.ci/run` installs them below `target/servers` and sets `VERDICT_TEST_SERVERS=all`, so that none can be missing there;
//! elsewhere a test whose server is not installed says so and is left out.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::root;

/// A server that ends with this process, however that ends: it is stopped by a shell that reads until this process is gone.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    /// The shell, whose input is ours.
    _shell: Child,
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A program below `target/servers`, or on the path.
fn program(name: &str, below: &str) -> Option<PathBuf> {
    let own = root().join("target/servers").join(below).join(name);
    if own.exists() {
        return Some(own);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists())
}

/// Starts a server; `None`: it is not installed here.
fn start(name: &str, below: &str, args: impl Fn(u16) -> Vec<String>) -> Option<Server> {
    start_with(name, below, &[], args)
}

/// The same with variables in its environment.
fn start_with(
    name: &str,
    below: &str,
    variables: &[(&str, &str)],
    args: impl Fn(u16) -> Vec<String>,
) -> Option<Server> {
    let Some(program) = program(name, below) else {
        let required = std::env::var("VERDICT_TEST_SERVERS").is_ok_and(|v| v == "all");
        assert!(!required, "{name} is not installed: .ci/run installs it below target/servers");
        // Seen with `--nocapture`, and in the log of a failed test.
        #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
        {
            eprintln!(
                "left out: {name} is not installed (.ci/run installs it below target/servers)"
            );
        }
        return None;
    };
    let port = free_port();
    // The server's own output would hide the tests'.
    let script = r#""$@" >/dev/null 2>&1 </dev/null & server=$!; cat >/dev/null; kill $server"#;
    let shell = Command::new("sh")
        .args(["-c", script, "server"])
        .arg(program)
        .args(args(port))
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let server = Server { port, _shell: shell };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{name} does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(server)
}

/// An S3 server in memory; one for all tests, each with a bucket of its own.
pub(crate) fn moto() -> Option<&'static Server> {
    static MOTO: OnceLock<Option<Server>> = OnceLock::new();
    let args = |port: u16| ["-H", "127.0.0.1", "-p", &port.to_string()].map(String::from).to_vec();
    MOTO.get_or_init(|| start("moto_server", "python/bin", args)).as_ref()
}

/// Another S3 server, which looks at every signature; a bucket is a folder in `folder`.
pub(crate) fn nanio(folder: &Path, (key, secret): (&str, &str)) -> Option<Server> {
    let keys = [("NANIO_ACCESS_KEY", key), ("NANIO_SECRET_KEY", secret)];
    start_with("nanio", "python/bin", &keys, |port| {
        let (port, folder) = (port.to_string(), folder.display().to_string());
        let flags = ["serve", "--host", "127.0.0.1", "--port", &port, "--data-dir", &folder];
        flags.map(String::from).to_vec()
    })
}

/// An Azure server, whose data lies in `folder`.
pub(crate) fn azurite(folder: &Path) -> Option<Server> {
    start("azurite-blob", "node/node_modules/.bin", |port| {
        let port = port.to_string();
        let folder = folder.display().to_string();
        let flags = ["--blobHost", "127.0.0.1", "--blobPort", &port, "--location", &folder];
        let more = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--loose"];
        flags.iter().chain(&more).map(|s| (*s).to_owned()).collect()
    })
}

/// A WebDAV server of `folder`, open to everybody.
pub(crate) fn webdav(folder: &Path) -> Option<Server> {
    start("wsgidav", "python/bin", |port| {
        let (port, folder) = (port.to_string(), folder.display().to_string());
        [
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--root",
            &folder,
            "--auth",
            "anonymous",
            "--quiet",
        ]
        .map(String::from)
        .to_vec()
    })
}
