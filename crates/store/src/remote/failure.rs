//! What went wrong with a request, in words.

use std::error::Error as StdError;

use object_store::Error as Cause;
use object_store::client::{HttpError, HttpErrorKind};

use crate::{Error, ErrorKind};

/// Most characters of a server's own words.
const WORDS: usize = 300;

/// Turns an error of a request into ours; the caller names the place.
pub(super) fn failure(cause: &Cause) -> Error {
    let io = |message: String| Error::new(ErrorKind::Io, message);
    let text = chain(cause).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let code = tag(&text, "Code");
    if code == Some("NoSuchBucket") {
        return Error::not_found("there is no such bucket").hint("check the name, the region and the endpoint");
    }
    if let Some(code @ ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken")) = code {
        let hint = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";
        return io(format!("the server refuses the credentials ({code})")).hint(hint);
    }
    match cause {
        Cause::NotFound { .. } => return Error::not_found("is not there"),
        Cause::PermissionDenied { .. } | Cause::Unauthenticated { .. } => {
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            return io(format!("the server denies access{code}"))
                .hint("check the name and what the credentials permit; some servers deny what does not exist");
        }
        Cause::Precondition { .. } => return Error::invalid("changed while it was read"),
        _ => {}
    }
    if ["non-partial response", "Content-Range", "Range request not supported"].iter().any(|words| text.contains(words))
    {
        return Error::unsupported("the server does not give parts of objects, as shards and large chunks need")
            .hint("copy the store to this machine");
    }
    if text.contains("redirect without LOCATION") || code == Some("PermanentRedirect") {
        return io("the bucket is in another region".to_owned()).hint("set AWS_REGION");
    }
    // The library keeps its error for answers private; its words are stable enough to find the status in.
    if let Some((_, answer)) = text.split_once("status code: ") {
        let status = short(answer.split(':').next().unwrap_or_default());
        let words = tag(answer, "Message").map(|words| format!(": {}", short(words))).unwrap_or_default();
        return io(format!("the server answers {status}{words}"));
    }
    let root = root(cause);
    match chain(cause).find_map(|error| error.downcast_ref::<HttpError>()).map(HttpError::kind) {
        Some(HttpErrorKind::Connect) => io(format!("the server cannot be reached: {root}"))
            .hint("check the name, the network and HTTPS_PROXY; certificates are those of the system or SSL_CERT_FILE"),
        Some(HttpErrorKind::Timeout) => io("the server did not answer in time".to_owned()),
        Some(HttpErrorKind::Interrupted | HttpErrorKind::Request | HttpErrorKind::Decode) => {
            io(format!("the connection broke: {root}"))
        }
        _ => io(root),
    }
}

fn chain<'a>(cause: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let next = |error: &&'a (dyn StdError + 'static)| (*error).source();
    std::iter::successors(Some(cause), next)
}

/// The innermost words.
fn root(cause: &Cause) -> String {
    short(&chain(cause).last().map(ToString::to_string).unwrap_or_default())
}

/// One line of limited length, without what would control a terminal.
fn short(text: &str) -> String {
    let line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(WORDS).collect();
    line.trim().to_owned()
}

/// What stands between two tags of a server's XML.
fn tag<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(words, _)| words)
}
