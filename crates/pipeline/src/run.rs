//! All steps, in order.

use annstream_core::Exec;
use annstream_core::concat::Input;
use annstream_graph::harmony::{self, HarmonyStep};
use annstream_graph::leiden;
use annstream_graph::neighbors::{self, NeighborsStep, fitting};
use annstream_graph::umap;
use annstream_sc::pipeline::{Matrix, PipelineOptions, PipelineReport, Unfinished, begin};
use annstream_sc::scrublet::{Near, Points, Search};
use annstream_store::StoreWriter;
use serde::Serialize;

use crate::doublets::DoubletSearch;
use crate::graphs::Graphs;
use crate::names::Names;
use crate::surroundings::Surroundings;
use crate::{Recipe, Result};

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The steps on the matrix, and the stages of all.
    #[serde(flatten)]
    pub matrix: PipelineReport,
    /// The share of the true neighbours of cells and simulated doublets that was found, measured on a sample; `None` if all
    /// were.
    pub recall_of_doublets: Option<f64>,
    /// How batches were corrected for.
    pub harmony: Option<Corrected>,
    /// The share of the true neighbours that was found, measured on a sample of cells; `None` if all were.
    pub recall: Option<f64>,
    /// Epochs of the picture.
    pub epochs: Option<usize>,
    /// How many communities there are.
    pub communities: Option<usize>,
    /// Their modularity.
    pub modularity: Option<f64>,
}

/// How the correction of batches went.
#[derive(Clone, Debug, Serialize)]
pub struct Corrected {
    /// Number of clusters.
    pub clusters: usize,
    /// The objective at the beginning and after each turn.
    pub objectives: Vec<f64>,
    /// Whether the turns ended by themselves.
    pub converged: bool,
}

/// Runs a recipe on a file and writes the result; does not commit. `matrix` is that of the file, or one in its place.
///
/// Memory: that of [`annstream_sc::pipeline::run`]; then, when its matrices are gone, the graph, with the defaults some 300
/// bytes a cell until the end, and beside it in turn what neighbours (some 800 bytes a cell), the picture (some 900) and
/// communities (some 600 for each start) take, and what it takes to write it (some 1,300). All of it is charged to the
/// budget. What doublets take is gone by then, see [`annstream_sc::scrublet::scrublet`].
///
/// # Errors
/// If an option does not fit the data, a step looks for something that is not there (before anything of the matrix is read),
/// the input is damaged, the budget too small, or writing fails.
pub fn run(
    input: &Input,
    matrix: Matrix,
    recipe: &Recipe,
    options: PipelineOptions,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<Report> {
    recipe.check()?;
    let place = |error: crate::Error| error.in_file(&input.name);
    let names = Names::of_file(&input.file);
    let names = if matrix.apart { names.with_rows_apart() } else { names };
    names.check(recipe, options.keep_x).map_err(place)?;
    let search = recipe.matrix.scrublet.as_ref().map(|step| DoubletSearch::new(step, exec)).transpose()?;
    let near = search.as_ref().map(|search| move |points: Points<'_>, look: &Look<'_>| search.near(points, look));
    let near = near.as_ref().map(|near| near as &Search<'_>);
    let options = PipelineOptions { keep_scores: recipe.looks_at_cells(), ..options };
    let mut pipeline = begin(input, matrix, &recipe.matrix, options, near, writer, exec)?;
    let mut graphs = Graphs::default();
    let mut report = Report { recall_of_doublets: search.and_then(|search| search.recall()), ..Report::default() };
    if let Some(step) = &recipe.harmony {
        report.harmony = Some(correct(&mut pipeline, step).map_err(place)?);
    }
    if let Some(step) = recipe.connection() {
        report.recall = connect(&mut pipeline, &mut graphs, &step).map_err(place)?;
    }
    if let Some(step) = &recipe.umap {
        let found =
            pipeline.stage("umap", |pipeline| umap::annotate(&Surroundings { pipeline, graphs: &graphs }, step, exec));
        let umap::Annotated { umap, additions } = found.map_err(place)?;
        report.epochs = Some(umap.epochs);
        pipeline.hold(umap.positions.len() as u64 * 4, "the picture of the cells")?;
        pipeline.add(additions);
    }
    if let Some(step) = &recipe.leiden {
        let found = pipeline
            .stage("leiden", |pipeline| leiden::annotate(&Surroundings { pipeline, graphs: &graphs }, step, exec));
        let leiden::Annotated { leiden, additions, .. } = found.map_err(place)?;
        report.communities = Some(leiden.sizes.len());
        report.modularity = Some(leiden.modularity);
        pipeline.hold(input.file.n_obs() as u64 * 4, "the communities of the cells")?;
        pipeline.add(additions);
    }
    if let Some(step) = recipe.comparison() {
        pipeline.rank_genes_groups(&step)?;
    }
    let (matrices, _charge) = graphs.into_matrices(exec)?;
    pipeline.add(matrices);
    report.matrix = pipeline.finish()?;
    Ok(report)
}

/// What neighbours of a cell or a doublet are given to.
type Look<'a> = dyn Fn(usize, &[u32]) -> Near + Sync + 'a;

/// The components without what is of the batches.
fn correct(pipeline: &mut Unfinished<'_>, step: &HarmonyStep) -> Result<Corrected> {
    let exec = pipeline.exec();
    let found = pipeline.stage("harmony", |pipeline| {
        harmony::annotate(&Surroundings { pipeline, graphs: &Graphs::default() }, step, exec)
    })?;
    let harmony::Annotated { harmony, shape: [cells, width], additions } = found;
    pipeline.hold((cells * width) as u64 * 8, "the corrected components")?;
    pipeline.add(additions);
    Ok(Corrected { clusters: harmony.clusters, objectives: harmony.objectives, converged: harmony.converged })
}

/// Neighbours, and what `uns` says of them.
fn connect(pipeline: &mut Unfinished<'_>, graphs: &mut Graphs, step: &NeighborsStep) -> Result<Option<f64>> {
    let (cells, exec) = (pipeline.shape()[0], pipeline.exec());
    let n_neighbors = fitting(step.n_neighbors, cells)?;
    if n_neighbors != step.n_neighbors {
        pipeline.warn(format!("there are {cells} cells only: looking for {n_neighbors} neighbours"));
    }
    let found = pipeline.stage("neighbors", |pipeline| {
        neighbors::connect(&Surroundings { pipeline, graphs: &Graphs::default() }, step, exec)
    })?;
    let recall = found.recall;
    graphs.hold(step, found, exec)?;
    pipeline.add(graphs.entry()?);
    Ok(recall)
}
