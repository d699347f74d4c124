//! The variance of principal components.

use plotters::prelude::*;

use super::axes::{Axes, chart};
use super::canvas::{ACCENT, Canvas, Drawing, Failed};
use crate::report::Components;

/// Shares of the variance.
pub(super) struct Variance<'a>(pub(super) &'a Components);

impl Drawing for Variance<'_> {
    fn size(&self) -> (u32, u32) {
        (480, 320)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<(), Failed<DB>> {
        let ratio = &self.0.variance_ratio;
        let most = ratio.iter().copied().fold(0.0, f64::max);
        let axes = Axes {
            x: (0.0, ratio.len() as f64 + 1.0),
            y: (0.0, if most > 0.0 { most * 1.05 } else { 1.0 }),
            x_name: "Component",
            y_name: "Share of the variance",
            below: 44.0,
            left: 58.0,
            numbers: (true, true),
            logs: (false, false),
        };
        let mut chart = chart(canvas, &canvas.area, axes)?;
        chart.draw_series(ratio.iter().zip(1..).map(|(share, i)| {
            let place = f64::from(i);
            Rectangle::new([(place - 0.38, 0.0), (place + 0.38, *share)], ACCENT.filled())
        }))?;
        Ok(())
    }
}
