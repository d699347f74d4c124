//! The rows that a condition holds for.
//!
//! `AND`, `OR` and `NOT` work on one byte a row. Below them, a comparison and everything inside of it is evaluated row by
//! row, with its own columns in memory and no others; one that asks for a single categorical column is evaluated once
//! for each category.

use annstream_store::Buffer;

use super::ast::{Arithmetic, Comparison, Expr, Literal};
use super::bind::{Bound, ColumnName, Node, bind};
use super::source::ColumnSource;
use crate::table::Column;
use crate::{Error, Result};

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const UNKNOWN: u8 = 2;

/// Whether the condition is true for each row. Reads each column once for every comparison that names it; holds the
/// columns of one comparison and a byte a row for each `AND` and `OR` that is open.
///
/// # Errors
/// `Argument` if a column is not there or types do not fit, with the place in the text; what reading a column gives.
pub fn rows(expr: &Expr, source: &dyn ColumnSource) -> Result<Vec<bool>> {
    let bound = bind(expr, source)?;
    Ok(truth(&bound.root, &bound, source)?.into_iter().map(|value| value == TRUE).collect())
}

fn truth(node: &Node, bound: &Bound, source: &dyn ColumnSource) -> Result<Vec<u8>> {
    match node {
        Node::Not(inner) => {
            let mut values = truth(inner, bound, source)?;
            for value in &mut values {
                *value = not(*value);
            }
            Ok(values)
        }
        Node::And(left, right) => combine(truth(left, bound, source)?, &truth(right, bound, source)?, and),
        Node::Or(left, right) => combine(truth(left, bound, source)?, &truth(right, bound, source)?, or),
        leaf => leaf_truth(leaf, bound, source),
    }
}

fn combine(mut left: Vec<u8>, right: &[u8], op: fn(u8, u8) -> u8) -> Result<Vec<u8>> {
    if left.len() != right.len() {
        return Err(Error::internal("columns of different lengths"));
    }
    left.iter_mut().zip(right).for_each(|(a, &b)| *a = op(*a, b));
    Ok(left)
}

fn not(value: u8) -> u8 {
    match value {
        FALSE => TRUE,
        TRUE => FALSE,
        _ => UNKNOWN,
    }
}

fn and(a: u8, b: u8) -> u8 {
    match (a, b) {
        (FALSE, _) | (_, FALSE) => FALSE,
        (TRUE, TRUE) => TRUE,
        _ => UNKNOWN,
    }
}

fn or(a: u8, b: u8) -> u8 {
    not(and(not(a), not(b)))
}

/// A comparison: reads its columns, and looks at every row, or at every category.
fn leaf_truth(node: &Node, bound: &Bound, source: &dyn ColumnSource) -> Result<Vec<u8>> {
    let mut slots = Vec::new();
    collect(node, &mut slots);
    let mut columns: Vec<Option<Column>> = bound.columns.iter().map(|_| None).collect();
    for &slot in &slots {
        columns[slot] = Some(match &bound.columns[slot] {
            ColumnName::Index => source.read_index()?,
            ColumnName::Named(name) => source.read(name)?,
        });
    }
    if let [slot] = slots[..]
        && let Some(Column::Categorical { codes, categories, ordered }) = columns[slot].take_if(
            |column| matches!(column, Column::Categorical { categories, codes, .. } if categories.len() < codes.len()),
        )
    {
        let count = i32::try_from(categories.len()).map_err(|_| Error::unsupported("more than 2^31 categories"))?;
        columns[slot] = Some(Column::Categorical { codes: (-1..count).collect(), categories, ordered });
        let answers: Vec<u8> = (0..=categories_len(count)).map(|row| answer(node, &columns, row)).collect();
        let position = |code: i32| usize::try_from(code.max(-1) + 1).unwrap_or(0);
        return Ok(codes.iter().map(|&code| answers.get(position(code)).copied().unwrap_or(UNKNOWN)).collect());
    }
    Ok((0..source.rows()).map(|row| answer(node, &columns, row)).collect())
}

