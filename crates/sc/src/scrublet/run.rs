//! Batch by batch, from counts to scores.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::anndata::TableName;
use annstream_core::concat::Input;
use annstream_core::lazy::LazyMatrix;
use serde::Serialize;

use super::batches::{Part, no_such_column, parts};
use super::call::{Near, Neighbours, score};
use super::choose::{Chosen, choose};
use super::embed::embed;
use super::options::ScrubletOptions;
use super::threshold::threshold_minimum;
use crate::groups::{Groups, groups};
use crate::pipeline::Matrix;
use crate::sample::{Mersenne, sample_without_replacement};
use crate::{Error, Result};

/// Where cells and doublets are.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    /// Coordinates, row-major: cells, then doublets.
    pub values: &'a [f32],
    /// How many there are of each.
    pub width: usize,
    /// How many neighbours are wanted; the point itself counts as one.
    pub n_neighbors: usize,
}

/// A search for neighbours: calls the function with each point and the others near it, from any thread, and gives back
/// what it returned, in the order of the points.
pub type Search<'a> = dyn Fn(Points<'_>, &(dyn Fn(usize, &[u32]) -> Near + Sync)) -> Result<Vec<Near>> + 'a;

/// Doublets of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Scrublet {
    /// What was asked for.
    pub options: ScrubletOptions,
    /// Cells of the file.
    pub cells: usize,
    /// One, or one for each value of the batch column.
    pub batches: Vec<ScrubletBatch>,
    /// Whether some counts are not whole numbers.
    pub fractions: bool,
    /// How often the matrix was read: three times, and once more where batches had to be put in order.
    pub passes: u32,
}

/// Doublets of the cells of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrubletBatch {
    /// The value of the batch column.
    pub name: Option<String>,
    /// Positions in the file of the cells that were looked at; what follows is in their order.
    pub cells: Vec<u32>,
    /// Cells that have too few genes, and no score.
    pub left_out: usize,
    /// Genes that are highly variable.
    pub genes: usize,
    /// How likely each cell is a doublet.
    pub scores: Vec<f64>,
    /// The same of the simulated doublets.
    pub scores_of_doublets: Vec<f64>,
    /// The parents of each simulated doublet: places in `cells`.
    pub parents: Vec<[u32; 2]>,
    /// Neighbours among the cells.
    pub n_neighbors: usize,
    /// Cells with a score above it are called doublets; `None` if none was given and none was found.
    pub threshold: Option<f64>,
    /// The parents of the doublets near each cell, if they are asked for: places in `cells`, each once and rising.
    pub neighbor_parents: Option<Vec<Vec<u32>>>,
}

/// What was found in a batch, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DoubletSummary {
    /// The value of the batch column.
    pub name: Option<String>,
    /// Cells that were looked at.
    pub cells: usize,
    /// Cells that have too few genes, and no score.
    pub left_out: usize,
    /// Genes that are highly variable.
    pub genes: usize,
    /// Cells with a score above it are called doublets.
    pub threshold: Option<f64>,
    /// The share of cells that are called doublets.
    pub detected: f64,
    /// The share of simulated doublets that would be.
    pub detectable: f64,
    /// The share of doublets that there would be then, among the cells; `None` if it cannot be told.
    pub estimated: Option<f64>,
}

impl Scrublet {
    /// What the user should know: counts that are none, cells without a score, and that nothing is called.
    pub fn warnings(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.fractions {
            out.push("X has numbers that are not whole; doublets are simulated by adding counts".to_owned());
        }
        for batch in &self.batches {
            let prefix = batch.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            if batch.left_out > 0 {
                out.push(format!("{prefix}{} cells have fewer than 3 genes, and no score", batch.left_out));
            }
            if batch.threshold.is_none() {
                out.push(format!("{prefix}no threshold was found, and no cell is called a doublet; give a threshold"));
            }
        }
        out
    }

    /// Each batch in numbers.
    pub fn summaries(&self) -> Vec<DoubletSummary> {
        self.batches.iter().map(ScrubletBatch::summary).collect()
    }
}

