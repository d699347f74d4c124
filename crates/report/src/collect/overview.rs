//! What was read.

use std::path::Path;

use annstream_core::Result;
use annstream_core::anndata::{MatrixHeader, TableHeader};
use annstream_store::is_url;

use super::Source;
use crate::report::{Overview, Samples};
use crate::run_metrics::RunMetrics;

pub(super) fn overview(source: &Source<'_>, name: &str, run: Option<&RunMetrics>) -> Result<Overview> {
    let file = source.file;
    let mut elements = Vec::new();
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            elements.push([name.to_owned(), text]);
        }
    };
    line("X", file.x().map_or_else(String::new, matrix));
    line("layers", names(file.layers().keys()));
    line("raw", file.raw().map_or_else(String::new, |raw| raw.x.as_ref().map_or("no X".to_owned(), matrix)));
    line("obs", columns(file.obs()));
    line("var", columns(file.var()));
    line("obsm", names(file.obsm().keys()));
    line("varm", names(file.varm().keys()));
    line("obsp", names(file.obsp().keys()));
    line("uns", names(file.uns_names().iter()));
    let samples = &source.samples;
    let samples = (!samples.is_whole()).then(|| Samples {
        column: samples.name.clone(),
        names: samples.labels.clone(),
        colors: samples.colors.clone(),
        cells: samples.sizes.clone(),
    });
    let inputs = match (run, file.virtual_sources()) {
        (Some(run), _) if !run.inputs.is_empty() => run.inputs.clone(),
        (_, Some(sources)) => sources.sources.iter().map(|source| base(&source.path)).collect(),
        _ => Vec::new(),
    };
    let bytes = if is_url(Path::new(name)) { None } else { Some(file.stored_bytes()?) };
    Ok(Overview {
        file: base(name),
        format: file.store().format().to_owned(),
        bytes,
        shape: [file.n_obs(), file.n_vars()],
        elements,
        inputs,
        samples,
    })
}

/// Without the folder, which is nobody's business.
pub(super) fn base(path: &str) -> String {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn matrix(header: &MatrixHeader) -> String {
    let shape = header.shape().iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
    match header {
        MatrixHeader::Sparse(sparse) => {
            let all = sparse.shape[0] as f64 * sparse.shape[1] as f64;
            let share = if all > 0.0 { sparse.nnz as f64 / all * 100.0 } else { 0.0 };
            let layout = format!("{:?}", sparse.layout).to_uppercase();
            format!("{shape}, {layout}, {}, {share:.1} % stored", sparse.dtype)
        }
        MatrixHeader::Dense(dense) => format!("{shape}, dense, {}", dense.dtype),
        MatrixHeader::Table(_) => format!("{shape}, table"),
        MatrixHeader::Other { kind, .. } => format!("{shape}, {kind}"),
    }
}

fn columns(table: &TableHeader) -> String {
    names(table.columns.keys())
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
