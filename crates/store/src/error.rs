//! The error of the workspace: what went wrong, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong. The command line turns a kind into an exit code, Python into an exception class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter is wrong, whatever the input holds.
    Argument,
    /// A file, group, array or key that must exist does not.
    NotFound,
    /// The input is corrupt or breaks the rules of its format.
    Invalid,
    /// The input is well-formed but uses something this version cannot read or write.
    Unsupported,
    /// The input reaches outside itself (external link, external storage, virtual dataset) and that was not allowed.
    External,
    /// The inputs are each fine but cannot be combined as asked.
    Incompatible,
    /// The output exists, or is one of the inputs.
    Exists,
    /// Reading or writing failed: permission, disk full, a device error.
    Io,
    /// Another process holds the file.
    Locked,
    /// The job does not fit the memory budget.
    Memory,
    /// The user asked to stop.
    Interrupted,
    /// A broken promise inside annstream.
    Internal,
}

/// An error that carries its place: file, element, and row or chunk where known.
///
/// ```
/// use annstream_store::{Error, ErrorKind};
/// let error = Error::invalid("column index 40 is not below 30").in_file("a.h5ad").at("X/indices").row(7);
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// assert_eq!(error.to_string(), "a.h5ad: X/indices: row 7: column index 40 is not below 30");
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    file: Option<PathBuf>,
    element: Option<String>,
    place: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of the given kind; the message says what was found and what was expected, in lower case.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            file: None,
            element: None,
            place: None,
            hint: None,
            source: None,
        }))
    }

    /// A wrong parameter.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, message)
    }

    /// Something that must exist and does not.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// A corrupt or rule-breaking input.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// A feature that is not supported.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Inputs that cannot be combined.
    pub fn incompatible(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Incompatible, message)
    }

    /// A broken promise inside annstream.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// An operating-system error, with the file it happened on.
    pub fn io(error: std::io::Error, file: impl AsRef<Path>) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::UnexpectedEof => ErrorKind::Invalid,
            _ => ErrorKind::Io,
        };
        let mut this = Self::os(kind, &error.to_string()).in_file(file);
        this.0.source = Some(Box::new(error));
        this
    }

    /// A message of the operating system, in words of ours where we know what to do about it.
    pub(crate) fn os(kind: ErrorKind, message: &str) -> Self {
        let io = |message: &str| Self::new(ErrorKind::Io, message);
        let has = |text: &str| message.contains(text);
        if has("No space left on device") {
            io("no space left on device").hint("free some space or write elsewhere")
        } else if has("Disk quota exceeded") || has("Quota exceeded") {
            io("disk quota exceeded").hint("free some space or write elsewhere")
        } else if has("File too large") {
            io("too large for the limit on file sizes").hint("raise the limit with ulimit -f, or write elsewhere")
        } else if has("Too many open files") {
            io("too many open files").hint("raise the limit with ulimit -n, or merge fewer files at a time")
        } else if has("Permission denied") {
            io("permission denied")
        } else {
            Self::new(kind, message)
        }
    }

    /// Names the file, unless an inner call already did.
    #[must_use]
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        self.0.file.get_or_insert_with(|| file.as_ref().to_path_buf());
        self
    }

    /// Names the element (its path inside the store), unless an inner call already did.
    #[must_use]
    pub fn at(mut self, element: impl Into<String>) -> Self {
        self.0.element.get_or_insert_with(|| element.into());
        self
    }

    /// Names the row, unless a place is already known.
    #[must_use]
    pub fn row(mut self, row: impl fmt::Display) -> Self {
        self.0.place.get_or_insert_with(|| format!("row {row}"));
        self
    }

    /// Names the chunk, unless a place is already known.
    #[must_use]
    pub fn chunk(mut self, chunk: impl fmt::Display) -> Self {
        self.0.place.get_or_insert_with(|| format!("chunk {chunk}"));
        self
    }

    /// Adds what the user can do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file, where known.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The path inside the store, where known.
    pub fn element(&self) -> Option<&str> {
        self.0.element.as_deref()
    }

    /// What the user can do next, where known.
    pub fn next_step(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The message without its place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, file, element, place, .. } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}: ", file.display())?;
        }
        if let Some(element) = element {
            write!(f, "{element}: ")?;
        }
        if let Some(place) = place {
            write!(f, "{place}: ")?;
        }
        f.write_str(message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
