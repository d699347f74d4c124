//! The rows of an axis that a result has.

use std::sync::Arc;

use crate::{Error, Result};

/// Positions along an axis, in the order of the result; a position may come more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    extent: usize,
    /// `None` is everything, in order.
    positions: Option<Arc<[u32]>>,
}

impl Selection {
    /// Everything.
    pub fn all(extent: usize) -> Self {
        Self { extent, positions: None }
    }

    /// The given positions of an axis of this extent.
    ///
    /// # Errors
    /// `Internal` if one is beyond the end.
    pub fn new(extent: usize, positions: Vec<u32>) -> Result<Self> {
        if positions.iter().any(|&position| position as usize >= extent) {
            return Err(Error::internal("a position beyond the end of an axis"));
        }
        let same = positions.len() == extent && positions.iter().zip(0_u32..).all(|(&position, i)| position == i);
        Ok(Self { extent, positions: if same { None } else { Some(positions.into()) } })
    }

    /// The positions where a mask over the axis is true.
    ///
    /// # Errors
    /// `Unsupported` if the axis has more than 2^32 entries.
    pub fn from_mask(mask: &[bool]) -> Result<Self> {
        let narrow = |position: usize| {
            u32::try_from(position).map_err(|_| Error::unsupported("more than 2^32 entries along an axis"))
        };
        let kept = mask.iter().enumerate().filter(|(_, kept)| **kept).map(|(position, _)| narrow(position));
        Self::new(mask.len(), kept.collect::<Result<_>>()?)
    }

    /// Positions that rise strictly: a filter, which neither moves nor repeats rows.
    ///
    /// # Errors
    /// `Internal` if they do not rise, or one is beyond the end.
    pub fn rising(extent: usize, positions: Vec<u32>) -> Result<Self> {
        if !positions.is_sorted_by(|a, b| a < b) {
            return Err(Error::internal("positions to keep do not rise"));
        }
        Self::new(extent, positions)
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.positions.as_ref().map_or(self.extent, |positions| positions.len())
    }

    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Extent of the axis that positions are of.
    pub fn extent(&self) -> usize {
        self.extent
    }

    /// The positions; `None` for everything in order.
    pub fn positions(&self) -> Option<&Arc<[u32]>> {
        self.positions.as_ref()
    }

    /// Whether positions rise strictly.
    pub fn rises(&self) -> bool {
        self.positions.as_ref().is_none_or(|positions| positions.is_sorted_by(|a, b| a < b))
    }

    /// Whether a position comes twice.
    pub fn repeats(&self) -> bool {
        if self.rises() {
            return false;
        }
        let mut seen = vec![false; self.extent];
        self.positions
            .iter()
            .flat_map(|positions| positions.iter())
            .any(|&position| seen.get_mut(position as usize).is_some_and(|seen| std::mem::replace(seen, true)))
    }

    /// The positions, each standing for `width` neighbours.
    pub(crate) fn widened(&self, width: usize) -> Result<Self> {
        let Some(positions) = &self.positions else { return Ok(Self::all(self.extent * width)) };
        if width == 1 {
            return Ok(self.clone());
        }
        let wide = u32::try_from(width).map_err(|_| Error::unsupported("more than 2^32 columns"))?;
        let all =
            positions.iter().flat_map(|&position| (0..wide).map(move |i| position.checked_mul(wide)?.checked_add(i)));
        let all = all.collect::<Option<Vec<u32>>>().ok_or_else(|| Error::unsupported("more than 2^32 columns"))?;
        Self::new(self.extent * width, all)
    }

    /// The positions as columns and elements take them; `None` for everything.
    pub(crate) fn taken(&self) -> Option<Vec<i64>> {
        self.positions.as_ref().map(|positions| positions.iter().map(|&position| i64::from(position)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_repetition_and_identity_are_seen() {
        let of = |positions: &[u32]| Selection::new(4, positions.to_vec()).unwrap();
        assert_eq!(of(&[0, 1, 2, 3]), Selection::all(4));
        assert!(of(&[1, 3]).rises() && !of(&[3, 1]).rises() && !of(&[1, 1]).rises());
        assert!(of(&[3, 1, 3]).repeats() && !of(&[3, 1]).repeats());
        assert_eq!(of(&[2, 0]).widened(2).unwrap().positions().unwrap()[..], [4, 5, 0, 1]);
        assert!(Selection::new(4, vec![4]).is_err());
    }

    #[test]
    fn masks_and_rising_positions_are_the_same() {
        let masked = Selection::from_mask(&[true, false, true]).unwrap();
        assert_eq!(masked, Selection::rising(3, vec![0, 2]).unwrap());
        assert_eq!(Selection::from_mask(&[true; 3]).unwrap(), Selection::all(3));
        assert_eq!(Selection::from_mask(&[false; 3]).unwrap().len(), 0);
        assert_eq!(Selection::from_mask(&[]).unwrap(), Selection::all(0));
        for wrong in [vec![2, 0], vec![1, 1], vec![3]] {
            assert!(Selection::rising(3, wrong).is_err());
        }
    }
}
