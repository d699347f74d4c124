//! Concatenation without copying: matrices of the result as virtual arrays over those of the inputs.
//!
//! A matrix can be shown if the inputs' arrays, one behind the other, are the arrays of the result: the same names of
//! the other axis in the same order, one layout, one type. Only pointers are computed; values and column ids are not
//! even read, so rows that an input has unsorted stay so, and no sum is checked.

use annstream_store::{ArraySpec, AttrValue, Buffer, DType, Error, Region, Result, StoreWriter, VirtualPart};
use serde::Serialize;

use super::align::{Alignment, ColumnMap};
use super::inputs::{Input, View};
use super::matrices::{Arrangement, Container, MatrixPlan, dtype, layout};
use super::notes::Notes;
use super::plan::{ConcatPlan, ViewPlan};
use super::spec::Axis;
use crate::Exec;
use crate::anndata::{DenseHeader, MatrixHeader, SparseHeader, VirtualSource, VirtualSources};
use crate::element::SparseLayout;
use crate::sink::{SPARSE_CHUNK, pointer_spec, tag_sparse};
use crate::source::StoredSparse;

/// A matrix of the result that shows the arrays of the inputs.
#[derive(Clone, Debug, Serialize)]
pub struct ShownMatrix {
    /// Where it stands.
    pub path: String,
    /// Values of each input.
    pub inputs: Vec<u64>,
}

/// Checks that all matrices can be shown where they are; `format` is that of the stores that the output can refer to.
///
/// # Errors
/// `Incompatible`, naming the first input and the element that must be copied, and why.
pub(crate) fn check(view: View<'_>, axis: Axis, part: &ViewPlan, format: &str, notes: &mut Notes) -> Result<()> {
    for matrix in part.matrices() {
        check_matrix(view, axis, matrix, &part.alignment, format)?;
        for element in notes.elements.iter_mut().filter(|element| element.path == matrix.path) {
            element.action = "show";
        }
    }
    Ok(())
}

fn check_matrix(view: View<'_>, axis: Axis, matrix: &MatrixPlan, alignment: &Alignment, format: &str) -> Result<()> {
    let mut indices = None;
    for (input, header) in matrix.parts.iter().enumerate() {
        if matrix.lengths[input] == 0 {
            continue;
        }
        let file = &view.inputs[input];
        let place = |error: Error| error.in_file(&file.name).at(&matrix.path);
        let refuse = |why: String| {
            let error = Error::incompatible(format!("cannot be shown without copying: {why}"));
            Err(place(error.hint("without --virtual it works: the values are copied")))
        };
        if file.file.store().format() != format {
            return refuse(format!("the input is {}, and only {format} can be shown", file.file.store().format()));
        }
        let Some(header) = header else { return refuse("the input has no such element".to_owned()) };
        if matrix.arrangement == Arrangement::Diagonal {
            return refuse("block diagonals have other column ids than their blocks".to_owned());
        }
        if matrix.arrangement == Arrangement::StackByPosition {
            let width: u64 = header.shape().iter().skip(1).map(|&extent| extent as u64).product();
            if width != matrix.shape[1] {
                return refuse(format!("it has {width} columns, the result {}", matrix.shape[1]));
            }
        } else if alignment.maps[input] != ColumnMap::Same {
            let other = axis.other().name();
            return refuse(format!("the {other} names are not those of the result in the same order"));
        }
        let wanted = match matrix.container {
            Container::Sparse(layout) => Some(layout),
            Container::Dense(_) => None,
        };
        if layout(header) != wanted {
            return refuse(format!("it is {}, and {} is what is joined here", word(layout(header)), word(wanted)));
        }
        if matrix.arrangement == Arrangement::Zip && wanted.is_some() {
            let axis = axis.name();
            return refuse(format!("it is {}, whose rows would grow along {axis}; csc stacks", word(wanted)));
        }
        if dtype(header) != matrix.dtype {
            return refuse(format!("its values are {}, those of the result {}", dtype(header), matrix.dtype));
        }
        match header {
            MatrixHeader::Sparse(sparse) => {
                let first = *indices.get_or_insert(sparse.indices);
                if sparse.indices != first {
                    return refuse(format!("its indices are {}, those before {first}", sparse.indices));
                }
            }
            MatrixHeader::Dense(dense) if dense.field.is_some() => {
                return refuse("it is a field of a record array".to_owned());
            }
            MatrixHeader::Dense(dense) => {
                let stored = stored_shape(file, dense).map_err(place)?.len();
                if stored != matrix.full_shape().len() {
                    return refuse(format!("it is stored with {stored} dimensions, not {}", matrix.full_shape().len()));
                }
            }
            _ => return refuse("it is not a matrix".to_owned()),
        }
    }
    Ok(())
}

fn word(layout: Option<SparseLayout>) -> &'static str {
    match layout {
        Some(SparseLayout::Csr) => "csr",
        Some(SparseLayout::Csc) => "csc",
        None => "dense",
    }
}

fn stored_shape(input: &Input, dense: &DenseHeader) -> Result<Vec<u64>> {
    Ok(input.file.store().array(&dense.path)?.shape().to_vec())
}

