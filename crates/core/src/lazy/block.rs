//! Rows as numbers to compute with.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use annstream_store::{Buffer, DType};

/// The two types that are computed in.
pub trait Real: Copy + PartialOrd + PartialEq + Debug + Default + Send + Sync + 'static {
    /// As a double.
    fn wide(self) -> f64;
    /// Rounded from a double.
    fn narrow(value: f64) -> Self;
    /// Its square, rounded to its own precision.
    fn square(self) -> f64;
    /// Divided by another, in its own precision.
    #[must_use]
    fn over(self, other: Self) -> Self;
    /// `ln(1 + x)`, in its own precision.
    #[must_use]
    fn ln_1p(self) -> Self;
    /// `exp(x) - 1`, in its own precision.
    #[must_use]
    fn exp_m1(self) -> Self;
    /// So many values that are to be overwritten, in [memory that has served](Buffer::recycled).
    fn spare(len: usize) -> Vec<Self>;
}

/// What both types do by themselves.
macro_rules! own_arithmetic {
    ($variant:ident) => {
        fn spare(len: usize) -> Vec<Self> {
            match Buffer::recycled(DType::$variant, len) {
                Buffer::$variant(values) => values,
                _ => vec![Self::default(); len],
            }
        }

        fn over(self, other: Self) -> Self {
            self / other
        }

        fn ln_1p(self) -> Self {
            Self::ln_1p(self)
        }

        fn exp_m1(self) -> Self {
            Self::exp_m1(self)
        }
    };
}

impl Real for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounds, as the name says")]
    fn narrow(value: f64) -> Self {
        value as Self
    }

    fn square(self) -> f64 {
        f64::from(self * self)
    }

    own_arithmetic!(F32);
}

impl Real for f64 {
    fn wide(self) -> f64 {
        self
    }

    fn narrow(value: f64) -> Self {
        value
    }

    fn square(self) -> f64 {
        self * self
    }

    own_arithmetic!(F64);
}

/// Values of one of the two types.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Numbers {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, i: usize) -> f64 {
        match self {
            Self::F32(values) => values[i].wide(),
            Self::F64(values) => values[i],
        }
    }

    /// In single precision; rounds.
    #[must_use]
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F32(values) => values,
            Self::F64(values) => values.into_iter().map(f32::narrow).collect(),
        }
    }

    /// As a buffer, as it would be stored.
    pub fn into_buffer(self) -> Buffer {
        match self {
            Self::F32(values) => Buffer::F32(values),
            Self::F64(values) => Buffer::F64(values),
        }
    }
}

/// Where the values of a block stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Layout {
    /// Compressed rows; the columns of every row are strictly increasing, and are positions in the block's columns.
    Sparse {
        /// Start of each row; one more than rows, starting at 0.
        indptr: Vec<usize>,
        /// Column of each value.
        indices: Vec<u32>,
    },
    /// Row-major.
    Dense,
}

/// Some rows of a [`LazyMatrix`](super::LazyMatrix).
#[derive(Clone, Debug, PartialEq)]
pub struct NumberBlock {
    /// Position of the first row among the rows of the lazy matrix; the others follow it.
    pub start: usize,
    /// Each row's id in the source.
    pub rows: Vec<u64>,
    /// Each column's id in the source.
    pub columns: Arc<[u32]>,
    /// Where the values stand.
    pub layout: Layout,
    /// The values.
    pub values: Numbers,
}

impl NumberBlock {
    /// Rows of the lazy matrix that the block holds.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.rows.len()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The pointers and columns of a compressed block; `None` for a dense one.
    pub fn sparse(&self) -> Option<(&[usize], &[u32])> {
        match &self.layout {
            Layout::Sparse { indptr, indices } => Some((indptr, indices)),
            Layout::Dense => None,
        }
    }

    /// Makes a compressed block dense.
    #[must_use]
    pub fn into_dense(self) -> Self {
        let Layout::Sparse { indptr, indices } = self.layout else { return self };
        let width = self.columns.len();
        let values = match self.values {
            Numbers::F32(values) => Numbers::F32(expand(&indptr, &indices, &values, width)),
            Numbers::F64(values) => Numbers::F64(expand(&indptr, &indices, &values, width)),
        };
        Self { layout: Layout::Dense, values, ..self }
    }

    /// Hands the memory on.
    pub fn recycle(self) {
        if let Layout::Sparse { indices, .. } = self.layout {
            Buffer::U32(indices).recycle();
        }
        self.values.into_buffer().recycle();
    }
}

fn expand<T: Real>(indptr: &[usize], indices: &[u32], values: &[T], width: usize) -> Vec<T> {
    let mut out = vec![T::default(); (indptr.len() - 1) * width];
    for (row, out) in indptr.windows(2).zip(out.chunks_mut(width.max(1))) {
        for i in row[0]..row[1] {
            out[indices[i] as usize] = values[i];
        }
    }
    out
}
