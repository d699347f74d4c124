//! Virtual datasets, read from their sources by ourselves.
//!
//! libhdf5 gives fill values where a source is missing, without a word. Here a source that is not there, lacks the
//! dataset, or became shorter is an error; and as each source is read like any dataset, many threads can read.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::array::Hdf5Array;
use super::container::Container;
use super::mapping::{self, Mapping, Selection};
use super::object;
use crate::links::find_linked;
use crate::{ArrayReader, Buffer, DType, Error, NodeKind, Region, Result, grid, raw};

/// Deepest nesting of virtual datasets.
const MAX_DEPTH: usize = 16;

/// The files that virtual datasets of one store lead to, each opened once.
#[derive(Default)]
pub(super) struct Sources(Mutex<HashMap<PathBuf, Arc<Container>>>);

/// From where an array is opened.
#[derive(Clone)]
pub(super) struct Scope {
    /// Whether values may lie in other files.
    pub(super) allow: bool,
    /// The number of the file, to tell its objects from those in files it links to.
    pub(super) home: u64,
    pub(super) sources: Arc<Sources>,
    /// How many virtual datasets led here.
    pub(super) depth: usize,
}

/// The parts of a virtual dataset.
pub(super) struct Shown {
    /// The file it stands in.
    file: Arc<Container>,
    scope: Scope,
    parts: Vec<Part>,
}

struct Part {
    to: Vec<Range<u64>>,
    /// The box of the source; all of it if `None`.
    from: Option<Vec<Range<u64>>>,
    /// The other file; `None` is this one.
    source: Option<PathBuf>,
    dataset: String,
    array: OnceLock<Arc<Hdf5Array>>,
}

impl Sources {
    fn open(&self, path: PathBuf) -> Result<Arc<Container>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(container) = open.get(&path) {
            return Ok(container.clone());
        }
        let container = Arc::new(Container::open(&path)?);
        open.insert(path, container.clone());
        Ok(container)
    }
}

impl Shown {
    /// Finds the sources, each of which must be there; `None` if a part is not a plain box.
    pub(super) fn find(
        file: &Arc<Container>,
        scope: &Scope,
        shape: &[u64],
        mappings: Vec<Mapping>,
    ) -> Result<Option<Self>> {
        if scope.depth >= MAX_DEPTH {
            return Err(Error::invalid(format!("virtual datasets lead to one another more than {MAX_DEPTH} deep")));
        }
        let mut parts = Vec::with_capacity(mappings.len());
        let mut plain = true;
        for mapping in mappings {
            let (Some(name), Some(dataset)) = (mapping::unescape(&mapping.file), mapping::unescape(&mapping.dataset))
            else {
                plain = false;
                continue;
            };
            let source = if name == "." {
                None
            } else {
                Some(find_linked(&file.path, &name).ok_or_else(|| {
                    let message = format!("is a virtual dataset over '{name}', which is not there");
                    Error::invalid(message).hint("bring that file back to its place, or make the virtual file anew")
                })?)
            };
            let to = match mapping.to {
                Selection::All => Some(shape.iter().map(|&extent| 0..extent).collect()),
                Selection::Box(ranges) => Some(ranges),
                Selection::Other => None,
            };
            let from = match mapping.from {
                Selection::All => Some(None),
                Selection::Box(ranges) => Some(Some(ranges)),
                Selection::Other => None,
            };
            let (Some(to), Some(from)) = (to, from) else {
                plain = false;
                continue;
            };
            let inside = to.len() == shape.len() && to.iter().zip(shape).all(|(range, &extent)| range.end <= extent);
            plain &= inside && from.as_ref().is_none_or(|from| extents(from) == extents(&to));
            let dataset = dataset.trim_matches('/').to_owned();
            parts.push(Part { to, from, source, dataset, array: OnceLock::new() });
        }
        Ok(plain.then(|| Self { file: file.clone(), scope: scope.clone(), parts }))
    }

    /// How many files the values come from.
    pub(super) fn files(&self) -> usize {
        let mut files: Vec<_> = self.parts.iter().map(|part| &part.source).collect();
        files.sort_unstable();
        files.dedup();
        files.len()
    }

