//! What figures are drawn on: the same calls become SVG or pixels.

use std::sync::OnceLock;

use annstream_core::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use super::Figure;

/// Letters for pixels; SVG names a family and leaves the letters to whoever shows it.
const FONT: &[u8] = include_bytes!("../../assets/vendor/dejavu/DejaVuSans.ttf");

/// How much larger pixels are than the units that figures are laid out in.
const SCALE: u32 = 2;

pub(super) const INK: RGBColor = RGBColor(27, 36, 48);
pub(super) const QUIET: RGBColor = RGBColor(91, 102, 117);
pub(super) const LINE: RGBColor = RGBColor(208, 214, 222);
pub(super) const ACCENT: RGBColor = RGBColor(37, 99, 168);
pub(super) const OTHER: RGBColor = RGBColor(180, 189, 201);

/// What a backend says when it fails.
pub(super) type Failed<DB> = DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>;

/// Something that can be drawn.
pub(super) trait Drawing {
    /// Width and height.
    fn size(&self) -> (u32, u32);
    /// Draws it.
    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> std::result::Result<(), Failed<DB>>;
}

/// An area to draw on, and how large a unit is there.
pub(super) struct Canvas<DB: DrawingBackend> {
    pub(super) area: DrawingArea<DB, Shift>,
    scale: u32,
}

impl<DB: DrawingBackend> Canvas<DB> {
    /// A length.
    #[expect(clippy::cast_possible_truncation, reason = "lengths of figures are small")]
    pub(super) fn px(&self, units: f64) -> i32 {
        (units * f64::from(self.scale)).round() as i32
    }

    /// A length that is not negative.
    pub(super) fn size(&self, units: f64) -> u32 {
        u32::try_from(self.px(units)).unwrap_or(0)
    }

    /// Letters of a size.
    pub(super) fn font(&self, size: f64, color: RGBColor) -> TextStyle<'static> {
        let style = TextStyle::from(("sans-serif", size * f64::from(self.scale)).into_font());
        TextStyle { color: color.to_backend_color(), ..style }
    }

    /// A text at a place in units of the figure.
    pub(super) fn text(
        &self,
        text: &str,
        (x, y): (i32, i32),
        style: &TextStyle<'_>,
    ) -> std::result::Result<(), Failed<DB>> {
        // What is no letter has no place in SVG.
        let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        self.area.draw(&Text::new(text, (x, y), style.clone()))
    }
}

/// Draws a figure in both formats.
pub(super) fn render(name: &str, drawing: &impl Drawing, out: &mut Vec<Figure>) -> Result<()> {
    fonts()?;
    let (width, height) = drawing.size();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        finish(name, drawing, &Canvas { area, scale: 1 })?;
    }
    out.push(Figure { name: format!("{name}.svg"), bytes: svg.into_bytes() });
    let (width, height) = (width * SCALE, height * SCALE);
    let mut pixels = vec![0_u8; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        finish(name, drawing, &Canvas { area, scale: SCALE })?;
    }
    let bytes = png(&pixels, width, height).map_err(|error| Error::internal(format!("figure {name}: {error}")))?;
    out.push(Figure { name: format!("{name}.png"), bytes });
    Ok(())
}

fn finish<DB: DrawingBackend>(name: &str, drawing: &impl Drawing, canvas: &Canvas<DB>) -> Result<()> {
    let draw = || {
        canvas.area.fill(&WHITE)?;
        drawing.draw(canvas)?;
        canvas.area.present()
    };
    draw().map_err(|error| Error::internal(format!("figure {name}: {error}")))
}

fn png(pixels: &[u8], width: u32, height: u32) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let unit = png::Unit::Meter;
    // 200 dots to the inch.
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: 7874, yppu: 7874, unit }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(out)
}

/// Makes the letters known, once.
fn fonts() -> Result<()> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let register = || {
        let styles = [FontStyle::Normal, FontStyle::Italic, FontStyle::Bold];
        styles.into_iter().all(|style| register_font("sans-serif", style, FONT).is_ok())
    };
    if *KNOWN.get_or_init(register) { Ok(()) } else { Err(Error::internal("the font of figures cannot be read")) }
}

/// A colour written as `#rrggbb`; grey if it is written in another way.
pub(super) fn color(hex: &str) -> RGBColor {
    let part = |from: usize| hex.get(from..from + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match (part(1), part(3), part(5)) {
        (Some(red), Some(green), Some(blue)) => RGBColor(red, green, blue),
        _ => RGBColor(128, 128, 128),
    }
}

/// The colour at a place, 0 to 1, of a list of colours.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places and shades are small")]
pub(super) fn between(colors: &[RGBColor], place: f64) -> RGBColor {
    let last = colors.len().saturating_sub(1);
    let at = if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 } * last as f64;
    let low = (at.floor() as usize).min(last);
    let (a, b) = (colors[low], colors[(low + 1).min(last)]);
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * (at - low as f64)).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Viridis, by Stéfan van der Walt and Nathaniel Smith (CC0), at 9 places.
pub(super) const VIRIDIS: [RGBColor; 9] = [
    RGBColor(68, 1, 84),
    RGBColor(71, 45, 123),
    RGBColor(59, 82, 139),
    RGBColor(44, 114, 142),
    RGBColor(33, 145, 140),
    RGBColor(40, 174, 128),
    RGBColor(94, 201, 98),
    RGBColor(173, 220, 48),
    RGBColor(253, 231, 37),
];

/// Reds, by Cynthia Brewer.
pub(super) const REDS: [RGBColor; 9] = [
    RGBColor(255, 245, 240),
    RGBColor(254, 224, 210),
    RGBColor(252, 187, 161),
    RGBColor(252, 146, 114),
    RGBColor(251, 106, 74),
    RGBColor(239, 59, 44),
    RGBColor(203, 24, 29),
    RGBColor(165, 15, 21),
    RGBColor(103, 0, 13),
];

/// A text cut to a number of letters.
pub(super) fn short(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}

/// A number with three digits that count.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "–".to_owned()
    } else if value.fract() == 0.0 && size < 1e6 {
        format!("{value:.0}")
    } else if !(1e-3..1e6).contains(&size) {
        format!("{value:.1e}")
    } else {
        let digits = if size >= 100.0 {
            0
        } else if size >= 10.0 {
            1
        } else if size >= 1.0 {
            2
        } else {
            3
        };
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    }
}
