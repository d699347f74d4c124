//! A store being built.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::array_writer::{Channel, Filler};
use super::case::Names;
use super::files::check_key;
use super::layout::{Layout, layout};
use super::meta::Keys;
use super::output::{Named, Output, Place};
use super::publish::Draft;
use super::record_writer::RecordWriter;
use super::tree::{self, Kind, Node, Nodes};
use super::{attrs, copied};
use crate::queue::Queue;
use crate::{
    ArrayReader, ArraySpec, ArrayType, ArrayWriter, AttrValue, Compression, CreateOptions, DType, Error, Result,
    StoreWriter, ZarrFormat, ZarrOptions,
};

/// Names that mean something else in a store.
const RESERVED: [&str; 5] = ["zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata"];

/// A zarr store being written.
pub(crate) struct ZarrWriter {
    shared: Arc<Shared>,
}

/// What the writer and its arrays share.
pub(super) struct Shared {
    target: PathBuf,
    options: ZarrOptions,
    state: Mutex<State>,
}

/// The folder, its metadata, and the chunks on their way to it.
pub(super) struct State {
    draft: Option<Draft>,
    format: ZarrFormat,
    nodes: Nodes,
    names: Names,
    pub(super) queue: Queue<Place>,
    /// Arrays that are not finished.
    open: Vec<String>,
    /// A write failed, so the store must not be published.
    failed: bool,
}

impl Shared {
    /// Runs one step of writing; an error of it spoils the store.
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
    fn group(&mut self, path: &str) -> Result<()> {
        check_name(path)?;
        for (end, _) in path.match_indices('/').chain(std::iter::once((path.len(), ""))) {
            self.names.take(&path[..end])?;
            if self.nodes.entry(path[..end].to_owned()).or_default().array.is_some() {
                return Err(Error::internal("an array stands there already").at(&path[..end]));
            }
        }
        Ok(())
    }

    fn attr(&mut self, path: &str, name: &str, value: &AttrValue) -> Result<()> {
        let node = self.nodes.get_mut(path).ok_or_else(|| Error::internal("nothing stands there"))?;
        node.attrs.insert(name.to_owned(), attrs::write(value)?);
        Ok(())
    }

    /// Where the store stands meanwhile.
    pub(super) fn folder(&self) -> Result<&Path> {
        self.draft.as_ref().map(Draft::folder).ok_or_else(|| Error::internal("the store is closed"))
    }

    /// Sets the metadata of an array.
    pub(super) fn describe(
        &mut self,
        path: &str,
        kind: &Kind,
        shape: &[u64],
        chunk: &[u64],
        compression: Compression,
    ) -> Result<()> {
        let layout = Layout { chunk: chunk.to_vec(), shard: None };
        self.set(path, tree::describe(self.format, kind, shape, &layout, compression))
    }

    fn set(&mut self, path: &str, value: serde_json::Value) -> Result<()> {
        let node = self.nodes.get_mut(path).ok_or_else(|| Error::internal("nothing stands there"))?;
        node.array = Some(value);
        Ok(())
    }

    /// Ends an array, whose first extent is `rows` if it could grow.
    pub(super) fn finish_array(&mut self, path: &str, rows: Option<u64>) -> Result<()> {
        let array = self.nodes.get_mut(path).and_then(|node| node.array.as_mut());
        let array = array.ok_or_else(|| Error::internal("nothing stands there"))?;
        if let Some(rows) = rows {
            array["shape"][0] = rows.into();
        }
        self.open.retain(|open| open != path);
        Ok(())
    }

    fn finish(&mut self) -> Result<Draft> {
        self.queue.drain()?;
        if self.failed {
            return Err(Error::internal("an earlier write failed"));
        }
        if let Some(path) = self.open.first() {
            return Err(Error::internal("was not finished").at(path));
        }
        let draft = self.draft.take().ok_or_else(|| Error::internal("the store is closed"))?;
        tree::write(self.format, draft.folder(), &self.nodes)?;
        Ok(draft)
    }
}

impl ZarrWriter {
    /// Starts a store that will stand at `path`.
    ///
    /// # Errors
    /// If the folder above does not exist or cannot be written, or `path` exists and may not be replaced.
    pub(crate) fn create(path: &Path, options: CreateOptions) -> Result<Self> {
        let draft = Draft::create(path, options.overwrite)?;
        let state = State {
            names: Names::below(draft.folder()),
            draft: Some(draft),
            format: options.zarr.format,
            nodes: Nodes::from([(String::new(), Node::default())]),
            queue: Queue::new(options.pool, options.queue),
            open: vec![],
            failed: false,
        };
        let shared = Shared { target: path.to_owned(), options: options.zarr, state: Mutex::new(state) };
        Ok(Self { shared: Arc::new(shared) })
    }

