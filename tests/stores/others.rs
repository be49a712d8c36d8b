//! The other kinds of stores, by servers that have nothing in common with the first.

use std::path::Path;

use datafusion::object_store::azure::MicrosoftAzureBuilder;
use datafusion::object_store::path::Path as Key;
use datafusion::object_store::{ObjectStore, ObjectStoreExt as _};
use futures::TryStreamExt as _;

use super::bucket::Bucket;
use super::{derived, local_backfill, same, sample, verdict};
use crate::support::{root, servers};

const RANGE: [&str; 6] = ["backfill", "--from", "2019-11-24", "--to", "2019-11-30", "--quiet"];

/// A second S3 server: other code than the first one, no conditions, and it looks at signatures.
#[test]
fn another_s3_server_has_the_bytes_of_a_local_run() {
    let folder = tempfile::tempdir().unwrap();
    let Some(bucket) = Bucket::in_folder("shop", folder.path()) else { return };
    bucket.put_folder(&root().join("data/events"), "logs/events");
    bucket.put_folder(&root().join("data/exposures"), "logs/exposures");
    let project = sample(&bucket.url("logs"), &bucket.url("tables"), "");
    verdict(&project, &bucket.variables(), &RANGE).exits(0);
    same(&derived(bucket.objects("tables")), &local_backfill());
    let again = verdict(&project, &bucket.variables(), &["run", "--date", "2019-11-30"]).exits(0);
    assert!(again.stderr.contains("0 partitions made, 43 fresh; 0 log rows"), "{}", again.stderr);

    let wrong = "not/the+secret=of=the=tests";
    let mut variables = bucket.variables();
    for (name, value) in &mut variables {
        if *name == "AWS_SECRET_ACCESS_KEY" {
            wrong.clone_into(value);
        }
    }
    let refused = verdict(&project, &variables, &["plan", "--date", "2019-11-30"]).exits(1);
    assert!(refused.stderr.contains("403 Forbidden, SignatureDoesNotMatch"), "{}", refused.stderr);
    assert!(refused.stderr.contains("check the credentials"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(wrong), "{}", refused.stderr);
}

/// The account that the emulator has from the start; its key is in its manual.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

#[test]
fn an_azure_container_has_the_bytes_of_a_local_run() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = servers::azurite(folder.path()) else { return };
    let endpoint = format!("http://127.0.0.1:{}/{ACCOUNT}", server.port);
    create_container(server.port, "tables");
    let store = MicrosoftAzureBuilder::new()
        .with_account(ACCOUNT)
        .with_access_key(ACCOUNT_KEY)
        .with_container_name("tables")
        .with_endpoint(endpoint.clone())
        .with_allow_http(true)
        .build()
        .unwrap();
    put_folder(&store, &root().join("data/events"), "logs/events");
    put_folder(&store, &root().join("data/exposures"), "logs/exposures");
    let project = sample("az://tables/logs", "az://tables/verdict", "");
    let variables = [
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
        ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY.to_owned()),
        ("AZURE_STORAGE_ENDPOINT", endpoint),
        ("AZURE_ALLOW_HTTP", "true".to_owned()),
    ];
    verdict(&project, &variables, &RANGE).exits(0);
    same(&derived(objects(&store, "verdict")), &local_backfill());
    let again = verdict(&project, &variables, &["run", "--date", "2019-11-30"]).exits(0);
    assert!(again.stderr.contains("0 partitions made, 43 fresh; 0 log rows"), "{}", again.stderr);
}

/// The emulator makes containers by a signed request; its own shared key does for that.
fn create_container(port: u16, name: &str) {
    // object_store makes no containers, and a store of one that is not there says so.
    let script = format!(
        "const http=require('http'),crypto=require('crypto');\
         const date=new Date().toUTCString(),v='2021-08-06';\
         const canon='PUT\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\nx-ms-date:'+date+'\\nx-ms-version:'+v+'\\n/{ACCOUNT}/{ACCOUNT}/{name}\\nrestype:container';\
         const sig=crypto.createHmac('sha256',Buffer.from('{ACCOUNT_KEY}','base64')).update(canon).digest('base64');\
         http.request({{host:'127.0.0.1',port:{port},method:'PUT',path:'/{ACCOUNT}/{name}?restype=container',\
         headers:{{'x-ms-date':date,'x-ms-version':v,Authorization:'SharedKey {ACCOUNT}:'+sig,'Content-Length':0}}}},\
         r=>process.exit(r.statusCode===201?0:1)).end();"
    );
    let made = std::process::Command::new("node").args(["-e", &script]).status().unwrap();
    assert!(made.success(), "no container");
}

fn put_folder(store: &dyn ObjectStore, from: &Path, key: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let key = format!("{key}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            put_folder(store, &path, &key);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            runtime.block_on(store.put(&Key::from(key), bytes.into())).unwrap();
        }
    }
}

fn objects(store: &dyn ObjectStore, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let prefix = Key::from(prefix);
        let listed: Vec<_> = store.list(Some(&prefix)).try_collect().await.unwrap();
        let mut objects = Vec::new();
        for object in listed {
            let bytes = store.get(&object.location).await.unwrap().bytes().await.unwrap();
            let below = object.location.as_ref().strip_prefix(prefix.as_ref()).unwrap();
            objects.push((below.trim_start_matches('/').to_owned(), bytes.to_vec()));
        }
        objects
    })
}

#[test]
fn logs_and_tables_may_lie_on_a_web_server() {
    let folder = tempfile::tempdir().unwrap();
    copy_all(&root().join("data/events"), &folder.path().join("logs/events"));
    copy_all(&root().join("data/exposures"), &folder.path().join("logs/exposures"));
    let Some(server) = servers::webdav(folder.path()) else { return };
    let at = format!("http://127.0.0.1:{}", server.port);
    // WebDAV has no folders of its own accord.
    let project = sample(&format!("{at}/logs"), "tables", "");
    verdict(&project, &[], &RANGE).exits(0);
    same(&derived(project.files("tables")), &local_backfill());
}

/// Google's interface is, for reading, listing and writing objects, the one that S3 has.
#[test]
fn a_google_bucket_is_asked_in_its_own_way() {
    let Some(bucket) = Bucket::new("google") else { return };
    bucket.open_to_all();
    bucket.put_folder(&root().join("data/events"), "logs/events");
    bucket.put_folder(&root().join("data/exposures"), "logs/exposures");
    let logs = format!("gs://{}/logs", bucket.name);
    let project = sample(&logs, "tables", "");
    let variables = [
        ("GOOGLE_BASE_URL", format!("http://127.0.0.1:{}", bucket.port)),
        ("GOOGLE_SKIP_SIGNATURE", "true".to_owned()),
        ("GOOGLE_ALLOW_HTTP", "true".to_owned()),
    ];
    verdict(&project, &variables, &RANGE).exits(0);
    same(&derived(project.files("tables")), &local_backfill());
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_all(&path, &to),
            false => drop(std::fs::copy(&path, to).unwrap()),
        }
    }
}
