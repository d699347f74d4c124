//! What scanpy stores.

use annstream_core::element::{Dict, Element, RecordArray};
use annstream_core::table::{Column, Table};
use annstream_core::{Error, Result};
use annstream_store::{Buffer, DType, Field};

use super::{GroupMarkers, MarkerPlan, Markers};

/// The entry of `uns` that `scanpy.tl.rank_genes_groups` makes: parameters, a record array for each statistic with a field
/// for each group, and tables of fractions.
///
/// # Errors
/// If the markers are not of this plan.
pub fn uns_entry(plan: &MarkerPlan<'_>, markers: &Markers) -> Result<Element> {
    let options = &plan.options;
    let text = |text: &str| Element::Scalar(Buffer::Str([text].into_iter().collect()));
    let params = [
        ("groupby", text(&options.groupby)),
        ("reference", text(options.reference.as_deref().unwrap_or("rest"))),
        ("method", text(options.method.name())),
        ("use_raw", Element::Scalar(Buffer::Bool(vec![u8::from(plan.matrix.use_raw)]))),
        ("layer", options.layer.as_deref().map_or(Element::Null, text)),
        ("corr_method", text(options.corr_method.name())),
    ];
    let mut entry = Dict::new();
    entry.insert("params".to_owned(), Element::Dict(params.map(|(name, value)| (name.to_owned(), value)).into()));
    if let Some(fractions) = &markers.fractions {
        let table = |columns: &[Vec<f64>]| {
            let mut table = Table::new(plan.genes.clone());
            table.index_name.clone_from(&plan.index_name);
            let columns = columns.iter().map(|values| Column::Plain(Buffer::F64(values.clone())));
            table.columns = fractions.names.iter().cloned().zip(columns).collect();
            Element::Table(table)
        };
        entry.insert("pts".to_owned(), table(&fractions.group));
        if let Some(rest) = &fractions.rest {
            entry.insert("pts_rest".to_owned(), table(rest));
        }
    }
    let mut records = |name: &str, dtype, values: &dyn Fn(&GroupMarkers) -> Result<Buffer>| -> Result<()> {
        let groups = &markers.groups;
        let field = |group: &GroupMarkers| Field { name: group.name.clone(), dtype, shape: vec![] };
        let length = groups.first().map_or(0, |group| group.genes.len());
        let values = groups.iter().map(values).collect::<Result<_>>()?;
        let array = RecordArray { shape: vec![length], fields: groups.iter().map(field).collect(), values };
        entry.insert(name.to_owned(), Element::Records(array));
        Ok(())
    };
    records("logfoldchanges", DType::F32, &|group| Ok(Buffer::F32(group.logfoldchanges.clone())))?;
    records("names", DType::Str, &|group| {
        let names = group.genes.iter().map(|&gene| plan.gene(gene)).collect::<Option<_>>();
        names.map(Buffer::Str).ok_or_else(|| Error::internal("a gene that is not there"))
    })?;
    records("pvals", DType::F64, &|group| Ok(Buffer::F64(group.pvals.clone())))?;
    records("pvals_adj", DType::F64, &|group| Ok(Buffer::F64(group.pvals_adj.clone())))?;
    records("scores", DType::F32, &|group| Ok(Buffer::F32(group.scores.clone())))?;
    Ok(Element::Dict(entry))
}
