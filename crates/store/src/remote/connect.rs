//! From a URL and the environment to a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};

use super::credentials;
use super::failure::failure;
use super::runtime::{start, wait_at_most};
use crate::url::{Scheme, Url, is_loopback};
use crate::{Error, Result};

/// Longest wait for a connection.
const CONNECT: &str = "10 seconds";
/// Longest silence within an answer.
const SILENCE: &str = "30 seconds";
/// Longest answer. Large chunks over slow lines take their time.
const ANSWER: &str = "1 hour";

/// What is asked for objects.
pub(super) type Client = Arc<dyn ObjectStore>;

/// How often and how long a request that failed is tried again: five times, within a minute.
fn retry() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 5, retry_timeout: Duration::from_mins(1) }
}

/// The client for the bucket or the host of a URL; stores of one place share it, and its connections.
pub(super) fn client(url: &Url) -> Result<Client> {
    static CLIENTS: OnceLock<Mutex<HashMap<(Scheme, String), Client>>> = OnceLock::new();
    let place = (url.scheme, url.authority.clone());
    // Held while a client is made: many inputs of one bucket ask for credentials once.
    let mut clients = CLIENTS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = clients.get(&place) {
        return Ok(client.clone());
    }
    start()?;
    let client = match url.scheme {
        Scheme::S3 => s3(&url.authority)?,
        Scheme::Gs => gs(&url.authority)?,
        Scheme::Https | Scheme::Http => web(url)?,
    };
    clients.insert(place, client.clone());
    Ok(client)
}

/// Whether a variable of the environment is set to something.
pub(super) fn given(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Whether a variable of the environment says yes.
pub(super) fn yes(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| is_yes(&value))
}

/// Whether a setting says yes, as `object_store` understands it.
pub(super) fn is_yes(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on" | "y")
}

/// Settings of ours, each by the name of the variable that overrules it.
fn settings() -> [(ClientConfigKey, &'static str, &'static str); 4] {
    [
        (ClientConfigKey::ConnectTimeout, "CONNECT_TIMEOUT", CONNECT),
        (ClientConfigKey::ReadTimeout, "READ_TIMEOUT", SILENCE),
        (ClientConfigKey::Timeout, "TIMEOUT", ANSWER),
        (ClientConfigKey::UserAgent, "USER_AGENT", concat!("annstream/", env!("CARGO_PKG_VERSION"))),
    ]
}

/// Whether an endpoint is talked to without encryption; an error if it must not be.
fn without_encryption(endpoint: &str, variable: &str) -> Result<bool> {
    let Some(rest) = endpoint.strip_prefix("http://") else { return Ok(false) };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if is_loopback(host) || yes(variable) {
        return Ok(true);
    }
    Err(Error::argument(format!("'http://{host}' is not encrypted"))
        .hint(format!("use https, or set {variable}=true if nobody on the way may do harm")))
}

fn s3(bucket: &str) -> Result<Client> {
    use AmazonS3ConfigKey as Key;
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry());
    for (key, name, value) in settings() {
        if !given(&format!("AWS_{name}")) {
            builder = builder.with_config(Key::Client(key), value);
        }
    }
    let endpoint = builder.get_config_value(&Key::S3Endpoint).or_else(|| builder.get_config_value(&Key::Endpoint));
    if let Some(endpoint) = &endpoint
        && without_encryption(endpoint, "AWS_ALLOW_HTTP")?
    {
        builder = builder.with_allow_http(true);
    }
    let source = credentials::s3(&builder, endpoint.is_some())?;
    if endpoint.is_none() && builder.get_config_value(&Key::Region).is_none() {
        // Every bucket tells its region to everybody; without an answer the usual one is tried.
        let options = ClientOptions::new();
        let find = resolve_bucket_region(bucket, &options);
        if let Some(Ok(region)) = wait_at_most(Duration::from_secs(10), find)? {
            builder = builder.with_region(region);
        }
    }
    let client = builder.build().map_err(|error| failure(&error))?;
    credentials::check(source, client.credentials())?;
    Ok(Arc::new(client))
}

fn gs(bucket: &str) -> Result<Client> {
    use GoogleConfigKey as Key;
    let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry());
    for (key, name, value) in settings() {
        if !given(&format!("GOOGLE_{name}")) {
            builder = builder.with_config(Key::Client(key), value);
        }
    }
    let endpoint = builder.get_config_value(&Key::BaseUrl);
    if let Some(endpoint) = &endpoint
        && without_encryption(endpoint, "GOOGLE_ALLOW_HTTP")?
    {
        builder = builder.with_config(Key::Client(ClientConfigKey::AllowHttp), "true");
    }
    let source = credentials::gs(&builder, endpoint.is_some())?;
    let client = builder.build().map_err(|error| failure(&error))?;
    credentials::check(source, client.credentials())?;
    Ok(Arc::new(client))
}

fn web(url: &Url) -> Result<Client> {
    let origin = format!("{}://{}", url.scheme.name(), url.authority);
    let mut options = ClientOptions::new();
    for (key, _, value) in settings() {
        options = options.with_config(key, value);
    }
    if without_encryption(&origin, "ANNSTREAM_ALLOW_HTTP")? {
        options = options.with_allow_http(true);
    }
    let builder = HttpBuilder::new().with_url(origin).with_client_options(options).with_retry(retry());
    Ok(Arc::new(builder.build().map_err(|error| failure(&error))?))
}
