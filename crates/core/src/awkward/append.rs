//! Awkward arrays one below the other, as `awkward.concatenate` puts them.

use annstream_store::{Buffer, Error, Result};

use super::Node;
use super::node::Parameters;

impl Node {
    /// The entries of both. Numbers promote; lists of one length beside others become lists of any length; an option
    /// beside values is an option.
    ///
    /// # Errors
    /// `Incompatible` where awkward makes a union.
    pub(crate) fn append(self, next: Self) -> Result<Self> {
        match (self, next) {
            (Self::Empty, other) | (other, Self::Empty) => Ok(other),
            (
                Self::Numbers { values, shape, parameters },
                Self::Numbers { values: more, shape: other, parameters: others },
            ) => {
                same(&parameters, &others)?;
                let dtype = values.dtype().promote(more.dtype()).filter(|_| shape == other).ok_or_else(unlike)?;
                let mut all: Buffer = values.cast(dtype)?;
                all.extend_from(&more.cast(dtype)?, 0..more.len())?;
                Ok(Self::Numbers { values: all, shape, parameters })
            }
            (
                Self::Regular { size, len, content, parameters },
                Self::Regular { size: other, len: more, content: next, parameters: others },
            ) if size == other => {
                same(&parameters, &others)?;
                Ok(Self::Regular { size, len: len + more, content: Box::new(content.append(*next)?), parameters })
            }
            (a @ (Self::Lists { .. } | Self::Regular { .. }), b @ (Self::Lists { .. } | Self::Regular { .. })) => {
                let (mut offsets, content, parameters) = a.into_lists()?;
                let (more, next, others) = b.into_lists()?;
                same(&parameters, &others)?;
                let end = offsets.last().copied().unwrap_or(0);
                offsets.extend(more.iter().skip(1).map(|offset| offset + end));
                Ok(Self::Lists { offsets, content: Box::new(content.append(*next)?), parameters })
            }
            (
                Self::Records { names, contents, len, parameters },
                Self::Records { names: others, contents: mut next, len: more, parameters: other },
            ) => {
                same(&parameters, &other)?;
                if contents.len() != next.len() || names.is_some() != others.is_some() {
                    return Err(unlike());
                }
                if let (Some(names), Some(others)) = (&names, &others) {
                    let at = |name| others.iter().position(|other| other == name).and_then(|at| next.get(at)).cloned();
                    next = names.iter().map(at).collect::<Option<_>>().ok_or_else(unlike)?;
                }
                let contents = contents.into_iter().zip(next).map(|(a, b)| a.append(b)).collect::<Result<_>>()?;
                Ok(Self::Records { names, contents, len: len + more, parameters })
            }
            (a @ Self::Optional { .. }, b) | (a, b @ Self::Optional { .. }) => {
                let (mut index, content) = a.into_optional();
                let (more, next) = b.into_optional();
                let held = content.len().cast_signed() as i64;
                index.extend(more.into_iter().map(|i| if i < 0 { -1 } else { i + held }));
                Ok(Self::Optional { index, content: Box::new(content.append(*next)?) })
            }
            _ => Err(unlike()),
        }
    }

    fn into_lists(self) -> Result<(Vec<i64>, Box<Self>, Parameters)> {
        match self {
            Self::Lists { offsets, content, parameters } => Ok((offsets, content, parameters)),
            Self::Regular { size, len, content, parameters } => {
                Ok(((0..=len).map(|row| (row * size).cast_signed() as i64).collect(), content, parameters))
            }
            _ => Err(Error::internal("not a list")),
        }
    }

    fn into_optional(self) -> (Vec<i64>, Box<Self>) {
        match self {
            Self::Optional { index, content } => (index, content),
            other => ((0..).take(other.len()).collect(), Box::new(other)),
        }
    }
}

fn same(a: &Parameters, b: &Parameters) -> Result<()> {
    if a == b { Ok(()) } else { Err(unlike()) }
}

fn unlike() -> Error {
    Error::incompatible("awkward arrays of unlike forms cannot be stacked")
        .hint("give the element one form in all inputs, or drop it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: Buffer) -> Node {
        Node::Numbers { values, shape: Vec::new(), parameters: Parameters::new() }
    }

    fn lists(offsets: &[i64], values: Buffer) -> Node {
        Node::Lists { offsets: offsets.to_vec(), content: Box::new(numbers(values)), parameters: Parameters::new() }
    }

    /// `ak.concatenate` of awkward 2.14.
    #[test]
    fn forms_of_one_kind_are_joined() {
        let (a, b) = (lists(&[0, 2, 2], Buffer::I8(vec![1, 2])), lists(&[0, 1], Buffer::U8(vec![3])));
        assert_eq!(a.clone().append(b.clone()).unwrap(), lists(&[0, 2, 2, 3], Buffer::I16(vec![1, 2, 3])));
        let option = a.clone().append(*b.take(&[-1]).unwrap()).unwrap();
        assert!(matches!(option, Node::Optional { index, .. } if index == [0, 1, -1]));
        assert!(a.append(numbers(Buffer::I8(vec![1]))).is_err());
    }

    #[test]
    fn fields_meet_by_name() {
        let record = |names: [&str; 2], values: [i64; 2]| Node::Records {
            names: Some(names.map(str::to_owned).to_vec()),
            contents: values.map(|value| numbers(Buffer::I64(vec![value]))).to_vec(),
            len: 1,
            parameters: Parameters::new(),
        };
        let both = record(["a", "b"], [1, 2]).append(record(["b", "a"], [3, 4])).unwrap();
        let Node::Records { contents, len, .. } = &both else { panic!("not a record") };
        assert_eq!((*len, &contents[0]), (2, &numbers(Buffer::I64(vec![1, 4]))));
        assert_eq!(both.project(&["b".to_owned()]).unwrap().fields(), ["b"]);
        assert!(record(["a", "b"], [1, 2]).append(record(["a", "c"], [3, 4])).is_err());
    }
}
