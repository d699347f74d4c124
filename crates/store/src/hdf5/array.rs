//! One dataset, readable from any thread.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::chunks::Table;
use super::container::Container;
use super::dataset::{self, Layout};
use super::ffi::Id;
use super::filters::Pipeline;
use super::heap::{self, Heap};
use super::mapping::Mapping;
use super::object::{self, Object};
use super::shown::{Scope, Shown};
use super::space;
use super::types::{self, Cell, Element, Form};
use crate::cache::Share;
use crate::grid::{self, Grid};
use crate::raw::{fill, fits, normalise, swap};
use crate::{
    ArrayInfo, ArrayReader, ArrayType, Buffer, ChunkCode, Compression, DType, Error, Region, Result, StoredChunks,
};

/// Largest chunk, in bytes, that is decoded.
const LARGEST_CHUNK: u64 = 1 << 30;
/// Values read at a time through the library.
const PIECE: u64 = 1 << 16;

/// Parts of rows shorter than `SHORT` bytes are picked out of blocks of whole rows of at most `BLOCK` bytes.
const SHORT: u64 = 1 << 12;
const BLOCK: u64 = 1 << 18;

/// How the values are reached.
enum Route {
    /// One run of bytes, or not written yet.
    Run(Option<u64>),
    /// Chunks that we decode.
    Chunks(Grid, Pipeline),
    /// From the sources of a virtual dataset.
    Shown(Shown),
    /// Through libhdf5, one thread at a time.
    Library,
    /// Not at all.
    Unavailable(String),
}

/// One dataset.
pub(super) struct Hdf5Array {
    info: ArrayInfo,
    path: String,
    file: Arc<Container>,
    dataset: Id,
    element: Element,
    route: Route,
    /// The value of positions never written, as bytes in the file.
    fill: Vec<u8>,
    table: OnceLock<Table>,
    /// Decoded chunks that the next read probably needs.
    cache: Share,
}

impl Hdf5Array {
    /// Examines a dataset.
    pub(super) fn open(file: &Arc<Container>, path: &str, found: Object, scope: &Scope) -> Result<Self> {
        let dataset = found.id;
        let (datatype, creation) = (dataset::datatype(&dataset)?, dataset::creation(&dataset)?);
        let element = types::describe(&datatype)?;
        let Some(shape) = space::shape(&dataset::dataspace(&dataset)?)? else {
            return Ok(Self::new(file, path, dataset, element, vec![], ArrayType::Null));
        };
        let array_type = element.array_type();
        let mut this = Self::new(file, path, dataset, element, shape, array_type);
        // The library tells the size of a pointer in memory, not that of a reference in the file.
        let size = match &this.element {
            Element::Cell(Cell { form: Form::Pointers, .. }) => heap::REFERENCE as u64,
            _ => types::size(&datatype)? as u64,
        };
        let bytes = this.info.shape.iter().try_fold(size, |all, &extent| all.checked_mul(extent));
        let Some(bytes) = bytes.filter(|&bytes| bytes <= i64::MAX.cast_unsigned()) else {
            return Err(Error::invalid(format!("shape {:?} is impossible", this.info.shape)));
        };
        this.info.stored_bytes = dataset::stored_bytes(&this.dataset);
        let elsewhere = found.file != scope.home;
        this.route = match dataset::layout(&this.dataset, &creation, this.info.shape.len())? {
            Layout::Compact => Route::Library,
            Layout::Outside(_) if scope.allow => Route::Library,
            Layout::Outside(what) => return Err(object::external(&what)),
            Layout::Virtual(mappings) if scope.allow => this.shown(mappings, scope, elsewhere)?,
            Layout::Virtual(mappings) => {
                let name = mappings.first().map_or("", |mapping| mapping.file.as_str());
                return Err(object::external(&format!("is a virtual dataset over '{name}'")));
            }
            Layout::Contiguous(_) if elsewhere => Route::Library,
            Layout::Contiguous(offset) => {
                let end = offset.map(|offset| offset.saturating_add(bytes));
                if end.is_some_and(|end| end > file.len) {
                    return Err(Error::invalid(format!(
                        "declares {bytes} bytes of data, more than the file of {} bytes holds",
                        file.len
                    )));
                }
                Route::Run(offset)
            }
            Layout::Chunked(chunk) => this.chunked(&chunk, size, &creation, elsewhere)?,
        };
        if let Element::Cell(cell) = &this.element {
            match cell.form {
                Form::Native => this.fill = dataset::fill_value(&creation, &datatype, cell)?,
                Form::Swapped(width) => {
                    this.fill = dataset::fill_value(&creation, &datatype, cell)?;
                    swap(&mut this.fill, width);
                }
                Form::Pointers if file.plain && !dataset::is_filled(&creation)? => {}
                Form::Converted | Form::Pointers | Form::Padded(_) if !matches!(this.route, Route::Unavailable(_)) => {
                    this.route = Route::Library;
                }
                _ => {}
            }
        }
        Ok(this)
    }

