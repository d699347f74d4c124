//! Text into a tree, by the grammar of SQL.

use sqlparser::ast::{BinaryOperator, Expr as Sql, Ident, Spanned, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::ast::{Arithmetic, Comparison, Expr, ExprKind, Literal, Position};
use crate::{Error, Result};

/// Longest text. What is longer is a list, and belongs in a file.
const MAX_BYTES: usize = 1 << 14;

/// Deepest tree; chains of `AND` and of `OR` may be longer.
const MAX_DEPTH: usize = 100;

/// Parses a condition.
///
/// # Errors
/// `Argument` if it is not one, or uses a part of SQL that is not supported here; the message says where.
pub fn parse(text: &str) -> Result<Expr> {
    if text.trim().is_empty() {
        return Err(Error::argument("the condition is empty").hint("write one such as n_genes > 200"));
    }
    if text.len() > MAX_BYTES {
        return Err(Error::argument(format!("the condition is longer than {MAX_BYTES} bytes"))
            .hint("put the labels to keep into a file, one a line"));
    }
    let mut parser = Parser::new(&GenericDialect).try_with_sql(text).map_err(syntax)?;
    let tree = parser.parse_expr().map_err(syntax)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let at = Position { line: rest.span.start.line, column: rest.span.start.column };
        let hint = match rest.token {
            Token::Word(_) => "join conditions by AND or OR; names with spaces or symbols stand in double quotes",
            _ => "one condition is expected, such as n_genes > 200 AND sample = 's1'",
        };
        return Err(Error::argument(format!("unexpected '{}' at {at}", rest.token)).hint(hint));
    }
    convert(&tree, 0)
}

/// An error of the parser in our words.
fn syntax(error: ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => return Error::argument("parentheses are nested too deep"),
    };
    let (what, place) = message.rsplit_once(" at Line: ").unwrap_or((&message, ""));
    let position = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Position { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    let what = what.strip_prefix("Expected: ").map_or_else(|| what.to_lowercase(), |rest| format!("expected {rest}"));
    let place = position.map(|at| format!(" at {at}")).unwrap_or_default();
    Error::argument(format!("the condition cannot be understood{place}: {what}"))
        .hint("text stands in 'single', names that are unusual in \"double\" quotes")
}

fn position(tree: &Sql) -> Position {
    let start = tree.span().start;
    Position { line: start.line, column: start.column }
}

fn unsupported(what: &str, at: Position) -> Error {
    Error::argument(format!("{what} at {at} is not supported"))
        .hint("there are = <> < <= > >=, BETWEEN, IN, LIKE, ILIKE, IS NULL, AND, OR, NOT, + - * / and parentheses")
}

