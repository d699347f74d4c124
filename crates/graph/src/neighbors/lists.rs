//! The nearest so far of each of some queries.

/// Stands where nothing was found yet.
pub(super) const NOBODY: u32 = u32::MAX;

/// For each of some queries the rows found nearest, nearest first. Of two at the same distance the one that was found
/// first is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    size: usize,
    keys: Vec<f32>,
    ids: Vec<u32>,
}

impl Lists {
    /// Empty lists.
    pub(super) fn new(queries: usize, size: usize) -> Self {
        Self { size, keys: vec![f32::INFINITY; queries * size], ids: vec![NOBODY; queries * size] }
    }

    /// Empties the lists of so many queries.
    pub(super) fn reset(&mut self, queries: usize) {
        self.keys.clear();
        self.keys.resize(queries * self.size, f32::INFINITY);
        self.ids.clear();
        self.ids.resize(queries * self.size, NOBODY);
    }

    /// What something must be below to be listed.
    pub(super) fn worst(&self, query: usize) -> f32 {
        self.keys[(query + 1) * self.size - 1]
    }

    /// Ids and keys of a query.
    pub(super) fn of(&self, query: usize) -> (&[u32], &[f32]) {
        let range = query * self.size..(query + 1) * self.size;
        (&self.ids[range.clone()], &self.keys[range])
    }

    /// Lists a row, if it is near enough.
    pub(super) fn insert(&mut self, query: usize, key: f32, id: u32) {
        let range = query * self.size..(query + 1) * self.size;
        insert(&mut self.keys[range.clone()], &mut self.ids[range], key, id);
    }
}

/// Puts an id in its place in a rising list, whose last goes.
pub(super) fn insert(keys: &mut [f32], ids: &mut [u32], key: f32, id: u32) {
    let Some(mut place) = keys.len().checked_sub(1).filter(|last| key < keys[*last]) else { return };
    while place > 0 && key < keys[place - 1] {
        keys[place] = keys[place - 1];
        ids[place] = ids[place - 1];
        place -= 1;
    }
    keys[place] = key;
    ids[place] = id;
}
