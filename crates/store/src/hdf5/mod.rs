//! HDF5 files (`.h5ad`).

mod reader;
mod writer;

pub(crate) use reader::Hdf5Store;
pub(crate) use writer::Hdf5Writer;