    fn new(
        file: &Arc<Container>,
        path: &str,
        dataset: Id,
        element: Element,
        shape: Vec<u64>,
        dtype: ArrayType,
    ) -> Self {
        let info = ArrayInfo {
            dtype,
            shape,
            chunk: None,
            compression: Compression::None,
            codecs: String::new(),
            stored_bytes: 0,
        };
        Self {
            info,
            path: path.to_owned(),
            file: file.clone(),
            dataset,
            element,
            route: Route::Library,
            fill: vec![],
            table: OnceLock::new(),
            cache: Share::new(),
        }
    }

    fn chunked(&mut self, chunk: &[u64], size: u64, creation: &Id, elsewhere: bool) -> Result<Route> {
        let pipeline = Pipeline::of(creation, usize::try_from(size).unwrap_or(usize::MAX))?;
        self.info.compression = pipeline.compression();
        self.info.codecs = pipeline.words();
        self.info.chunk = Some(chunk.to_vec());
        let bytes = chunk.iter().try_fold(size, |all, &extent| all.checked_mul(extent));
        if bytes.is_none_or(|bytes| bytes > LARGEST_CHUNK) {
            return Err(Error::invalid(format!("chunks of shape {chunk:?} are larger than 1 GiB")));
        }
        if let Some((id, name)) = pipeline.unavailable() {
            return Ok(Route::Unavailable(format!("filter {id} ({name}) is not available")));
        }
        let grid = Grid::new(&self.info.shape, chunk);
        let grid = grid.ok_or_else(|| Error::invalid(format!("chunks of shape {chunk:?} are impossible")))?;
        let library = elsewhere || !pipeline.is_native() || dataset::has_plain_edges(creation)?;
        Ok(if library { Route::Library } else { Route::Chunks(grid, pipeline) })
    }

    fn shown(&mut self, mappings: Vec<Mapping>, scope: &Scope, elsewhere: bool) -> Result<Route> {
        let native = matches!(&self.element, Element::Cell(cell) if cell.form == Form::Native);
        let shown = Shown::find(&self.file, scope, &self.info.shape, mappings)?;
        let Some(shown) = shown.filter(|_| native && !elsewhere) else { return Ok(Route::Library) };
        self.info.codecs = match shown.files() {
            1 => "virtual over 1 file".to_owned(),
            files => format!("virtual over {files} files"),
        };
        if let Some(first) = shown.first()? {
            let first = first.info();
            self.info.compression = first.compression;
            self.info.chunk.clone_from(&first.chunk);
            if !first.codecs.is_empty() {
                self.info.codecs = format!("{}: {}", self.info.codecs, first.codecs);
            }
        }
        Ok(Route::Shown(shown))
    }

    fn place(&self, error: Error) -> Error {
        error.at(&self.path).in_file(&self.file.path)
    }

