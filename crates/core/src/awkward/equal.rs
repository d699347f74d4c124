//! Equality of awkward arrays, as `awkward.almost_equal` has it.

use annstream_store::Buffer;

use super::Node;

impl Node {
    /// Whether two arrays have the same form and entries; `close` compares numbers.
    pub(crate) fn almost_equals(&self, other: &Self, close: &dyn Fn(&Buffer, &Buffer) -> bool) -> bool {
        let len = self.len();
        if len != other.len() {
            return false;
        }
        match (self, other) {
            (Self::Empty, Self::Empty) => true,
            (
                Self::Numbers { values: a, shape, parameters },
                Self::Numbers { values: b, shape: other, parameters: others },
            ) => shape == other && parameters == others && close(a, b),
            (
                Self::Lists { offsets, content: a, parameters },
                Self::Lists { offsets: other, content: b, parameters: others },
            ) => offsets == other && parameters == others && a.almost_equals(b, close),
            (
                Self::Regular { size, content: a, parameters, .. },
                Self::Regular { size: other, content: b, parameters: others, .. },
            ) => size == other && parameters == others && a.almost_equals(b, close),
            (
                Self::Records { names, contents: a, parameters, .. },
                Self::Records { names: other, contents: b, parameters: others, .. },
            ) => {
                let same = |(i, a): (usize, &Self)| {
                    let at = match (names, other) {
                        (Some(names), Some(other)) => other.iter().position(|name| Some(name) == names.get(i)),
                        (None, None) => Some(i),
                        _ => None,
                    };
                    at.and_then(|at| b.get(at)).is_some_and(|b| a.almost_equals(b, close))
                };
                parameters == others && a.len() == b.len() && a.iter().enumerate().all(same)
            }
            (Self::Optional { index: a, content }, Self::Optional { index: b, content: other }) => {
                let holes = a.iter().zip(b).all(|(a, b)| (*a < 0) == (*b < 0));
                let held = |index: &[i64]| index.iter().copied().filter(|&i| i >= 0).collect::<Vec<_>>();
                // Contents may hold entries that no index points to.
                let contents = (content.clone().take(&held(a)), other.clone().take(&held(b)));
                holes && matches!(contents, (Ok(a), Ok(b)) if a.almost_equals(&b, close))
            }
            _ => false,
        }
    }
}
