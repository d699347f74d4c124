//! One array, readable from any thread.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::ahead::Ahead;
use super::codec::Codecs;
use super::element::{Element, native};
use super::files::{Blob, Files};
use super::meta::{LARGEST_CHUNK, Meta};
use super::source::{Source, Stored};
use super::{copied, text, transpose};
use crate::cache::Share;
use crate::grid::{self, Grid};
use crate::raw::{fill, fits};
use crate::{
    ArrayInfo, ArrayReader, ArrayType, Buffer, ChunkCode, DType, Error, Region, Result, StoredChunks, Strings,
};

/// A decoded chunk of text, by its number.
type Texts = (u64, Arc<Strings>);

/// One array.
pub(super) struct ZarrArray {
    info: ArrayInfo,
    file: PathBuf,
    path: String,
    meta: Meta,
    grid: Grid,
    source: Source,
    /// Decoded chunks that the next read probably needs.
    cache: Share,
    texts: Mutex<Option<Texts>>,
}

impl ZarrArray {
    /// An array as its metadata describes it.
    pub(super) fn new(files: &Arc<Files>, path: &str, meta: Meta, stored_bytes: u64) -> Result<Self> {
        let grid = Grid::new(&meta.shape, &meta.chunk);
        let grid = grid.ok_or_else(|| Error::invalid(format!("chunks of shape {:?} are impossible", meta.chunk)))?;
        let info = ArrayInfo {
            dtype: meta.element.array_type(),
            shape: meta.shape.clone(),
            chunk: (!meta.shape.is_empty()).then(|| meta.chunk.clone()),
            compression: meta.codecs.compression(),
            codecs: meta.codecs.words(),
            stored_bytes,
        };
        Ok(Self {
            info,
            file: files.path().to_owned(),
            path: path.to_owned(),
            source: Source::new(files.clone(), path),
            meta,
            grid,
            cache: Share::new(),
            texts: Mutex::default(),
        })
    }

    /// Where the chunk at a place of the grid starts.
    fn starts(&self, place: &[u64]) -> Vec<u64> {
        place.iter().zip(&self.meta.chunk).map(|(at, extent)| at * extent).collect()
    }

    fn place(&self, error: Error) -> Error {
        error.at(&self.path).in_file(&self.file)
    }

    fn read_plain(&self, region: &Region, out: &mut Buffer) -> Result<()> {
        let ArrayType::Plain(dtype) = self.info.dtype else {
            return Err(Error::unsupported(format!("{} cannot be read by region", self.info.dtype)));
        };
        let len = region.check(&self.info.shape)?;
        fits(len, dtype.size())?;
        self.meta.codecs.check()?;
        match &self.meta.element {
            Element::Number { swap, .. } => {
                // Old values of the same type need not be cleared: all are replaced.
                if out.dtype() != dtype {
                    out.reset(dtype);
                }
                out.resize(len);
                let bytes = out.as_bytes_mut().ok_or_else(|| Error::internal("text has no bytes"))?;
                self.read_bytes(region, dtype.size(), bytes)?;
                native(dtype, *swap, bytes);
                Ok(())
            }
            Element::Text => {
                out.reset(DType::Str);
                match out {
                    Buffer::Str(texts) if len > 0 => self.read_texts(region, len, texts),
                    _ => Ok(()),
                }
            }
            element => {
                out.reset(DType::Str);
                self.pieces(region, |bytes, count| element.push(bytes, count, out))
            }
        }
    }

    /// Reads the bytes of a region band by band of chunks.
    fn pieces(&self, region: &Region, mut each: impl FnMut(&[u8], usize) -> Result<()>) -> Result<()> {
        let size = self.meta.element.size().unwrap_or(0);
        let mut read = |piece: &Region| {
            let count = piece.check(&self.info.shape)?;
            fits(count, size)?;
            let mut bytes = vec![0; count * size];
            self.read_bytes(piece, size, &mut bytes)?;
            each(&bytes, count)
        };
        let (Some((rows, rest)), Some(chunk)) = (region.ranges().split_first(), self.meta.chunk.first()) else {
            return read(region);
        };
        let mut start = rows.start;
        while start < rows.end {
            let stop = (start / chunk).saturating_add(1).saturating_mul(*chunk).min(rows.end);
            read(&Region::new(std::iter::once(start..stop).chain(rest.iter().cloned()).collect()))?;
            start = stop;
        }
        Ok(())
    }

    /// Reads the values of a region, of `size` bytes each, as they are stored.
    fn read_bytes(&self, region: &Region, size: usize, bytes: &mut [u8]) -> Result<()> {
        if region.is_empty() || size == 0 {
            return Ok(());
        }
        let (mut ahead, mut turn) = (self.ahead(region)?, 0..);
        self.grid.touched(region, |number, extent| {
            let mut read = || {
                let came = ahead.take(turn.next().unwrap_or(usize::MAX))?;
                self.read_chunk(number, size, extent, region.ranges(), came, bytes)
            };
            read().map_err(|error| error.chunk(place(extent)))
        })
    }

