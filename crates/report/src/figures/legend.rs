//! What colours mean.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Canvas, Failed, INK, VIRIDIS, between, color, number, short};

/// Height of an entry.
const ROW: f64 = 16.0;
/// Width of a column of entries.
pub(super) const COLUMN: u32 = 140;

/// Columns of a legend of so many entries, in a height.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few")]
pub(super) fn columns(entries: usize, height: f64) -> u32 {
    (entries as f64 / (height / ROW).floor().max(1.0)).ceil().max(1.0) as u32
}

/// Points and names, column by column from a place on.
pub(super) fn categories<DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    (left, top): (f64, f64),
    height: f64,
    names: &[String],
    colors: &[String],
) -> Result<(), Failed<DB>> {
    let style = canvas.font(10.5, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let mut place = (left, top);
    for (name, hex) in names.iter().zip(colors) {
        if place.1 + ROW > top + height {
            place = (place.0 + f64::from(COLUMN), top);
        }
        let middle = (canvas.px(place.0 + 6.0), canvas.px(place.1 + ROW / 2.0));
        canvas.area.draw(&Circle::new(middle, canvas.size(4.5), color(hex).filled()))?;
        canvas.text(&short(name, 20), (canvas.px(place.0 + 16.0), middle.1), &style)?;
        place.1 += ROW;
    }
    Ok(())
}

/// A ramp of colours with the numbers at its ends.
pub(super) fn ramp<DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    (left, top): (f64, f64),
    height: f64,
    (low, high, beyond): (f64, f64, bool),
) -> Result<(), Failed<DB>> {
    let steps = 64;
    for step in 0..steps {
        let from = top + height * f64::from(step) / f64::from(steps);
        let to = top + height * f64::from(step + 1) / f64::from(steps);
        let shade = between(&VIRIDIS, 1.0 - f64::from(step) / f64::from(steps - 1));
        let corners = [(canvas.px(left), canvas.px(from)), (canvas.px(left + 12.0), canvas.px(to))];
        canvas.area.draw(&Rectangle::new(corners, shade.filled()))?;
    }
    let style = canvas.font(10.5, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let top_text = if beyond { format!("≥ {}", number(high)) } else { number(high) };
    canvas.text(&top_text, (canvas.px(left + 18.0), canvas.px(top + 4.0)), &style)?;
    canvas.text(&number(low), (canvas.px(left + 18.0), canvas.px(top + height - 4.0)), &style)
}
