//! Rows of an awkward array taken by position.

use annstream_store::{Error, Result};

use super::Node;

impl Node {
    /// The entries at the given positions; negative ones are missing.
    ///
    /// # Errors
    /// If a position is beyond the end.
    pub(crate) fn take(self, positions: &[i64]) -> Result<Box<Self>> {
        let len = self.len();
        if positions.iter().any(|&position| usize::try_from(position).is_ok_and(|position| position >= len)) {
            return Err(Error::invalid(format!("an awkward array of {len} entries is too short")));
        }
        if let Self::Optional { index, content } = self {
            let old: Vec<i64> =
                positions.iter().map(|&p| usize::try_from(p).map_or(-1, |position| index[position])).collect();
            return content.present(&old);
        }
        if positions.iter().any(|&position| position < 0) {
            return self.present(positions);
        }
        Ok(Box::new(match self {
            Self::Empty => Self::Empty,
            Self::Numbers { values, shape, parameters } => {
                let size = shape.iter().product();
                Self::Numbers { values: values.take(&spread(positions, size)), shape, parameters }
            }
            Self::Lists { offsets, content, parameters } => {
                let mut at = Vec::new();
                let mut ends = vec![0_i64];
                for row in positions.iter().filter_map(|&position| usize::try_from(position).ok()) {
                    at.extend(offsets[row]..offsets[row + 1]);
                    ends.push(at.len().cast_signed() as i64);
                }
                Self::Lists { offsets: ends, content: content.take(&at)?, parameters }
            }
            Self::Regular { size, content, parameters, .. } => {
                let content = content.take(&spread(positions, size))?;
                Self::Regular { size, len: positions.len(), content, parameters }
            }
            Self::Records { names, contents, parameters, .. } => {
                let contents = contents.into_iter().map(|content| Ok(*content.take(positions)?));
                let contents = contents.collect::<Result<_>>()?;
                Self::Records { names, contents, len: positions.len(), parameters }
            }
            Self::Optional { .. } => return Err(Error::internal("an option was taken as a value")),
        }))
    }

    /// The entries at the given positions as an option: negative ones are missing.
    fn present(self, positions: &[i64]) -> Result<Box<Self>> {
        let held: Vec<i64> = positions.iter().copied().filter(|&position| position >= 0).collect();
        let mut next = 0..;
        let index = positions.iter().map(|&p| if p < 0 { -1 } else { next.next().unwrap_or(-1) }).collect();
        Ok(Box::new(Self::Optional { index, content: self.take(&held)? }))
    }
}

fn spread(positions: &[i64], size: usize) -> Vec<i64> {
    let size = size.cast_signed() as i64;
    positions.iter().flat_map(|&row| row * size..(row + 1) * size).collect()
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;

    use super::*;
    use crate::element::{AwkwardArray, DenseArray};

    fn flat(values: Buffer) -> DenseArray {
        DenseArray { shape: vec![values.len()], values }
    }

    fn lists(offsets: &[i64], data: &[i64]) -> AwkwardArray {
        let form = r#"{"class": "ListOffsetArray", "offsets": "i64", "form_key": "node0",
            "content": {"class": "NumpyArray", "primitive": "int64", "inner_shape": [], "form_key": "node1"}}"#;
        AwkwardArray {
            form: form.into(),
            length: offsets.len() - 1,
            buffers: [
                ("node0-offsets".to_owned(), flat(Buffer::I64(offsets.to_vec()))),
                ("node1-data".to_owned(), flat(Buffer::I64(data.to_vec()))),
            ]
            .into_iter()
            .collect(),
        }
    }

    /// `ak.Array([[1, 2], [], [3]])[[2, 0]]`.
    #[test]
    fn lists_move_with_their_contents() {
        let all = Node::decode(&lists(&[0, 2, 2, 3], &[1, 2, 3])).unwrap();
        let moved = all.clone().take(&[2, 0]).unwrap();
        assert_eq!(*moved, Node::decode(&lists(&[0, 1, 3], &[3, 1, 2])).unwrap());
        assert_eq!(*all.clone().take(&[0, 1, 2]).unwrap(), all);
        assert_eq!(Node::decode(&all.clone().encode()).unwrap(), all);
        assert!(all.take(&[7]).is_err());
    }

    #[test]
    fn holes_are_missing() {
        let all = Node::decode(&lists(&[0, 2, 2, 3], &[1, 2, 3])).unwrap();
        let Node::Optional { index, content } = *all.clone().take(&[2, -1]).unwrap() else { panic!("not an option") };
        assert_eq!((index, content.len()), (vec![0, -1], 1));
        let twice = all.take(&[2, -1]).unwrap().take(&[1, -1, 0]).unwrap();
        assert!(matches!(*twice, Node::Optional { index, .. } if index == [-1, -1, 0]));
    }

    #[test]
    fn damage_is_found() {
        assert!(Node::decode(&lists(&[0, 2, 9], &[1, 2, 3])).is_err());
        assert!(Node::decode(&lists(&[0, 2, 1], &[1, 2, 3])).is_err());
        assert!(Node::decode(&AwkwardArray { length: 9, ..lists(&[0, 2], &[1, 2]) }).is_err());
    }
}
