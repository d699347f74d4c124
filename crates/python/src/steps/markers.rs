//! `rank_genes_groups`.

use annstream_core::table::Column;
use annstream_sc::markers::{Compared, MarkerOptions, plan_of, rank_matrix};
use annstream_store::Buffer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{arrays, compressed, refused};
use crate::job;
use crate::matrix::Matrix;

/// For each group its name and arrays (`genes` are positions among all that are looked at), in `groups`; `pts` and
/// `pts_rest`; and `warnings`. `groups` are the category of each cell, -1 for none, and the names of the categories;
/// `log_base` is that of the values, e unless given.
#[pyfunction]
#[pyo3(signature = (matrix, options, names, groups, log_base=None))]
pub(super) fn rank_genes_groups<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    options: &str,
    names: Vec<String>,
    groups: (Vec<i32>, Vec<String>),
    log_base: Option<f64>,
) -> PyResult<Bound<'py, PyDict>> {
    let options: MarkerOptions = serde_json::from_str(options).map_err(refused)?;
    let options = options.resolved();
    let (codes, categories) = groups;
    let found = job::run(py, |exec| {
        let compared = Compared {
            matrix: compressed(matrix, exec)?,
            use_raw: false,
            mask: None,
            groups: Column::Categorical { codes, categories: Box::new(Column::text(categories)), ordered: false },
            genes: Column::text(names),
            index_name: None,
            log_base,
        };
        rank_matrix(&plan_of(compared, options)?, exec)
    })?;
    let groups = PyList::empty(py);
    for group in found.groups {
        let columns = [
            ("genes", Buffer::U32(group.genes)),
            ("scores", Buffer::F32(group.scores)),
            ("pvals", Buffer::F64(group.pvals)),
            ("pvals_adj", Buffer::F64(group.pvals_adj)),
            ("logfoldchanges", Buffer::F32(group.logfoldchanges)),
        ];
        groups.append((group.name, arrays(py, columns)?))?;
    }
    let out = PyDict::new(py);
    out.set_item("groups", groups)?;
    out.set_item("warnings", found.warnings)?;
    if let Some(fractions) = found.fractions {
        let named = |values: Vec<Vec<f64>>| arrays(py, fractions.names.iter().zip(values.into_iter().map(Buffer::F64)));
        out.set_item("pts", named(fractions.group)?)?;
        if let Some(rest) = fractions.rest {
            out.set_item("pts_rest", named(rest)?)?;
        }
    }
    Ok(out)
}
