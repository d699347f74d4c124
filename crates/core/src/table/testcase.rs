//! Columns written as JSON by the Python scripts in `testdata`.

use annstream_store::{Buffer, DType};
use half::f16;
use serde_json::Value;

use super::{Column, NaValue};

/// The column that a script wrote.
pub(crate) fn column(value: &Value) -> Column {
    let kind = value["t"].as_str().unwrap();
    if kind == "category" {
        let codes =
            value["codes"].as_array().unwrap().iter().map(|code| i32::try_from(code.as_i64().unwrap()).unwrap());
        return Column::Categorical {
            codes: codes.collect(),
            categories: Box::new(column(&value["cats"])),
            ordered: value["ordered"].as_bool().unwrap(),
        };
    }
    let items = value["v"].as_array().unwrap();
    let missing: Vec<bool> = items.iter().map(Value::is_null).collect();
    match kind {
        "string" | "strnan" | "object" | "str" => {
            let values = Buffer::Str(items.iter().map(|item| item.as_str().unwrap_or("")).collect());
            if (kind == "object" || kind == "str") && !missing.contains(&true) {
                return Column::Plain(values);
            }
            let nan = kind == "strnan" || kind == "object" && value["na"] != Value::Bool(true);
            Column::Nullable { values, missing, na: if nan { NaValue::NaN } else { NaValue::Na } }
        }
        _ => {
            let name = if kind == "boolean" { "bool" } else { kind };
            let dtype = DType::ALL.into_iter().find(|dtype| dtype.name() == name).unwrap();
            if value.get("masked").is_some() {
                let values = numbers(items, dtype, 0.0);
                Column::Nullable { values, missing, na: NaValue::Na }
            } else {
                Column::Plain(numbers(items, dtype, f64::NAN))
            }
        }
    }
}

fn numbers(items: &[Value], dtype: DType, missing: f64) -> Buffer {
    let get = |item: &Value| item.as_f64().unwrap_or(missing);
    match dtype {
        DType::F16 => Buffer::F16(items.iter().map(|item| f16::from_f64(get(item))).collect()),
        DType::C64 | DType::C128 => {
            let pair = |item: &Value| match item.as_array() {
                Some(pair) => [get(&pair[0]), get(&pair[1])],
                None => [f64::NAN, 0.0],
            };
            Buffer::C128(items.iter().map(pair).collect()).cast(dtype).unwrap()
        }
        DType::U64 => Buffer::U64(items.iter().map(|item| item.as_u64().unwrap_or(0)).collect()),
        _ if dtype.is_float() => Buffer::F64(items.iter().map(get).collect()).cast(dtype).unwrap(),
        _ => Buffer::I64(items.iter().map(|item| item.as_i64().unwrap_or(0)).collect()).cast(dtype).unwrap(),
    }
}