impl ScrubletBatch {
    /// In numbers.
    pub fn summary(&self) -> DoubletSummary {
        let (detected, detectable) = (self.detected(), self.detectable());
        DoubletSummary {
            name: self.name.clone(),
            cells: self.cells.len(),
            left_out: self.left_out,
            genes: self.genes,
            threshold: self.threshold,
            detected,
            detectable,
            estimated: Some(detected / detectable).filter(|share| share.is_finite()),
        }
    }

    /// Whether a cell with this score is called a doublet.
    pub fn calls(&self, score: f64) -> bool {
        self.threshold.is_some_and(|threshold| score > threshold)
    }

    /// The share of cells that are called doublets.
    pub fn detected(&self) -> f64 {
        share(&self.scores, |score| self.calls(score))
    }

    /// The share of simulated doublets that would be.
    pub fn detectable(&self) -> f64 {
        share(&self.scores_of_doublets, |score| self.calls(score))
    }
}

fn share(scores: &[f64], counts: impl Fn(f64) -> bool) -> f64 {
    scores.iter().filter(|score| counts(**score)).count() as f64 / scores.len() as f64
}

/// Scores cells by how likely they are doublets: `scanpy.pp.scrublet(adata, …)`. [`Scrublet::additions`] says what that
/// stores.
///
/// Reads `X`, which should hold counts, three times; where batches do not stand in one piece, once more, and puts it
/// into scratch space. A CSC matrix is put in order there first. Memory, of one batch at a time: 8 bytes for each count
/// in a variable gene, 4 for each coordinate of the cells and doublets (360 a cell by default), 25 for each doublet,
/// some 40 for each cell; `20 k²` bytes for the components of `k` variable genes; and what the search takes. With
/// `get_doublet_neighbor_parents` 4 bytes more for each parent of a neighbour.
///
/// Departures from scanpy: the neighbours are what the search finds, and nothing is its own neighbour. (Where
/// scanpy compares all pairs, a doublet counts for itself only if no two of all cells and doublets are equal, which is
/// rare.) With more than 50 components it looks at all of them (scanpy takes the 50 leading ones of them); a gene that
/// does not vary after normalisation is left alone (scanpy fails); for `synthetic_doublet_umi_subsampling` below 1 other
/// counts are drawn, from the same distribution.
///
/// # Errors
/// `Argument` if an option has no meaning, there is no such column, or there are not so many pairs of cells; `Invalid`
/// if X has values that are no counts, a cell has no batch, or so few cells and genes are left that there are no such
/// components; else if the input is damaged, or the budget or scratch space too small.
pub fn scrublet(input: &Input, options: &ScrubletOptions, search: &Search<'_>, exec: &Exec) -> Result<Scrublet> {
    options.check()?;
    let place = |error: Error| error.in_file(&input.name);
    let batches = batches(input, options).map_err(place)?;
    let source = Matrix::of_file(&input.file, exec)?.source;
    if source.dtype().is_complex() {
        return Err(place(Error::invalid("complex numbers, expected real ones").at("X")));
    }
    of_matrix(&LazyMatrix::new(source), batches, options, search, exec).map_err(place)
}

/// The batch of each cell of a file, if there is a batch key.
fn batches(input: &Input, options: &ScrubletOptions) -> Result<Option<Groups>> {
    let Some(key) = &options.batch_key else { return Ok(None) };
    let obs = input.file.obs();
    if !obs.columns.contains_key(key) {
        return Err(no_such_column(key, obs.columns.keys()));
    }
    let column = input.file.read_column(TableName::Obs, key)?;
    groups(&column, &vec![true; input.file.n_obs()], key).map(Some)
}

/// As [`scrublet`], of the rows and columns of a matrix without operators, and the batch of each row. Passes are not
/// counted with those of the matrix, since each reads the rows of a batch only.
pub(crate) fn of_matrix(
    matrix: &LazyMatrix,
    batches: Option<Groups>,
    options: &ScrubletOptions,
    search: &Search<'_>,
    exec: &Exec,
) -> Result<Scrublet> {
    let cells = matrix.shape()[0];
    let _cells = exec.budget().charge(cells as u64 * 40, "the cells of batches")?;
    let (parts, apart) = parts(matrix, batches, exec)?;
    let passes = if apart { 4 } else { 3 };
    let mut found = Scrublet { options: options.clone(), cells, batches: Vec::new(), fractions: false, passes };
    for part in parts {
        let name = part.name.clone();
        let own = of_part(part, options, search, exec);
        let (batch, fractions) = own.map_err(|error| match name {
            Some(name) => error.at(format!("X, batch '{name}'")),
            None => error.at("X"),
        })?;
        found.batches.push(batch);
        found.fractions |= fractions;
        exec.release();
    }
    Ok(found)
}

