//! Rows of an awkward array taken by position.

use annstream_store::{Buffer, Error, Result};
use indexmap::IndexMap;
use serde_json::Value;

use crate::element::{AwkwardArray, DenseArray};

/// The rows at the given positions, in that order.
///
/// # Errors
/// [`ErrorKind::Unsupported`](annstream_store::ErrorKind) for holes and for forms other than numbers, lists, strings,
/// records, options by index and regular arrays.
pub(super) fn take(array: &AwkwardArray, positions: &[i64]) -> Result<AwkwardArray> {
    if positions.iter().any(|&position| position < 0) {
        return Err(Error::unsupported("an awkward array that lacks labels of an outer join")
            .hint("use an inner join, or drop the element"));
    }
    let form: Value = serde_json::from_str(&array.form)
        .map_err(|error| Error::invalid(format!("form of the awkward array: {error}")))?;
    let mut buffers = array.buffers.clone();
    gather(&form, &array.buffers, positions, &mut buffers)?;
    Ok(AwkwardArray { form: array.form.clone(), length: positions.len(), buffers })
}

/// Replaces the buffers of one node, and of those below it, by the entries at `positions`.
fn gather(
    form: &Value,
    old: &IndexMap<String, DenseArray>,
    positions: &[i64],
    new: &mut IndexMap<String, DenseArray>,
) -> Result<()> {
    let class = form["class"].as_str().unwrap_or("an unnamed form");
    let buffer = |role: &str| -> Result<(String, &DenseArray)> {
        let key = form["form_key"].as_str().unwrap_or("");
        let name = format!("{key}-{role}");
        old.get(&name)
            .map(|array| (name.clone(), array))
            .ok_or_else(|| Error::invalid(format!("awkward array without buffer {name}")))
    };
    match class {
        "EmptyArray" => Ok(()),
        "NumpyArray" => {
            let (name, data) = buffer("data")?;
            let inner: i64 = match form["inner_shape"].as_array() {
                Some(shape) => shape.iter().filter_map(Value::as_i64).product(),
                None => 1,
            };
            let at: Vec<i64> = positions.iter().flat_map(|&row| row * inner..(row + 1) * inner).collect();
            new.insert(name, pick(data, &at)?);
            Ok(())
        }
        "RecordArray" => match &form["contents"] {
            Value::Array(contents) => contents.iter().try_for_each(|form| gather(form, old, positions, new)),
            Value::Object(contents) => contents.values().try_for_each(|form| gather(form, old, positions, new)),
            _ => Err(Error::invalid("awkward record without contents")),
        },
        "RegularArray" => {
            let size = form["size"].as_i64().unwrap_or(0);
            let at: Vec<i64> = positions.iter().flat_map(|&row| row * size..(row + 1) * size).collect();
            gather(&form["content"], old, &at, new)
        }
        "ListOffsetArray" => {
            let (name, offsets) = buffer("offsets")?;
            let mut at = Vec::new();
            let mut ends = vec![0_i64];
            for &row in positions {
                let bound = |row: i64| {
                    usize::try_from(row)
                        .ok()
                        .filter(|&row| row < offsets.values.len())
                        .and_then(|row| offsets.values.get_i64(row))
                        .ok_or_else(|| Error::invalid(format!("awkward buffer {name} ends before entry {row}")))
                };
                at.extend(bound(row)?..bound(row + 1)?);
                ends.push(at.len() as i64);
            }
            let values = Buffer::I64(ends).cast(offsets.values.dtype())?;
            new.insert(name, DenseArray { shape: vec![values.len()], values });
            gather(&form["content"], old, &at, new)
        }
        "IndexedOptionArray" | "IndexedArray" => {
            let (name, index) = buffer("index")?;
            new.insert(name, pick(index, positions)?);
            Ok(())
        }
        "ByteMaskedArray" => {
            let (name, mask) = buffer("mask")?;
            new.insert(name, pick(mask, positions)?);
            gather(&form["content"], old, positions, new)
        }
        "UnmaskedArray" => gather(&form["content"], old, positions, new),
        _ => Err(Error::unsupported(format!("aligning an awkward array with {class}"))
            .hint("drop the element, or give all inputs the same labels")),
    }
}

fn pick(array: &DenseArray, at: &[i64]) -> Result<DenseArray> {
    let len = array.values.len();
    if at.iter().any(|&i| usize::try_from(i).map_or(true, |i| i >= len)) {
        return Err(Error::invalid(format!("an awkward buffer of {len} entries is too short")));
    }
    let values = array.values.take(at);
    Ok(DenseArray { shape: vec![values.len()], values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(values: Buffer) -> DenseArray {
        DenseArray { shape: vec![values.len()], values }
    }

    /// `ak.Array([[1, 2], [], [3]])[[2, 0]]`.
    #[test]
    fn lists_move_with_their_contents() {
        let form = r#"{"class": "ListOffsetArray", "offsets": "i64", "form_key": "node0",
            "content": {"class": "NumpyArray", "primitive": "int64", "inner_shape": [], "form_key": "node1"}}"#;
        let array = |offsets: &[i64], data: &[i64], length| AwkwardArray {
            form: form.into(),
            length,
            buffers: [
                ("node0-offsets".to_owned(), flat(Buffer::I64(offsets.to_vec()))),
                ("node1-data".to_owned(), flat(Buffer::I64(data.to_vec()))),
            ]
            .into_iter()
            .collect(),
        };
        let all = array(&[0, 2, 2, 3], &[1, 2, 3], 3);
        assert_eq!(take(&all, &[2, 0]).unwrap(), array(&[0, 1, 3], &[3, 1, 2], 2));
        assert_eq!(take(&all, &[0, 1, 2]).unwrap(), all);
        assert_eq!(take(&all, &[0, -1]).unwrap_err().kind(), annstream_store::ErrorKind::Unsupported);
        assert!(take(&all, &[7]).is_err());
    }
}
