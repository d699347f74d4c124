//! Positions as the user writes them: `0,5,2` or `10:20`.

use std::str::FromStr;

use crate::{Error, Result};

/// Positions and slices, in order, by the rules of Python: negative ones count from the end, a slice leaves out its end
/// and is cut where the axis ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexList(pub Vec<IndexPart>);

/// A position or a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexPart {
    /// One position.
    One(i64),
    /// `start:stop:step`.
    Slice {
        /// First position.
        start: Option<i64>,
        /// The position after the last.
        stop: Option<i64>,
        /// Distance; not zero.
        step: i64,
    },
}

impl FromStr for IndexList {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // Nothing between two commas, or at all, is no position.
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(part).collect::<Result<_>>().map(Self)
    }
}

fn part(text: &str) -> Result<IndexPart> {
    let wrong = || {
        Error::argument(format!("'{text}' is not a position, such as 5, nor a slice, such as 10:20"))
            .hint("labels stand in a file, one a line")
    };
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| wrong());
    let bound = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
    let pieces: Vec<&str> = text.split(':').collect();
    match pieces[..] {
        [one] => number(one).map(IndexPart::One),
        [start, stop] => Ok(IndexPart::Slice { start: bound(start)?, stop: bound(stop)?, step: 1 }),
        [start, stop, step] => {
            let step = bound(step)?.unwrap_or(1);
            if step == 0 {
                return Err(Error::argument(format!("'{text}' is a slice with step 0")));
            }
            Ok(IndexPart::Slice { start: bound(start)?, stop: bound(stop)?, step })
        }
        _ => Err(wrong()),
    }
}

impl IndexList {
    /// The positions of an axis.
    ///
    /// # Errors
    /// `Argument` if one is outside of it.
    pub fn positions(&self, extent: usize) -> Result<Vec<u32>> {
        let length = i64::try_from(extent).map_err(|_| Error::internal("an axis exceeds 63 bits"))?;
        let mut out = Vec::new();
        for part in &self.0 {
            match *part {
                IndexPart::One(given) => {
                    let position = if given < 0 { given.saturating_add(length) } else { given };
                    if position < 0 || position >= length {
                        let message = format!("position {given} is outside of {extent} entries");
                        return Err(Error::argument(message).hint("positions count from 0"));
                    }
                    out.push(narrow(position)?);
                }
                IndexPart::Slice { start, stop, step } => {
                    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
                    let clip =
                        |given: i64| (if given < 0 { given.saturating_add(length) } else { given }).clamp(low, high);
                    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
                    let mut position = start.map_or(first, clip);
                    let stop = stop.map_or(last, clip);
                    while if step > 0 { position < stop } else { position > stop } {
                        out.push(narrow(position)?);
                        position = position.saturating_add(step);
                    }
                }
            }
        }
        Ok(out)
    }
}

fn narrow(position: i64) -> Result<u32> {
    u32::try_from(position).map_err(|_| Error::unsupported("more than 2^32 entries along an axis"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `list(range(7))[…]` in Python.
    #[test]
    fn slices_are_those_of_python() {
        let of = |text: &str| text.parse::<IndexList>().unwrap().positions(7).unwrap();
        assert_eq!(of("0,5,2"), [0, 5, 2]);
        assert_eq!(of("-1, 0 ,-7"), [6, 0, 0]);
        assert_eq!(of("5:100"), [5, 6]);
        assert_eq!(of(":2,4"), [0, 1, 4]);
        assert_eq!(of("::3"), [0, 3, 6]);
        assert_eq!(of("::-1"), [6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(of("-2:-100:-2"), [5, 3, 1]);
        assert_eq!(of("1:-1"), [1, 2, 3, 4, 5]);
        assert_eq!(of("5:2"), [] as [u32; 0]);
        assert_eq!(of(""), [] as [u32; 0]);
        for text in ["a", "1:2:3:4", "1:2:0", "1.5"] {
            assert!(text.parse::<IndexList>().is_err(), "{text}");
        }
        assert!("7".parse::<IndexList>().unwrap().positions(7).is_err());
        assert!("-8".parse::<IndexList>().unwrap().positions(7).is_err());
    }
}
