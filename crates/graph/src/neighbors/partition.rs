//! Points in pieces: each is near the centre of its piece.

use std::ops::Range;

use super::draw::spread;
use super::metric::Points;
use super::rows::{Measure, Rows};
use super::scan::{QUERIES, Scan};
use crate::{Exec, Result};

/// Points of a piece, on average.
const PIECE: usize = 256;
/// Pieces for each square root of the number of points, at most: more cost more to assign than they save.
const PER_ROOT: f64 = 4.0;
/// Points for each piece that centres are moved by.
const SAMPLE: usize = 24;
/// How often centres are moved.
const ROUNDS: usize = 5;
/// The largest piece, in averages; larger ones are cut, near or not.
const LARGEST: usize = 4;

/// An order of points in which pieces are contiguous.
#[derive(Debug)]
pub(super) struct Partition {
    /// The point at each place.
    pub(super) order: Vec<u32>,
    /// Where each piece begins, and where the last ends.
    starts: Vec<usize>,
    /// The centre of each piece.
    pub(super) centres: Rows,
}

impl Partition {
    /// Number of pieces.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The places of a piece's points.
    pub(super) fn range(&self, piece: usize) -> Range<usize> {
        self.starts[piece]..self.starts[piece + 1]
    }

    /// The piece of a place.
    pub(super) fn piece_of(&self, place: usize) -> usize {
        self.starts.partition_point(|start| *start <= place) - 1
    }

    /// Cuts points into pieces by a few rounds of k-means on a sample.
    pub(super) fn new(points: &Points, seed: u64, exec: &Exec) -> Result<Self> {
        let cells = points.rows.len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let most = (PER_ROOT * (cells as f64).sqrt()) as usize;
        let count = cells.div_ceil(PIECE).min(most).max(1);
        let sample = spread(cells, count * SAMPLE, seed);
        let sample = Rows::new(points.rows.width(), sample.len(), |place, out| {
            out.copy_from_slice(points.rows.point(sample[place]));
        });
        let first = spread(sample.len(), count, seed.wrapping_add(1));
        let mut centres = Rows::new(sample.width(), first.len(), |place, out| {
            out.copy_from_slice(sample.point(first[place]));
        });
        for _ in 0..ROUNDS {
            let nearest = assign(&sample, &centres, exec)?;
            centres = moved(&sample, &nearest, &centres);
        }
        let nearest = assign(&points.rows, &centres, exec)?;
        Ok(Self::of(&nearest, &centres))
    }

    fn of(nearest: &[u32], centres: &Rows) -> Self {
        let mut ends = vec![0_usize; centres.len()];
        for &centre in nearest {
            ends[centre as usize] += 1;
        }
        let limit = LARGEST * nearest.len().div_ceil(centres.len().max(1)).max(1);
        let (mut starts, mut owners, mut total) = (vec![0], Vec::new(), 0);
        for (centre, end) in ends.iter_mut().enumerate() {
            let count = *end;
            *end = total;
            let pieces = count.div_ceil(limit);
            for piece in 1..=pieces {
                starts.push(total + count * piece / pieces);
                owners.push(centre);
            }
            total += count;
        }
        let mut order = vec![0; nearest.len()];
        for (point, &centre) in (0_u32..).zip(nearest) {
            let place = &mut ends[centre as usize];
            order[*place] = point;
            *place += 1;
        }
        let centres = Rows::new(centres.width(), owners.len(), |piece, out| {
            out.copy_from_slice(centres.point(owners[piece]));
        });
        Self { order, starts, centres }
    }
}

/// The nearest centre of each row.
fn assign(rows: &Rows, centres: &Rows, exec: &Exec) -> Result<Vec<u32>> {
    let mut out = Vec::with_capacity(rows.len());
    let group = 8 * QUERIES;
    exec.ordered(
        rows.len().div_ceil(group),
        2 * exec.threads() + 1,
        |block| {
            let mut found = Vec::with_capacity(group);
            let mut scan = Scan::new(Measure::Squared, 1);
            let end = rows.len().min((block + 1) * group);
            for start in (block * group..end).step_by(QUERIES) {
                scan.begin(rows, start..end.min(start + QUERIES));
                scan.look(centres, 0..centres.len());
                found.extend((0..scan.len()).map(|query| scan.lists.of(query).0[0]));
            }
            Ok(found)
        },
        |_, found| {
            out.extend(found);
            Ok(())
        },
    )?;
    Ok(out)
}

/// The means of the rows of each centre; one without rows stays.
fn moved(rows: &Rows, nearest: &[u32], centres: &Rows) -> Rows {
    let width = rows.width();
    let mut sums = vec![0.0_f64; centres.len() * width];
    let mut counts = vec![0_u32; centres.len()];
    for (row, &centre) in nearest.iter().enumerate() {
        let centre = centre as usize;
        counts[centre] += 1;
        let sums = &mut sums[centre * width..(centre + 1) * width];
        sums.iter_mut().zip(rows.point(row)).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    Rows::new(width, centres.len(), |centre, out| {
        if counts[centre] == 0 {
            return out.copy_from_slice(centres.point(centre));
        }
        let sums = &sums[centre * width..(centre + 1) * width];
        for (out, sum) in out.iter_mut().zip(sums) {
            #[expect(clippy::cast_possible_truncation, reason = "to single precision")]
            let mean = (sum / f64::from(counts[centre])) as f32;
            *out = mean;
        }
    })
}
