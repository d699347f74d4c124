//! The seam: what a storage backend must be able to do.
//!
//! A *path* inside a store is names joined by `/`, without a leading slash; the root is `""`.
//! Reading never locks anything above the backend: any thread may call any method of [`Store`] and [`ArrayReader`]
//! at any time. Writing is one thread's work: arrays may be open side by side, each is appended to from its start to
//! its end, and the bytes written depend only on the calls made, in their order.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{ArrayType, AttrValue, Attrs, Buffer, Compression, DType, Error, Field, Result};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A group of named nodes.
    Group,
    /// An array.
    Array,
}

/// Facts about an array that cost no data reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayInfo {
    /// What it holds.
    pub dtype: ArrayType,
    /// Extent of each dimension; empty for a scalar.
    pub shape: Vec<u64>,
    /// Extent of a chunk, if it is stored in chunks.
    pub chunk: Option<Vec<u64>>,
    /// Compression, as far as [`Compression`] can name it (`None` also for codecs that we read but do not write).
    pub compression: Compression,
    /// The codecs in words, for people ("shuffle, deflate 4"); empty when uncompressed.
    pub codecs: String,
    /// Bytes on disk; on a server, where nobody counts them, those of the values.
    pub stored_bytes: u64,
}

impl ArrayInfo {
    /// Number of values.
    pub fn len(&self) -> u64 {
        if self.dtype == ArrayType::Null { 0 } else { self.shape.iter().product() }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A box of an array: one range per dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(Vec<Range<u64>>);

impl Region {
    /// The whole array.
    pub fn all(shape: &[u64]) -> Self {
        Self(shape.iter().map(|&extent| 0..extent).collect())
    }

    /// Some rows (first dimension) and everything of the other dimensions.
    pub fn rows(shape: &[u64], rows: Range<u64>) -> Self {
        let mut region = Self::all(shape);
        if let Some(first) = region.0.first_mut() {
            *first = rows;
        }
        region
    }

    /// The given ranges.
    pub fn new(ranges: Vec<Range<u64>>) -> Self {
        Self(ranges)
    }

    /// The ranges.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.0
    }

    /// Number of values inside.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|range| range.end.saturating_sub(range.start)).product()
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that the region lies inside `shape`, and returns its length as a memory size.
    ///
    /// # Errors
    /// If it has another number of dimensions, a reversed range, or ends outside.
    pub fn check(&self, shape: &[u64]) -> Result<usize> {
        let inside = self.0.len() == shape.len()
            && self.0.iter().zip(shape).all(|(range, &extent)| range.start <= range.end && range.end <= extent);
        if !inside {
            return Err(Error::internal(format!("region {:?} is outside shape {shape:?}", self.0)));
        }
        usize::try_from(self.len()).map_err(|_| Error::internal(format!("region {:?} exceeds memory", self.0)))
    }
}

/// A readable tree of groups and arrays.
pub trait Store: Send + Sync {
    /// Where it lives, for messages.
    fn location(&self) -> &Path;

    /// The format in a word: `hdf5`, `memory`.
    fn format(&self) -> &'static str;

    /// What stands at `path`, or `None`.
    ///
    /// # Errors
    /// If the path leads outside the store (external link) or the store is damaged.
    fn node(&self, path: &str) -> Result<Option<NodeKind>>;

    /// The names in a group, in the order h5py and zarr-python iterate them.
    ///
    /// # Errors
    /// If `path` is not a group.
    fn children(&self, path: &str) -> Result<Vec<String>>;

    /// The attributes of a node.
    ///
    /// # Errors
    /// If nothing stands at `path` or an attribute is damaged.
    fn attrs(&self, path: &str) -> Result<Attrs>;

    /// Opens an array.
    ///
    /// # Errors
    /// If `path` is not an array, or is one that points outside the store.
    fn array(&self, path: &str) -> Result<Arc<dyn ArrayReader>>;
}

/// One array, readable region by region from any thread.
pub trait ArrayReader: Send + Sync {
    /// Its type, shape and storage.
    fn info(&self) -> &ArrayInfo;

    /// Its shape.
    fn shape(&self) -> &[u64] {
        &self.info().shape
    }

    /// Whether this is text stored in a fixed number of ASCII bytes. Old AnnData files mean a scalar by one such value.
    fn fixed_text(&self) -> bool {
        false
    }

    /// Replaces the content of `out` by the values of a region, in row-major order and in the stored type (big-endian
    /// numbers arrive native). A scalar is the region without dimensions. Positions never written read as the fill value.
    ///
    /// # Errors
    /// If the array is not [`ArrayType::Plain`], its codec is not supported, or a chunk is damaged.
    fn read(&self, region: &Region, out: &mut Buffer) -> Result<()>;

    /// The chunks as they are stored, where a writer of the same format could take them over; `None` for everything else.
    fn stored(&self) -> Option<&dyn StoredChunks> {
        None
    }

