//! The picture of the cells of a file, as scanpy stores it.

use annstream_core::Exec;
use annstream_core::anndata::Slot;
use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Dict, Element};
use annstream_store::{Buffer, DType};
use serde::{Deserialize, Serialize};

use super::{Curve, InitPos, Umap, UmapOptions, check, umap};
use crate::inputs::Cells;
use crate::{Error, Result};

/// A picture of the cells of a file or a pipeline; the names are those of `scanpy.tl.umap`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UmapStep {
    /// What it is like; [`UmapOptions::init_pos`] is not looked at.
    #[serde(flatten)]
    pub options: UmapOptions,
    /// The curve of forces, with `b`, instead of that of the options.
    pub a: Option<f64>,
    /// See `a`.
    pub b: Option<f64>,
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

impl UmapStep {
    /// The options of the picture.
    ///
    /// # Errors
    /// `Argument` for options out of range, and a way to begin that is not there.
    pub fn check(&self) -> Result<UmapOptions> {
        if self.init_pos.as_deref() == Some("paga") {
            return Err(Error::argument("paga is not among the ways to begin").hint("begin with spectral"));
        }
        let curve = match (self.a, self.b) {
            (Some(a), Some(b)) => Some(Curve { a, b }),
            (None, None) => self.options.curve,
            _ => return Err(Error::argument("a curve has both a and b")),
        };
        let options = UmapOptions { curve, ..self.options.clone() };
        check(&options)?;
        Ok(options)
    }
}

/// Lays out cells by the graph that a run of neighbours left.
///
/// # Errors
/// If there is no such graph or nothing to begin with by this name, and those of [`umap`].
pub fn annotate(cells: &dyn Cells, step: &UmapStep, exec: &Exec) -> Result<Annotated> {
    let options = step.check()?;
    let (name, graph) = cells.graph(step.neighbors_key.as_deref(), None, exec)?;
    let init_pos = init_pos(cells, step.init_pos.as_deref(), exec).map_err(|error| error.in_file(cells.location()))?;
    let options = UmapOptions { init_pos, ..options };
    let umap = umap(&graph, &options, exec).map_err(|error| match error.kind() {
        crate::ErrorKind::Invalid => error.at(format!("obsp/{name}")).in_file(cells.location()),
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

/// Where points begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning<'a> {
    /// As the graph says.
    Spectral,
    /// Anywhere.
    Random,
    /// At an entry of `obsm`.
    Embedding(&'a str),
}

/// What an `init_pos` stands for, among the names in `obsm`. Like scanpy, an entry of `obsm` comes before a method of the
/// same name.
///
/// # Errors
/// `Argument` if there is nothing by this name.
pub fn beginning<'a>(known: &[String], init_pos: Option<&'a str>) -> Result<Beginning<'a>> {
    let has = |name: &str| known.iter().any(|known| known == name);
    let name = match init_pos.unwrap_or("spectral") {
        "spectral" if !has("spectral") => return Ok(Beginning::Spectral),
        "random" if !has("random") => return Ok(Beginning::Random),
        "pca" if !has("pca") => "X_pca",
        name => name,
    };
    if has(name) {
        return Ok(Beginning::Embedding(name));
    }
    let error = Error::argument("nothing stands there to begin with").at(format!("obsm/{name}"));
    Err(error.hint("expected spectral, random, pca, or an entry of obsm"))
}

fn init_pos(cells: &dyn Cells, name: Option<&str>, exec: &Exec) -> Result<InitPos> {
    let name = match beginning(&cells.embeddings(), name)? {
        Beginning::Spectral => return Ok(InitPos::Spectral),
        Beginning::Random => return Ok(InitPos::Random),
        Beginning::Embedding(name) => name,
    };
    let at = format!("obsm/{name}");
    match cells.read(Slot::Obsm(name), exec)?.into_owned() {
        Element::Array(DenseArray { shape, values }) if shape.len() == 2 && values.dtype() != DType::Str => {
            match values.cast(DType::F32) {
                Ok(Buffer::F32(values)) => Ok(InitPos::Given { values, columns: shape.get(1).copied().unwrap_or(0) }),
                _ => Err(Error::invalid("holds no numbers that fit single precision").at(at)),
            }
        }
        other => Err(Error::invalid(format!("is a {}, a matrix of numbers expected", other.kind())).at(at)),
    }
}
