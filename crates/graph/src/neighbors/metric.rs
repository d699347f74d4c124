//! Metrics, and points made ready for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::rows::{Measure, Rows};
use crate::{Error, Result};

/// How far two cells are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The length of the difference.
    #[default]
    Euclidean,
    /// One less the cosine of the angle. A cell at the origin is at distance 1 from all others, 0 from its like.
    Cosine,
    /// One less Pearson's correlation. A constant cell is at distance 1 from all others, 0 from its like.
    Correlation,
    /// The sum of absolute differences.
    Manhattan,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Euclidean, Self::Cosine, Self::Correlation, Self::Manhattan];

    /// The name that scanpy has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
            Self::Correlation => "correlation",
            Self::Manhattan => "manhattan",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::argument(format!("metric '{text}' is not known")).hint(format!("known are {names}"))
        })
    }
}

/// Points whose squared or absolute differences order pairs as the metric does.
#[derive(Debug)]
pub(super) struct Points {
    pub(super) rows: Rows,
    pub(super) measure: Measure,
    metric: Metric,
    /// What coordinates were multiplied by: a power of two.
    scale: f64,
}

impl Points {
    /// Makes points ready: rows of unit length for angles, about their mean, with coordinates of at most one. None of it
    /// changes an order, and products lose least that way.
    ///
    /// # Errors
    /// `Invalid` for a value that is not finite.
    pub(super) fn new(values: &[f32], width: usize, metric: Metric) -> Result<Self> {
        let cells = values.len().checked_div(width).unwrap_or(0);
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let message = format!("the embedding has {} in column {}", values[place], place % width);
            return Err(Error::invalid(message).row(place / width));
        }
        let angles = matches!(metric, Metric::Cosine | Metric::Correlation);
        let units: Vec<(f64, f64)> =
            if angles { values.chunks_exact(width.max(1)).map(|row| unit(row, metric)).collect() } else { Vec::new() };
        // Points without a direction are at a right angle to all others.
        let extra = units.iter().any(|(_, length)| *length == 0.0);
        let wide = width + usize::from(extra);
        let coordinate = |cell: usize, column: usize| -> f64 {
            let value = values.get(cell * width + column).filter(|_| column < width).map_or(0.0, |&value| value.into());
            match units.get(cell) {
                None => value,
                Some((_, length)) if *length == 0.0 => f64::from(u8::from(column == width)),
                Some(_) if column == width => 0.0,
                Some((mean, length)) => (value - mean) / length,
            }
        };
        let mut means = vec![0.0; wide];
        for cell in 0..cells {
            for (column, mean) in means.iter_mut().enumerate() {
                *mean += coordinate(cell, column);
            }
        }
        for mean in &mut means {
            *mean /= cells.max(1) as f64;
        }
        let mut most = 0.0_f64;
        for cell in 0..cells {
            for (column, mean) in means.iter().enumerate() {
                most = most.max((coordinate(cell, column) - mean).abs());
            }
        }
        let scale = if most > 0.0 { (-most.log2().ceil()).exp2() } else { 1.0 };
        let rows = Rows::new(wide, cells, |cell, out| {
            for (column, (out, mean)) in out.iter_mut().zip(&means).enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "to single precision")]
                let value = ((coordinate(cell, column) - mean) * scale) as f32;
                *out = value;
            }
        });
        let measure = if metric == Metric::Manhattan { Measure::Absolute } else { Measure::Squared };
        Ok(Self { rows, measure, metric, scale })
    }

    /// The same points in another order.
    pub(super) fn in_order(self, order: &[u32]) -> Self {
        let rows = Rows::new(self.rows.width(), order.len(), |place, out| {
            out.copy_from_slice(self.rows.point(order[place] as usize));
        });
        Self { rows, ..self }
    }

    /// Squared or absolute difference of two points, in doubles.
    pub(super) fn key(&self, a: usize, b: usize) -> f64 {
        let pairs = self.rows.point(a).iter().zip(self.rows.point(b)).map(|(&a, &b)| f64::from(a) - f64::from(b));
        match self.measure {
            Measure::Squared => pairs.map(|difference| difference * difference).sum(),
            Measure::Absolute => pairs.map(f64::abs).sum(),
        }
    }

    /// The distance that such a difference means.
    #[expect(clippy::cast_possible_truncation, reason = "distances are stored in single precision")]
    pub(super) fn distance(&self, key: f64) -> f32 {
        (match self.metric {
            Metric::Euclidean => key.sqrt() / self.scale,
            Metric::Manhattan => key / self.scale,
            Metric::Cosine | Metric::Correlation => key / (2.0 * self.scale * self.scale),
        }) as f32
    }
}

/// What is subtracted from a row and what it is divided by to have unit length.
fn unit(row: &[f32], metric: Metric) -> (f64, f64) {
    let mean = match metric {
        Metric::Correlation => row.iter().map(|&value| f64::from(value)).sum::<f64>() / row.len() as f64,
        _ => 0.0,
    };
    let squares: f64 = row.iter().map(|&value| (f64::from(value) - mean) * (f64::from(value) - mean)).sum();
    // A constant row may have a mean that is off by a rounding.
    if row.iter().all(|value| value.to_bits() == row[0].to_bits()) && metric == Metric::Correlation {
        return (mean, 0.0);
    }
    (mean, squares.sqrt())
}
