//! The groups, before the matrix is read.

use annstream_core::anndata::{MatrixHeader, TableName};
use annstream_core::concat::Input;
use annstream_core::lazy::LazyMatrix;
use annstream_core::op::ToDouble;
use annstream_core::query::{self, FileColumns};
use annstream_core::source::row_source;
use annstream_core::table::Table;
use annstream_core::{Error, Exec, Result};
use annstream_store::DType;

use super::keys::{Keys, combine};
use super::{AggregateOptions, Function};
use crate::reduce::{GroupSums, GroupSumsPass};

/// The groups of an aggregation, and what is computed of them.
#[derive(Clone, Debug)]
pub struct AggregatePlan {
    /// A row for each group: its name, and its values of the columns.
    pub obs: Table,
    /// Number of cells of each group.
    pub sizes: Vec<u64>,
    /// What is computed, in the order of the layers.
    pub functions: Vec<Function>,
    /// Degrees of freedom that the variance takes off.
    pub dof: u32,
    /// The layer that is read; `X` if none is named.
    pub layer: Option<String>,
    /// Whether each cell of the file is looked at.
    kept: Vec<bool>,
    pub(super) pass: GroupSumsPass,
}

/// Finds the groups. Reads the columns that they come from and those of the condition, one at a time.
///
/// # Errors
/// `Argument` if a column or layer is not there, a cell has no value in a column, or two groups have one name.
pub fn plan(input: &Input, options: &AggregateOptions) -> Result<AggregatePlan> {
    let file = &input.file;
    header(input, options.layer.as_deref())?;
    if options.by.is_empty() || options.functions.is_empty() {
        return Err(Error::argument("nothing to group by, or nothing to compute"));
    }
    let kept = match &options.cells {
        Some(condition) => query::rows(condition, &FileColumns { file, table: TableName::Obs })
            .map_err(|error| error.in_file(&input.name).at("obs"))?,
        None => vec![true; file.n_obs()],
    };
    let positions: Vec<i64> = (0..).zip(&kept).filter(|(_, kept)| **kept).map(|(row, _)| row).collect();
    let mut columns = Vec::with_capacity(options.by.len());
    for name in &options.by {
        if !file.obs().columns.contains_key(name) {
            let known: Vec<&str> = file.obs().columns.keys().map(String::as_str).take(20).collect();
            return Err(Error::argument(format!("obs has no column '{name}'"))
                .in_file(&input.name)
                .hint(format!("its columns are {}", known.join(", "))));
        }
        let column = file.read_column(TableName::Obs, name)?;
        let column = if positions.len() < kept.len() { column.reindex(&positions)? } else { column };
        columns.push((name.clone(), column));
    }
    let Keys { groups, table: obs } = combine(&columns, positions.len()).map_err(|error| error.in_file(&input.name))?;
    let mut sizes = vec![0; obs.len()];
    for &group in &groups {
        sizes[group as usize] += 1;
    }
    let wanted = |function| options.functions.contains(&function);
    let pass = GroupSumsPass {
        width: file.n_vars(),
        groups: groups.into(),
        count: obs.len(),
        sums: wanted(Function::Sum) || wanted(Function::Mean) || wanted(Function::Var),
        squares: wanted(Function::Var),
        nonzero: wanted(Function::CountNonzero),
    };
    let functions = Function::ALL.into_iter().filter(|function| wanted(*function)).collect();
    Ok(AggregatePlan { obs, sizes, functions, dof: options.dof, layer: options.layer.clone(), kept, pass })
}

/// The matrix that is read.
fn header<'a>(input: &'a Input, layer: Option<&str>) -> Result<&'a MatrixHeader> {
    let file = &input.file;
    let Some(name) = layer else {
        return file.x().ok_or_else(|| {
            Error::invalid("there is no X to work on").in_file(&input.name).at("X").hint("name a layer: --layer NAME")
        });
    };
    file.layers().get(name).ok_or_else(|| {
        let known: Vec<&str> = file.layers().keys().map(String::as_str).take(20).collect();
        let error = Error::argument(format!("there is no layer '{name}'")).in_file(&input.name);
        if known.is_empty() { error } else { error.hint(format!("the layers are {}", known.join(", "))) }
    })
}

impl AggregatePlan {
    /// Rows and columns of the result.
    pub fn shape(&self) -> [usize; 2] {
        [self.obs.len(), self.pass.width]
    }

    /// Number of cells that are looked at.
    pub fn cells(&self) -> usize {
        self.pass.groups.len()
    }

    /// Memory of the sums, in bytes.
    pub fn bytes(&self) -> u64 {
        self.pass.bytes()
    }

    /// What the sums are called in an error.
    pub(super) fn what(&self) -> String {
        format!("the sums of {} groups x {} genes", self.obs.len(), self.pass.width)
    }

    /// Reads the matrix once. The caller has charged [`bytes`](Self::bytes).
    pub(super) fn sums(&self, input: &Input, exec: &Exec) -> Result<(GroupSums, DType)> {
        let header = header(input, self.layer.as_deref())?;
        let mut matrix = LazyMatrix::new(row_source(&input.file, header, exec)?).keep_rows(&self.kept)?;
        let stored = matrix.stored_dtype();
        if !stored.is_float() {
            // Whole numbers and their squares are added exactly.
            matrix = matrix.with(ToDouble);
        }
        let sums = matrix.run(self.pass.clone(), "sums of groups", exec)?;
        exec.release();
        Ok((sums, stored))
    }
}
