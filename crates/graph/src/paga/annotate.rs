//! The graph of the groups of cells of a file, as scanpy stores it.

use annstream_core::Exec;
use annstream_core::anndata::AnnDataFile;
use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Element, SparseLayout, SparseMatrix};
use annstream_store::Buffer;

use super::counts::Counts;
use super::{Paga, abstracted};
use crate::inputs::{distances_name, groups, stored_graph};
use crate::{Error, Result};

/// Which cells belong together, and which graph is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagaStep {
    /// Column of `obs`; `leiden` or else `louvain` unless given.
    pub groups: Option<String>,
    /// Entry of `uns` that tells of the graph. Default: `neighbors`.
    pub neighbors_key: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// The graph of the groups.
    pub paga: Paga,
    /// Column of `obs` that has the groups.
    pub column: String,
    /// `connectivities`, `connectivities_tree` (CSR of doubles) and `groups` in `uns["paga"]`, whose other entries
    /// stay, and `uns["<groups>_sizes"]` (int64), as `scanpy.tl.paga` stores them.
    pub additions: Additions,
}

/// The column that is looked at.
///
/// # Errors
/// `Argument` if none is given, and the usual ones are not there.
pub fn groups_column(file: &AnnDataFile, given: Option<&str>) -> Result<String> {
    let usual = ["leiden", "louvain"].into_iter().find(|name| file.obs().columns.contains_key(*name));
    given.or(usual).map(str::to_owned).ok_or_else(|| {
        Error::argument("obs has neither a column 'leiden' nor 'louvain'")
            .in_file(file.store().location())
            .hint("run annstream leiden first, or name another column by --groups")
    })
}

/// Makes the graph of the groups of cells of a file: one pass over the distances of `obsp` that a run of neighbours
/// left. Memory: 4 bytes a cell, and the pairs of groups.
///
/// Like scanpy's, matrices and sizes end with the last category that a cell has.
///
/// # Errors
/// `NotFound` if there is no such graph, `Argument` if there is no such column, it is not categorical, or a cell has no
/// group, `Memory` if the budget is too small.
pub fn annotate(file: &AnnDataFile, step: &PagaStep, exec: &Exec) -> Result<Annotated> {
    let place = |error: Error| error.in_file(file.store().location());
    let name = distances_name(file, step.neighbors_key.as_deref()).map_err(place)?;
    let column = groups_column(file, step.groups.as_deref())?;
    let _charge = exec.budget().charge(file.n_obs() as u64 * 12, "groups")?;
    let found = groups(file, &column)?;
    let mut sizes = found.sizes();
    sizes.truncate(sizes.iter().rposition(|size| *size > 0).map_or(0, |last| last + 1));
    let missing = found.codes.iter().filter(|code| code.is_none()).count();
    let codes: Option<Vec<u32>> = found.codes.into_iter().collect();
    let codes = codes.ok_or_else(|| {
        place(Error::argument(format!("{missing} cells have no group in the column '{column}' of obs")))
            .hint("leave them out by annstream subset, and compute neighbours anew")
    })?;
    let matrix = stored_graph(file, &name, exec)?;
    let counts =
        Counts::of(&matrix, sizes, codes.into(), exec).map_err(|error| place(error.at(format!("obsp/{name}"))))?;
    let paga = abstracted(&counts);
    let mut additions = Additions::default();
    additions.set_uns(["paga", "connectivities"], matrix_of(&paga.connectivities, paga.sizes.len()));
    additions.set_uns(["paga", "connectivities_tree"], matrix_of(&paga.tree, paga.sizes.len()));
    let sizes = paga.sizes.iter().map(|&size| size as i64).collect::<Vec<_>>();
    let sizes = Element::Array(DenseArray { shape: vec![sizes.len()], values: Buffer::I64(sizes) });
    additions.set_uns([format!("{column}_sizes")], sizes);
    additions.set_uns(["paga", "groups"], Element::Scalar(Buffer::Str(std::iter::once(column.as_str()).collect())));
    Ok(Annotated { paga, column, additions })
}

/// Edges, row by row, as compressed rows.
fn matrix_of(edges: &[(usize, usize, f64)], groups: usize) -> Element {
    let mut indptr = vec![0; groups + 1];
    for &(from, _, _) in edges {
        indptr[from + 1] += 1;
    }
    (0..groups).for_each(|i| indptr[i + 1] += indptr[i]);
    let indices = edges.iter().map(|(_, to, _)| *to as u64).collect();
    let data = Buffer::F64(edges.iter().map(|(_, _, weight)| *weight).collect());
    Element::Sparse(SparseMatrix { layout: SparseLayout::Csr, shape: [groups, groups], indptr, indices, data })
}
