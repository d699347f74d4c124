//! A dense matrix as it is stored, read by rows.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use annstream_store::{ArrayReader, Buffer, DType, Region, Store};

use super::chunk_bytes;
use crate::matrix::{Block, MatrixSource};
use crate::{Error, Result};

/// The rows of a stored dense array of one dimension or more; trailing dimensions are flattened into columns.
pub struct StoredDense {
    file: PathBuf,
    element: String,
    shape: [u64; 2],
    dtype: DType,
    values: Arc<dyn ArrayReader>,
}

impl StoredDense {
    /// Opens the array at `element`.
    ///
    /// # Errors
    /// If it is not an array of numbers with at least one dimension.
    pub fn open(store: &dyn Store, element: &str) -> Result<Self> {
        let place = |error: Error| error.in_file(store.location()).at(element);
        let values = store.array(element).map_err(place)?;
        let info = values.info();
        let dtype = info.dtype.plain().filter(|&dtype| dtype != DType::Str);
        let (Some(dtype), Some((&rows, rest))) = (dtype, info.shape.split_first()) else {
            let message = format!("{} of shape {:?}, expected rows of numbers", info.dtype, info.shape);
            return Err(place(Error::invalid(message)));
        };
        let columns = rest
            .iter()
            .try_fold(1_u64, |product, &extent| product.checked_mul(extent))
            .ok_or_else(|| place(Error::invalid(format!("shape {:?} is too large", info.shape))))?;
        let file = store.location().to_path_buf();
        Ok(Self { file, element: element.to_owned(), shape: [rows, columns], dtype, values })
    }

    fn row_bytes(&self) -> u64 {
        self.shape[1].saturating_mul(self.dtype.size() as u64).max(1)
    }
}

impl MatrixSource for StoredDense {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        // Whole chunks where they fit, so that none is decoded twice.
        let chunk = self.values.info().chunk.as_ref().and_then(|chunk| chunk.first().copied()).unwrap_or(1).max(1);
        let most = (max_bytes / self.row_bytes()).max(1);
        let step = if chunk <= most { most / chunk * chunk } else { most };
        Ok((0..self.shape[0])
            .step_by(usize::try_from(step).unwrap_or(usize::MAX))
            .map(|start| start..(start + step).min(self.shape[0]))
            .collect())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let values = (rows.end - rows.start).saturating_mul(self.row_bytes());
        Ok(values.saturating_add(chunk_bytes(self.values.info())))
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let mut values = Buffer::empty(self.dtype);
        let count = usize::try_from(rows.end - rows.start).map_err(|_| Error::internal("block exceeds memory"))?;
        self.values
            .read(&Region::rows(self.values.shape(), rows), &mut values)
            .map_err(|error| error.in_file(&self.file).at(&self.element))?;
        Ok(Block::Dense { rows: count, values })
    }
}
