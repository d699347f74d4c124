//! A concatenation that several processes write.
//!
//! Files of a zarr array are independent of each other, and their bytes depend on the values in them only. So whoever leads
//! counts the rows of the result and cuts the values of its large matrices into *shares* of whole files ([`shared`]); each
//! share is written by somebody, into a store of its own ([`write_share`]); and all else, with metadata that speaks of all,
//! by the leader ([`execute_around`]). Then the files of the shares are moved to where they belong. The result has the bytes
//! that one process writes.

use std::collections::BTreeMap;
use std::ops::Range;

use annstream_store::{StoreWriter, ZarrOptions};

use super::apart::stacked;
use super::execute::{ConcatReport, Elsewhere, write};
use super::inputs::{Input, View};
use super::matrices::{Arrangement, Container, MatrixPlan};
use super::plan::ConcatPlan;
use super::spec::Axis;
use super::stream::{Part, Tally, align, part_cost};
use crate::anndata::Slot;
use crate::element::SparseLayout;
use crate::matrix::{MatrixSource, SparseRows, Sums};
use crate::sink::{SparseSink, shared_values};
use crate::source::pieces;
use crate::{Error, Exec, Result};

/// A matrix of the result whose values are written elsewhere.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Where it stands: `X`, or `layers/NAME`.
    pub path: String,
    /// Values of each row.
    pub lengths: Vec<u64>,
    /// What there is to write.
    pub shares: Vec<Share>,
}

/// Values of a matrix of the result that fill files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The values, by their place among all.
    pub values: Range<u64>,
    /// The rows that hold them; the first and the last may hold others, too.
    pub rows: Range<u64>,
    /// The place of the first value of these rows.
    pub first: u64,
}

/// Cuts `X` and the layers of a result into shares: those that are CSR, and more than one share. Counts the values of
/// each row, from pointers, or where columns are dropped from column ids.
///
/// # Errors
/// If genes are appended, an input is stored by columns, or one is damaged.
pub fn shared(inputs: &[Input], plan: &ConcatPlan, options: ZarrOptions, exec: &Exec) -> Result<Vec<Shared>> {
    if plan.spec.axis != Axis::Obs || plan.spec.virtual_from.is_some() {
        return Err(Error::unsupported("only cells are appended by several processes"));
    }
    let mut all = Vec::new();
    for (matrix, slot) in matrices(plan) {
        let stored = matrix.container == Container::Sparse(SparseLayout::Csr);
        if !stored || matrix.arrangement != Arrangement::StackByName {
            continue;
        }
        if matrix.sorted_values(&plan.main.alignment) > 0 {
            let error = Error::unsupported("an input is stored by columns, which each process would have to sort");
            return Err(error.at(&matrix.path).hint("convert it with --layout csr first"));
        }
        let lengths = stacked(inputs, plan, matrix, slot, exec)?.lengths(0..matrix.shape[0])?;
        let shares = cut(&lengths, shared_values(matrix.dtype, matrix.shape[1], options));
        if shares.len() > 1 {
            all.push(Shared { path: matrix.path.clone(), lengths, shares });
        }
    }
    Ok(all)
}

fn matrices(plan: &ConcatPlan) -> impl Iterator<Item = (&MatrixPlan, Slot<'_>)> {
    let layers = plan.main.layers.iter().map(|(name, matrix)| (matrix, Slot::Layer(name)));
    plan.main.x.iter().map(|matrix| (matrix, Slot::X)).chain(layers)
}

/// Shares of `size` values; the last one has what is left.
fn cut(lengths: &[u64], size: u64) -> Vec<Share> {
    let total: u64 = lengths.iter().sum();
    let (mut shares, mut row, mut first) = (Vec::new(), 0, 0);
    for start in (0..total).step_by(usize::try_from(size).unwrap_or(usize::MAX)) {
        let values = start..total.min(start.saturating_add(size));
        while first + lengths[row] <= values.start {
            first += lengths[row];
            row += 1;
        }
        let (mut end, mut reached) = (row, first);
        while reached < values.end {
            reached += lengths[end];
            end += 1;
        }
        shares.push(Share { values, rows: row as u64..end as u64, first });
    }
    shares
}