fn categories_len(count: i32) -> usize {
    usize::try_from(count).unwrap_or(0)
}

fn answer(node: &Node, columns: &[Option<Column>], row: usize) -> u8 {
    match value(node, columns, row) {
        Scalar::Bool(true) => TRUE,
        Scalar::Bool(false) => FALSE,
        _ => UNKNOWN,
    }
}

fn collect(node: &Node, slots: &mut Vec<usize>) {
    match node {
        Node::Column(slot) | Node::Rank(slot) => {
            if !slots.contains(slot) {
                slots.push(*slot);
            }
        }
        Node::Literal(_) => {}
        Node::Not(inner)
        | Node::InTexts(inner, ..)
        | Node::Like(inner, _)
        | Node::IsNull(inner)
        | Node::Is(inner, _)
        | Node::Negate(inner) => collect(inner, slots),
        Node::And(left, right)
        | Node::Or(left, right)
        | Node::Compare(_, left, right)
        | Node::Arithmetic(_, left, right) => {
            collect(left, slots);
            collect(right, slots);
        }
        Node::In(inner, items) => {
            collect(inner, slots);
            for item in items {
                collect(item, slots);
            }
        }
    }
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scalar<'a> {
    Missing,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(&'a str),
}

fn value<'a>(node: &'a Node, columns: &'a [Option<Column>], row: usize) -> Scalar<'a> {
    let part = |node: &'a Node| value(node, columns, row);
    let bit = |node: &'a Node| answer(node, columns, row);
    match node {
        Node::Column(slot) => columns[*slot].as_ref().map_or(Scalar::Missing, |column| get(column, row)),
        Node::Rank(slot) => match &columns[*slot] {
            Some(Column::Categorical { codes, .. }) if codes[row] >= 0 => Scalar::Int(i128::from(codes[row])),
            _ => Scalar::Missing,
        },
        Node::Literal(literal) => scalar(literal),
        Node::Not(inner) => truth_scalar(not(bit(inner))),
        Node::And(left, right) => truth_scalar(and(bit(left), bit(right))),
        Node::Or(left, right) => truth_scalar(or(bit(left), bit(right))),
        Node::Compare(op, left, right) => compare(*op, part(left), part(right)),
        Node::In(inner, items) => {
            let own = part(inner);
            let any = items.iter().fold(FALSE, |any, item| match compare(Comparison::Equal, own, part(item)) {
                Scalar::Bool(found) => or(any, u8::from(found)),
                _ => or(any, UNKNOWN),
            });
            truth_scalar(any)
        }
        Node::InTexts(inner, texts, null) => match part(inner) {
            Scalar::Text(text) if texts.contains(text) => Scalar::Bool(true),
            Scalar::Text(_) if !null => Scalar::Bool(false),
            _ => Scalar::Missing,
        },
        Node::Like(inner, pattern) => match part(inner) {
            Scalar::Text(text) => Scalar::Bool(pattern.matches(text)),
            _ => Scalar::Missing,
        },
        Node::IsNull(inner) => Scalar::Bool(part(inner) == Scalar::Missing),
        Node::Is(inner, truth) => Scalar::Bool(part(inner) == Scalar::Bool(*truth)),
        Node::Arithmetic(op, left, right) => arithmetic(*op, part(left), part(right)),
        Node::Negate(inner) => match part(inner) {
            Scalar::Int(value) => value.checked_neg().map_or(Scalar::Missing, Scalar::Int),
            Scalar::Float(value) => Scalar::Float(-value),
            _ => Scalar::Missing,
        },
    }
}

fn truth_scalar(value: u8) -> Scalar<'static> {
    match value {
        TRUE => Scalar::Bool(true),
        FALSE => Scalar::Bool(false),
        _ => Scalar::Missing,
    }
}

