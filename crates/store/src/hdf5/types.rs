//! HDF5 datatypes to element types, and back.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::{c_uint, c_void};

use hdf5_sys::h5::H5free_memory;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5t;
use hdf5_sys::h5t::{
    H5T_class_t as Class, H5T_cset_t, H5T_direction_t, H5T_order_t, H5T_sign_t, H5T_str_t, H5Tarray_create2, H5Tcopy,
    H5Tcreate, H5Tenum_create, H5Tenum_insert, H5Tget_array_dims2, H5Tget_array_ndims, H5Tget_class, H5Tget_cset,
    H5Tget_ebias, H5Tget_fields, H5Tget_member_name, H5Tget_member_offset, H5Tget_member_type, H5Tget_member_value,
    H5Tget_native_type, H5Tget_nmembers, H5Tget_offset, H5Tget_order, H5Tget_precision, H5Tget_sign, H5Tget_size,
    H5Tget_strpad, H5Tget_super, H5Tinsert, H5Tis_variable_str, H5Tset_cset, H5Tset_ebias, H5Tset_fields, H5Tset_size,
};

use super::ffi::{self, Id};
use crate::{ArrayType, DType, Error, Field, Result};

/// A value as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    /// What it becomes in memory.
    pub(super) dtype: DType,
    /// Its bytes in the file.
    pub(super) size: usize,
    /// How its bytes in the file relate to those in memory.
    pub(super) form: Form,
}

/// How the bytes of a value in the file relate to those in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// The same.
    Native,
    /// Reversed, in units of this many bytes.
    Swapped(usize),
    /// Only libhdf5 can convert them.
    Converted,
    /// Pointers to text of any length.
    Pointers,
    /// Text of fixed length.
    Padded(Padding),
}

/// What fills the rest of a text of fixed length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Padding {
    /// Anything after a null.
    Terminated,
    /// Nulls.
    Nulls,
    /// Spaces.
    Spaces,
}

/// What a datatype holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    /// One value.
    Cell(Cell),
    /// Several values of one type: cell and shape.
    Cells(Cell, Vec<u64>),
    /// Named fields.
    Record(Vec<(String, Cell, Vec<u64>)>),
    /// A reference to an object.
    Reference,
    /// Something without an element type.
    Other(String),
}

impl Element {
    /// The element type for the world outside.
    pub(super) fn array_type(&self) -> ArrayType {
        match self {
            Self::Cell(cell) => ArrayType::Plain(cell.dtype),
            Self::Record(fields) => ArrayType::Records(
                fields
                    .iter()
                    .map(|(name, cell, shape)| Field { name: name.clone(), dtype: cell.dtype, shape: shape.clone() })
                    .collect(),
            ),
            Self::Cells(cell, shape) => ArrayType::Opaque(format!("{} arrays of shape {shape:?}", cell.dtype)),
            Self::Reference => ArrayType::Opaque("references".into()),
            Self::Other(what) => ArrayType::Opaque(what.clone()),
        }
    }
}

/// Examines a datatype.
pub(super) fn describe(id: &Id) -> Result<Element> {
    let _guard = ffi::lock();
    let raw = id.raw();
    let size = size(id)?;
    let other = |what: &str| Ok(Element::Other(what.to_owned()));
    // SAFETY: `raw` is a valid datatype, here and below; errors come back as negative values.
    match unsafe { H5Tget_class(raw) } {
        Class::H5T_INTEGER => Ok(integer(id, size)?.map_or_else(|| odd_number("int", size), Element::Cell)),
        Class::H5T_FLOAT => Ok(float(id, size)?.map_or_else(|| odd_number("float", size), Element::Cell)),
        Class::H5T_STRING => text(id, size).map(Element::Cell),
        Class::H5T_ENUM => enumeration(id, size),
        Class::H5T_COMPLEX => {
            // SAFETY: as above.
            let base = Id::new(unsafe { H5Tget_super(raw) })?;
            Ok(complex(float(&base, size / 2)?, size).map_or_else(|| odd_number("complex", size), Element::Cell))
        }
        Class::H5T_COMPOUND => compound(id, size),
        Class::H5T_ARRAY => {
            // SAFETY: as above.
            let base = Id::new(unsafe { H5Tget_super(raw) })?;
            let dims = array_dims(id)?;
            Ok(match describe(&base)? {
                Element::Cell(cell) => Element::Cells(cell, dims),
                _ => Element::Other("arrays of unusual values".into()),
            })
        }
        Class::H5T_REFERENCE if size == 8 => Ok(Element::Reference),
        Class::H5T_REFERENCE => other("region references"),
        Class::H5T_VLEN => other("arrays of varying length"),
        Class::H5T_OPAQUE => other("opaque bytes"),
        Class::H5T_BITFIELD => other("bit fields"),
        Class::H5T_TIME => other("times"),
        _ => other("an unknown datatype"),
    }
}

