//! What is said when a store refuses, and what is not: a credential.

use super::bucket::{Bucket, KEYS};
use super::{data, sample, verdict};
use crate::support::proxy::{Fault, Plan, Proxy};
use crate::support::{Project, Ran};

/// Nothing that was printed or written tells a credential.
#[track_caller]
fn hides(ran: &Ran, secrets: &[&str]) {
    for secret in secrets {
        assert!(
            !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
            "{secret} in {}{}",
            ran.stdout,
            ran.stderr
        );
    }
}

#[test]
fn a_url_with_a_password_is_refused_and_not_repeated() {
    for url in [
        "s3://AKIDEXAMPLE:hunter2hunter2@bucket/t",
        "https://user:hunter2hunter2@host/t",
        "az://hunter2hunter2@c/t",
    ] {
        let project = sample(&data(), url, "");
        for command in [&["run", "--date", "2019-11-30"][..], &["plan", "--date", "2019-11-30"]] {
            let ran = verdict(&project, &[], command).exits(2);
            assert!(
                ran.stderr.contains("credentials belong in the environment, not in a URL"),
                "{}",
                ran.stderr
            );
            hides(&ran, &["hunter2"]);
        }
    }
    let project =
        sample(&data(), "https://account.blob.core.windows.net/c/t?sv=1&sig=hunter2hunter2", "");
    let ran = verdict(&project, &[], &["plan", "--date", "2019-11-30"]).exits(2);
    assert!(ran.stderr.contains("tokens belong in the environment"), "{}", ran.stderr);
    hides(&ran, &["hunter2"]);
}

#[test]
fn a_refused_key_is_not_repeated() {
    let Some(bucket) = Bucket::new("refused") else { return };
    let proxy = Proxy::new(bucket.port);
    let project = sample(&data(), &bucket.url("tables"), "\nstorage: {retries: 0}\n");
    // The server's answer repeats the key that it was sent, as S3's does.
    proxy.begin(Some(Plan {
        fault: Fault::Status(403, "InvalidAccessKeyId"),
        first: 1,
        times: usize::MAX,
    }));
    let ran =
        verdict(&project, &bucket.through(proxy.port), &["run", "--date", "2019-11-30"]).exits(1);
    for words in [
        "access is refused (",
        "403 Forbidden, InvalidAccessKeyId: as planned for …",
        "(HEAD http://127.0.0.1:",
        "check the credentials in the environment",
        &format!("s3://{}/tables/", bucket.name),
    ] {
        assert!(ran.stderr.contains(words), "no `{words}` in {}", ran.stderr);
    }
    hides(&ran, &[KEYS.0, KEYS.1]);
}

#[test]
fn a_bucket_that_is_not_there() {
    let Some(bucket) = Bucket::new("exists") else { return };
    let project = sample("s3://no-such-bucket-here", "tables", "\nstorage: {retries: 0}\n");
    let ran = verdict(&project, &bucket.variables(), &["run", "--date", "2019-11-30"]).exits(1);
    assert!(
        ran.stderr.contains("there is no such bucket or container: correct the URL, or create it"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_store_that_does_not_answer() {
    let port = crate::support::servers::free_port();
    let storage =
        "\nstorage: {retries: 1, retry_timeout_s: 5, request_timeout_s: 2, connect_timeout_s: 1}\n";
    let project = sample(&data(), "s3://bucket/tables", storage);
    let variables = [
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("AWS_ALLOW_HTTP", "true".into()),
        ("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST".into()),
        ("AWS_SECRET_ACCESS_KEY", "a/secret+of=the/tests".into()),
    ];
    let ran = verdict(&project, &variables, &["run", "--date", "2019-11-30"]).exits(1);
    assert!(ran.stderr.contains("Connection refused"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("is the store up, and are its endpoint and region right?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_option_that_is_none() {
    let project = sample(
        &data(),
        "s3://bucket/tables",
        "\nstorage: {options: {\"s3://bucket\": {colour: red}}}\n",
    );
    let ran = verdict(&project, &[], &["plan", "--date", "2019-11-30"]).exits(2);
    assert!(ran.stderr.contains("`colour` is no option of this kind of store"), "{}", ran.stderr);
    assert!(ran.stderr.contains("project.yaml:"), "{}", ran.stderr);
}

/// The project's own text is no place for a key either.
#[test]
fn a_key_in_the_project_is_refused() {
    let storage =
        "\nstorage: {options: {\"s3://bucket\": {aws_secret_access_key: hunter2hunter2}}}\n";
    let project: Project = sample(&data(), "s3://bucket/tables", storage);
    let ran = verdict(&project, &[], &["validate"]).exits(2);
    assert!(
        ran.stderr.contains("set the environment variable AWS_SECRET_ACCESS_KEY instead"),
        "{}",
        ran.stderr
    );
    hides(&ran, &["hunter2"]);
}
