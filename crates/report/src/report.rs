//! What a report holds: plain data, as the page and the figures show it.

use serde::Serialize;

use crate::density::Distribution;
use crate::pack::Packed;
use crate::run_metrics::RunMetrics;

/// A report. A part is absent if the file has nothing for it; `missing` then says so.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Heading.
    pub title: String,
    /// Version of the program.
    pub version: String,
    /// What was read.
    pub overview: Overview,
    /// What a run did, if its metrics were given.
    pub run: Option<RunMetrics>,
    /// Quality of the cells.
    pub quality: Option<Quality>,
    /// Variable genes.
    pub variable: Option<VariableGenes>,
    /// Principal components.
    pub components: Option<Components>,
    /// The picture of the cells.
    pub embedding: Option<Embedding>,
    /// Clusters.
    pub clusters: Option<Clusters>,
    /// Markers of groups.
    pub markers: Option<Markers>,
    /// Expression of markers.
    pub dots: Option<Dots>,
    /// For a methods section.
    pub methods: Methods,
    /// What is not here, and why.
    pub missing: Vec<Missing>,
}

/// A part that is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// Which part.
    pub section: &'static str,
    /// What the file lacks.
    pub what: String,
    /// What makes it.
    pub command: String,
}

/// What was read.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// The file, without its folder.
    pub file: String,
    /// `hdf5` or `zarr`.
    pub format: String,
    /// Bytes on disk; `None` on a server.
    pub bytes: Option<u64>,
    /// Cells and genes.
    pub shape: [usize; 2],
    /// Elements of the file, by their names, in words.
    pub elements: Vec<[String; 2]>,
    /// Files that it was made of, if that is known.
    pub inputs: Vec<String>,
    /// The samples.
    pub samples: Option<Samples>,
}

/// The samples, and medians of their cells.
#[derive(Clone, Debug, Serialize)]
pub struct Samples {
    /// Column of `obs`.
    pub column: String,
    /// Names.
    pub names: Vec<String>,
    /// Colours.
    pub colors: Vec<String>,
    /// Cells of each.
    pub cells: Vec<u64>,
}

/// Quality of the cells, by samples.
#[derive(Clone, Debug, Serialize)]
pub struct Quality {
    /// Column of `obs` with the samples; empty if all cells are looked at together.
    pub column: String,
    /// Names of the samples.
    pub samples: Vec<String>,
    /// Their colours.
    pub colors: Vec<String>,
    /// What is looked at.
    pub metrics: Vec<Metric>,
}

/// A column of `obs` with numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// The same for people.
    pub label: String,
    /// Of all cells.
    pub all: Distribution,
    /// Of each sample.
    pub groups: Vec<Distribution>,
}

/// Means and variability of genes.
#[derive(Clone, Debug, Serialize)]
pub struct VariableGenes {
    /// How genes were chosen, if the file says so.
    pub flavor: Option<String>,
    /// Names of the genes, one a line.
    pub names: String,
    /// Number of genes.
    pub genes: usize,
    /// Number of those chosen.
    pub chosen: usize,
    /// Whether each is chosen: 1 or 0.
    pub highly_variable: Packed,
    /// What the means are called.
    pub x_label: String,
    /// Their means, best seen as logarithms.
    pub x: Packed,
    /// Measures of variability, the one that decides first.
    pub measures: Vec<Measure>,
}

/// A measure of variability.
#[derive(Clone, Debug, Serialize)]
pub struct Measure {
    /// Column of `var`.
    pub name: String,
    /// The same for people.
    pub label: String,
    /// Whether it is best seen as logarithms.
    pub log: bool,
    /// The values.
    pub values: Packed,
}

/// Principal components.
#[derive(Clone, Debug, Serialize)]
pub struct Components {
    /// Share of the variance of each, of all that there is.
    pub variance_ratio: Vec<f64>,
    /// Variance of each.
    pub variance: Vec<f64>,
}

/// Cells in two dimensions.
#[derive(Clone, Debug, Serialize)]
pub struct Embedding {
    /// Entry of `obsm`.
    pub basis: String,
    /// What the axes are called, but for their number.
    pub label: String,
    /// Cells of the file.
    pub cells: usize,
    /// Cells that are drawn, in an order that knows nothing of them.
    pub shown: usize,
    /// First coordinate.
    pub x: Packed,
    /// Second coordinate.
    pub y: Packed,
    /// What cells can be coloured by.
    pub colors: Vec<Coloring>,
}

/// What cells can be coloured by.
#[derive(Clone, Debug, Serialize)]
pub struct Coloring {
    /// Column of `obs`, or gene.
    pub name: String,
    /// The same for people.
    pub label: String,
    /// `category`, `number` or `gene`.
    pub kind: &'static str,
    /// Categories; empty for numbers.
    pub labels: Vec<String>,
    /// Their colours.
    pub colors: Vec<String>,
    /// Their cells, of all that there are.
    pub sizes: Vec<u64>,
    /// Code or number of each cell that is drawn.
    pub values: Packed,
}

/// Clusters, and where their cells come from.
#[derive(Clone, Debug, Serialize)]
pub struct Clusters {
    /// Column of `obs`.
    pub column: String,
    /// Names.
    pub names: Vec<String>,
    /// Colours.
    pub colors: Vec<String>,
    /// Cells of each.
    pub sizes: Vec<u64>,
    /// Column of `obs` with the samples; empty if there is none.
    pub sample_column: String,
    /// Samples.
    pub samples: Vec<String>,
    /// Their colours.
    pub sample_colors: Vec<String>,
    /// Cells of each cluster in each sample.
    pub composition: Vec<Vec<u64>>,
}

/// Genes that mark groups.
#[derive(Clone, Debug, Serialize)]
pub struct Markers {
    /// Entry of `uns`.
    pub key: String,
    /// Parameters, as printed.
    pub params: Vec<[String; 2]>,
    /// Column of `obs` with the groups.
    pub groupby: String,
    /// Groups.
    pub groups: Vec<MarkerGroup>,
    /// Genes of each group in the file.
    pub available: usize,
}

/// The first genes of a group. Lists are as long as `genes`, or empty if the file does not have them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MarkerGroup {
    /// The group.
    pub name: String,
    /// Its genes, the best first.
    pub genes: Vec<String>,
    /// Scores.
    pub scores: Vec<Option<f64>>,
    /// Logarithms of fold changes, to base 2.
    pub logfoldchanges: Vec<Option<f64>>,
    /// p-values.
    pub pvals: Vec<Option<f64>>,
    /// p-values, adjusted.
    pub pvals_adj: Vec<Option<f64>>,
}

/// Expression of marker genes in groups.
#[derive(Clone, Debug, Serialize)]
pub struct Dots {
    /// Column of `obs` with the groups.
    pub groupby: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Genes.
    pub genes: Vec<String>,
    /// The group that each gene was taken for.
    pub marks: Vec<String>,
    /// Which matrix was read.
    pub source: String,
    /// Of each group, for each gene, the share of cells with a value above zero.
    pub fraction: Vec<Vec<f64>>,
    /// Of each group, for each gene, the mean of all cells.
    pub mean: Vec<Vec<f64>>,
}

/// For a methods section.
#[derive(Clone, Debug, Serialize)]
pub struct Methods {
    /// A paragraph to copy.
    pub text: String,
    /// Steps and their parameters.
    pub parameters: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its parameters, name and value.
    pub parameters: Vec<[String; 2]>,
}
