//! A condition as a tree.

use std::fmt;

/// Where something stands in the text; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u64,
    /// Character in the line.
    pub column: u64,
}

/// A part of a condition, with the place it was written at.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it begins.
    pub at: Position,
}

/// What a part of a condition is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A column, by name.
    Column(String),
    /// A value.
    Literal(Literal),
    /// `NOT x`.
    Not(Box<Expr>),
    /// `x AND y`.
    And(Box<Expr>, Box<Expr>),
    /// `x OR y`.
    Or(Box<Expr>, Box<Expr>),
    /// `x < y` and its kin.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `x IN (…)`.
    In(Box<Expr>, Vec<Expr>),
    /// `x LIKE pattern`; `ILIKE` does not tell upper from lower case.
    Like {
        /// The text.
        value: Box<Expr>,
        /// The pattern.
        pattern: Box<Expr>,
        /// Whether case does not count.
        insensitive: bool,
        /// What takes the meaning from `%` and `_`.
        escape: Option<char>,
    },
    /// `x IS NULL`.
    IsNull(Box<Expr>),
    /// `x IS TRUE`, `x IS FALSE`.
    Is(Box<Expr>, bool),
    /// `x + y` and its kin.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Missing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
    /// Text.
    Text(String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`.
    Equal,
    /// `<>`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
}

/// A sum, difference, product or quotient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 | 1 => write!(f, "character {}", self.column.max(1)),
            line => write!(f, "line {line}, character {}", self.column),
        }
    }
}

impl Comparison {
    /// Whether it asks for an order, not only for equality.
    pub fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}
