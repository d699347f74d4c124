//! One matrix of the result: what it will be, and how each input becomes a part of it.

use std::sync::Arc;

use annstream_store::DType;

use super::align::{Alignment, ColumnMap};
use super::fill::{self, Share};
use super::inputs::{Input, View};
use super::spec::{Axis, FillValue};
use super::stream::Part;
use crate::anndata::{DenseHeader, MatrixHeader, Slot};
use crate::element::{Element, SparseLayout};
use crate::matrix::{DROPPED, MatrixSource, Remap};
use crate::source::{
    MemoryDense, MissingRows, PermutedRows, PickedRows, RowPlacement, SortedRows, StoredDense, StoredSparse,
};
use crate::{Error, Exec, Result};

/// Layout of a matrix of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// Sparse.
    Sparse(SparseLayout),
    /// Dense, with the extents of the dimensions after the second.
    Dense(Vec<u64>),
}

/// How the parts of a matrix meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// Rows (of the orientation of the result) one below the other, columns aligned by name.
    StackByName,
    /// Rows one below the other, columns aligned by position.
    StackByPosition,
    /// Columns side by side, rows aligned by name.
    Zip,
    /// Blocks on the diagonal.
    Diagonal,
}

/// A matrix of the result.
#[derive(Clone, Debug)]
pub(crate) struct MatrixPlan {
    /// Where it will stand.
    pub(crate) path: String,
    pub(crate) container: Container,
    pub(crate) arrangement: Arrangement,
    /// Rows and columns; dense dimensions after the second are counted into the columns.
    pub(crate) shape: [u64; 2],
    pub(crate) dtype: DType,
    pub(crate) fill: f64,
    /// Per input, what it has.
    pub(crate) parts: Vec<Option<MatrixHeader>>,
    /// Rows each input accounts for along the axis that is appended.
    pub(crate) lengths: Vec<u64>,
}

impl MatrixPlan {
    /// Plans a matrix over both axes: `X` or a layer.
    pub(crate) fn over_both(
        path: String,
        parts: Vec<Option<MatrixHeader>>,
        axis: Axis,
        alignment: &Alignment,
        lengths: &[u64],
        fill: Option<FillValue>,
    ) -> Result<Self> {
        let present: Vec<&MatrixHeader> = parts.iter().flatten().collect();
        let layouts: Vec<Option<SparseLayout>> = present.iter().map(|header| layout(header)).collect();
        let container = if layouts.iter().all(Option::is_none) {
            Container::Dense(vec![])
        } else if axis == Axis::Var && layouts.iter().all(|layout| *layout == Some(SparseLayout::Csc)) {
            Container::Sparse(SparseLayout::Csc)
        } else {
            Container::Sparse(SparseLayout::Csr)
        };
        let shares: Vec<Share> = parts
            .iter()
            .zip(&alignment.maps)
            .map(|(header, map)| match header {
                Some(header) => Share { dtype: Some(dtype(header)), holes: map.has_holes() },
                None => Share { dtype: None, holes: !alignment.index.is_empty() },
            })
            .collect();
        let (dtype, fill) = result_type(&container, &shares, fill).map_err(|error| error.at(&path))?;
        let arrangement = match (&container, axis) {
            (Container::Sparse(SparseLayout::Csc), _) | (_, Axis::Obs) => Arrangement::StackByName,
            _ => Arrangement::Zip,
        };
        let mut shape = [0, 0];
        shape[axis.position()] = lengths.iter().sum();
        shape[axis.other().position()] = alignment.index.len() as u64;
        Ok(Self { path, container, arrangement, shape, dtype, fill, parts, lengths: lengths.to_vec() })
    }

