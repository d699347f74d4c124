//! A store in memory, for tests and for trying things out.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use crate::{
    ArrayInfo, ArrayReader, ArraySpec, ArrayType, ArrayWriter, AttrValue, Attrs, Buffer, Compression, DType, Error,
    NodeKind, Region, Result, Store, StoreWriter,
};

#[derive(Clone, Debug)]
struct Node {
    attrs: Attrs,
    array: Option<Arc<MemoryArray>>,
}

type Nodes = IndexMap<String, Node>;

/// A readable tree in memory.
#[derive(Debug)]
pub struct MemoryStore {
    nodes: Nodes,
}

/// A tree in memory being built; clones build the same tree.
#[derive(Clone, Debug)]
pub struct MemoryWriter {
    nodes: Arc<Mutex<Nodes>>,
    unfinished: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct MemoryArray {
    info: ArrayInfo,
    values: Buffer,
    fields: Vec<Buffer>,
}

struct MemoryArrayWriter {
    path: String,
    spec: ArraySpec,
    values: Buffer,
    fields: Vec<Buffer>,
    nodes: Arc<Mutex<Nodes>>,
    unfinished: Arc<AtomicUsize>,
}

impl MemoryStore {
    /// Starts a tree.
    pub fn writer() -> MemoryWriter {
        let root = Node { attrs: Attrs::new(), array: None };
        let nodes = Arc::new(Mutex::new(IndexMap::from([(String::new(), root)])));
        MemoryWriter { nodes, unfinished: Arc::default() }
    }

    fn get(&self, path: &str) -> Result<&Node> {
        self.nodes.get(path).ok_or_else(|| Error::not_found("nothing stands there").at(path))
    }
}

impl MemoryWriter {
    /// Ends building and makes the tree readable.
    pub fn into_store(self) -> MemoryStore {
        let nodes = lock(&self.nodes).clone();
        MemoryStore { nodes }
    }
}

fn lock(nodes: &Mutex<Nodes>) -> MutexGuard<'_, Nodes> {
    nodes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MemoryStore {
    fn location(&self) -> &Path {
        Path::new("memory")
    }

    fn format(&self) -> &'static str {
        "memory"
    }

    fn node(&self, path: &str) -> Result<Option<NodeKind>> {
        Ok(self.nodes.get(path).map(|node| if node.array.is_some() { NodeKind::Array } else { NodeKind::Group }))
    }

    fn children(&self, path: &str) -> Result<Vec<String>> {
        if self.get(path)?.array.is_some() {
            return Err(Error::invalid("is an array, not a group").at(path));
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names: Vec<String> = self
            .nodes
            .keys()
            .filter_map(|key| key.strip_prefix(&prefix))
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn attrs(&self, path: &str) -> Result<Attrs> {
        Ok(self.get(path)?.attrs.clone())
    }

    fn array(&self, path: &str) -> Result<Arc<dyn ArrayReader>> {
        match &self.get(path)?.array {
            Some(array) => Ok(array.clone()),
            None => Err(Error::invalid("is a group, not an array").at(path)),
        }
    }
}

impl ArrayReader for MemoryArray {
    fn info(&self) -> &ArrayInfo {
        &self.info
    }

    fn read(&self, region: &Region, out: &mut Buffer) -> Result<()> {
        region.check(&self.info.shape)?;
        let ArrayType::Plain(dtype) = self.info.dtype else {
            return Err(Error::internal("only plain arrays are read by region"));
        };
        out.reset(dtype);
        // Copies the innermost runs, walking the outer dimensions like an odometer.
        let ranges = region.ranges();
        let Some((last, outer)) = ranges.split_last() else {
            return out.extend_from(&self.values, 0..1);
        };
        if region.is_empty() {
            return Ok(());
        }
        let mut position: Vec<u64> = outer.iter().map(|range| range.start).collect();
        loop {
            let row = position.iter().zip(&self.info.shape).fold(0, |flat, (i, extent)| flat * extent + i);
            let base = row * self.info.shape[outer.len()];
            let run = usize_of(base + last.start)?..usize_of(base + last.end)?;
            out.extend_from(&self.values, run)?;
            let mut dimension = outer.len();
            loop {
                let Some(previous) = dimension.checked_sub(1) else { return Ok(()) };
                dimension = previous;
                position[dimension] += 1;
                if position[dimension] < outer[dimension].end {
                    break;
                }
                position[dimension] = outer[dimension].start;
            }
        }
    }

    fn read_field(&self, field: usize, out: &mut Buffer) -> Result<()> {
        let values = self.fields.get(field).ok_or_else(|| Error::internal(format!("no field {field}")))?;
        *out = values.clone();
        Ok(())
    }
}

fn usize_of(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::internal("position exceeds memory"))
}

impl StoreWriter for MemoryWriter {
    fn location(&self) -> &Path {
        Path::new("memory")
    }