fn convert(tree: &Sql, depth: usize) -> Result<Expr> {
    if depth > MAX_DEPTH {
        return Err(Error::argument("the condition is nested too deep").hint("use IN, or split it"));
    }
    match tree {
        Sql::BinaryOp { op: BinaryOperator::And, .. } => {
            return chain(tree, &BinaryOperator::And, ExprKind::And, depth);
        }
        Sql::BinaryOp { op: BinaryOperator::Or, .. } => return chain(tree, &BinaryOperator::Or, ExprKind::Or, depth),
        _ => {}
    }
    let at = position(tree);
    let boxed = |tree: &Sql| convert(tree, depth + 1).map(Box::new);
    let made = |kind| Expr { kind, at };
    let negated = |negated: bool, kind| {
        if negated { ExprKind::Not(Box::new(Expr { kind, at })) } else { kind }
    };
    let kind = match tree {
        Sql::Nested(inner) => return convert(inner, depth + 1),
        Sql::Identifier(name) => ExprKind::Column(name.value.clone()),
        Sql::CompoundIdentifier(parts) => ExprKind::Column(dotted(parts)),
        Sql::Value(value) => ExprKind::Literal(literal(&value.value, at)?),
        Sql::UnaryOp { op, expr } => match op {
            UnaryOperator::Not => ExprKind::Not(boxed(expr)?),
            UnaryOperator::Plus => return convert(expr, depth + 1),
            UnaryOperator::Minus => match convert(expr, depth + 1)?.kind {
                ExprKind::Literal(Literal::Int(value)) => ExprKind::Literal(Literal::Int(-value)),
                ExprKind::Literal(Literal::Float(value)) => ExprKind::Literal(Literal::Float(-value)),
                kind => ExprKind::Negate(Box::new(made(kind))),
            },
            other => return Err(unsupported(&format!("'{other}'"), at)),
        },
        Sql::BinaryOp { left, op, right } => binary(boxed(left)?, op, boxed(right)?, at)?,
        Sql::IsNull(value) | Sql::IsUnknown(value) => ExprKind::IsNull(boxed(value)?),
        Sql::IsNotNull(value) | Sql::IsNotUnknown(value) => negated(true, ExprKind::IsNull(boxed(value)?)),
        Sql::IsTrue(value) => ExprKind::Is(boxed(value)?, true),
        Sql::IsNotTrue(value) => negated(true, ExprKind::Is(boxed(value)?, true)),
        Sql::IsFalse(value) => ExprKind::Is(boxed(value)?, false),
        Sql::IsNotFalse(value) => negated(true, ExprKind::Is(boxed(value)?, false)),
        Sql::InList { expr, list, negated: not } => {
            let list = list.iter().map(|item| convert(item, depth + 1)).collect::<Result<_>>()?;
            negated(*not, ExprKind::In(boxed(expr)?, list))
        }
        Sql::Between { expr, negated: not, low, high } => {
            let part =
                |op, bound: &Sql| Ok::<_, Error>(Box::new(made(ExprKind::Compare(op, boxed(expr)?, boxed(bound)?))));
            let both = ExprKind::And(part(Comparison::GreaterEqual, low)?, part(Comparison::LessEqual, high)?);
            negated(*not, both)
        }
        Sql::Like { negated: not, any: false, expr, pattern, escape_char } => {
            negated(*not, like([expr, pattern], escape_char.as_deref(), false, depth)?)
        }
        Sql::ILike { negated: not, any: false, expr, pattern, escape_char } => {
            negated(*not, like([expr, pattern], escape_char.as_deref(), true, depth)?)
        }
        Sql::Function(function) => return Err(unsupported(&format!("the function '{}'", function.name), at)),
        other => {
            let text: String = other.to_string().chars().take(40).collect();
            return Err(unsupported(&format!("'{text}'"), at));
        }
    };
    Ok(made(kind))
}

/// `x AND y AND z`, however long, as a balanced tree: the parser gives one that is as deep as the chain is long.
fn chain(tree: &Sql, op: &BinaryOperator, join: fn(Box<Expr>, Box<Expr>) -> ExprKind, depth: usize) -> Result<Expr> {
    let mut parts = Vec::new();
    let mut rest = tree;
    while let Sql::BinaryOp { left, op: own, right } = rest
        && own == op
    {
        parts.push(convert(right, depth + 1)?);
        rest = left;
    }
    parts.push(convert(rest, depth + 1)?);
    parts.reverse();
    while parts.len() > 1 {
        let mut pairs = Vec::with_capacity(parts.len().div_ceil(2));
        let mut parts_left = parts.into_iter();
        while let Some(left) = parts_left.next() {
            let at = left.at;
            pairs.push(match parts_left.next() {
                Some(right) => Expr { kind: join(Box::new(left), Box::new(right)), at },
                None => left,
            });
        }
        parts = pairs;
    }
    parts.pop().ok_or_else(|| Error::internal("a chain without parts"))
}

fn binary(left: Box<Expr>, op: &BinaryOperator, right: Box<Expr>, at: Position) -> Result<ExprKind> {
    let compare = |op, left, right| Ok(ExprKind::Compare(op, left, right));
    let arithmetic = |op, left, right| Ok(ExprKind::Arithmetic(op, left, right));
    match op {
        BinaryOperator::Eq => compare(Comparison::Equal, left, right),
        BinaryOperator::NotEq => compare(Comparison::NotEqual, left, right),
        BinaryOperator::Lt => compare(Comparison::Less, left, right),
        BinaryOperator::LtEq => compare(Comparison::LessEqual, left, right),
        BinaryOperator::Gt => compare(Comparison::Greater, left, right),
        BinaryOperator::GtEq => compare(Comparison::GreaterEqual, left, right),
        BinaryOperator::Plus => arithmetic(Arithmetic::Add, left, right),
        BinaryOperator::Minus => arithmetic(Arithmetic::Subtract, left, right),
        BinaryOperator::Multiply => arithmetic(Arithmetic::Multiply, left, right),
        BinaryOperator::Divide => arithmetic(Arithmetic::Divide, left, right),
        other => Err(unsupported(&format!("'{other}'"), at)),
    }
}

