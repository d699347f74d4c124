//! The lists of all points while they become better.

use super::lists::{NOBODY, insert};

/// For each point the nearest found so far, nearest first, and which of them are new since the last round.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    size: usize,
    ids: Vec<u32>,
    keys: Vec<f32>,
    fresh: Vec<bool>,
}

impl Table {
    /// Bytes of a table.
    pub(super) fn bytes(points: usize, size: usize) -> u64 {
        (points * size * 9) as u64
    }

    /// No points yet.
    pub(super) fn with_capacity(points: usize, size: usize) -> Self {
        let values = points * size;
        Self {
            size,
            ids: Vec::with_capacity(values),
            keys: Vec::with_capacity(values),
            fresh: Vec::with_capacity(values),
        }
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.ids.len() / self.size.max(1)
    }

    /// Length of a list.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Ids, keys, and which are new.
    pub(super) fn row(&self, point: usize) -> (&[u32], &[f32], &[bool]) {
        let range = point * self.size..(point + 1) * self.size;
        (&self.ids[range.clone()], &self.keys[range.clone()], &self.fresh[range])
    }

    /// Adds a point, all of whose neighbours are new.
    pub(super) fn push(&mut self, ids: &[u32], keys: &[f32]) {
        let start = self.ids.len();
        self.ids.resize(start + self.size, NOBODY);
        self.keys.resize(start + self.size, f32::INFINITY);
        self.fresh.resize(start + self.size, true);
        let (own, own_keys) = (&mut self.ids[start..], &mut self.keys[start..]);
        ids.iter().zip(keys).for_each(|(&id, &key)| insert(own_keys, own, key, id));
    }

    /// Adds a point as it is in another table, with what else was found for it.
    pub(super) fn push_better(&mut self, old: (&[u32], &[f32], &[bool]), ids: &[u32], keys: &[f32]) {
        let start = self.ids.len();
        self.ids.extend(old.0);
        self.keys.extend(old.1);
        let (own, own_keys) = (&mut self.ids[start..], &mut self.keys[start..]);
        ids.iter().zip(keys).for_each(|(&id, &key)| insert(own_keys, own, key, id));
        // Both are in the order of keys, and what stayed is in the order that it had.
        let mut stayed = old.0.iter().peekable();
        for id in &self.ids[start..] {
            let same = stayed.peek() == Some(&id);
            if same {
                stayed.next();
            }
            self.fresh.push(!same);
        }
    }

    /// Adds the points of another.
    pub(super) fn append(&mut self, other: &Self) {
        self.ids.extend(&other.ids);
        self.keys.extend(&other.keys);
        self.fresh.extend(&other.fresh);
    }
}