    fn read_plain(&self, region: &Region, out: &mut Buffer) -> Result<()> {
        let (ArrayType::Plain(dtype), Element::Cell(cell)) = (&self.info.dtype, &self.element) else {
            return Err(Error::unsupported(format!("{} cannot be read by region", self.info.dtype)));
        };
        let len = region.check(&self.info.shape)?;
        fits(len, dtype.size())?;
        if let Route::Unavailable(why) = &self.route {
            return Err(Error::unsupported(why).hint("rewrite the file with h5py and hdf5plugin, compressed with gzip"));
        }
        if *dtype == DType::Str && !matches!(self.route, Route::Library) {
            out.reset(*dtype);
            return self.read_text(region, out);
        }
        if matches!(self.route, Route::Library) {
            out.reset(*dtype);
            return pieces(region, 1, |piece| dataset::read(&self.dataset, cell, None, piece, out));
        }
        if let Route::Shown(shown) = &self.route {
            return shown.read(region, *dtype, &self.fill, out);
        }
        // Old values of the same type need not be cleared: all are replaced.
        if out.dtype() != *dtype {
            out.reset(*dtype);
        }
        out.resize(len);
        if len == 0 {
            return Ok(());
        }
        let bytes = out.as_bytes_mut().ok_or_else(|| Error::internal("text has no bytes"))?;
        self.read_bytes(cell.size, region, bytes)?;
        if let Form::Swapped(width) = cell.form {
            swap(bytes, width);
        }
        if *dtype == DType::Bool {
            normalise(bytes);
        }
        Ok(())
    }

    /// Text of varying length: references first, then what they stand for.
    fn read_text(&self, region: &Region, out: &mut Buffer) -> Result<()> {
        let Buffer::Str(strings) = out else { return Err(Error::internal("text where numbers were expected")) };
        let mut heap = Heap::new(&self.file);
        let mut references = Vec::new();
        pieces(region, 1, |piece| {
            let count = usize::try_from(piece.len()).map_err(|_| Error::internal("region exceeds memory"))?;
            references.resize(count * heap::REFERENCE, 0);
            self.read_bytes(heap::REFERENCE, piece, &mut references)?;
            let first = piece.ranges().first().map_or(0, |range| range.start);
            let width = piece.ranges().iter().skip(1).map(|range| range.end - range.start).product::<u64>().max(1);
            heap.resolve(&references, |i| first + i as u64 / width, strings)
        })
    }

    /// The bytes of a region as they are stored.
    fn read_bytes(&self, size: usize, region: &Region, bytes: &mut [u8]) -> Result<()> {
        match &self.route {
            Route::Run(Some(offset)) => self.read_run(*offset, size, region, bytes),
            Route::Chunks(grid, pipeline) => self.read_chunks(grid, pipeline, size, region, bytes),
            _ => {
                fill(bytes, &self.fill);
                Ok(())
            }
        }
    }

    fn read_run(&self, offset: u64, size: usize, region: &Region, bytes: &mut [u8]) -> Result<()> {
        let whole = Region::all(&self.info.shape);
        let (whole, ranges) = (whole.ranges(), region.ranges());
        let row = self.info.shape.iter().skip(1).product::<u64>() * size as u64;
        let wanted = ranges.iter().skip(1).map(|range| range.end - range.start).product::<u64>() * size as u64;
        if wanted == row || row > BLOCK || wanted > SHORT {
            return grid::runs(whole, ranges, ranges, |from, to, length| {
                self.file.read(offset + (from * size) as u64, &mut bytes[to * size..(to + length) * size])
            });
        }
        // Small parts of short rows: whole rows are read at once, and the parts picked out of them.
        let mut start = ranges[0].start;
        while start < ranges[0].end {
            let stop = (start + BLOCK / row).min(ranges[0].end);
            let rows: Vec<Range<u64>> = std::iter::once(start..stop).chain(whole[1..].iter().cloned()).collect();
            let length = usize::try_from((stop - start) * row).unwrap_or(usize::MAX);
            Container::with_scratch(|scratch| {
                scratch.whole.resize(length, 0);
                self.file.read(offset + start * row, &mut scratch.whole)?;
                let common = grid::intersect(&rows, ranges);
                grid::runs(&rows, ranges, &common, |from, to, length| {
                    let part = &scratch.whole[from * size..(from + length) * size];
                    bytes[to * size..(to + length) * size].copy_from_slice(part);
                    Ok(())
                })
            })?;
            start = stop;
        }
        Ok(())
    }