    fn group(&self, path: &str) -> Result<()> {
        let mut nodes = lock(&self.nodes);
        let mut end = 0;
        loop {
            end = path[end..].find('/').map_or(path.len(), |offset| end + offset);
            let node = nodes.entry(path[..end].to_owned()).or_insert_with(|| Node { attrs: Attrs::new(), array: None });
            if node.array.is_some() {
                return Err(Error::internal("an array stands there already").at(&path[..end]));
            }
            if end == path.len() {
                return Ok(());
            }
            end += 1;
        }
    }

    fn attr(&self, path: &str, name: &str, value: &AttrValue) -> Result<()> {
        let mut nodes = lock(&self.nodes);
        let node = nodes.get_mut(path).ok_or_else(|| Error::internal("nothing stands there").at(path))?;
        node.attrs.insert(name.to_owned(), value.clone());
        Ok(())
    }

    fn array(&self, path: &str, spec: &ArraySpec) -> Result<Box<dyn ArrayWriter>> {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.group(parent)?;
        }
        if lock(&self.nodes).contains_key(path) {
            return Err(Error::internal("something stands there already").at(path));
        }
        let (dtype, fields) = match &spec.dtype {
            ArrayType::Plain(dtype) => (*dtype, 0),
            ArrayType::Records(fields) => (DType::U8, fields.len()),
            ArrayType::Null | ArrayType::Opaque(_) => (DType::U8, 0),
        };
        self.unfinished.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(MemoryArrayWriter {
            path: path.to_owned(),
            spec: spec.clone(),
            values: Buffer::empty(dtype),
            fields: vec![Buffer::empty(DType::U8); fields],
            nodes: self.nodes.clone(),
            unfinished: self.unfinished.clone(),
        }))
    }

    fn commit(self: Box<Self>) -> Result<()> {
        match self.unfinished.load(Ordering::Relaxed) {
            0 => Ok(()),
            n => Err(Error::internal(format!("{n} arrays were not finished"))),
        }
    }
}

impl ArrayWriter for MemoryArrayWriter {
    fn append(&mut self, values: Buffer) -> Result<()> {
        self.values.extend_from(&values, 0..values.len()).map_err(|error| error.at(&self.path))
    }

    fn write_field(&mut self, field: usize, values: &Buffer) -> Result<()> {
        let target = self.fields.get_mut(field).ok_or_else(|| Error::internal(format!("no field {field}")))?;
        *target = values.clone();
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { path, spec, values, fields, nodes, unfinished } = *self;
        let mut shape = spec.shape;
        if spec.growable && !shape.is_empty() {
            let row: u64 = shape[1..].iter().product();
            shape[0] = (values.len() as u64).checked_div(row).unwrap_or(shape[0]);
        }
        let info = ArrayInfo {
            dtype: spec.dtype,
            shape,
            chunk: spec.chunk,
            compression: Compression::None,
            codecs: String::new(),
            stored_bytes: values.bytes() as u64,
        };
        if matches!(info.dtype, ArrayType::Plain(_)) && info.len() != values.len() as u64 {
            let message = format!("{} values written, {} expected", values.len(), info.len());
            return Err(Error::internal(message).at(path));
        }
        let array = Some(Arc::new(MemoryArray { info, values, fields }));
        lock(&nodes).insert(path, Node { attrs: Attrs::new(), array });
        unfinished.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}
