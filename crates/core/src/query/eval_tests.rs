//! Conditions against a dumber evaluation, and against answers known from SQL and pandas.

use annstream_store::{Buffer, ErrorKind};
use proptest::prelude::*;

use super::*;
use crate::query::parse;
use crate::table::{NaValue, Table};

fn category(codes: Vec<i32>, categories: Column, ordered: bool) -> Column {
    Column::Categorical { codes, categories: Box::new(categories), ordered }
}

fn table() -> Table {
    let mut table = Table::new(Column::text(["c0", "c1", "c2", "c3"]));
    let mut add = |name: &str, column| drop(table.columns.insert(name.to_owned(), column));
    add("n", Column::Plain(Buffer::I32(vec![1, 5, 10, -3])));
    add("x", Column::Plain(Buffer::F64(vec![0.5, f64::NAN, 2.0, 1e300])));
    add("narrow", Column::Plain(Buffer::F32(vec![0.1, 0.2, 0.3, 0.4])));
    add("my col", Column::text(["a", "B", "ab", ""]));
    add("percent.mito", Column::Plain(Buffer::U8(vec![1, 2, 3, 4])));
    add("ok", Column::Plain(Buffer::Bool(vec![1, 0, 1, 0])));
    let missing = vec![false, true, false, false];
    add("maybe", Column::Nullable { values: Buffer::I64(vec![7, 0, 8, 9]), missing: missing.clone(), na: NaValue::Na });
    add("flag", Column::Nullable { values: Buffer::Bool(vec![1, 0, 0, 1]), missing, na: NaValue::Na });
    add("kind", category(vec![0, 1, -1, 0], Column::text(["T cell", "B cell"]), false));
    add("stage", category(vec![2, 0, 1, -1], Column::text(["low", "mid", "high"]), true));
    add("level", category(vec![1, 0, 1, 1], Column::Plain(Buffer::I64(vec![30, 20])), false));
    add("big", Column::Plain(Buffer::U64(vec![u64::MAX, 0, 1, 2])));
    table
}

/// The chosen rows.
fn chosen(text: &str) -> Vec<usize> {
    let rows = rows(&parse(text).unwrap(), &table()).unwrap();
    (0..rows.len()).filter(|&row| rows[row]).collect()
}

