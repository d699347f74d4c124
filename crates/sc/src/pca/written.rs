//! Scores of rows that are written while they are worked out.

use annstream_core::lazy::{Consumer, NumberBlock};
use annstream_core::matrix::Sums;
use annstream_core::sink::DenseSink;
use annstream_store::{Buffer, Compression, DType, StoreWriter};

use super::Project;
use crate::Result;

/// Projects rows as [`Project`] does, and writes the scores as a dense array: nothing of them stays in memory.
pub struct WriteScores<'a> {
    /// What works them out.
    pub project: Project,
    /// The file.
    pub writer: &'a dyn StoreWriter,
    /// Where the array will stand.
    pub path: String,
    /// How it is compressed.
    pub compression: Compression,
}

impl<'a> Consumer for WriteScores<'a> {
    type Partial = Vec<f32>;
    type Total = DenseSink<'a>;
    type Output = ();

    fn start(&self) -> Result<DenseSink<'a>> {
        let shape = self.project.shape().map(|extent| extent as u64);
        DenseSink::new(self.writer, &self.path, &shape, DType::F32, self.compression)
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<f32>> {
        self.project.map(block)
    }

    fn fold(&self, sink: &mut DenseSink<'a>, scores: Vec<f32>) -> Result<()> {
        sink.append(Buffer::F32(scores), Sums::default())
    }

    fn finish(self, sink: DenseSink<'a>) -> Result<()> {
        sink.finish().map(drop)
    }

    fn partial_bytes(&self) -> u64 {
        self.project.partial_bytes()
    }
}