    /// Plans a matrix aligned with the appended axis only: an entry of `obsm` or `varm`, aligned by position.
    pub(crate) fn by_position(
        path: String,
        parts: Vec<Option<MatrixHeader>>,
        lengths: &[u64],
        inner: bool,
        fill: Option<FillValue>,
    ) -> Result<Self> {
        let present: Vec<&MatrixHeader> = parts.iter().flatten().collect();
        let mut widths = Vec::new();
        let mut trailing: Option<Vec<u64>> = None;
        for header in &present {
            let shape: Vec<u64> = header.shape().iter().map(|&extent| extent as u64).collect();
            widths.push(shape.get(1).copied().unwrap_or(1));
            let rest = shape.get(2..).unwrap_or_default().to_vec();
            match &trailing {
                Some(first) if *first != rest => {
                    let (a, b) = (extents(first), extents(&rest));
                    let message =
                        format!("arrays of shape (rows, columns{a}) and (rows, columns{b}) cannot be stacked");
                    return Err(Error::incompatible(message).at(path));
                }
                _ => trailing = Some(rest),
            }
        }
        let trailing = trailing.unwrap_or_default();
        if !trailing.is_empty() && present.len() < parts.len() {
            // anndata puts a matrix where an input lacks the array, and cannot stack the two.
            let message = format!("arrays of shape (rows, columns{}) must be in all inputs", extents(&trailing));
            return Err(Error::incompatible(message).at(path).hint("use an inner join, or drop the element"));
        }
        let width = if inner { widths.iter().min() } else { widths.iter().max() }.copied().unwrap_or(0);
        let container = if present.iter().all(|header| layout(header).is_none()) {
            Container::Dense(trailing.clone())
        } else {
            Container::Sparse(SparseLayout::Csr)
        };
        let mut widths = widths.into_iter();
        let shares: Vec<Share> = parts
            .iter()
            .map(|header| Share {
                dtype: header.as_ref().map(dtype),
                holes: header.as_ref().and_then(|_| widths.next()).unwrap_or(0) < width,
            })
            .collect();
        let (dtype, fill) = result_type(&container, &shares, fill).map_err(|error| error.at(&path))?;
        let columns = width * trailing.iter().product::<u64>();
        let shape = [lengths.iter().sum(), columns];
        let arrangement = Arrangement::StackByPosition;
        Ok(Self { path, container, arrangement, shape, dtype, fill, parts, lengths: lengths.to_vec() })
    }

    /// Plans a block diagonal: an entry of `obsp` or `varp` of the appended axis.
    pub(crate) fn diagonal(path: String, parts: Vec<Option<MatrixHeader>>, lengths: &[u64]) -> Result<Self> {
        let mut shares = Vec::new();
        for header in &parts {
            let dtype = match header {
                Some(header) => dtype(header),
                // What anndata puts where a block is missing.
                None => DType::Bool,
            };
            shares.push(Share { dtype: Some(dtype), holes: false });
        }
        let (dtype, fill) = fill::sparse(&shares, None).map_err(|error| error.at(&path))?;
        let total = lengths.iter().sum();
        Ok(Self {
            path,
            container: Container::Sparse(SparseLayout::Csr),
            arrangement: Arrangement::Diagonal,
            shape: [total, total],
            dtype,
            fill,
            parts,
            lengths: lengths.to_vec(),
        })
    }

    /// Shape of the array as written.
    pub(crate) fn full_shape(&self) -> Vec<u64> {
        match &self.container {
            Container::Dense(trailing) if !trailing.is_empty() => {
                let rest: u64 = trailing.iter().product();
                let width = self.shape[1].checked_div(rest).unwrap_or(0);
                [self.shape[0], width].into_iter().chain(trailing.iter().copied()).collect()
            }
            _ => self.shape.to_vec(),
        }
    }

    /// Whether any input must first be sorted in scratch space, and how many values that moves.
    pub(crate) fn sorted_values(&self, alignment: &Alignment) -> u64 {
        let parts = self.parts.iter().enumerate().filter_map(|(input, part)| Some((input, part.as_ref()?)));
        parts.filter(|(input, part)| self.needs_sort(*input, part, alignment)).map(|(_, part)| values(part)).sum()
    }

    fn needs_sort(&self, input: usize, part: &MatrixHeader, alignment: &Alignment) -> bool {
        let transposed = match (&self.container, layout(part)) {
            (Container::Sparse(wanted), Some(stored)) => *wanted != stored,
            _ => false,
        };
        let permuted = self.arrangement == Arrangement::Zip
            && matches!(&alignment.maps[input], ColumnMap::Map { from_new, .. } if !rises(from_new));
        transposed || permuted
    }

