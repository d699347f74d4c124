//! Rows of a table moved, with holes, as `pandas.DataFrame.reindex`.

use annstream_store::{Buffer, DType, Error, Result};
use half::f16;

use super::{Column, NaValue, Table};

/// The values at the given positions; a negative position is a hole. With holes, floats and complex values hold NaN,
/// integers and booleans become float64.
///
/// # Errors
/// For holes in text, which has no NaN.
pub(crate) fn take_or_nan(values: &Buffer, positions: &[i64]) -> Result<Buffer> {
    if positions.iter().all(|&position| position >= 0) {
        return Ok(values.take(positions));
    }
    let mut out = match values.dtype() {
        DType::Str => return Err(Error::internal("text has no missing value")),
        dtype if dtype.is_float() || dtype.is_complex() => values.take(positions),
        _ => values.cast(DType::F64)?.take(positions),
    };
    for (i, _) in positions.iter().enumerate().filter(|(_, position)| **position < 0) {
        match &mut out {
            Buffer::F16(values) => values[i] = f16::NAN,
            Buffer::F32(values) => values[i] = f32::NAN,
            Buffer::F64(values) => values[i] = f64::NAN,
            Buffer::C64(values) => values[i] = [f32::NAN, 0.0],
            Buffer::C128(values) => values[i] = [f64::NAN, 0.0],
            _ => return Err(Error::internal("reindexed values are not floats")),
        }
    }
    Ok(out)
}

impl Column {
    /// The values at the given positions, negative ones being holes. Holes change integers to float64 and text to
    /// nullable text that shows NaN, as pandas shows them; they are NaN in floats, masked in nullable columns, code −1
    /// in categories. Booleans with holes, which pandas turns into objects that no file can hold, become nullable.
    ///
    /// # Errors
    /// None for valid positions.
    pub fn reindex(&self, positions: &[i64]) -> Result<Self> {
        let holes = || positions.iter().any(|&position| position < 0);
        let hollow = || positions.iter().map(|&position| position < 0).collect();
        Ok(match self {
            Self::Plain(values) if values.dtype() == DType::Str && holes() => {
                Self::Nullable { values: values.take(positions), missing: hollow(), na: NaValue::NaN }
            }
            Self::Plain(values) if values.dtype() == DType::Bool && holes() => {
                Self::Nullable { values: values.take(positions), missing: hollow(), na: NaValue::Na }
            }
            Self::Plain(values) => Self::Plain(take_or_nan(values, positions)?),
            Self::Nullable { values, missing, na } => Self::Nullable {
                values: values.take(positions),
                missing: positions.iter().map(|&p| usize::try_from(p).map_or(true, |p| missing[p])).collect(),
                na: *na,
            },
            Self::Categorical { codes, categories, ordered } => Self::Categorical {
                codes: positions.iter().map(|&p| usize::try_from(p).map_or(-1, |p| codes[p])).collect(),
                categories: categories.clone(),
                ordered: *ordered,
            },
        })
    }
}

impl Table {
    /// The table with another index: row `i` is the old row `positions[i]`, or a hole where that is negative.
    ///
    /// # Errors
    /// If there are not as many positions as labels.
    pub fn reindex(&self, index: &Column, index_name: Option<&str>, positions: &[i64]) -> Result<Self> {
        if index.len() != positions.len() {
            return Err(Error::internal(format!("{} labels for {} rows", index.len(), positions.len())));
        }
        let columns = self
            .columns
            .iter()
            .map(|(name, column)| Ok((name.clone(), column.reindex(positions).map_err(|error| error.at(name))?)))
            .collect::<Result<_>>()?;
        Ok(Self { index: index.clone(), index_name: index_name.map(str::to_owned), columns })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `df.reindex(list("bxa"))` of pandas 2.3.3, where the frame has rows a and b.
    #[test]
    fn holes_are_those_of_pandas() {
        let at = [1, -1, 0];
        let plain = |values: Buffer| Column::Plain(values).reindex(&at).unwrap();
        let Column::Plain(Buffer::F64(ints)) = plain(Buffer::I8(vec![1, 2])) else { panic!("not float64") };
        assert_eq!(format!("{ints:?}"), "[2.0, NaN, 1.0]");
        let Column::Plain(Buffer::F32(floats)) = plain(Buffer::F32(vec![1.0, 2.0])) else { panic!("not float32") };
        assert_eq!(format!("{floats:?}"), "[2.0, NaN, 1.0]");
        assert_eq!(
            plain(Buffer::Bool(vec![1, 0])),
            Column::Nullable {
                values: Buffer::Bool(vec![0, 0, 1]),
                missing: vec![false, true, false],
                na: NaValue::Na
            }
        );
        assert_eq!(
            Column::text(["x", "y"]).reindex(&at).unwrap(),
            Column::Nullable {
                values: Buffer::Str(["y", "", "x"].iter().collect()),
                missing: vec![false, true, false],
                na: NaValue::NaN
            }
        );
        let category =
            |codes| Column::Categorical { codes, categories: Box::new(Column::text(["u", "v"])), ordered: true };
        assert_eq!(category(vec![0, 1]).reindex(&at).unwrap(), category(vec![1, -1, 0]));
    }

    #[test]
    fn without_holes_the_type_stays() {
        assert_eq!(
            Column::Plain(Buffer::Bool(vec![1, 0])).reindex(&[1, 0]).unwrap(),
            Column::Plain(Buffer::Bool(vec![0, 1]))
        );
    }

    proptest! {
        #[test]
        fn moving_there_and_back_is_identity(values in proptest::collection::vec(any::<i32>(), 0..20), seed in any::<u64>()) {
            let len = values.len();
            let shift = usize::try_from(seed % 1000).unwrap();
            let there: Vec<i64> = (0..len).map(|i| i64::try_from((i + shift) % len).unwrap()).collect();
            let mut back = vec![0_i64; len];
            for (new, &old) in there.iter().enumerate() {
                back[usize::try_from(old).unwrap()] = i64::try_from(new).unwrap();
            }
            let column = Column::Plain(Buffer::I32(values));
            prop_assert_eq!(column.reindex(&there).unwrap().reindex(&back).unwrap(), column);
        }
    }
}