fn odd_number(kind: &str, size: usize) -> Element {
    Element::Other(format!("{kind}{} numbers", size * 8))
}

/// Bytes of one value.
pub(super) fn size(id: &Id) -> Result<usize> {
    let _guard = ffi::lock();
    // SAFETY: a valid datatype; zero is the error value.
    match unsafe { H5Tget_size(id.raw()) } {
        0 => Err(ffi::error()),
        size => Ok(size),
    }
}

fn form(id: &Id, size: usize) -> Option<Form> {
    // SAFETY: a valid datatype, under the caller's lock.
    let order = unsafe { H5Tget_order(id.raw()) };
    let native = if cfg!(target_endian = "big") { H5T_order_t::H5T_ORDER_BE } else { H5T_order_t::H5T_ORDER_LE };
    match order {
        _ if size == 1 => Some(Form::Native),
        order if order == native => Some(Form::Native),
        H5T_order_t::H5T_ORDER_LE | H5T_order_t::H5T_ORDER_BE => Some(Form::Swapped(size)),
        _ => None,
    }
}

fn integer(id: &Id, size: usize) -> Result<Option<Cell>> {
    // SAFETY: a valid datatype, under the caller's lock.
    let (signed, precision, offset) = unsafe {
        (H5Tget_sign(id.raw()) == H5T_sign_t::H5T_SGN_2, H5Tget_precision(id.raw()), H5Tget_offset(id.raw()))
    };
    let plain = precision == size * 8 && offset == 0;
    let width = if plain { size } else { native(id).and_then(|native| self::size(&native))? };
    let dtype = match (signed, width) {
        (true, 1) => DType::I8,
        (true, 2) => DType::I16,
        (true, 4) => DType::I32,
        (true, 8) => DType::I64,
        (false, 1) => DType::U8,
        (false, 2) => DType::U16,
        (false, 4) => DType::U32,
        (false, 8) => DType::U64,
        _ => return Ok(None),
    };
    let form = if plain { form(id, size) } else { Some(Form::Converted) };
    Ok(form.map(|form| Cell { dtype, size, form }))
}

fn float(id: &Id, size: usize) -> Result<Option<Cell>> {
    let (mut sign, mut exponent, mut exponent_size, mut mantissa, mut mantissa_size) = (0, 0, 0, 0, 0);
    // SAFETY: a valid floating-point datatype, under the caller's lock; the pointers are valid for the call.
    let bias = unsafe {
        ffi::ok(H5Tget_fields(
            id.raw(),
            &raw mut sign,
            &raw mut exponent,
            &raw mut exponent_size,
            &raw mut mantissa,
            &raw mut mantissa_size,
        ))?;
        H5Tget_ebias(id.raw())
    };
    let dtype = match (size, sign, exponent, exponent_size, mantissa, mantissa_size, bias) {
        (2, 15, 10, 5, 0, 10, 15) => DType::F16,
        (4, 31, 23, 8, 0, 23, 127) => DType::F32,
        (8, 63, 52, 11, 0, 52, 1023) => DType::F64,
        _ => return Ok(None),
    };
    Ok(form(id, size).map(|form| Cell { dtype, size, form }))
}

/// The complex of two floats.
fn complex(part: Option<Cell>, size: usize) -> Option<Cell> {
    let part = part.filter(|part| part.size * 2 == size)?;
    let dtype = match part.dtype {
        DType::F32 => DType::C64,
        DType::F64 => DType::C128,
        _ => return None,
    };
    Some(Cell { dtype, size, form: part.form })
}

fn text(id: &Id, size: usize) -> Result<Cell> {
    // SAFETY: a valid text datatype, under the caller's lock.
    let (variable, padding) = unsafe { (ffi::yes(H5Tis_variable_str(id.raw()))?, H5Tget_strpad(id.raw())) };
    let form = if variable {
        Form::Pointers
    } else {
        Form::Padded(match padding {
            H5T_str_t::H5T_STR_SPACEPAD => Padding::Spaces,
            H5T_str_t::H5T_STR_NULLPAD => Padding::Nulls,
            _ => Padding::Terminated,
        })
    };
    Ok(Cell { dtype: DType::Str, size, form })
}

/// Whether a text datatype declares ASCII, not UTF-8.
pub(super) fn is_ascii(id: &Id) -> bool {
    let _guard = ffi::lock();
    // SAFETY: a valid datatype, under the lock; of a type that is not text the library says "error".
    let set = unsafe { H5Tget_cset(id.raw()) };
    set == H5T_cset_t::H5T_CSET_ASCII
}

