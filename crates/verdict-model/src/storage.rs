//! How stores are spoken to: patience, limits, and what is not a secret of their configuration.

use std::collections::BTreeMap;

use crate::Located;

/// How the stores of a project are spoken to; nothing of it changes a result.
///
/// Credentials are no part of it: they come from the environment, by the names that the stores' own tools use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// How often a request is tried again, after waiting longer each time.
    pub retries: u32,
    /// Seconds from the first try after which a request is not tried again.
    pub retry_timeout_s: u32,
    /// Seconds that one try of a request may take, with all that it reads or writes.
    pub request_timeout_s: u32,
    /// Seconds that connecting may take.
    pub connect_timeout_s: u32,
    /// How many requests are under way at once, in each store.
    pub max_requests: u32,
    /// Seconds that a whole run may take; `None`: as long as it needs.
    pub run_timeout_s: Option<u32>,
    /// Options of single stores, by their URL (`s3://bucket`): names and values as the object-store library has them.
    pub options: BTreeMap<String, BTreeMap<String, Located<String>>>,
}

impl Default for Storage {
    fn default() -> Storage {
        Storage {
            retries: 10,
            retry_timeout_s: 180,
            request_timeout_s: 60,
            connect_timeout_s: 10,
            max_requests: 64,
            run_timeout_s: None,
            options: BTreeMap::new(),
        }
    }
}

impl Storage {
    /// Whether an option of that name would be a secret, or name one: these belong in the environment.
    pub fn is_secret(option: &str) -> bool {
        const WORDS: [&str; 9] = [
            "access_key",
            "account_key",
            "master_key",
            "secret",
            "token",
            "password",
            "sas",
            "credential",
            "customer_key",
        ];
        // Files are no secrets; what is in them is.
        let option = option.to_ascii_lowercase();
        let names_a_file = option.ends_with("_file") || option.ends_with("_path");
        option == "service_account_key"
            || option == "google_service_account_key"
            || (!names_a_file && WORDS.iter().any(|word| option.contains(word)))
    }
}
