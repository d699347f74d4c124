//! The last pass and the file.

use annstream_core::Exec;
use annstream_core::edit::{EditSpec, XSource, write_edited};
use annstream_core::lazy::{LazyMatrix, Through, View};
use annstream_core::sink::WritePass;
use annstream_core::subset::Selection;
use annstream_store::{DType, StoreWriter};

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
    spec.x = match keep {
        KeepX::None => XSource::Skip,
        KeepX::Raw => XSource::Keep,
        KeepX::Normalized | KeepX::Both => XSource::Written,
    };
    if keep == KeepX::Both {
        spec.layers.push("counts".to_owned());
    }
    let shape = state.x.shape().map(|extent| extent as u64);
    let dense = state.is_dense();
    let matrix = |path: &str, dtype: DType| WritePass {
        writer,
        path: path.to_owned(),
        shape,
        dtype,
        dense,
        compression: options.compression,
    };
    let normalized = matches!(keep, KeepX::Normalized | KeepX::Both);
    let sinks = (
        (keep == KeepX::Both).then(|| matrix("layers/counts", state.stored.stored_dtype())),
        normalized.then(|| {
            let mut view = View::new();
            for op in state.x.view().ops() {
                view = view.with_shared(op.clone());
            }
            Through { view, consumer: matrix("X", state.x.precision().dtype()) }
        }),
    );
    if normalized {
        if keep == KeepX::Both {
            writer.group("layers")?;
        }
        state.stage("write", |state| last_pass(&state.raw, sinks, state.exec))?;
    }
    let additions = std::mem::take(&mut state.additions);
    state.stage("tables", |state| write_edited(state.input, &spec, &additions, writer, state.exec).map(drop))
}

/// Writes the matrices.
fn last_pass(
    raw: &LazyMatrix,
    sinks: (Option<WritePass<'_>>, Option<Through<WritePass<'_>>>),
    exec: &Exec,
) -> Result<()> {
    raw.run(sinks, "writing X", exec).map(drop)
}
