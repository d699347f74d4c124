//! The tables of the result: annotation of the appended axis stacked column by column, that of the other axis merged.

use annstream_store::StoreWriter;

use super::align::ColumnMap;
use super::inputs::{Mapping, View};
use super::merge::{MergeStrategy, merge_tables};
use super::names::{common_name, label_column, stack_index};
use super::plan::{ConcatPlan, ViewPlan};
use crate::anndata::encoding::{column, dataframe, tag};
use crate::anndata::{WriteOptions, write_element};
use crate::element::Element;
use crate::table::{Column, StackPart, Table, stack_columns};
use crate::{Error, ErrorKind, Result};

/// Writes `obs` (or `var`) of the appended axis. Holds one column of all inputs at a time.
pub(crate) fn write_stacked(
    view: View<'_>,
    plan: &ConcatPlan,
    part: &ViewPlan,
    writer: &dyn StoreWriter,
) -> Result<()> {
    let axis = plan.spec.axis;
    let options = WriteOptions { compression: plan.compression };
    let path = view.path(axis.name());
    let inputs = view.inputs.len();
    let index = main_index(view, plan)?;
    let lengths: Vec<usize> =
        part.lengths.iter().map(|&length| usize::try_from(length).unwrap_or(usize::MAX)).collect();
    let mut names = part.columns.clone();
    let label = plan.spec.label.as_ref();
    if let Some(label) = label.filter(|label| !names.contains(label)) {
        names.push(label.clone());
    }
    let index_name = common_name(&(0..inputs).map(|input| view.index_name(input, axis)).collect::<Vec<_>>());
    let stacked = |name: &String| {
        if Some(name) == label {
            return label_column(&plan.keys, &lengths);
        }
        let columns = (0..inputs)
            .map(|input| match view.table(input, axis) {
                Some(table) if table.columns.contains_key(name) => view.column(input, axis, name).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<Vec<_>>>()?;
        let sizes = (0..inputs).map(|input| (lengths[input], view.table(input, axis).map_or(0, |t| t.columns.len())));
        stack(view, &columns, sizes).map_err(|error| error.at(format!("{path}/{name}")))
    };
    // An index may share its name with a column of the same values only.
    let index_name = match index_name.map(str::to_owned) {
        Some(name) if names.contains(&name) && stacked(&name)? != index => None,
        name => name,
    };
    let key = index_name.clone().unwrap_or_else(|| dataframe::UNNAMED.to_owned());
    dataframe::begin(writer, &path, &key, names.iter().map(String::as_str))?;
    column::write(writer, &format!("{path}/{key}"), &index, &options)?;
    drop(index);
    for name in names.iter().filter(|name| **name != key) {
        dataframe::check_column(name).map_err(|error| error.at(&path))?;
        column::write(writer, &format!("{path}/{name}"), &stacked(name)?, &options)?;
    }
    tag(writer, &path, "dataframe", "0.2.0")
}

/// The labels of the appended axis.
pub(crate) fn main_index(view: View<'_>, plan: &ConcatPlan) -> Result<Column> {
    let axis = plan.spec.axis;
    let indexes = (0..view.inputs.len()).map(|input| view.index(input, axis)).collect::<Result<Vec<_>>>()?;
    stack_index(&indexes, plan.spec.index_unique.as_deref(), &plan.keys).map_err(|error| error.at(axis.name()))
}

/// Writes the table of the other axis: columns that the strategy keeps, aligned. `raw` keeps the index only.
pub(crate) fn write_merged(view: View<'_>, plan: &ConcatPlan, part: &ViewPlan, writer: &dyn StoreWriter) -> Result<()> {
    let axis = plan.spec.axis.other();
    let inputs = view.inputs.len();
    let names: Vec<Option<&str>> = (0..inputs).map(|input| view.index_name(input, axis)).collect();
    let mut table = Table::new(part.alignment.index.clone());
    if plan.spec.merge != MergeStrategy::None && !view.raw {
        let mut tables = Vec::with_capacity(inputs);
        for input in 0..inputs {
            let mut own = Table::new(view.index(input, axis)?);
            for name in view.table(input, axis).into_iter().flat_map(|table| table.columns.keys()) {
                own.columns.insert(name.clone(), view.column(input, axis, name)?);
            }
            tables.push(match &part.alignment.maps[input] {
                ColumnMap::Same => own,
                ColumnMap::Map { from_new, .. } => own
                    .reindex(&part.alignment.index, None, from_new)
                    .map_err(|error| error.in_file(&view.inputs[input].name).at(axis.name()))?,
            });
        }
        table.columns = merge_tables(&tables, plan.spec.merge).columns;
    }
    table.index_name = common_name(&names).map(str::to_owned);
    if table.index_name.as_ref().is_some_and(|name| table.columns.get(name).is_some_and(|own| *own != table.index)) {
        table.index_name = None;
    }
    let options = WriteOptions { compression: plan.compression };
    write_element(writer, &view.path(axis.name()), &Element::Table(table), &options, &[])
}

/// Writes an entry of `obsm` (or `varm`) that is a table in every input that has it.
pub(crate) fn write_aligned(
    view: View<'_>,
    plan: &ConcatPlan,
    part: &ViewPlan,
    name: &str,
    writer: &dyn StoreWriter,
) -> Result<()> {
    let mapping = Mapping::Aligned(plan.spec.axis);
    let inner = plan.spec.join == super::Join::Inner;
    let tables = (0..view.inputs.len())
        .map(|input| {
            if view.entries(input, mapping).is_none_or(|entries| !entries.contains_key(name)) {
                return Ok(None);
            }
            match view.inputs[input].file.read(view.slot(mapping, name))? {
                Element::Table(table) => Ok(Some(table)),
                other => Err(Error::internal(format!("a {} where a table was", other.kind()))),
            }
        })
        .collect::<Result<Vec<Option<Table>>>>()?;
    let path = view.path(&format!("{}/{name}", mapping.name()));
    let mut columns: Vec<&String> = Vec::new();
    for column in tables.iter().flatten().flat_map(|table| table.columns.keys()) {
        let common = tables.iter().flatten().all(|table| table.columns.contains_key(column));
        if (!inner || common) && !columns.contains(&column) {
            columns.push(column);
        }
    }
    let mut out = Table::new(main_index(view, plan)?);
    let names: Vec<Option<&str>> = (0..view.inputs.len()).map(|input| view.index_name(input, plan.spec.axis)).collect();
    out.index_name = common_name(&names).map(str::to_owned);
    for column in columns {
        let own: Vec<Option<Column>> =
            tables.iter().map(|table| table.as_ref().and_then(|table| table.columns.get(column)).cloned()).collect();
        let sizes = tables.iter().zip(&part.lengths).map(|(table, &length)| {
            (usize::try_from(length).unwrap_or(usize::MAX), table.as_ref().map_or(0, |table| table.columns.len()))
        });
        let stacked = stack(view, &own, sizes).map_err(|error| error.at(format!("{path}/{column}")))?;
        out.columns.insert(column.clone(), stacked);
    }
    if out.index_name.as_ref().is_some_and(|name| out.columns.get(name).is_some_and(|own| *own != out.index)) {
        out.index_name = None;
    }
    write_element(writer, &path, &Element::Table(out), &WriteOptions { compression: plan.compression }, &[])
}

/// Stacks one column; `sizes` are the rows and the number of columns of each input's table.
fn stack(view: View<'_>, columns: &[Option<Column>], sizes: impl Iterator<Item = (usize, usize)>) -> Result<Column> {
    let parts: Vec<StackPart<'_>> = columns
        .iter()
        .zip(sizes)
        .map(|(column, size)| match (column, size) {
            (Some(column), _) => StackPart::Present(column),
            (None, (0, 0)) => StackPart::Nothing,
            (None, (rows, _)) => StackPart::Missing(rows),
        })
        .collect();
    stack_columns(&parts).map_err(|error| {
        if error.kind() != ErrorKind::Incompatible {
            return error;
        }
        let holders = columns
            .iter()
            .zip(view.inputs)
            .filter_map(|(column, input)| column.as_ref().map(|column| format!("{} ({})", input.name, column.kind())));
        let message = format!("{}; in {}", error.message(), holders.collect::<Vec<_>>().join(", "));
        let hint = error.next_step().unwrap_or("make the column one type in all inputs, or drop it").to_owned();
        Error::incompatible(message).hint(hint)
    })
}
