//! The charts of a report as figures for papers: SVG, and PNG of twice the size. One file for each figure.
//!
//! Every figure is drawn once, by a function that knows nothing of formats (`canvas`). Colours are those of the page in
//! its light theme. The same report gives the same bytes.

mod axes;
mod canvas;
mod cells;
mod composition;
mod dots;
mod genes;
mod legend;
mod variance;
mod violins;

use annstream_core::Result;

use crate::report::Report;
use canvas::render;

/// A figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Name of the file.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Draws everything that the report has, each as SVG and as PNG.
///
/// # Errors
/// If a figure cannot be drawn.
pub fn draw(report: &Report) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    if let Some(embedding) = &report.embedding {
        let basis = embedding.basis.strip_prefix("X_").unwrap_or(&embedding.basis);
        let mut names = Vec::new();
        for coloring in &embedding.colors {
            // Two names may look the same to a file system.
            let name = free(&mut names, &format!("{}_{}", plain(basis), plain(&coloring.name)));
            render(&name, &cells::Cells { embedding, coloring }, &mut out)?;
        }
    }
    if let Some(quality) = &report.quality {
        render("quality", &violins::Violins(quality), &mut out)?;
    }
    if let Some(variable) = &report.variable {
        render("variable_genes", &genes::Genes(variable), &mut out)?;
    }
    if let Some(components) = &report.components {
        render("variance", &variance::Variance(components), &mut out)?;
    }
    if let Some(clusters) = report.clusters.as_ref().filter(|clusters| clusters.samples.len() > 1) {
        render("composition", &composition::Composition(clusters), &mut out)?;
    }
    if let Some(dots) = &report.dots {
        render("dot_plot", &dots::DotPlot(dots), &mut out)?;
    }
    Ok(out)
}

/// A name that any system takes for a file.
fn plain(name: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let name: String = name.chars().map(|letter| if keep(letter) { letter } else { '_' }).take(80).collect();
    if name.is_empty() { "figure".to_owned() } else { name }
}

/// The name, with a number if it is taken; letters of either case are the same to some systems.
fn free(taken: &mut Vec<String>, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while taken.contains(&candidate.to_lowercase()) {
        candidate = format!("{name}_{number}");
        number += 1;
    }
    taken.push(candidate.to_lowercase());
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_files_and_differ() {
        assert_eq!(plain("../../etc/<b>"), "______etc__b_");
        assert_eq!(plain(""), "figure");
        let mut taken = Vec::new();
        let names = ["a", "A", "a_2", "a"].map(|name| free(&mut taken, name));
        assert_eq!(names, ["a", "A_2", "a_2_2", "a_3"]);
    }
}
