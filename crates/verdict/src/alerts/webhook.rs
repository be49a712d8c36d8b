//! Telling a webhook, with patience: the other side may be slow, busy, or away for a moment.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};

use crate::exit::Failure;

/// How often it is tried in all.
const TRIES: u32 = 5;
/// How long is waited before the second try; twice as long before each one after it.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longer is not waited, whatever the other side asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a webhook was not told. The address is a credential, and is in no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebhookError {
    #[error("the webhook (--webhook, or VERDICT_WEBHOOK) is not an http:// or https:// address")]
    Address,
    #[error("it refused the message with status {0}: see that the address is right")]
    Refused(StatusCode),
    #[error("it did not take the message in {TRIES} tries; the last ended with {0}")]
    Away(String),
}

/// Where to post. Its address is a secret, and never told.
pub(crate) struct Webhook(Url);

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook(…)")
    }
}

impl Webhook {
    /// The webhook at an address.
    pub(crate) fn at(address: &str) -> Result<Webhook, Failure> {
        let url = Url::parse(address).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        url.map(Webhook).ok_or_else(|| Failure::usage(WebhookError::Address))
    }
}

/// Posts a JSON text.
pub(super) async fn post(Webhook(url): &Webhook, body: &str) -> Result<(), WebhookError> {
    let client = Client::builder().timeout(TIMEOUT).build().map_err(away)?;
    let mut wait = FIRST_WAIT;
    let mut last = String::new();
    for tried in 1..=TRIES {
        let request =
            client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_owned());
        let mut asked = None;
        match request.send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) if passes(answer.status()) => {
                let seconds =
                    answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
                asked = seconds.map(Duration::from_secs);
                last = format!("status {}", answer.status());
            }
            Ok(answer) => return Err(WebhookError::Refused(answer.status())),
            Err(error) => last = without_address(error),
        }
        if tried < TRIES {
            tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
            wait *= 2;
        }
    }
    Err(WebhookError::Away(last))
}

/// Whether a refusal may pass by itself.
fn passes(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn away(error: reqwest::Error) -> WebhookError {
    WebhookError::Away(without_address(error))
}

fn without_address(error: reqwest::Error) -> String {
    let error = error.without_url();
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "a broken connection"
    };
    kind.to_owned()
}
