//! Buffers that have served, kept for the next block.
//!
//! A fresh buffer has to be zeroed before it can be read into, and its pages have to be asked for: a fifth of the time of
//! a merge that only copies. A buffer that comes back has both behind it. What it holds is stale; whoever takes it
//! overwrites all of it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Buffer, DType};

/// Most bytes kept.
const KEPT: usize = 32 << 20;
/// Larger buffers hold a multiple of so many values.
const STEP: usize = 1 << 16;
/// Buffers smaller than this are cheap to make.
const SMALL: usize = 1 << 16;

static SPARE: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());

impl Buffer {
    /// `len` values that the caller overwrites: zeros, or what an earlier [`recycle`](Self::recycle)d buffer held.
    pub fn recycled(dtype: DType, len: usize) -> Self {
        let found = if len.saturating_mul(dtype.size()) < SMALL {
            None
        } else {
            let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
            let stored = if dtype == DType::U32 { DType::I32 } else { dtype };
            // The last one that came back is the one most likely in the cache.
            let found = spare.iter().rposition(|buffer| buffer.dtype() == stored && buffer.capacity() >= len);
            found.map(|index| spare.remove(index))
        };
        match found {
            Some(Self::I32(values)) if dtype == DType::U32 => {
                let mut values = Self::U32(bytemuck::allocation::cast_vec(values));
                values.resize(len);
                values
            }
            Some(mut values) => {
                values.resize(len);
                values
            }
            None => {
                // Blocks differ a little in length, and should fit each other's buffers.
                let mut values = Self::zeros(dtype, if len < STEP { len } else { len.next_multiple_of(STEP) });
                values.resize(len);
                values
            }
        }
    }

    /// Gives the memory to the next one who asks for a buffer of this type.
    pub fn recycle(self) {
        // 32-bit ids travel under both names.
        let buffer = match self {
            Self::U32(values) => Self::I32(bytemuck::allocation::cast_vec(values)),
            other => other,
        };
        let bytes = |buffer: &Self| buffer.capacity() * buffer.dtype().size();
        if buffer.dtype() == DType::Str || bytes(&buffer) < SMALL {
            return;
        }
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept: usize = spare.iter().map(bytes).sum();
        spare.push(buffer);
        kept += spare.last().map_or(0, bytes);
        while kept > KEPT && !spare.is_empty() {
            kept -= bytes(&spare.remove(0));
        }
    }

    /// The same for a buffer that others may still use: the last of them gives it back.
    pub fn recycle_shared(shared: Arc<Self>) {
        if let Some(buffer) = Arc::into_inner(shared) {
            buffer.recycle();
        }
    }

    /// Frees all memory that [`recycle`](Self::recycle) kept.
    pub fn release_recycled() {
        SPARE.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Values that fit without asking for memory.
    fn capacity(&self) -> usize {
        crate::match_buffer!(self, values => values.capacity(), text => text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_with_the_length_asked_for() {
        Buffer::U32(vec![7; SMALL]).recycle();
        for (dtype, len) in [(DType::U32, SMALL / 2), (DType::I32, SMALL), (DType::F64, SMALL), (DType::U8, 3)] {
            let buffer = Buffer::recycled(dtype, len);
            assert_eq!((buffer.dtype(), buffer.len()), (dtype, len));
            buffer.recycle();
        }
        Buffer::U8(vec![1; KEPT + 1]).recycle();
        let kept: usize = SPARE.lock().unwrap().iter().map(Buffer::bytes).sum();
        assert!(kept <= KEPT);
    }
}
