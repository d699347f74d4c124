//! Expression of markers in groups.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{Axes, chart, names_below, names_left};
use super::canvas::{Canvas, Drawing, Failed, INK, QUIET, REDS, between};
use crate::report::Dots;

/// Sizes are shares of expressing cells, colours are means from the lowest to the highest of each gene.
pub(super) struct DotPlot<'a>(pub(super) &'a Dots);

const STEP: f64 = 17.0;
const BELOW: f64 = 120.0;
const KEY: f64 = 110.0;

impl DotPlot<'_> {
    fn left(&self) -> f64 {
        16.0 + 6.2 * self.0.groups.iter().map(|name| name.chars().count().min(22)).max().unwrap_or(1) as f64
    }

    fn inner(&self) -> (f64, f64) {
        (STEP * self.0.genes.len() as f64, (STEP + 3.0) * self.0.groups.len() as f64)
    }
}

impl Drawing for DotPlot<'_> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
    fn size(&self) -> (u32, u32) {
        let (width, height) = self.inner();
        ((self.left() + width + 16.0 + KEY) as u32, (height + BELOW + 16.0).max(240.0) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<(), Failed<DB>> {
        let dots = self.0;
        let (width, height) = self.inner();
        let right = self.left() + width + 16.0;
        let (area, _) = canvas.area.split_horizontally(canvas.size(right));
        let (area, _) = area.split_vertically(canvas.size(height + BELOW + 16.0));
        let axes = Axes {
            x: (-0.6, dots.genes.len() as f64 - 0.4),
            y: (dots.groups.len() as f64 - 0.4, -0.6),
            x_name: "",
            y_name: "",
            below: BELOW,
            left: self.left(),
            numbers: (false, false),
            logs: (false, false),
        };
        let mut chart = chart(canvas, &area, axes)?;
        for gene in 0..dots.genes.len() {
            let means = || dots.mean.iter().map(|row| row[gene]);
            let (low, high) =
                means().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            for group in 0..dots.groups.len() {
                let share = dots.fraction[group][gene];
                let place = if high > low { (dots.mean[group][gene] - low) / (high - low) } else { 0.0 };
                let center = (gene as f64, group as f64);
                let radius = canvas.size(STEP / 2.0 * share.sqrt());
                chart.draw_series([Circle::new(center, radius, between(&REDS, place).filled())])?;
                chart.draw_series([Circle::new(center, radius, QUIET.stroke_width(1))])?;
            }
        }
        names_left(canvas, &chart, &dots.groups, -0.6)?;
        names_below(canvas, &chart, &dots.genes, dots.groups.len() as f64 - 0.4, true)?;
        key(canvas, right + 8.0)
    }
}

/// What sizes and colours mean.
fn key<DB: DrawingBackend>(canvas: &Canvas<DB>, left: f64) -> Result<(), Failed<DB>> {
    let style = canvas.font(10.0, INK).pos(Pos::new(HPos::Left, VPos::Center));
    canvas.text("Share of cells", (canvas.px(left), canvas.px(20.0)), &style)?;
    for (i, share) in [0.1_f64, 0.25, 0.5, 1.0].into_iter().enumerate() {
        let y = canvas.px(42.0 + 20.0 * i as f64);
        let radius = canvas.size(STEP / 2.0 * share.sqrt());
        canvas.area.draw(&Circle::new((canvas.px(left + 10.0), y), radius, QUIET.stroke_width(1)))?;
        canvas.text(&format!("{:.0} %", share * 100.0), (canvas.px(left + 26.0), y), &style)?;
    }
    canvas.text("Mean of the gene", (canvas.px(left), canvas.px(132.0)), &style)?;
    for step in 0..40 {
        let from = left + 2.0 * f64::from(step);
        let corners = [(canvas.px(from), canvas.px(142.0)), (canvas.px(from + 2.0), canvas.px(152.0))];
        canvas.area.draw(&Rectangle::new(corners, between(&REDS, f64::from(step) / 39.0).filled()))?;
    }
    canvas.text("lowest", (canvas.px(left), canvas.px(162.0)), &style)?;
    let style = style.pos(Pos::new(HPos::Right, VPos::Center));
    canvas.text("highest", (canvas.px(left + 80.0), canvas.px(162.0)), &style)
}
