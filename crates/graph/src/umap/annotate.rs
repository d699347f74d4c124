//! The picture of the cells of a file, as scanpy stores it.

use annstream_core::Exec;
use annstream_core::anndata::{AnnDataFile, Slot};
use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Dict, Element};
use annstream_store::{Buffer, DType};

use super::{InitPos, Umap, UmapOptions, umap};
use crate::inputs::{graph_name, read_graph};
use crate::{Error, Result};

/// A picture of the cells of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UmapStep {
    /// What it is like; [`UmapOptions::init_pos`] is not looked at.
    pub options: UmapOptions,
    /// Where points begin: `spectral`, `random`, or an entry of `obsm`; `pca` stands for `X_pca`. Default: `spectral`.
    pub init_pos: Option<String>,
    /// Entry of `uns` that tells of the graph. Default: `neighbors`.
    pub neighbors_key: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// The picture.
    pub umap: Umap,
    /// `obsm["X_umap"]` (cells x components, f32) and `uns["umap"]["params"]` (`a`, `b`, and `random_state` unless it is
    /// zero), as `scanpy.tl.umap` stores them.
    pub additions: Additions,
}

/// Lays out the cells of a file by the graph that a run of neighbours left.
///
/// # Errors
/// If there is no such graph or nothing to begin with by this name, and those of [`umap`].
pub fn annotate(file: &AnnDataFile, step: &UmapStep, exec: &Exec) -> Result<Annotated> {
    let name =
        graph_name(file, step.neighbors_key.as_deref()).map_err(|error| error.in_file(file.store().location()))?;
    let init_pos = init_pos(file, step.init_pos.as_deref().unwrap_or("spectral"))
        .map_err(|error| error.in_file(file.store().location()))?;
    let graph = read_graph(file, &name, None, exec)?;
    let options = UmapOptions { init_pos, ..step.options.clone() };
    let umap = umap(&graph, &options, exec).map_err(|error| match error.kind() {
        crate::ErrorKind::Invalid => error.at(format!("obsp/{name}")).in_file(file.store().location()),
        _ => error,
    })?;
    let mut additions = Additions::default();
    let (shape, values) = (vec![graph.vertices(), options.n_components], Buffer::F32(umap.positions.clone()));
    additions.obsm.insert("X_umap".to_owned(), Element::Array(DenseArray { shape, values }));
    let number = |value: f64| Element::Scalar(Buffer::F64(vec![value]));
    let mut params = Dict::new();
    params.insert("a".to_owned(), number(umap.curve.a));
    params.insert("b".to_owned(), number(umap.curve.b));
    if options.random_state != 0 {
        let seed = i64::try_from(options.random_state).unwrap_or(i64::MAX);
        params.insert("random_state".to_owned(), Element::Scalar(Buffer::I64(vec![seed])));
    }
    let entry = Dict::from_iter([("params".to_owned(), Element::Dict(params))]);
    additions.set_uns(["umap"], Element::Dict(entry));
    Ok(Annotated { umap, additions })
}

/// Like scanpy, an entry of `obsm` comes before a method of the same name.
fn init_pos(file: &AnnDataFile, name: &str) -> Result<InitPos> {
    let name = match name {
        "spectral" if !file.obsm().contains_key(name) => return Ok(InitPos::Spectral),
        "random" if !file.obsm().contains_key(name) => return Ok(InitPos::Random),
        "pca" if !file.obsm().contains_key(name) => "X_pca",
        _ => name,
    };
    let at = format!("obsm/{name}");
    if !file.obsm().contains_key(name) {
        let message = "nothing stands there to begin with";
        return Err(Error::argument(message).at(at).hint("expected spectral, random, pca, or an entry of obsm"));
    }
    match file.read(Slot::Obsm(name))? {
        Element::Array(DenseArray { shape, values }) if shape.len() == 2 && values.dtype() != DType::Str => {
            match values.cast(DType::F32) {
                Ok(Buffer::F32(values)) => Ok(InitPos::Given { values, columns: shape.get(1).copied().unwrap_or(0) }),
                _ => Err(Error::invalid(format!("holds {}, numbers expected", values.dtype())).at(at)),
            }
        }
        other => Err(Error::invalid(format!("is a {}, a matrix of numbers expected", other.kind())).at(at)),
    }
}