    /// What of a region should come in few requests.
    fn ahead(&self, region: &Region) -> Result<Ahead> {
        let Some(most) = self.meta.chunk_bytes().map(Codecs::most).filter(|_| self.source.gathers(&self.meta)) else {
            return Ok(Ahead::default());
        };
        let mut wanted = vec![];
        self.grid.touched(region, |number, extent| {
            let starts: Vec<u64> = extent.iter().map(|range| range.start).collect();
            let kept = self.cache.get(number).is_some();
            let found = if kept { Ok(None) } else { self.source.wanted(&self.meta, &starts, most) };
            wanted.push(found.map_err(|error| error.chunk(place(extent)))?);
            Ok(())
        })?;
        Ok(Ahead::plan(wanted))
    }

    fn read_chunk(
        &self,
        number: u64,
        size: usize,
        extent: &[Range<u64>],
        region: &[Range<u64>],
        came: Option<Vec<u8>>,
        bytes: &mut [u8],
    ) -> Result<()> {
        let common = grid::intersect(extent, region);
        let copy = |chunk: &[u8], bytes: &mut [u8]| {
            grid::runs(extent, region, &common, |from, to, length| {
                bytes[to * size..(to + length) * size].copy_from_slice(&chunk[from * size..(from + length) * size]);
                Ok(())
            })
        };
        if let Some(chunk) = self.cache.get(number) {
            return copy(&chunk, bytes);
        }
        let starts: Vec<u64> = extent.iter().map(|range| range.start).collect();
        let found = match came {
            Some(came) => Some(Stored::Own(Blob::Memory(came))),
            None => self.source.find(&self.meta, &starts)?,
        };
        let Some(stored) = found else {
            return grid::runs(extent, region, &common, |_, to, length| {
                fill(&mut bytes[to * size..(to + length) * size], &self.meta.fill.bytes);
                Ok(())
            });
        };
        let chunk_bytes = self.meta.chunk_bytes().ok_or_else(|| Error::internal("chunks of no fixed size"))?;
        let plain = self.meta.order.is_none();
        if plain && self.meta.codecs.is_empty() {
            let found = stored.len()?;
            if found != chunk_bytes as u64 {
                return Err(Error::invalid(format!("{found} bytes found, {chunk_bytes} expected")));
            }
            return grid::runs(extent, region, &common, |from, to, length| {
                stored.read((from * size) as u64, &mut bytes[to * size..(to + length) * size])
            });
        }
        let stored = stored.all(Codecs::most(chunk_bytes))?;
        let codecs = &self.meta.codecs;
        if let (true, true, Some(start)) = (plain, common == extent, grid::run(region, &common)) {
            let start = usize::try_from(start).unwrap_or(usize::MAX) * size;
            return codecs.decode(&stored, &mut bytes[start..start + chunk_bytes]);
        }
        let mut chunk = vec![0; chunk_bytes];
        codecs.decode(&stored, &mut chunk)?;
        if let Some(order) = &self.meta.order {
            let mut restored = vec![0; chunk_bytes];
            transpose::restore(&self.meta.chunk, order, size, &chunk, &mut restored);
            chunk = restored;
        }
        copy(&chunk, bytes)?;
        let array: Vec<Range<u64>> = self.info.shape.iter().map(|&extent| 0..extent).collect();
        // If all of it is needed now, nobody will ask again.
        if common != grid::intersect(extent, &array) {
            self.cache.put(number, chunk);
        }
        Ok(())
    }

    fn read_texts(&self, region: &Region, len: usize, out: &mut Strings) -> Result<()> {
        // Chunks as wide as the array come in the order of the values.
        let wide = self.meta.chunk.iter().zip(&self.info.shape).skip(1).all(|(chunk, extent)| chunk >= extent);
        let mut chunks: Vec<Arc<Strings>> = vec![];
        let mut slots = vec![(0_usize, 0_usize); if wide { 0 } else { len }];
        self.grid.touched(region, |number, extent| {
            let chunk = self.texts(number, extent).map_err(|error| error.chunk(place(extent)))?;
            let common = grid::intersect(extent, region.ranges());
            grid::runs(extent, region.ranges(), &common, |from, to, length| {
                if wide {
                    out.extend_from(&chunk, from..from + length);
                } else {
                    let run = slots.get_mut(to..to + length).ok_or_else(|| Error::internal("a run is outside"))?;
                    run.iter_mut().enumerate().for_each(|(i, slot)| *slot = (chunks.len(), from + i));
                }
                Ok(())
            })?;
            if !wide {
                chunks.push(chunk);
            }
            Ok(())
        })?;
        for (chunk, place) in slots {
            out.push(chunks[chunk].get(place));
        }
        Ok(())
    }

