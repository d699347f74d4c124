//! Arrays whose chunks are taken over as another file has them.

use std::sync::Arc;

use super::array_writer::chunk_shape;
use super::encode::Encoded;
use super::filters::Pipeline;
use super::stored::{Place, Stored};
use super::writer::Shared;
use super::{ffi, types};
use crate::grid::Grid;
use crate::queue::Job;
use crate::store::{copyable, read_stored};
use crate::{ArrayReader, ArraySpec, ArrayType, ChunkCode, Error, Result};

/// Copies an array chunk by chunk; `false` if that cannot be done, and then nothing was.
pub(super) fn copy(
    shared: &Shared,
    path: &str,
    spec: &ArraySpec,
    from: &dyn ArrayReader,
    each: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<bool> {
    let ArrayType::Plain(dtype) = spec.dtype else { return Ok(false) };
    let of = |chunk: &[u64]| ArraySpec { chunk: Some(chunk.to_vec()), ..spec.clone() };
    let own = |code: &ChunkCode| {
        let chunk = chunk_shape(&of(&code.chunk), dtype.size())?;
        let codecs = Pipeline::written(spec.compression, dtype.size()).code();
        Some(ChunkCode { format: "hdf5", dtype, chunk, codecs })
    };
    let Some(chunks) = copyable(from, spec, own)? else { return Ok(false) };
    let chunk = chunks.code().chunk;
    let grid = Grid::new(&spec.shape, &chunk).ok_or_else(|| Error::internal("chunks that cannot be counted"))?;
    let dataset = shared.step(|state| {
        state.place(path)?;
        let dataset = state.dataset(path, &of(&chunk), (&types::create(dtype)?, dtype.size()))?;
        state.open.push(path.to_owned());
        Ok(dataset)
    });
    let dataset = dataset.map_err(|error| ffi::writing(error).at(path))?;
    grid.places(|place, values| {
        let mut bytes = Vec::new();
        let mask = read_stored(chunks, place, &mut bytes)?;
        let position: Vec<u64> = place.iter().zip(&chunk).map(|(at, extent)| at * extent).collect();
        let rows = (position[0] + chunk[0]).min(spec.shape[0]);
        shared.step(|state| {
            state.writeback.wrote(bytes.len());
            let place = Place { dataset: dataset.clone(), twins: Arc::default(), position, rows };
            state.queue.push(place, Job::Ready(Stored::Encoded(Encoded { bytes, mask })))
        })?;
        each(values)
    })?;
    shared.step(|state| {
        state.queue.drain()?;
        state.open.retain(|open| open != path);
        Ok(true)
    })
}