fn enumeration(id: &Id, size: usize) -> Result<Element> {
    // SAFETY: a valid datatype, under the caller's lock.
    let base = Id::new(unsafe { H5Tget_super(id.raw()) })?;
    let Some(mut cell) = integer(&base, size)? else { return Ok(odd_number("enum", size)) };
    if size == 1 && members(id)? == 2 {
        let (mut no, mut yes) = (1_u8, 0_u8);
        // SAFETY: the values of this datatype are one byte long.
        unsafe {
            ffi::ok(H5Tget_member_value(id.raw(), 0, (&raw mut no).cast::<c_void>()))?;
            ffi::ok(H5Tget_member_value(id.raw(), 1, (&raw mut yes).cast::<c_void>()))?;
        }
        let names = (member_name(id, 0)?, member_name(id, 1)?);
        let pairs = [(names.0.as_str(), no), (names.1.as_str(), yes)];
        if pairs.contains(&("FALSE", 0)) && pairs.contains(&("TRUE", 1)) {
            cell.dtype = DType::Bool;
        }
    }
    Ok(Element::Cell(cell))
}

fn compound(id: &Id, size: usize) -> Result<Element> {
    let count = members(id)?;
    if count == 2 && member_name(id, 0)? == "r" && member_name(id, 1)? == "i" {
        let (real, imaginary) = (member(id, 0)?, member(id, 1)?);
        // SAFETY: a valid compound datatype with two members, under the caller's lock.
        let offsets = unsafe { (H5Tget_member_offset(id.raw(), 0), H5Tget_member_offset(id.raw(), 1)) };
        if let (Element::Cell(real), Element::Cell(imaginary)) = (describe(&real)?, describe(&imaginary)?)
            && real == imaginary
            && offsets == (0, real.size)
            && let Some(cell) = complex(Some(real), size)
        {
            return Ok(Element::Cell(cell));
        }
    }
    let mut fields = Vec::with_capacity(count);
    for i in 0..count {
        let name = member_name(id, i)?;
        match describe(&member(id, i)?)? {
            Element::Cell(cell) => fields.push((name, cell, vec![])),
            Element::Cells(cell, shape) => fields.push((name, cell, shape)),
            _ => return Ok(Element::Other(format!("records whose field '{name}' is unusual"))),
        }
    }
    Ok(Element::Record(fields))
}

fn members(id: &Id) -> Result<usize> {
    // SAFETY: a valid datatype, under the caller's lock.
    ffi::count(unsafe { H5Tget_nmembers(id.raw()) })
}

fn index(i: usize) -> Result<c_uint> {
    c_uint::try_from(i).map_err(|_| Error::internal("too many fields"))
}

/// The type of a field.
pub(super) fn member(id: &Id, i: usize) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: a valid datatype; a wrong index is reported.
    Id::new(unsafe { H5Tget_member_type(id.raw(), index(i)?) })
}

fn member_name(id: &Id, i: usize) -> Result<String> {
    // SAFETY: a valid datatype, under the caller's lock; the name is freed by the library that allocated it.
    unsafe {
        let name = H5Tget_member_name(id.raw(), index(i)?);
        if name.is_null() {
            return Err(ffi::error());
        }
        let copy = ffi::text(name);
        H5free_memory(name.cast::<c_void>());
        Ok(copy)
    }
}

/// The type of the values of an array or enumeration type.
pub(super) fn base(id: &Id) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: a valid datatype.
    Id::new(unsafe { H5Tget_super(id.raw()) })
}

fn array_dims(id: &Id) -> Result<Vec<u64>> {
    // SAFETY: a valid array datatype, under the caller's lock; the buffer has one place per dimension.
    unsafe {
        let mut dims = vec![0; ffi::count(H5Tget_array_ndims(id.raw()))?];
        ffi::count(H5Tget_array_dims2(id.raw(), dims.as_mut_ptr()))?;
        Ok(dims)
    }
}

fn native(id: &Id) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: a valid datatype.
    Id::new(unsafe { H5Tget_native_type(id.raw(), H5T_direction_t::H5T_DIR_ASCEND) })
}

fn copy(raw: hid_t) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: an invalid datatype is reported.
    Id::new(unsafe { H5Tcopy(raw) })
}