    /// The values of one field of all records, flattened; for [`ArrayType::Records`].
    ///
    /// # Errors
    /// If the array has no such field.
    fn read_field(&self, field: usize, out: &mut Buffer) -> Result<()> {
        let _ = (field, out);
        Err(Error::internal("this array has no fields"))
    }
}

/// What the bytes of a chunk mean. A chunk can stand in another array if that has the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkCode {
    /// The format that the codecs are of, in a word.
    pub format: &'static str,
    /// Type of the values, in the byte order of this machine.
    pub dtype: DType,
    /// Extent of a chunk.
    pub chunk: Vec<u64>,
    /// What must be undone to read it, in order. How hard a codec tried is not a part of that.
    pub codecs: Vec<String>,
}

/// The chunks of an array of numbers as they are stored. Reading them checks no more than that the bytes are there.
pub trait StoredChunks: Send + Sync {
    /// What they mean.
    fn code(&self) -> ChunkCode;

    /// Bytes of the largest one; `None` if one was never written.
    ///
    /// # Errors
    /// If they cannot be found.
    fn largest(&self) -> Result<Option<u64>>;

    /// Replaces the content of `out` by the bytes of the chunk at a place of the grid. Returns the codecs that were left out
    /// for this chunk, one bit each.
    ///
    /// # Errors
    /// If there is no such chunk, or reading fails.
    fn read(&self, place: &[u64], out: &mut Vec<u8>) -> Result<u32>;
}

/// What an array to be written is like.
#[derive(Clone, Debug, PartialEq)]
pub struct ArraySpec {
    /// What it holds.
    pub dtype: ArrayType,
    /// Final extent of each dimension; with `growable`, the first is a hint and what is appended decides.
    pub shape: Vec<u64>,
    /// Whether the first dimension ends where appending ends, and readers may extend it later.
    pub growable: bool,
    /// Extent of a chunk; `None` lets the backend choose (contiguous when uncompressed and fixed).
    pub chunk: Option<Vec<u64>>,
    /// Compression; ignored for scalars and empty arrays.
    pub compression: Compression,
}

impl ArraySpec {
    /// A plain uncompressed array of known shape.
    pub fn new(dtype: DType, shape: Vec<u64>) -> Self {
        Self { dtype: ArrayType::Plain(dtype), shape, growable: false, chunk: None, compression: Compression::None }
    }

    /// A record array of known shape.
    pub fn records(fields: Vec<Field>, shape: Vec<u64>) -> Self {
        Self { dtype: ArrayType::Records(fields), ..Self::new(DType::U8, shape) }
    }

    /// The same with a compression.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The same with a chunk shape.
    #[must_use]
    pub fn chunk(mut self, chunk: Vec<u64>) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// The same, with a first dimension that grows.
    #[must_use]
    pub fn growable(mut self) -> Self {
        self.growable = true;
        self
    }
}

/// A box of a virtual array, and the box of an array of another store whose values it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualPart {
    /// The other store, by its [`location`](Store::location).
    pub store: PathBuf,
    /// The array in that store.
    pub array: String,
    /// The box of that array.
    pub from: Region,
    /// The box of the virtual array, with the same extents.
    pub to: Region,
}

/// A tree of groups and arrays being built. Nothing stands at the target path until [`commit`](Self::commit); dropping
/// the writer without it leaves no trace.
pub trait StoreWriter: Send + Sync {
    /// The target, for messages.
    fn location(&self) -> &Path;

    /// Creates a group; its parents exist or are created. The root always exists.
    ///
    /// # Errors
    /// If an array stands there, or writing fails.
    fn group(&self, path: &str) -> Result<()>;

    /// Sets an attribute of a group or finished array.
    ///
    /// # Errors
    /// If nothing stands at `path`, or writing fails.
    fn attr(&self, path: &str, name: &str, value: &AttrValue) -> Result<()>;

    /// Creates an array and returns the handle that fills it. Several may be open at a time.
    ///
    /// # Errors
    /// If something stands there already, or writing fails.
    fn array(&self, path: &str, spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>>;

    /// Creates arrays of the same values and returns the handle that fills all of them. Chunks are encoded once.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    fn equal_arrays(&self, paths: &[&str], spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
        let arrays = paths.iter().map(|path| self.array(path, spec)).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(EqualArrays(arrays)))
    }

    /// Creates an array whose chunks are those of another one, as they are stored: nothing is decoded or looked at. `each` is
    /// called with the number of values taken over each time, and ends the copying with an error of its own. Chunks have the
    /// extents that they had; `spec` says the rest. Returns `false`, and has done nothing, if the chunks cannot stand in such an
    /// array here: for another format, type, or compression, or none at all, where chunks carry checksums, where one was never
    /// written, or is larger than 16 MiB.
    ///
    /// # Errors
    /// If something stands there already, reading or writing fails, or `each` does.
    fn copied_array(
        &self,
        path: &str,
        spec: &ArraySpec,
        from: &dyn ArrayReader,
        each: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        let _ = (path, spec, from, each);
        Ok(false)
    }

    /// Creates an array whose values stay where they are: in arrays of other stores, of a format that
    /// [`virtual_sources`](crate::virtual_sources) tells. The parts cover the array, each value once. Costs what the
    /// parts are described by, and reads no value: that the sources hold what they should is not checked here.
    ///
    /// # Errors
    /// If the format has no such arrays, something stands there already, or writing fails.
    fn virtual_array(&self, path: &str, spec: &ArraySpec, parts: &[VirtualPart]) -> Result<()> {
        let _ = (spec, parts);
        Err(Error::unsupported("this format has no virtual arrays").at(path).in_file(self.location()))
    }

    /// Publishes everything under the target path, atomically.
    ///
    /// # Errors
    /// If writing fails; the target is then untouched.
    fn commit(self: Box<Self>) -> Result<()>;
}

