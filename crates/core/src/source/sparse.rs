//! A sparse matrix as it is stored, read along its compressed axis.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use annstream_store::{ArrayReader, Buffer, DType, Region, Store};

use super::chunk_bytes;
use super::cuts::Cuts;
use crate::matrix::{BLOCK_BYTES, Block, MatrixSource, SparseRows};
use crate::{Error, Result};

/// Pointers looked at together while partitioning.
const PIECE: u64 = 1 << 16;

/// The rows of a stored CSR matrix, or the columns of a stored CSC matrix. Everything that is read is validated:
/// pointers start at zero, never fall and end at the number of values; columns are in range.
pub struct StoredSparse {
    file: PathBuf,
    element: String,
    shape: [u64; 2],
    dtype: DType,
    count: u64,
    indptr: Arc<dyn ArrayReader>,
    indices: Arc<dyn ArrayReader>,
    data: Arc<dyn ArrayReader>,
}

impl StoredSparse {
    /// Opens the group at `element`; `shape` is (compressed axis, other axis).
    ///
    /// # Errors
    /// If a member is missing, has an impossible type or length, or the other axis has 2³² − 1 entries or more.
    pub fn open(store: &dyn Store, element: &str, shape: [u64; 2]) -> Result<Self> {
        let place = |error: Error| error.in_file(store.location()).at(element);
        let member = |name: &str| store.array(&format!("{element}/{name}")).map_err(place);
        let (indptr, indices, data) = (member("indptr")?, member("indices")?, member("data")?);
        let wrong = |message: String| Err(Error::invalid(message).in_file(store.location()).at(element));
        for (name, reader) in [("indptr", &indptr), ("indices", &indices), ("data", &data)] {
            let Some(dtype) = reader.info().dtype.plain() else {
                return wrong(format!("{name} holds {}, expected numbers", reader.info().dtype));
            };
            let right = if name == "data" { dtype != DType::Str } else { dtype.is_integer() };
            if !right || reader.shape().len() != 1 {
                return wrong(format!("{name} is {dtype} of shape {:?}, expected a list of numbers", reader.shape()));
            }
        }
        if indptr.info().len() != shape[0] + 1 {
            return wrong(format!("indptr has {} entries, expected {}", indptr.info().len(), shape[0] + 1));
        }
        let count = data.info().len();
        if indices.info().len() != count {
            return wrong(format!("{} indices for {count} values", indices.info().len()));
        }
        if shape[1] >= u64::from(u32::MAX) {
            let message = format!("{} entries along one axis; at most {} are supported", shape[1], u32::MAX - 1);
            return Err(place(Error::unsupported(message)));
        }
        let dtype = data.info().dtype.plain().unwrap_or(DType::F32);
        let file = store.location().to_path_buf();
        Ok(Self { file, element: element.to_owned(), shape, dtype, count, indptr, indices, data })
    }

    /// Number of stored values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All pointers: from zero, never falling, to the number of values. Holds them twice for a moment.
    ///
    /// # Errors
    /// If they are not so.
    pub fn indptr(&self) -> Result<Vec<u64>> {
        let pointers = self.pointers(&(0..self.shape[0]))?;
        let (first, last) = (pointers[0], pointers[pointers.len() - 1]);
        if first != 0 {
            return Err(self.place(Error::invalid(format!("indptr starts at {first}, expected 0"))));
        }
        if last != self.count {
            let message = format!("indptr ends at {last}, expected the number of values, {}", self.count);
            return Err(self.place(Error::invalid(message)));
        }
        Ok(pointers)
    }

    fn place(&self, error: Error) -> Error {
        error.in_file(&self.file).at(&self.element)
    }

    /// Pointers `rows.start..=rows.end`, validated to be monotone and inside the data.
    fn pointers(&self, rows: &Range<u64>) -> Result<Vec<u64>> {
        let mut buffer = Buffer::empty(DType::I64);
        let region = Region::new(vec![rows.start..rows.end + 1]);
        self.indptr.read(&region, &mut buffer).map_err(|error| self.place(error))?;
        let mut pointers = Vec::with_capacity(buffer.len());
        for i in 0..buffer.len() {
            let pointer = buffer.get_i64(i).and_then(|pointer| u64::try_from(pointer).ok());
            let previous = pointers.last().copied().unwrap_or(0);
            match pointer {
                Some(pointer) if pointer >= previous && pointer <= self.count => pointers.push(pointer),
                found => {
                    let found = found.map_or_else(|| "a negative number".to_owned(), |pointer| pointer.to_string());
                    let message = format!("indptr is {found}, expected {previous} to {}", self.count);
                    return Err(self.place(Error::invalid(message).row(rows.start + i as u64)));
                }
            }
        }
        Ok(pointers)
    }

    fn row_bytes(&self) -> u64 {
        let index = self.indices.info().dtype.plain().unwrap_or(DType::I64).size() as u64;
        self.dtype.size() as u64 + index.max(4)
    }
}

