//! Quality control: `scanpy.pp.calculate_qc_metrics`.

use annstream_core::table::Column;
use annstream_store::{Buffer, DType};
use serde::{Deserialize, Serialize};

use crate::reduce::Counts;

/// What `calculate_qc_metrics` is asked for; names and defaults are scanpy's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QcOptions {
    /// What is counted.
    pub expr_type: String,
    /// In what.
    pub var_type: String,
    /// Columns of `var` that mark sets of genes.
    pub qc_vars: Vec<String>,
    /// Shares of so many of the highest values; none for none.
    pub percent_top: Vec<usize>,
    /// Whether logarithms are given too.
    pub log1p: bool,
}

impl Default for QcOptions {
    fn default() -> Self {
        Self {
            expr_type: "counts".to_owned(),
            var_type: "genes".to_owned(),
            qc_vars: vec![],
            percent_top: vec![50, 100, 200, 500],
            log1p: true,
        }
    }
}

/// The columns that scanpy adds.
#[derive(Clone, Debug, PartialEq)]
pub struct QcColumns {
    /// To `obs`.
    pub obs: Vec<(String, Column)>,
    /// To `var`.
    pub var: Vec<(String, Column)>,
}

/// How sums of a stored type are typed, as numpy does it.
fn sum_dtype(stored: DType) -> DType {
    match stored {
        DType::F32 | DType::F16 | DType::F64 => stored,
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => DType::U64,
        _ => DType::I64,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of whole numbers are whole")]
pub(crate) fn sums(values: &[f64], stored: DType) -> Column {
    Column::Plain(match sum_dtype(stored) {
        DType::F32 | DType::F16 => Buffer::F32(values.iter().map(|&value| value as f32).collect()),
        DType::U64 => Buffer::U64(values.iter().map(|&value| value as u64).collect()),
        DType::I64 => Buffer::I64(values.iter().map(|&value| value as i64).collect()),
        _ => Buffer::F64(values.to_vec()),
    })
}

/// Values rounded to `f32` if so asked.
pub(crate) fn float_column(values: &[f64], single: bool) -> Column {
    floats(values.iter().copied(), single)
}

/// Values in `f32` where the stored type is, else in `f64`.
#[expect(clippy::cast_possible_truncation, reason = "the precision of the result")]
fn floats(values: impl Iterator<Item = f64>, single: bool) -> Column {
    Column::Plain(if single {
        Buffer::F32(values.map(|value| value as f32).collect())
    } else {
        Buffer::F64(values.collect())
    })
}

/// The columns, from what one pass counted. `stored` is the type of the matrix; `wide_rows` says that values of rows are
/// counted in 64 bits, as scipy does for dense and CSC matrices and those with 2³¹ values or more.
#[expect(clippy::cast_possible_truncation, reason = "scanpy rounds sums and shares of f32 to f32")]
pub fn qc_columns(counts: &Counts, options: &QcOptions, stored: DType, wide_rows: bool) -> QcColumns {
    let QcOptions { expr_type, var_type, qc_vars, percent_top, log1p } = options;
    let single = matches!(stored, DType::F32 | DType::F16);
    let round = |value: f64| if single { f64::from(value as f32) } else { value };
    let log = |value: &f64| if single { f64::from((*value as f32).ln_1p()) } else { value.ln_1p() };
    let mut obs = Vec::new();
    let n = format!("n_{var_type}_by_{expr_type}");
    let detected = if wide_rows {
        Buffer::I64(counts.nonzero.iter().map(|&count| i64::from(count)).collect())
    } else {
        Buffer::I32(counts.nonzero.iter().map(|&count| i32::try_from(count).unwrap_or(i32::MAX)).collect())
    };
    obs.push((n.clone(), Column::Plain(detected)));
    if *log1p {
        let logs = counts.nonzero.iter().map(|&count| f64::from(count).ln_1p());
        obs.push((format!("log1p_{n}"), floats(logs, false)));
    }
    let total = format!("total_{expr_type}");
    obs.push((total.clone(), sums(&counts.total, stored)));
    if *log1p {
        obs.push((format!("log1p_{total}"), floats(counts.total.iter().map(log), single)));
    }
    let mut ranks = percent_top.clone();
    ranks.sort_unstable();
    for (i, rank) in ranks.iter().enumerate() {
        let shares = counts
            .total
            .iter()
            .enumerate()
            .map(|(cell, total)| counts.top[cell * ranks.len() + i] / round(*total) * 100.0);
        obs.push((format!("pct_{expr_type}_in_top_{rank}_{var_type}"), floats(shares, false)));
    }
    for (i, name) in qc_vars.iter().enumerate() {
        let own: Vec<f64> = counts.sets.iter().skip(i).step_by(qc_vars.len()).copied().collect();
        obs.push((format!("total_{expr_type}_{name}"), sums(&own, stored)));
        if *log1p {
            obs.push((format!("log1p_total_{expr_type}_{name}"), floats(own.iter().map(log), single)));
        }
        let share = |(own, total): (&f64, &f64)| {
            if single { f64::from(*own as f32 / *total as f32 * 100.0) } else { own / total * 100.0 }
        };
        obs.push((format!("pct_{expr_type}_{name}"), floats(own.iter().zip(&counts.total).map(share), single)));
    }
    let cells = counts.total.len() as f64;
    let genes = &counts.genes;
    let mut var = Vec::new();
    let n_cells = genes.nonzero.iter().map(|&count| i64::try_from(count).unwrap_or(i64::MAX)).collect();
    var.push((format!("n_cells_by_{expr_type}"), Column::Plain(Buffer::I64(n_cells))));
    let means: Vec<f64> = genes.total.iter().map(|total| total / cells).collect();
    var.push((format!("mean_{expr_type}"), floats(means.iter().copied(), false)));
    if *log1p {
        var.push((format!("log1p_mean_{expr_type}"), floats(means.iter().map(|mean| mean.ln_1p()), false)));
    }
    let dropout = genes.nonzero.iter().map(|&count| (1.0 - count as f64 / cells) * 100.0);
    var.push((format!("pct_dropout_by_{expr_type}"), floats(dropout, false)));
    var.push((format!("total_{expr_type}"), sums(&genes.total, stored)));
    if *log1p {
        var.push((format!("log1p_total_{expr_type}"), floats(genes.total.iter().map(log), single)));
    }
    QcColumns { obs, var }
}
