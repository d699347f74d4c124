//! Whether additions fit the cells and genes that are kept; looked at before anything is written.

use indexmap::IndexMap;

use super::Additions;
use crate::anndata::encoding::{categorical, check_name, dataframe};
use crate::element::{Dict, Element};
use crate::table::Column;
use crate::{Error, Result};

/// Checks names, lengths and codes for a result of so many cells and genes.
///
/// # Errors
/// `Unsupported` for a name that cannot be written, `Internal` for a length that differs.
pub(super) fn check(additions: &Additions, n_obs: usize, n_vars: usize) -> Result<()> {
    columns("obs", &additions.obs, n_obs)?;
    columns("var", &additions.var, n_vars)?;
    entries("obsm", &additions.obsm, &[n_obs])?;
    entries("varm", &additions.varm, &[n_vars])?;
    entries("obsp", &additions.obsp, &[n_obs, n_obs])?;
    entries("varp", &additions.varp, &[n_vars, n_vars])?;
    for entry in &additions.uns {
        if entry.path.is_empty() {
            return Err(Error::internal("an entry of uns without a name").at("uns"));
        }
        for name in &entry.path {
            check_key(name).map_err(|error| error.at("uns"))?;
        }
    }
    Ok(())
}

/// Refuses keys of mappings that would be read back as something else.
pub(super) fn check_key(name: &str) -> Result<()> {
    check_name(name)?;
    if name.contains('/') {
        return Err(Error::unsupported(format!("'{name}' cannot be the name of an element: it holds a slash")));
    }
    Ok(())
}

fn columns(table: &str, columns: &IndexMap<String, Column>, rows: usize) -> Result<()> {
    for (name, column) in columns {
        column_fits(name, column, rows).map_err(|error| error.at(format!("{table}/{name}")))?;
    }
    Ok(())
}

fn column_fits(name: &str, column: &Column, rows: usize) -> Result<()> {
    dataframe::check_column(name)?;
    if column.len() != rows {
        return Err(Error::internal(format!("has {} values, the result {rows} rows", column.len())));
    }
    match column {
        Column::Categorical { codes, categories, .. } => categorical::check(codes, categories),
        Column::Plain(_) | Column::Nullable { .. } => Ok(()),
    }
}

/// The first extents of each entry must be those of its axes.
fn entries(mapping: &str, entries: &Dict, axes: &[usize]) -> Result<()> {
    for (name, element) in entries {
        entry_fits(name, element, axes).map_err(|error| error.at(format!("{mapping}/{name}")))?;
    }
    Ok(())
}

fn entry_fits(name: &str, element: &Element, axes: &[usize]) -> Result<()> {
    check_key(name)?;
    let shape = element.shape().unwrap_or_default();
    if shape.get(..axes.len()) != Some(axes) {
        return Err(Error::internal(format!("a {} of shape {shape:?}, {axes:?} expected first", element.kind())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;

    use super::*;
    use crate::element::DenseArray;

    fn array(shape: &[usize]) -> Element {
        let values = Buffer::F32(vec![0.0; shape.iter().product()]);
        Element::Array(DenseArray { shape: shape.to_vec(), values })
    }

    fn message(fill: impl FnOnce(&mut Additions)) -> Option<String> {
        let mut additions = Additions::default();
        fill(&mut additions);
        check(&additions, 2, 3).err().map(|error| error.to_string())
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let name = || "a".to_owned();
        let column = |len| Column::Plain(Buffer::F32(vec![0.0; len]));
        assert_eq!(message(|all| drop(all.obs.insert(name(), column(2)))), None);
        assert!(message(|all| drop(all.var.insert(name(), column(2)))).unwrap().contains("the result 3 rows"));
        assert!(message(|all| drop(all.obs.insert("_index".to_owned(), column(2)))).is_some());
        assert_eq!(message(|all| drop(all.obsm.insert(name(), array(&[2, 5])))), None);
        assert!(message(|all| drop(all.varm.insert(name(), array(&[2, 5])))).is_some());
        assert_eq!(message(|all| drop(all.varp.insert(name(), array(&[3, 3])))), None);
        assert!(message(|all| drop(all.obsp.insert(name(), array(&[2, 3])))).is_some());
        assert!(message(|all| drop(all.obsm.insert(name(), Element::Null))).unwrap().contains("null"));
        assert!(message(|all| drop(all.obsm.insert("a/b".to_owned(), array(&[2, 5])))).unwrap().contains("slash"));
        assert!(message(|all| all.set_uns([""; 0], Element::Null)).is_some());
        assert!(message(|all| all.set_uns(["a", ".."], Element::Null)).is_some());
    }

    #[test]
    fn codes_must_be_those_of_distinct_categories() {
        let of = |codes: &[i32], categories: &[&str]| {
            let categories = Box::new(Column::text(categories));
            let column = Column::Categorical { codes: codes.to_vec(), categories, ordered: false };
            message(|all| drop(all.obs.insert("a".to_owned(), column)))
        };
        assert_eq!(of(&[1, -1], &["x", "y"]), None);
        assert!(of(&[2, 0], &["x", "y"]).is_some() && of(&[-2, 0], &["x", "y"]).is_some());
        assert!(of(&[0, 0], &["x", "x"]).is_some());
    }
}
