//! The layout: ends of edges are pulled together, and points drawn at random are pushed away.
//!
//! In each epoch an edge takes its turn or not, the more often the heavier it is. A vertex is moved by its own edges, one
//! after the other, each together with the points that push, and by no other vertex's; since every edge is held by both
//! ends, both move. The vertices take turns in rounds: those of a round see where all the others were when it began, so
//! that they can be moved at the same time by any number of threads. There are enough rounds that few neighbours share
//! one, and what a vertex sees is almost what it would see if all moved one by one.

use rayon::prelude::*;

use super::force::{Forces, LANES, Lanes};
use super::random::Stream;
use super::springs::Springs;
use crate::{Error, Result};
use annstream_core::Exec;

/// In an epoch, at most.
const ROUNDS: usize = 32;
/// Vertices that stand side by side and move in the same round, at most.
const CHUNK: usize = 16;
/// Edges of a vertex that are looked up together.
const EDGES: usize = 32;
/// Vertices that are worth a task of their own.
const TASK: usize = 128;

/// How points are moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayoutOptions {
    pub(super) forces: Forces,
    pub(super) epochs: usize,
    /// Learning rate at the beginning; it falls to zero.
    pub(super) alpha: f64,
    /// Points that push, for each edge that pulls.
    pub(super) pushing: usize,
    pub(super) seed: u64,
}

/// Moves points of so many coordinates each, at most 64.
///
/// # Errors
/// If the user stops it, or points leave the range of numbers.
pub(super) fn layout(
    springs: Springs,
    points: Vec<f32>,
    axes: usize,
    options: &LayoutOptions,
    exec: &Exec,
) -> Result<Vec<f32>> {
    match axes {
        0 => Ok(points),
        1 | 2 => padded::<2>(springs, &points, axes, options, exec),
        3 => padded::<3>(springs, &points, axes, options, exec),
        4 => padded::<4>(springs, &points, axes, options, exec),
        5..=8 => padded::<8>(springs, &points, axes, options, exec),
        9..=16 => padded::<16>(springs, &points, axes, options, exec),
        _ => padded::<64>(springs, &points, axes, options, exec),
    }
}

/// Along an axis on which all are zero, nothing moves.
fn padded<const D: usize>(
    springs: Springs,
    points: &[f32],
    axes: usize,
    options: &LayoutOptions,
    exec: &Exec,
) -> Result<Vec<f32>> {
    let mut positions = vec![[0.0; D]; springs.vertices()];
    for (position, point) in positions.iter_mut().zip(points.chunks_exact(axes)) {
        for (to, from) in position.iter_mut().zip(point) {
            *to = *from;
        }
    }
    let moving = Moving::new(springs, options);
    exec.progress().begin("laying out", options.epochs as u64, "epochs");
    exec.pool().install(|| moving.run(&mut positions, exec))?;
    exec.progress().end();
    let flat: Vec<f32> = positions.iter().flat_map(|position| position.iter().take(axes).copied()).collect();
    if flat.iter().any(|x| !x.is_finite()) {
        return Err(Error::argument("the points left the range of numbers").hint("give a smaller --alpha or --gamma"));
    }
    Ok(flat)
}

struct Moving<'a> {
    options: &'a LayoutOptions,
    starts: Vec<usize>,
    targets: Vec<u32>,
    /// In which part of the epochs an edge takes its turn, in units of `2^-32`.
    turns: Vec<u32>,
    /// How many points push together with an edge; what is left pushes after it.
    together: usize,
    /// Two edges that pull, and the points that push with them: each edge pulls once as its own, and once as that of
    /// its other end.
    lanes: Lanes,
}

