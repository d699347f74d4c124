//! Names that are URLs. Everything else is a path on this machine.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What is understood.
const KNOWN: &str = "expected s3://, gs://, https://, http:// or file://";

/// Where a URL leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// Amazon S3, or a server that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// A web server.
    Https,
    /// A web server that everybody on the way can listen to.
    Http,
}

impl Scheme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// A place on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    /// The bucket, or the host with its port.
    pub(crate) authority: String,
    /// What stands behind it, without slashes at either end and decoded.
    pub(crate) key: String,
}

/// Whether a name is a URL, of whatever scheme, and not a path.
pub fn is_url(name: impl AsRef<Path>) -> bool {
    name.as_ref().to_str().is_some_and(|text| split(text).is_some())
}

/// The path that a `file://` URL means; any other name as it is.
///
/// # Errors
/// If it is a `file://` URL of another machine.
pub fn local_name(name: impl AsRef<Path>) -> Result<PathBuf> {
    let name = name.as_ref();
    let Some(("file", rest)) = name.to_str().and_then(split) else { return Ok(name.to_owned()) };
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        let message = "a file URL has the form file:///folder/name";
        return Err(Error::argument(message).in_file(name).hint("give the path"));
    }
    Ok(PathBuf::from(OsString::from_vec(decode(path).into_owned())))
}

impl Url {
    /// Takes a URL of a server apart.
    ///
    /// # Errors
    /// If it is of another kind, or holds what must not be in it. What could be a secret is not repeated.
    pub(crate) fn parse(name: &Path) -> Result<Self> {
        let text = name.to_str().unwrap_or_default();
        let (scheme, rest) = split(text).ok_or_else(|| Error::argument("is not a URL").in_file(name))?;
        let scheme = match scheme {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gs,
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(Error::unsupported(format!("URLs of '{scheme}' cannot be read; {KNOWN}")).in_file(name)),
        };
        let web = matches!(scheme, Scheme::Http | Scheme::Https);
        let plain = if web { rest.split(['?', '#']).next().unwrap_or_default() } else { rest };
        let (authority, path) = plain.split_once('/').unwrap_or((plain, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let shown = format!("{}://{host}/{path}", scheme.name());
        let refuse = |message: &str| Error::argument(message).in_file(&shown);
        if host != authority {
            return Err(refuse("credentials do not belong into a URL").hint("leave out what stands before '@'"));
        }
        if plain != rest {
            let hint = "a store has many objects: signed links and queries cannot name it";
            return Err(refuse("a URL of a store ends with its path, not with '?' or '#'").hint(hint));
        }
        if authority.is_empty() {
            return Err(refuse(if web { "names no host" } else { "names no bucket" }));
        }
        let key = path.trim_matches('/');
        let decoded = if web { decode(key) } else { Cow::Borrowed(key.as_bytes()) };
        let key = std::str::from_utf8(&decoded).map_err(|_| refuse("is not UTF-8"))?;
        let wrong = |part: &str| matches!(part, "" | "." | "..") || part.contains(char::is_control);
        if !key.is_empty() && key.split('/').any(wrong) {
            return Err(refuse("has an empty name, '.' or '..' in its path"));
        }
        Ok(Self { scheme, authority: authority.to_owned(), key: key.to_owned() })
    }
}

/// The scheme and what follows.
fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    let known = scheme.len() > 1 && scheme.as_bytes()[0].is_ascii_lowercase() && scheme.bytes().all(letter);
    known.then_some((scheme, rest))
}

/// Undoes `%20`.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte =
            code.and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| u8::from_str_radix(code, 16).ok());
        out.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(out)
}

/// Whether a host, with or without a port, is this machine.
#[cfg(any(test, feature = "object-store"))]
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(Scheme, String, String)> {
        Url::parse(Path::new(text)).map(|url| (url.scheme, url.authority, url.key))
    }

    #[test]
    fn urls_are_told_from_paths() {
        assert!(["s3://b/k", "file:///a", "ftp://x", "abfs+x://y"].iter().all(is_url));
        assert!(["a.h5ad", "/a/b", "c:/x", "C://x", "a=s3://b", "://x", "s3:/b"].iter().all(|name| !is_url(name)));
    }

    #[test]
    fn the_parts_of_a_url() {
        let web = parse("https://h:81/a%20b/c%3F.zarr/").unwrap();
        assert_eq!(web, (Scheme::Https, "h:81".into(), "a b/c?.zarr".into()));
        let bucket = parse("s3://bucket/a%20b/c?.zarr").unwrap();
        assert_eq!(bucket, (Scheme::S3, "bucket".into(), "a%20b/c?.zarr".into()));
        assert_eq!(parse("gs://bucket").unwrap(), (Scheme::Gs, "bucket".into(), String::new()));
    }

    #[test]
    fn wrong_urls_are_refused_without_repeating_secrets() {
        for text in ["https://me:secret@host/a.zarr", "https://host/a.zarr?sig=secret", "https://host/a.zarr#secret"] {
            let error = parse(text).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(error.to_string().starts_with("https://host/a.zarr"), "{error}");
        }
        for text in ["ftp://host/x", "s3:///x", "https:///x", "s3://b/a//c", "https://h/%2e%2e/x", "s3://b/a/../c"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn file_urls_are_paths() {
        assert_eq!(local_name("file:///a/b%20c.zarr").unwrap(), Path::new("/a/b c.zarr"));
        assert_eq!(local_name("file://localhost/a").unwrap(), Path::new("/a"));
        assert_eq!(local_name("s3://b/k").unwrap(), Path::new("s3://b/k"));
        assert!(local_name("file://elsewhere/a").is_err());
        assert_eq!(local_name("50%.h5ad").unwrap(), Path::new("50%.h5ad"));
        assert_eq!(&*decode("%zz%4"), b"%zz%4");
    }

    #[test]
    fn this_machine_is_told() {
        assert!(["localhost", "localhost:9000", "127.0.0.1:1", "127.3.2.1", "[::1]:80"].into_iter().all(is_loopback));
        assert!(
            ["example.org", "localhost.example.org", "10.0.0.1", "[::2]"].into_iter().all(|host| !is_loopback(host))
        );
    }
}
