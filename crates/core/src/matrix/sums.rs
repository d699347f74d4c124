//! What must be the same before and after a merge.

use annstream_store::Buffer;

/// Count and sum of the values that passed, for the check that every value of an input arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Stored values (explicit zeros included).
    pub count: u64,
    /// Their sum; NaN and infinities are counted in `special` instead.
    pub sum: f64,
    /// Sum of absolute values: the scale that rounding is judged by.
    pub scale: f64,
    /// NaNs and infinities.
    pub special: u64,
}

impl Sums {
    /// Of the given values.
    pub fn of(values: &Buffer) -> Self {
        let mut this = Self { count: values.len() as u64, ..Self::default() };
        match values {
            Buffer::F32(v) => this.floats(v.iter().map(|&x| f64::from(x))),
            Buffer::F64(v) => this.floats(v.iter().copied()),
            Buffer::C64(v) => this.floats(v.iter().map(|x| f64::from(x[0]) + f64::from(x[1]))),
            Buffer::C128(v) => this.floats(v.iter().map(|x| x[0] + x[1])),
            Buffer::Str(_) => {}
            Buffer::I32(v) => this.floats(v.iter().map(|&x| f64::from(x))),
            other => this.floats((0..other.len()).filter_map(|i| other.get_f64(i))),
        }
        this
    }

    fn floats(&mut self, values: impl Iterator<Item = f64>) {
        // Four lanes, so that the additions do not wait for one another.
        let mut sum = [0.0_f64; 4];
        let mut scale = [0.0_f64; 4];
        let mut special = 0;
        for (i, value) in values.enumerate() {
            let finite = value.is_finite();
            let value = if finite { value } else { 0.0 };
            special += u64::from(!finite);
            sum[i & 3] += value;
            scale[i & 3] += value.abs();
        }
        self.sum += sum.iter().sum::<f64>();
        self.scale += scale.iter().sum::<f64>();
        self.special += special;
    }

    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.scale += other.scale;
        self.special += other.special;
    }

    /// Whether both tell of the same values: counts exactly, sums up to the rounding of their order.
    pub fn agrees(&self, other: &Self) -> bool {
        self.count == other.count
            && self.special == other.special
            && (self.sum - other.sum).abs() <= 1e-6 * self.scale.max(other.scale).max(f64::MIN_POSITIVE)
    }
}
