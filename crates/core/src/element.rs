//! What an AnnData file is made of, in memory.
//!
//! One [`Element`] is one node of the file with an encoding: a dense array, a sparse matrix, a table, a mapping of more
//! elements, a scalar. Big matrices (`X`, layers, …) are not read into elements but streamed; everything else is.

use annstream_store::{Buffer, Field};
use indexmap::IndexMap;

use crate::table::{Column, Table};

/// A mapping of names to elements, in stored order (`uns`, `varm`, nested dictionaries).
pub type Dict = IndexMap<String, Element>;

/// One node of an AnnData file, decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// `array` (numbers, booleans) or `string-array`: any rank of at least one.
    Array(DenseArray),
    /// `csr_matrix` or `csc_matrix`.
    Sparse(SparseMatrix),
    /// `dataframe`.
    Table(Table),
    /// A `categorical` or `nullable-*` array standing alone; never [`Column::Plain`], which is an `Array`.
    Column(Column),
    /// `numeric-scalar` or `string`: a buffer of one value.
    Scalar(Buffer),
    /// `null`.
    Null,
    /// `rec-array`.
    Records(RecordArray),
    /// `awkward-array`.
    Awkward(AwkwardArray),
    /// `dict`.
    Dict(Dict),
    /// Something this version does not know: where it stands, so that it can be copied verbatim.
    Opaque(OpaqueElement),
}

/// A dense array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseArray {
    /// Extent of each dimension.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Buffer,
}

/// Which axis of a sparse matrix is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparseLayout {
    /// By rows.
    Csr,
    /// By columns.
    Csc,
}

/// A sparse matrix in memory. `indices` may be unsorted and hold duplicates, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMatrix {
    /// Compressed axis.
    pub layout: SparseLayout,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Start of each row (column) in `indices`; one more than rows (columns).
    pub indptr: Vec<u64>,
    /// Column (row) of each stored value.
    pub indices: Vec<u64>,
    /// The stored values.
    pub data: Buffer,
}

/// A structured array, field by field.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordArray {
    /// Extent of each dimension.
    pub shape: Vec<usize>,
    /// Names, types and shapes of the fields.
    pub fields: Vec<Field>,
    /// The values of each field, flattened.
    pub values: Vec<Buffer>,
}

/// An awkward array: its form as JSON text and its named buffers.
#[derive(Clone, Debug, PartialEq)]
pub struct AwkwardArray {
    /// The form, JSON.
    pub form: String,
    /// Length of the outermost dimension.
    pub length: usize,
    /// Buffers by name (`node0-data`, …).
    pub buffers: IndexMap<String, DenseArray>,
}

/// A node that is carried through without being understood.
#[derive(Clone, Debug, PartialEq)]
pub struct OpaqueElement {
    /// Its `encoding-type`, or a description.
    pub encoding: String,
    /// Its path inside the store it was read from.
    pub path: String,
    /// Which of the stores handed to [`write_element`](crate::anndata::write_element) that is.
    pub origin: usize,
}

impl SparseMatrix {
    /// Extent of the compressed axis.
    pub fn major(&self) -> usize {
        match self.layout {
            SparseLayout::Csr => self.shape[0],
            SparseLayout::Csc => self.shape[1],
        }
    }
}

impl Element {
    /// The name of the encoding, for people.
    pub fn kind(&self) -> &str {
        match self {
            Self::Array(_) => "array",
            Self::Sparse(matrix) => match matrix.layout {
                SparseLayout::Csr => "csr_matrix",
                SparseLayout::Csc => "csc_matrix",
            },
            Self::Table(_) => "dataframe",
            Self::Column(Column::Categorical { .. }) => "categorical",
            Self::Column(_) => "nullable array",
            Self::Scalar(_) => "scalar",
            Self::Null => "null",
            Self::Records(_) => "rec-array",
            Self::Awkward(_) => "awkward-array",
            Self::Dict(_) => "dict",
            Self::Opaque(opaque) => &opaque.encoding,
        }
    }

    /// Extents, where the element has any: `[rows, columns]` of a table or matrix, the shape of an array.
    pub fn shape(&self) -> Option<Vec<usize>> {
        match self {
            Self::Array(array) => Some(array.shape.clone()),
            Self::Sparse(matrix) => Some(matrix.shape.to_vec()),
            Self::Table(table) => Some(vec![table.len(), table.columns.len()]),
            Self::Column(column) => Some(vec![column.len()]),
            Self::Records(records) => Some(records.shape.clone()),
            Self::Awkward(array) => Some(vec![array.length]),
            _ => None,
        }
    }
}
