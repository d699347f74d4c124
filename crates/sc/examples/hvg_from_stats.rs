//! Highly variable genes from statistics: JSON objects from standard input, one a line, each answered by a line.
//!
//! `tests/parity/test_hvg_math.py` compares the answers with scanpy. A number that is not finite is `null` (NaN), `"inf"`
//! or `"-inf"`. The forms of a question, by `ask`:
//!
//! - `table`: `options` and, by flavor, `names` and `batches` of moments; `all`, `batches` with limits and sums; `all` and
//!   `residual_variances`. The answer has `columns`, a list of name, dtype and values, and `uns`.
//! - `limits`: `moments` and `span`. The answer has `reg_std` and `clip`.
//!
//! What is refused is answered by `error`.

use std::io::{self, BufRead, Write};

use annstream_core::{Error, Result};
use annstream_sc::hvg::{
    ClipLimits, DispersionBatch, Flavor, HvgOptions, HvgTable, Moments, V3Batch, by_dispersion, clip_limits,
    pearson_residuals, seurat_v3,
};
use annstream_store::Buffer;
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?)
            .map_err(|error| Error::argument(error.to_string()))
            .and_then(|question| answer(&question))
            .unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn answer(question: &Value) -> Result<Value> {
    if question["ask"] == "limits" {
        let limits = clip_limits(&moments(&question["moments"])?, number(&question["span"])?)?;
        return Ok(json!({ "reg_std": floats(&limits.reg_std), "clip": floats(&limits.clip) }));
    }
    let options: HvgOptions =
        serde_json::from_value(question["options"].clone()).map_err(|error| Error::argument(error.to_string()))?;
    let batches = list(&question["batches"]);
    let table = match options.flavor {
        Flavor::Seurat | Flavor::CellRanger => {
            let names: Vec<String> = list(&question["names"]).iter().map(text).collect();
            by_dispersion(&names, &batches.iter().map(dispersion_batch).collect::<Result<Vec<_>>>()?, &options)?
        }
        Flavor::SeuratV3 | Flavor::SeuratV3Paper => {
            let batches = batches.iter().map(v3_batch).collect::<Result<Vec<_>>>()?;
            seurat_v3(&moments(&question["all"])?, &batches, &options)?
        }
        Flavor::PearsonResiduals => {
            let variances = list(&question["residual_variances"]).iter().map(numbers).collect::<Result<Vec<_>>>()?;
            pearson_residuals(&moments(&question["all"])?, &variances, &options)?
        }
    };
    Ok(printed(&table))
}

fn dispersion_batch(value: &Value) -> Result<DispersionBatch> {
    let marks = |value: &Value| list(value).iter().map(|mark| *mark == Value::Bool(true)).collect();
    let expressed = value.get("expressed").map(marks);
    Ok(DispersionBatch { name: text(&value["name"]), moments: moments(&value["moments"])?, expressed })
}

fn v3_batch(value: &Value) -> Result<V3Batch> {
    Ok(V3Batch {
        name: text(&value["name"]),
        moments: moments(&value["moments"])?,
        limits: ClipLimits { reg_std: numbers(&value["reg_std"])?, clip: numbers(&value["clip"])? },
        sums: numbers(&value["sums"])?,
        squares: numbers(&value["squares"])?,
    })
}

/// From sums and sums of squares.
fn moments(value: &Value) -> Result<Moments> {
    let cells = value["cells"].as_u64().ok_or_else(|| Error::argument("no number of cells"))?;
    Moments::from_sums(cells, &numbers(&value["sums"])?, &numbers(&value["squares"])?)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn numbers(value: &Value) -> Result<Vec<f64>> {
    list(value).iter().map(number).collect()
}

fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Null => Ok(f64::NAN),
        Value::String(name) => name.parse().map_err(|_| Error::argument(format!("{name:?} is not a number"))),
        other => other.as_f64().ok_or_else(|| Error::argument(format!("{other} is not a number"))),
    }
}

fn printed(table: &HvgTable) -> Value {
    let column = |(name, values): &(&str, Buffer)| match values {
        Buffer::Bool(values) => json!([name, "bool", values]),
        Buffer::I64(values) => json!([name, "int64", values]),
        Buffer::F32(values) => {
            json!([name, "float32", floats(&values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>())])
        }
        Buffer::F64(values) => json!([name, "float64", floats(values)]),
        _ => json!([name, "unexpected", []]),
    };
    let uns: Vec<_> = table.uns(None).into_iter().map(|(key, value)| json!([key, value])).collect();
    json!({ "columns": table.columns.iter().map(column).collect::<Vec<_>>(), "uns": uns })
}

fn floats(values: &[f64]) -> Vec<Value> {
    let one = |value: &f64| match *value {
        value if value.is_nan() => Value::Null,
        value if value.is_infinite() => json!(value.to_string()),
        value => json!(value),
    };
    values.iter().map(one).collect()
}
