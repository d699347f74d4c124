//! Dividing rows and taking logarithms, in one step.

use std::sync::Arc;

use super::divisors::Divisors;
use crate::Result;
use crate::lazy::{Layout, NumberBlock, Numbers, Real, RowOp};

/// Whole numbers below this are looked up.
const TABLE: usize = 256;

/// [`DivideRows`](super::DivideRows) and [`Log1p`](super::Log1p), to the same bits. Counts are small whole numbers, and
/// within a row equal counts become equal values: each is worked out once, and looked up then.
#[derive(Clone, Debug)]
pub struct LogNormalize {
    divisors: Divisors,
    base: Option<f64>,
    /// Whether `exp(x) - 1` follows.
    back: bool,
}

impl LogNormalize {
    /// A divisor for each row of the source; the base of the logarithm, natural if `None`.
    pub fn new(divisors: impl Into<Arc<[f64]>>, base: Option<f64>) -> Self {
        Self { divisors: Divisors(divisors.into()), base, back: false }
    }

    /// The same and back again, `expm1` of the logarithm: what scanpy's `seurat` flavor looks at, rounded twice as there.
    #[must_use]
    pub fn and_back(mut self) -> Self {
        self.back = true;
        self
    }

    fn value<T: Real>(&self, value: T, divisor: T) -> T {
        let mut out = value.over(divisor).ln_1p();
        if let Some(base) = self.base {
            out = T::narrow(out.wide() / base.ln());
        }
        if !self.back {
            return out;
        }
        match self.base {
            None => out.exp_m1(),
            Some(base) => T::narrow(out.wide() * base.ln()).exp_m1(),
        }
    }

    fn change<T: Real>(&self, rows: (&[u64], &Layout, usize), values: &mut [T]) -> Result<()> {
        let mut table = [T::default(); TABLE];
        let mut known = [0_u64; TABLE / 64];
        self.divisors.each_row(rows, values, |values, divisor| {
            known.fill(0);
            for value in values {
                let wide = value.wide();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked in the next line")]
                let whole = wide as usize;
                #[expect(clippy::float_cmp, reason = "whether it is a small whole number")]
                if whole < TABLE && whole as f64 == wide {
                    if known[whole / 64] >> (whole % 64) & 1 == 0 {
                        known[whole / 64] |= 1 << (whole % 64);
                        table[whole] = self.value(*value, divisor);
                    }
                    *value = table[whole];
                } else {
                    *value = self.value(*value, divisor);
                }
            }
        })
    }
}

impl RowOp for LogNormalize {
    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        let rows = (block.rows.as_slice(), &block.layout, block.columns.len());
        match &mut block.values {
            Numbers::F32(values) => self.change(rows, values),
            Numbers::F64(values) => self.change(rows, values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{DivideRows, Log1p};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_one_after_the_other(
            values in prop::collection::vec(prop_oneof![(0_u16..600).prop_map(f32::from), 0.0_f32..9.0], 0..60),
            divisors in prop::collection::vec(0.01_f64..9.0, 3),
            base in prop::option::of(1.5_f64..11.0),
        ) {
            let third = values.len() / 3;
            let layout = Layout::Sparse {
                indptr: vec![0, third, 2 * third, values.len()],
                indices: (0..).take(values.len()).collect(),
            };
            let block = NumberBlock {
                start: 0,
                rows: vec![0, 1, 2],
                columns: (0..60).collect(),
                layout,
                values: Numbers::F32(values),
            };
            let (mut fused, mut apart) = (block.clone(), block);
            LogNormalize::new(divisors.clone(), base).apply(&mut fused).unwrap();
            DivideRows::new(divisors).apply(&mut apart).unwrap();
            Log1p { base }.apply(&mut apart).unwrap();
            prop_assert_eq!(fused, apart);
        }
    }
}
