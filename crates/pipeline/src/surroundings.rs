//! What steps on graphs find in a pipeline: what earlier steps added, and else what the input has of the cells kept.

use std::borrow::Cow;
use std::path::PathBuf;

use annstream_core::Exec;
use annstream_core::anndata::{AnnDataFile, Slot};
use annstream_core::element::{DenseArray, Element, SparseLayout};
use annstream_core::table::Column;
use annstream_graph::Graph;
use annstream_graph::inputs::{Cells, Extent};
use annstream_sc::pipeline::Unfinished;

use crate::embedding::Embedding;
use crate::graphs::Graphs;
use crate::{Error, Result};

/// A pipeline on its way, and the graph that it has made so far.
pub(crate) struct Surroundings<'a, 'b> {
    pub(crate) pipeline: &'a Unfinished<'b>,
    pub(crate) graphs: &'a Graphs,
}

impl Surroundings<'_, '_> {
    fn file(&self) -> &AnnDataFile {
        &self.pipeline.input().file
    }

    /// Whether all cells of the input are kept.
    fn whole(&self) -> bool {
        self.pipeline.kept().iter().all(|kept| *kept)
    }
}

impl Cells for Surroundings<'_, '_> {
    fn location(&self) -> PathBuf {
        PathBuf::from(&self.pipeline.input().name)
    }

    fn n_vars(&self) -> usize {
        self.pipeline.shape()[1]
    }

    fn embeddings(&self) -> Vec<String> {
        let added = &self.pipeline.additions().obsm;
        let of_input = self.file().obsm().keys().filter(|name| !added.contains_key(*name));
        of_input.chain(added.keys()).cloned().collect()
    }

    fn extent(&self, slot: Slot<'_>) -> Option<Extent> {
        let [rows, columns] = self.pipeline.shape();
        match slot {
            Slot::X => Some(Extent { shape: vec![rows, columns], bytes: (rows * columns * 8) as u64 }),
            Slot::Obsm(name) => match self.pipeline.additions().obsm.get(name) {
                Some(Element::Array(array)) => Some(Extent { shape: array.shape.clone(), bytes: 0 }),
                Some(_) => None,
                None => {
                    let stored = self.file().matrix(slot).and_then(Extent::stored)?;
                    let shape = std::iter::once(rows).chain(stored.shape.into_iter().skip(1)).collect();
                    Some(Extent { shape, bytes: stored.bytes * 2 })
                }
            },
            _ => None,
        }
    }

    fn read(&self, slot: Slot<'_>, exec: &Exec) -> Result<Cow<'_, Element>> {
        if let Slot::Obsm(name) = slot {
            if let Some(added) = self.pipeline.additions().obsm.get(name) {
                return Ok(Cow::Borrowed(added));
            }
            let stored = self.file().read(slot)?;
            return Ok(Cow::Owned(if self.whole() { stored } else { kept_rows(stored, self.pipeline.kept())? }));
        }
        if !matches!(slot, Slot::X) {
            return self.file().read(slot).map(Cow::Owned);
        }
        let [rows, columns] = self.pipeline.shape();
        let values = self.pipeline.matrix().run(Embedding { rows, columns }, "X as an embedding", exec)?;
        Ok(Cow::Owned(Element::Array(DenseArray { shape: vec![rows, columns], values })))
    }

    fn columns(&self) -> Vec<String> {
        let added = &self.pipeline.additions().obs;
        let of_input = self.file().obs().columns.keys().filter(|name| !added.contains_key(*name));
        of_input.chain(added.keys()).cloned().collect()
    }

    fn column(&self, name: &str) -> Result<Option<Column>> {
        let there = self.pipeline.additions().obs.contains_key(name) || self.file().obs().columns.contains_key(name);
        there.then(|| self.pipeline.obs_column(name)).transpose()
    }

    fn graph(&self, key: Option<&str>, kept: Option<&[bool]>, exec: &Exec) -> Result<(String, Cow<'_, Graph>)> {
        if let Some((name, graph)) = self.graphs.named(key.unwrap_or("neighbors")) {
            return Ok((
                name,
                match kept {
                    None => Cow::Borrowed(graph),
                    Some(kept) => Cow::Owned(graph.among(kept)?),
                },
            ));
        }
        if self.whole() {
            return self.file().graph(key, kept, exec);
        }
        // Of the cells that are kept, those that are looked at.
        let mut looked_at = kept.unwrap_or_default().iter();
        let each = |own: &bool| *own && (kept.is_none() || looked_at.next().copied().unwrap_or(false));
        let all: Vec<bool> = self.pipeline.kept().iter().map(each).collect();
        let (name, graph) = self.file().graph(key, Some(&all), exec)?;
        Ok((name, Cow::Owned(graph.into_owned())))
    }
}

/// The rows of a matrix that are kept.
fn kept_rows(element: Element, kept: &[bool]) -> Result<Element> {
    let rows: Vec<usize> = (0..kept.len()).filter(|&row| kept[row]).collect();
    match element {
        Element::Array(DenseArray { mut shape, values }) => {
            let width: usize = shape.iter().skip(1).product();
            let positions: Vec<i64> =
                rows.iter().flat_map(|row| (row * width) as i64..((row + 1) * width) as i64).collect();
            if let Some(first) = shape.first_mut() {
                *first = rows.len();
            }
            Ok(Element::Array(DenseArray { shape, values: values.take(&positions) }))
        }
        Element::Sparse(matrix) if matrix.layout == SparseLayout::Csr => {
            let mut indptr = vec![0_u64];
            let mut positions: Vec<i64> = Vec::new();
            for row in &rows {
                let range = matrix.indptr.get(*row).zip(matrix.indptr.get(row + 1));
                let (start, end) = range.ok_or_else(|| Error::invalid("has too few row pointers"))?;
                positions.extend((*start as i64)..(*end as i64));
                indptr.push(positions.len() as u64);
            }
            let index = |position: &i64| usize::try_from(*position).ok().and_then(|at| matrix.indices.get(at)).copied();
            let indices: Option<Vec<u64>> = positions.iter().map(index).collect();
            let indices = indices.ok_or_else(|| Error::invalid("pointers reach too far"))?;
            let data = matrix.data.take(&positions);
            let shape = [rows.len(), matrix.shape[1]];
            Ok(Element::Sparse(annstream_core::element::SparseMatrix { indptr, indices, data, shape, ..matrix }))
        }
        other => {
            let message = format!("is a {}, and cells were filtered", other.kind());
            Err(Error::unsupported(message).hint("filter cells first, in a run of its own"))
        }
    }
}