    fn read_chunks(
        &self,
        grid: &Grid,
        pipeline: &Pipeline,
        size: usize,
        region: &Region,
        bytes: &mut [u8],
    ) -> Result<()> {
        let table = self.table(grid)?;
        grid.touched(region, |number, extent| {
            let starts = || format!("at {:?}", extent.iter().map(|range| range.start).collect::<Vec<_>>());
            self.read_chunk((table, number), pipeline, size, (extent, region.ranges()), bytes)
                .map_err(|error| error.chunk(starts()))
        })
    }

    fn table(&self, grid: &Grid) -> Result<&Table> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let found = dataset::chunks(&self.dataset, grid.shape.len())?;
        Ok(self.table.get_or_init(|| Table::new(grid, found)))
    }

    fn read_chunk(
        &self,
        (table, number): (&Table, u64),
        pipeline: &Pipeline,
        size: usize,
        (extent, region): (&[Range<u64>], &[Range<u64>]),
        bytes: &mut [u8],
    ) -> Result<()> {
        let common = grid::intersect(extent, region);
        let values: u64 = extent.iter().map(|range| range.end - range.start).product();
        let chunk_bytes = usize::try_from(values).unwrap_or(usize::MAX) * size;
        let copy = |chunk: &[u8], bytes: &mut [u8]| {
            grid::runs(extent, region, &common, |from, to, length| {
                bytes[to * size..(to + length) * size].copy_from_slice(&chunk[from * size..(from + length) * size]);
                Ok(())
            })
        };
        let Some(stored) = table.get(number) else {
            return grid::runs(extent, region, &common, |_, to, length| {
                fill(&mut bytes[to * size..(to + length) * size], &self.fill);
                Ok(())
            });
        };
        let places: u32 = (1_u32 << pipeline.0.len().min(31)) - 1;
        if stored.mask & places == places {
            if stored.size != chunk_bytes as u64 {
                return Err(Error::invalid(format!("{} bytes found, {chunk_bytes} expected", stored.size)));
            }
            return grid::runs(extent, region, &common, |from, to, length| {
                let at = stored.address.saturating_add((from * size) as u64);
                self.file.read(at, &mut bytes[to * size..(to + length) * size])
            });
        }
        let decode = |out: &mut [u8]| {
            Container::with_scratch(|scratch| {
                let length = usize::try_from(stored.size.min(self.file.len)).unwrap_or(usize::MAX);
                scratch.raw.resize(length, 0);
                self.file.read(stored.address, &mut scratch.raw)?;
                pipeline.decode(scratch, stored.mask, out)
            })
        };
        if let (true, Some(start)) = (common == extent, grid::run(region, &common)) {
            let start = usize::try_from(start).unwrap_or(usize::MAX) * size;
            return decode(&mut bytes[start..start + chunk_bytes]);
        }
        if let Some(chunk) = self.cache.get(number) {
            return copy(&chunk, bytes);
        }
        let array: Vec<Range<u64>> = self.info.shape.iter().map(|&extent| 0..extent).collect();
        if common == grid::intersect(extent, &array) {
            // All of it is needed now, so nobody will ask again.
            let mut chunk = Container::with_scratch(|scratch| std::mem::take(&mut scratch.whole));
            chunk.resize(chunk_bytes, 0);
            let result = decode(&mut chunk).and_then(|()| copy(&chunk, bytes));
            Container::with_scratch(|scratch| scratch.whole = chunk);
            return result;
        }
        let mut chunk = vec![0; chunk_bytes];
        decode(&mut chunk)?;
        copy(&chunk, bytes)?;
        self.cache.put(number, chunk);
        Ok(())
    }

    fn read_records(&self, field: usize, out: &mut Buffer) -> Result<()> {
        let Element::Record(fields) = &self.element else { return Err(Error::internal("this array has no fields")) };
        let Some((name, cell, shape)) = fields.get(field) else {
            return Err(Error::internal(format!("no field {field}")));
        };
        if let Route::Unavailable(why) = &self.route {
            return Err(Error::unsupported(why));
        }
        let width = shape.iter().product::<u64>();
        let len = usize::try_from(self.info.len().saturating_mul(width)).unwrap_or(usize::MAX);
        fits(len, cell.dtype.size())?;
        out.reset(cell.dtype);
        pieces(&Region::all(&self.info.shape), width, |piece| {
            dataset::read(&self.dataset, cell, Some((field, name, shape)), piece, out)
        })
    }
}

