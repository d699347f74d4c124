//! What will be compared, before the matrix is read.

use annstream_core::anndata::AnnDataFile;
use annstream_core::concat::Input;
use annstream_core::lazy::LazyMatrix;
use annstream_core::table::Column;
use annstream_core::{Error, Result};
use annstream_store::Buffer;

use super::cells::Cells;
use super::matrix::{Chosen, Origin, Which};
use super::{MarkerOptions, Method};
use crate::normalize::stored_base;

/// Groups, genes and the matrix of a comparison.
#[derive(Clone)]
pub struct MarkerPlan<'a> {
    /// What was asked for.
    pub options: MarkerOptions,
    /// Names of the genes that are looked at.
    pub genes: Column,
    /// The name of their index.
    pub index_name: Option<String>,
    /// The base of the logarithms in the matrix, if `uns` names one.
    pub log_base: Option<f64>,
    pub(super) cells: Cells,
    pub(super) matrix: Chosen<'a>,
}

/// Finds groups, matrix and genes. Reads the column of groups, that of `mask_var`, the names of the genes, and `uns` if it
/// says how logarithms were taken.
///
/// # Errors
/// `Argument` if a column, a group, a layer or `raw` is not there, a group has fewer than two cells, or there is nothing to
/// compare with.
pub fn plan(input: &Input, options: MarkerOptions) -> Result<MarkerPlan<'_>> {
    find(&input.file, options).map_err(|error| error.in_file(&input.name))
}

fn find(file: &AnnDataFile, options: MarkerOptions) -> Result<MarkerPlan<'_>> {
    let matrix = Chosen::of(file, &options)?;
    let cells = Cells::of(file, &options)?;
    let var = Which::of(&options, file.raw().is_some())?.var();
    let index_name = file.table(var).and_then(|table| table.index_name.clone());
    assemble(options, cells, matrix, file.read_index(var)?, index_name, stored_base(file)?)
}

/// What is compared where there is no file: in a pipeline that has not written its one yet, or in Python.
pub struct Compared {
    /// The values: cells x genes.
    pub matrix: LazyMatrix,
    /// Whether they are those of `raw`.
    pub use_raw: bool,
    /// The genes that are looked at; `None` for all.
    pub mask: Option<Vec<bool>>,
    /// The column of groups.
    pub groups: Column,
    /// Names of all genes.
    pub genes: Column,
    /// The name of their index.
    pub index_name: Option<String>,
    /// The base of the logarithms; natural if there is none.
    pub log_base: Option<f64>,
}

/// As [`plan`], of what is at hand.
///
/// # Errors
/// As [`plan`].
pub fn plan_of(compared: Compared, options: MarkerOptions) -> Result<MarkerPlan<'static>> {
    let Compared { matrix, use_raw, mask, groups, genes, index_name, log_base } = compared;
    let cells = Cells::in_column(&groups, &options)?;
    let matrix = Chosen { origin: Origin::Lazy(matrix), use_raw, mask };
    assemble(options, cells, matrix, genes, index_name, log_base)
}

fn assemble(
    options: MarkerOptions,
    cells: Cells,
    matrix: Chosen<'_>,
    mut genes: Column,
    index_name: Option<String>,
    log_base: Option<f64>,
) -> Result<MarkerPlan<'_>> {
    if options.n_genes == Some(0) {
        return Err(Error::argument("no genes are asked for"));
    }
    if options.pts
        && let Some((_, name)) = cells.chosen.iter().find(|(_, name)| name.contains('/') || name == "_index")
    {
        let message = format!("the group '{name}' cannot be a column of the tables of fractions");
        return Err(Error::unsupported(message).hint("leave out --pts, or rename the group"));
    }
    if let Some(mask) = &matrix.mask {
        let kept: Vec<i64> = (0..).zip(mask).filter(|(_, kept)| **kept).map(|(gene, _)| gene).collect();
        genes = genes.reindex(&kept)?;
    }
    if genes.is_empty() {
        return Err(Error::argument("there are no genes to look at"));
    }
    Ok(MarkerPlan { options, genes, index_name, log_base, cells, matrix })
}

impl MarkerPlan<'_> {
    /// Number of genes that are looked at.
    pub(super) fn width(&self) -> usize {
        self.matrix.width()
    }

    /// Names of the groups that get a result.
    pub fn groups(&self) -> Vec<&str> {
        self.cells.tested().map(|(_, name)| name.as_str()).collect()
    }

    /// The name of a gene.
    pub fn gene(&self, gene: u32) -> Option<&str> {
        match &self.genes {
            Column::Plain(Buffer::Str(names)) | Column::Nullable { values: Buffer::Str(names), .. } => {
                ((gene as usize) < names.len()).then(|| names.get(gene as usize))
            }
            _ => None,
        }
    }

    /// How often the matrix is read from end to end, scratch space included.
    pub fn passes(&self) -> u32 {
        if self.options.method == Method::Wilcoxon && !self.matrix.by_gene() { 3 } else { 1 }
    }

    /// Memory of sums and results, in bytes.
    pub fn bytes(&self) -> u64 {
        let all = self.cells.sizes.len() as u64;
        let chosen = self.cells.chosen.len() as u64;
        // Sums and sums of those behind, ranks and ties; means, variances and fractions of both sides; scores and names of
        // the result twice.
        let each = all * (2 * 3 + 2) * 8 + chosen * (2 * 3 * 8 + 2 * 28 + 24);
        (self.width() as u64).saturating_mul(each).saturating_add(self.cells.codes.len() as u64 * 9)
    }

    pub(super) fn what(&self) -> String {
        format!("the sums of {} groups x {} genes", self.cells.sizes.len(), self.width())
    }

    /// What scanpy says of these groups.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.options.method == Method::Wilcoxon {
            let small = |code: usize| self.cells.sizes[code] <= 25;
            let small = |code: &usize| self.cells.reference.is_some() && small(*code);
            let few: Vec<&str> =
                self.cells.chosen.iter().filter(|(code, _)| small(code)).map(|(_, name)| name.as_str()).collect();
            if !few.is_empty() {
                let names = few.join(", ");
                warnings.push(format!("25 cells or fewer, too few for a normal approximation: {names}"));
            }
        }
        warnings
    }
}
