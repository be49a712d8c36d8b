//! How stores are spoken to.

use super::{PROJECT, load_files};
use crate::Storage;

/// What is said of the project with this `storage`.
fn problems(storage: &str) -> String {
    let text = format!("{PROJECT}storage: {storage}\n");
    match load_files(&[("p.yaml", &text)]) {
        Ok(_) => panic!("no problem found in {text}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn what_is_not_said_has_a_default() {
    let project = load_files(&[("p.yaml", PROJECT)]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(project.storage, Storage::default());
}

#[test]
fn a_credential_is_refused_and_not_repeated() {
    let found = problems("{options: {\"s3://b\": {aws_secret_access_key: hunter2hunter2}}}");
    assert!(
        found.contains("set the environment variable AWS_SECRET_ACCESS_KEY instead"),
        "{found}"
    );
    assert!(!found.contains("hunter2"), "{found}");
    for name in [
        "aws_session_token",
        "azure_storage_sas_key",
        "google_service_account_key",
        "azure_client_secret",
    ] {
        assert!(Storage::is_secret(name), "{name}");
    }
    for name in [
        "aws_region",
        "aws_skip_signature",
        "google_service_account_path",
        "aws_web_identity_token_file",
    ] {
        assert!(!Storage::is_secret(name), "{name}");
    }
}

#[test]
fn numbers_have_bounds_and_stores_have_urls() {
    for (text, words) in [
        ("{retries: -1}", "expected a whole number from 0 to 100, found `-1`"),
        ("{max_requests: 0}", "expected a whole number from 1 to 4096, found `0`"),
        ("{request_timeout_s: 1.5}", "expected a whole number from 1 to 604800"),
        ("{retrys: 3}", "unknown key; did you mean `retries`?"),
        ("{options: {bucket: {aws_region: x}}}", "`bucket` is no URL of a store"),
    ] {
        let found = problems(text);
        assert!(found.contains(words) && found.lines().count() == 1, "{text}: {found}");
    }
}
