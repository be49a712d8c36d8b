//! A bucket of the S3 server, from a test's side.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use datafusion::object_store::aws::{AmazonS3, AmazonS3Builder};
use datafusion::object_store::path::Path as Key;
use datafusion::object_store::{Attribute, ObjectStore, ObjectStoreExt as _};
use futures::TryStreamExt as _;

use crate::support::servers;

/// A bucket of its own for one test.
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) port: u16,
    store: AmazonS3,
    runtime: tokio::runtime::Runtime,
    /// The server, where it is the bucket's own.
    _server: Option<servers::Server>,
}

/// The keys that the tests sign with.
pub(super) const KEYS: (&str, &str) = ("AKIATESTTESTTEST", "a/secret+of=the/tests");

impl Bucket {
    /// A new bucket; `None`: there is no server here.
    pub(super) fn new(name: &str) -> Option<Bucket> {
        let port = servers::moto()?.port;
        let name = format!("{name}-{}", std::process::id());
        put(port, &format!("/{name}"), "");
        Some(Bucket::reach(name, port))
    }

    /// The bucket of a server whose buckets are folders of `folder`; `None`: there is no such server here.
    pub(super) fn in_folder(name: &str, folder: &Path) -> Option<Bucket> {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        let server = servers::nanio(folder, KEYS)?;
        let bucket = Bucket::reach(name.into(), server.port);
        Some(Bucket { _server: Some(server), ..bucket })
    }

    /// Lets everybody read it, without a signature.
    pub(super) fn open_to_all(&self) {
        let name = &self.name;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::{name}/*","arn:aws:s3:::{name}"]}}]}}"#
        );
        put(self.port, &format!("/{name}?policy"), &policy);
    }

    /// The same bucket, for another thread.
    pub(super) fn again(other: &Bucket) -> Bucket {
        Bucket::reach(other.name.clone(), other.port)
    }

    fn reach(name: String, port: u16) -> Bucket {
        let store = AmazonS3Builder::new()
            .with_endpoint(format!("http://127.0.0.1:{port}"))
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(&name)
            .with_access_key_id(KEYS.0)
            .with_secret_access_key(KEYS.1)
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Bucket { name, port, store, runtime, _server: None }
    }

    /// The URL of a path in it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("s3://{}/{path}", self.name)
    }

    /// What the environment says to reach it, through `port`.
    pub(super) fn through(&self, port: u16) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", KEYS.0.into()),
            ("AWS_SECRET_ACCESS_KEY", KEYS.1.into()),
        ]
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        self.through(self.port)
    }

    pub(super) fn put(&self, key: &str, bytes: Vec<u8>) {
        self.runtime.block_on(self.store.put(&Key::from(key), bytes.into())).unwrap();
    }

    pub(super) fn delete(&self, key: &str) {
        self.runtime.block_on(self.store.delete(&Key::from(key))).unwrap();
    }

    /// What a browser takes an object for.
    pub(super) fn content_type(&self, key: &str) -> Option<String> {
        let got = self.runtime.block_on(self.store.get(&Key::from(key))).unwrap();
        got.attributes.get(&Attribute::ContentType).map(|value| value.as_ref().to_owned())
    }

    /// Puts a folder of files.
    pub(super) fn put_folder(&self, from: &Path, key: &str) {
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let key = format!("{key}/{}", path.file_name().unwrap().to_str().unwrap());
            match path.is_dir() {
                true => self.put_folder(&path, &key),
                false => self.put(&key, std::fs::read(&path).unwrap()),
            }
        }
    }

    /// The objects below a prefix, by their paths below it.
    pub(super) fn objects(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let prefix = Key::from(prefix);
        self.runtime.block_on(async {
            let listed: Vec<_> = self.store.list(Some(&prefix)).try_collect().await.unwrap();
            let mut objects = Vec::new();
            for object in listed {
                let bytes = self.store.get(&object.location).await.unwrap().bytes().await.unwrap();
                let below = object.location.as_ref().strip_prefix(prefix.as_ref()).unwrap();
                objects.push((below.trim_start_matches('/').to_owned(), bytes.to_vec()));
            }
            objects.sort();
            objects
        })
    }
}

/// Asks the server for what no client of objects asks for.
fn put(port: u16, path: &str, body: &str) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    server.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}
