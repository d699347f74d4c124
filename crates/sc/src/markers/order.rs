//! Which genes come first.

/// The genes with the highest scores, by falling score; of equal ones the earlier gene comes first. Scanpy's order of
/// equal scores is left to numpy's sort.
pub(super) fn highest(scores: &[f64], count: usize, by_absolute: bool) -> Vec<u32> {
    let key = |gene: u32| {
        let score = scores[gene as usize];
        // Zeros of both signs are equal.
        (if by_absolute { score.abs() } else { score }) + 0.0
    };
    let mut order: Vec<u32> = (0..u32::try_from(scores.len()).unwrap_or(u32::MAX)).collect();
    let before = |a: &u32, b: &u32| key(*b).total_cmp(&key(*a)).then(a.cmp(b));
    if count < order.len() {
        order.select_nth_unstable_by(count, before);
        order.truncate(count);
    }
    order.sort_unstable_by(before);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_score_and_then_by_place() {
        let scores = [1.0, -5.0, 0.0, 3.0, -0.0, 3.0];
        assert_eq!(highest(&scores, 6, false), [3, 5, 0, 2, 4, 1]);
        assert_eq!(highest(&scores, 3, true), [1, 3, 5]);
        assert_eq!(highest(&scores, 99, true).len(), 6);
        assert!(highest(&[], 5, false).is_empty());
    }
}
