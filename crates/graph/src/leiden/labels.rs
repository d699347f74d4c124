//! Numbers and names of communities.

use annstream_core::table::{Factor, natsort};

/// Numbers groups by their first members; gives how many there are. Memory is that of the largest number.
pub(super) fn compact(groups: &mut [u32]) -> usize {
    const NONE: u32 = u32::MAX;
    let most = groups.iter().max().map_or(0, |&most| most as usize + 1);
    let mut places = vec![NONE; most];
    let mut count = 0;
    for group in groups {
        let place = &mut places[*group as usize];
        if *place == NONE {
            *place = count;
            count += 1;
        }
        *group = *place;
    }
    count as usize
}

/// Numbers groups that have any numbers by their first members.
pub(super) fn compact_any(groups: &mut [u32]) -> usize {
    let mut names = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    for group in &mut *groups {
        let place = names.partition_point(|name| name < group);
        // Fits, since it is not above the number that it replaces.
        *group = u32::try_from(place).unwrap_or(*group);
    }
    compact(groups)
}

/// Numbers groups by size, the largest first, of those of one size the one with the first member; gives the sizes. The
/// groups must be numbered by their first members.
pub(super) fn by_size(groups: &mut [u32], count: usize) -> Vec<u64> {
    let mut sizes = vec![0_u64; count];
    for &group in &*groups {
        sizes[group as usize] += 1;
    }
    let mut order: Vec<u32> = (0..).take(count).collect();
    order.sort_by_key(|&group| std::cmp::Reverse(sizes[group as usize]));
    let mut places = vec![0; count];
    for (place, &group) in (0..).zip(&order) {
        places[group as usize] = place;
    }
    for group in groups {
        *group = places[*group as usize];
    }
    order.into_iter().map(|group| sizes[group as usize]).collect()
}

/// Names of groups, and the one of each cell.
pub(super) type Named = (Vec<String>, Vec<u32>);

/// The names that scanpy gives to groups: their numbers.
pub fn category_names(groups: usize) -> Vec<String> {
    (0..groups).map(|group| group.to_string()).collect()
}

/// The names that scanpy gives where only cells of some groups were looked at: those cells are called by these groups,
/// joined by `-`, a comma and their number; others keep the name that they have in the column, `nan` for none. Names are
/// in natural order, those that no cell has are left out.
///
/// `labels` are those of the cells for which `looked_at` is true, in order; all others are passed over.
pub fn restricted_names(column: &Factor, among: &[String], looked_at: &[bool], labels: &[u32]) -> Named {
    let prefix = among.join("-");
    let groups = labels.iter().max().map_or(0, |&most| most as usize + 1);
    let mut names: Vec<String> = (0..groups).map(|group| format!("{prefix},{group}")).collect();
    names.extend(column.names.iter().cloned());
    names.push("nan".to_owned());
    let missing = names.len() - 1;
    let mut labels = labels.iter();
    let given: Vec<usize> = column
        .codes
        .iter()
        .zip(looked_at)
        .map(|(code, looked_at)| match (labels_next(*looked_at, &mut labels), code) {
            (Some(label), _) => label as usize,
            (None, Some(code)) => groups + *code as usize,
            (None, None) => missing,
        })
        .collect();
    let mut used = vec![false; names.len()];
    for &at in &given {
        used[at] = true;
    }
    let mut sorted: Vec<&str> =
        names.iter().zip(&used).filter(|(_, used)| **used).map(|(name, _)| name.as_str()).collect();
    sorted.sort_unstable();
    sorted.dedup();
    natsort(&mut sorted);
    let places: std::collections::HashMap<&str, u32> = sorted.iter().copied().zip(0..).collect();
    let places: Vec<u32> = names.iter().map(|name| places.get(name.as_str()).copied().unwrap_or(0)).collect();
    (sorted.into_iter().map(str::to_owned).collect(), given.into_iter().map(|at| places[at]).collect())
}

fn labels_next(looked_at: bool, labels: &mut std::slice::Iter<'_, u32>) -> Option<u32> {
    if looked_at { labels.next().copied() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annstream_core::table::Column;

    #[test]
    fn numbers_follow_first_members_and_sizes() {
        let mut groups = vec![7, 2, 7, 9, 9, 0];
        assert_eq!(compact(&mut groups), 4);
        assert_eq!(groups, [0, 1, 0, 2, 2, 3]);
        let mut groups = vec![0, 1, 1, 2, 2, 3];
        assert_eq!(by_size(&mut groups, 4), [2, 2, 1, 1]);
        assert_eq!(groups, [2, 0, 0, 1, 1, 3]);
        let mut groups = vec![u32::MAX, 2, u32::MAX, 9];
        assert_eq!(compact_any(&mut groups), 3);
        assert_eq!(groups, [0, 1, 0, 2]);
        assert_eq!((compact(&mut []), by_size(&mut [], 0)), (0, vec![]));
        assert_eq!(category_names(3), ["0", "1", "2"]);
    }

    #[test]
    fn restricted_cells_are_called_by_their_groups() {
        let categories = Box::new(Column::text(["b", "a10", "a9", "unused"]));
        let column = Column::Categorical { codes: vec![0, 1, 2, -1, 0], categories, ordered: false };
        let factor = Factor::of(&column).unwrap();
        let looked_at = [true, false, false, false, true];
        let (names, codes) = restricted_names(&factor, &["b".to_owned()], &looked_at, &[1, 0]);
        assert_eq!(names, ["a9", "a10", "b,0", "b,1", "nan"]);
        assert_eq!(codes, [3, 1, 0, 4, 2]);
    }
}
