//! From a file to a report: one file for each part.
//!
//! Read are the columns of `obs` and `var` that are shown, two columns of the embedding, small entries of `uns`, and the
//! values of some genes in one pass over the matrix. The rest stays where it is.

mod clusters;
mod components;
mod markers;
mod overview;
mod picture;
mod quality;
mod variable;

use annstream_core::anndata::AnnDataFile;
use annstream_core::concat::Input;
use annstream_core::{Error, Exec, Result};

use crate::category::{self, Category};
use crate::methods;
use crate::options::ReportOptions;
use crate::report::{Missing, Report};
use crate::run_metrics::RunMetrics;

/// Columns of `obs` that usually hold the sample, in the order in which they are looked for.
const SAMPLES: [&str; 14] = [
    "sample",
    "sample_id",
    "Sample",
    "library",
    "library_id",
    "donor",
    "donor_id",
    "patient",
    "batch",
    "condition",
    "orig.ident",
    "dataset",
    "stim",
    "replicate",
];

/// Columns that usually hold clusters.
const CLUSTERS: [&str; 8] =
    ["leiden", "louvain", "clusters", "cluster", "seurat_clusters", "cell_type", "celltype", "cell_types"];

/// Everything that parts look at.
struct Source<'a> {
    file: &'a AnnDataFile,
    options: &'a ReportOptions,
    exec: &'a Exec,
    /// The samples; all cells together if there is no such column.
    samples: Category,
    clusters: Option<Category>,
    missing: Vec<Missing>,
}

impl Source<'_> {
    /// Notes what is not there.
    fn lacks(&mut self, section: &'static str, what: impl Into<String>, command: impl Into<String>) {
        self.missing.push(Missing { section, what: what.into(), command: command.into() });
    }
}

/// Looks at a processed file: the output of `annstream run` and later steps, or any file that scanpy processed.
///
/// Memory: a few columns of `obs` (some 100 bytes a cell) beside the budget's blocks. The matrix is read once if genes are
/// shown, else never.
///
/// # Errors
/// `Argument` if a column or embedding that was asked for is not there; else if the file is damaged or the budget too small.
pub fn collect(input: &Input, options: &ReportOptions, run: Option<RunMetrics>, exec: &Exec) -> Result<Report> {
    gather(input, options, run, exec).map_err(|error| error.in_file(&input.name))
}

fn gather(input: &Input, options: &ReportOptions, mut run: Option<RunMetrics>, exec: &Exec) -> Result<Report> {
    if let Some(run) = &mut run {
        run.inputs.iter_mut().for_each(|input| *input = overview::base(input));
    }
    let file = &input.file;
    let cells = file.n_obs();
    let _held = exec.budget().charge(cells as u64 * 100, "the columns of the cells")?;
    let samples = match &options.sample {
        Some(name) => Some(asked(file, name)?),
        None => category::first_of(file, &SAMPLES)?,
    };
    let samples = samples.unwrap_or_else(|| Category::whole(cells));
    let found = markers::find(file, options)?;
    let named = options.groupby.clone().or_else(|| found.as_ref().map(|markers| markers.groupby.clone()));
    let clusters = match named.filter(|name| options.groupby.is_some() || file.obs().columns.contains_key(name)) {
        Some(name) => Some(asked(file, &name)?),
        None => category::first_of(file, &CLUSTERS)?,
    };
    let mut source = Source { file, options, exec, samples, clusters, missing: Vec::new() };

    if run.is_none() {
        source.lacks(
            "run",
            "No metrics of a run were given: what filters removed, and the time and memory of each stage, are not known.",
            "annstream run IN -o OUT --metrics run.json, then annstream report OUT --metrics run.json",
        );
    }
    let overview = overview::overview(&source, &input.name, run.as_ref())?;
    let quality = quality::quality(&mut source)?;
    let variable = variable::variable(&mut source)?;
    let components = components::components(&mut source)?;
    let clusters = clusters::clusters(&mut source);
    if found.is_none() {
        let column = source.clusters.as_ref().map_or("leiden", |clusters| &clusters.name).to_owned();
        source.lacks(
            "markers",
            format!("There are no ranked genes in uns[\"{}\"].", options.markers_key),
            format!("annstream rank-genes-groups IN -o OUT --groupby {column}"),
        );
    }
    let (embedding, dots) = picture::picture(&mut source, found.as_ref())?;
    let methods = methods::methods(file, run.as_ref(), &overview, found.as_ref(), clusters.as_ref())?;
    let title = options.title.clone().unwrap_or_else(|| overview.file.clone());
    Ok(Report {
        title,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        overview,
        run,
        quality,
        variable,
        components,
        embedding,
        clusters,
        markers: found,
        dots,
        methods,
        missing: source.missing,
    })
}

/// A column that somebody named.
fn asked(file: &AnnDataFile, name: &str) -> Result<Category> {
    if !file.obs().columns.contains_key(name) {
        let known: Vec<&str> = file.obs().columns.keys().map(String::as_str).take(20).collect();
        return Err(Error::argument(format!("obs has no column '{name}'"))
            .hint(format!("its columns are {}", known.join(", "))));
    }
    let category = Category::read(file, name)?;
    if category.labels.len() > MOST {
        let message =
            format!("the column '{name}' of obs has {} values, expected at most {MOST}", category.labels.len());
        return Err(Error::argument(message).hint("name a column of categories"));
    }
    Ok(category)
}

/// Most categories that a page can show.
const MOST: usize = 2000;

/// A number with so many digits that count.
fn rounded(value: f64, digits: usize) -> f64 {
    if value.is_finite() { format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value) } else { value }
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_that_count() {
        assert_eq!(super::rounded(123_456.0, 3).to_bits(), 123_000_f64.to_bits());
        assert_eq!(super::rounded(f64::from(0.1_f32), 7).to_bits(), 0.1_f64.to_bits());
        assert_eq!(super::rounded(3.141_59e-300, 4).to_bits(), 3.142e-300_f64.to_bits());
        assert!(super::rounded(f64::NAN, 4).is_nan());
    }
}
