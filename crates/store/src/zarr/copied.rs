//! Arrays whose chunks are taken over as another store has them.

use super::codec::Codecs;
use super::layout::{Layout, layout};
use super::tree::Kind;
use super::writer::ZarrWriter;
use crate::grid::Grid;
use crate::queue::Job;
use crate::store::{copyable, read_stored};
use crate::{ArrayReader, ArraySpec, ArrayType, ChunkCode, Error, Result};

/// Chunks that are files of their own.
pub(super) const FILES: &str = "zarr";
/// Chunks that are parts of larger files.
pub(super) const SHARDS: &str = "zarr, in shards";

/// Copies an array chunk by chunk; `false` if that cannot be done, and then nothing was. Chunks go to shards if the writer
/// makes any; those of shards do not become files of their own, of which there would be very many.
pub(super) fn copy(
    writer: &ZarrWriter,
    path: &str,
    spec: &ArraySpec,
    from: &dyn ArrayReader,
    each: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<bool> {
    let ArrayType::Plain(dtype) = spec.dtype else { return Ok(false) };
    let shards = writer.shards();
    let laid_out = |chunk: &[u64]| {
        if shards.is_none() {
            return Layout { chunk: chunk.to_vec(), shard: None };
        }
        layout(&ArraySpec { growable: false, chunk: Some(chunk.to_vec()), ..spec.clone() }, dtype.size() as u64, shards)
    };
    let own = |code: &ChunkCode| {
        let fits = code.format == FILES || code.format == SHARDS && shards.is_some();
        let codecs = Codecs::written(spec.compression, dtype.size()).code();
        fits.then(|| ChunkCode { format: code.format, dtype, chunk: laid_out(&code.chunk).chunk, codecs })
    };
    let Some(chunks) = copyable(from, spec, own)? else { return Ok(false) };
    let layout = laid_out(&chunks.code().chunk);
    let grid = Grid::new(&spec.shape, &layout.chunk).ok_or_else(|| Error::internal("chunks that cannot be counted"))?;
    let channel = writer.channel(&[path], spec, &Kind::Number(dtype), &layout)?;
    grid.places(|place, values| {
        let mut bytes = Vec::new();
        read_stored(chunks, place, &mut bytes)?;
        channel.push_job(place.to_vec(), Job::Ready(bytes))?;
        each(values)
    })?;
    channel.finish(None)?;
    Ok(true)
}