    /// Opens every input as a part; what is stored in another order is sorted now.
    pub(crate) fn open(&self, view: View<'_>, slot: Slot<'_>, alignment: &Alignment, exec: &Exec) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut offset = 0;
        for (input, header) in self.parts.iter().enumerate() {
            let length = self.lengths[input];
            if length > 0 || header.is_some() {
                let place = |error: Error| error.in_file(&view.inputs[input].name).at(&self.path);
                parts.push(self.open_part(view, slot, input, header.as_ref(), offset, alignment, exec).map_err(place)?);
            }
            offset += length;
        }
        Ok(parts)
    }

    #[expect(clippy::too_many_arguments, reason = "where the part is, and where it goes")]
    fn open_part(
        &self,
        view: View<'_>,
        slot: Slot<'_>,
        input: usize,
        header: Option<&MatrixHeader>,
        offset: u64,
        alignment: &Alignment,
        exec: &Exec,
    ) -> Result<Part> {
        let map = &alignment.maps[input];
        let length = self.lengths[input];
        let columns = match self.container {
            Container::Sparse(SparseLayout::Csc) => self.shape[0],
            _ => self.shape[1],
        };
        let columns = usize_of(columns)?;
        let remap = match (self.arrangement, map) {
            (Arrangement::Zip, _) => Remap::zipped(usize_of(length)?, self.dtype, self.fill).shifted(u32_of(offset)?),
            (Arrangement::Diagonal, _) => Remap::same(usize_of(length)?, self.dtype).shifted(u32_of(offset)?),
            (_, _) if header.is_none() => Remap::new(Arc::from([]), columns, self.dtype, Some(self.fill)),
            (Arrangement::StackByName, ColumnMap::Same) => Remap::same(columns, self.dtype),
            (Arrangement::StackByName, ColumnMap::Map { to_new, .. }) => {
                Remap::new(to_new.clone(), columns, self.dtype, Some(self.fill))
            }
            (Arrangement::StackByPosition, _) => {
                let own = header.map(flat_columns).unwrap_or_default();
                if own == columns {
                    Remap::same(columns, self.dtype)
                } else {
                    let to_new = (0..own).map(|old| if old < columns { u32_of(old as u64) } else { Ok(DROPPED) });
                    Remap::new(to_new.collect::<Result<_>>()?, columns, self.dtype, Some(self.fill))
                }
            }
        };
        let name = view.inputs[input].name.clone();
        let zipped = self.arrangement == Arrangement::Zip;
        let holes = match map {
            _ if !zipped => Vec::new(),
            _ if header.is_none() => vec![true; usize_of(self.shape[0])?],
            ColumnMap::Same => Vec::new(),
            ColumnMap::Map { from_new, .. } => from_new.iter().map(|&old| old < 0).collect(),
        };
        let Some(header) = header else {
            let rows = if zipped { self.shape[0] } else { length };
            return Ok(Part { input, name, source: Box::new(MissingRows { rows, dtype: self.dtype }), remap, holes });
        };
        let source = match map {
            ColumnMap::Map { to_new, from_new } if zipped => {
                self.aligned_rows(view, slot, input, header, to_new, from_new, exec)?
            }
            _ => self.stored_rows(&view.inputs[input], slot, header, exec)?,
        };
        Ok(Part { input, name, source, remap, holes })
    }

    /// The rows of a part in stored order; a matrix compressed along the other axis is transposed in scratch space.
    fn stored_rows(
        &self,
        input: &Input,
        slot: Slot<'_>,
        header: &MatrixHeader,
        exec: &Exec,
    ) -> Result<Box<dyn MatrixSource>> {
        let store = input.file.store().as_ref();
        match header {
            MatrixHeader::Sparse(sparse) => {
                let [rows, columns] = sparse.shape.map(|extent| extent as u64);
                let shape = if sparse.layout == SparseLayout::Csr { [rows, columns] } else { [columns, rows] };
                let source = StoredSparse::open(store, &sparse.path, shape)?;
                if self.container == Container::Sparse(sparse.layout) {
                    return Ok(Box::new(source));
                }
                Ok(Box::new(SortedRows::sort(&source, RowPlacement::Columns(None), shape[1], 1, exec)?))
            }
            MatrixHeader::Dense(dense) => open_dense(input, slot, dense),
            _ => Err(Error::internal("tables are not matrices")),
        }
    }

    /// The rows of a part in the order of the result.
    #[expect(clippy::too_many_arguments, reason = "where the part is, and where it goes")]
    fn aligned_rows(
        &self,
        view: View<'_>,
        slot: Slot<'_>,
        input: usize,
        header: &MatrixHeader,
        to_new: &Arc<[u32]>,
        from_new: &Arc<[i64]>,
        exec: &Exec,
    ) -> Result<Box<dyn MatrixSource>> {
        let rows = self.shape[0];
        let store = view.inputs[input].file.store().as_ref();
        let in_order = rises(from_new);
        let beside = self.parts.len();
        match header {
            MatrixHeader::Sparse(sparse) => {
                let [old_rows, columns] = sparse.shape.map(|extent| extent as u64);
                if sparse.layout == SparseLayout::Csr {
                    let source = StoredSparse::open(store, &sparse.path, [old_rows, columns])?;
                    if in_order {
                        return Ok(Box::new(PickedRows::new(source, from_new.to_vec())?));
                    }
                    return Ok(Box::new(SortedRows::sort(&source, RowPlacement::Rows(to_new), rows, beside, exec)?));
                }
                let source = StoredSparse::open(store, &sparse.path, [columns, old_rows])?;
                Ok(Box::new(SortedRows::sort(&source, RowPlacement::Columns(Some(to_new)), rows, beside, exec)?))
            }
            MatrixHeader::Dense(dense) => {
                let source = open_dense(&view.inputs[input], slot, dense)?;
                if in_order {
                    return Ok(Box::new(PickedRows::new(source, from_new.to_vec())?));
                }
                Ok(Box::new(PermutedRows::sort(source.as_ref(), to_new, rows, exec)?))
            }
            _ => Err(Error::internal("tables are not matrices")),
        }
    }
}