/// The doublets of one batch, and whether its counts have fractions.
fn of_part(part: Part, options: &ScrubletOptions, search: &Search<'_>, exec: &Exec) -> Result<(ScrubletBatch, bool)> {
    let Part { name, cells, matrix } = part;
    let Chosen { cells: chosen, divisors, counts } = choose(&matrix, exec)?;
    drop(matrix);
    let left_out = chosen.iter().filter(|chosen| !**chosen).count();
    let cells: Vec<u32> = cells.into_iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(cell, _)| cell).collect();
    let fractions = counts.fractions > 0;
    let [n_cells, genes] = counts.shape();
    let parents = parents(n_cells, options, exec)?;
    let n_doublets = parents.len();
    let coordinates = (n_cells + n_doublets).saturating_mul(options.n_prin_comps) as u64 * 4 + n_doublets as u64 * 25;
    let _charge = exec.budget().charge(coordinates, "the coordinates of cells and doublets")?;
    let counts = Arc::new(counts);
    let values = embed(&counts, divisors, &parents, options, exec)?;
    drop(counts);
    exec.release();

    let neighbours = Neighbours::new(options.n_neighbors, n_cells, n_doublets);
    let points = Points { values: &values, width: options.n_prin_comps, n_neighbors: neighbours.listed };
    let near = search(points, &|point, others: &[u32]| {
        let is_doublet = |id: u32| (id as usize).checked_sub(n_cells);
        let doublets = others.iter().filter_map(|&id| is_doublet(id));
        let mut near = Near::default();
        if options.get_doublet_neighbor_parents && point < n_cells {
            near.parents = doublets.clone().flat_map(|doublet| parents[doublet]).collect();
            near.parents.sort_unstable();
            near.parents.dedup();
        }
        near.doublets = u32::try_from(doublets.count()).unwrap_or(u32::MAX);
        near
    })?;
    if near.len() != n_cells + n_doublets {
        return Err(Error::internal(format!("neighbours of {} of {} points", near.len(), n_cells + n_doublets)));
    }
    drop(values);
    let ratio = n_doublets as f64 / n_cells as f64;
    let of = |near: &Near| score(near.doublets, neighbours.adjusted, ratio, options);
    let scores: Vec<f64> = near[..n_cells].iter().map(of).collect();
    let scores_of_doublets: Vec<f64> = near[n_cells..].iter().map(of).collect();
    let threshold = options.threshold.or_else(|| threshold_minimum(&scores_of_doublets));
    let neighbor_parents =
        options.get_doublet_neighbor_parents.then(|| near.into_iter().take(n_cells).map(|near| near.parents).collect());
    let batch = ScrubletBatch {
        name,
        cells,
        left_out,
        genes,
        scores,
        scores_of_doublets,
        parents: parents.to_vec(),
        n_neighbors: neighbours.of_cells,
        threshold,
        neighbor_parents,
    };
    Ok((batch, fractions))
}

/// Pairs of cells, no pair twice: those that scanpy draws.
fn parents(cells: usize, options: &ScrubletOptions, exec: &Exec) -> Result<Arc<[[u32; 2]]>> {
    let cells = cells as u64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounds down, as int() of Python")]
    let count = (cells as f64 * options.sim_doublet_ratio) as usize;
    if count == 0 {
        let ratio = options.sim_doublet_ratio;
        return Err(Error::argument(format!("sim_doublet_ratio is {ratio}: no doublets for {cells} cells")));
    }
    // A place in a list, and one in a table of those taken.
    let _charge = exec.budget().charge((count as u64).saturating_mul(40), "pairs of cells")?;
    let pairs = sample_without_replacement(&mut Mersenne::new(options.random_state), cells * cells, count)?;
    let place = |cell: u64| u32::try_from(cell).map_err(|_| Error::unsupported("more than 2^32 cells"));
    pairs.into_iter().map(|pair| Ok([place(pair / cells)?, place(pair % cells)?])).collect()
}
