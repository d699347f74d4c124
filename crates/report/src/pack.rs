//! Many numbers in few characters: typed arrays in base64, little-endian.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

/// Numbers that a page unpacks into a typed array.
#[derive(Clone, Debug, PartialEq)]
pub enum Packed {
    /// Small codes.
    U8(Vec<u8>),
    /// Codes.
    U16(Vec<u16>),
    /// Numbers in single precision.
    F32(Vec<f32>),
    /// Numbers as steps of a range: 0 is its start, 65,534 its end, and 65,535 says that there is none.
    Steps {
        /// Start and end.
        range: [f64; 2],
        /// The steps.
        steps: Vec<u16>,
    },
}

/// The step that says that there is no number, and the code that says that there is no category.
pub(crate) const MISSING: u16 = u16::MAX;

impl Packed {
    /// Numbers with an error of at most 1 / 131,068 of their range.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and within the range")]
    pub fn steps(values: &[f32]) -> Self {
        let finite = || values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value));
        let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Self::Steps { range: [0.0, 0.0], steps: vec![MISSING; values.len()] };
        }
        let span = if high > low { high - low } else { 1.0 };
        let last = f64::from(MISSING - 1);
        let step = |value: &f32| {
            if value.is_finite() { ((f64::from(*value) - low) / span * last).round() as u16 } else { MISSING }
        };
        Self::Steps { range: [low, high], steps: values.iter().map(step).collect() }
    }

    /// Codes in as few bytes as they take; those beyond 65,534 are missing.
    pub fn codes(codes: &[Option<u32>], categories: usize) -> Self {
        let wide = codes.iter().map(|code| code.and_then(|code| u16::try_from(code).ok()).unwrap_or(MISSING));
        if categories < usize::from(u8::MAX) {
            return Self::U8(wide.map(|code| u8::try_from(code).unwrap_or(u8::MAX)).collect());
        }
        Self::U16(wide.collect())
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::U16(values) | Self::Steps { steps: values, .. } => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// A value; `None` where there is none.
    pub fn get(&self, i: usize) -> Option<f64> {
        match self {
            Self::U8(values) => values.get(i).filter(|code| **code != u8::MAX).map(|code| f64::from(*code)),
            Self::U16(values) => values.get(i).filter(|code| **code != MISSING).map(|code| f64::from(*code)),
            Self::F32(values) => values.get(i).map(|value| f64::from(*value)).filter(|value| !value.is_nan()),
            Self::Steps { range: [low, high], steps } => {
                let step = steps.get(i).filter(|step| **step != MISSING)?;
                Some(low + (high - low) * f64::from(*step) / f64::from(MISSING - 1))
            }
        }
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Text<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            range: Option<[f64; 2]>,
            base64: String,
        }
        let words = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let (kind, range, bytes) = match self {
            Self::U8(values) => ("u8", None, values.clone()),
            Self::U16(values) => ("u16", None, words(values)),
            Self::F32(values) => ("f32", None, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Self::Steps { range, steps } => ("steps", Some(*range), words(steps)),
        };
        Text { kind, range, base64: STANDARD.encode(bytes) }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_near_their_numbers() {
        let values: Vec<f32> = (0..1000_u16).map(|i| (f32::from(i) * 0.37).sin() * 12.5).collect();
        let packed = Packed::steps(&values);
        for (i, value) in values.iter().enumerate() {
            let found = packed.get(i).unwrap();
            assert!((found - f64::from(*value)).abs() <= 25.0 / 131_000.0, "{found} {value}");
        }
        assert_eq!(Packed::steps(&[f32::NAN, 2.0]).get(0), None);
        assert_eq!(Packed::steps(&[f32::NAN, 2.0]).get(1), Some(2.0));
        assert_eq!(Packed::steps(&[f32::NAN]).get(0), None);
        assert_eq!(Packed::steps(&[]).len(), 0);
    }

    #[test]
    fn codes_are_as_narrow_as_they_can_be() {
        assert_eq!(Packed::codes(&[Some(3), None], 4), Packed::U8(vec![3, 255]));
        assert_eq!(Packed::codes(&[Some(254), None], 255), Packed::U16(vec![254, MISSING]));
        let text = serde_json::to_string(&Packed::U16(vec![1, 258])).unwrap();
        assert_eq!(text, r#"{"type":"u16","base64":"AQACAQ=="}"#);
    }
}
