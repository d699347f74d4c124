//! The last pass and the file.

use annstream_core::edit::{EditSpec, XSource, write_edited};
use annstream_core::lazy::{Through, View};
use annstream_core::op::{Scale, ToDouble};
use annstream_core::sink::WritePass;
use annstream_core::subset::Selection;
use annstream_store::{DType, ErrorKind, StoreWriter};

use super::components;
use super::state::State;
use super::{KeepX, PipelineOptions};
use crate::{Error, Result};

pub(super) fn run(state: &mut State<'_>, options: PipelineOptions, writer: &dyn StoreWriter) -> Result<()> {
    let changed = state.recipe.normalize_total.is_some() || state.recipe.log1p.is_some();
    let keep = match options.keep_x {
        // Nothing was changed: X is X, and there is nothing to keep beside it.
        KeepX::Both | KeepX::Normalized if !changed => KeepX::Raw,
        KeepX::Scaled if state.recipe.scale.is_none() => return Err(Error::argument("X is not scaled by this recipe")),
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
        KeepX::Normalized | KeepX::Both | KeepX::Scaled => XSource::Written,
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
    let (scale, plan) = components::plan(state).map_err(|error| of_input(error, state))?;
    let gathering = plan.as_ref().map(|plan| plan.gathering(state)).transpose()?.flatten();
    if normalized || apart || gathering.is_some() {
        if keep == KeepX::Both {
            writer.group("layers")?;
        }
        let name = if gathering.is_some() { "products" } else { "write" };
        let consumers = (sinks.0, sinks.1, gathering);
        let passed = state.stage(name, |state| state.raw.run(consumers, "the last pass", state.exec));
        let (_, _, gathered) = passed.map_err(|error| of_input(error, state))?;
        if let Some(plan) = plan {
            plan.finish(state, gathered).map_err(|error| of_input(error, state))?;
        }
    } else if let Some(plan) = plan {
        plan.finish(state, None).map_err(|error| of_input(error, state))?;
    }
    if let Some(scale) = scale.filter(|_| keep == KeepX::Scaled) {
        scaled(state, scale, options, writer)?;
    }
    let mut additions = std::mem::take(&mut state.additions);
    if keep == KeepX::Raw {
        // The logarithm was taken on the way, but X is as it was.
        additions.uns.retain(|entry| entry.path != ["log1p"]);
    }
    state.stage("tables", |state| write_edited(state.input, &spec, &additions, writer, state.exec).map(drop))
}

/// Names the input where it is to blame, and not what is written.
fn of_input(error: Error, state: &State<'_>) -> Error {
    if error.kind() == ErrorKind::Invalid { error.at("X").in_file(&state.input.name) } else { error }
}

/// Writes `X` centred and scaled: dense, unless the centre stays where it is. A pass of its own, whose blocks are small.
fn scaled(state: &mut State<'_>, scale: Scale, options: PipelineOptions, writer: &dyn StoreWriter) -> Result<()> {
    let sparse = !state.dense;
    let centred = scale.means.is_some();
    let mut matrix = state.x.clone();
    if (sparse && centred) || state.stored.stored_dtype().is_integer() {
        matrix = matrix.with(ToDouble);
    }
    let matrix = matrix.with(scale);
    let pass = WritePass {
        writer,
        path: "X".to_owned(),
        shape: matrix.shape().map(|extent| extent as u64),
        dtype: matrix.precision().dtype(),
        dense: centred || !sparse,
        compression: options.compression,
    };
    let written = state.stage("write", |state| matrix.run(pass, "scaled X", state.exec).map(drop));
    written.map_err(|error| of_input(error, state))
}