impl ArrayReader for Hdf5Array {
    fn info(&self) -> &ArrayInfo {
        &self.info
    }

    fn stored(&self) -> Option<&dyn StoredChunks> {
        // A boolean is a name in HDF5, and any number that is not 0.
        let same =
            matches!(&self.element, Element::Cell(Cell { form: Form::Native, dtype, .. }) if *dtype != DType::Bool);
        (same && matches!(self.route, Route::Chunks(..))).then_some(self)
    }

    fn fixed_text(&self) -> bool {
        matches!(&self.element, Element::Cell(cell) if matches!(cell.form, Form::Padded(_)))
            && dataset::datatype(&self.dataset).is_ok_and(|datatype| types::is_ascii(&datatype))
    }

    fn read(&self, region: &Region, out: &mut Buffer) -> Result<()> {
        self.read_plain(region, out).map_err(|error| self.place(error))
    }

    fn read_field(&self, field: usize, out: &mut Buffer) -> Result<()> {
        self.read_records(field, out).map_err(|error| self.place(error))
    }
}

impl StoredChunks for Hdf5Array {
    fn code(&self) -> ChunkCode {
        let codecs = if let Route::Chunks(_, pipeline) = &self.route { pipeline.code() } else { vec![] };
        let dtype = self.info.dtype.plain().unwrap_or(DType::U8);
        ChunkCode { format: "hdf5", dtype, chunk: self.info.chunk.clone().unwrap_or_default(), codecs }
    }

    fn largest(&self) -> Result<Option<u64>> {
        let Route::Chunks(grid, _) = &self.route else { return Ok(None) };
        self.table(grid).map(|table| table.largest(grid)).map_err(|error| self.place(error))
    }

    fn read(&self, place: &[u64], out: &mut Vec<u8>) -> Result<u32> {
        let Route::Chunks(grid, _) = &self.route else { return Err(self.place(Error::internal("no chunks"))) };
        let start: Vec<u64> = place.iter().zip(&grid.chunk).map(|(at, extent)| at * extent).collect();
        let mut read = || -> Result<u32> {
            let number = grid.number(&start).ok_or_else(|| Error::internal("no such chunk"))?;
            let stored = self.table(grid)?.get(number).ok_or_else(|| Error::internal("was never written"))?;
            out.resize(usize::try_from(stored.size.min(self.file.len)).unwrap_or(usize::MAX), 0);
            self.file.read(stored.address, out)?;
            Ok(stored.mask)
        };
        read().map_err(|error| self.place(error.chunk(format!("at {start:?}"))))
    }
}

/// Cuts a region along its first dimension into pieces of bounded size.
fn pieces(region: &Region, width: u64, mut each: impl FnMut(&Region) -> Result<()>) -> Result<()> {
    let Some((rows, rest)) = region.ranges().split_first() else { return each(region) };
    if region.is_empty() {
        return Ok(());
    }
    let row = rest.iter().map(|range| range.end - range.start).product::<u64>().saturating_mul(width);
    let height = (PIECE / row.max(1)).max(1);
    let mut start = rows.start;
    while start < rows.end {
        let stop = (start + height).min(rows.end);
        let ranges = std::iter::once(start..stop).chain(rest.iter().cloned()).collect();
        each(&Region::new(ranges))?;
        start = stop;
    }
    Ok(())
}
