//! A dense array being written.

use annstream_store::{ArraySpec, ArrayWriter, AttrValue, Buffer, Compression, DType, StoreWriter};

use crate::Result;
use crate::matrix::Sums;

/// Bytes of a chunk.
const CHUNK_BYTES: u64 = 1 << 19;

/// Most bytes of a chunk of several rows, whatever is asked for: it is held in memory.
const LARGEST_CHUNK: u64 = 1 << 24;

/// Writes an `array` of any rank from blocks of rows, in order.
pub struct DenseSink<'a> {
    writer: &'a dyn StoreWriter,
    path: String,
    array: Box<dyn ArrayWriter>,
    sums: Sums,
}

/// Rows of a chunk of a compressed array, for rows of so many bytes.
pub(crate) fn usual_chunk(row: u64) -> u64 {
    CHUNK_BYTES / row.max(1)
}

impl<'a> DenseSink<'a> {
    /// Starts the array at `path`.
    ///
    /// # Errors
    /// If writing fails.
    pub fn new(
        writer: &'a dyn StoreWriter,
        path: &str,
        shape: &[u64],
        dtype: DType,
        compression: Compression,
    ) -> Result<Self> {
        Self::chunked(writer, path, shape, dtype, compression, None)
    }

    /// As [`new`](Self::new), with a number of rows per chunk.
    ///
    /// # Errors
    /// If writing fails.
    pub fn chunked(
        writer: &'a dyn StoreWriter,
        path: &str,
        shape: &[u64],
        dtype: DType,
        compression: Compression,
        rows: Option<u64>,
    ) -> Result<Self> {
        let mut spec = ArraySpec::new(dtype, shape.to_vec());
        if (compression != Compression::None || rows.is_some())
            && !shape.is_empty()
            && shape.iter().all(|&extent| extent > 0)
        {
            let row: u64 = shape[1..].iter().product::<u64>() * dtype.size() as u64;
            let mut chunk = shape.to_vec();
            let rows = rows.unwrap_or_else(|| usual_chunk(row));
            chunk[0] = rows.min(LARGEST_CHUNK / row.max(1)).clamp(1, shape[0]);
            spec = spec.chunk(chunk).compression(compression);
        }
        let array = writer.array(path, &spec)?;
        Ok(Self { writer, path: path.to_owned(), array, sums: Sums::default() })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// If writing fails.
    pub fn append(&mut self, values: Buffer, sums: Sums) -> Result<()> {
        self.sums.add(sums);
        self.array.append(values)
    }

    /// Ends the array.
    ///
    /// # Errors
    /// If writing fails, or other than the promised number of rows came.
    pub fn finish(self) -> Result<Sums> {
        self.array.finish()?;
        self.writer.attr(&self.path, "encoding-type", &AttrValue::text("array"))?;
        self.writer.attr(&self.path, "encoding-version", &AttrValue::text("0.2.0"))?;
        Ok(self.sums)
    }
}
