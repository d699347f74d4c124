//! The last pass, and the tables of the file.

use annstream_core::edit::{EditSpec, XSource, write_edited};
use annstream_core::lazy::{Through, View};
use annstream_core::op::{Scale, ToDouble};
use annstream_core::sink::{WriteBoth, WritePass};
use annstream_core::subset::Selection;
use annstream_store::{DType, ErrorKind, StoreWriter};

use super::components::{self, Scores};
use super::state::State;
use super::{KeepX, PipelineOptions};
use crate::{Error, Result};

/// Writes the matrices, and works out what comes of the last pass; gives what is left to be written.
pub(super) fn matrices(state: &mut State<'_>, options: PipelineOptions, writer: &dyn StoreWriter) -> Result<EditSpec> {
    let recipe = state.recipe;
    let keep = match options.keep_x {
        // Nothing was changed: X is X, and there is nothing to keep beside it.
        KeepX::Both | KeepX::Normalized if !recipe.changes_x() => KeepX::Raw,
        KeepX::Scaled if recipe.scale.is_none() && recipe.regress_out.is_none() => {
            return Err(Error::argument("X is neither scaled nor regressed by this recipe"));
        }
        other => other,
    };
    let mut spec =
        EditSpec::new(Selection::from_mask(&state.cells)?, Selection::from_mask(&state.genes)?, options.compression);
    // Rows that do not stand in the file are written as they pass.
    let apart = keep == KeepX::Raw && state.apart;
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
    let matrix = |path: &str, dtype: DType, dense: bool| WritePass {
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
    let mut x_view = View::new();
    if state.x.view().is_dense() {
        x_view = x_view.keep(state.x.column_ids());
    }
    for op in state.x.view().ops() {
        x_view = x_view.with_shared(op.clone());
    }
    let dense = state.dense || x_view.is_dense();
    // Compressed rows stay where they are, so that both matrices can have their columns from one sink.
    let together = normalized && raw.is_some() && !dense && x_view.columns().is_none();
    let dtypes = [state.stored.stored_dtype(), state.x.precision().dtype()];
    let sinks = (
        together.then(|| WriteBoth {
            writer,
            paths: ["layers/counts", "X"].map(str::to_owned),
            shape,
            dtypes,
            view: x_view.clone(),
            compression: options.compression,
        }),
        raw.filter(|_| !together).map(|path| matrix(path, dtypes[0], state.dense)),
        (normalized && !together).then(|| Through { view: x_view, consumer: matrix("X", dtypes[1], dense) }),
    );
    let (scale, plan) = components::plan(state).map_err(|error| of_input(error, state))?;
    let gathering = plan.as_ref().map(|plan| plan.gathering(state)).transpose()?.flatten();
    if normalized || apart || gathering.is_some() {
        if keep == KeepX::Both {
            writer.group("layers")?;
        }
        let name = if gathering.is_some() { "variable genes" } else { "write" };
        let stage = "the last pass";
        let passed = state.stage(name, |state| match (sinks, gathering, &plan) {
            // Nobody wants the other genes.
            ((None, None, None), Some(gathering), Some(plan)) => {
                plan.matrix(state)?.run(gathering.consumer, stage, state.exec).map(Some)
            }
            ((both, raw, x), gathering, _) => {
                state.raw.run((both, raw, x, gathering), stage, state.exec).map(|(_, _, _, gathered)| gathered)
            }
        });
        let gathered = passed.map_err(|error| of_input(error, state))?;
        if let Some(plan) = plan {
            let scores = Scores { writer, spec: &mut spec, keep: options.keep_scores };
            plan.finish(state, gathered, scores).map_err(|error| of_input(error, state))?;
        }
    } else if let Some(plan) = plan {
        let scores = Scores { writer, spec: &mut spec, keep: options.keep_scores };
        plan.finish(state, None, scores).map_err(|error| of_input(error, state))?;
    }
    if keep == KeepX::Scaled {
        scaled(state, scale, options, writer)?;
    }
    if keep == KeepX::Raw {
        // X was changed on the way, but is as it was.
        let entries = &mut state.additions.uns;
        entries.retain(|entry| entry.path != ["log1p"] && entry.path != ["pearson_residuals_normalization"]);
    }
    Ok(spec)
}

/// Writes all else.
pub(super) fn tables(state: &mut State<'_>, spec: &EditSpec, writer: &dyn StoreWriter) -> Result<()> {
    let additions = std::mem::take(&mut state.additions);
    state.stage("tables", |state| write_edited(state.input, spec, additions, writer, state.exec).map(drop))
}

/// Names the input where it is to blame, and not what is written.
fn of_input(error: Error, state: &State<'_>) -> Error {
    if error.kind() == ErrorKind::Invalid { error.at("X").in_file(&state.input.name) } else { error }
}

/// Writes `X` as PCA sees it, regressed, centred and scaled: dense, unless zeros stay where they are. A pass of its own,
/// whose blocks are small.
fn scaled(
    state: &mut State<'_>,
    scale: Option<Scale>,
    options: PipelineOptions,
    writer: &dyn StoreWriter,
) -> Result<()> {
    let sparse = !state.dense;
    let mut matrix = state.seen.clone();
    if let Some(scale) = scale {
        let wide = (sparse && scale.means.is_some()) || state.stored.stored_dtype().is_integer();
        if wide && !matrix.view().is_dense() {
            matrix = matrix.with(ToDouble);
        }
        matrix = matrix.with(scale);
    }
    let dense = !sparse || matrix.view().is_dense();
    let pass = WritePass {
        writer,
        path: "X".to_owned(),
        shape: matrix.shape().map(|extent| extent as u64),
        dtype: matrix.precision().dtype(),
        dense,
        compression: options.compression,
    };
    let written = state.stage("write", |state| matrix.run(pass, "scaled X", state.exec).map(drop));
    written.map_err(|error| of_input(error, state))
}
