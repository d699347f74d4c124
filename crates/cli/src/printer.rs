//! The only place that writes to the terminal: results to standard output, everything else to standard error.

use std::io::{IsTerminal, Write};

use annstream_core::Error;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Errors only.
    Quiet,
    /// Warnings and a summary.
    Normal,
    /// Every element and timing.
    Verbose,
}

/// Says things at the level asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    pub(crate) level: Level,
}

impl Printer {
    /// A line of the result, on standard output.
    #[expect(clippy::unused_self, reason = "everything that is said is said through the printer")]
    pub(crate) fn out(self, text: &str) {
        // A closed pipe (`| head`) is the reader's wish, not an error.
        drop(writeln!(std::io::stdout().lock(), "{text}"));
    }

    /// A line about the work, on standard error.
    pub(crate) fn note(self, text: &str) {
        if self.level >= Level::Normal {
            drop(writeln!(std::io::stderr().lock(), "{text}"));
        }
    }

    /// A detail about the work, on standard error.
    pub(crate) fn detail(self, text: &str) {
        if self.level >= Level::Verbose {
            drop(writeln!(std::io::stderr().lock(), "{text}"));
        }
    }

    /// A warning, on standard error.
    pub(crate) fn warn(self, text: &str) {
        self.note(&format!("{} {text}", paint("warning:", "33;1")));
    }
}

/// An error and what to do about it.
pub(crate) fn error(error: &Error) {
    let mut text = format!("{} {error}", paint("error:", "31;1"));
    if let Some(hint) = error.next_step() {
        text.push_str(&format!("\n{} {hint}", paint("next:", "36;1")));
    }
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

fn paint(text: &str, code: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// A whole number with thin groups: `1 234 567`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(count(12), "12");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
    }
}
