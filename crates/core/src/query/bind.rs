//! Names become columns, and every part gets a type.

use std::collections::HashSet;

use annstream_store::DType;

use super::ast::{Arithmetic, Comparison, Expr, ExprKind, Literal};
use super::like::Pattern;
use super::nearest::nearest;
use super::source::ColumnSource;
use crate::table::{Column, ColumnKind};
use crate::{Error, Result};

/// What a part of a condition gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Number,
    Text,
    /// `NULL`, which goes with everything.
    Null,
}

/// A column that a condition asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ColumnName {
    Index,
    Named(String),
}

/// A condition whose names and types are known. Columns are positions in [`Bound::columns`].
#[derive(Debug)]
pub(super) enum Node {
    Column(usize),
    /// The position of a value among the categories of an ordered column.
    Rank(usize),
    Literal(Literal),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    In(Box<Node>, Vec<Node>),
    /// `IN` of nothing but text, and whether `NULL` was among it.
    InTexts(Box<Node>, HashSet<String>, bool),
    Like(Box<Node>, Pattern),
    IsNull(Box<Node>),
    Is(Box<Node>, bool),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Negate(Box<Node>),
}

/// A condition, and the columns that it asks for.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) root: Node,
    pub(super) columns: Vec<ColumnName>,
}

/// Looks names up and checks types.
pub(super) fn bind(expr: &Expr, source: &dyn ColumnSource) -> Result<Bound> {
    let mut binder = Binder { source, columns: Vec::new() };
    let (root, kind) = binder.bind(expr)?;
    if matches!(kind, Type::Number | Type::Text) {
        let message = format!("{} is {}, where a condition was expected", describe(expr), kind.name());
        return Err(Error::argument(format!("{message}, at {}", expr.at))
            .hint("compare it with something, such as n_genes > 200"));
    }
    Ok(Bound { root, columns: binder.columns })
}

struct Binder<'a> {
    source: &'a dyn ColumnSource,
    columns: Vec<ColumnName>,
}

type Typed = (Node, Type);