fn like(parts: [&Sql; 2], escape: Option<&Sql>, insensitive: bool, depth: usize) -> Result<ExprKind> {
    let escape = match escape {
        None => None,
        Some(tree) => {
            let at = position(tree);
            let wrong = || Error::argument(format!("one character was expected after ESCAPE, at {at}"));
            let ExprKind::Literal(Literal::Text(text)) = convert(tree, depth + 1)?.kind else { return Err(wrong()) };
            let mut chars = text.chars();
            let (Some(escape), None) = (chars.next(), chars.next()) else { return Err(wrong()) };
            Some(escape)
        }
    };
    let [value, pattern] = parts;
    let (value, pattern) = (Box::new(convert(value, depth + 1)?), Box::new(convert(pattern, depth + 1)?));
    Ok(ExprKind::Like { value, pattern, insensitive, escape })
}

/// A name with dots, such as `percent.mito`.
fn dotted(parts: &[Ident]) -> String {
    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".")
}

fn literal(value: &Value, at: Position) -> Result<Literal> {
    Ok(match value {
        Value::Null => Literal::Null,
        Value::Boolean(value) => Literal::Bool(*value),
        Value::SingleQuotedString(text) => Literal::Text(text.clone()),
        Value::DoubleQuotedString(text) => {
            return Err(unsupported(&format!("text in double quotes, \"{text}\","), at).hint("use 'single' quotes"));
        }
        Value::Number(text, _) => match (text.parse(), text.parse()) {
            (Ok(value), _) => Literal::Int(value),
            (_, Ok(value)) => Literal::Float(value),
            _ => return Err(Error::argument(format!("'{text}' at {at} is not a number"))),
        },
        other => return Err(unsupported(&format!("'{other}'"), at)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn columns_may_have_the_names_that_data_have() {
        for name in
            ["n_genes", "percent.mito", "\"my col\"", "nCount_RNA", "\"group\"", "batch", "sample", "leiden", "date"]
        {
            let expr = parse(&format!("{name} = 1")).unwrap();
            let ExprKind::Compare(Comparison::Equal, left, _) = expr.kind else { panic!("not a comparison") };
            assert_eq!(left.kind, ExprKind::Column(name.trim_matches('"').to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        assert!(message("n_genes >").contains("cannot be understood"), "{}", message("n_genes >"));
        assert!(message("a = 1 b").contains("unexpected 'b' at character 7"), "{}", message("a = 1 b"));
        assert!(message("a = 1 AND lower(b) = 'x'").contains("function 'lower' at character 11"));
        assert!(message("a || b = 'x'").contains("'||'"), "{}", message("a || b = 'x'"));
        assert!(message("  ").contains("empty"));
        assert!(message("a = 'x").contains("cannot be understood"), "{}", message("a = 'x"));
        assert!(message(&"(".repeat(500)).contains("nested too deep"));
        assert!(message(&format!("a {} > 1", "+ 1 ".repeat(500))).contains("nested too deep"));
        assert!(message(&"a OR ".repeat(5000)).contains("longer than"));
        assert!(parse(&vec!["a"; 2500].join(" OR ")).is_ok());
        assert!(message("x LIKE 'a' ESCAPE 'ab'").contains("ESCAPE"));
    }

    #[test]
    fn between_is_two_comparisons_and_minus_belongs_to_the_number() {
        let ExprKind::And(low, high) = parse("a BETWEEN -1 AND 2").unwrap().kind else { panic!("not AND") };
        for (part, op, bound) in [(low, Comparison::GreaterEqual, -1), (high, Comparison::LessEqual, 2)] {
            let ExprKind::Compare(found, _, right) = part.kind else { panic!("no comparison") };
            assert_eq!((found, right.kind), (op, ExprKind::Literal(Literal::Int(bound))));
        }
    }
}