impl<'a> Moving<'a> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "conversions of floats saturate")]
    fn new(springs: Springs, options: &'a LayoutOptions) -> Self {
        let Springs { starts, targets, weights } = springs;
        let turns = weights.into_iter().map(|weight| (f64::from(weight) * 4_294_967_296.0) as u32).collect();
        let together = options.pushing.min(LANES - 2);
        Self { options, starts, targets, turns, together, lanes: options.forces.lanes(2, together) }
    }

    fn run<const D: usize>(&self, positions: &mut [[f32; D]], exec: &Exec) -> Result<()> {
        let vertices = positions.len();
        let chunk = (vertices / (4 * ROUNDS)).clamp(1, CHUNK);
        let chunks = vertices.div_ceil(chunk);
        let rounds = ROUNDS.min(chunks);
        let mut moved = vec![[0.0; D]; vertices.div_ceil(rounds.max(1)) + chunk];
        for epoch in 1..self.options.epochs {
            exec.check()?;
            let rate = self.rate(epoch);
            for round in 0..rounds {
                let count = (chunks - round).div_ceil(rounds);
                let first = |i: usize| (round + i * rounds) * chunk;
                let extent = |i: usize| chunk.min(vertices - first(i));
                let all = &*positions;
                moved.par_chunks_mut(chunk).take(count).with_min_len(TASK.div_ceil(chunk)).enumerate().for_each(
                    |(i, moved)| {
                        let mut others = [[[0.0; LANES]; D]; EDGES];
                        for (vertex, to) in (first(i)..first(i) + extent(i)).zip(moved) {
                            *to = self.moved(all, vertex, epoch, rate, &mut others);
                        }
                    },
                );
                for (i, moved) in moved.chunks(chunk).take(count).enumerate() {
                    let (first, extent) = (first(i), extent(i));
                    positions[first..first + extent].copy_from_slice(&moved[..extent]);
                }
            }
            exec.progress().advance(1);
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "positions are of single precision")]
    fn rate(&self, epoch: usize) -> f32 {
        (self.options.alpha * (1.0 - (epoch - 1) as f64 / self.options.epochs as f64)) as f32
    }

    /// Where a vertex goes. `others` is room for those that act; lanes that are not used are zero.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits of an epoch are meant")]
    fn moved<const D: usize>(
        &self,
        positions: &[[f32; D]],
        vertex: usize,
        epoch: usize,
        rate: f32,
        others: &mut [[[f32; LANES]; D]; EDGES],
    ) -> [f32; D] {
        let mut point = positions[vertex];
        let mut random = Stream::new(self.options.seed, epoch as u64, vertex as u64);
        let range = self.starts[vertex]..self.starts[vertex + 1];
        let (targets, turns) = (&self.targets[range.clone()], &self.turns[range]);
        for (targets, turns) in targets.chunks(EDGES).zip(turns.chunks(EDGES)) {
            let (mut taken, mut count) = ([0; EDGES], 0);
            for (&target, &turn) in targets.iter().zip(turns) {
                taken[count] = target;
                // Whether the product passed a whole number since the last epoch.
                count += usize::from((epoch as u32).wrapping_mul(turn) < turn);
            }
            // All are looked up before the first one acts, so that these loads wait for nothing.
            let taken = &taken[..count];
            for (i, others) in others.iter_mut().take(count).enumerate() {
                place(others, 0, positions[taken[i] as usize]);
                place(others, 1, positions[taken[(i + count / 2) % count] as usize]);
                push(others, 2, self.together, positions, &mut random);
            }
            for others in others.iter().take(count) {
                point = self.options.forces.moved(point, others, &self.lanes, rate);
                let mut left = self.options.pushing - self.together;
                while left > 0 {
                    let (pushing, mut others) = (left.min(LANES), [[0.0; LANES]; D]);
                    push(&mut others, 0, pushing, positions, &mut random);
                    point = self.options.forces.moved(point, &others, &self.options.forces.lanes(0, pushing), rate);
                    left -= pushing;
                }
            }
        }
        point
    }
}

/// Draws points that push, into these lanes.
#[inline]
fn push<const D: usize>(
    others: &mut [[f32; LANES]; D],
    first: usize,
    count: usize,
    positions: &[[f32; D]],
    random: &mut Stream,
) {
    let mut bits = 0;
    for lane in 0..count {
        bits = if lane % 2 == 0 { random.bits() } else { bits >> 32 };
        let drawn = ((bits & 0xffff_ffff) * positions.len() as u64) >> 32;
        place(others, first + lane, positions[usize::try_from(drawn).unwrap_or(0)]);
    }
}

#[inline]
fn place<const D: usize>(others: &mut [[f32; LANES]; D], lane: usize, position: [f32; D]) {
    for (others, x) in others.iter_mut().zip(position) {
        others[lane] = x;
    }
}
