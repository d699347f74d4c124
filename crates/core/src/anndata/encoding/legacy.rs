//! Nodes without encoding attributes, as anndata wrote them before 0.7 (and arrays and mappings before 0.8).

use annstream_store::{Attrs, Buffer, Result};

use super::{array, dict, sparse};
use crate::anndata::ReadContext;
use crate::element::{DenseArray, Element};

/// Reads a group: a sparse matrix if it has `h5sparse_format`, else a mapping.
pub(crate) fn read_group(context: &ReadContext, path: &str, attrs: &Attrs) -> Result<Element> {
    if attrs.contains_key("h5sparse_format") {
        sparse::read(context, path).map(Element::Sparse)
    } else {
        dict::read(context, path, &[]).map(Element::Dict)
    }
}

/// Reads an array. Text of fixed width with one element is that element: old files have no scalars. (Text of variable
/// width and numbers with one element stay arrays, as anndata reads them.)
pub(crate) fn read_array(context: &ReadContext, path: &str) -> Result<Element> {
    match array::read(context, path)? {
        Element::Array(DenseArray { shape, values: Buffer::Str(text) })
            if shape[0] == 1 && context.store.array(path)?.fixed_text() =>
        {
            let (shape, values) = (shape[1..].to_vec(), Buffer::Str(text));
            Ok(if shape.is_empty() { Element::Scalar(values) } else { Element::Array(DenseArray { shape, values }) })
        }
        element => Ok(element),
    }
}
