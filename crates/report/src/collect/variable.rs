//! Means and variability of genes.

use annstream_core::Result;
use annstream_core::anndata::TableName;
use annstream_core::table::Column;
use annstream_sc::groups::truths;
use annstream_store::Buffer;

use super::Source;
use crate::category::as_numbers;
use crate::pack::Packed;
use crate::report::{Measure, VariableGenes};
use crate::uns;

/// Measures in the order in which they decide, what they mean, and whether logarithms show them best.
const MEASURES: [(&str, &str, bool); 5] = [
    ("variances_norm", "Variance, standardized", true),
    ("residual_variances", "Variance of Pearson residuals", true),
    ("dispersions_norm", "Dispersion, normalized", false),
    ("variances", "Variance", true),
    ("dispersions", "Dispersion", false),
];

pub(super) fn variable(source: &mut Source<'_>) -> Result<Option<VariableGenes>> {
    let file = source.file;
    let has = |name: &str| file.var().columns.contains_key(name);
    let chosen =
        if has("highly_variable") { truths(&file.read_column(TableName::Var, "highly_variable")?) } else { None };
    let measured: Vec<_> = MEASURES.into_iter().filter(|(name, ..)| has(name)).collect();
    let (Some(chosen), true, false) = (chosen, has("means"), measured.is_empty()) else {
        let what =
            "var has no means and dispersions of genes (means, dispersions_norm or variances_norm, highly_variable).";
        source.lacks("variable", what, "annstream hvg IN -o OUT");
        return Ok(None);
    };
    let flavor = uns::mapping(file, "hvg")?.and_then(|hvg| uns::text(&hvg, "flavor"));
    let numbers = |name: &str| -> Result<Packed> {
        #[expect(clippy::cast_possible_truncation, reason = "a picture needs no more")]
        let single = |value: f64| value as f32;
        let values = as_numbers(&file.read_column(TableName::Var, name)?);
        Ok(Packed::F32(values.into_iter().map(single).collect()))
    };
    let measures = measured.into_iter().map(|(name, label, log)| {
        Ok(Measure { name: name.to_owned(), label: label.to_owned(), log, values: numbers(name)? })
    });
    let index = file.read_index(TableName::Var)?;
    let names = match &index {
        Column::Plain(Buffer::Str(names)) | Column::Nullable { values: Buffer::Str(names), .. } => {
            // One a line, so that a name is one line.
            (0..names.len()).map(|i| names.get(i).replace(['\n', '\r'], " ")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    };
    Ok(Some(VariableGenes {
        flavor,
        names,
        genes: chosen.len(),
        chosen: chosen.iter().filter(|chosen| **chosen).count(),
        highly_variable: Packed::U8(chosen.into_iter().map(u8::from).collect()),
        x_label: "Mean expression".to_owned(),
        x: numbers("means")?,
        measures: measures.collect::<Result<_>>()?,
    }))
}
