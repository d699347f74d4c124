//! Labels of the appended axis that occur more than once.

use std::hash::{BuildHasher, RandomState};

use annstream_store::Buffer;

use super::inputs::View;
use super::spec::ConcatSpec;
use crate::table::Column;
use crate::{Budget, Result};

/// Labels that are not unique in the result, as a warning; `None` if all are, or if the budget has no room for the
/// sixteen bytes per label that finding out takes.
///
/// # Errors
/// If an index is damaged.
pub(crate) fn duplicate_labels(view: View<'_>, spec: &ConcatSpec, budget: &Budget) -> Result<Option<String>> {
    let inputs = view.inputs.len();
    let total: u64 = (0..inputs).map(|input| view.len(input, spec.axis)).sum();
    let Ok(_charge) = budget.charge(total * 16, "looking for duplicate labels") else { return Ok(None) };
    let hasher = RandomState::new();
    let mut hashes: Vec<(u64, u32)> = Vec::new();
    for input in 0..inputs {
        // With a suffix per input, labels can only clash within one.
        let salt = if spec.index_unique.is_some() { input } else { 0 };
        let index = view.index(input, spec.axis)?;
        if let Column::Plain(Buffer::Str(labels)) | Column::Nullable { values: Buffer::Str(labels), .. } = &index {
            let salt = u32::try_from(salt).unwrap_or(0);
            hashes.extend(labels.iter().map(|label| (hasher.hash_one(label), salt)));
        }
    }
    hashes.sort_unstable();
    let clashes = hashes.windows(2).filter(|pair| pair[0] == pair[1]).count();
    if clashes == 0 {
        return Ok(None);
    }
    let name = spec.axis.name();
    let advice =
        if spec.index_unique.is_some() { "" } else { "; --index-unique makes those of different inputs differ" };
    Ok(Some(format!("{clashes} of {total} {name} names repeat an earlier one{advice}")))
}