    /// The first source.
    pub(super) fn first(&self) -> Result<Option<&Arc<Hdf5Array>>> {
        self.parts.first().map(|part| self.array(part)).transpose()
    }

    fn array<'a>(&self, part: &'a Part) -> Result<&'a Arc<Hdf5Array>> {
        if let Some(array) = part.array.get() {
            return Ok(array);
        }
        let place = |error: Error| {
            let error = error.at(&part.dataset).in_file(part.source.as_ref().unwrap_or(&self.file.path));
            error.hint(format!("the virtual file {} shows these values", self.file.path.display()))
        };
        let array = self.open(part).map_err(place)?;
        Ok(part.array.get_or_init(|| Arc::new(array)))
    }

    fn open(&self, part: &Part) -> Result<Hdf5Array> {
        let container = match &part.source {
            Some(path) => self.scope.sources.open(path.clone())?,
            None => self.file.clone(),
        };
        let home = object::open(&container.id, "", false)?.map_or(0, |root| root.file);
        let scope = Scope { home, depth: self.scope.depth + 1, ..self.scope.clone() };
        let found = object::open(&container.id, &part.dataset, scope.allow)?;
        let found = found.filter(|found| found.kind == Some(NodeKind::Array));
        let found = found.ok_or_else(|| Error::invalid("is not an array, and a virtual file shows it as one"))?;
        let array = Hdf5Array::open(&container, &part.dataset, found, &scope)?;
        let shape = array.shape();
        let fits = match &part.from {
            None => extents(&part.to) == shape,
            Some(from) => from.len() == shape.len() && from.iter().zip(shape).all(|(from, &n)| from.end <= n),
        };
        if !fits {
            let wanted: Vec<u64> = part.from.as_ref().unwrap_or(&part.to).iter().map(|range| range.end).collect();
            let message = format!("has shape {shape:?}, at least {wanted:?} expected: it changed");
            return Err(Error::invalid(message));
        }
        Ok(array)
    }

    /// Replaces `out` by the values of a region; what no source shows is `fill`.
    pub(super) fn read(&self, region: &Region, dtype: DType, fill: &[u8], out: &mut Buffer) -> Result<()> {
        let wanted = region.ranges();
        let shown: Vec<(&Part, Vec<Range<u64>>)> = self
            .parts
            .iter()
            .map(|part| (part, grid::intersect(&part.to, wanted)))
            .filter(|(_, common)| !common.iter().any(Range::is_empty))
            .collect();
        if let [(part, common)] = &shown[..]
            && common == wanted
        {
            return self.read_part(part, common, dtype, out);
        }
        if out.dtype() != dtype {
            out.reset(dtype);
        }
        out.resize(usize::try_from(region.len()).unwrap_or(usize::MAX));
        let size = dtype.size();
        let text = || Error::internal("text has no bytes");
        let to = out.as_bytes_mut().ok_or_else(text)?;
        if shown.iter().map(|(_, common)| volume(common)).sum::<u64>() < region.len() {
            raw::fill(to, fill);
        }
        let mut values = Buffer::empty(dtype);
        for (part, common) in &shown {
            self.read_part(part, common, dtype, &mut values)?;
            let from = values.as_bytes().ok_or_else(text)?;
            grid::runs(common, wanted, common, |start, place, length| {
                to[place * size..(place + length) * size].copy_from_slice(&from[start * size..(start + length) * size]);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn read_part(&self, part: &Part, common: &[Range<u64>], dtype: DType, out: &mut Buffer) -> Result<()> {
        let array = self.array(part)?;
        let starts = part.from.as_ref().map(|from| from.iter().map(|range| range.start).collect::<Vec<_>>());
        let shifted = common.iter().zip(&part.to).enumerate().map(|(i, (range, to))| {
            let start = range.start - to.start + starts.as_ref().map_or(0, |starts| starts[i]);
            start..start + (range.end - range.start)
        });
        array.read(&Region::new(shifted.collect()), out)?;
        if out.dtype() != dtype {
            *out = out.cast(dtype)?;
        }
        Ok(())
    }
}

fn extents(ranges: &[Range<u64>]) -> Vec<u64> {
    ranges.iter().map(|range| range.end.saturating_sub(range.start)).collect()
}

fn volume(ranges: &[Range<u64>]) -> u64 {
    extents(ranges).iter().product()
}