impl Binder<'_> {
    fn bind(&mut self, expr: &Expr) -> Result<Typed> {
        let boolean = |node| Ok((node, Type::Bool));
        match &expr.kind {
            ExprKind::Literal(literal) => Ok((Node::Literal(literal.clone()), type_of(literal))),
            ExprKind::Column(name) => self.column(name, expr),
            ExprKind::Not(inner) => boolean(Node::Not(self.condition(inner)?)),
            ExprKind::And(left, right) => boolean(Node::And(self.condition(left)?, self.condition(right)?)),
            ExprKind::Or(left, right) => boolean(Node::Or(self.condition(left)?, self.condition(right)?)),
            ExprKind::Compare(op, left, right) => self.compare(*op, left, right),
            ExprKind::In(value, list) => self.membership(value, list),
            ExprKind::Like { value, pattern, insensitive, escape } => {
                let node = self.text(value)?;
                match &pattern.kind {
                    ExprKind::Literal(Literal::Text(text)) => {
                        boolean(Node::Like(node, Pattern::new(text, *escape, *insensitive)))
                    }
                    ExprKind::Literal(Literal::Null) => boolean(Node::Literal(Literal::Null)),
                    _ => Err(Error::argument(format!("the pattern at {} is not text in quotes", pattern.at))),
                }
            }
            ExprKind::IsNull(inner) => boolean(Node::IsNull(Box::new(self.bind(inner)?.0))),
            ExprKind::Is(inner, truth) => boolean(Node::Is(self.condition(inner)?, *truth)),
            ExprKind::Arithmetic(op, left, right) => {
                let node = Node::Arithmetic(*op, self.number(left)?, self.number(right)?);
                Ok((node, Type::Number))
            }
            ExprKind::Negate(inner) => Ok((Node::Negate(self.number(inner)?), Type::Number)),
        }
    }

    fn column(&mut self, name: &str, expr: &Expr) -> Result<Typed> {
        let (column, kind) = match self.source.kind(name) {
            Some(kind) => (ColumnName::Named(name.to_owned()), kind),
            None if self.source.is_index(name) => (ColumnName::Index, ColumnKind::Plain(DType::Str)),
            None => {
                let names = self.source.names();
                let error = Error::argument(format!("there is no column '{name}', at {}", expr.at));
                return Err(match nearest(name, names.iter().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean '{near}'? Text stands in 'single quotes'")),
                    None if names.is_empty() => {
                        error.hint("the table has no columns; annstream info shows what is there")
                    }
                    None => {
                        let some: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
                        let more = if names.len() > some.len() { ", …" } else { "" };
                        error.hint(format!("there are {}{more}; text stands in 'single quotes'", some.join(", ")))
                    }
                });
            }
        };
        let dtype = match kind {
            ColumnKind::Plain(dtype) | ColumnKind::Nullable(dtype) => dtype,
            ColumnKind::Categorical { categories, .. } => categories,
        };
        let kind = match dtype {
            DType::Str => Type::Text,
            DType::Bool => Type::Bool,
            dtype if dtype.is_complex() => {
                let message = format!("the column '{name}' holds complex numbers, which have no order");
                return Err(Error::argument(format!("{message}, at {}", expr.at)));
            }
            _ => Type::Number,
        };
        Ok((Node::Column(self.slot(column)), kind))
    }

    fn slot(&mut self, column: ColumnName) -> usize {
        self.columns.iter().position(|known| *known == column).unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }

    fn of_type(&mut self, expr: &Expr, wanted: Type) -> Result<Box<Node>> {
        let (node, found) = self.bind(expr)?;
        if found == wanted || found == Type::Null {
            return Ok(Box::new(node));
        }
        let message = format!("{} is {}, where {} was expected", describe(expr), found.name(), wanted.name());
        Err(Error::argument(format!("{message}, at {}", expr.at)).hint(match wanted {
            Type::Bool => "compare it with something, such as n_genes > 200",
            Type::Number => "numbers are written without quotes",
            _ => "text stands in 'single quotes'",
        }))
    }

    fn condition(&mut self, expr: &Expr) -> Result<Box<Node>> {
        self.of_type(expr, Type::Bool)
    }

    fn number(&mut self, expr: &Expr) -> Result<Box<Node>> {
        self.of_type(expr, Type::Number)
    }

    fn text(&mut self, expr: &Expr) -> Result<Box<Node>> {
        self.of_type(expr, Type::Text)
    }

    fn compare(&mut self, op: Comparison, left: &Expr, right: &Expr) -> Result<Typed> {
        if op.orders() {
            for (column, literal, flipped) in [(left, right, false), (right, left, true)] {
                if let Some((own, rank)) = self.ranks(column, literal)? {
                    let (own, rank) = (Box::new(own), Box::new(rank));
                    let (left, right) = if flipped { (rank, own) } else { (own, rank) };
                    return Ok((Node::Compare(op, left, right), Type::Bool));
                }
            }
        }
        let ((mut a, a_type), (mut b, b_type)) = (self.bind(left)?, self.bind(right)?);
        check_pair((left, a_type), (right, b_type))?;
        self.round_like(&a, &mut b);
        self.round_like(&b, &mut a);
        Ok((Node::Compare(op, Box::new(a), Box::new(b)), Type::Bool))
    }

    fn membership(&mut self, value: &Expr, list: &[Expr]) -> Result<Typed> {
        let (node, kind) = self.bind(value)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let (mut own, own_kind) = self.bind(item)?;
            check_pair((value, kind), (item, own_kind))?;
            self.round_like(&node, &mut own);
            items.push(own);
        }
        let node = Box::new(node);
        let literals = items.iter().all(|item| matches!(item, Node::Literal(Literal::Text(_) | Literal::Null)));
        if kind != Type::Text || !literals {
            return Ok((Node::In(node, items), Type::Bool));
        }
        let null = items.iter().any(|item| matches!(item, Node::Literal(Literal::Null)));
        let texts = items.into_iter().filter_map(|item| match item {
            Node::Literal(Literal::Text(text)) => Some(text),
            _ => None,
        });
        Ok((Node::InTexts(node, texts.collect(), null), Type::Bool))
    }

    fn kind_of(&self, slot: usize) -> Option<ColumnKind> {
        match self.columns.get(slot)? {
            ColumnName::Index => Some(ColumnKind::Plain(DType::Str)),
            ColumnName::Named(name) => self.source.kind(name),
        }
    }

    /// A number beside a column of narrower floats is rounded as those were.
    fn round_like(&self, column: &Node, literal: &mut Node) {
        let (Node::Column(slot), Node::Literal(value)) = (column, literal) else { return };
        let number = match value {
            Literal::Float(number) => *number,
            Literal::Int(number) => *number as f64,
            _ => return,
        };
        let dtype = match self.kind_of(*slot) {
            Some(ColumnKind::Plain(dtype) | ColumnKind::Nullable(dtype)) => dtype,
            Some(ColumnKind::Categorical { categories, .. }) => categories,
            None => return,
        };
        #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
        match dtype {
            DType::F32 => *value = Literal::Float(f64::from(number as f32)),
            DType::F16 => *value = Literal::Float(half::f16::from_f64(number).to_f64()),
            _ => {}
        }
    }

    /// An ordered categorical beside one of its categories: both as positions among the categories.
    fn ranks(&mut self, column: &Expr, literal: &Expr) -> Result<Option<(Node, Node)>> {
        let (ExprKind::Column(name), ExprKind::Literal(value)) = (&column.kind, &literal.kind) else { return Ok(None) };
        if *value == Literal::Null
            || !matches!(self.source.kind(name), Some(ColumnKind::Categorical { ordered: true, .. }))
        {
            return Ok(None);
        }
        let (node, kind) = self.bind(column)?;
        check_pair((column, kind), (literal, type_of(value)))?;
        let (Node::Column(slot), Column::Categorical { categories, .. }) = (node, self.source.read(name)?) else {
            return Err(Error::internal("an ordered column without categories"));
        };
        let rank = (0..categories.len()).find(|&i| super::eval::same(&categories, i, value));
        let rank = rank.and_then(|rank| i64::try_from(rank).ok()).ok_or_else(|| {
            let known = (0..categories.len().min(12)).map(|i| super::eval::show(&categories, i));
            let known = known.collect::<Vec<_>>().join(" < ");
            Error::argument(format!("{} is no category of '{name}', at {}", describe(literal), literal.at))
                .hint(format!("an ordered column is compared with its categories: {known}"))
        })?;
        Ok(Some((Node::Rank(slot), Node::Literal(Literal::Int(rank)))))
    }
}