    /// A chunk of text, decoded.
    fn texts(&self, number: u64, extent: &[Range<u64>]) -> Result<Arc<Strings>> {
        let lock = || self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((found, texts)) = &*lock()
            && *found == number
        {
            return Ok(texts.clone());
        }
        let count = extent.iter().map(|range| range.end - range.start).product::<u64>();
        let count = usize::try_from(count).map_err(|_| Error::internal("huge chunk"))?;
        let starts: Vec<u64> = extent.iter().map(|range| range.start).collect();
        let texts = match self.source.find(&self.meta, &starts)? {
            None => {
                fits(count, DType::Str.size() + self.meta.fill.text.len())?;
                (0..count).map(|_| self.meta.fill.text.as_str()).collect()
            }
            Some(stored) => {
                let most = usize::try_from(LARGEST_CHUNK).unwrap_or(usize::MAX);
                let bytes = self.meta.codecs.decode_bounded(stored.all(LARGEST_CHUNK)?, most)?;
                text::decode(&bytes, count)?
            }
        };
        let texts = Arc::new(match &self.meta.order {
            None => texts,
            Some(order) => {
                let mut restored = Strings::new();
                transpose::places(&self.meta.chunk, order, |_, stored| restored.push(texts.get(stored)));
                restored
            }
        });
        let whole = extent.iter().zip(&self.info.shape).all(|(range, &shape)| range.start == 0 && range.end >= shape);
        // Only what is read in several pieces is worth keeping.
        if !whole || count > 1 << 16 {
            *lock() = Some((number, texts.clone()));
        }
        Ok(texts)
    }

    fn read_records(&self, field: usize, out: &mut Buffer) -> Result<()> {
        let Element::Record { fields, size } = &self.meta.element else {
            return Err(Error::internal("this array has no fields"));
        };
        let (described, offset, element) =
            fields.get(field).ok_or_else(|| Error::internal(format!("no field {field}")))?;
        self.meta.codecs.check()?;
        let width = usize::try_from(described.shape.iter().product::<u64>()).unwrap_or(usize::MAX);
        let bytes = width.saturating_mul(element.size().unwrap_or(0));
        out.reset(described.dtype);
        fits(Region::all(&self.info.shape).check(&self.info.shape)?, *size)?;
        self.pieces(&Region::all(&self.info.shape), |records, count| {
            let mut column = Vec::with_capacity(count * bytes);
            for record in records.chunks_exact((*size).max(1)) {
                column.extend_from_slice(&record[*offset..offset + bytes]);
            }
            element.push(&column, count * width, out)
        })
    }
}

impl StoredChunks for ZarrArray {
    fn code(&self) -> ChunkCode {
        ChunkCode {
            format: if self.meta.shard.is_some() { copied::SHARDS } else { copied::FILES },
            dtype: self.info.dtype.plain().unwrap_or(DType::U8),
            chunk: self.meta.chunk.clone(),
            codecs: self.meta.codecs.code(),
        }
    }

    fn largest(&self) -> Result<Option<u64>> {
        let (mut largest, mut missing) = (0, false);
        self.grid.places(|at, _| {
            if missing {
                return Ok(());
            }
            match self.source.find(&self.meta, &self.starts(at)).map_err(|error| self.place(error))? {
                Some(stored) => largest = largest.max(stored.len()?),
                None => missing = true,
            }
            Ok(())
        })?;
        Ok((!missing).then_some(largest))
    }

    fn read(&self, at: &[u64], out: &mut Vec<u8>) -> Result<u32> {
        let starts = self.starts(at);
        let found = self.source.find(&self.meta, &starts).and_then(|found| match found {
            Some(stored) => stored.all(LARGEST_CHUNK),
            None => Err(Error::internal("was never written")),
        });
        *out = found.map_err(|error| self.place(error.chunk(format!("at {starts:?}"))))?;
        Ok(0)
    }
}

fn place(extent: &[Range<u64>]) -> String {
    format!("at {:?}", extent.iter().map(|range| range.start).collect::<Vec<_>>())
}

impl ArrayReader for ZarrArray {
    fn info(&self) -> &ArrayInfo {
        &self.info
    }

    fn stored(&self) -> Option<&dyn StoredChunks> {
        let number = matches!(self.meta.element, Element::Number { swap: 0, dtype } if dtype != DType::Bool);
        let plain = number && self.meta.order.is_none() && !self.meta.shape.is_empty();
        (plain && self.source.is_local()).then_some(self)
    }

    fn read(&self, region: &Region, out: &mut Buffer) -> Result<()> {
        self.read_plain(region, out).map_err(|error| self.place(error))
    }

    fn read_field(&self, field: usize, out: &mut Buffer) -> Result<()> {
        self.read_records(field, out).map_err(|error| self.place(error))
    }
}
