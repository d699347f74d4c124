//! A sparse matrix being written.

use std::sync::Arc;

use annstream_store::{
    ArraySpec, ArrayWriter, AttrValue, Buffer, Compression, DType, StoreWriter, ZarrOptions, values_per_file,
};

use crate::element::SparseLayout;
use crate::matrix::{SparseRows, Sums};
use crate::{Error, ErrorKind, Result};

/// Values per chunk of `data` and `indices`: half a megabyte of 32-bit numbers, so that readers of one row decode
/// little and readers of everything are not slowed by many chunks.
pub(crate) const CHUNK: usize = 1 << 17;

/// Writes a `csr_matrix` or `csc_matrix` from blocks of its compressed axis, in order. Values and column ids are cut
/// into chunks pairwise, so the bytes written do not depend on how the rows were cut into blocks.
///
/// Several matrices of which only the values differ can be written at once: what they have in common is encoded once.
pub struct SparseSink<'a> {
    writer: &'a dyn StoreWriter,
    /// Where the matrices stand.
    paths: Vec<String>,
    layout: SparseLayout,
    shape: [u64; 2],
    compression: Compression,
    /// Values per chunk.
    chunk: usize,
    /// Values of each matrix.
    data: Vec<Box<dyn ArrayWriter>>,
    indices: Box<dyn ArrayWriter>,
    /// Type of the column ids.
    index: DType,
    /// Values in the last, unfinished chunk.
    filled: usize,
    ends: Vec<u64>,
    sums: Sums,
}

impl<'a> SparseSink<'a> {
    /// Starts the group at `path`; `shape` is (rows, columns) of the matrix.
    ///
    /// # Errors
    /// If writing fails.
    pub fn new(
        writer: &'a dyn StoreWriter,
        path: &str,
        layout: SparseLayout,
        shape: [u64; 2],
        dtype: DType,
        compression: Compression,
    ) -> Result<Self> {
        Self::chunked(writer, path, layout, shape, dtype, compression, None)
    }

    /// As [`new`](Self::new), with a number of values per chunk.
    ///
    /// # Errors
    /// If writing fails.
    pub fn chunked(
        writer: &'a dyn StoreWriter,
        path: &str,
        layout: SparseLayout,
        shape: [u64; 2],
        dtype: DType,
        compression: Compression,
        values: Option<u64>,
    ) -> Result<Self> {
        Self::several(writer, &[(path, dtype)], layout, shape, compression, values)
    }

    /// As [`chunked`](Self::chunked), of several matrices by their paths and the types of their values.
    ///
    /// # Errors
    /// If writing fails.
    pub fn several(
        writer: &'a dyn StoreWriter,
        matrices: &[(&str, DType)],
        layout: SparseLayout,
        shape: [u64; 2],
        compression: Compression,
        values: Option<u64>,
    ) -> Result<Self> {
        let chunk = values.and_then(|values| usize::try_from(values).ok()).unwrap_or(CHUNK).max(1);
        let minor = match layout {
            SparseLayout::Csr => shape[1],
            SparseLayout::Csc => shape[0],
        };
        let major = usize::try_from(shape[0] + shape[1] - minor).map_err(|_| Error::internal("rows exceed memory"))?;
        let mut ends = Vec::new();
        ends.try_reserve_exact(major.saturating_add(1)).map_err(|_| {
            let message = format!("the pointers of {major} rows do not fit in memory");
            Error::new(ErrorKind::Memory, message).at(matrices.first().map_or("", |(path, _)| *path))
        })?;
        ends.push(0);
        let index = index_type(minor);
        let paths: Vec<String> = matrices.iter().map(|(path, _)| (*path).to_owned()).collect();
        let mut data = Vec::with_capacity(matrices.len());
        for (path, dtype) in matrices {
            writer.group(path)?;
            data.push(writer.array(&format!("{path}/data"), &entries(*dtype, chunk, compression))?);
        }
        let indices = equal(writer, &paths, "indices", &entries(index, chunk, compression))?;
        Ok(Self {
            writer,
            paths,
            layout,
            shape,
            compression,
            chunk,
            data,
            indices,
            index,
            filled: 0,
            ends,
            sums: Sums::default(),
        })
    }

    /// Appends rows (columns, for CSC).
    ///
    /// # Errors
    /// If writing fails.
    pub fn append(&mut self, rows: SparseRows, sums: Sums) -> Result<()> {
        self.append_several(rows, vec![], sums)
    }

    /// Appends rows of all matrices: those of the first, and the values of each of the others. Sums are those of the first.
    ///
    /// # Errors
    /// If writing fails, or there are other values than matrices and entries.
    pub fn append_several(&mut self, rows: SparseRows, others: Vec<Buffer>, sums: Sums) -> Result<()> {
        if others.len() + 1 != self.data.len() || others.iter().any(|values| values.len() != rows.indices.len()) {
            return Err(Error::internal("values of other entries than the first matrix has").at(self.path()));
        }
        let base = self.ends.last().copied().unwrap_or(0);
        self.ends.extend(rows.indptr[1..].iter().map(|&end| base + end as u64));
        self.sums.add(sums);
        let indices = match self.index {
            // Ids below 2^31, as the shape says: the bits are the same.
            DType::I32 => Buffer::I32(bytemuck::allocation::cast_vec(rows.indices)),
            _ => Buffer::I64(rows.indices.iter().map(|&id| i64::from(id)).collect()),
        };
        let data: Vec<Arc<Buffer>> = std::iter::once(rows.data).chain(others).map(Arc::new).collect();
        let indices = Arc::new(indices);
        let mut start = 0;
        while start < indices.len() {
            let stop = indices.len().min(start + self.chunk - self.filled);
            for (array, values) in self.data.iter_mut().zip(&data) {
                array.append_part(values, start..stop)?;
            }
            self.indices.append_part(&indices, start..stop)?;
            self.filled = (self.filled + stop - start) % self.chunk;
            start = stop;
        }
        // The last parts go where the writer gives back those that it is done with.
        data.into_iter().chain([indices]).for_each(Buffer::recycle_shared);
        Ok(())
    }

