//! The index of `obs` and `var` as text, as anndata makes it when it reads a file.

use annstream_store::{Buffer, DType, Error, Result, Strings};

use crate::table::{Column, NaValue};

/// The index with text for values: text stays as it is, numbers and booleans become what Python prints, categories
/// are spelled out. The second value tells whether anything changed.
///
/// # Errors
/// If the values are complex numbers.
pub fn text_index(index: Column) -> Result<(Column, bool)> {
    match index {
        Column::Plain(Buffer::Str(_)) | Column::Nullable { values: Buffer::Str(_), .. } => Ok((index, false)),
        Column::Plain(values) => Ok((Column::Plain(Buffer::Str(texts(&values)?)), true)),
        Column::Nullable { values, missing, na } => {
            let shown = if na == NaValue::Na { "<NA>" } else { "nan" };
            let texts = texts(&values)?;
            let filled = texts.iter().zip(&missing).map(|(text, &gone)| if gone { shown } else { text });
            Ok((Column::text(filled), true))
        }
        Column::Categorical { codes, categories, .. } => {
            let (Column::Plain(values) | Column::Nullable { values, .. }) = *categories else {
                return Err(Error::unsupported("categories that are categorical themselves"));
            };
            let categories = texts(&values)?;
            let spelled = codes.iter().map(|&code| usize::try_from(code).map_or("nan", |code| categories.get(code)));
            Ok((Column::text(spelled), true))
        }
    }
}

fn texts(values: &Buffer) -> Result<Strings> {
    let each = |show: &dyn Fn(usize) -> Option<String>| {
        (0..values.len())
            .map(show)
            .collect::<Option<Strings>>()
            .ok_or_else(|| Error::unsupported(format!("an index of {}", values.dtype())))
    };
    match (values, values.dtype()) {
        (Buffer::Str(text), _) => Ok(text.clone()),
        (Buffer::U64(values), _) => Ok(values.iter().map(u64::to_string).collect()),
        (_, DType::Bool) => {
            each(&|i| values.get_i64(i).map(|value| if value == 0 { "False" } else { "True" }.to_owned()))
        }
        (Buffer::F32(values), _) => Ok(values.iter().map(|value| python_float(&format!("{value:e}"))).collect()),
        (_, dtype) if dtype.is_float() => each(&|i| values.get_f64(i).map(|value| python_float(&format!("{value:e}")))),
        (_, dtype) if dtype.is_integer() => each(&|i| values.get_i64(i).map(|value| value.to_string())),
        _ => each(&|_| None),
    }
}

/// Python's spelling of a float, from Rust's shortest digits in scientific form.
fn python_float(scientific: &str) -> String {
    let (sign, magnitude) = scientific.strip_prefix('-').map_or(("", scientific), |rest| ("-", rest));
    let Some((mantissa, exponent)) = magnitude.split_once('e') else {
        return scientific.to_lowercase(); // nan, inf
    };
    let digits = mantissa.replace('.', "");
    match exponent.parse::<i32>() {
        Ok(exponent @ 0..16) => {
            let whole = usize::try_from(exponent).unwrap_or(0) + 1;
            let padded = format!("{digits:0<whole$}");
            let (whole, fraction) = padded.split_at(whole);
            format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
        }
        Ok(exponent @ -4..0) => {
            let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
            format!("{sign}0.{zeros}{digits}")
        }
        Ok(exponent) => {
            let direction = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{mantissa}e{direction}{:02}", exponent.unsigned_abs())
        }
        Err(_) => scientific.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_in_python() {
        let values = [0.0, -1.0, 1.5, 0.1, 1e-5, 1.5e16, 123_456.789, 1e15, -0.0001, f64::NAN, f64::INFINITY, 1e300];
        let expected = [
            "0.0",
            "-1.0",
            "1.5",
            "0.1",
            "1e-05",
            "1.5e+16",
            "123456.789",
            "1000000000000000.0",
            "-0.0001",
            "nan",
            "inf",
            "1e+300",
        ];
        let (column, changed) = text_index(Column::Plain(Buffer::F64(values.to_vec()))).unwrap();
        assert_eq!(column, Column::text(expected));
        assert!(changed);
        let (column, _) = text_index(Column::Plain(Buffer::F32(vec![0.1, 3.0]))).unwrap();
        assert_eq!(column, Column::text(["0.1", "3.0"]));
    }

    #[test]
    fn categories_and_missing_values_are_spelled_out() {
        let categories = Box::new(Column::Plain(Buffer::Bool(vec![0, 1])));
        let index = Column::Categorical { codes: vec![1, -1, 0], categories, ordered: false };
        assert_eq!(text_index(index).unwrap().0, Column::text(["True", "nan", "False"]));
        let index = Column::Nullable { values: Buffer::I32(vec![7, 0]), missing: vec![false, true], na: NaValue::Na };
        assert_eq!(text_index(index).unwrap().0, Column::text(["7", "<NA>"]));
        assert!(text_index(Column::Plain(Buffer::C64(vec![[0.0; 2]]))).is_err());
    }
}
