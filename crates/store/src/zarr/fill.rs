//! The value of positions never written.

use half::f16;
use serde_json::Value;

use super::element::Element;
use crate::{DType, Error, Result};

/// A fill value: the text of it, or its bytes as they would be stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fill {
    pub(super) bytes: Vec<u8>,
    pub(super) text: String,
}

/// Reads the fill value of an element; null means zero.
pub(super) fn read(value: Option<&Value>, element: &Element) -> Result<Fill> {
    let value = value.unwrap_or(&Value::Null);
    let wrong = || Error::invalid(format!("fill value {value} does not fit {}", element.array_type()));
    let zero = || Fill { bytes: vec![0; element.size().unwrap_or(0)], text: String::new() };
    match element {
        Element::Number { dtype, swap } => {
            let mut bytes = number(value, *dtype).ok_or_else(wrong)?;
            // As the file has it, because what is read is turned later.
            crate::raw::swap(&mut bytes, *swap);
            Ok(Fill { bytes, text: String::new() })
        }
        Element::Text => match value {
            Value::String(text) => Ok(Fill { bytes: vec![], text: text.clone() }),
            Value::Null => Ok(zero()),
            // Some writers say 0 for "no text".
            Value::Number(zero_number) if zero_number.as_f64() == Some(0.0) => Ok(zero()),
            _ => Err(wrong()),
        },
        Element::Utf32 { chars, big } => match value {
            Value::String(text) if text.chars().count() <= *chars => {
                let mut bytes: Vec<u8> = text
                    .chars()
                    .flat_map(|c| if *big { u32::from(c).to_be_bytes() } else { u32::from(c).to_le_bytes() })
                    .collect();
                bytes.resize(chars * 4, 0);
                Ok(Fill { bytes, text: String::new() })
            }
            Value::Null | Value::Number(_) => Ok(zero()),
            _ => Err(wrong()),
        },
        // Base64 of bytes: anything but zeros is very rare.
        Element::Bytes { .. } | Element::Record { .. } => match value {
            Value::String(text) if !text.bytes().all(|byte| matches!(byte, b'A' | b'=')) => {
                let bytes = base64(text).ok_or_else(wrong)?;
                if Some(bytes.len()) > element.size() {
                    return Err(wrong());
                }
                let mut fill = zero();
                fill.bytes[..bytes.len()].copy_from_slice(&bytes);
                Ok(fill)
            }
            _ => Ok(zero()),
        },
        Element::Other(_) => Ok(zero()),
    }
}

fn number(value: &Value, dtype: DType) -> Option<Vec<u8>> {
    let size = dtype.size();
    if value.is_null() {
        return Some(vec![0; size]);
    }
    if dtype.is_complex() {
        let half = if dtype == DType::C64 { DType::F32 } else { DType::F64 };
        let [real, imaginary] = value.as_array()?.as_slice() else {
            return None;
        };
        return Some([number(real, half)?, number(imaginary, half)?].concat());
    }
    if let Some(digits) = value.as_str().and_then(|text| text.strip_prefix("0x")) {
        // The bytes of a float, the most significant first.
        let bits = u64::from_str_radix(digits, 16).ok()?;
        return (digits.len() == 2 * size).then(|| bits.to_le_bytes()[..size].to_vec());
    }
    if dtype == DType::Bool {
        return match value {
            Value::Bool(value) => Some(vec![u8::from(*value)]),
            other => Some(vec![u8::from(other.as_f64()? != 0.0)]),
        };
    }
    if dtype.is_float() {
        let x = match value {
            Value::String(text) => match text.as_str() {
                "NaN" => f64::NAN,
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                _ => return None,
            },
            other => other.as_f64()?,
        };
        #[expect(clippy::cast_possible_truncation, reason = "the type of the array is narrower")]
        return Some(match dtype {
            DType::F16 => f16::from_f64(x).to_le_bytes().to_vec(),
            DType::F32 => (x as f32).to_le_bytes().to_vec(),
            _ => x.to_le_bytes().to_vec(),
        });
    }
    let whole = match value {
        Value::Bool(value) => i128::from(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => i128::from(value),
            (_, Some(value), _) => i128::from(value),
            // Some writers add ".0".
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            (_, _, Some(value)) if value.fract() == 0.0 && value.abs() < 9e15 => value as i128,
            _ => return None,
        },
        _ => return None,
    };
    let bits = u32::try_from(size * 8).ok()?;
    let (low, high) =
        if dtype.is_signed() { (-(1_i128 << (bits - 1)), 1_i128 << (bits - 1)) } else { (0, 1_i128 << bits) };
    (low..high).contains(&whole).then(|| whole.to_le_bytes()[..size].to_vec())
}

/// Decodes standard base64.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}
