//! What anndata rearranges when it reads files of old versions: categories of `obs` and `var` kept in `uns`, and
//! neighbour graphs kept in `uns/neighbors`.

use annstream_store::{Buffer, DType, Result};

use super::context::join;
use super::encoding::{Encoding, dict, read_at};
use super::table_header::Place;
use super::{ColumnSchema, MatrixHeader, ReadContext, TableHeader};
use crate::element::Element;
use crate::table::Column;

/// Gives the integer columns of record tables their categories from `uns/<column>_categories`, and returns the paths
/// of the categories used. Reads the codes: a column whose codes do not fit the categories keeps its numbers, because
/// `obs` and `var` shared the names.
pub(crate) fn adopt_categories(context: &ReadContext, tables: [&mut TableHeader; 2]) -> Result<Vec<String>> {
    let mut used = Vec::new();
    let names = dict::names(context, "uns")?;
    let found: Vec<_> = names.iter().filter(|name| name.ends_with("_categories")).collect();
    for table in tables {
        for name in &found {
            let path = join("uns", name);
            let Some(header) = table.columns.get_mut(&name.replace("_categories", "")) else { continue };
            let ColumnSchema::Plain(dtype) = header.schema else { continue };
            if !dtype.is_integer() || !context.is_array(&path)? {
                continue;
            }
            let Column::Plain(categories) = read_categories(context, &path)? else { continue };
            let Column::Plain(codes) = header.read(context)? else { continue };
            let count = categories.len();
            let fits = |i| codes.get_i64(i).is_some_and(|code| usize::try_from(code).map_or(true, |code| code < count));
            if !(0..codes.len()).all(fits) {
                continue;
            }
            let Place::Field { categories: place, .. } = &mut header.place else { continue };
            *place = Some(path.clone());
            header.schema = ColumnSchema::Categorical { categories: categories.dtype(), len: count, ordered: false };
            if !used.contains(&path) {
                used.push(path);
            }
        }
    }
    Ok(used)
}

/// The categories under `uns`, of which a single one may stand as a scalar.
pub(crate) fn read_categories(context: &ReadContext, path: &str) -> Result<Column> {
    Ok(match read_at(context, path)? {
        Element::Scalar(values) => Column::Plain(values),
        Element::Array(array) if array.shape.len() == 1 => Column::Plain(array.values),
        _ => Column::Plain(Buffer::empty(DType::Str)),
    })
}

/// The graphs in `uns/neighbors` that anndata, on reading a file of any age, moves to `obsp`.
pub(crate) fn stray_graphs(context: &ReadContext) -> Result<Vec<(&'static str, MatrixHeader)>> {
    let mut found = Vec::new();
    for name in ["distances", "connectivities"] {
        let path = format!("uns/neighbors/{name}");
        if !is_group(context, "uns")? || !is_group(context, "uns/neighbors")? || !context.has(&path)? {
            continue;
        }
        let attrs = context.attrs(&path)?;
        let matrix = context.is_array(&path)?
            || attrs.contains_key("h5sparse_format")
            || Encoding::of(&attrs).sparse().is_some();
        if !matrix {
            continue;
        }
        if let Some(header @ (MatrixHeader::Sparse(_) | MatrixHeader::Dense(_))) = MatrixHeader::open(context, &path)?
            && header.shape().len() == 2
        {
            found.push((name, header));
        }
    }
    Ok(found)
}

fn is_group(context: &ReadContext, path: &str) -> Result<bool> {
    Ok(context.has(path)? && !context.is_array(path)?)
}
