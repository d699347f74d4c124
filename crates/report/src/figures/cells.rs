//! Cells in two dimensions.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{Axes, chart};
use super::canvas::{Canvas, Drawing, Failed, INK, OTHER, VIRIDIS, between, color};
use super::legend::{self, COLUMN};
use crate::report::{Coloring, Embedding};

const SIDE: u32 = 460;

/// An embedding, coloured by something.
pub(super) struct Cells<'a> {
    pub(super) embedding: &'a Embedding,
    pub(super) coloring: &'a Coloring,
}

impl Cells<'_> {
    fn is_category(&self) -> bool {
        self.coloring.kind == "category"
    }

    /// Lowest and highest value that has a colour of its own, and whether there are higher ones.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the values")]
    fn ends(&self) -> (f64, f64, bool) {
        let values = &self.coloring.values;
        let mut sorted: Vec<f64> = (0..values.len()).filter_map(|i| values.get(i)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (Some(&low), Some(&top)) = (sorted.first(), sorted.last()) else { return (0.0, 1.0, false) };
        let high = sorted[((sorted.len() as f64 * 0.99) as usize).min(sorted.len() - 1)];
        if high > low { (low, high, top > high) } else { (low, top, false) }
    }

    /// Each cell's place in the drawing, by what lies on top, and its colour.
    fn order(&self, (low, high, _): (f64, f64, bool)) -> Vec<(usize, RGBColor)> {
        let values = &self.coloring.values;
        let palette: Vec<RGBColor> = self.coloring.colors.iter().map(|hex| color(hex)).collect();
        let mut cells: Vec<(usize, Option<f64>)> = (0..values.len()).map(|i| (i, values.get(i))).collect();
        if !self.is_category() {
            // Highest last, those without a value first; a stable sort.
            cells.sort_by(|(_, a), (_, b)| a.unwrap_or(f64::NEG_INFINITY).total_cmp(&b.unwrap_or(f64::NEG_INFINITY)));
        }
        let shade = |value: f64| {
            if self.is_category() {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a code")]
                return palette.get(value as usize).copied().unwrap_or(OTHER);
            }
            between(&VIRIDIS, if high > low { (value - low) / (high - low) } else { 0.0 })
        };
        cells.into_iter().map(|(cell, value)| (cell, value.map_or(OTHER, shade))).collect()
    }
}

impl Drawing for Cells<'_> {
    fn size(&self) -> (u32, u32) {
        let columns = if self.is_category() { legend::columns(self.coloring.labels.len(), 420.0) } else { 1 };
        let side = if self.is_category() { columns * COLUMN } else { 90 };
        (SIDE + side, SIDE + 20)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<(), Failed<DB>> {
        let title = canvas.font(13.0, INK).pos(Pos::new(HPos::Center, VPos::Top));
        canvas.text(&self.coloring.label, (canvas.px(f64::from(SIDE) / 2.0 + 10.0), canvas.px(8.0)), &title)?;
        let (_, below) = canvas.area.split_vertically(canvas.size(22.0));
        let (area, _) = below.split_horizontally(canvas.size(f64::from(SIDE)));
        let (x, y) = (&self.embedding.x, &self.embedding.y);
        let bounds = |values: &crate::pack::Packed| {
            let found = (0..values.len()).filter_map(|i| values.get(i));
            let (low, high) =
                found.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            if low <= high {
                (low - (high - low).max(1e-9) * 0.04, high + (high - low).max(1e-9) * 0.04)
            } else {
                (0.0, 1.0)
            }
        };
        let label = &self.embedding.label;
        let axes = Axes {
            x: bounds(x),
            y: bounds(y),
            x_name: &format!("{label}1"),
            y_name: &format!("{label}2"),
            below: 22.0,
            left: 24.0,
            numbers: (false, false),
            logs: (false, false),
        };
        let mut chart = chart(canvas, &area, axes)?;
        let ends = if self.is_category() { (0.0, 1.0, false) } else { self.ends() };
        let radius = canvas.size((130.0 / (x.len().max(1) as f64).sqrt()).clamp(0.5, 3.0)).max(1);
        let points = self
            .order(ends)
            .into_iter()
            .filter_map(|(cell, shade)| Some(Circle::new((x.get(cell)?, y.get(cell)?), radius, shade.filled())));
        chart.draw_series(points)?;
        let place = (f64::from(SIDE) + 6.0, 34.0);
        if self.is_category() {
            return legend::categories(canvas, place, 420.0, &self.coloring.labels, &self.coloring.colors);
        }
        legend::ramp(canvas, place, 200.0, ends)
    }
}
