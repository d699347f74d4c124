//! What stands in a matrix slot, without its values.

use annstream_store::{ArrayType, AttrValue, Compression, DType, Error, NodeKind, Result};

use super::context::join;
use super::encoding::{Encoding, awkward, values};
use super::{ColumnHeader, ReadContext, TableHeader};
use crate::element::SparseLayout;

/// A sparse matrix that is not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseHeader {
    /// Where it stands.
    pub path: String,
    /// Compressed axis.
    pub layout: SparseLayout,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Type of the values.
    pub dtype: DType,
    /// Type of the indices.
    pub indices: DType,
    /// Type of the pointers.
    pub indptr: DType,
    /// Number of stored values.
    pub nnz: usize,
    /// Compression of the values.
    pub compression: Compression,
    /// Values per chunk, if stored in chunks.
    pub chunk: Option<u64>,
    /// Bytes on disk.
    pub stored_bytes: u64,
}

/// A dense array that is not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseHeader {
    /// Where it stands.
    pub path: String,
    /// The field, where the array is a field of a record array (files before 0.7).
    pub field: Option<usize>,
    /// Extent of each dimension. An array stored with one dimension in a slot of matrices counts as one column, so the
    /// shape may have one dimension more than what is stored.
    pub shape: Vec<usize>,
    /// Type of the values.
    pub dtype: DType,
    /// Compression.
    pub compression: Compression,
    /// Extent of a chunk, if stored in chunks.
    pub chunk: Option<Vec<u64>>,
    /// Bytes on disk.
    pub stored_bytes: u64,
}

/// What stands in a slot for matrices (`X`, a layer, an entry of `obsm` …).
#[derive(Clone, Debug, PartialEq)]
pub enum MatrixHeader {
    /// A sparse matrix.
    Sparse(SparseHeader),
    /// A dense array.
    Dense(DenseHeader),
    /// A table.
    Table(TableHeader),
    /// Anything else with a length: an awkward array, a categorical, something unknown.
    Other {
        /// Where it stands.
        path: String,
        /// What it is, in a word.
        kind: String,
        /// Extents, as far as known.
        shape: Vec<usize>,
    },
}

impl SparseHeader {
    /// Looks at a sparse matrix: reads attributes, types and lengths only.
    ///
    /// # Errors
    /// If a member is missing or the lengths contradict the shape.
    pub fn open(context: &ReadContext, path: &str) -> Result<Self> {
        Self::look(context, path).map_err(|error| error.at(path))
    }

    fn look(context: &ReadContext, path: &str) -> Result<Self> {
        let attrs = context.attrs(path)?;
        let layout = match attrs.get("h5sparse_format").and_then(AttrValue::as_str) {
            Some("csr") => SparseLayout::Csr,
            Some("csc") => SparseLayout::Csc,
            Some(other) => return Err(Error::unsupported(format!("sparse format '{other}' is not known"))),
            None => Encoding::of(&attrs).sparse().ok_or_else(|| Error::invalid("is not a sparse matrix"))?,
        };
        let extents = attrs
            .get("shape")
            .or_else(|| attrs.get("h5sparse_shape"))
            .and_then(AttrValue::as_ints)
            .ok_or_else(|| Error::invalid("has no attribute 'shape' of integers"))?;
        let wrong = || Error::invalid(format!("attribute 'shape' is {extents:?}, rows and columns expected"));
        let [rows, columns] = extents[..] else { return Err(wrong()) };
        let extent = |extent: i64| usize::try_from(extent).map_err(|_| wrong());
        let shape = [extent(rows)?, extent(columns)?];

        let data = values::info(context, &join(path, "data"))?;
        let (dtype, nnz) = values::vector_info(context, &join(path, "data"))?;
        let (indices, positions) = values::vector_info(context, &join(path, "indices"))?;
        let (indptr, pointers) = values::vector_info(context, &join(path, "indptr"))?;
        let major = if layout == SparseLayout::Csr { shape[0] } else { shape[1] };
        if positions != nnz {
            return Err(Error::invalid(format!("{nnz} values but {positions} indices")));
        }
        if pointers.checked_sub(1) != Some(major) {
            return Err(Error::invalid(format!("indptr has {pointers} values, one more than {major} expected")));
        }
        if dtype == DType::Str || !indices.is_integer() || !indptr.is_integer() {
            return Err(Error::invalid(format!("values are {dtype}, indices {indices}, pointers {indptr}")));
        }
        let mut stored_bytes = data.stored_bytes;
        for member in ["indices", "indptr"] {
            stored_bytes += values::info(context, &join(path, member))?.stored_bytes;
        }
        let chunk = data.chunk.and_then(|chunk| chunk.first().copied());
        let compression = data.compression;
        let path = path.to_owned();
        Ok(Self { path, layout, shape, dtype, indices, indptr, nnz, compression, chunk, stored_bytes })
    }
}

