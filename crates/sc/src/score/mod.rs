//! Scores of sets of genes: `scanpy.tl.score_genes` and `scanpy.tl.score_genes_cell_cycle`.
//!
//! ```text
//! lists ─► means of all genes: one pass ─► bins of genes expressed alike ─► controls drawn from the bins of the list
//!       ─► means of list and controls in each cell: one pass ─► their difference is the score
//! ```
//!
//! Controls are drawn by numpy's legacy generator, and sums have the precision and order of scanpy's, so that the same seed
//! chooses the same genes and gives the same scores, to the bit. Scanpy 1.11 adds `f32` values of sparse matrices up in
//! `f32`, 1.12 in `f64`; [`Like`] says which of them is followed.

mod bins;
mod cell_cycle;
mod cells;
mod genes;
mod matrix;
mod pairwise;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use annstream_core::Exec;
use annstream_core::concat::Input;

use crate::{Error, Result};
use bins::{Pool, controls};

pub use matrix::{Kind, Scored};

pub use cell_cycle::{CellCycle, score_genes_cell_cycle};

/// Whose sums of sparse matrices are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Like {
    /// Scanpy 1.11: sums of `f32` values are in `f32`, which is coarse for millions of cells.
    #[default]
    V1_11,
    /// Scanpy 1.12: in `f64`.
    V1_12,
}

impl fmt::Display for Like {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_11 => "1.11",
            Self::V1_12 => "1.12",
        })
    }
}

impl FromStr for Like {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "1.11" => Ok(Self::V1_11),
            "1.12" => Ok(Self::V1_12),
            _ => Err(Error::argument(format!("'{text}' is not a version that is followed; expected 1.11 or 1.12"))),
        }
    }
}

/// What `score_genes` is asked for; names and defaults are scanpy's.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreOptions {
    /// Whether controls may be drawn among the genes of the list, which are then left out.
    pub ctrl_as_ref: bool,
    /// Controls drawn from each bin.
    pub ctrl_size: usize,
    /// Genes that controls are drawn from; all, if absent.
    pub gene_pool: Option<Vec<String>>,
    /// Bins of genes, by their means.
    pub n_bins: usize,
    /// The seed.
    pub random_state: u32,
    /// Whether `raw` is scored; if absent, it is where there is one.
    pub use_raw: Option<bool>,
    /// The layer that is scored.
    pub layer: Option<String>,
    /// Whose sums are followed; not an option of scanpy.
    pub like: Like,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            ctrl_as_ref: true,
            ctrl_size: 50,
            gene_pool: None,
            n_bins: 25,
            random_state: 0,
            use_raw: None,
            layer: None,
            like: Like::default(),
        }
    }
}

/// Scores of a list of genes.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Of each cell: the mean of the list less the mean of the controls.
    pub values: Vec<f64>,
    /// Names of the controls.
    pub controls: Vec<String>,
    /// Genes of the list that are not there.
    pub unknown: Vec<String>,
}

/// A list to score, and how many controls it gets from each bin.
#[derive(Clone, Copy, Debug)]
pub struct GeneList<'a> {
    /// Names of genes.
    pub genes: &'a [String],
    /// Controls drawn from each bin.
    pub ctrl_size: usize,
}

/// Scores cells by a list of genes, as `scanpy.tl.score_genes(adata, genes)` does: `obs[score_name]` are
/// [`Score::values`], one `f64` for each cell.
///
/// Reads the matrix twice; a CSC matrix is put in order in scratch space, too. Memory: some numbers for each gene and each
/// cell, and the blocks under way.
///
/// # Errors
/// `Argument` if none of the genes is there, one is not in the pool, no control is left, or there is no such matrix;
/// else if the input is damaged or the budget too small.
pub fn score_genes(input: &Input, genes: &[String], options: &ScoreOptions, exec: &Exec) -> Result<Score> {
    let lists = [GeneList { genes, ctrl_size: options.ctrl_size }];
    score_lists(input, &lists, options, exec)?.pop().ok_or_else(|| Error::internal("no score of a list"))
}

/// Scores several lists in the same two passes.
fn score_lists(input: &Input, lists: &[GeneList<'_>], options: &ScoreOptions, exec: &Exec) -> Result<Vec<Score>> {
    let scored = Scored::open(input, options, exec)?;
    score_matrix(&scored, lists, options, exec).map_err(|error| error.in_file(&input.name))
}

/// Scores lists of genes by a matrix that is at hand: [`score_genes`] of each, in the same two passes. The options that say
/// which matrix it is are not looked at.
///
/// # Errors
/// As [`score_genes`].
pub fn score_matrix(
    scored: &Scored,
    lists: &[GeneList<'_>],
    options: &ScoreOptions,
    exec: &Exec,
) -> Result<Vec<Score>> {
    let names: Vec<&str> = scored.names.iter().map(String::as_str).collect();
    let mut places = HashMap::with_capacity(names.len());
    for (place, name) in (0_u32..).zip(&names) {
        if places.insert(*name, place).is_some() {
            return Err(Error::argument(format!("two genes are called '{name}'")).hint("make their names unique"));
        }
    }
    let mut found = Vec::with_capacity(lists.len());
    for list in lists {
        let (own, unknown) = known(list.genes, &places);
        if own.is_empty() {
            return Err(Error::argument("none of the genes to score is there"));
        }
        found.push((own, unknown));
    }
    let pool: Vec<u32> = match &options.gene_pool {
        Some(genes) => known(genes, &places).0,
        None => places_of_all(names.len())?,
    };
    if pool.is_empty() {
        return Err(Error::argument("none of the genes of the pool is there"));
    }
    let means = scored.means(&pool, options.like, exec)?;
    let pool = Pool { names: &names, genes: &pool, means: &means };
    let mut drawn = Vec::with_capacity(lists.len());
    for (list, (own, _)) in lists.iter().zip(&found) {
        drawn.push(controls(&pool, own, list.ctrl_size, options)?);
    }
    let sets: Vec<&[u32]> =
        found.iter().zip(&drawn).flat_map(|((own, _), drawn)| [own.as_slice(), drawn.as_slice()]).collect();
    let cells = scored.cells(&sets, options.like, exec)?;
    let scores = cells.chunks(2).zip(found).zip(&drawn).map(|((means, (_, unknown)), drawn)| {
        let [own, controls] = means else { return Err(Error::internal("a list without controls")) };
        let values = own.iter().zip(controls).map(|(own, control)| own - control).collect();
        let controls = drawn.iter().map(|gene| names[*gene as usize].to_owned()).collect();
        Ok(Score { values, controls, unknown })
    });
    scores.collect()
}

/// Positions of the genes that are there, once each, and the names of the others.
fn known(genes: &[String], places: &HashMap<&str, u32>) -> (Vec<u32>, Vec<String>) {
    let (mut own, mut unknown, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for gene in genes.iter().filter(|gene| seen.insert(gene.as_str())) {
        match places.get(gene.as_str()) {
            Some(place) => own.push(*place),
            None => unknown.push(gene.clone()),
        }
    }
    (own, unknown)
}

fn places_of_all(count: usize) -> Result<Vec<u32>> {
    Ok((0..u32::try_from(count).map_err(|_| Error::unsupported("more than 2^32 genes"))?).collect())
}
