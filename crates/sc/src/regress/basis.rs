//! An orthonormal basis of a few vectors.

/// A vector is dependent on those before it if less than this share of its length is left of it.
const DEPENDENT: f64 = 1e-12;

/// Orthonormal vectors that span a vector of ones and some others.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// Entries, row after row: `rows × count`.
    pub entries: Vec<f64>,
    /// Number of vectors.
    pub count: usize,
    /// Whether fewer vectors suffice than were given.
    pub deficient: bool,
}

impl Basis {
    /// By Gram and Schmidt, twice over, so that dependent vectors show and large means cost no digits. The vectors have
    /// `rows` finite entries each.
    pub fn with_ones(rows: usize, vectors: &[Vec<f64>]) -> Self {
        let mut found: Vec<Vec<f64>> = Vec::with_capacity(vectors.len() + 1);
        let ones = vec![1.0; rows];
        for vector in std::iter::once(&ones).chain(vectors) {
            // Squares of very large or small numbers leave the range of doubles.
            let largest = vector.iter().fold(0.0_f64, |most, entry| most.max(entry.abs()));
            if largest == 0.0 {
                continue;
            }
            let mut rest: Vec<f64> = vector.iter().map(|entry| entry / largest).collect();
            let length = dot(&rest, &rest).sqrt();
            for _ in 0..2 {
                for other in &found {
                    let along = dot(&rest, other);
                    rest.iter_mut().zip(other).for_each(|(rest, other)| *rest -= along * other);
                }
            }
            let left = dot(&rest, &rest).sqrt();
            if left > DEPENDENT * length {
                for rest in &mut rest {
                    *rest /= left;
                }
                found.push(rest);
            }
        }
        let entries = (0..rows).flat_map(|row| found.iter().map(move |vector| vector[row])).collect();
        Self { entries, count: found.len(), deficient: found.len() <= vectors.len() }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_are_orthonormal_and_span_what_was_given() {
        let given = vec![vec![1e9, 1e9 + 1.0, 1e9 + 3.0, 1e9 - 2.0], vec![1e-200, 0.0, -3e-200, 1e-201]];
        let basis = Basis::with_ones(4, &given);
        assert!(basis.count == 3 && !basis.deficient);
        let vector = |i: usize| -> Vec<f64> { basis.entries.iter().skip(i).step_by(3).copied().collect() };
        for i in 0..3 {
            for j in 0..3 {
                let expected = f64::from(u8::from(i == j));
                assert!((dot(&vector(i), &vector(j)) - expected).abs() < 1e-14, "{i} {j}");
            }
        }
        for vector_given in &given {
            let mut rest = vector_given.clone();
            for i in 0..3 {
                let along = dot(&rest, &vector(i));
                rest.iter_mut().zip(vector(i)).for_each(|(rest, other)| *rest -= along * other);
            }
            assert!(dot(&rest, &rest).sqrt() <= 1e-15 * dot(vector_given, vector_given).sqrt());
        }
    }

    #[test]
    fn dependent_vectors_are_left_out() {
        let z: Vec<f64> = (0..500).map(|i| f64::from(i * 7919 % 503) * 0.37).collect();
        let twice: Vec<f64> = z.iter().map(|z| 2.0 * z + 0.1).collect();
        for (vectors, count) in [
            (vec![vec![0.1; 500]], 1),
            (vec![vec![0.0; 500]], 1),
            (vec![z.clone(), z.clone()], 2),
            (vec![z.clone(), twice, vec![3.3; 500]], 2),
        ] {
            let basis = Basis::with_ones(500, &vectors);
            assert_eq!((basis.count, basis.deficient), (count, true));
        }
        assert_eq!(Basis::with_ones(1, &[vec![5.0]]).count, 1);
        assert_eq!(Basis::with_ones(0, &[vec![]]), Basis { entries: vec![], count: 0, deficient: true });
    }
}
