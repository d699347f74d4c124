//! From sums to a file of groups x genes.

use annstream_core::anndata::{TableName, WriteOptions, write_element, write_root};
use annstream_core::concat::Input;
use annstream_core::element::{Dict, Element};
use annstream_core::matrix::Sums;
use annstream_core::sink::DenseSink;
use annstream_core::{Exec, Result};
use annstream_store::{Buffer, Compression, DType, StoreWriter};

use super::{AggregatePlan, Function};
use crate::reduce::GroupSums;

/// Values that are computed and written at a time.
const PIECE: usize = 1 << 19;

/// Reads the matrix and writes what `scanpy.get.aggregate` returns: `obs` with a row for each group, `var` as it was, and
/// a dense layer of doubles for each function; there is no `X`. Does not commit.
///
/// # Errors
/// `Memory` if the budget does not hold the sums; else if the input is damaged, or writing fails.
pub fn write(
    plan: &AggregatePlan,
    input: &Input,
    compression: Compression,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<()> {
    let _sums = exec.budget().charge(plan.bytes(), &plan.what()).map_err(|error| error.in_file(&input.name))?;
    let (sums, stored) = plan.sums(input, exec)?;
    let options = WriteOptions { compression };
    write_root(writer)?;
    for name in ["layers", "obsm", "obsp", "varm", "varp", "uns"] {
        write_element(writer, name, &Element::Dict(Dict::new()), &options, &[])?;
    }
    write_element(writer, "obs", &Element::Table(plan.obs.clone()), &options, &[])?;
    let var = input.file.read_table(TableName::Var)?;
    write_element(writer, "var", &Element::Table(var), &options, &[])?;
    let shape = plan.shape();
    let rows = (PIECE / shape[1].max(1)).max(1);
    for &function in &plan.functions {
        let path = format!("layers/{function}");
        let mut sink = DenseSink::new(writer, &path, &shape.map(|extent| extent as u64), DType::F64, compression)?;
        for start in (0..shape[0]).step_by(rows) {
            exec.check()?;
            let mut values = Vec::with_capacity(rows * shape[1]);
            for group in start..shape[0].min(start + rows) {
                row(plan, &sums, function, group, stored, &mut values);
            }
            let values = Buffer::F64(values);
            let check = Sums::of(&values);
            sink.append(values, check)?;
        }
        sink.finish()?;
    }
    Ok(())
}

/// The values of a function for one group, in the order of operations of scanpy's `Aggregate`.
fn row(plan: &AggregatePlan, all: &GroupSums, function: Function, group: usize, stored: DType, out: &mut Vec<f64>) {
    let width = plan.shape()[1];
    let own = group * width..(group + 1) * width;
    let cells = plan.sizes[group] as f64;
    match function {
        Function::Sum => out.extend_from_slice(&all.sums[own]),
        Function::Mean => out.extend(all.sums[own].iter().map(|sum| sum / cells)),
        Function::CountNonzero => out.extend(all.nonzero[own].iter().map(|&count| count as f64)),
        Function::Var => {
            // Less than the precision of the values says is no variance.
            let precision = (2_u64 << if stored == DType::F64 { 42 } else { 20 }) as f64;
            let factor = cells / (cells - f64::from(plan.dof));
            out.extend(all.sums[own.clone()].iter().zip(&all.squares[own]).map(|(sum, squares)| {
                let mean = sum / cells;
                let squared = mean * mean;
                let mut variance = squares / cells - squared;
                if precision * variance < squared {
                    variance = 0.0;
                }
                if plan.dof == 0 { variance } else { variance * factor }
            }));
        }
    }
}
