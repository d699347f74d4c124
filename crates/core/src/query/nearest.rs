//! The name that was probably meant.

/// The nearest of some names, if any is near: the same but for case, or a few letters apart.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let near = (wanted.len() / 3).clamp(1, 3);
    names
        .filter(|other| other.len().abs_diff(name.len()) <= near * 4)
        .map(|other| (distance(&wanted, &other.to_lowercase().chars().collect::<Vec<_>>()), other))
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// Letters to insert, delete or change.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = above[j] + usize::from(x != y);
            row.push(changed.min(above[j + 1] + 1).min(row[j] + 1));
        }
        above = row;
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["n_genes", "cell_type", "pct_mito"];
        assert_eq!(nearest("n_gene", names.into_iter()), Some("n_genes"));
        assert_eq!(nearest("Cell_Type", names.into_iter()), Some("cell_type"));
        assert_eq!(nearest("leiden", names.into_iter()), None);
        assert_eq!(distance(&['a', 'b'], &['b']), 1);
    }
}
