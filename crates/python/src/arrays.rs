//! Buffers as numpy arrays, and back.

use annstream_core::{Error, Result};
use annstream_store::{Buffer, DType};
use numpy::{PyArray1, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A buffer of numbers as a numpy array of one dimension, without a copy for the usual types.
pub(crate) fn to_numpy(py: Python<'_>, buffer: Buffer) -> PyResult<Bound<'_, PyAny>> {
    Ok(match buffer {
        Buffer::I8(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::I16(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::I32(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::I64(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::U8(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::U16(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::U32(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::U64(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::F32(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::F64(values) => PyArray1::from_vec(py, values).into_any(),
        Buffer::Bool(values) => PyArray1::from_vec(py, values).into_any().call_method1("view", ("bool",))?,
        other => {
            let name = other.dtype().name();
            let bytes = other.as_bytes().ok_or_else(|| PyTypeError::new_err("text is not a matrix of numbers"))?;
            let bytes = PyBytes::new(py, bytes);
            py.import("numpy")?.call_method1("frombuffer", (bytes, name))?.call_method0("copy")?
        }
    })
}

/// Columns of a compressed matrix, with the 32-bit ids that scipy likes where they fit.
pub(crate) fn ids_to_numpy(py: Python<'_>, ids: Vec<u32>, columns: usize) -> Bound<'_, PyAny> {
    if i32::try_from(columns).is_ok() {
        return PyArray1::from_vec(py, bytemuck::allocation::cast_vec::<u32, i32>(ids)).into_any();
    }
    PyArray1::from_vec(py, ids.into_iter().map(i64::from).collect::<Vec<_>>()).into_any()
}

/// A numpy array of numbers, contiguous and of any number of dimensions, as a flat buffer: a copy.
pub(crate) fn from_numpy(array: &Bound<'_, PyAny>) -> PyResult<Buffer> {
    let untyped = array.cast::<PyUntypedArray>()?;
    let name: String = untyped.dtype().getattr("name")?.extract()?;
    let flat = array.call_method1("ravel", ("C",))?;
    macro_rules! typed {
        ($($name:literal $variant:ident $type:ty),*) => {
            match name.as_str() {
                $($name => Buffer::$variant(flat.extract::<PyReadonlyArray1<'_, $type>>()?.as_slice()?.to_vec()),)*
                "bool" => {
                    let bytes = flat.call_method1("view", ("uint8",))?;
                    Buffer::Bool(bytes.extract::<PyReadonlyArray1<'_, u8>>()?.as_slice()?.to_vec())
                }
                _ => return exotic(&flat, &name),
            }
        };
    }
    Ok(typed!(
        "int8" I8 i8, "int16" I16 i16, "int32" I32 i32, "int64" I64 i64,
        "uint8" U8 u8, "uint16" U16 u16, "uint32" U32 u32, "uint64" U64 u64,
        "float32" F32 f32, "float64" F64 f64
    ))
}

fn exotic(flat: &Bound<'_, PyAny>, name: &str) -> PyResult<Buffer> {
    let dtype = match name {
        "float16" => DType::F16,
        "complex64" => DType::C64,
        "complex128" => DType::C128,
        _ => return Err(PyTypeError::new_err(format!("a matrix of {name}, expected numbers"))),
    };
    let bytes = flat.call_method1("view", ("uint8",))?;
    let bytes = bytes.extract::<PyReadonlyArray1<'_, u8>>()?;
    let mut buffer = Buffer::zeros(dtype, bytes.len() / dtype.size());
    if let Some(place) = buffer.as_bytes_mut() {
        place.copy_from_slice(bytes.as_slice()?);
    }
    Ok(buffer)
}

/// Positions along an axis.
pub(crate) fn positions(array: Option<PyReadonlyArray1<'_, i64>>, extent: usize) -> Result<Option<Vec<u32>>> {
    let Some(array) = array else { return Ok(None) };
    let narrow = |&position: &i64| {
        let found = usize::try_from(position).ok().filter(|&position| position < extent);
        let found = found.and_then(|position| u32::try_from(position).ok());
        found.ok_or_else(|| Error::argument(format!("position {position} is outside 0..{extent}")))
    };
    array.as_array().iter().map(narrow).collect::<Result<_>>().map(Some)
}
