//! What must not be printed: the user information and the query of a URL, and whatever the environment holds as a
//! credential of a store.

use url::Url;
use verdict_model::Storage;

/// Shorter values are words of the language rather than secrets.
const SHORTEST: usize = 8;

/// `text` without what may be a secret: the user information and the query of a URL.
pub(crate) fn redacted_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return without_secrets(text) };
    let container = ["abfs", "abfss"].contains(&url.scheme()) && url.password().is_none();
    if (!url.username().is_empty() || url.password().is_some()) && !container {
        let _ = url.set_username("…");
        let _ = url.set_password(None);
    }
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    without_secrets(url.as_str())
}

/// `text` with every credential of the environment replaced by `…`.
///
/// A store may repeat in its answer what it was sent (S3 repeats the access key); this is the last thing that happens to
/// a message before it is printed or logged.
pub fn without_secrets(text: &str) -> String {
    let secrets =
        secrets(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
    replaced(text, &secrets)
}

fn replaced(text: &str, secrets: &[String]) -> String {
    let hide = |text: String, secret: &String| match text.contains(secret.as_str()) {
        true => text.replace(secret.as_str(), "…"),
        false => text,
    };
    secrets.iter().fold(text.to_owned(), hide)
}

/// The credentials among variables, as they are and as they may stand in a URL.
fn secrets(variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let of_a_store = |name: &str| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|p| name.starts_with(p));
    let mut secrets = Vec::new();
    for (name, value) in variables {
        if !of_a_store(&name) || !Storage::is_secret(&name) {
            continue;
        }
        // A signature is a part of its token, and may come alone.
        let parts =
            value.split('&').filter_map(|part| part.strip_prefix("sig=")).map(str::to_owned);
        secrets.extend(parts);
        secrets.push(value);
    }
    let in_urls: Vec<String> = secrets
        .iter()
        .map(|secret| url::form_urlencoded::byte_serialize(secret.as_bytes()).collect())
        .collect();
    secrets.extend(in_urls);
    secrets.retain(|secret| secret.len() >= SHORTEST);
    // The longest first: one may be part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<String> {
        secrets(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn credentials_are_hidden_and_nothing_else() {
        let secrets = of(&[
            ("AWS_SECRET_ACCESS_KEY", "wJalr/XUtnFEMI+K7"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7"),
            ("AWS_REGION", "eu-central-1"),
            ("AZURE_STORAGE_SAS_TOKEN", "sv=2024-01-01&sig=abc%2Fdefgh"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token"),
            ("SECRET_OF_ANOTHER_TOOL", "something"),
        ]);
        let text = "AKIAIOSFODNN7 wJalr/XUtnFEMI+K7 wJalr%2FXUtnFEMI%2BK7 eu-central-1 ?x&sig=abc%2Fdefgh \
                    /var/run/secrets/token something";
        assert_eq!(
            replaced(text, &secrets),
            "… … … eu-central-1 ?x&sig=… /var/run/secrets/token something"
        );
    }

    #[test]
    fn a_short_value_is_no_secret() {
        assert_eq!(of(&[("AWS_SECRET_ACCESS_KEY", "test")]), Vec::<String>::new());
    }

    #[test]
    fn a_url_keeps_what_is_no_secret() {
        assert_eq!(
            redacted_url("s3://key:secret@bucket/x?token=1"),
            "s3://%E2%80%A6@bucket/x?%E2%80%A6"
        );
        assert_eq!(
            redacted_url("abfss://logs@a.dfs.core.windows.net/x"),
            "abfss://logs@a.dfs.core.windows.net/x"
        );
        assert_eq!(redacted_url("no url"), "no url");
    }
}
