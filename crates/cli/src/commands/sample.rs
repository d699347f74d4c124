//! `annstream sample`.

use std::path::PathBuf;

use annstream_core::Result;
use annstream_core::concat::Axis;
use annstream_core::subset::{Selection, plan_selection};
use annstream_sc::sample::{Amount, SampleOptions, positions};
use clap::Args;

use super::output::{check_output, folder_of};
use super::subset::write;
use super::writing::Writing;

/// Draw cells or genes at random, as scanpy.pp.sample would in memory.
///
/// The same seed draws the same cells, in the same order, as scanpy with numpy's default generator. X, layers, obsm and
/// all else follow as in annstream subset.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  annstream sample atlas.h5ad -o tenth.h5ad --fraction 0.1
  annstream sample atlas.h5ad -o some.zarr --n 100000 --seed 42
  annstream sample atlas.h5ad -o bootstrap.h5ad --fraction 1 --replace
  annstream sample atlas.h5ad -o genes.h5ad --n 2000 --axis var")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// How many to draw
    #[arg(long, value_name = "N", required_unless_present = "fraction", conflicts_with = "fraction")]
    n: Option<u64>,
    /// Which fraction to draw, rounded down; more than 1 with --replace
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    fraction: Option<f64>,
    /// Seed of the generator: rng of scanpy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What to draw
    #[arg(long, value_enum, value_name = "AXIS", default_value_t)]
    axis: AxisName,
    /// One may be drawn again
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    writing: Writing,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum AxisName {
    /// Cells
    #[default]
    Obs,
    /// Genes
    Var,
}

impl From<AxisName> for Axis {
    fn from(name: AxisName) -> Self {
        match name {
            AxisName::Obs => Self::Obs,
            AxisName::Var => Self::Var,
        }
    }
}

/// Draws.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let &Arguments { ref input, ref output, n, fraction, seed, axis, replace, ref writing } = arguments;
    check_output(output, [input.as_path()], writing.force || writing.plan)?;
    let amount = n.map_or_else(|| Amount::Fraction(fraction.unwrap_or(1.0)), Amount::Count);
    let options = SampleOptions { amount, seed, replace };
    let exec = writing.common.exec(folder_of(output)?)?;
    write(input, output, writing, &exec, |file| {
        let (cells, genes) = (file.file.n_obs(), file.file.n_vars());
        let draw = |extent: usize| {
            // Besides the positions: what numbers were drawn, or all numbers.
            let _drawn = exec.budget().charge(extent as u64 * 16, "drawing positions")?;
            Selection::new(extent, positions(extent, &options)?)
        };
        let (obs, var) = match Axis::from(axis) {
            Axis::Obs => (draw(cells)?, Selection::all(genes)),
            Axis::Var => (Selection::all(cells), draw(genes)?),
        };
        plan_selection(file, obs, var, writing.compression, &exec)
    })
}