/// Writes a matrix that passed [`check`]. Reads the pointers of sparse inputs, one input at a time, and holds them.
///
/// # Errors
/// If pointers are damaged or do not fit the budget, or writing fails.
pub(crate) fn write(
    view: View<'_>,
    plan: &ConcatPlan,
    matrix: &MatrixPlan,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<ShownMatrix> {
    exec.progress().begin(&matrix.path, matrix.parts.len() as u64, "inputs");
    let shown = match &matrix.container {
        Container::Dense(_) => dense(view, matrix, writer)?,
        Container::Sparse(layout) => sparse(view, plan, matrix, *layout, writer, exec)?,
    };
    exec.progress().end();
    Ok(ShownMatrix { path: matrix.path.clone(), inputs: shown })
}

fn dense(view: View<'_>, matrix: &MatrixPlan, writer: &dyn StoreWriter) -> Result<Vec<u64>> {
    let shape = matrix.full_shape();
    let along = usize::from(matrix.arrangement == Arrangement::Zip);
    let (mut parts, mut shown, mut offset) = (Vec::new(), Vec::new(), 0);
    for (input, header) in matrix.parts.iter().enumerate() {
        let length = matrix.lengths[input];
        let file = &view.inputs[input];
        let mut to = Region::all(&shape).ranges().to_vec();
        to[along] = offset..offset + length;
        offset += length;
        let to = Region::new(to);
        shown.push(to.len());
        if let (Some(MatrixHeader::Dense(dense)), true) = (header, length > 0) {
            let from = Region::all(&stored_shape(file, dense)?);
            parts.push(part(file, dense.path.clone(), from, to));
        }
    }
    writer.virtual_array(&matrix.path, &ArraySpec::new(matrix.dtype, shape), &parts)?;
    writer.attr(&matrix.path, "encoding-type", &AttrValue::text("array"))?;
    writer.attr(&matrix.path, "encoding-version", &AttrValue::text("0.2.0"))?;
    Ok(shown)
}

fn sparse(
    view: View<'_>,
    plan: &ConcatPlan,
    matrix: &MatrixPlan,
    layout: SparseLayout,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<Vec<u64>> {
    let path = &matrix.path;
    let headers: Vec<Option<&SparseHeader>> = matrix
        .parts
        .iter()
        .zip(&matrix.lengths)
        .map(|(header, &length)| match header {
            Some(MatrixHeader::Sparse(sparse)) if length > 0 => Some(sparse),
            _ => None,
        })
        .collect();
    let shown: Vec<u64> = headers.iter().map(|header| header.map_or(0, |header| header.nnz as u64)).collect();
    let total: u64 = shown.iter().sum();
    writer.group(path)?;
    let index = headers.iter().flatten().map(|header| header.indices).next().unwrap_or(DType::I32);
    for (member, dtype) in [("data", matrix.dtype), ("indices", index)] {
        let mut offset = 0;
        let mut parts = Vec::new();
        for (input, header) in headers.iter().enumerate() {
            let to = offset..offset + shown[input];
            offset = to.end;
            if let (Some(header), false) = (header, to.is_empty()) {
                let from = Region::all(&[shown[input]]);
                let array = format!("{}/{member}", header.path);
                parts.push(part(&view.inputs[input], array, from, Region::new(vec![to])));
            }
        }
        writer.virtual_array(&format!("{path}/{member}"), &ArraySpec::new(dtype, vec![total]), &parts)?;
    }
    let (major, minor) = match layout {
        SparseLayout::Csr => (matrix.shape[0], matrix.shape[1]),
        SparseLayout::Csc => (matrix.shape[1], matrix.shape[0]),
    };
    let spec = pointer_spec(total, major, plan.compression, SPARSE_CHUNK as u64);
    let wide = spec.dtype.plain() == Some(DType::I64);
    let mut indptr = writer.array(&format!("{path}/indptr"), &spec)?;
    indptr.append(pointers(std::iter::once(0), wide))?;
    let mut base = 0;
    for (input, header) in headers.iter().enumerate() {
        exec.check()?;
        if let Some(header) = header {
            let (file, length) = (&view.inputs[input], matrix.lengths[input]);
            let place = |error: Error| error.in_file(&file.name).at(path);
            let _charge = exec.budget().charge(length.saturating_mul(24), "the pointers of an input").map_err(place)?;
            let stored = StoredSparse::open(file.file.store().as_ref(), &header.path, [length, minor])?;
            let own = stored.indptr().map_err(place)?;
            indptr.append(pointers(own[1..].iter().map(|&end| base + end), wide))?;
        }
        base += shown[input];
        exec.progress().advance(1);
    }
    indptr.finish()?;
    tag_sparse(writer, path, layout, matrix.shape)?;
    Ok(shown)
}

fn pointers(ends: impl Iterator<Item = u64>, wide: bool) -> Buffer {
    if wide {
        Buffer::I64(ends.map(|end| i64::try_from(end).unwrap_or(i64::MAX)).collect())
    } else {
        Buffer::I32(ends.map(|end| i32::try_from(end).unwrap_or(i32::MAX)).collect())
    }
}

fn part(input: &Input, array: String, from: Region, to: Region) -> VirtualPart {
    VirtualPart { store: input.file.store().location().to_path_buf(), array, from, to }
}

/// Notes in the root what the file is made of.
///
/// # Errors
/// If an input cannot be looked at, or writing fails.
pub(crate) fn record(inputs: &[Input], writer: &dyn StoreWriter) -> Result<()> {
    let source = |input: &Input| {
        let file = &input.file;
        let nnz = match file.x() {
            Some(MatrixHeader::Sparse(sparse)) => Some(sparse.nnz as u64),
            _ => None,
        };
        let shape = [file.n_obs() as u64, file.n_vars() as u64];
        VirtualSource::of(writer.location(), file.store().location(), shape, nnz)
    };
    VirtualSources { sources: inputs.iter().map(source).collect::<Result<_>>()? }.write(writer)
}