    fn new_array(&self, paths: &[&str], spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
        let plain = |dtype: DType| if dtype == DType::Str { Kind::Text } else { Kind::Number(dtype) };
        let (kind, size, shards) = match &spec.dtype {
            // Readers get text out of shards slowly.
            ArrayType::Plain(DType::Str) => (Kind::Text, DType::Str.size(), None),
            ArrayType::Plain(dtype) => (plain(*dtype), dtype.size(), self.shards()),
            // Nothing is a boolean without a chunk, as in zarr-python; what it means, its attributes say. Records are
            // described when they are complete.
            ArrayType::Null | ArrayType::Records(_) => (Kind::Number(DType::Bool), 1, None),
            ArrayType::Opaque(what) => return Err(Error::unsupported(format!("{what} cannot be written"))),
        };
        let layout = layout(spec, size as u64, shards);
        let channel = self.channel(paths, spec, &kind, &layout)?;
        Ok(match &spec.dtype {
            ArrayType::Plain(dtype) => Box::new(Filler::new(channel, *dtype, spec, &layout.chunk)),
            ArrayType::Records(fields) => Box::new(RecordWriter::new(channel, fields, &spec.shape)?),
            ArrayType::Null | ArrayType::Opaque(_) => Box::new(RecordWriter::new(channel, &[], &[])?),
        })
    }

    /// Bytes of a shard, if there are any.
    pub(super) fn shards(&self) -> Option<u64> {
        let options = self.shared.options;
        (options.format == ZarrFormat::V3 && options.shard > 0).then_some(options.shard)
    }

    /// Begins arrays that get the same chunks.
    pub(super) fn channel(&self, paths: &[&str], spec: &ArraySpec, kind: &Kind, layout: &Layout) -> Result<Channel> {
        let format = self.shared.options.format;
        let begin = |path: &&str| {
            let folder = self.shared.step(|state| {
                if let Some((parent, _)) = path.rsplit_once('/') {
                    state.group(parent)?;
                }
                check_name(path)?;
                if path.is_empty() || state.nodes.contains_key(*path) {
                    return Err(Error::internal("something stands there already").at(*path));
                }
                state.names.take(path)?;
                let folder = state.folder()?.join(path);
                state.nodes.insert((*path).to_owned(), Node::default());
                state.set(path, tree::describe(format, kind, &spec.shape, layout, spec.compression))?;
                state.open.push((*path).to_owned());
                Ok(folder)
            })?;
            let keys = Keys { prefix: format == ZarrFormat::V3, separator: separator(format) };
            let output = Arc::new(Mutex::new(Output::new(folder, keys, layout.clone())));
            Ok(Named { output, path: (*path).into() })
        };
        let arrays = paths.iter().map(begin).collect::<Result<_>>()?;
        Ok(Channel { shared: self.shared.clone(), arrays, compression: spec.compression })
    }
}

fn separator(format: ZarrFormat) -> char {
    match format {
        ZarrFormat::V2 => '.',
        ZarrFormat::V3 => '/',
    }
}

fn check_name(path: &str) -> Result<()> {
    check_key(path).map_err(|error| Error::unsupported(error.message()))?;
    match path.split('/').find(|part| RESERVED.contains(part)) {
        Some(part) => Err(Error::unsupported(format!("'{part}' cannot be the name of an element in a zarr store"))),
        None => Ok(()),
    }
}

impl StoreWriter for ZarrWriter {
    fn location(&self) -> &Path {
        &self.shared.target
    }

    fn group(&self, path: &str) -> Result<()> {
        self.shared.step(|state| state.group(path)).map_err(|error| error.at(path))
    }

    fn attr(&self, path: &str, name: &str, value: &AttrValue) -> Result<()> {
        self.shared.step(|state| state.attr(path, name, value)).map_err(|error| error.at(path))
    }

    fn array(&self, path: &str, spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
        self.new_array(&[path], spec).map_err(|error| error.at(path).in_file(&self.shared.target))
    }

    fn equal_arrays(&self, paths: &[&str], spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
        self.new_array(paths, spec).map_err(|error| error.in_file(&self.shared.target))
    }

    fn copied_array(
        &self,
        path: &str,
        spec: &ArraySpec,
        from: &dyn ArrayReader,
        each: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        copied::copy(self, path, spec, from, each)
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let draft = self.shared.step(State::finish)?;
        draft.publish().map_err(|error| error.in_file(&self.shared.target))
    }
}

impl Drop for ZarrWriter {
    fn drop(&mut self) {
        // Arrays may outlive the writer; the folder must not.
        let mut state = self.shared.state();
        // Chunks still in flight end with the queue.
        let draft = state.draft.take();
        drop(state);
        drop(draft);
    }
}
