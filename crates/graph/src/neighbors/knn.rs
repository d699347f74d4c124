//! The nearest neighbours of all cells.

use super::metric::Points;

/// The nearest neighbours of each cell, nearest first, without the cell itself: the same number for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knn {
    cells: usize,
    neighbours: usize,
    indices: Vec<u32>,
    distances: Vec<f32>,
}

impl Knn {
    /// From ids and distances, row after row; each row has `neighbours` of them, distances rising.
    ///
    /// # Errors
    /// `Invalid` if lengths differ, or an id is not below the number of cells.
    pub fn new(cells: usize, neighbours: usize, indices: Vec<u32>, distances: Vec<f32>) -> crate::Result<Self> {
        if indices.len() != cells * neighbours || distances.len() != indices.len() {
            let message = format!("{} ids and {} distances", indices.len(), distances.len());
            return Err(crate::Error::invalid(format!("{message} for {cells} cells with {neighbours} neighbours")));
        }
        if let Some(id) = indices.iter().find(|id| **id as usize >= cells) {
            return Err(crate::Error::invalid(format!("a neighbour {id} among {cells} cells")));
        }
        Ok(Self { cells, neighbours, indices, distances })
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Number of neighbours of each, the cell itself not counted.
    pub fn neighbours(&self) -> usize {
        self.neighbours
    }

    /// Ids of neighbours, row after row.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Distances of neighbours, row after row.
    pub fn distances(&self) -> &[f32] {
        &self.distances
    }

    /// Ids and distances of a cell's neighbours.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn row(&self, cell: usize) -> (&[u32], &[f32]) {
        let range = cell * self.neighbours..(cell + 1) * self.neighbours;
        (&self.indices[range.clone()], &self.distances[range])
    }

    /// None yet.
    pub(super) fn with_capacity(cells: usize, neighbours: usize) -> Self {
        let values = cells * neighbours;
        Self { cells: 0, neighbours, indices: Vec::with_capacity(values), distances: Vec::with_capacity(values) }
    }

    /// Adds a cell.
    pub(super) fn push(&mut self, points: &Points, row: &Row) {
        self.cells += 1;
        for &(key, id) in row.0.iter().take(self.neighbours) {
            self.indices.push(id);
            self.distances.push(points.distance(key));
        }
    }

    /// Adds the cells of another.
    pub(super) fn append(&mut self, other: Self) {
        self.cells += other.cells;
        self.indices.extend(other.indices);
        self.distances.extend(other.distances);
    }

    /// The same with cells and ids taken back from an order: `order` has the id of each.
    pub(super) fn out_of_order(self, order: &[u32]) -> Self {
        let mut out = Self { indices: vec![0; self.indices.len()], distances: vec![0.0; self.distances.len()], ..self };
        for (place, &cell) in order.iter().enumerate() {
            let from = place * out.neighbours..(place + 1) * out.neighbours;
            let to = cell as usize * out.neighbours;
            for (to, from) in (to..).zip(from) {
                out.indices[to] = order[self.indices[from] as usize];
                out.distances[to] = self.distances[from];
            }
        }
        out
    }
}

/// Candidates of a cell in the order of their differences, in doubles.
#[derive(Debug, Default)]
pub(super) struct Row(Vec<(f64, u32)>);

impl Row {
    /// Puts candidates in order; the cell itself is left out.
    pub(super) fn fill(&mut self, points: &Points, cell: usize, candidates: impl Iterator<Item = u32>) {
        self.0.clear();
        let others = candidates.filter(|id| *id as usize != cell);
        self.0.extend(others.map(|id| (points.key(cell, id as usize), id)));
        self.0.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }

    /// The difference at a place.
    pub(super) fn key(&self, place: usize) -> Option<f64> {
        self.0.get(place).map(|(key, _)| *key)
    }

    /// The first ids.
    pub(super) fn ids(&self, count: usize) -> impl Iterator<Item = u32> {
        self.0.iter().take(count).map(|(_, id)| *id)
    }

    /// How many differences are at most this.
    pub(super) fn within(&self, key: f64) -> usize {
        self.0.partition_point(|(own, _)| *own <= key)
    }
}
