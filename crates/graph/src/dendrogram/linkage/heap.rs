//! A queue of keys by their values, which may change.

/// A binary heap. Which of equal values comes first follows from the order of changes, as in scipy's.
pub(super) struct Heap {
    /// Place of each key.
    places: Vec<usize>,
    /// Key at each place, and its value.
    entries: Vec<(usize, f64)>,
}

impl Heap {
    /// Keys are the positions of the values.
    pub(super) fn new(values: &[f64]) -> Self {
        let places = (0..values.len()).collect();
        let mut heap = Self { places, entries: values.iter().copied().enumerate().collect() };
        (0..values.len() / 2).rev().for_each(|place| heap.sink(place));
        heap
    }

    /// The key with the least value.
    pub(super) fn least(&self) -> Option<(usize, f64)> {
        self.entries.first().copied()
    }

    /// Takes off the key with the least value.
    pub(super) fn remove_least(&mut self) {
        let Some(last) = self.entries.len().checked_sub(1) else { return };
        self.swap(0, last);
        self.entries.pop();
        self.sink(0);
    }

    /// Gives a key that is still there another value.
    pub(super) fn change(&mut self, key: usize, value: f64) {
        let mut place = self.places[key];
        let before = std::mem::replace(&mut self.entries[place].1, value);
        if value >= before || value.is_nan() {
            return self.sink(place);
        }
        while place > 0 && self.entries[(place - 1) / 2].1 > self.entries[place].1 {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let mut child = 2 * place + 1;
            if child >= self.entries.len() {
                return;
            }
            if child + 1 < self.entries.len() && self.entries[child + 1].1 < self.entries[child].1 {
                child += 1;
            }
            if self.entries[place].1 > self.entries[child].1 {
                self.swap(place, child);
                place = child;
            } else {
                return;
            }
        }
    }

    fn swap(&mut self, i: usize, j: usize) {
        self.entries.swap(i, j);
        self.places[self.entries[i].0] = i;
        self.places[self.entries[j].0] = j;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_order_of_their_values() {
        let mut heap = Heap::new(&[5.0, 3.0, 8.0, 1.0, 9.0, 2.0]);
        heap.change(4, 0.5);
        heap.change(3, 7.0);
        let mut keys = Vec::new();
        while let Some((key, _)) = heap.least() {
            keys.push(key);
            heap.remove_least();
        }
        assert_eq!(keys, [4, 5, 1, 0, 3, 2]);
        heap.remove_least();
        assert!(heap.least().is_none());
    }
}
