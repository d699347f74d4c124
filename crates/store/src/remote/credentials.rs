//! Where credentials come from, and what is said if there are none.
//!
//! A server of the cloud's own network (the instance metadata service) hands out credentials to machines of the cloud.
//! Elsewhere nobody answers there, and asking would take a minute. So it is asked last, only for the cloud's own
//! endpoint, only unless the usual variable forbids it, and for three seconds.

use std::sync::Arc;
use std::time::Duration;

use object_store::CredentialProvider;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

use super::connect::{given, is_yes, yes};
use super::failure::failure;
use super::runtime::wait_at_most;
use crate::{Error, ErrorKind, Result};

/// Longest wait for the metadata service.
const NEAR: Duration = Duration::from_secs(3);
/// Longest wait for another service that gives credentials.
const FAR: Duration = Duration::from_secs(20);

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// None are needed, or they are at hand.
    Given,
    /// A service gives them.
    Service { s3: bool, limit: Duration },
}

/// What can be done without credentials for S3.
const S3: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (`aws configure export-credentials --format env` \
    prints them), or AWS_SKIP_SIGNATURE=true for a public bucket";
/// The same for Google Cloud Storage.
const GS: &str = "run `gcloud auth application-default login`, or set GOOGLE_SERVICE_ACCOUNT to the file of a key, or \
    GOOGLE_SKIP_SIGNATURE=true for a public bucket";

fn none(s3: bool) -> Error {
    let (name, hint) = if s3 { ("S3", S3) } else { ("Google Cloud Storage", GS) };
    Error::new(ErrorKind::Io, format!("no credentials for {name} were found")).hint(hint)
}

/// Where the credentials for S3 come from; `endpoint`: of a server named by the user.
///
/// # Errors
/// If there are none, or half of them.
pub(super) fn s3(builder: &AmazonS3Builder, endpoint: bool) -> Result<Source> {
    use AmazonS3ConfigKey as Key;
    let has = |key: Key| builder.get_config_value(&key).is_some_and(|value| !value.is_empty());
    let half = |there: &str, missing: &str| Error::argument(format!("{there} is set, {missing} is not")).hint(S3);
    if builder.get_config_value(&Key::SkipSignature).is_some_and(|value| is_yes(&value)) {
        return Ok(Source::Given);
    }
    match (has(Key::AccessKeyId), has(Key::SecretAccessKey)) {
        (true, true) => return Ok(Source::Given),
        (true, false) => return Err(half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        (false, true) => return Err(half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
        (false, false) => {}
    }
    let web = has(Key::WebIdentityTokenFile) && has(Key::RoleArn);
    if web || has(Key::ContainerCredentialsRelativeUri) || has(Key::ContainerCredentialsFullUri) {
        return Ok(Source::Service { s3: true, limit: FAR });
    }
    if yes("AWS_EC2_METADATA_DISABLED") || (endpoint && !has(Key::MetadataEndpoint)) {
        return Err(none(true));
    }
    Ok(Source::Service { s3: true, limit: NEAR })
}

/// Where the credentials for Google Cloud Storage come from; `endpoint`: of a server named by the user.
///
/// # Errors
/// If there are none.
pub(super) fn gs(builder: &GoogleCloudStorageBuilder, endpoint: bool) -> Result<Source> {
    use GoogleConfigKey as Key;
    let has = |key: Key| builder.get_config_value(&key).is_some_and(|value| !value.is_empty());
    if builder.get_config_value(&Key::SkipSignature).is_some_and(|value| is_yes(&value)) || has(Key::BearerToken) {
        return Ok(Source::Given);
    }
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from).unwrap_or_default();
    let login = home.join(".config/gcloud/application_default_credentials.json").is_file();
    if login || has(Key::ServiceAccount) || has(Key::ServiceAccountKey) || has(Key::ApplicationCredentials) {
        return Ok(Source::Service { s3: false, limit: FAR });
    }
    let named = given("GCE_METADATA_HOST") || given("GCE_METADATA_ROOT");
    if yes("NO_GCE_CHECK") || (endpoint && !named) {
        return Err(none(false));
    }
    Ok(Source::Service { s3: false, limit: NEAR })
}

/// Asks the service once, so that what is wrong with it is told before anything else fails.
///
/// # Errors
/// If it gives none in time.
pub(super) fn check<C>(source: Source, provider: &Arc<dyn CredentialProvider<Credential = C>>) -> Result<()>
where
    C: std::fmt::Debug + Send + Sync + 'static,
{
    let Source::Service { s3, limit } = source else { return Ok(()) };
    match wait_at_most(limit, provider.get_credential())? {
        Some(Ok(_)) => Ok(()),
        // Nobody is there, or says no: that is how a machine outside of the cloud looks.
        _ if limit == NEAR => Err(none(s3)),
        Some(Err(error)) => {
            let cause = failure(&error);
            let message = format!("the service that gives credentials failed: {}", cause.message());
            Err(Error::new(ErrorKind::Io, message).hint(if s3 { S3 } else { GS }))
        }
        None => {
            let message = format!("the service that gives credentials did not answer in {} s", limit.as_secs());
            Err(Error::new(ErrorKind::Io, message).hint(if s3 { S3 } else { GS }))
        }
    }
}