/// The datatype that a stored value is read as: the layout of our buffers, or text as it is stored.
pub(super) fn memory(stored: &Id, cell: &Cell) -> Result<Id> {
    let id = match (cell.dtype, cell.form) {
        (DType::Str | DType::Bool, _) => return copy(stored.raw()),
        (DType::F16, _) => create(cell.dtype)?,
        (DType::C64 | DType::C128, _) => {
            let _guard = ffi::lock();
            // SAFETY: a valid datatype.
            match unsafe { H5Tget_class(stored.raw()) } {
                Class::H5T_COMPOUND => create(cell.dtype)?,
                _ => native(stored)?,
            }
        }
        _ => native(stored)?,
    };
    if size(&id)? == cell.dtype.size() {
        Ok(id)
    } else {
        Err(Error::unsupported(format!("values of {} bytes do not convert to {}", cell.size, cell.dtype)))
    }
}

/// An array datatype of `base`; `base` itself for an empty shape.
pub(super) fn array_of(base: Id, shape: &[u64]) -> Result<Id> {
    if shape.is_empty() {
        return Ok(base);
    }
    let _guard = ffi::lock();
    // SAFETY: a valid datatype, and as many extents as said.
    Id::new(unsafe { H5Tarray_create2(base.raw(), index(shape.len())?, shape.as_ptr()) })
}

/// A compound of fields at given offsets.
pub(super) fn record(size: usize, fields: &[(&str, usize, &Id)]) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: a valid class and valid member types; members that do not fit are reported.
    unsafe {
        let id = Id::new(H5Tcreate(Class::H5T_COMPOUND, size))?;
        for (name, offset, member) in fields {
            ffi::ok(H5Tinsert(id.raw(), ffi::c_name(name)?.as_ptr(), *offset, member.raw()))?;
        }
        Ok(id)
    }
}

/// The datatype that an element type is written as, which is also its layout in memory.
pub(super) fn create(dtype: DType) -> Result<Id> {
    let _guard = ffi::lock();
    match dtype {
        DType::Bool => boolean(),
        DType::I8 => copy(*h5t::H5T_NATIVE_INT8),
        DType::I16 => copy(*h5t::H5T_NATIVE_INT16),
        DType::I32 => copy(*h5t::H5T_NATIVE_INT32),
        DType::I64 => copy(*h5t::H5T_NATIVE_INT64),
        DType::U8 => copy(*h5t::H5T_NATIVE_UINT8),
        DType::U16 => copy(*h5t::H5T_NATIVE_UINT16),
        DType::U32 => copy(*h5t::H5T_NATIVE_UINT32),
        DType::U64 => copy(*h5t::H5T_NATIVE_UINT64),
        DType::F32 => copy(*h5t::H5T_NATIVE_FLOAT),
        DType::F64 => copy(*h5t::H5T_NATIVE_DOUBLE),
        DType::F16 => half(),
        DType::C64 | DType::C128 => {
            let part = create(if dtype == DType::C64 { DType::F32 } else { DType::F64 })?;
            record(dtype.size(), &[("r", 0, &part), ("i", dtype.size() / 2, &part)])
        }
        DType::Str => variable_text(),
    }
}

/// h5py's boolean: an enumeration of one byte.
fn boolean() -> Result<Id> {
    // SAFETY: valid datatypes, names and values of one byte, under the caller's lock.
    unsafe {
        let id = Id::new(H5Tenum_create(*h5t::H5T_NATIVE_INT8))?;
        for (name, value) in [(c"FALSE", 0_i8), (c"TRUE", 1)] {
            ffi::ok(H5Tenum_insert(id.raw(), name.as_ptr(), (&raw const value).cast::<c_void>()))?;
        }
        Ok(id)
    }
}

/// Half floats, made of single floats as h5py does.
fn half() -> Result<Id> {
    let id = copy(*h5t::H5T_NATIVE_FLOAT)?;
    // SAFETY: a datatype of our own; the fields fit its new size.
    unsafe {
        ffi::ok(H5Tset_fields(id.raw(), 15, 10, 5, 0, 10))?;
        ffi::ok(H5Tset_size(id.raw(), 2))?;
        ffi::ok(H5Tset_ebias(id.raw(), 15))?;
    }
    Ok(id)
}

fn variable_text() -> Result<Id> {
    let id = copy(*h5t::H5T_C_S1)?;
    // SAFETY: a datatype of our own.
    unsafe {
        ffi::ok(H5Tset_size(id.raw(), h5t::H5T_VARIABLE))?;
        ffi::ok(H5Tset_cset(id.raw(), H5T_cset_t::H5T_CSET_UTF8))?;
    }
    Ok(id)
}

/// The type of object references.
pub(super) fn reference() -> Result<Id> {
    let _guard = ffi::lock();
    copy(*h5t::H5T_STD_REF_OBJ)
}