impl MatrixHeader {
    /// Looks at a node in a slot for matrices; `None` if it is null.
    pub(crate) fn open(context: &ReadContext, path: &str) -> Result<Option<Self>> {
        let node = context.require(path)?;
        let attrs = context.attrs(path)?;
        let encoding = Encoding::of(&attrs);
        if encoding.is("null", "0.1.0") {
            return Ok(None);
        }
        if node == NodeKind::Array {
            return Self::open_array(context, path);
        }
        let other = |kind: &str, shape| Self::Other { path: path.to_owned(), kind: kind.to_owned(), shape };
        Ok(Some(if encoding.sparse().is_some() || attrs.contains_key("h5sparse_format") {
            Self::Sparse(SparseHeader::open(context, path)?)
        } else if encoding.dataframe() {
            Self::Table(TableHeader::open(context, path)?)
        } else if encoding.is("awkward-array", "0.1.0") {
            other("awkward-array", vec![awkward::length(&attrs).map_err(|error| error.at(path))?])
        } else if encoding.nullable() || encoding.is("categorical", "0.2.0") {
            other(&encoding.name, vec![ColumnHeader::open(context, path)?.len])
        } else {
            let kind = format!("{} {}", encoding.name, encoding.version);
            let kind = if encoding.name.is_empty() { "dict" } else { kind.trim_end() };
            context.warnings.push(format!("{path}: a {kind} is not a matrix; it is only copied"));
            other(kind, vec![])
        }))
    }

    fn open_array(context: &ReadContext, path: &str) -> Result<Option<Self>> {
        let info = values::info(context, path)?;
        let shape = values::shape_of(&info).map_err(|error| error.at(path))?;
        Ok(match info.dtype {
            ArrayType::Null => None,
            ArrayType::Plain(dtype) => Some(Self::Dense(DenseHeader {
                path: path.to_owned(),
                field: None,
                shape,
                dtype,
                compression: info.compression,
                chunk: info.chunk,
                stored_bytes: info.stored_bytes,
            })),
            ArrayType::Records(_) => Some(Self::Other { path: path.to_owned(), kind: "rec-array".to_owned(), shape }),
            ArrayType::Opaque(kind) => Some(Self::Other { path: path.to_owned(), kind, shape }),
        })
    }

    /// Its path in the store. Differs from the name of the slot in old files.
    pub fn path(&self) -> &str {
        match self {
            Self::Sparse(header) => &header.path,
            Self::Dense(header) => &header.path,
            Self::Table(header) => &header.path,
            Self::Other { path, .. } => path,
        }
    }

    /// Extents, as far as known.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Sparse(header) => header.shape.to_vec(),
            Self::Dense(header) => header.shape.clone(),
            Self::Table(header) => header.shape().to_vec(),
            Self::Other { shape, .. } => shape.clone(),
        }
    }

    /// Type of the values, where there is one.
    pub fn dtype(&self) -> Option<DType> {
        match self {
            Self::Sparse(header) => Some(header.dtype),
            Self::Dense(header) => Some(header.dtype),
            Self::Table(_) | Self::Other { .. } => None,
        }
    }

    /// Turns an array of one dimension into one column, as anndata does in every slot but `X`.
    pub(crate) fn into_matrix(mut self) -> Self {
        if let Self::Dense(header) = &mut self
            && header.shape.len() == 1
        {
            header.shape.push(1);
        }
        self
    }
}
