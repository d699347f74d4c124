//! The last pass and the file.

use annstream_core::edit::{EditSpec, XSource, write_edited};
use annstream_core::lazy::{Through, View};
use annstream_core::sink::WritePass;
use annstream_core::subset::Selection;
use annstream_store::{DType, StoreWriter};

use super::components;
use super::state::State;
use super::{KeepX, PipelineOptions};
use crate::Result;

pub(super) fn run(state: &mut State<'_>, options: &PipelineOptions, writer: &dyn StoreWriter) -> Result<()> {
    let changed = state.recipe.normalize_total.is_some() || state.recipe.log1p.is_some();
    let keep = match options.keep_x {
        // Nothing was changed: X is X, and there is nothing to keep beside it.
        KeepX::Both | KeepX::Normalized if !changed => KeepX::Raw,
        other => other,
    };
    let mut spec =
        EditSpec::new(Selection::from_mask(&state.cells)?, Selection::from_mask(&state.genes)?, options.compression);
    // Rows that do not stand in the file are written as they pass.
    let apart = keep == KeepX::Raw && state.input.file.x().is_none();
    spec.x = match keep {
        KeepX::None => XSource::Skip,
        KeepX::Raw if apart => XSource::Written,
        KeepX::Raw => XSource::Keep,
        KeepX::Normalized | KeepX::Both => XSource::Written,
    };
    if keep == KeepX::Both {
        spec.layers.push("counts".to_owned());
    }
    let shape = state.x.shape().map(|extent| extent as u64);
    let dense = state.dense;
    let matrix = |path: &str, dtype: DType| WritePass {
        writer,
        path: path.to_owned(),
        shape,
        dtype,
        dense,
        compression: options.compression,
    };
    let normalized = matches!(keep, KeepX::Normalized | KeepX::Both);
    let raw = match keep {
        KeepX::Both => Some("layers/counts"),
        _ if apart => Some("X"),
        _ => None,
    };
    let sinks = (
        raw.map(|path| matrix(path, state.stored.stored_dtype())),
        normalized.then(|| {
            let mut view = View::new();
            for op in state.x.view().ops() {
                view = view.with_shared(op.clone());
            }
            Through { view, consumer: matrix("X", state.x.precision().dtype()) }
        }),
    );
    let plan = components::plan(state)?;
    let gathering = plan.as_ref().map(|plan| plan.gathering(state)).transpose()?.flatten();
    if normalized || apart || gathering.is_some() {
        if keep == KeepX::Both {
            writer.group("layers")?;
        }
        let name = if gathering.is_some() { "products" } else { "write" };
        let consumers = (sinks.0, sinks.1, gathering);
        let (_, _, gathered) = state.stage(name, |state| state.raw.run(consumers, "the last pass", state.exec))?;
        if let Some(plan) = plan {
            plan.finish(state, gathered)?;
        }
    } else if let Some(plan) = plan {
        plan.finish(state, None)?;
    }
    let additions = std::mem::take(&mut state.additions);
    state.stage("tables", |state| write_edited(state.input, &spec, &additions, writer, state.exec).map(drop))
}