fn scalar(literal: &Literal) -> Scalar<'_> {
    match literal {
        Literal::Null => Scalar::Missing,
        Literal::Bool(value) => Scalar::Bool(*value),
        Literal::Int(value) => Scalar::Int(i128::from(*value)),
        Literal::Float(value) => real(*value),
        Literal::Text(text) => Scalar::Text(text),
    }
}

/// NaN is missing.
fn real(value: f64) -> Scalar<'static> {
    if value.is_nan() { Scalar::Missing } else { Scalar::Float(value) }
}

fn get(column: &Column, row: usize) -> Scalar<'_> {
    match column {
        Column::Nullable { missing, .. } if missing[row] => Scalar::Missing,
        Column::Plain(values) | Column::Nullable { values, .. } => stored(values, row),
        Column::Categorical { codes, categories, .. } => {
            usize::try_from(codes[row]).map_or(Scalar::Missing, |code| get(categories, code))
        }
    }
}

fn stored(values: &Buffer, row: usize) -> Scalar<'_> {
    match values {
        Buffer::Str(texts) => Scalar::Text(texts.get(row)),
        Buffer::Bool(values) => Scalar::Bool(values[row] != 0),
        Buffer::U64(values) => Scalar::Int(i128::from(values[row])),
        other if other.dtype().is_integer() => {
            other.get_i64(row).map_or(Scalar::Missing, |value| Scalar::Int(i128::from(value)))
        }
        other => other.get_f64(row).map_or(Scalar::Missing, real),
    }
}

fn compare(op: Comparison, left: Scalar<'_>, right: Scalar<'_>) -> Scalar<'static> {
    let order = match (left, right) {
        (Scalar::Bool(a), Scalar::Bool(b)) => Some(a.cmp(&b)),
        (Scalar::Int(a), Scalar::Int(b)) => Some(a.cmp(&b)),
        (Scalar::Text(a), Scalar::Text(b)) => Some(a.cmp(b)),
        (Scalar::Float(a), Scalar::Float(b)) => a.partial_cmp(&b),
        (Scalar::Int(a), Scalar::Float(b)) => (a as f64).partial_cmp(&b),
        (Scalar::Float(a), Scalar::Int(b)) => a.partial_cmp(&(b as f64)),
        _ => None,
    };
    order.map_or(Scalar::Missing, |order| {
        Scalar::Bool(match op {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterEqual => order.is_ge(),
        })
    })
}

fn arithmetic(op: Arithmetic, left: Scalar<'_>, right: Scalar<'_>) -> Scalar<'static> {
    if let (Scalar::Int(a), Scalar::Int(b)) = (left, right) {
        let exact = match op {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Subtract => a.checked_sub(b),
            Arithmetic::Multiply => a.checked_mul(b),
            Arithmetic::Divide => None,
        };
        if let Some(value) = exact {
            return Scalar::Int(value);
        }
    }
    let number = |value: Scalar<'_>| match value {
        Scalar::Int(value) => Some(value as f64),
        Scalar::Float(value) => Some(value),
        _ => None,
    };
    let (Some(a), Some(b)) = (number(left), number(right)) else { return Scalar::Missing };
    match op {
        Arithmetic::Add => real(a + b),
        Arithmetic::Subtract => real(a - b),
        Arithmetic::Multiply => real(a * b),
        Arithmetic::Divide if b == 0.0 => Scalar::Missing,
        Arithmetic::Divide => real(a / b),
    }
}

/// Whether a value of a column is this literal.
pub(super) fn same(column: &Column, row: usize, literal: &Literal) -> bool {
    compare(Comparison::Equal, get(column, row), scalar(literal)) == Scalar::Bool(true)
}

/// A value of a column, for messages.
pub(super) fn show(column: &Column, row: usize) -> String {
    match get(column, row) {
        Scalar::Missing => "NULL".to_owned(),
        Scalar::Bool(value) => value.to_string().to_uppercase(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) => value.to_string(),
        Scalar::Text(text) => format!("'{text}'"),
    }
}

#[cfg(test)]
#[path = "eval_tests.rs"]
mod tests;