fn open_dense(input: &Input, slot: Slot<'_>, dense: &DenseHeader) -> Result<Box<dyn MatrixSource>> {
    if dense.field.is_some() {
        // A field of an old record array: small, and read as one.
        return match input.file.read(slot)? {
            Element::Array(array) => Ok(Box::new(MemoryDense::new(array))),
            other => Err(Error::internal(format!("a {} where an array was", other.kind()))),
        };
    }
    Ok(Box::new(StoredDense::open(input.file.store().as_ref(), &dense.path)?))
}

fn result_type(container: &Container, shares: &[Share], fill: Option<FillValue>) -> Result<(DType, f64)> {
    match container {
        Container::Dense(_) => fill::dense(shares, fill),
        Container::Sparse(_) => fill::sparse(shares, fill),
    }
}

/// Refuses what cannot be a part of a matrix of numbers.
pub(crate) fn numeric(header: &MatrixHeader, path: &str) -> Result<()> {
    match header {
        MatrixHeader::Sparse(_) => Ok(()),
        MatrixHeader::Dense(dense) if dense.dtype != DType::Str => Ok(()),
        MatrixHeader::Dense(_) => Err(Error::unsupported("matrices of text cannot be joined").at(path)),
        MatrixHeader::Table(_) => Err(Error::incompatible("a table cannot be joined with a matrix").at(path)),
        MatrixHeader::Other { kind, .. } => {
            Err(Error::incompatible(format!("a {kind} cannot be joined with a matrix")).at(path))
        }
    }
}

/// The layout of a sparse matrix; `None` for a dense one.
pub(crate) fn layout(header: &MatrixHeader) -> Option<SparseLayout> {
    match header {
        MatrixHeader::Sparse(sparse) => Some(sparse.layout),
        _ => None,
    }
}

/// The type of the values.
pub(crate) fn dtype(header: &MatrixHeader) -> DType {
    match header {
        MatrixHeader::Sparse(sparse) => sparse.dtype,
        MatrixHeader::Dense(dense) => dense.dtype,
        _ => DType::F64,
    }
}

/// Number of stored values.
pub(crate) fn values(header: &MatrixHeader) -> u64 {
    match header {
        MatrixHeader::Sparse(sparse) => sparse.nnz as u64,
        MatrixHeader::Dense(dense) => dense.shape.iter().map(|&extent| extent as u64).product(),
        _ => 0,
    }
}

/// `, 3, 4` for the extents of further dimensions.
fn extents(trailing: &[u64]) -> String {
    trailing.iter().map(|extent| format!(", {extent}")).collect::<Vec<_>>().concat()
}

fn flat_columns(header: &MatrixHeader) -> usize {
    header.shape().get(1..).unwrap_or_default().iter().product()
}

fn rises(from_new: &[i64]) -> bool {
    PickedRows::<MissingRows>::rises(from_new)
}

fn usize_of(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::unsupported("an axis exceeds this machine's memory"))
}

fn u32_of(value: u64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::unsupported("an axis has more than 2^32 - 1 entries"))
}
