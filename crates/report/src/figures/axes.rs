//! Two axes of numbers, and names along them.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Canvas, Failed, INK, LINE, QUIET, number, short};

/// A chart of numbers.
pub(super) type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What is said at the axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes<'a> {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
    pub(super) x_name: &'a str,
    pub(super) y_name: &'a str,
    /// Room for names and numbers below and at the left.
    pub(super) below: f64,
    pub(super) left: f64,
    /// Whether numbers stand at either axis.
    pub(super) numbers: (bool, bool),
    /// Whether numbers are logarithms to base 10, and shown as what they are of.
    pub(super) logs: (bool, bool),
}

/// Draws axes on a part of a canvas.
pub(super) fn chart<'a, DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    area: &'a DrawingArea<DB, plotters::coord::Shift>,
    axes: Axes<'_>,
) -> Result<Chart<'a, DB>, Failed<DB>> {
    let mut chart = ChartBuilder::on(area)
        .margin(canvas.size(8.0))
        .x_label_area_size(canvas.size(axes.below))
        .y_label_area_size(canvas.size(axes.left))
        .build_cartesian_2d(axes.x.0..axes.x.1, axes.y.0..axes.y.1)?;
    let say = |log: bool| move |value: &f64| if log { number(10_f64.powf(*value)) } else { number(*value) };
    let (say_x, say_y) = (say(axes.logs.0), say(axes.logs.1));
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .bold_line_style(LINE.stroke_width(canvas.size(0.5)))
        .axis_style(QUIET.stroke_width(canvas.size(0.8)))
        .label_style(canvas.font(10.0, QUIET))
        .axis_desc_style(canvas.font(11.5, INK))
        .x_labels(if axes.numbers.0 { 6 } else { 0 })
        .y_labels(if axes.numbers.1 { 6 } else { 0 })
        .x_desc(axes.x_name)
        .y_desc(axes.y_name)
        .x_label_formatter(&say_x)
        .y_label_formatter(&say_y)
        .draw()?;
    Ok(chart)
}

/// Names at 0, 1, 2 … below the axis, upright if there is no room beside each other.
pub(super) fn names_below<DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    chart: &Chart<'_, DB>,
    names: &[String],
    floor: f64,
    upright: bool,
) -> Result<(), Failed<DB>> {
    let style = canvas.font(10.0, INK);
    let style = if upright {
        style.transform(FontTransform::Rotate270).pos(Pos::new(HPos::Right, VPos::Center))
    } else {
        style.pos(Pos::new(HPos::Center, VPos::Top))
    };
    for (i, name) in names.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(i as f64, floor));
        canvas.text(&short(name, 20), (x, y + canvas.px(5.0)), &style)?;
    }
    Ok(())
}

/// Names at 0, 1, 2 … left of the axis.
pub(super) fn names_left<DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    chart: &Chart<'_, DB>,
    names: &[String],
    wall: f64,
) -> Result<(), Failed<DB>> {
    let style = canvas.font(10.0, INK).pos(Pos::new(HPos::Right, VPos::Center));
    for (i, name) in names.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(wall, i as f64));
        canvas.text(&short(name, 22), (x - canvas.px(6.0), y), &style)?;
    }
    Ok(())
}