    /// Passes over values of earlier rows, whose files somebody else writes; a multiple of [`shared_values`].
    ///
    /// # Errors
    /// If the format has no such files.
    pub(crate) fn skip_values(&mut self, values: u64) -> Result<()> {
        self.data.iter_mut().try_for_each(|array| array.skip(values))?;
        self.indices.skip(values)
    }

    /// Passes over all rows, of so many values, whose files somebody else writes.
    ///
    /// # Errors
    /// As [`skip_values`](Self::skip_values).
    pub(crate) fn skip_rows(&mut self, lengths: &[u64]) -> Result<()> {
        for length in lengths {
            self.ends.push(self.ends.last().copied().unwrap_or(0) + length);
        }
        self.skip_values(lengths.iter().sum())
    }

    /// Ends values and column ids; there are no pointers and attributes.
    ///
    /// # Errors
    /// If writing fails.
    pub(crate) fn finish_values(self) -> Result<Sums> {
        self.data.into_iter().try_for_each(ArrayWriter::finish)?;
        self.indices.finish()?;
        Ok(self.sums)
    }

    /// Where the first matrix stands.
    fn path(&self) -> &str {
        self.paths.first().map_or("", String::as_str)
    }

    /// Writes what is left, the pointers (64-bit where the number of values asks for it) and the attributes.
    ///
    /// # Errors
    /// If writing fails, or other than the promised number of rows came.
    pub fn finish(self) -> Result<Sums> {
        let major = match self.layout {
            SparseLayout::Csr => self.shape[0],
            SparseLayout::Csc => self.shape[1],
        };
        if self.ends.len() as u64 != major + 1 {
            let message = format!("{} rows written, {major} expected", self.ends.len() - 1);
            return Err(Error::internal(message).at(self.path()));
        }
        self.data.into_iter().try_for_each(ArrayWriter::finish)?;
        self.indices.finish()?;
        let count = self.ends.last().copied().unwrap_or(0);
        let spec = pointer_spec(count, major, self.compression, self.chunk as u64);
        let pointers = if spec.dtype.plain() == Some(DType::I32) {
            Buffer::I32(self.ends.iter().map(|&end| i32::try_from(end).unwrap_or(i32::MAX)).collect())
        } else {
            Buffer::I64(self.ends.iter().map(|&end| i64::try_from(end).unwrap_or(i64::MAX)).collect())
        };
        let mut indptr = equal(self.writer, &self.paths, "indptr", &spec)?;
        indptr.append(pointers)?;
        indptr.finish()?;
        for path in &self.paths {
            tag_sparse(self.writer, path, self.layout, self.shape)?;
        }
        Ok(self.sums)
    }
}

/// A member of some groups that is the same in all of them.
fn equal(writer: &dyn StoreWriter, groups: &[String], name: &str, spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
    let paths: Vec<String> = groups.iter().map(|group| format!("{group}/{name}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    writer.equal_arrays(&paths, spec)
}

/// Type of the ids of so many columns.
fn index_type(minor: u64) -> DType {
    if i32::try_from(minor).is_ok() { DType::I32 } else { DType::I64 }
}

/// What the values, or the column ids, are like.
fn entries(dtype: DType, chunk: usize, compression: Compression) -> ArraySpec {
    ArraySpec::new(dtype, vec![0]).growable().chunk(vec![chunk as u64]).compression(compression)
}

/// Values, of a CSR matrix with so many columns, that stand in files of their own together with their column ids.
pub(crate) fn shared_values(dtype: DType, columns: u64, options: ZarrOptions) -> u64 {
    let [data, ids] = [dtype, index_type(columns)]
        .map(|dtype| values_per_file(&entries(dtype, CHUNK, Compression::None), options).max(1));
    let (mut a, mut b) = (data, ids);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    data / a * ids
}

/// The pointers of a matrix with `count` values in `major` rows: 64-bit where the number of values asks for it.
pub(crate) fn pointer_spec(count: u64, major: u64, compression: Compression, chunk: u64) -> ArraySpec {
    let dtype = if i32::try_from(count).is_ok() { DType::I32 } else { DType::I64 };
    let chunk = (major + 1).min(chunk);
    ArraySpec::new(dtype, vec![major + 1]).growable().chunk(vec![chunk]).compression(compression)
}

/// Says of a group that it is a sparse matrix of `shape`, (rows, columns).
pub(crate) fn tag_sparse(writer: &dyn StoreWriter, path: &str, layout: SparseLayout, shape: [u64; 2]) -> Result<()> {
    let encoding = match layout {
        SparseLayout::Csr => "csr_matrix",
        SparseLayout::Csc => "csc_matrix",
    };
    let shape = shape.iter().map(|&extent| i64::try_from(extent).unwrap_or(i64::MAX)).collect();
    writer.attr(path, "encoding-type", &AttrValue::text(encoding))?;
    writer.attr(path, "encoding-version", &AttrValue::text("0.1.0"))?;
    writer.attr(path, "shape", &AttrValue::ints(shape))
}
