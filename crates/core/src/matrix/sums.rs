//! What must be the same before and after a merge.

use annstream_store::Buffer;

use crate::vector::vectorized;

/// Count and sum of the values that passed, for the check that every value of an input arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Stored values (explicit zeros included).
    pub count: u64,
    /// Their sum; NaN and infinities are counted in `special` instead.
    pub sum: f64,
    /// Sum of absolute values: the scale that rounding is judged by.
    pub scale: f64,
    /// NaNs and infinities.
    pub special: u64,
}

impl Sums {
    /// Of the given values.
    pub fn of(values: &Buffer) -> Self {
        match values {
            Buffer::F32(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::F64(values) => Self::floats(values, |&x| x),
            Buffer::I32(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::C64(values) => Self::floats(values, |x| f64::from(x[0]) + f64::from(x[1])),
            Buffer::C128(values) => Self::floats(values, |x| x[0] + x[1]),
            Buffer::Bool(values) | Buffer::U8(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::I8(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::I16(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::U16(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::U32(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::I64(values) => Self::floats(values, |&x| x as f64),
            Buffer::U64(values) => Self::floats(values, |&x| x as f64),
            Buffer::F16(values) => Self::floats(values, |&x| f64::from(x)),
            Buffer::Str(text) => Self { count: text.len() as u64, ..Self::default() },
        }
    }

    fn floats<T>(values: &[T], convert: impl Fn(&T) -> f64) -> Self {
        vectorized(
            #[inline(always)]
            || Self::lanes(values, convert),
        )
    }

    #[inline(always)]
    fn lanes<T>(values: &[T], convert: impl Fn(&T) -> f64) -> Self {
        const LANES: usize = 8;
        let mut this = Self { count: values.len() as u64, ..Self::default() };
        let (mut sum, mut scale) = ([0.0; LANES], [0.0; LANES]);
        let chunks = values.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for lane in 0..LANES {
                let value = convert(&chunk[lane]);
                sum[lane] += value;
                scale[lane] += value.abs();
            }
        }
        this.sum = sum.iter().sum::<f64>() + rest.iter().map(&convert).sum::<f64>();
        this.scale = scale.iter().sum::<f64>() + rest.iter().map(|value| convert(value).abs()).sum::<f64>();
        if !this.scale.is_finite() {
            // Rare: NaN or infinity somewhere, to be told apart from the rest.
            (this.sum, this.scale) = (0.0, 0.0);
            for value in values.iter().map(convert) {
                if value.is_finite() {
                    this.sum += value;
                    this.scale += value.abs();
                } else {
                    this.special += 1;
                }
            }
        }
        this
    }

    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.scale += other.scale;
        self.special += other.special;
    }

    /// Whether both tell of the same values: counts exactly, sums up to the rounding of their order.
    pub fn agrees(&self, other: &Self) -> bool {
        self.count == other.count
            && self.special == other.special
            && (self.sum - other.sum).abs() <= 1e-6 * self.scale.max(other.scale).max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_equal_a_plain_loop_and_count_what_is_not_finite() {
        let values: Vec<f32> = (0_i16..100).map(|i| f32::from(i) - 30.5).collect();
        let sums = Sums::of(&Buffer::F32(values.clone()));
        assert!((sums.sum - values.iter().map(|&x| f64::from(x)).sum::<f64>()).abs() < 1e-9);
        assert!((sums.scale - values.iter().map(|&x| f64::from(x).abs()).sum::<f64>()).abs() < 1e-9);
        let odd = Sums::of(&Buffer::F64(vec![1.0, f64::NAN, 2.0, f64::INFINITY]));
        assert_eq!(odd, Sums { count: 4, sum: 3.0, scale: 3.0, special: 2 });
        assert!(!odd.agrees(&Sums { sum: 4.0, ..odd }));
    }
}
