//! What a store's error means to whoever is on call.

use std::error::Error as StdError;

use object_store::Error;

use crate::secrets::without_secrets;

/// The store's error that another error comes from, if any.
pub(crate) fn store_error_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        cause = match error.downcast_ref::<std::io::Error>() {
            // The source of an input or output error is its own error's source.
            Some(io) => io.get_ref().map(|e| e as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

/// What happened, and what to do about it, on one line and without a credential.
pub(crate) fn store_message(error: &Error) -> String {
    let cause = cause(error);
    let told = match error {
        _ if ["NoSuchBucket", "ContainerNotFound"].iter().any(|c| cause.contains(c)) => {
            "there is no such bucket or container: correct the URL, or create it".to_owned()
        }
        _ if MACHINES_OWN.iter().any(|address| cause.contains(address)) => format!(
            "there are no credentials in the environment, and this machine has none of its own ({cause}): set those of the \
             store, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role"
        ),
        _ if cause.contains("URL scheme is not allowed") => format!(
            "{cause}: the address is http://, where only https:// is spoken; AWS_ALLOW_HTTP=true allows it"
        ),
        Error::NotFound { .. } => {
            "it is not there: was it removed, or is the path another one?".to_owned()
        }
        _ if cause.contains("TimeTooSkewed") => {
            format!("access is refused ({cause}): this machine's clock is wrong; set it")
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => refused(&cause),
        // Of a listing the status is all that tells.
        _ if cause.contains(": 403 ") || cause.contains(": 401 ") => refused(&cause),
        _ if disk_is_full(&cause) => {
            format!(
                "the disk is full ({cause}): free space there and run again; what was made is whole"
            )
        }
        Error::Precondition { .. } => {
            "it was replaced while it was being read: run again, and it is read as it is now"
                .to_owned()
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            format!("this store cannot do that ({cause})")
        }
        _ if cause.contains("timed out") => format!(
            "no answer in time ({cause}): try again, or allow more with `storage: {{request_timeout_s: …}}` in project.yaml"
        ),
        _ if throttled(&cause) => format!(
            "the store is overloaded, and stayed so ({cause}): try again later, lower `max_requests` or raise `retries` \
             under `storage` in project.yaml"
        ),
        _ if from_a_network(error) => {
            format!(
                "{cause}: is the store up, and are its endpoint and region right? Then try again"
            )
        }
        _ => format!("{cause}; check the path, and that it may be read and written"),
    };
    without_secrets(&told)
}

/// Where a store's client asks when the environment has no credentials: the services of clouds for their own machines.
const MACHINES_OWN: [&str; 3] = ["169.254.169.254", "169.254.170.", "metadata.google.internal"];

fn refused(cause: &str) -> String {
    format!(
        "access is refused ({cause}): check the credentials in the environment, and what they may do here"
    )
}

/// Whether an error of the system tells of no space left: on the disk, for the user, or for a file.
pub(crate) fn disk_is_full(text: &str) -> bool {
    ["(os error 28)", "(os error 122)", "(os error 27)"].iter().any(|code| text.contains(code))
}

fn throttled(cause: &str) -> bool {
    ["503", "429", "SlowDown", "Throttl", "ServerBusy", "TooManyRequests"]
        .iter()
        .any(|word| cause.contains(word))
}

/// Whether the error comes from a client that speaks over a network.
fn from_a_network(error: &Error) -> bool {
    matches!(error, Error::Generic { store, .. } if !["LocalFileSystem", "writer"].contains(store))
}

/// The root of the error in few words: `GET http://host/bucket/x: 403 Forbidden (AccessDenied: …), after 3 retries`.
fn cause(error: &Error) -> String {
    let text = error.to_string();
    let mut deepest = text.clone();
    let mut source = error.source();
    while let Some(error) = source {
        deepest = error.to_string();
        source = error.source();
    }
    // The last of them names the request; those before it what it was for.
    let Some((_, request)) = text.rsplit_once("Error performing ") else { return bare(&text) };
    let mut words = request.split_whitespace();
    let (method, address) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let retries = between(request, "after ", " retries").filter(|n| *n != "0");
    let retries = retries.map_or(String::new(), |n| format!(", after {n} retries"));
    let answer = match request.split_once("status code: ") {
        Some((_, answer)) => {
            let status = answer.split_once(": ").map_or(answer, |(status, _)| status);
            let code = between(answer, "<Code>", "</Code>");
            let message = between(answer, "<Message>", "</Message>");
            match (code, message) {
                (Some(code), Some(message)) => format!("{status}, {code}: {}", one_line(message)),
                (Some(code), None) => format!("{status}, {code}"),
                _ => status.to_owned(),
            }
        }
        None => one_line(&deepest),
    };
    format!("{method} {address}: {answer}{retries}")
}

/// The text without the library's class names.
fn bare(text: &str) -> String {
    let text = match text.strip_prefix("Generic ") {
        Some(rest) => rest.split_once(" error: ").map_or(rest, |(_, rest)| rest),
        None => text,
    };
    one_line(text)
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    Some(text.split_once(from)?.1.split_once(to)?.0)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str);

    fn generic(store: &'static str, text: &'static str) -> Error {
        Error::Generic { store, source: Box::new(Told(text)) }
    }

    #[test]
    fn a_refusal_names_the_request_and_the_code() {
        let source = Box::new(Told(
            "Error performing GET http://h/b/x?list-type=2&prefix=y in 3ms - Server returned non-2xx status code: 403 \
             Forbidden: <Error><Code>InvalidAccessKeyId</Code><Message>No such\n key.</Message></Error>",
        ));
        assert_eq!(
            store_message(&Error::PermissionDenied { path: "x".into(), source }),
            "access is refused (GET http://h/b/x: 403 Forbidden, InvalidAccessKeyId: No such key.): check the credentials \
             in the environment, and what they may do here"
        );
    }

    /// A listing's error is told by what it was for, and of its own kind.
    #[test]
    fn a_listing_is_refused_as_anything_else() {
        let text = "Error performing list request: Error performing GET http://h/b?list-type=2 in 3ms - Server returned \
                    non-2xx status code: 403 Forbidden: <Error><Code>AccessDenied</Code></Error>";
        let expected = "access is refused (GET http://h/b: 403 Forbidden, AccessDenied): check the credentials";
        let message = store_message(&generic("S3", text));
        assert!(message.starts_with(expected), "{message}");
        let text = "Error performing list request: Error performing GET http://h/b?list-type=2 in 3ms - Server returned \
                    non-2xx status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>";
        let message = store_message(&generic("S3", text));
        assert_eq!(message, "there is no such bucket or container: correct the URL, or create it");
    }

    #[test]
    fn what_to_do_follows_from_what_happened() {
        let text = "Error performing PUT http://h/b/x in 3s, after 2 retries, max_retries: 2, retry_timeout: 5s  - Server \
                    returned non-2xx status code: 503 Service Unavailable: <Error><Code>SlowDown</Code></Error>";
        let message = store_message(&generic("S3", text));
        let expected = "the store is overloaded, and stayed so (PUT http://h/b/x: 503 Service Unavailable, SlowDown, after \
                        2 retries): try again later";
        assert!(message.starts_with(expected), "{message}");
        let text = "Error performing GET http://h/b/x in 3s - HTTP error: operation timed out";
        assert!(store_message(&generic("S3", text)).contains("request_timeout_s"));
        let text = "Error performing GET http://h/b/x in 3s - HTTP error: connection refused";
        assert!(store_message(&generic("S3", text)).contains("is the store up"));
        let text =
            "Error performing GET http://h/b/x in 3ms - HTTP error: URL scheme is not allowed";
        assert!(store_message(&generic("S3", text)).contains("AWS_ALLOW_HTTP=true"));
        let text = "Error performing PUT http://169.254.169.254/latest/api/token in 3ms - Server returned non-2xx status \
                    code: 403 Forbidden: ";
        let message = store_message(&generic("S3", text));
        assert!(message.starts_with("there are no credentials in the environment"), "{message}");
        assert_eq!(
            store_message(&generic("LocalFileSystem", "Unable to open file /x: Permission denied")),
            "Unable to open file /x: Permission denied; check the path, and that it may be read and written"
        );
    }

    #[test]
    fn a_store_s_error_is_found_below_the_engine_s() {
        use datafusion::error::DataFusionError;
        let error = DataFusionError::from(generic("S3", "x")).context("scanning");
        assert!(store_error_in(&error).is_some());
        let error = std::io::Error::other(generic("S3", "x"));
        assert!(store_error_in(&error).is_some());
        assert!(store_error_in(&DataFusionError::Execution("x".into())).is_none());
    }
}
