//! Shares of clusters in samples.

use plotters::prelude::*;

use super::axes::{Axes, chart, names_left};
use super::canvas::{Canvas, Drawing, Failed, color};
use super::legend::{self, COLUMN};
use crate::report::Clusters;

/// A bar for each sample, a part of it for each cluster.
pub(super) struct Composition<'a>(pub(super) &'a Clusters);

const BARS: u32 = 460;

impl Composition<'_> {
    fn height(&self) -> u32 {
        (u32::try_from(self.0.samples.len()).unwrap_or(1) * 30 + 70).clamp(220, 2400)
    }
}

impl Drawing for Composition<'_> {
    fn size(&self) -> (u32, u32) {
        let height = self.height();
        (BARS + COLUMN * legend::columns(self.0.names.len(), f64::from(height) - 30.0), height)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<(), Failed<DB>> {
        let clusters = self.0;
        let (area, _) = canvas.area.split_horizontally(canvas.size(f64::from(BARS)));
        let letters = clusters.samples.iter().map(|name| name.chars().count().min(22)).max().unwrap_or(1);
        let axes = Axes {
            x: (0.0, 1.0),
            // Downwards: the first sample is on top.
            y: (clusters.samples.len() as f64 - 0.4, -0.6),
            x_name: "Share of the cells",
            y_name: "",
            below: 44.0,
            left: 16.0 + 6.2 * letters as f64,
            numbers: (true, false),
            logs: (false, false),
        };
        let mut chart = chart(canvas, &area, axes)?;
        for sample in 0..clusters.samples.len() {
            let total: u64 = clusters.composition.iter().map(|cells| cells[sample]).sum();
            let mut from = 0.0;
            for (cells, hex) in clusters.composition.iter().zip(&clusters.colors) {
                let to = from + cells[sample] as f64 / total.max(1) as f64;
                let place = sample as f64;
                let bar = Rectangle::new([(from, place - 0.38), (to, place + 0.38)], color(hex).filled());
                chart.draw_series([bar])?;
                from = to;
            }
        }
        names_left(canvas, &chart, &clusters.samples, 0.0)?;
        let height = f64::from(self.height()) - 30.0;
        legend::categories(canvas, (f64::from(BARS) + 6.0, 12.0), height, &clusters.names, &clusters.colors)
    }
}
