//! Groups of rows by the values of several columns.

use annstream_core::table::{Column, Factor, Table};
use annstream_core::{Error, Result};

/// The group of each row, and a table with a row for each group.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) groups: Vec<u32>,
    /// Indexed by the values joined by `_`; a categorical column for each key.
    pub(super) table: Table,
}

/// Groups rows as scanpy's `_combine_categories`: in the order of the first column's categories, then the second's, and
/// so on; combinations that no row has are left out.
pub(super) fn combine(columns: &[(String, Column)], rows: usize) -> Result<Keys> {
    // One more key refines the groups: (group, category) is numbered anew, in order.
    let mut groups = vec![0_u32; rows];
    let mut combinations: Vec<Vec<u32>> = vec![Vec::new(); rows.min(1)];
    let mut factors = Vec::with_capacity(columns.len());
    for (name, column) in columns {
        let factor = Factor::of(column).map_err(|error| error.at(format!("obs/{name}")))?;
        let codes = codes(&factor, name)?;
        let mut pairs: Vec<(u32, u32)> = groups.iter().copied().zip(codes.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        for (group, code) in groups.iter_mut().zip(codes) {
            let place =
                pairs.binary_search(&(*group, code)).map_err(|_| Error::internal("a pair that was not seen"))?;
            *group = u32::try_from(place).map_err(|_| Error::unsupported("more than 2^32 groups"))?;
        }
        combinations = pairs
            .iter()
            .map(|&(group, code)| {
                let mut all = combinations[group as usize].clone();
                all.push(code);
                all
            })
            .collect();
        factors.push((name, factor));
    }
    let label = |codes: &Vec<u32>| -> String {
        let names: Vec<&str> =
            codes.iter().zip(&factors).map(|(&code, (_, factor))| factor.names[code as usize].as_str()).collect();
        names.join("_")
    };
    let labels: Vec<String> = combinations.iter().map(label).collect();
    unique(&labels)?;
    let mut table = Table::new(Column::text(&labels));
    for (place, (name, factor)) in factors.into_iter().enumerate() {
        let codes = combinations.iter().map(|all| i32::try_from(all[place])).collect::<std::result::Result<_, _>>();
        let codes = codes.map_err(|_| Error::unsupported("more than 2^31 categories"))?;
        let column = Column::Categorical { codes, categories: Box::new(factor.categories), ordered: false };
        table.columns.insert(name.clone(), column);
    }
    Ok(Keys { groups, table })
}

fn codes(factor: &Factor, name: &str) -> Result<Vec<u32>> {
    let missing = factor.codes.iter().filter(|code| code.is_none()).count();
    factor.codes.iter().copied().collect::<Option<_>>().ok_or_else(|| {
        Error::argument(format!("the column '{name}' of obs has no value in {missing} cells"))
            .hint(format!("leave them out with --obs '\"{name}\" IS NOT NULL'"))
    })
}

fn unique(labels: &[String]) -> Result<()> {
    let mut sorted: Vec<&String> = labels.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::argument(format!("two groups would be called '{}'", pair[0]))
            .hint("names of groups are values joined by _; give the columns in another order")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;

    use super::*;

    #[test]
    fn combinations_that_occur_come_in_order() {
        let categories = Box::new(Column::text(["z", "unused", "a"]));
        let first = Column::Categorical { codes: vec![2, 0, 2, 0], categories, ordered: true };
        let second = Column::Plain(Buffer::I64(vec![10, 9, 9, 9]));
        let keys = combine(&[("k".to_owned(), first), ("n".to_owned(), second)], 4).unwrap();
        assert_eq!(keys.groups, [2, 0, 1, 0]);
        assert_eq!(keys.table.index, Column::text(["z_9", "a_9", "a_10"]));
        let categories = Box::new(Column::text(["z", "a"]));
        let first = Column::Categorical { codes: vec![0, 1, 1], categories, ordered: false };
        assert_eq!(keys.table.columns["k"], first);
    }

    #[test]
    fn missing_values_and_names_that_clash_are_refused() {
        let missing = Column::Plain(Buffer::F64(vec![1.0, f64::NAN]));
        let error = combine(&[("f".to_owned(), missing)], 2).unwrap_err();
        assert!(error.to_string().contains("no value in 1 cells"), "{error}");
        let pair = [("a".to_owned(), Column::text(["x_y", "x"])), ("b".to_owned(), Column::text(["z", "y_z"]))];
        assert!(combine(&pair, 2).unwrap_err().to_string().contains("'x_y_z'"));
        assert_eq!(combine(&[("a".to_owned(), Column::text([""; 0]))], 0).unwrap().table.len(), 0);
    }
}
