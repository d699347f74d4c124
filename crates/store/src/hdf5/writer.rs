//! A file as a tree being built.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::array_writer::{self, NumberWriter};
use super::create::{self, Dataset, Storage};
use super::ffi::Id;
use super::publish::Draft;
use super::record_writer::{RecordWriter, record_type};
use super::stored::{Piece, Place};
use super::text_writer::TextWriter;
use super::{attrs, copied, ffi, mapping, object, types};
use crate::links::link_name;
use crate::queue::Queue;
use crate::store::EqualArrays;
use crate::writeback::WriteBack;
use crate::{
    ArrayReader, ArraySpec, ArrayType, ArrayWriter, AttrValue, Compression, CreateOptions, DType, Error, NodeKind,
    Region, Result, StoreWriter, VirtualPart, grid,
};

/// An HDF5 file being written.
pub(crate) struct Hdf5Writer {
    shared: Arc<Shared>,
}

/// What the writer and its arrays share.
pub(super) struct Shared {
    target: PathBuf,
    state: Mutex<State>,
}

/// The file and the chunks on their way to it.
pub(super) struct State {
    file: Option<(Id, Draft)>,
    pub(super) queue: Queue<Place>,
    /// Arrays that are not finished.
    pub(super) open: Vec<String>,
    /// References wait until their targets are sure to exist: path, name, value.
    references: Vec<(String, String, AttrValue)>,
    /// A write failed, so the file must not be published.
    failed: bool,
    pub(super) writeback: WriteBack,
}

impl Shared {
    /// Runs one step of writing; an error of it spoils the file.
    pub(super) fn step<T>(&self, step: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.state();
        let result = step(&mut state);
        state.failed |= result.is_err();
        result.map_err(|error| error.in_file(&self.target))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn file(&self) -> Result<&Id> {
        self.file.as_ref().map(|(id, _)| id).ok_or_else(|| Error::internal("the file is closed"))
    }

    /// Our own handle on the file.
    pub(super) fn raw(&self) -> Result<&std::fs::File> {
        self.file.as_ref().map(|(_, draft)| &draft.raw).ok_or_else(|| Error::internal("the file is closed"))
    }

    /// Hands a chunk to the queue.
    pub(super) fn push(&mut self, place: Place, piece: Piece) -> Result<()> {
        self.writeback.wrote(piece.len() * (1 + place.twins.len()));
        let job = place.job(piece);
        self.queue.push(place, job)
    }

    fn kind(&self, path: &str) -> Result<Option<NodeKind>> {
        Ok(object::open(self.file()?, path, false)?.and_then(|found| found.kind))
    }

    fn group(&mut self, path: &str) -> Result<()> {
        self.queue.drain()?;
        for (end, _) in path.match_indices('/').chain(std::iter::once((path.len(), ""))) {
            match self.kind(&path[..end])? {
                Some(NodeKind::Group) => {}
                Some(NodeKind::Array) => return Err(Error::internal("an array stands there already").at(&path[..end])),
                None => {
                    let made = create::group(self.file()?, &path[..end]);
                    made.map_err(|error| ffi::writing(error).at(&path[..end]))?;
                }
            }
        }
        Ok(())
    }

    /// Makes room for an array.
    pub(super) fn place(&mut self, path: &str) -> Result<()> {
        self.queue.drain()?;
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.group(parent)?;
        }
        if path.is_empty() || self.kind(path)?.is_some() {
            return Err(Error::internal("something stands there already"));
        }
        Ok(())
    }

    fn attr(&mut self, path: &str, name: &str, value: &AttrValue) -> Result<()> {
        self.queue.drain()?;
        let found = object::open(self.file()?, path, false)?;
        let found = found.ok_or_else(|| Error::internal("nothing stands there"))?;
        attrs::write(self.file()?, &found.id, name, value)
    }

    pub(super) fn dataset(&mut self, path: &str, spec: &ArraySpec, datatype: (&Id, usize)) -> Result<Arc<Dataset>> {
        let growable = spec.growable && !spec.shape.is_empty();
        let chunk = array_writer::chunk_shape(spec, datatype.1);
        let plain_numbers = matches!(spec.dtype, ArrayType::Plain(dtype) if dtype != DType::Str);
        let storage = match &chunk {
            Some(chunk) => Storage::Chunks(chunk),
            None if plain_numbers => Storage::Reserved,
            None => Storage::Run,
        };
        let compression = if chunk.is_some() { spec.compression } else { Compression::None };
        let shape = (spec.dtype != ArrayType::Null).then_some(spec.shape.as_slice());
        let dataset = Dataset::create(self.file()?, path, datatype, shape, growable, &storage, compression)?;
        Ok(Arc::new(dataset))
    }

    fn finish(&mut self) -> Result<Draft> {
        self.queue.drain()?;
        if self.failed {
            return Err(Error::internal("an earlier write failed"));
        }
        if let Some(path) = self.open.first() {
            return Err(Error::internal("was not finished").at(path));
        }
        for (path, name, value) in std::mem::take(&mut self.references) {
            self.attr(&path, &name, &value).map_err(|error| ffi::writing(error).at(&path))?;
        }
        let (file, draft) = self.file.take().ok_or_else(|| Error::internal("the file is closed"))?;
        create::close(file).map_err(ffi::writing)?;
        Ok(draft)
    }
}

impl Hdf5Writer {
    /// Starts a file that will stand at `path`.
    ///
    /// # Errors
    /// If the folder does not exist or cannot be written, or `path` exists and may not be replaced.
    pub(crate) fn create(path: &Path, options: CreateOptions) -> Result<Self> {
        let draft = Draft::create(path, options.overwrite)?;
        let file = create::file(draft.temporary()).map_err(|error| ffi::writing(error).in_file(path))?;
        let target = draft.target().to_owned();
        let queue = Queue::new(options.pool, options.queue);
        let writeback = WriteBack::new(&draft.raw);
        let state =
            State { file: Some((file, draft)), queue, open: vec![], references: vec![], failed: false, writeback };
        Ok(Self { shared: Arc::new(Shared { target, state: Mutex::new(state) }) })
    }
}

