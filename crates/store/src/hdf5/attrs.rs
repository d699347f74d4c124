//! Attributes, as h5py reads and writes them.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::c_void;

use hdf5_sys::h5a::{H5Acreate2, H5Adelete, H5Aexists, H5Aget_space, H5Aget_type, H5Aopen, H5Aread, H5Awrite};
use hdf5_sys::h5r::{H5R_type_t, H5Rcreate, H5Rdereference2};

use super::ffi::{self, Id};
use super::types::{self, Element};
use super::values::{self, CTexts, Rows};
use super::{object, space};
use crate::{AttrValue, Attrs, Buffer, DType, Error, Result};

/// Most bytes an attribute may have.
const LIMIT: usize = 1 << 28;

/// All attributes of an object.
pub(super) fn read(object: &Id, creation: &Id) -> Result<Attrs> {
    let _guard = ffi::lock();
    let mut out = Attrs::new();
    for name in object::attr_names(object, creation)? {
        let value = read_one(object, &name)
            .map_err(|error| Error::new(error.kind(), format!("attribute '{name}': {}", error.message())))?;
        out.insert(name, value);
    }
    Ok(out)
}

fn read_one(object: &Id, name: &str) -> Result<AttrValue> {
    // SAFETY: a valid object and name; the attribute stays open for the calls on it.
    let (attr, datatype, dataspace) = unsafe {
        let attr = Id::new(H5Aopen(object.raw(), ffi::c_name(name)?.as_ptr(), ffi::DEFAULT))?;
        let datatype = Id::new(H5Aget_type(attr.raw()))?;
        let dataspace = Id::new(H5Aget_space(attr.raw()))?;
        (attr, datatype, dataspace)
    };
    let Some(mut shape) = space::shape(&dataspace)? else { return Ok(AttrValue::Null) };
    let (cell, inner) = match types::describe(&datatype)? {
        Element::Cell(cell) => (cell, vec![]),
        Element::Cells(cell, inner) => (cell, inner),
        Element::Reference if shape.is_empty() || shape == [1] => return reference(object, &attr, &datatype),
        Element::Reference | Element::Record(_) | Element::Other(_) => return Ok(AttrValue::Null),
    };
    let base = if inner.is_empty() { None } else { Some(types::base(&datatype)?) };
    let memory = match types::memory(base.as_ref().unwrap_or(&datatype), &cell) {
        Ok(memory) => types::array_of(memory, &inner)?,
        Err(_) => return Ok(AttrValue::Null),
    };
    shape.extend(&inner);
    let shape = shape.iter().map(|&extent| usize::try_from(extent).ok()).collect::<Option<Vec<usize>>>();
    let count = shape.as_ref().and_then(|shape| shape.iter().try_fold(1_usize, |all, &n| all.checked_mul(n)));
    let fits = |count: &usize| count.checked_mul(cell.size.max(16)).is_some_and(|bytes| bytes <= LIMIT);
    let (Some(shape), Some(count)) = (shape, count.filter(fits)) else {
        return Err(Error::invalid("is too large"));
    };
    let mut values = Buffer::empty(cell.dtype);
    if count > 0 {
        let rows = Rows { first: 0, width: 1 };
        // SAFETY: the attribute holds `count` values, each of which `memory` describes.
        unsafe {
            values::read(&cell, count, &memory, &dataspace, rows, &mut values, |memory, pointer| {
                H5Aread(attr.raw(), memory, pointer)
            })?;
        }
    }
    Ok(AttrValue::Values { shape, values })
}

fn reference(object: &Id, attr: &Id, datatype: &Id) -> Result<AttrValue> {
    let mut value = 0_u64;
    // SAFETY: an object reference has eight bytes; a wrong one is reported.
    unsafe {
        let value = (&raw mut value).cast::<c_void>();
        ffi::ok(H5Aread(attr.raw(), datatype.raw(), value))?;
        let target = H5Rdereference2(object.raw(), ffi::DEFAULT, H5R_type_t::H5R_OBJECT1, value);
        let target = Id::new(target).map_err(|_| Error::invalid("refers to nothing"))?;
        object::name(&target).map(AttrValue::Reference)
    }
}

/// Writes an attribute, replacing one of that name. A reference must point to something that stands already.
pub(super) fn write(file: &Id, object: &Id, name: &str, value: &AttrValue) -> Result<()> {
    let _guard = ffi::lock();
    match value {
        AttrValue::Null => create(object, name, &types::create(DType::F32)?, &space::null()?).map(drop),
        AttrValue::Reference(path) => {
            let datatype = types::reference()?;
            let mut reference = 0_u64;
            // SAFETY: an object reference has eight bytes.
            unsafe {
                let path = ffi::c_path(path)?;
                let pointer = (&raw mut reference).cast::<c_void>();
                ffi::ok(H5Rcreate(pointer, file.raw(), path.as_ptr(), H5R_type_t::H5R_OBJECT1, -1))?;
                let attr = create(object, name, &datatype, &space::simple(&[], None)?)?;
                ffi::ok(H5Awrite(attr.raw(), datatype.raw(), pointer))
            }
        }
        AttrValue::Values { shape, values } => {
            if shape.iter().product::<usize>() != values.len() {
                return Err(Error::internal(format!("{} values for shape {shape:?}", values.len())));
            }
            let datatype = types::create(values.dtype())?;
            let extents: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
            let attr = create(object, name, &datatype, &space::simple(&extents, None)?)?;
            if values.is_empty() {
                return Ok(());
            }
            let texts = values.as_strings().map(|texts| CTexts::new(texts.iter())).transpose()?;
            let pointer = match (&texts, values.as_bytes()) {
                (Some(texts), _) => texts.as_ptr(),
                (None, Some(bytes)) => bytes.as_ptr().cast::<c_void>(),
                (None, None) => return Err(Error::internal("attribute without values")),
            };
            // SAFETY: the pointer leads to as many values of `datatype` as the dataspace has.
            ffi::ok(unsafe { H5Awrite(attr.raw(), datatype.raw(), pointer) })
        }
    }
}

fn create(object: &Id, name: &str, datatype: &Id, dataspace: &Id) -> Result<Id> {
    let name = ffi::c_name(name)?;
    // SAFETY: valid handles and a null-terminated name.
    unsafe {
        if ffi::yes(H5Aexists(object.raw(), name.as_ptr()))? {
            ffi::ok(H5Adelete(object.raw(), name.as_ptr()))?;
        }
        let (object, datatype, dataspace) = (object.raw(), datatype.raw(), dataspace.raw());
        Id::new(H5Acreate2(object, name.as_ptr(), datatype, dataspace, ffi::DEFAULT, ffi::DEFAULT))
    }
}
