//! The groups of cells that are compared.

use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, TableName};
use annstream_core::table::{Column, Factor};
use annstream_core::{Error, Result};

use super::MarkerOptions;

/// The groups, and who is in them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cells {
    /// The group of each cell: of all that there are, and one more for cells without any, if there are such.
    pub(super) codes: Arc<[u32]>,
    /// Number of cells of each of them.
    pub(super) sizes: Arc<[u64]>,
    /// Those that are compared, in the order of the result: their code and name. The reference is one of them.
    pub(super) chosen: Vec<(usize, String)>,
    /// The code of the group that each is compared with; `None` for all other cells.
    pub(super) reference: Option<usize>,
}

impl Cells {
    /// Reads the column and looks at the options.
    ///
    /// # Errors
    /// `Argument` if the column or a group is not there, or a group is too small.
    pub(super) fn of(file: &AnnDataFile, options: &MarkerOptions) -> Result<Self> {
        let name = &options.groupby;
        if !file.obs().columns.contains_key(name) {
            let known: Vec<&str> = file.obs().columns.keys().map(String::as_str).take(20).collect();
            return Err(Error::argument(format!("obs has no column '{name}'"))
                .hint(format!("its columns are {}", known.join(", "))));
        }
        Self::in_column(&file.read_column(TableName::Obs, name)?, options)
    }

    /// Looks at the column that the options name.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(super) fn in_column(column: &Column, options: &MarkerOptions) -> Result<Self> {
        Self::new(column, options).map_err(|error| error.at(format!("obs/{}", options.groupby)))
    }

    fn new(column: &Column, options: &MarkerOptions) -> Result<Self> {
        let (codes, names) = labels(column)?;
        let count = names.len() + usize::from(codes.iter().any(Option::is_none));
        let missing = u32::try_from(names.len()).map_err(|_| Error::unsupported("more than 2^32 groups"))?;
        let codes: Arc<[u32]> = codes.into_iter().map(|code| code.unwrap_or(missing)).collect();
        let mut sizes = vec![0_u64; count];
        for &code in codes.iter() {
            *sizes.get_mut(code as usize).ok_or_else(|| Error::invalid("a code beyond the categories"))? += 1;
        }
        let find = |group: &String| {
            names.iter().position(|name| name == group).ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(String::as_str).take(20).collect();
                Error::argument(format!("there is no group '{group}'"))
                    .hint(format!("the groups are {}", known.join(", ")))
            })
        };
        let reference = options.reference.as_ref().map(find).transpose()?;
        let mut chosen = match &options.groups {
            None => (0..names.len()).collect(),
            Some(groups) => groups.iter().map(find).collect::<Result<Vec<_>>>()?,
        };
        if let Some(reference) = reference.filter(|reference| !chosen.contains(reference)) {
            chosen.push(reference);
        }
        let chosen: Vec<(usize, String)> = chosen.into_iter().map(|code| (code, names[code].clone())).collect();
        let cells = Self { codes, sizes: sizes.into(), chosen, reference };
        cells.check()?;
        Ok(cells)
    }

    fn check(&self) -> Result<()> {
        let named = |found: Vec<&str>| found.into_iter().take(20).collect::<Vec<_>>().join(", ");
        let small = self.chosen.iter().filter(|(code, _)| self.sizes[*code] < 2);
        let small: Vec<&str> = small.map(|(_, name)| name.as_str()).collect();
        if !small.is_empty() {
            let message = format!("groups with fewer than two cells have no statistics: {}", named(small));
            return Err(Error::argument(message).hint("name the groups to compare: --groups a,b,c"));
        }
        let mut names: Vec<&str> = self.chosen.iter().map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        if let Some((name, _)) = names.iter().zip(names.iter().skip(1)).find(|(name, next)| name == next) {
            return Err(Error::argument(format!("two groups are called '{name}'")));
        }
        if names.first() == Some(&"") {
            return Err(Error::argument("a group has no name, and results are stored by the name"));
        }
        if self.chosen.len() < 1 + usize::from(self.reference.is_some()) {
            return Err(Error::argument("there is no group to compare"));
        }
        let all = self.codes.len() as u64;
        let whole = self.chosen.iter().find(|(code, _)| self.reference.is_none() && self.sizes[*code] == all);
        match whole {
            Some((_, name)) => Err(Error::argument(format!("all cells are in the group '{name}': there is no rest"))),
            None => Ok(()),
        }
    }

    /// The groups that get a result.
    pub(super) fn tested(&self) -> impl Iterator<Item = &(usize, String)> {
        self.chosen.iter().filter(|(code, _)| Some(*code) != self.reference)
    }

    /// Whether each cell is looked at: with a reference, those of the chosen groups only.
    pub(super) fn kept(&self) -> Vec<bool> {
        let chosen: Vec<bool> = (0..self.sizes.len())
            .map(|code| self.reference.is_none() || self.chosen.iter().any(|(own, _)| *own == code))
            .collect();
        self.codes.iter().map(|&code| chosen[code as usize]).collect()
    }

    /// The codes of the cells that are kept.
    pub(super) fn codes_of(&self, kept: &[bool]) -> Arc<[u32]> {
        self.codes.iter().zip(kept).filter(|(_, kept)| **kept).map(|(code, _)| *code).collect()
    }
}

