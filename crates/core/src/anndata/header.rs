//! Finding the parts of an AnnData file, old and new, and checking that their sizes agree.

use annstream_store::{ArrayType, Error, NodeKind, Result};
use indexmap::IndexMap;

use super::context::join;
use super::encoding::{Encoding, dict, values};
use super::{DenseHeader, MatrixHeader, ReadContext, TableHeader, legacy};

/// `raw`: a second matrix with the same observations and variables of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct RawHeader {
    /// Its matrix.
    pub x: Option<MatrixHeader>,
    /// Its variables.
    pub var: TableHeader,
    /// Its `varm`.
    pub varm: IndexMap<String, MatrixHeader>,
}

/// Everything found in a file, before it is wrapped.
pub(crate) struct Parts {
    pub(crate) x: Option<MatrixHeader>,
    pub(crate) obs: TableHeader,
    pub(crate) var: TableHeader,
    pub(crate) layers: IndexMap<String, MatrixHeader>,
    pub(crate) obsm: IndexMap<String, MatrixHeader>,
    pub(crate) varm: IndexMap<String, MatrixHeader>,
    pub(crate) obsp: IndexMap<String, MatrixHeader>,
    pub(crate) varp: IndexMap<String, MatrixHeader>,
    pub(crate) raw: Option<RawHeader>,
    pub(crate) uns: Vec<String>,
    /// Paths below `uns` that belong elsewhere.
    pub(crate) hidden: Vec<String>,
    pub(crate) legacy: bool,
}

const MEMBERS: [&str; 10] = ["X", "obs", "var", "obsm", "varm", "obsp", "varp", "layers", "uns", "raw"];

/// Looks at everything.
pub(crate) fn find(context: &ReadContext) -> Result<Parts> {
    let root = Encoding::of(&context.attrs("")?);
    let children = context.store.children("")?;
    check_root(context, &root, &children)?;
    for name in children.iter().filter(|name| !MEMBERS.contains(&name.as_str()) && !name.starts_with("raw.")) {
        context.warnings.push(format!("{name}: not a part of AnnData; it is left aside"));
    }
    let mut obs = TableHeader::open(context, "obs")?;
    let mut var = TableHeader::open(context, "var")?;
    let mut hidden = Vec::new();
    if context.is_array("obs")? {
        hidden = legacy::adopt_categories(context, [&mut obs, &mut var])?;
    }
    let x = if context.has("X")? { MatrixHeader::open(context, "X")? } else { None };
    let mut obsp = mapping(context, "obsp")?;
    for (name, header) in legacy::stray_graphs(context)? {
        if header.shape() == [obs.len(), obs.len()] {
            context.warnings.push(format!("{}: moved to obsp/{name}, where graphs belong", header.path()));
            hidden.push(header.path().to_owned());
            obsp.insert(name.to_owned(), header);
        } else {
            context.warnings.push(format!("{}: shape does not match obs; left in uns", header.path()));
        }
    }
    let legacy = root.name.is_empty();
    if legacy {
        context.warnings.push("written by an old version of anndata, without encoding of the file");
    }
    let mut uns = dict::names(context, "uns")?;
    uns.retain(|name| !hidden.contains(&join("uns", name)));
    let parts = Parts {
        layers: mapping(context, "layers")?,
        obsm: mapping(context, "obsm")?,
        varm: mapping(context, "varm")?,
        varp: mapping(context, "varp")?,
        raw: find_raw(context, &children)?,
        x,
        obs,
        var,
        obsp,
        uns,
        hidden,
        legacy,
    };
    parts.check()?;
    Ok(parts)
}

fn check_root(context: &ReadContext, root: &Encoding, children: &[String]) -> Result<()> {
    let has = |name: &str| children.iter().any(|child| child == name);
    if has("obs") && has("var") && matches!(root.name.as_str(), "" | "anndata" | "dict") {
        return Ok(());
    }
    let error = match root.name.as_str() {
        "" | "anndata" | "dict" if has("obs") => Error::invalid("is not AnnData: it has no 'var'"),
        "" | "anndata" | "dict" => Error::invalid("is not AnnData: it has no 'obs'"),
        other => Error::invalid(format!("is not AnnData: its encoding is '{other}'")),
    };
    Err(if has("matrix") && has("row_attrs") && has("col_attrs") {
        error.hint("this looks like a loom file; convert it with anndata.io.read_loom")
    } else if children.iter().any(|name| context.has(&join(name, "barcodes")).unwrap_or(false)) {
        error.hint("this looks like a 10x Genomics matrix; convert it with scanpy.read_10x_h5")
    } else if has("mod") || root.name == "MuData" {
        error.hint("this looks like MuData; write one modality with mudata's mdata['name'].write_h5ad")
    } else {
        error.hint("an AnnData file has at least 'obs' and 'var'")
    })
}

