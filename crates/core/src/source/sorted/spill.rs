//! The scratch file: a stream of bytes for each bucket, in chunks of one size.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::scratch_error;
use crate::{Error, Exec, Result};

/// A scratch file being written. Each bucket gathers one chunk in memory.
pub(super) struct Spill<'a> {
    exec: &'a Exec,
    gathered: Vec<Vec<u8>>,
    spilled: Spilled,
    /// Chunks in the file.
    written: u64,
}

/// A scratch file that was written.
pub(super) struct Spilled {
    file: File,
    chunk: usize,
    streams: Vec<Stream>,
}

/// Which chunks of the file make a stream, and how long it is; the last chunk may be shorter.
#[derive(Clone, Debug, Default)]
struct Stream {
    chunks: Vec<u64>,
    bytes: usize,
}

impl<'a> Spill<'a> {
    pub(super) fn new(buckets: usize, chunk: usize, exec: &'a Exec) -> Result<Self> {
        let file = tempfile::tempfile_in(exec.scratch()).map_err(|error| scratch_error(error, exec))?;
        let spilled = Spilled { file, chunk, streams: vec![Stream::default(); buckets] };
        Ok(Self { exec, gathered: vec![Vec::new(); buckets], spilled, written: 0 })
    }

    /// Appends to a bucket.
    pub(super) fn append(&mut self, bucket: usize, mut piece: &[u8]) -> Result<()> {
        while !piece.is_empty() {
            let gathered = &mut self.gathered[bucket];
            // Once, and never more.
            gathered.reserve_exact(self.spilled.chunk - gathered.len());
            let (now, later) = piece.split_at(piece.len().min(self.spilled.chunk - gathered.len()));
            gathered.extend_from_slice(now);
            piece = later;
            if gathered.len() == self.spilled.chunk {
                self.flush(bucket)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, bucket: usize) -> Result<()> {
        let gathered = &mut self.gathered[bucket];
        let offset = self.written * self.spilled.chunk as u64;
        self.spilled.file.write_all_at(gathered, offset).map_err(|error| scratch_error(error, self.exec))?;
        let stream = &mut self.spilled.streams[bucket];
        stream.chunks.push(self.written);
        stream.bytes += gathered.len();
        self.written += 1;
        gathered.clear();
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<Spilled> {
        for bucket in 0..self.gathered.len() {
            if !self.gathered[bucket].is_empty() {
                self.flush(bucket)?;
            }
        }
        Ok(self.spilled)
    }
}

impl Spilled {
    /// Bytes of a chunk.
    pub(super) fn chunk(&self) -> usize {
        self.chunk
    }

    /// Reads the stream of a bucket. `take` says how many bytes it used; the others come again, with those that follow.
    pub(super) fn read(&self, bucket: usize, mut take: impl FnMut(&[u8]) -> Result<usize>) -> Result<()> {
        let stream = &self.streams[bucket];
        let (mut bytes, mut left) = (Vec::new(), stream.bytes);
        for &chunk in &stream.chunks {
            let (kept, length) = (bytes.len(), left.min(self.chunk));
            bytes.resize(kept + length, 0);
            let offset = chunk * self.chunk as u64;
            let read = self.file.read_exact_at(&mut bytes[kept..], offset);
            read.map_err(|error| Error::io(error, "a scratch file"))?;
            left -= length;
            let used = take(&bytes)?;
            bytes.drain(..used);
        }
        if bytes.is_empty() { Ok(()) } else { Err(Error::internal("a scratch file ends within an entry")) }
    }
}

impl Spilled {
    /// Gives back the space of a bucket that was read; then it cannot be read again. What is in memory only is not
    /// written any more.
    pub(super) fn give_back(&self, bucket: usize) {
        let chunks = &self.streams[bucket].chunks;
        for run in chunks.chunk_by(|chunk, next| chunk + 1 == *next) {
            punch(&self.file, run[0] * self.chunk as u64, (run.len() * self.chunk) as u64);
        }
    }
}

/// Makes a hole in a file. Where that cannot be done, the space is given back with the file.
#[cfg(target_os = "linux")]
fn punch(file: &File, start: u64, length: u64) {
    use rustix::fs::{FallocateFlags, fallocate};
    let _ = fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, start, length);
}

#[cfg(not(target_os = "linux"))]
fn punch(_: &File, _: u64, _: u64) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budget;

    #[test]
    fn streams_come_back_whole_whatever_the_chunks() {
        let exec = Exec::new(1, Budget::unlimited()).unwrap();
        for chunk in [1, 5, 64, 4096] {
            let mut spill = Spill::new(3, chunk, &exec).unwrap();
            for piece in 0..100_u8 {
                spill.append(0, &[piece; 7]).unwrap();
                spill.append(2, &[piece, piece]).unwrap();
            }
            let spilled = spill.finish().unwrap();
            // Items of 7 bytes are used whole.
            let mut found = Vec::new();
            let take = |bytes: &[u8]| {
                let used = bytes.len() / 7 * 7;
                found.extend_from_slice(&bytes[..used]);
                Ok(used)
            };
            spilled.read(0, take).unwrap();
            assert_eq!(found, (0..100_u8).flat_map(|piece| [piece; 7]).collect::<Vec<_>>());
            spilled.read(1, |_| Err(Error::internal("nothing is there"))).unwrap();
            assert!(spilled.read(2, |bytes| Ok(bytes.len() / 7 * 7)).is_err());
        }
    }

    #[test]
    fn what_is_given_back_takes_no_space_and_no_neighbour_with_it() {
        use std::os::unix::fs::MetadataExt;
        let exec = Exec::new(1, Budget::unlimited()).unwrap();
        let mut spill = Spill::new(2, 4096, &exec).unwrap();
        for piece in 0..100_u8 {
            spill.append(usize::from(piece % 2), &[piece; 4000]).unwrap();
        }
        let spilled = spill.finish().unwrap();
        let read = |bucket| {
            let mut found = Vec::new();
            spilled
                .read(bucket, |bytes| {
                    found.extend_from_slice(bytes);
                    Ok(bytes.len())
                })
                .unwrap();
            found
        };
        let (kept, before) = (read(1), spilled.file.metadata().unwrap().blocks());
        spilled.give_back(0);
        assert_eq!(read(1), kept);
        // Not every folder for temporary files knows holes.
        let after = spilled.file.metadata().unwrap().blocks();
        assert!(after == before || after <= before * 6 / 10, "{before} {after}");
    }
}
