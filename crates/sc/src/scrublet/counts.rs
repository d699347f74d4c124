//! Counts of the variable genes, in memory.

use std::ops::Range;
use std::sync::Arc;

use annstream_core::Charge;
use annstream_core::Exec;
use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Precision};
use annstream_core::matrix::{Block, MatrixSource, SparseRows};
use annstream_store::{Buffer, DType};

use crate::{Error, Result};

/// Blocks of what is in memory are by so much smaller than those of files: there are more of them for all threads.
const FINER: u64 = 8;

/// Compressed rows. Eight bytes a value (twelve of doubles), and eight a row.
#[derive(Debug)]
pub(super) struct CountedRows {
    width: usize,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Numbers,
    /// How many of the values are not whole.
    pub(super) fractions: u64,
    _charge: Option<Charge>,
}

impl CountedRows {
    /// Rows and columns.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.indptr.len() - 1, self.width]
    }

    /// Type of the values.
    pub(super) fn dtype(&self) -> DType {
        match self.values {
            Numbers::F32(_) => DType::F32,
            Numbers::F64(_) => DType::F64,
        }
    }

    /// Columns and values of a row; where the values stand.
    pub(super) fn row(&self, row: usize) -> (&[u32], Range<usize>) {
        let range = self.indptr[row]..self.indptr[row + 1];
        (&self.indices[range.clone()], range)
    }

    /// The values.
    pub(super) fn values(&self) -> &Numbers {
        &self.values
    }

    /// Bytes of a row with so many values.
    pub(super) fn row_bytes(&self, values: usize) -> u64 {
        (values * (4 + self.dtype().size()) + 8) as u64
    }

    /// The same, its memory charged for as long as it lives.
    pub(super) fn charged(self, exec: &Exec) -> Result<Self> {
        let bytes = self.row_bytes(self.indices.len()) + self.indptr.len() as u64 * 8;
        let charge = exec.budget().charge(bytes, "the counts of the variable genes")?;
        Ok(Self { _charge: Some(charge), ..self })
    }
}

/// Consecutive ranges of rows, each of about `max_bytes`; `bytes` tells those of a row.
pub(super) fn ranges(rows: usize, max_bytes: u64, bytes: impl Fn(usize) -> u64) -> Vec<Range<u64>> {
    let most = max_bytes / FINER;
    let (mut out, mut start, mut held) = (Vec::new(), 0, 0);
    for row in 0..rows {
        let own = bytes(row);
        if row > start && held + own > most {
            out.push(start as u64..row as u64);
            (start, held) = (row, 0);
        }
        held += own;
    }
    if start < rows {
        out.push(start as u64..rows as u64);
    }
    out
}

/// Positions of rows in memory.
pub(super) fn positions(rows: &Range<u64>) -> Result<Range<usize>> {
    let position = |row: u64| usize::try_from(row).map_err(|_| Error::internal("rows exceed memory"));
    Ok(position(rows.start)?..position(rows.end)?)
}

/// The rows as a source.
pub(super) struct Observed(pub(super) Arc<CountedRows>);

impl MatrixSource for Observed {
    fn shape(&self) -> [u64; 2] {
        self.0.shape().map(|extent| extent as u64)
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let counts = &self.0;
        Ok(ranges(counts.shape()[0], max_bytes, |row| counts.row_bytes(counts.row(row).0.len())))
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let rows = positions(&rows)?;
        let values = self.0.indptr[rows.end] - self.0.indptr[rows.start];
        Ok(self.0.row_bytes(values) + rows.len() as u64 * 8)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let pointers = &self.0.indptr[rows_of(&rows)?];
        let range = pointers[0]..pointers[pointers.len() - 1];
        let indptr = pointers.iter().map(|pointer| pointer - pointers[0]).collect();
        let indices = self.0.indices[range.clone()].to_vec();
        let data = match &self.0.values {
            Numbers::F32(values) => Buffer::F32(values[range].to_vec()),
            Numbers::F64(values) => Buffer::F64(values[range].to_vec()),
        };
        Ok(Block::Sparse(SparseRows { indptr, indices, data, sorted: true }))
    }
}

/// Where the pointers of rows stand.
fn rows_of(rows: &Range<u64>) -> Result<std::ops::RangeInclusive<usize>> {
    let rows = positions(rows)?;
    Ok(rows.start..=rows.end)
}

/// Keeps all rows of a pass.
pub(super) struct KeepPass {
    shape: [usize; 2],
    precision: Precision,
    /// Values that there are, at most, unless zeros are stored.
    values: u64,
}

impl KeepPass {
    pub(super) fn new(shape: [usize; 2], precision: Precision, values: u64) -> Self {
        Self { shape, precision, values }
    }
}

impl Consumer for KeepPass {
    type Partial = NumberBlock;
    type Total = CountedRows;
    type Output = CountedRows;

    fn start(&self) -> Result<CountedRows> {
        let most = usize::try_from(self.values).map_err(|_| Error::internal("counts exceed memory"))?;
        let values = match self.precision {
            Precision::Single => Numbers::F32(Vec::with_capacity(most)),
            Precision::Double => Numbers::F64(Vec::with_capacity(most)),
        };
        let mut indptr = Vec::with_capacity(self.shape[0] + 1);
        indptr.push(0);
        Ok(CountedRows {
            width: self.shape[1],
            indptr,
            indices: Vec::with_capacity(most),
            values,
            fractions: 0,
            _charge: None,
        })
    }

    fn map(&self, block: &NumberBlock) -> Result<NumberBlock> {
        Ok(block.clone())
    }

    fn fold(&self, total: &mut CountedRows, block: NumberBlock) -> Result<()> {
        let (indptr, indices) =
            block.sparse().ok_or_else(|| Error::internal("counts are kept of compressed blocks"))?;
        let base = total.indices.len();
        total.indptr.extend(indptr[1..].iter().map(|pointer| base + pointer));
        total.indices.extend_from_slice(indices);
        total.fractions += match (&mut total.values, &block.values) {
            (Numbers::F32(all), Numbers::F32(own)) => {
                all.extend_from_slice(own);
                own.iter().filter(|value| value.fract() != 0.0).count() as u64
            }
            (Numbers::F64(all), Numbers::F64(own)) => {
                all.extend_from_slice(own);
                own.iter().filter(|value| value.fract() != 0.0).count() as u64
            }
            _ => return Err(Error::internal("counts of another precision")),
        };
        block.recycle();
        Ok(())
    }

    fn finish(self, mut total: CountedRows) -> Result<CountedRows> {
        total.indices.shrink_to_fit();
        match &mut total.values {
            Numbers::F32(values) => values.shrink_to_fit(),
            Numbers::F64(values) => values.shrink_to_fit(),
        }
        Ok(total)
    }

    fn total_bytes(&self) -> u64 {
        self.values * (4 + self.precision.dtype().size() as u64) + self.shape[0] as u64 * 8
    }
}
