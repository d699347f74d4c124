//! Cells or genes drawn at random, as `scanpy.pp.sample`.
//!
//! The positions are those of `numpy.random.default_rng(seed).choice(extent, size, replace=replace)`, number for number:
//! [`generator`](Generator) is numpy's default generator, and [`choice`] its three ways to choose. So the same seed gives
//! the same cells here and in Python. [`Mersenne`] is numpy's legacy generator, which other steps of scanpy draw from.

mod choice;
mod generator;
mod mersenne;
mod without_replacement;

use crate::{Error, Result};

pub use choice::choice;
pub use generator::Generator;
pub use mersenne::Mersenne;
pub use without_replacement::sample_without_replacement;

/// How many are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// So many.
    Count(u64),
    /// A fraction of those that are there, rounded down.
    Fraction(f64),
}

/// The parameters of `scanpy.pp.sample`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleOptions {
    /// How many are drawn.
    pub amount: Amount,
    /// The seed: `rng` of scanpy.
    pub seed: u64,
    /// Whether one may be drawn again.
    pub replace: bool,
}

/// Draws positions of an axis, in the order in which they come.
///
/// # Errors
/// `Argument` if more are asked for than there are and none may be drawn again, or the fraction is not one.
pub fn positions(extent: usize, options: &SampleOptions) -> Result<Vec<u32>> {
    let extent = u32::try_from(extent).map_err(|_| Error::unsupported("more than 2^32 entries along an axis"))?;
    let size = match options.amount {
        Amount::Count(count) => count,
        Amount::Fraction(fraction) if !fraction.is_finite() || fraction < 0.0 => {
            return Err(Error::argument(format!("the fraction {fraction} is not a number from 0 on")));
        }
        Amount::Fraction(fraction) if fraction > 1.0 && !options.replace => {
            return Err(Error::argument(format!("the fraction {fraction} is more than all there is"))
                .hint("a number from 0 to 1, or give --replace"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounds down, as int() of Python")]
        Amount::Fraction(fraction) => (fraction * f64::from(extent)) as u64,
    };
    let size = u32::try_from(size).map_err(|_| Error::unsupported("more than 2^32 entries along an axis"))?;
    if size > extent && !options.replace {
        return Err(Error::argument(format!("{size} of {extent} cannot be drawn once each"))
            .hint("ask for fewer, or give --replace"));
    }
    if size > 0 && extent == 0 {
        return Err(Error::argument(format!("{size} of none cannot be drawn")));
    }
    Ok(choice(&mut Generator::new(options.seed), extent, size, options.replace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(extent: usize, amount: Amount, replace: bool) -> Result<Vec<u32>> {
        positions(extent, &SampleOptions { amount, seed: 0, replace })
    }

    #[test]
    fn sizes_are_those_of_scanpy() {
        assert_eq!(drawn(10, Amount::Fraction(0.39), false).unwrap().len(), 3);
        assert_eq!(drawn(10, Amount::Fraction(2.5), true).unwrap().len(), 25);
        assert_eq!(drawn(0, Amount::Fraction(1.0), false).unwrap(), [] as [u32; 0]);
        for (amount, replace) in
            [(Amount::Count(11), false), (Amount::Fraction(1.1), false), (Amount::Fraction(-0.1), true)]
        {
            assert!(drawn(10, amount, replace).is_err());
        }
        assert!(drawn(0, Amount::Count(1), true).is_err());
    }
}