impl StoreWriter for Hdf5Writer {
    fn location(&self) -> &Path {
        &self.shared.target
    }

    fn group(&self, path: &str) -> Result<()> {
        self.shared.step(|state| state.group(path)).map_err(|error| error.at(path))
    }

    fn attr(&self, path: &str, name: &str, value: &AttrValue) -> Result<()> {
        let result = self.shared.step(|state| {
            if let AttrValue::Reference(_) = value {
                state.references.push((path.to_owned(), name.to_owned(), value.clone()));
                return Ok(());
            }
            state.attr(path, name, value).map_err(ffi::writing)
        });
        result.map_err(|error| error.at(path))
    }

    fn array(&self, path: &str, spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
        let shared = &self.shared;
        let result = shared.step(|state| {
            state.place(path)?;
            let writer: Box<dyn ArrayWriter> = match &spec.dtype {
                ArrayType::Plain(DType::Str) => {
                    let datatype = types::create(DType::Str)?;
                    let size = types::size(&datatype)?;
                    let dataset = state.dataset(path, spec, (&datatype, size))?;
                    Box::new(TextWriter::new(shared.clone(), dataset, datatype, spec))
                }
                ArrayType::Plain(dtype) => {
                    let dataset = state.dataset(path, spec, (&types::create(*dtype)?, dtype.size()))?;
                    Box::new(NumberWriter::new(shared.clone(), dataset, Arc::default(), *dtype, spec))
                }
                ArrayType::Records(fields) => {
                    let (datatype, size) = record_type(fields)?;
                    let dataset = state.dataset(path, spec, (&datatype, size))?;
                    Box::new(RecordWriter::new(shared.clone(), dataset, fields.clone(), spec)?)
                }
                ArrayType::Null => {
                    let spec = ArraySpec { growable: false, chunk: None, ..spec.clone() };
                    let dataset = state.dataset(path, &spec, (&types::create(DType::F32)?, 4))?;
                    Box::new(RecordWriter::new(shared.clone(), dataset, vec![], &spec)?)
                }
                ArrayType::Opaque(what) => return Err(Error::unsupported(format!("{what} cannot be written"))),
            };
            state.open.push(path.to_owned());
            Ok(writer)
        });
        result.map_err(|error| ffi::writing(error).at(path).in_file(&shared.target))
    }

    fn equal_arrays(&self, paths: &[&str], spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
        let shared = &self.shared;
        let dtype = spec.dtype.plain().filter(|dtype| *dtype != DType::Str);
        let (Some(dtype), Some(_)) = (dtype, dtype.and_then(|dtype| array_writer::chunk_shape(spec, dtype.size())))
        else {
            let arrays = paths.iter().map(|path| self.array(path, spec)).collect::<Result<_>>()?;
            return Ok(Box::new(EqualArrays(arrays)));
        };
        let create = |path: &&str| {
            let created = shared.step(|state| {
                state.place(path)?;
                let dataset = state.dataset(path, spec, (&types::create(dtype)?, dtype.size()))?;
                state.open.push((*path).to_owned());
                Ok(dataset)
            });
            created.map_err(|error| ffi::writing(error).at(*path).in_file(&shared.target))
        };
        let mut datasets = paths.iter().map(create).collect::<Result<Vec<_>>>()?.into_iter();
        let first = datasets.next().ok_or_else(|| Error::internal("no array to write"))?;
        Ok(Box::new(NumberWriter::new(shared.clone(), first, datasets.collect(), dtype, spec)))
    }

    fn copied_array(
        &self,
        path: &str,
        spec: &ArraySpec,
        from: &dyn ArrayReader,
        each: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        copied::copy(&self.shared, path, spec, from, each)
    }

    fn virtual_array(&self, path: &str, spec: &ArraySpec, parts: &[VirtualPart]) -> Result<()> {
        let ArrayType::Plain(dtype) = spec.dtype else {
            return Err(Error::unsupported(format!("virtual arrays of {} are not written", spec.dtype)).at(path));
        };
        let mut shown = 0;
        let mut names = Vec::with_capacity(parts.len());
        for part in parts {
            let extents = |region: &Region| -> Vec<u64> { region.ranges().iter().map(|r| r.end - r.start).collect() };
            shown += part.to.check(&spec.shape)? as u64;
            if extents(&part.from) != extents(&part.to) {
                return Err(Error::internal("the boxes of a part differ").at(path));
            }
            names.push(link_name(&self.shared.target, &part.store)?);
        }
        if shown != grid::count(&spec.shape)? {
            return Err(Error::internal("the parts are not the whole array").at(path));
        }
        let parts: Vec<_> = parts
            .iter()
            .zip(&names)
            .filter(|(part, _)| !part.to.is_empty())
            .map(|(part, name)| (name.as_str(), part.array.as_str(), &part.from, &part.to))
            .collect();
        let result = self.shared.step(|state| {
            state.place(path)?;
            mapping::create(state.file()?, path, &types::create(dtype)?, &spec.shape, &parts)
        });
        result.map_err(|error| ffi::writing(error).at(path))
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let draft = self.shared.step(State::finish)?;
        draft.publish().map_err(|error| error.in_file(&self.shared.target))
    }
}

impl Drop for Hdf5Writer {
    fn drop(&mut self) {
        // Arrays may outlive the writer; the file must not.
        let file = self.shared.state().file.take();
        drop(file);
    }
}