fn check_pair((left, left_type): (&Expr, Type), (right, right_type): (&Expr, Type)) -> Result<()> {
    if left_type == right_type || left_type == Type::Null || right_type == Type::Null {
        return Ok(());
    }
    let parts =
        [(left, left_type), (right, right_type)].map(|(expr, kind)| format!("{} is {}", describe(expr), kind.name()));
    let message = format!("{} cannot be compared: {}", parts_named(left_type, right_type), parts.join(", "));
    let hint = match (left_type, right_type) {
        (Type::Bool, _) | (_, Type::Bool) => "true and false are written TRUE and FALSE",
        _ => "text stands in 'single quotes', numbers without",
    };
    Err(Error::argument(format!("{message}, at {}", left.at)).hint(hint))
}

fn parts_named(left: Type, right: Type) -> String {
    format!("{} and {}", left.name(), right.name())
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Null => "missing",
        }
    }
}

fn type_of(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) | Literal::Float(_) => Type::Number,
        Literal::Text(_) => Type::Text,
    }
}

/// A part of a condition, for messages.
fn describe(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Column(name) => name.clone(),
        ExprKind::Literal(Literal::Null) => "NULL".to_owned(),
        ExprKind::Literal(Literal::Bool(value)) => value.to_string().to_uppercase(),
        ExprKind::Literal(Literal::Int(value)) => value.to_string(),
        ExprKind::Literal(Literal::Float(value)) => value.to_string(),
        ExprKind::Literal(Literal::Text(text)) => format!("'{text}'"),
        ExprKind::Arithmetic(..) | ExprKind::Negate(_) => "the result of the arithmetic".to_owned(),
        _ => "the condition".to_owned(),
    }
}
