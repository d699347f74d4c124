//! Rows as they come out.

use annstream_core::Budget;
use annstream_core::lazy::{Layout, NumberBlock, Numbers, RowOp};

use super::*;

fn block(values: Vec<f32>) -> NumberBlock {
    let layout = Layout::Sparse { indptr: vec![0, 3, 3, 5], indices: vec![0, 1, 3, 0, 2] };
    NumberBlock { start: 0, rows: vec![0, 1, 2], columns: (0..4).collect(), layout, values: Numbers::F32(values) }
}

fn per_cell(target: u64, replace: bool) -> Downsample {
    let budget = Budget::unlimited();
    Downsample { keep: false, ..Downsample::of_rows(vec![target; 3], 0, replace, &budget) }
}

fn sums(block: &NumberBlock) -> Vec<f64> {
    let (indptr, _) = block.sparse().unwrap();
    indptr.windows(2).map(|row| (row[0]..row[1]).map(|i| block.values.get(i)).sum()).collect()
}

#[test]
fn cells_with_more_get_what_is_asked_for() {
    for target in 0..12 {
        for replace in [false, true] {
            let mut out = block(vec![4.0, 1.0, 3.0, 2.0, 1.0]);
            per_cell(target, replace).apply(&mut out).unwrap();
            let expected = [8_u64, 0, 3].map(|total| total.min(target) as f64);
            assert_eq!(sums(&out), expected, "{target}");
            let Numbers::F32(values) = &out.values else { panic!("other values") };
            assert!(values.iter().all(|value| *value > 0.0));
            if !replace {
                assert!(values.iter().all(|value| *value <= 4.0));
            }
        }
    }
}

#[test]
fn all_cells_share_a_total() {
    let drawn = Drawn::new(&mut Mersenne::new(0), 11, 5, false).unwrap();
    let charge = Budget::unlimited().charge(0, "nothing").unwrap();
    let draws = Draws::All { before: vec![0.0, 8.0, 8.0].into(), drawn: Arc::new((drawn, charge)) };
    let mut out = block(vec![4.0, 1.0, 3.0, 2.0, 1.0]);
    Downsample { draws, keep: false }.apply(&mut out).unwrap();
    assert_eq!(sums(&out).iter().sum::<f64>().to_bits(), 5.0_f64.to_bits());
}

#[test]
fn what_is_no_count_is_refused() {
    for wrong in [-1.0, f32::NAN, f32::INFINITY] {
        let error = per_cell(1, false).apply(&mut block(vec![1.0, 1.0, 1.0, wrong, 1.0])).unwrap_err();
        assert!(error.to_string().contains("expected counts"), "{error}");
    }
    // One cell with more counts than the budget holds.
    let budget = Budget::new(1 << 20);
    let op = Downsample::of_rows(vec![1; 3], 0, false, &budget);
    assert!(op.apply(&mut block(vec![1e12, 1.0, 1.0, 1.0, 1.0])).is_err());
    assert!(op.apply(&mut block(vec![1e30, 1.0, 1.0, 1.0, 1.0])).is_err());
}
