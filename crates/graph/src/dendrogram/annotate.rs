//! The tree of the groups of cells of a file, as scanpy stores it.

use annstream_core::Exec;
use annstream_core::anndata::AnnDataFile;
use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Dict, Element};
use annstream_core::lazy::LazyMatrix;
use annstream_core::op::ToDouble;
use annstream_core::source::row_source;
use annstream_store::Buffer;

use super::combined::{Combined, combined};
use super::means::MeansPass;
use super::{Correlation, Drawing, Method, Node, correlations, draw, linkage, optimal_order};
use crate::inputs::{chosen, groups};
use crate::{Error, Result};

/// Which groups, and what they are compared by; names and defaults are those of `scanpy.tl.dendrogram`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DendrogramStep {
    /// Columns of `obs`; of several, each combination of values that occurs is a group.
    pub groupby: Vec<String>,
    /// How many columns of the embedding; all unless given.
    pub n_pcs: Option<usize>,
    /// Entry of `obsm`, or `X`; unless given, `X_pca`, or `X` where that has at most 50 genes.
    pub use_rep: Option<String>,
    /// How alike groups are.
    pub cor_method: Correlation,
    /// How far clusters are from each other.
    pub linkage_method: Method,
    /// Whether children are swapped so that neighbours are nearest.
    pub optimal_ordering: bool,
    /// Entry of `uns`; `dendrogram_` and the columns unless given.
    pub key_added: Option<String>,
}

impl DendrogramStep {
    /// Entry of `uns`.
    pub fn key(&self) -> String {
        self.key_added.clone().unwrap_or_else(|| format!("dendrogram_{}", self.groupby.join("_")))
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// The groups, in the order of the tree.
    pub ordered: Vec<String>,
    /// Categories that no cell has; they are no part of the tree.
    pub unused: Vec<String>,
    /// What was averaged.
    pub path: String,
    /// `uns[key]`, as `scanpy.tl.dendrogram` stores it.
    pub additions: Additions,
}

/// Makes the tree of the groups of cells of a file. Reads the columns of `obs` and, once, the embedding or `X`; memory
/// is groups x columns x 32 bytes, and 24 bytes for each pair of groups.
///
/// # Errors
/// `NotFound` if there is no such embedding; `Argument` for columns that are not there or not categorical, fewer than
/// two groups, or groups whose means do not vary, so that there is no correlation; `Memory` if the budget is too small.
pub fn annotate(file: &AnnDataFile, step: &DendrogramStep, exec: &Exec) -> Result<Annotated> {
    let place = |error: Error| error.in_file(file.store().location());
    let columns = step.groupby.len().max(1) as u64;
    let _codes =
        exec.budget().charge(file.n_obs() as u64 * (8 * columns + if columns > 1 { 48 } else { 4 }), "groups")?;
    let columns = step.groupby.iter().map(|name| groups(file, name)).collect::<Result<Vec<_>>>()?;
    let Combined { names, codes, unused } = combined(columns)?;
    let count = names.len();
    if count < 2 {
        let message = format!("{count} groups of cells in {}; expected 2 or more", step.groupby.join(", "));
        return Err(place(Error::argument(message)));
    }
    let (slot, header, n_pcs) = chosen(file, step.use_rep.as_deref(), step.n_pcs).map_err(place)?;
    let path = slot.to_string();
    let at = |error: Error| place(error.at(path.clone()));
    let mut matrix = LazyMatrix::new(row_source(file, header, exec)?);
    if let Some(n_pcs) = n_pcs {
        let stored = matrix.shape()[1];
        if n_pcs > stored {
            let message = format!("has {stored} dimensions, {n_pcs} are asked for");
            return Err(at(Error::argument(message)).hint("give a smaller --n-pcs, or compute more components"));
        }
        let kept: Vec<bool> = (0..stored).map(|column| column < n_pcs).collect();
        matrix = matrix.keep_columns(&kept)?;
    }
    let Tree { nodes: tree, drawing, correlation } = tree(&matrix, &names, codes, step, exec).map_err(at)?;
    let ordered: Vec<String> = drawing.leaves.iter().map(|leaf| names[*leaf].clone()).collect();
    let mut additions = Additions::default();
    additions.set_uns([step.key()], entry(step, &tree, &drawing, &ordered, correlation));
    Ok(Annotated { ordered, unused, path, additions })
}

/// A tree of groups.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Where clusters are joined, from the lowest on.
    pub nodes: Vec<Node>,
    /// How it is drawn.
    pub drawing: Drawing,
    /// Correlations of the groups with each other.
    pub correlation: Vec<f64>,
}

