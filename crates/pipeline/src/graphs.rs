//! The graph of neighbours of a pipeline, until it is stored.

use annstream_core::Exec;
use annstream_core::budget::Charge;
use annstream_core::edit::Additions;
use annstream_graph::Graph;
use annstream_graph::neighbors::{Connected, NeighborsStep};

use crate::Result;

/// What the step `neighbors` made, in the compact form that the steps after it work on: 8 bytes an edge and a neighbour.
#[derive(Default)]
pub(crate) struct Graphs {
    made: Option<(NeighborsStep, Connected)>,
    /// Its memory.
    charge: Option<Charge>,
}

impl Graphs {
    /// Takes over what was found.
    pub(crate) fn hold(&mut self, step: &NeighborsStep, found: Connected, exec: &Exec) -> Result<()> {
        self.charge = Some(exec.budget().charge(found.bytes(), "the graph of the cells")?);
        self.made = Some((step.clone(), found));
        Ok(())
    }

    /// The graph that stands under a key of `uns`, and its name in `obsp`.
    pub(crate) fn named(&self, key: &str) -> Option<(String, &Graph)> {
        let (step, found) = self.made.as_ref()?;
        match step.key_added.as_deref() {
            None if key == "neighbors" => Some(("connectivities".to_owned(), &found.graph)),
            Some(own) if own == key => Some((format!("{own}_connectivities"), &found.graph)),
            _ => None,
        }
    }

    /// The entry of `uns`.
    pub(crate) fn entry(&self) -> Result<Additions> {
        let entry = self.made.as_ref().map(|(step, found)| found.stored(step).entry());
        entry.unwrap_or_else(|| Ok(Additions::default()))
    }

    /// The matrices of `obsp`, charged as long as they are held.
    pub(crate) fn into_matrices(self, exec: &Exec) -> Result<(Additions, Option<Charge>)> {
        let Some((step, found)) = self.made else { return Ok((Additions::default(), None)) };
        let stored = found.stored(&step);
        drop(self.charge);
        let charge = exec.budget().charge(stored.bytes(), "graphs to write")?;
        Ok((stored.matrices(), Some(charge)))
    }
}