/// Writes a share of the matrix at `path`: the files of its values and column ids, with the names that they have in the
/// result. Nothing else in the store that is published means anything.
///
/// # Errors
/// If an input is damaged, or writing fails.
pub fn write_share(
    inputs: &[Input],
    plan: &ConcatPlan,
    path: &str,
    share: &Share,
    writer: Box<dyn StoreWriter>,
    exec: &Exec,
) -> Result<()> {
    let found = matrices(plan).find(|(matrix, _)| matrix.path == path);
    let (matrix, slot) = found.ok_or_else(|| Error::argument("the result has no such matrix").at(path))?;
    let view = View { inputs, raw: false };
    let parts = matrix.open(view, slot, &plan.main.alignment, exec)?;
    let (layout, shape) = (SparseLayout::Csr, matrix.shape);
    let mut sink = SparseSink::new(writer.as_ref(), path, layout, shape, matrix.dtype, plan.compression)?;
    sink.skip_values(share.values.start)?;
    append(&parts, share, &mut sink, exec).map_err(|error| error.at(path))?;
    sink.finish_values()?;
    writer.commit()
}

fn append(parts: &[Part], share: &Share, sink: &mut SparseSink<'_>, exec: &Exec) -> Result<()> {
    let cost = |part: &Part, range: &Range<u64>| part_cost(part, range, false);
    let (items, in_flight, _charge) = pieces(parts, |part| (part.source.as_ref(), &part.name), cost, exec)?;
    let starts: Vec<u64> =
        parts.iter().scan(0, |end, part| Some(std::mem::replace(end, *end + part.source.shape()[0]))).collect();
    let own = |(part, range): (usize, Range<u64>)| {
        let start = starts[part];
        let within = |row: u64| row.clamp(share.rows.start.max(start), share.rows.end.max(start)) - start;
        let rows = within(range.start + start)..within(range.end + start);
        (!rows.is_empty()).then_some((part, rows))
    };
    let items: Vec<(usize, Range<u64>)> = items.into_iter().filter_map(own).collect();
    let mut tallies = vec![Tally::default(); parts.len()];
    let mut place = share.first;
    exec.ordered(
        items.len(),
        in_flight,
        |i| align(&parts[items[i].0], &items[i].1, false),
        |i, (block, tally)| {
            tallies[items[i].0].add(&tally);
            let rows = block.into_sparse()?;
            let start = place;
            place += rows.indices.len() as u64;
            let inside = |value: u64| value.clamp(start, place) - start;
            sink.append(part_of(rows, inside(share.values.start)..inside(share.values.end))?, Sums::default())
        },
    )?;
    if place < share.values.end {
        return Err(Error::internal(format!("values end at {place}, expected {}", share.values.end)));
    }
    for (tally, part) in tallies.iter().zip(parts) {
        tally.verify("values", &part.name)?;
    }
    Ok(())
}

/// Some of the values of rows, as if of one row.
fn part_of(rows: SparseRows, values: Range<u64>) -> Result<SparseRows> {
    let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("block exceeds memory"));
    let values = size(values.start)?..size(values.end)?;
    if values == (0..rows.indices.len()) {
        return Ok(rows);
    }
    let (indptr, indices) = (vec![0, values.len()], rows.indices[values.clone()].to_vec());
    let data = rows.data.slice(values);
    Ok(SparseRows { indptr, indices, data, sorted: false })
}

/// Writes the concatenation and publishes it, but for the values of `shared` matrices, of which all else is there.
///
/// # Errors
/// As [`execute`](super::execute()).
pub fn execute_around(
    inputs: &[Input],
    plan: &ConcatPlan,
    shared: &[Shared],
    writer: Box<dyn StoreWriter>,
    exec: &Exec,
) -> Result<ConcatReport> {
    let elsewhere: BTreeMap<&str, &[u64]> =
        shared.iter().map(|matrix| (matrix.path.as_str(), matrix.lengths.as_slice())).collect();
    write(inputs, plan, writer, exec, Elsewhere { x: false, values: elsewhere })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_the_values_and_name_their_rows() {
        for lengths in [vec![], vec![0], vec![5], vec![0, 3, 0, 4, 9, 0], vec![1; 20], vec![10, 0, 10]] {
            for size in 1..12 {
                let shares = cut(&lengths, size);
                let total: u64 = lengths.iter().sum();
                let mut next = 0;
                for share in &shares {
                    assert_eq!(share.values.start, next);
                    next = share.values.end;
                    let before = |row: u64| lengths[..usize::try_from(row).unwrap()].iter().sum::<u64>();
                    assert_eq!(share.first, before(share.rows.start));
                    assert!(share.first <= share.values.start && before(share.rows.start + 1) > share.values.start);
                    assert!(
                        before(share.rows.end) >= share.values.end && before(share.rows.end - 1) < share.values.end
                    );
                    assert!(share.values.end - share.values.start == size || share.values.end == total);
                }
                assert_eq!(next, total);
            }
        }
    }
}
