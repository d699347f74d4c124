//! What scanpy stores.

use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Dict, Element, SparseLayout, SparseMatrix};
use annstream_core::table::{Column, NaValue};
use annstream_store::Buffer;

use super::options::ScrubletOptions;
use super::run::{Scrublet, ScrubletBatch};

impl Scrublet {
    /// What `scanpy.pp.scrublet` adds: `obs["doublet_score"]`, `obs["predicted_doublet"]` and `uns["scrublet"]`, with
    /// an entry for each batch under `batches` if there is a batch key.
    ///
    /// Cells that were left out have no score (NaN) and are neither doublets nor not: the column is then one of truth
    /// values with holes. (Scanpy leaves a column of objects there, which anndata cannot write; with batches it fails.)
    /// The parents of neighbours are a matrix of truth values, cells x parents, in compressed rows; scanpy's list of
    /// arrays cannot be written.
    pub fn additions(&self) -> Additions {
        let mut scores = vec![f64::NAN; self.cells];
        let mut calls = vec![0_u8; self.cells];
        let mut missing = vec![true; self.cells];
        for batch in &self.batches {
            for (&cell, &score) in batch.cells.iter().zip(&batch.scores) {
                let cell = cell as usize;
                scores[cell] = score;
                calls[cell] = u8::from(batch.calls(score));
                missing[cell] = false;
            }
        }
        let calls = Buffer::Bool(calls);
        let calls = if missing.contains(&true) {
            Column::Nullable { values: calls, missing, na: NaValue::Na }
        } else {
            Column::Plain(calls)
        };
        let mut out = Additions::default();
        out.obs.insert("doublet_score".to_owned(), Column::Plain(Buffer::F64(scores)));
        out.obs.insert("predicted_doublet".to_owned(), calls);
        let mut entries = self.batches.iter().map(|batch| (batch.name.clone(), entry(batch, &self.options)));
        let uns = match &self.options.batch_key {
            None => entries.next().map_or(Element::Null, |(_, entry)| entry),
            Some(key) => {
                let batches = entries.map(|(name, entry)| (name.unwrap_or_default(), entry)).collect();
                let key = Element::Scalar(Buffer::Str([key.as_str()].into_iter().collect()));
                dict([("batches", Element::Dict(batches)), ("batched_by", key)])
            }
        };
        out.set_uns(["scrublet"], uns);
        out
    }
}

fn dict<const COUNT: usize>(entries: [(&str, Element); COUNT]) -> Element {
    Element::Dict(entries.into_iter().map(|(name, element)| (name.to_owned(), element)).collect::<Dict>())
}

fn double(value: f64) -> Element {
    Element::Scalar(Buffer::F64(vec![value]))
}

fn whole(value: u64) -> Element {
    Element::Scalar(Buffer::I64(vec![i64::try_from(value).unwrap_or(i64::MAX)]))
}

fn entry(batch: &ScrubletBatch, options: &ScrubletOptions) -> Element {
    let scores = &batch.scores_of_doublets;
    let parents = batch.parents.iter().flatten().map(|&parent| i64::from(parent)).collect();
    let parameters = dict([
        ("expected_doublet_rate", double(options.expected_doublet_rate)),
        ("sim_doublet_ratio", double(options.sim_doublet_ratio)),
        ("n_neighbors", whole(batch.n_neighbors as u64)),
        ("random_state", whole(u64::from(options.random_state))),
    ]);
    let mut out = Dict::new();
    let values = Buffer::F64(scores.clone());
    out.insert("doublet_scores_sim".to_owned(), Element::Array(DenseArray { shape: vec![scores.len()], values }));
    let values = Buffer::I64(parents);
    out.insert("doublet_parents".to_owned(), Element::Array(DenseArray { shape: vec![scores.len(), 2], values }));
    out.insert("parameters".to_owned(), parameters);
    if let Some(threshold) = batch.threshold {
        out.insert("threshold".to_owned(), double(threshold));
    }
    if let Some(parents) = &batch.neighbor_parents {
        out.insert("doublet_neighbor_parents".to_owned(), Element::Sparse(rows(parents)));
    }
    Element::Dict(out)
}

/// Lists of places as rows of a matrix.
fn rows(lists: &[Vec<u32>]) -> SparseMatrix {
    let mut indptr = Vec::with_capacity(lists.len() + 1);
    indptr.push(0);
    let mut end = 0;
    for list in lists {
        end += list.len() as u64;
        indptr.push(end);
    }
    let indices: Vec<u64> = lists.iter().flatten().map(|&place| u64::from(place)).collect();
    let data = Buffer::Bool(vec![1; indices.len()]);
    SparseMatrix { layout: SparseLayout::Csr, shape: [lists.len(), lists.len()], indptr, indices, data }
}
