//! Matrices that a result has as they stand: copied chunk by chunk, as they are stored.
//!
//! Types, lengths, pointers and column ids are checked as if the matrix were streamed, and that every chunk is there. Values
//! are not decoded, so that damage inside of their chunks stays where it is; neither are rows put in order.

use annstream_store::{ArrayReader, ArraySpec, AttrValue, Buffer, Compression, DType, Region, StoreWriter};

use super::sparse::{CHUNK, pointer_spec, tag_sparse};
use crate::anndata::{AnnDataFile, DenseHeader, MatrixHeader, SparseHeader};
use crate::element::SparseLayout;
use crate::matrix::{BLOCK_BYTES, MatrixSource};
use crate::source::StoredSparse;
use crate::{Error, Exec, Result};

/// Pointers read at a time.
const POINTERS: u64 = 1 << 16;

/// Copies matrices of a file to another.
pub(crate) struct Copies<'a> {
    pub(crate) file: &'a AnnDataFile,
    pub(crate) writer: &'a dyn StoreWriter,
    pub(crate) compression: Compression,
    pub(crate) exec: &'a Exec,
}

impl Copies<'_> {
    /// Copies a matrix that keeps its rows, columns and type; `None`, and nothing is done, if its chunks cannot be taken over.
    /// Returns the number of values. Holds one chunk, and the column ids of some blocks within the budget.
    ///
    /// # Errors
    /// If the structure of the matrix is damaged, or writing fails.
    pub(crate) fn matrix(&self, header: &MatrixHeader, path: &str) -> Result<Option<u64>> {
        match header {
            MatrixHeader::Dense(dense) if dense.field.is_none() => self.dense(dense, path),
            MatrixHeader::Sparse(sparse) => self.sparse(sparse, path),
            _ => Ok(None),
        }
    }

    fn dense(&self, header: &DenseHeader, path: &str) -> Result<Option<u64>> {
        let reader = self.file.store().array(&header.path)?;
        let same = reader.shape().iter().copied().eq(header.shape.iter().map(|&extent| extent as u64));
        if !same || !self.array(reader.as_ref(), path, path, header.dtype, false)? {
            return Ok(None);
        }
        self.writer.attr(path, "encoding-type", &AttrValue::text("array"))?;
        self.writer.attr(path, "encoding-version", &AttrValue::text("0.2.0"))?;
        Ok(Some(reader.info().len()))
    }

    fn sparse(&self, header: &SparseHeader, path: &str) -> Result<Option<u64>> {
        let store = self.file.store().as_ref();
        let [rows, columns] = header.shape.map(|extent| extent as u64);
        let (major, minor) = if header.layout == SparseLayout::Csr { (rows, columns) } else { (columns, rows) };
        let source = StoredSparse::open(store, &header.path, [major, minor])?;
        let member = |name: &str| store.array(&format!("{}/{name}", header.path));
        let to = |name: &str| format!("{path}/{name}");
        let index = if i32::try_from(minor).is_ok() { DType::I32 } else { DType::I64 };
        if !self.array(member("indices")?.as_ref(), &to("indices"), path, index, true)? {
            return Ok(None);
        }
        let data = member("data")?;
        if !self.array(data.as_ref(), &to("data"), path, source.dtype(), true)? {
            self.values(data.as_ref(), &to("data"))?;
        }
        self.check(&source, path)?;
        self.pointers(&source, &to("indptr"))?;
        tag_sparse(self.writer, path, header.layout, [rows, columns])?;
        Ok(Some(source.count()))
    }

    /// Copies an array as it is stored, if that can be done. `element` is what the user is told.
    fn array(&self, from: &dyn ArrayReader, to: &str, element: &str, dtype: DType, growable: bool) -> Result<bool> {
        let mut spec = ArraySpec::new(dtype, from.shape().to_vec()).compression(self.compression);
        spec.growable = growable;
        let progress = self.exec.progress();
        let mut begun = false;
        let mut each = |values: u64| {
            if !std::mem::replace(&mut begun, true) {
                progress.begin(element, from.info().len(), "values");
            }
            progress.advance(values);
            self.exec.check()
        };
        let copied = self.writer.copied_array(to, &spec, from, &mut each)?;
        if copied {
            progress.end();
        }
        Ok(copied)
    }

    /// Copies a list of numbers by its values.
    fn values(&self, from: &dyn ArrayReader, to: &str) -> Result<()> {
        let Some(dtype) = from.info().dtype.plain() else { return Err(Error::internal("not numbers").at(to)) };
        let spec = ArraySpec::new(dtype, vec![0]).growable().chunk(vec![CHUNK as u64]);
        let mut array = self.writer.array(to, &spec.compression(self.compression))?;
        let (mut start, count, step) = (0, from.info().len(), BLOCK_BYTES / dtype.size() as u64);
        while start < count {
            let stop = count.min(start + step);
            let mut values = Buffer::empty(dtype);
            from.read(&Region::new(vec![start..stop]), &mut values)?;
            array.append(values)?;
            self.exec.check()?;
            start = stop;
        }
        array.finish()
    }

    /// Looks at all pointers and column ids, on all threads.
    fn check(&self, source: &StoredSparse, element: &str) -> Result<()> {
        let ranges = source.partition(BLOCK_BYTES)?;
        let mut cost = 0;
        for range in &ranges {
            cost = cost.max(source.cost(range.clone())?);
        }
        let (in_flight, _charge) = self.exec.budget().in_flight(cost, self.exec.threads(), "a block of rows")?;
        self.exec.progress().begin(element, source.shape()[0], "rows");
        let look = |i: usize| {
            let rows = source.read_structure(ranges[i].clone())?;
            Buffer::U32(rows.indices).recycle();
            Ok(())
        };
        self.exec.ordered(ranges.len(), in_flight, look, |i, ()| {
            self.exec.progress().advance(ranges[i].end - ranges[i].start);
            Ok(())
        })?;
        self.exec.progress().end();
        Ok(())
    }

    /// Writes the pointers, some at a time.
    fn pointers(&self, source: &StoredSparse, to: &str) -> Result<()> {
        let major = source.shape()[0];
        let spec = pointer_spec(source.count(), major, self.compression, CHUNK as u64);
        let mut array = self.writer.array(to, &spec)?;
        let wide = spec.dtype.plain() != Some(DType::I32);
        let mut end = 0_i64;
        let mut append = |ends: &mut dyn Iterator<Item = i64>| {
            array.append(if wide {
                Buffer::I64(ends.collect())
            } else {
                Buffer::I32(ends.map(|end| i32::try_from(end).unwrap_or(i32::MAX)).collect())
            })
        };
        append(&mut std::iter::once(0))?;
        let mut start = 0;
        while start < major {
            let stop = major.min(start + POINTERS);
            let lengths = source.lengths(start..stop)?;
            append(&mut lengths.into_iter().map(|length| {
                end += length.cast_signed();
                end
            }))?;
            start = stop;
        }
        array.finish()
    }
}