/// Makes the tree of the groups of rows of a matrix: one pass. `codes` are the groups of the rows, `u32::MAX` for none; of
/// the step only the methods are looked at.
///
/// # Errors
/// As [`annotate`].
pub fn tree(
    matrix: &LazyMatrix,
    names: &[String],
    codes: Vec<u32>,
    step: &DendrogramStep,
    exec: &Exec,
) -> Result<Tree> {
    let mut matrix = matrix.clone();
    if !matrix.stored_dtype().is_float() && matrix.view().ops().is_empty() {
        matrix = matrix.with(ToDouble);
    }
    let (count, width) = (names.len(), matrix.shape()[1]);
    let pass = MeansPass { groups: codes.into(), count, width, precision: matrix.precision() };
    let _sums = exec.budget().charge(pass.bytes() + (count * count) as u64 * 24, "means of groups")?;
    let means = matrix.run(pass, "means of groups", exec)?;
    let correlation = correlations(&means, width, step.cor_method, exec)?;
    if let Some(pair) = correlation.iter().position(|value| value.is_nan()) {
        let message = format!("the groups '{}' and '{}' have no correlation", names[pair / count], names[pair % count]);
        return Err(Error::argument(message).hint("the mean of a group must vary over the columns"));
    }
    let distance = |i: usize, j: usize| 1.0 - correlation[i * count + j];
    let condensed: Vec<f64> =
        (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).map(|(i, j)| distance(i, j)).collect();
    let mut nodes = linkage(count, &condensed, step.linkage_method)?;
    if step.optimal_ordering {
        exec.check()?;
        nodes = optimal_order(&nodes, distance);
    }
    let drawing = draw(&nodes);
    Ok(Tree { nodes, drawing, correlation })
}

/// The entry of `uns`.
fn entry(
    step: &DendrogramStep,
    tree: &[Node],
    drawing: &Drawing,
    ordered: &[String],
    correlation: Vec<f64>,
) -> Element {
    let texts = |texts: &[String]| {
        Element::Array(DenseArray {
            shape: vec![texts.len()],
            values: Buffer::Str(texts.iter().map(String::as_str).collect()),
        })
    };
    let text = |text: &str| Element::Scalar(Buffer::Str(std::iter::once(text).collect()));
    let rows = |rows: &[[f64; 4]]| {
        Element::Array(DenseArray { shape: vec![rows.len(), 4], values: Buffer::F64(rows.concat()) })
    };
    let leaves = || {
        let leaves: Vec<i64> = drawing.leaves.iter().map(|leaf| *leaf as i64).collect();
        Element::Array(DenseArray { shape: vec![leaves.len()], values: Buffer::I64(leaves) })
    };
    let nodes: Vec<[f64; 4]> = tree
        .iter()
        .map(|&Node { children: [left, right], height, size }| [left as f64, right as f64, height, size as f64])
        .collect();
    let count = ordered.len();
    let info = Dict::from_iter([
        ("icoord".to_owned(), rows(&drawing.across)),
        ("dcoord".to_owned(), rows(&drawing.upward)),
        ("ivl".to_owned(), texts(ordered)),
        ("leaves".to_owned(), leaves()),
        ("color_list".to_owned(), texts(&drawing.colors)),
        ("leaves_color_list".to_owned(), texts(&drawing.leaf_colors)),
    ]);
    Element::Dict(Dict::from_iter([
        ("linkage".to_owned(), rows(&nodes)),
        ("groupby".to_owned(), texts(&step.groupby)),
        ("use_rep".to_owned(), step.use_rep.as_deref().map_or(Element::Null, text)),
        ("cor_method".to_owned(), text(step.cor_method.name())),
        ("linkage_method".to_owned(), text(step.linkage_method.name())),
        ("categories_ordered".to_owned(), texts(ordered)),
        ("categories_idx_ordered".to_owned(), leaves()),
        ("dendrogram_info".to_owned(), Element::Dict(info)),
        (
            "correlation_matrix".to_owned(),
            Element::Array(DenseArray { shape: vec![count, count], values: Buffer::F64(correlation) }),
        ),
    ]))
}