#[test]
fn every_kind_of_column_and_operator() {
    let cases: &[(&str, &[usize])] = &[
        ("n > 1", &[1, 2]),
        ("n = 5 OR n = -3", &[1, 3]),
        ("NOT n > 1", &[0, 3]),
        ("x > 1", &[2, 3]),
        ("NOT x > 1", &[0]),
        ("x IS NULL", &[1]),
        ("x IS NOT NULL AND n < 5", &[0, 3]),
        ("x = NULL", &[]),
        ("narrow = 0.1", &[0]),
        ("narrow <= 0.3", &[0, 1, 2]),
        ("narrow IN (0.2, 0.4)", &[1, 3]),
        ("\"my col\" LIKE 'a%'", &[0, 2]),
        ("\"my col\" ILIKE '%B'", &[1, 2]),
        ("\"my col\" = ''", &[3]),
        ("percent.mito >= 3", &[2, 3]),
        ("ok", &[0, 2]),
        ("NOT ok AND n = 5", &[1]),
        ("ok = FALSE", &[1, 3]),
        ("maybe > 7", &[2, 3]),
        ("maybe IS NULL OR maybe = 7", &[0, 1]),
        ("flag IS NOT TRUE", &[1, 2]),
        ("flag IS FALSE", &[2]),
        ("flag OR n = 5", &[0, 1, 3]),
        ("kind = 'T cell'", &[0, 3]),
        ("kind <> 'T cell'", &[1]),
        ("kind NOT IN ('T cell')", &[1]),
        ("kind NOT IN ('T cell', NULL)", &[]),
        ("kind IN ('B cell', 'other')", &[1]),
        ("kind IS NULL", &[2]),
        ("kind LIKE '_ cell'", &[0, 1, 3]),
        ("stage >= 'mid'", &[0, 2]),
        ("'mid' > stage", &[1]),
        ("stage BETWEEN 'low' AND 'mid'", &[1, 2]),
        ("level > 20", &[1]),
        ("level = n * 6", &[1]),
        ("big > 18446744073709549568", &[0]),
        ("big = 1", &[2]),
        ("n + 1 > 5", &[1, 2]),
        ("n / 2 = 2.5", &[1]),
        ("n / 0 = 1 OR n / 0 IS NULL", &[0, 1, 2, 3]),
        ("-n > 0", &[3]),
        ("n * 2 - 1 BETWEEN 1 AND 9", &[0, 1]),
        ("n NOT BETWEEN 1 AND 5", &[2, 3]),
        ("obs_names IN ('c3', 'c1')", &[1, 3]),
        ("index = 'c0'", &[0]),
        ("TRUE", &[0, 1, 2, 3]),
        ("NULL", &[]),
        ("(n > 1) = ok", &[2, 3]),
        ("n > maybe", &[2]),
    ];
    for (text, expected) in cases {
        assert_eq!(chosen(text), *expected, "{text}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let cases = [
        ("n_ > 1", "there is no column 'n_', at character 1", "'n'"),
        ("ok AND kindd = 'x'", "there is no column 'kindd', at character 8", "did you mean 'kind'"),
        ("n = 'a'", "a number and text cannot be compared: n is a number, 'a' is text, at character 1", "quotes"),
        ("ok = 1", "true or false and a number cannot be compared", "TRUE"),
        ("n AND ok", "n is a number, where true or false was expected, at character 1", "compare it"),
        ("kind + 1 > 2", "kind is text, where a number was expected", "quotes"),
        ("n", "where a condition was expected", "compare it"),
        ("n LIKE 'a'", "n is a number, where text was expected", "quotes"),
        ("n IN (1, 'b')", "cannot be compared", "quotes"),
        ("stage > 'top'", "'top' is no category of 'stage', at character 9", "'low' < 'mid' < 'high'"),
    ];
    for (text, message, hint) in cases {
        let error = rows(&parse(text).unwrap(), &table()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(error.next_step().unwrap_or("").contains(hint), "{text}: {:?}", error.next_step());
    }
}

/// A condition as text, and what it must be for a row of `a` (may be missing), `b` and `s`.
#[derive(Clone, Debug)]
enum Tree {
    A(&'static str, i64),
    B(&'static str, i64),
    S(&'static str),
    NullA,
    Between(i64, i64),
    In(Vec<i64>),
    Not(Box<Tree>),
    Both(bool, Box<Tree>, Box<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let op = || prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (op(), -3..4_i64).prop_map(|(op, value)| Tree::A(op, value)),
        (op(), -3..4_i64).prop_map(|(op, value)| Tree::B(op, value)),
        prop::sample::select(vec!["u", "v", "w"]).prop_map(Tree::S),
        Just(Tree::NullA),
        (-3..4_i64, -3..4_i64).prop_map(|(low, high)| Tree::Between(low, high)),
        prop::collection::vec(-3..4_i64, 1..4).prop_map(Tree::In),
    ];
    leaf.prop_recursive(5, 40, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            (any::<bool>(), inner.clone(), inner).prop_map(|(all, a, b)| Tree::Both(all, Box::new(a), Box::new(b))),
        ]
    })
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::A(op, value) => format!("a {op} {value}"),
            Self::B(op, value) => format!("b + 1 {op} {value} + 1"),
            Self::S(text) => format!("s = '{text}'"),
            Self::NullA => "a IS NULL".to_owned(),
            Self::Between(low, high) => format!("b BETWEEN {low} AND {high}"),
            Self::In(list) => {
                format!("a IN ({})", list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            Self::Not(inner) => format!("NOT ({})", inner.text()),
            Self::Both(all, left, right) => {
                format!("({}) {} ({})", left.text(), if *all { "AND" } else { "OR" }, right.text())
            }
        }
    }

    fn holds(&self, a: Option<i64>, b: i64, s: Option<&str>) -> Option<bool> {
        let compare = |op: &str, x: i64, y: i64| match op {
            "=" => x == y,
            "<>" => x != y,
            "<" => x < y,
            "<=" => x <= y,
            ">" => x > y,
            _ => x >= y,
        };
        match self {
            Self::A(op, value) => a.map(|a| compare(op, a, *value)),
            Self::B(op, value) => Some(compare(op, b, *value)),
            Self::S(text) => s.map(|s| s == *text),
            Self::NullA => Some(a.is_none()),
            Self::Between(low, high) => Some(*low <= b && b <= *high),
            Self::In(list) => a.map(|a| list.contains(&a)),
            Self::Not(inner) => inner.holds(a, b, s).map(|value| !value),
            Self::Both(all, left, right) => {
                let parts = [left.holds(a, b, s), right.holds(a, b, s)];
                let decides = !*all;
                if parts.contains(&Some(decides)) {
                    Some(decides)
                } else if parts.contains(&None) {
                    None
                } else {
                    Some(!decides)
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn equals_a_naive_evaluation(
        tree in tree(),
        data in prop::collection::vec((prop::option::of(-3..4_i64), -3..4_i64, 0..4_usize), 1..30),
        as_float: bool,
        as_category: bool,
    ) {
        let names = [Some("u"), Some("v"), Some("w"), None];
        let a: Vec<Option<i64>> = data.iter().map(|row| row.0).collect();
        let mut table = Table::new(Column::text(data.iter().map(|_| "x")));
        table.columns.insert("a".to_owned(), if as_float {
            Column::Plain(Buffer::F64(a.iter().map(|a| a.map_or(f64::NAN, |a| a as f64)).collect()))
        } else {
            let missing = a.iter().map(Option::is_none).collect();
            Column::Nullable { values: Buffer::I64(a.iter().map(|a| a.unwrap_or(0)).collect()), missing, na: NaValue::Na }
        });
        table.columns.insert("b".to_owned(), Column::Plain(Buffer::I64(data.iter().map(|row| row.1).collect())));
        table.columns.insert("s".to_owned(), if as_category {
            let codes = data.iter().map(|row| if row.2 == 3 { -1 } else { i32::try_from(row.2).unwrap() }).collect();
            category(codes, Column::text(["u", "v", "w"]), false)
        } else {
            let missing = data.iter().map(|row| row.2 == 3).collect();
            let values = Buffer::Str(data.iter().map(|row| names[row.2].unwrap_or("")).collect());
            Column::Nullable { values, missing, na: NaValue::NaN }
        });
        let found = rows(&parse(&tree.text()).unwrap(), &table).unwrap();
        let expected: Vec<bool> = data.iter().map(|row| tree.holds(row.0, row.1, names[row.2]) == Some(true)).collect();
        prop_assert_eq!(found, expected, "{}", tree.text());
    }
}