/// The groups that a column makes, in order, and how many cells each has.
///
/// # Errors
/// If the column cannot be one of groups.
pub(crate) fn sizes(column: &Column) -> Result<Vec<(String, u64)>> {
    let (codes, names) = labels(column)?;
    let mut sizes: Vec<(String, u64)> = names.into_iter().map(|name| (name, 0)).collect();
    for code in codes.into_iter().flatten() {
        sizes.get_mut(code as usize).ok_or_else(|| Error::invalid("a code beyond the categories"))?.1 += 1;
    }
    Ok(sizes)
}

/// The category of each cell, and the names of all categories, also of those that no cell has.
fn labels(column: &Column) -> Result<(Vec<Option<u32>>, Vec<String>)> {
    let Column::Categorical { codes, categories, ordered } = column else {
        let factor = Factor::of(column)?;
        return Ok((factor.codes, factor.names));
    };
    let count = i32::try_from(categories.len()).map_err(|_| Error::unsupported("more than 2^31 categories"))?;
    let each = (0..count).collect();
    let all = Column::Categorical { codes: each, categories: categories.clone(), ordered: *ordered };
    let names = Factor::of(&all)?.names;
    Ok((codes.iter().map(|&code| u32::try_from(code).ok()).collect(), names))
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;

    use super::*;

    fn column(codes: &[i32]) -> Column {
        let categories = Box::new(Column::text(["z", "b", "a"]));
        Column::Categorical { codes: codes.to_vec(), categories, ordered: false }
    }

    fn cells(codes: &[i32], groups: Option<&[&str]>, reference: Option<&str>) -> Result<Cells> {
        let groups = groups.map(|groups| groups.iter().map(|&group| group.to_owned()).collect());
        let options = MarkerOptions { groups, reference: reference.map(str::to_owned), ..MarkerOptions::default() };
        Cells::new(&column(codes), &options)
    }

    fn names(cells: &Cells) -> Vec<&str> {
        cells.chosen.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn groups_come_as_categories_or_as_named() {
        let all = cells(&[0, 2, -1, 0, 2, 1, 1], None, None).unwrap();
        assert_eq!((names(&all), &*all.sizes, all.codes[2]), (vec!["z", "b", "a"], &[2, 2, 2, 1][..], 3));
        assert!(all.kept().iter().all(|kept| *kept));
        let some = cells(&[0, 2, -1, 0, 2, 1], Some(&["a"]), Some("z")).unwrap();
        assert_eq!((names(&some), some.reference), (vec!["a", "z"], Some(0)));
        assert_eq!(some.kept(), [true, true, false, true, true, false]);
        assert_eq!((&*some.codes_of(&some.kept()), some.tested().count()), (&[0, 2, 0, 2][..], 1));
        let text = Cells::new(&Column::text(["b", "a", "b", "a"]), &MarkerOptions::default()).unwrap();
        assert_eq!(names(&text), ["a", "b"]);
        let numbers = Column::Plain(Buffer::I64(vec![10, 9, 10, 9]));
        assert_eq!(names(&Cells::new(&numbers, &MarkerOptions::default()).unwrap()), ["9", "10"]);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let message = |found: Result<Cells>| found.unwrap_err().to_string();
        assert!(message(cells(&[0, 2, 2, 0], None, None)).contains("fewer than two cells have no statistics: b"));
        assert!(message(cells(&[0, 2, 2, 0], Some(&["q"]), None)).contains("no group 'q'"));
        assert!(message(cells(&[0, 2, 2, 0], None, Some("q"))).contains("no group 'q'"));
        assert!(message(cells(&[0, 0, 2, 2], Some(&["a", "a"]), None)).contains("two groups"));
        assert!(message(cells(&[0, 0, 2, 2], Some(&["a"]), Some("a"))).contains("no group to compare"));
        assert!(message(cells(&[0, 0], Some(&["z"]), None)).contains("no rest"));
        assert!(message(cells(&[-1, -1], Some(&[]), None)).contains("no group to compare"));
    }
}
