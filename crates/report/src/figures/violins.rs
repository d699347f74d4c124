//! Violins of quality metrics, side by side.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{Axes, chart, names_below};
use super::canvas::{Canvas, Drawing, Failed, INK, color};
use crate::report::Quality;

/// Quality of the cells.
pub(super) struct Violins<'a>(pub(super) &'a Quality);

impl Violins<'_> {
    fn panel(&self) -> u32 {
        let samples = u32::try_from(self.0.samples.len()).unwrap_or(1);
        (90 + samples * 26).clamp(230, 1400)
    }

    /// Whether names stand upright: they do unless there are few and short ones.
    fn upright(&self) -> bool {
        let letters: usize = self.0.samples.iter().map(|name| name.chars().count().min(20) + 2).sum();
        letters > 26
    }
}

impl Drawing for Violins<'_> {
    fn size(&self) -> (u32, u32) {
        (self.panel() * u32::try_from(self.0.metrics.len()).unwrap_or(1), if self.upright() { 370 } else { 290 })
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<(), Failed<DB>> {
        let quality = self.0;
        let panels = canvas.area.split_evenly((1, quality.metrics.len().max(1)));
        for ((i, metric), panel) in quality.metrics.iter().enumerate().zip(&panels) {
            let title = canvas.font(12.5, INK).pos(Pos::new(HPos::Center, VPos::Top));
            let middle = f64::from(self.panel()) * (i as f64 + 0.5) + 16.0;
            canvas.text(&metric.label, (canvas.px(middle), canvas.px(8.0)), &title)?;
            let (_, area) = panel.split_vertically(canvas.size(24.0));
            let most = metric.groups.iter().filter_map(|group| group.quantiles.last()).fold(0.0_f64, |a, b| a.max(*b));
            let least =
                metric.groups.iter().filter_map(|group| group.quantiles.first()).fold(0.0_f64, |a, b| a.min(*b));
            let axes = Axes {
                x: (-0.6, metric.groups.len() as f64 - 0.4),
                y: (least, if most > least { most * 1.04 } else { least + 1.0 }),
                x_name: "",
                y_name: "",
                below: if self.upright() { 120.0 } else { 30.0 },
                left: 44.0,
                numbers: (false, true),
                logs: (false, false),
            };
            let mut chart = chart(canvas, &area, axes)?;
            for (place, group) in metric.groups.iter().enumerate() {
                let &[low, first, median, third, high] = group.quantiles.as_slice() else { continue };
                let place = place as f64;
                let shade = color(quality.colors.get(place_of(place)).map_or("", String::as_str));
                let heights = if group.density.is_empty() { &[0.15, 0.15][..] } else { &group.density };
                let last = (heights.len() - 1) as f64;
                let side = |sign: f64| {
                    heights
                        .iter()
                        .enumerate()
                        .map(move |(k, height)| (place + sign * 0.42 * height, low + (high - low) * k as f64 / last))
                };
                let outline: Vec<(f64, f64)> =
                    side(1.0).chain(side(-1.0).collect::<Vec<_>>().into_iter().rev()).collect();
                let mut closed = outline.clone();
                closed.extend(outline.first());
                chart.draw_series([Polygon::new(outline, shade.mix(0.75).filled())])?;
                chart.draw_series([PathElement::new(closed, shade.stroke_width(canvas.size(1.0)))])?;
                let middle_half = vec![(place, first), (place, third)];
                chart.draw_series([PathElement::new(middle_half, INK.stroke_width(canvas.size(3.0)))])?;
                chart.draw_series([Circle::new((place, median), canvas.size(2.5), WHITE.filled())])?;
                chart.draw_series([Circle::new(
                    (place, median),
                    canvas.size(2.5),
                    INK.stroke_width(canvas.size(1.0)),
                )])?;
            }
            names_below(canvas, &chart, &quality.samples, least, self.upright())?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was an index")]
fn place_of(place: f64) -> usize {
    place as usize
}
