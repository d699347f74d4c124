//! The ranked genes of `scanpy.tl.rank_genes_groups`.

use annstream_core::Result;
use annstream_core::anndata::AnnDataFile;
use annstream_core::element::{Dict, RecordArray};
use annstream_store::Buffer;

use super::rounded;
use crate::options::ReportOptions;
use crate::report::{MarkerGroup, Markers};
use crate::uns;

/// Reads the markers, the first genes of each group; `None` if there are none.
pub(super) fn find(file: &AnnDataFile, options: &ReportOptions) -> Result<Option<Markers>> {
    let Some(entry) = uns::mapping(file, &options.markers_key)? else { return Ok(None) };
    Ok(read(&entry, options))
}

fn read(entry: &Dict, options: &ReportOptions) -> Option<Markers> {
    let params = uns::inner(entry, "params")?;
    let names = uns::records(entry, "names")?;
    let available = names.shape.first().copied().unwrap_or(0);
    let shown = available.min(options.table_genes);
    let mut groups = Vec::with_capacity(names.fields.len());
    for (field, values) in names.fields.iter().zip(&names.values) {
        let texts = values.as_strings()?;
        let numbers = |name: &str, digits| numbers(uns::records(entry, name), &field.name, shown, digits);
        groups.push(MarkerGroup {
            name: field.name.clone(),
            genes: (0..shown.min(texts.len())).map(|i| texts.get(i).to_owned()).collect(),
            scores: numbers("scores", 7),
            logfoldchanges: numbers("logfoldchanges", 7),
            pvals: numbers("pvals", 4),
            pvals_adj: numbers("pvals_adj", 4),
        });
    }
    let printed = params.iter().filter_map(|(name, value)| Some([name.clone(), uns::printed(value)?]));
    Some(Markers {
        key: options.markers_key.clone(),
        params: printed.collect(),
        groupby: uns::text(params, "groupby").unwrap_or_default(),
        groups,
        available,
    })
}

/// The first values of a field; none if there is no such field.
fn numbers(records: Option<&RecordArray>, field: &str, count: usize, digits: usize) -> Vec<Option<f64>> {
    let column = |records: &RecordArray| {
        let place = records.fields.iter().position(|known| known.name == field)?;
        let values: &Buffer = records.values.get(place)?;
        let value = |i| values.get_f64(i).filter(|value| value.is_finite()).map(|value| rounded(value, digits));
        Some((0..count.min(values.len())).map(value).collect())
    };
    records.and_then(column).unwrap_or_default()
}
