//! The order of `natsort.natsorted`: runs of digits compare as numbers, the rest by code point.

use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;

/// The zeros of the decimal digits of Unicode 14 (what `\d` matches in Python 3.11); each is followed by its 1 to 9.
const ZEROS: [u32; 66] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50,
    0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950,
    0x1FBF0,
];

/// The digits that are no decimals (superscripts, circled numbers), as runs of first, last and value of the first.
const DIGITS: [(u32, u32, u8); 21] = [
    (0x00B2, 0x00B3, 2),
    (0x00B9, 0x00B9, 1),
    (0x1369, 0x1371, 1),
    (0x19DA, 0x19DA, 1),
    (0x2070, 0x2070, 0),
    (0x2074, 0x2079, 4),
    (0x2080, 0x2089, 0),
    (0x2460, 0x2468, 1),
    (0x2474, 0x247C, 1),
    (0x2488, 0x2490, 1),
    (0x24EA, 0x24EA, 0),
    (0x24F5, 0x24FD, 1),
    (0x24FF, 0x24FF, 0),
    (0x2776, 0x277E, 1),
    (0x2780, 0x2788, 1),
    (0x278A, 0x2792, 1),
    (0x10A40, 0x10A43, 1),
    (0x10E60, 0x10E68, 1),
    (0x11052, 0x1105A, 1),
    (0x1F100, 0x1F100, 0),
    (0x1F101, 0x1F10A, 0),
];

/// What a string is split into. Odd pieces are numbers, even ones text, as natsort pads them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Decimal digits without leading zeros: longer is larger.
    Number(Vec<u8>),
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Self::Text(_), Self::Number(_)) => Ordering::Less,
            (Self::Number(_), Self::Text(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Sorts strings as `natsort.natsorted` with its default options and without fastnumbers; equal keys (`x1`, `x01`)
/// keep their order.
pub fn natsort(values: &mut [&str]) {
    values.sort_by_cached_key(|value| pieces(value));
}

fn pieces(value: &str) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut in_run = false;
    for c in value.nfd() {
        let (digit, decimal) = match digit(c) {
            Some((digit, decimal)) => (Some(digit), decimal),
            None => (None, false),
        };
        match (digit, out.last_mut()) {
            (Some(digit), Some(Piece::Number(number))) if in_run && decimal => number.push(digit),
            (Some(digit), last) => {
                if !matches!(last, Some(Piece::Text(_))) {
                    out.push(Piece::Text(String::new()));
                }
                out.push(Piece::Number(vec![digit]));
                in_run = decimal;
            }
            (None, Some(Piece::Text(text))) => text.push(c),
            (None, _) => {
                out.push(Piece::Text(c.to_string()));
                in_run = false;
            }
        }
    }
    for piece in &mut out {
        if let Piece::Number(number) = piece {
            let zeros = number.iter().take_while(|&&digit| digit == 0).count();
            number.drain(..zeros);
        }
    }
    out
}

/// The value of a digit, and whether it is a decimal (which forms runs).
fn digit(c: char) -> Option<(u8, bool)> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| (c as u8 - b'0', true));
    }
    let code = u32::from(c);
    let after = ZEROS.partition_point(|&zero| zero <= code);
    if let Some(offset) = after.checked_sub(1).map(|i| code - ZEROS[i]).filter(|&offset| offset < 10) {
        return u8::try_from(offset).ok().map(|value| (value, true));
    }
    let &(first, _, value) = DIGITS.iter().find(|(first, last, _)| (*first..=*last).contains(&code))?;
    u8::try_from(code - first).ok().map(|offset| (value + offset, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order that `natsort.natsorted(values)` gave (natsort 8.4, Python 3.11) for the sorted input.
    #[test]
    fn equals_natsort() {
        let expected: Vec<&str> = EXPECTED.to_vec();
        let mut values = expected.clone();
        values.sort_unstable();
        natsort(&mut values);
        assert_eq!(values, expected);
    }

    #[test]
    fn ties_keep_their_order() {
        let mut values = ["x01", "x1", "x001", "x0"];
        natsort(&mut values);
        assert_eq!(values, ["x0", "x01", "x1", "x001"]);
    }

    const EXPECTED: &[&str] = &[
        "",
        "0",
        "00",
        "000x",
        "①",
        "１",
        "1.5",
        "1.10",
        "5",
        "9",
        "10",
        "10x",
        "99999999999999999999999999",
        "100000000000000000000000000",
        "+5",
        "-5",
        "A",
        "a",
        "a1",
        "a1b",
        "a.b",
        "b9",
        "b10a2",
        "b10a10",
        "batch 2",
        "batch-2",
        "batch-10",
        "e",
        "é",
        "é2",
        "é10",
        "f",
        "x1",
        "x1\n",
        "x1 ",
        "x2",
        "x²",
        "x²3",
        "x2b",
        "x٣",
        "x3a",
        "x10",
        "x１0a",
        "x½",
        "z",
        "½",
        "Ω",
        "一",
        "二",
        "ｘ１",
    ];
}