impl MatrixSource for StoredSparse {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let mut cuts = Cuts::new(max_bytes, self.row_bytes());
        let (mut last, mut piece) = (0, 0);
        while piece < self.shape[0] {
            let stop = (piece + PIECE).min(self.shape[0]);
            let pointers = self.pointers(&(piece..stop))?;
            if piece == 0 && pointers[0] != 0 {
                return Err(self.place(Error::invalid(format!("indptr starts at {}, expected 0", pointers[0]))));
            }
            if pointers[0] < last {
                let message = format!("indptr falls from {last} to {}", pointers[0]);
                return Err(self.place(Error::invalid(message).row(piece)));
            }
            for pair in pointers.windows(2) {
                cuts.push(pair[1] - pair[0]);
            }
            last = pointers[pointers.len() - 1];
            piece = stop;
        }
        if last != self.count {
            let message = format!("indptr ends at {last}, expected the number of values, {}", self.count);
            return Err(self.place(Error::invalid(message)));
        }
        Ok(cuts.finish())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let first = self.pointers(&(rows.start..rows.start))?[0];
        let last = self.pointers(&(rows.end..rows.end))?[0];
        // What is read, and indices widened when they are not 32-bit.
        let values = last.saturating_sub(first).saturating_mul(self.row_bytes() + 4);
        let chunks = chunk_bytes(self.indices.info()).saturating_add(chunk_bytes(self.data.info()));
        let values = values.saturating_add(chunks);
        Ok(values.saturating_add((rows.end - rows.start).saturating_mul(24)))
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let (mut block, region) = self.structure(rows)?;
        block.data = spare(self.dtype, &region);
        self.data.read(&region, &mut block.data).map_err(|error| self.place(error))?;
        Ok(Block::Sparse(block))
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        Ok(self.structure(rows)?.0)
    }

    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        Ok(self.pointers(&rows)?.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }
}

impl StoredSparse {
    /// Where the values of rows stand, and their range in the data.
    fn structure(&self, rows: Range<u64>) -> Result<(SparseRows, Region)> {
        let pointers = self.pointers(&rows)?;
        let (first, last) = (pointers[0], pointers[pointers.len() - 1]);
        let region = Region::new(vec![first..last]);
        let mut raw = spare(self.indices.info().dtype.plain().unwrap_or(DType::I32), &region);
        self.indices.read(&region, &mut raw).map_err(|error| self.place(error))?;
        let indptr = to_usize(&pointers, first)?;
        let (indices, sorted) = self.columns(raw, &indptr, rows.start)?;
        Ok((SparseRows { indptr, indices, data: Buffer::empty(self.dtype), sorted }, region))
    }

    /// The column ids as `u32`, each checked to be in range, and whether they rise in every row.
    fn columns(&self, raw: Buffer, indptr: &[usize], first_row: u64) -> Result<(Vec<u32>, bool)> {
        let columns = self.shape[1];
        let indices = match raw {
            Buffer::U32(values) => values,
            // A negative id becomes a huge one, and fails the check below.
            Buffer::I32(values) => bytemuck::allocation::cast_vec(values),
            other => (0..other.len())
                .map(|i| {
                    let id = other.get_i64(i).and_then(|id| u32::try_from(id).ok());
                    id.unwrap_or(u32::MAX)
                })
                .collect(),
        };
        let sorted = SparseRows::check_sorted(indptr, &indices);
        let most = if sorted {
            // The last one of each row that has any.
            let ends = indptr.windows(2).filter(|row| row[0] < row[1]).map(|row| row[1] - 1);
            ends.map(|end| indices[end]).max().unwrap_or(0)
        } else {
            indices.iter().copied().max().unwrap_or(0)
        };
        if !indices.is_empty() && u64::from(most) >= columns {
            let position = indices.iter().position(|&id| u64::from(id) >= columns).unwrap_or(0);
            let row = first_row + (indptr.partition_point(|&start| start <= position) as u64).saturating_sub(1);
            let found = i64::from(indices[position].cast_signed());
            let message = format!("index {found} is outside 0..{columns}");
            return Err(self.place(Error::invalid(message).row(row)));
        }
        Ok((indices, sorted))
    }
}

/// A buffer to read a region into. The reader makes it as long as it must be, once it knows that this is possible.
fn spare(dtype: DType, region: &Region) -> Buffer {
    let len = region.len().min(BLOCK_BYTES / dtype.size() as u64);
    Buffer::recycled(dtype, usize::try_from(len).unwrap_or(0))
}

fn to_usize(pointers: &[u64], base: u64) -> Result<Vec<usize>> {
    pointers
        .iter()
        .map(|&pointer| usize::try_from(pointer - base).map_err(|_| Error::internal("block exceeds memory")))
        .collect()
}