/// The entries of a mapping of matrices; none if it is absent or null. In files before 0.7 it may be one record array,
/// each field a matrix.
fn mapping(context: &ReadContext, path: &str) -> Result<IndexMap<String, MatrixHeader>> {
    if context.is_array(path)?
        && let ArrayType::Records(_) = values::info(context, path)?.dtype
    {
        return fields(context, path).map_err(|error| error.at(path));
    }
    let mut entries = IndexMap::new();
    for name in dict::names(context, path)? {
        let member = join(path, &name);
        match MatrixHeader::open(context, &member)? {
            Some(header) => drop(entries.insert(name, header.into_matrix())),
            None => context.warnings.push(format!("{member}: is null; it is left aside")),
        }
    }
    Ok(entries)
}

fn fields(context: &ReadContext, path: &str) -> Result<IndexMap<String, MatrixHeader>> {
    let info = values::info(context, path)?;
    let rows = values::shape_of(&info)?;
    let ArrayType::Records(fields) = info.dtype else { return Ok(IndexMap::new()) };
    let width = |extent| usize::try_from(extent).map_err(|_| Error::invalid("a field exceeds this machine's memory"));
    let count = fields.len().max(1) as u64;
    let mut entries = IndexMap::new();
    for (i, field) in fields.into_iter().enumerate() {
        let mut shape = rows.clone();
        for extent in field.shape {
            shape.push(width(extent)?);
        }
        let header = MatrixHeader::Dense(DenseHeader {
            path: path.to_owned(),
            field: Some(i),
            shape,
            dtype: field.dtype,
            compression: info.compression,
            chunk: None,
            stored_bytes: info.stored_bytes / count,
        });
        entries.insert(field.name, header.into_matrix());
    }
    Ok(entries)
}

/// `raw`, as a group or, in files before 0.7, as `raw.X`, `raw.var` and `raw.varm` at the root.
fn find_raw(context: &ReadContext, children: &[String]) -> Result<Option<RawHeader>> {
    let old = children.iter().any(|name| name.starts_with("raw."));
    let group = context.store.node("raw")? == Some(NodeKind::Group);
    let group = group && (context.has("raw/X")? || context.has("raw/var")? || context.has("raw/varm")?);
    let [x, var, varm] = match (group, old) {
        (true, true) => return Err(Error::invalid("both 'raw' and the old 'raw.X' are there; one expected")),
        (true, false) => ["raw/X", "raw/var", "raw/varm"],
        (false, true) => ["raw.X", "raw.var", "raw.varm"],
        (false, false) => return Ok(None),
    };
    Ok(Some(RawHeader {
        x: if context.has(x)? { MatrixHeader::open(context, x)? } else { None },
        var: TableHeader::open(context, var)?,
        varm: mapping(context, varm)?,
    }))
}

impl Parts {
    fn check(&self) -> Result<()> {
        let (obs, var) = (self.obs.len(), self.var.len());
        if let Some(x) = &self.x {
            check_matrix(x, "X", obs, var)?;
        }
        for (name, header) in &self.layers {
            check_matrix(header, &join("layers", name), obs, var)?;
        }
        check_rows(&self.obsm, "obsm", obs, "observations")?;
        check_rows(&self.varm, "varm", var, "variables")?;
        for (entries, at, extent) in [(&self.obsp, "obsp", obs), (&self.varp, "varp", var)] {
            for (name, header) in entries {
                check_square(header, &join(at, name), extent)?;
            }
        }
        if let Some(raw) = &self.raw {
            if let Some(x) = &raw.x {
                check_matrix(x, "raw/X", obs, raw.var.len())?;
            }
            check_rows(&raw.varm, "raw/varm", raw.var.len(), "variables of raw")?;
        }
        Ok(())
    }
}

fn check_matrix(header: &MatrixHeader, at: &str, rows: usize, columns: usize) -> Result<()> {
    let shape = header.shape();
    if !matches!(header, MatrixHeader::Sparse(_) | MatrixHeader::Dense(_)) && shape.len() != 2 {
        let what = match header {
            MatrixHeader::Other { kind, .. } => kind.as_str(),
            _ => "table",
        };
        let message = format!("is neither a sparse nor a dense matrix: its encoding is '{what}'");
        return Err(Error::unsupported(message).at(at).hint("if a newer anndata wrote it, look for a newer annstream"));
    }
    if shape == [rows, columns] {
        return Ok(());
    }
    let message = format!("has shape {shape:?}, {rows} observations and {columns} variables expected");
    Err(Error::invalid(message).at(at))
}

fn check_rows(entries: &IndexMap<String, MatrixHeader>, at: &str, rows: usize, what: &str) -> Result<()> {
    for (name, header) in entries {
        let shape = header.shape();
        let unknown = shape.is_empty() && matches!(header, MatrixHeader::Other { .. });
        if !unknown && shape.first() != Some(&rows) {
            return Err(Error::invalid(format!("has shape {shape:?}, {rows} {what} expected")).at(join(at, name)));
        }
    }
    Ok(())
}

fn check_square(header: &MatrixHeader, at: &str, extent: usize) -> Result<()> {
    let shape = header.shape();
    let unknown = shape.len() < 2 && matches!(header, MatrixHeader::Other { .. });
    if !unknown && (shape.len() < 2 || shape[..2] != [extent, extent]) {
        return Err(Error::invalid(format!("has shape {shape:?}, [{extent}, {extent}] expected")).at(at));
    }
    Ok(())
}
