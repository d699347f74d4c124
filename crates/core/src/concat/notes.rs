//! What a plan has to say about each element, in words.

use indexmap::IndexMap;

use super::align::{Alignment, ColumnMap};
use super::inputs::{Input, Mapping, View};
use super::matrices::{Arrangement, Container, MatrixPlan, dtype, layout};
use super::merge::MergeStrategy;
use super::plan::ElementSummary;
use super::spec::{Axis, ConcatSpec};
use crate::anndata::ColumnSchema;
use crate::element::SparseLayout;
use crate::table::ColumnKind;

/// What the plan has to say, gathered on the way.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) elements: Vec<ElementSummary>,
    pub(crate) warnings: Vec<String>,
}

impl Notes {
    pub(crate) fn element(&mut self, path: &str, action: &'static str, detail: String) {
        self.elements.push(ElementSummary { path: path.to_owned(), action, detail });
    }

    pub(crate) fn drop(&mut self, path: &str, why: &str) {
        self.element(path, "drop", why.to_owned());
    }

    pub(crate) fn matrix(&mut self, view: View<'_>, matrix: &MatrixPlan, alignment: &Alignment) {
        let container = match matrix.container {
            Container::Sparse(SparseLayout::Csr) => "csr",
            Container::Sparse(SparseLayout::Csc) => "csc",
            Container::Dense(_) => "dense",
        };
        // What happens to inputs, and to which.
        let mut changes: IndexMap<String, Vec<&str>> = IndexMap::new();
        for (input, part) in matrix.parts.iter().enumerate() {
            let mut change = |what: String| changes.entry(what).or_default().push(&view.inputs[input].name);
            let Some(part) = part else {
                if matrix.lengths[input] > 0 {
                    change(format!("missing, filled with {}", matrix.fill));
                }
                continue;
            };
            let own = dtype(part);
            if own != matrix.dtype {
                change(format!("{own} becomes {}", matrix.dtype));
            }
            let stored = match layout(part) {
                Some(SparseLayout::Csr) => "csr",
                Some(SparseLayout::Csc) => "csc",
                None => "dense",
            };
            if stored != container {
                change(format!("{stored} becomes {container}"));
            }
        }
        let action = if changes.is_empty() { "keep" } else { "convert" };
        let mut detail = format!("{container} {}", matrix.dtype);
        for (what, names) in changes {
            let which = if names.len() > 3 { format!("{} inputs", names.len()) } else { names.join(", ") };
            detail.push_str(&format!("; {what} ({which})"));
        }
        let by_name = matches!(matrix.arrangement, Arrangement::StackByName | Arrangement::Zip);
        if by_name && alignment.maps.iter().any(ColumnMap::has_holes) {
            detail.push_str(&format!("; names that an input lacks are filled with {}", matrix.fill));
        }
        if matrix.sorted_values(alignment) > 0 {
            detail.push_str("; sorted in scratch space, 2 more passes");
        }
        self.element(&matrix.path, action, detail);
    }

    pub(crate) fn columns(&mut self, view: View<'_>, axis: Axis, columns: &[String]) {
        for name in columns {
            let headers = (0..view.inputs.len()).map(|input| view.table(input, axis)?.columns.get(name));
            let kinds: Vec<Option<ColumnKind>> =
                headers.map(|header| header.map(|header| kind(&header.schema))).collect();
            let mut distinct: Vec<String> = kinds.iter().flatten().map(ToString::to_string).collect();
            distinct.dedup();
            let mut detail = distinct.join(" + ");
            if kinds.iter().any(Option::is_none) {
                detail.push_str("; missing in some inputs");
            }
            let action = if distinct.len() > 1 { "convert" } else { "keep" };
            self.element(&view.path(&format!("{}/{name}", axis.name())), action, detail);
        }
        for name in view.columns(axis, false) {
            if !columns.contains(&name) {
                self.drop(&view.path(&format!("{}/{name}", axis.name())), "not in all inputs; an inner join drops it");
            }
        }
    }

    pub(crate) fn dropped_names(&mut self, view: View<'_>, mapping: Mapping, inner: bool) {
        if inner {
            let kept = view.names(mapping, true);
            for name in view.names(mapping, false) {
                if !kept.contains(&name) {
                    let path = view.path(&format!("{}/{name}", mapping.name()));
                    self.drop(&path, "not in all inputs; an inner join drops it");
                }
            }
        }
    }

    /// What is aligned with the other axis: merged by strategy.
    pub(crate) fn other_axis(&mut self, view: View<'_>, spec: &ConcatSpec) {
        let other = spec.axis.other();
        let mut paths: Vec<String> =
            view.columns(other, false).iter().map(|name| format!("{}/{name}", other.name())).collect();
        for mapping in [Mapping::Aligned(other), Mapping::Pairwise(other)] {
            paths.extend(view.names(mapping, false).iter().map(|name| format!("{}/{name}", mapping.name())));
        }
        for path in paths {
            self.merged(&path, spec.merge, "--merge");
        }
    }

    pub(crate) fn uns(&mut self, inputs: &[Input], strategy: MergeStrategy) {
        let mut names: Vec<&String> = inputs.iter().flat_map(|input| input.file.uns_names()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.merged(&format!("uns/{name}"), strategy, "--uns-merge");
        }
    }

    fn merged(&mut self, path: &str, strategy: MergeStrategy, option: &str) {
        let when = match strategy {
            MergeStrategy::None => return self.drop(path, &format!("{option} is none")),
            MergeStrategy::Same => "kept if all inputs have it, with equal values",
            MergeStrategy::Unique => "kept if equal wherever it is present",
            MergeStrategy::First => "taken from the first input that has it",
            MergeStrategy::Only => "kept if only one input has it",
        };
        self.element(path, "merge", when.to_owned());
    }
}

fn kind(schema: &ColumnSchema) -> ColumnKind {
    match *schema {
        ColumnSchema::Plain(dtype) => ColumnKind::Plain(dtype),
        ColumnSchema::Nullable(dtype) => ColumnKind::Nullable(dtype),
        ColumnSchema::Categorical { categories, ordered, .. } => ColumnKind::Categorical { categories, ordered },
    }
}
