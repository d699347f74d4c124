//! Means of genes against their variability.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{Axes, chart};
use super::canvas::{ACCENT, Canvas, Drawing, Failed, INK, OTHER};
use crate::report::{Measure, VariableGenes};

/// Variable genes.
pub(super) struct Genes<'a>(pub(super) &'a VariableGenes);

impl Genes<'_> {
    /// Places of the genes that have one, those chosen last.
    fn points(&self, measure: &Measure) -> Vec<(f64, f64, bool)> {
        let log = |value: f64, log: bool| if log { value.log10() } else { value };
        let point = |i: usize| {
            let (x, y) = (log(self.0.x.get(i)?, true), log(measure.values.get(i)?, measure.log));
            let chosen = self.0.highly_variable.get(i) == Some(1.0);
            (x.is_finite() && y.is_finite()).then_some((x, y, chosen))
        };
        let mut points: Vec<_> = (0..self.0.genes).filter_map(point).collect();
        points.sort_by_key(|(_, _, chosen)| *chosen);
        points
    }
}

impl Drawing for Genes<'_> {
    fn size(&self) -> (u32, u32) {
        (520, 380)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<(), Failed<DB>> {
        let Some(measure) = self.0.measures.first() else { return Ok(()) };
        let title = canvas.font(12.5, INK).pos(Pos::new(HPos::Center, VPos::Top));
        let text = format!("{} of {} genes are highly variable", self.0.chosen, self.0.genes);
        canvas.text(&text, (canvas.px(280.0), canvas.px(8.0)), &title)?;
        let (_, area) = canvas.area.split_vertically(canvas.size(24.0));
        let points = self.points(measure);
        let bounds = |of: fn(&(f64, f64, bool)) -> f64| {
            let ends = points
                .iter()
                .map(of)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            if ends.0 < ends.1 {
                (ends.0 - (ends.1 - ends.0) * 0.03, ends.1 + (ends.1 - ends.0) * 0.03)
            } else {
                (0.0, 1.0)
            }
        };
        let axes = Axes {
            x: bounds(|point| point.0),
            y: bounds(|point| point.1),
            x_name: &self.0.x_label,
            y_name: &measure.label,
            below: 44.0,
            left: 56.0,
            numbers: (true, true),
            logs: (true, measure.log),
        };
        let mut chart = chart(canvas, &area, axes)?;
        let radius = canvas.size(1.3).max(1);
        chart.draw_series(points.iter().map(|&(x, y, chosen)| {
            Circle::new((x, y), radius, if chosen { ACCENT } else { OTHER }.mix(0.8).filled())
        }))?;
        Ok(())
    }
}
