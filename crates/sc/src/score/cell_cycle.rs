//! Scores of the cell cycle: `scanpy.tl.score_genes_cell_cycle`.

use annstream_core::Exec;
use annstream_core::concat::Input;
use annstream_core::table::Column;

use super::{GeneList, Score, ScoreOptions, score_lists};
use crate::{Error, Result};

/// The phases, sorted.
const PHASES: [&str; 3] = ["G1", "G2M", "S"];

/// Scores of the phases, and the phase of each cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellCycle {
    /// Of the S phase: `obs["S_score"]`.
    pub s: Score,
    /// Of the G2M phase: `obs["G2M_score"]`.
    pub g2m: Score,
    /// `obs["phase"]`: G1, G2M or S; categorical, as anndata writes it, unless there are as many phases as cells.
    pub phase: Column,
}

/// Scores cells by genes of the S phase and of the G2M phase, as `scanpy.tl.score_genes_cell_cycle` does: controls are as
/// many from each bin as the shorter list has genes, whatever `ctrl_size` says. A cell is in S if that score is not below
/// the other, else in G2M, and in G1 if both are below zero.
///
/// Two passes, as [`score_genes`](super::score_genes).
///
/// # Errors
/// As [`score_genes`](super::score_genes).
pub fn score_genes_cell_cycle(
    input: &Input,
    s_genes: &[String],
    g2m_genes: &[String],
    options: &ScoreOptions,
    exec: &Exec,
) -> Result<CellCycle> {
    let size = s_genes.len().min(g2m_genes.len());
    let lists = [GeneList { genes: s_genes, ctrl_size: size }, GeneList { genes: g2m_genes, ctrl_size: size }];
    let scores: [Score; 2] = score_lists(input, &lists, options, exec)?
        .try_into()
        .map_err(|_| Error::internal("another number of scores than lists"))?;
    let [s, g2m] = scores;
    let phase = phases(&s.values, &g2m.values)?;
    Ok(CellCycle { s, g2m, phase })
}

fn phases(s: &[f64], g2m: &[f64]) -> Result<Column> {
    let phase = |(&s, &g2m): (&f64, &f64)| match () {
        () if s < 0.0 && g2m < 0.0 => PHASES[0],
        () if g2m > s => PHASES[1],
        () => PHASES[2],
    };
    let phases: Vec<&str> = s.iter().zip(g2m).map(phase).collect();
    let present: Vec<&str> = PHASES.into_iter().filter(|phase| phases.contains(phase)).collect();
    if present.len() >= phases.len() {
        return Ok(Column::text(phases));
    }
    let code = |phase: &&str| present.iter().position(|other| other == phase).and_then(|code| i32::try_from(code).ok());
    let codes = phases.iter().map(code).collect::<Option<_>>().ok_or_else(|| Error::internal("an unknown phase"))?;
    Ok(Column::Categorical { codes, categories: Box::new(Column::text(present)), ordered: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_those_of_scanpy() {
        let s = [1.0, 0.0, -1.0, -0.5, f64::NAN, 0.0];
        let g2m = [0.5, 1.0, -2.0, 0.0, 1.0, 0.0];
        let Column::Categorical { codes, categories, .. } = phases(&s, &g2m).unwrap() else {
            panic!("not categorical")
        };
        assert_eq!(codes, [2, 1, 0, 1, 2, 2]);
        assert_eq!(*categories, Column::text(["G1", "G2M", "S"]));
        assert_eq!(phases(&[1.0], &[0.0]).unwrap(), Column::text(["S"]));
        assert_eq!(phases(&[], &[]).unwrap(), Column::text([""; 0]));
    }
}
