//! The ranked genes as CSV.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use annstream_core::{Error, Result};
use annstream_sc::markers::{MarkerPlan, Markers};

/// Writes a row for each group and gene, with the columns of `scanpy.get.rank_genes_groups_df`.
pub(super) fn write(path: &Path, plan: &MarkerPlan<'_>, markers: &Markers) -> Result<()> {
    let failed = |error| Error::io(error, path);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let fractions = markers.fractions.as_ref();
    let rest = fractions.and_then(|fractions| fractions.rest.as_ref());
    let mut line = "group,names,scores,logfoldchanges,pvals,pvals_adj".to_owned();
    line.push_str(if fractions.is_some() { ",pct_nz_group" } else { "" });
    line.push_str(if rest.is_some() { ",pct_nz_reference" } else { "" });
    for group in &markers.groups {
        // Which column of the fractions is this group's.
        let place = fractions.and_then(|all| all.names.iter().position(|name| *name == group.name));
        let own = fractions.zip(place).and_then(|(all, place)| all.group.get(place));
        let others = rest.zip(place).and_then(|(rest, place)| rest.get(place));
        for (i, &gene) in group.genes.iter().enumerate() {
            line.push('\n');
            file.write_all(line.as_bytes()).map_err(failed)?;
            line.clear();
            quoted(&mut line, &group.name);
            line.push(',');
            quoted(&mut line, plan.gene(gene).unwrap_or_default());
            for value in [group.scores.get(i), group.logfoldchanges.get(i)] {
                let _ = write!(line, ",{:?}", value.copied().unwrap_or(f32::NAN));
            }
            let fraction = |all: Option<&Vec<f64>>| all.and_then(|all| all.get(gene as usize)).copied();
            let values =
                [group.pvals.get(i).copied(), group.pvals_adj.get(i).copied(), fraction(own), fraction(others)];
            for value in values.into_iter().flatten() {
                let _ = write!(line, ",{value:?}");
            }
        }
    }
    line.push('\n');
    file.write_all(line.as_bytes()).and_then(|()| file.flush()).map_err(failed)
}

/// A field, between quotes if it needs them.
fn quoted(line: &mut String, text: &str) {
    if text.contains([',', '"', '\n', '\r']) {
        let _ = write!(line, "\"{}\"", text.replace('"', "\"\""));
    } else {
        line.push_str(text);
    }
}
