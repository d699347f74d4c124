//! `csr_matrix` and `csc_matrix`: values, their positions, and where each row (column) starts.

use annstream_store::{AttrValue, Buffer, DType, Error, Result, StoreWriter};

use super::{WriteOptions, tag, values};
use crate::anndata::context::join;
use crate::anndata::{ReadContext, SparseHeader};
use crate::element::{SparseLayout, SparseMatrix};

/// Reads a sparse matrix and checks every pointer and index.
pub(crate) fn read(context: &ReadContext, path: &str) -> Result<SparseMatrix> {
    let header = SparseHeader::open(context, path)?;
    let indptr = read_unsigned(context, &join(path, "indptr"))?;
    let indices = read_unsigned(context, &join(path, "indices"))?;
    let data = values::read_vector(context, &join(path, "data"))?;
    let matrix = SparseMatrix { layout: header.layout, shape: header.shape, indptr, indices, data };
    check(&matrix).map_err(|error| error.at(path))?;
    Ok(matrix)
}

fn read_unsigned(context: &ReadContext, path: &str) -> Result<Vec<u64>> {
    let stored = values::read_vector(context, path)?;
    let negative = |position: usize, value: i64| Error::invalid(format!("value {value} at {position} is negative"));
    match stored.cast(DType::I64) {
        Ok(Buffer::I64(values)) if stored.dtype().is_integer() => values
            .into_iter()
            .enumerate()
            .map(|(position, value)| u64::try_from(value).map_err(|_| negative(position, value).at(path)))
            .collect(),
        _ => Err(Error::invalid(format!("is of type {}, integers that fit expected", stored.dtype())).at(path)),
    }
}

/// Checks that a matrix is what it says: pointers from 0, rising, to the number of values; positions inside the shape.
pub(crate) fn check(matrix: &SparseMatrix) -> Result<()> {
    let (major, minor) = match matrix.layout {
        SparseLayout::Csr => (matrix.shape[0], matrix.shape[1] as u64),
        SparseLayout::Csc => (matrix.shape[1], matrix.shape[0] as u64),
    };
    let wrong_at = |i: usize, message: String| match matrix.layout {
        SparseLayout::Csr => Error::invalid(message).row(i),
        SparseLayout::Csc => Error::invalid(format!("column {i}: {message}")),
    };
    let nnz = matrix.data.len();
    if matrix.indices.len() != nnz {
        return Err(Error::invalid(format!("{nnz} values but {} indices", matrix.indices.len())));
    }
    if matrix.indptr.len() != major + 1 {
        return Err(Error::invalid(format!("indptr has {} values, {} expected", matrix.indptr.len(), major + 1)));
    }
    if matrix.indptr[0] != 0 {
        return Err(Error::invalid(format!("indptr starts at {}, 0 expected", matrix.indptr[0])));
    }
    if matrix.indptr[major] != nnz as u64 {
        return Err(Error::invalid(format!("indptr ends at {}, {nnz} expected", matrix.indptr[major])));
    }
    for (i, pair) in matrix.indptr.windows(2).enumerate() {
        if pair[0] > pair[1] {
            return Err(wrong_at(i, format!("indptr falls from {} to {}", pair[0], pair[1])));
        }
    }
    if let Some(position) = matrix.indices.iter().position(|&index| index >= minor) {
        let i = matrix.indptr.partition_point(|&start| start <= position as u64) - 1;
        return Err(wrong_at(i, format!("index {} is not below {minor}", matrix.indices[position])));
    }
    Ok(())
}

/// Writes a sparse matrix. Indices are 32-bit where the shape allows, pointers where the number of values allows.
pub(crate) fn write(writer: &dyn StoreWriter, path: &str, matrix: &SparseMatrix, options: &WriteOptions) -> Result<()> {
    check(matrix)?;
    let (name, minor) = match matrix.layout {
        SparseLayout::Csr => ("csr_matrix", matrix.shape[1]),
        SparseLayout::Csc => ("csc_matrix", matrix.shape[0]),
    };
    let index = |largest: usize| if i32::try_from(largest).is_ok() { DType::I32 } else { DType::I64 };
    writer.group(path)?;
    let extent = |extent: usize| i64::try_from(extent).map_err(|_| Error::internal("extent exceeds 63 bits"));
    let shape = vec![extent(matrix.shape[0])?, extent(matrix.shape[1])?];
    writer.attr(path, "shape", &AttrValue::ints(shape))?;
    let indices = Buffer::U64(matrix.indices.clone()).cast(index(minor))?;
    let indptr = Buffer::U64(matrix.indptr.clone()).cast(index(matrix.data.len()))?;
    for (member, values) in [("data", &matrix.data), ("indices", &indices), ("indptr", &indptr)] {
        let member = join(path, member);
        values::write_growable(writer, &member, values, options)?;
    }
    tag(writer, path, name, "0.1.0")
}