/// One array being filled, in row-major order.
pub trait ArrayWriter: Send {
    /// Appends values of the array's type; any number of values, not only whole rows.
    ///
    /// # Errors
    /// If the type differs, more values come than the shape holds, or writing fails.
    fn append(&mut self, values: Buffer) -> Result<()>;

    /// Appends a part of values that other parts are appended of, too. Whole chunks of it are not copied.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn append_part(&mut self, values: &Arc<Buffer>, part: Range<usize>) -> Result<()> {
        let mut copy = Buffer::empty(values.dtype());
        copy.extend_from(values, part)?;
        self.append(copy)
    }

    /// Counts values as appended that stand in files of their own, which somebody else writes: those of whole files, or up
    /// to the end of the array. See [`values_per_file`](crate::values_per_file).
    ///
    /// # Errors
    /// If the format has no such files, or those values end within one that is written here.
    fn skip(&mut self, values: u64) -> Result<()> {
        let _ = values;
        Err(Error::unsupported("this format cannot be written in parts"))
    }

    /// Sets all values of one field of a record array.
    ///
    /// # Errors
    /// If the array has no such field, or writing fails.
    fn write_field(&mut self, field: usize, values: &Buffer) -> Result<()> {
        let _ = (field, values);
        Err(Error::internal("this array has no fields"))
    }

    /// Ends the array. Must be called; an unfinished array makes `commit` fail.
    ///
    /// # Errors
    /// If fewer values came than the shape holds, or writing fails.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Most bytes of a chunk that is copied as it is stored.
const LARGEST_COPIED: u64 = 1 << 24;

/// The chunks of an array, if they are at hand for an array whose chunks mean `own`. Where there is nothing to undo there is
/// nothing to save: such values are read, and looked at.
pub(crate) fn copyable<'a>(
    from: &'a dyn ArrayReader,
    spec: &ArraySpec,
    own: impl FnOnce(&ChunkCode) -> Option<ChunkCode>,
) -> Result<Option<&'a dyn StoredChunks>> {
    let Some(chunks) = from.stored() else { return Ok(None) };
    let info = from.info();
    let code = chunks.code();
    let same = info.shape == spec.shape
        && !info.is_empty()
        && info.dtype == spec.dtype
        && info.compression == spec.compression
        && !code.codecs.is_empty()
        && own(&code).as_ref() == Some(&code);
    let small = same && chunks.largest()?.is_some_and(|bytes| bytes <= LARGEST_COPIED);
    Ok(small.then_some(chunks))
}

/// Reads a chunk that is to be copied. Where all codecs were left out, its length is known.
pub(crate) fn read_stored(chunks: &dyn StoredChunks, place: &[u64], out: &mut Vec<u8>) -> Result<u32> {
    let mask = chunks.read(place, out)?;
    let ChunkCode { dtype, chunk, codecs, .. } = chunks.code();
    let expected = chunk.iter().product::<u64>() * dtype.size() as u64;
    let plain = (0..codecs.len()).all(|place| mask >> (place & 31) & 1 == 1);
    if plain && out.len() as u64 != expected {
        let message = format!("{} bytes found, {expected} expected", out.len());
        return Err(Error::invalid(message).chunk(format!("{place:?} of the grid")));
    }
    Ok(mask)
}

/// Arrays of the same values, each filled by itself.
pub(crate) struct EqualArrays(pub(crate) Vec<Box<dyn ArrayWriter>>);

impl ArrayWriter for EqualArrays {
    fn append(&mut self, values: Buffer) -> Result<()> {
        let all = 0..values.len();
        self.append_part(&Arc::new(values), all)
    }

    fn append_part(&mut self, values: &Arc<Buffer>, part: Range<usize>) -> Result<()> {
        self.0.iter_mut().try_for_each(|array| array.append_part(values, part.clone()))
    }

    fn skip(&mut self, values: u64) -> Result<()> {
        self.0.iter_mut().try_for_each(|array| array.skip(values))
    }

    fn write_field(&mut self, field: usize, values: &Buffer) -> Result<()> {
        self.0.iter_mut().try_for_each(|array| array.write_field(field, values))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.into_iter().try_for_each(ArrayWriter::finish)
    }
}
