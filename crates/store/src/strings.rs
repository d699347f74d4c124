//! A column of text in two allocations.

use std::ops::Range;

/// UTF-8 strings stored as one run of bytes and their end offsets: the memory layout of Arrow's `LargeUtf8`.
/// A million barcodes cost their bytes plus 8 each, not a heap block each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    /// No strings.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The `i`-th string.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len).
    pub fn get(&self, i: usize) -> &str {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.text[start..self.ends[i]]
    }

    /// Appends one string.
    pub fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }

    /// Appends one string made of several pieces, without building it first.
    pub fn push_pieces(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.text.push_str(piece);
        }
        self.ends.push(self.text.len());
    }

    /// Appends a range of another column.
    pub fn extend_from(&mut self, other: &Self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let start = if range.start == 0 { 0 } else { other.ends[range.start - 1] };
        let stop = other.ends[range.end - 1];
        let base = self.text.len();
        self.text.push_str(&other.text[start..stop]);
        self.ends.extend(other.ends[range].iter().map(|end| base + end - start));
    }

    /// All strings in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        (0..self.len()).map(|i| self.get(i))
    }

    /// Removes all strings, keeping the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Keeps the first `len` strings.
    pub fn truncate(&mut self, len: usize) {
        if len < self.ends.len() {
            self.ends.truncate(len);
            self.text.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Strings {
    fn from_iter<T: IntoIterator<Item = S>>(values: T) -> Self {
        let mut out = Self::new();
        for value in values {
            out.push(value.as_ref());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extend_and_truncate_agree_with_a_vec() {
        let source: Strings = ["a", "", "βγ", "d"].into_iter().collect();
        let mut out = Strings::new();
        out.push("x");
        out.extend_from(&source, 1..4);
        out.extend_from(&source, 2..2);
        assert_eq!(out.iter().collect::<Vec<_>>(), ["x", "", "βγ", "d"]);
        out.truncate(2);
        assert_eq!(out.iter().collect::<Vec<_>>(), ["x", ""]);
    }
}
