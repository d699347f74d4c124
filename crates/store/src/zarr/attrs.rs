//! Attributes as JSON.

use serde_json::{Number, Value};

use crate::{AttrValue, Attrs, Buffer, DType, Error, Result, Strings, match_buffer};

/// Attributes from the JSON object that holds them.
pub(super) fn read(object: Option<&Value>) -> Result<Attrs> {
    match object {
        None | Some(Value::Null) => Ok(Attrs::new()),
        Some(Value::Object(members)) => Ok(members.iter().map(|(name, value)| (name.clone(), one(value))).collect()),
        Some(_) => Err(Error::invalid("attributes are not a JSON object")),
    }
}

/// One attribute. What has no form as values of one type (an object, a mixed list) counts as null.
fn one(value: &Value) -> AttrValue {
    let mut shape = vec![];
    let mut leaves = vec![];
    if !flatten(value, 0, &mut shape, &mut leaves) {
        return AttrValue::Null;
    }
    let values = values(&leaves);
    values.map_or(AttrValue::Null, |values| AttrValue::Values { shape, values })
}

/// Collects the leaves of nested lists of equal lengths; false if the lengths differ.
fn flatten<'a>(value: &'a Value, depth: usize, shape: &mut Vec<usize>, leaves: &mut Vec<&'a Value>) -> bool {
    let Value::Array(items) = value else {
        leaves.push(value);
        return depth == shape.len();
    };
    if leaves.is_empty() && depth == shape.len() {
        shape.push(items.len());
    }
    depth < shape.len()
        && shape[depth] == items.len()
        && items.iter().all(|item| flatten(item, depth + 1, shape, leaves))
}

fn values(leaves: &[&Value]) -> Option<Buffer> {
    if leaves.is_empty() {
        return Some(Buffer::empty(DType::F64));
    }
    let all = |test: fn(&Value) -> bool| leaves.iter().all(|leaf| test(leaf));
    if all(Value::is_string) {
        let texts: Strings = leaves.iter().filter_map(|leaf| leaf.as_str()).collect();
        return Some(Buffer::Str(texts));
    }
    if all(Value::is_boolean) {
        return Some(Buffer::Bool(leaves.iter().map(|leaf| u8::from(**leaf == Value::Bool(true))).collect()));
    }
    if all(Value::is_i64) {
        return leaves.iter().map(|leaf| leaf.as_i64()).collect::<Option<_>>().map(Buffer::I64);
    }
    if all(Value::is_u64) {
        return leaves.iter().map(|leaf| leaf.as_u64()).collect::<Option<_>>().map(Buffer::U64);
    }
    leaves.iter().map(|leaf| leaf.as_f64()).collect::<Option<_>>().map(Buffer::F64)
}

/// The JSON of an attribute.
pub(super) fn write(value: &AttrValue) -> Result<Value> {
    match value {
        AttrValue::Null => Ok(Value::Null),
        AttrValue::Reference(path) => Ok(Value::String(path.clone())),
        AttrValue::Values { shape, values } => {
            if shape.iter().product::<usize>() != values.len() {
                return Err(Error::internal(format!("{} values for shape {shape:?}", values.len())));
            }
            Ok(nest(shape, &mut scalars(values).into_iter()))
        }
    }
}

fn nest(shape: &[usize], leaves: &mut impl Iterator<Item = Value>) -> Value {
    match shape.split_first() {
        None => leaves.next().unwrap_or(Value::Null),
        Some((&extent, rest)) => Value::Array((0..extent).map(|_| nest(rest, leaves)).collect()),
    }
}

fn scalars(values: &Buffer) -> Vec<Value> {
    match values {
        Buffer::Str(texts) => texts.iter().map(Value::from).collect(),
        Buffer::Bool(flags) => flags.iter().map(|&flag| Value::Bool(flag != 0)).collect(),
        Buffer::U64(numbers) => numbers.iter().map(|&number| Value::from(number)).collect(),
        Buffer::C64(numbers) => numbers.iter().map(|z| z.iter().map(|&x| float(f64::from(x))).collect()).collect(),
        Buffer::C128(numbers) => numbers.iter().map(|z| z.iter().map(|&x| float(x)).collect()).collect(),
        _ => {
            let len = match_buffer!(values, values => values.len(), text => text.len());
            let number =
                |i| values.get_i64(i).map_or_else(|| float(values.get_f64(i).unwrap_or(f64::NAN)), Value::from);
            (0..len).map(number).collect()
        }
    }
}

/// A number, or the name that zarr gives to what JSON has no number for.
pub(super) fn float(value: f64) -> Value {
    let name = || {
        Value::from(if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
    };
    Number::from_f64(value).map_or_else(name, Value::Number)
}
