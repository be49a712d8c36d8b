//! The clients of the stores that are spoken to over a network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::limit::LimitStore;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;
use verdict_model::{Located, Place, Storage};

/// Why there is no client.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The URL does not do.
    Url(String),
    /// An option of the project does not.
    Option(Place, String),
}

type Options = BTreeMap<String, Located<String>>;

/// The client of the store at `root`, and the URL that the engine knows it by.
///
/// # Errors
/// The environment or the options configure no such store.
pub(crate) fn client(
    scheme: &ObjectStoreScheme,
    root: &str,
    storage: &Storage,
    options: Option<&Options>,
) -> Result<(Arc<dyn ObjectStore>, ObjectStoreUrl), Refused> {
    let refused = |e: object_store::Error| Refused::Url(crate::store_words::store_message(&e));
    // `s3a` is what other tools call `s3`.
    let root = root.replacen("s3a://", "s3://", 1);
    let client = client_settings(storage, root.starts_with("http://"));
    macro_rules! configured {
        ($builder:expr, $key:ty) => {{
            let mut builder = $builder;
            for (key, value) in &client {
                builder = builder.with_config(<$key>::Client(*key), value);
            }
            for (name, value) in options.into_iter().flatten() {
                let key: $key = name.parse().map_err(|_| unknown(name, value))?;
                builder = builder.with_config(key, &value.value);
            }
            builder.with_retry(retries(storage))
        }};
    }
    let store = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::from_env().with_url(&root);
            limited(configured!(builder, AmazonS3ConfigKey).build().map_err(refused)?, storage)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(&root);
            limited(configured!(builder, GoogleConfigKey).build().map_err(refused)?, storage)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(&root);
            limited(configured!(builder, AzureConfigKey).build().map_err(refused)?, storage)
        }
        ObjectStoreScheme::Http => {
            let mut builder = HttpBuilder::new().with_url(&root).with_retry(retries(storage));
            for (key, value) in client {
                builder = builder.with_config(key, value);
            }
            for (name, value) in options.into_iter().flatten() {
                let key: ClientConfigKey = name.parse().map_err(|_| unknown(name, value))?;
                builder = builder.with_config(key, &value.value);
            }
            limited(builder.build().map_err(refused)?, storage)
        }
        _ => return Err(Refused::Url("there is no such store".into())),
    };
    Ok((store, engine_url(&root)?))
}

/// What every client is told: how long it may take, and whether a plain connection is meant.
fn client_settings(storage: &Storage, plain: bool) -> Vec<(ClientConfigKey, String)> {
    let seconds = |s: u32| format!("{s} seconds");
    let mut settings = vec![
        (ClientConfigKey::Timeout, seconds(storage.request_timeout_s)),
        (ClientConfigKey::ConnectTimeout, seconds(storage.connect_timeout_s)),
    ];
    if plain {
        settings.push((ClientConfigKey::AllowHttp, "true".into()));
    }
    settings
}

fn retries(storage: &Storage) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: storage.retries as usize,
        retry_timeout: Duration::from_secs(storage.retry_timeout_s.into()),
    }
}

fn limited(store: impl ObjectStore, storage: &Storage) -> Arc<dyn ObjectStore> {
    Arc::new(LimitStore::new(store, storage.max_requests.max(1) as usize))
}

fn unknown(name: &str, value: &Located<String>) -> Refused {
    let reason = format!(
        "`{name}` is no option of this kind of store; the object-store library has aws_region, aws_endpoint, \
         aws_skip_signature, aws_virtual_hosted_style_request, google_base_url, azure_endpoint, timeout and others"
    );
    Refused::Option(value.place.clone(), reason)
}

/// A URL of a scheme and a host alone, one for each root: `abfss://container@account…` has the container in front, as
/// has `https://account…/container`.
fn engine_url(root: &str) -> Result<ObjectStoreUrl, Refused> {
    let wrong = |e: &dyn std::fmt::Display| Refused::Url(e.to_string());
    let url = Url::parse(root).map_err(|e| wrong(&e))?;
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut front: Vec<&str> = vec![url.username()];
    front.extend(url.path().split('/'));
    front.retain(|part| !part.is_empty());
    front.push(host);
    let text = format!("{}://{}", url.scheme(), front.join("."));
    ObjectStoreUrl::parse(text).map_err(|e| wrong(&e))
}
