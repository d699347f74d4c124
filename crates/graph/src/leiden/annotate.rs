//! Communities of the cells of a file, and what scanpy stores of them.

use annstream_core::Exec;
use annstream_core::edit::Additions;
use annstream_core::element::{Dict, Element};
use annstream_core::table::{Column, Factor};
use annstream_store::Buffer;
use serde::{Deserialize, Serialize};

use super::labels::{Named, category_names, restricted_names};
use super::options::LeidenOptions;
use super::run::{Leiden, leiden};
use crate::inputs::Cells;
use crate::{Error, Result};

/// Cells of some groups only: the others keep the names that they have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// Column of `obs`.
    pub column: String,
    /// Names of groups there.
    pub groups: Vec<String>,
}

/// Where the graph is, and where the communities go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeidenStep {
    /// How communities are found.
    #[serde(flatten)]
    pub options: LeidenOptions,
    /// Which cells are looked at; all, unless given.
    pub restrict_to: Option<Restriction>,
    /// Name of the column of `obs` and of the entry of `uns`; `leiden` unless given, and `leiden_R` for that if cells are
    /// restricted.
    pub key_added: Option<String>,
    /// Entry of `uns` that tells the graph; `neighbors` unless given.
    pub neighbors_key: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotated {
    /// The communities of the cells that were looked at.
    pub leiden: Leiden,
    /// Name of the column and of the entry.
    pub key: String,
    /// `obs[key]`, and `uns[key]` with `params` and `modularity`.
    pub additions: Additions,
}

impl LeidenStep {
    /// Name of the column of `obs` and of the entry of `uns`.
    pub fn key(&self) -> &str {
        match (self.key_added.as_deref().unwrap_or("leiden"), &self.restrict_to) {
            ("leiden", Some(_)) => "leiden_R",
            (key, _) => key,
        }
    }

    /// Refuses options that make no sense, before any data are read.
    ///
    /// # Errors
    /// `Argument` for a number out of range.
    pub fn check(&self) -> Result<()> {
        self.options.check(self.options.initial.as_ref().map_or(0, Vec::len))
    }
}

/// Finds communities of cells: what `scanpy.tl.leiden` assigns. Looks at one graph; memory as for [`leiden`] and the
/// graph.
///
/// # Errors
/// `Argument` for options that make no sense, `NotFound` if there is no graph, `Invalid` if it is damaged or has weights
/// that are negative or no finite numbers, `Memory` if the budget is too small.
pub fn annotate(cells: &dyn Cells, step: &LeidenStep, exec: &Exec) -> Result<Annotated> {
    let restricted = step.restrict_to.as_ref().map(|restriction| restrict(cells, restriction)).transpose()?;
    let kept = restricted.as_ref().map(|(_, kept)| kept.as_slice());
    let (name, graph) = cells.graph(step.neighbors_key.as_deref(), kept, exec)?;
    let place = |error: Error| error.at(format!("obsp/{name}")).in_file(cells.location());
    let found = leiden(&graph, &step.options, exec).map_err(place)?;
    drop(graph);
    let key = step.key().to_owned();
    let (names, codes): Named = match (&step.restrict_to, &restricted) {
        (Some(restriction), Some((column, kept))) => restricted_names(column, &restriction.groups, kept, &found.labels),
        _ => (category_names(found.sizes.len()), found.labels.clone()),
    };
    let codes = codes.into_iter().map(i32::try_from).collect::<std::result::Result<_, _>>();
    let codes = codes.map_err(|_| Error::unsupported("more than 2^31 communities"))?;
    let mut additions = Additions::default();
    let categories = Box::new(Column::text(names));
    additions.obs.insert(key.clone(), Column::Categorical { codes, categories, ordered: false });
    additions.set_uns([key.as_str()], parameters(&step.options, &found)?);
    Ok(Annotated { leiden: found, key, additions })
}

/// The entry of `uns`.
fn parameters(options: &LeidenOptions, found: &Leiden) -> Result<Element> {
    let seed = i64::try_from(options.seed).map_err(|_| Error::argument("the seed is 2^63 or more"))?;
    let params = Dict::from_iter([
        ("resolution".to_owned(), Element::Scalar(Buffer::F64(vec![options.resolution]))),
        ("random_state".to_owned(), Element::Scalar(Buffer::I64(vec![seed]))),
        ("n_iterations".to_owned(), Element::Scalar(Buffer::I64(vec![options.n_iterations]))),
    ]);
    let modularity = Element::Scalar(Buffer::F64(vec![found.modularity]));
    Ok(Element::Dict(Dict::from_iter([
        ("params".to_owned(), Element::Dict(params)),
        ("modularity".to_owned(), modularity),
    ])))
}

/// The groups of the cells, and whether each is looked at.
fn restrict(cells: &dyn Cells, restriction: &Restriction) -> Result<(Factor, Vec<bool>)> {
    let Restriction { column: name, groups } = restriction;
    let Some(column) = cells.column(name)? else {
        return Err(Error::argument(format!("obs has no column '{name}'")).in_file(cells.location()));
    };
    let factor = Factor::of(&column)?;
    let mut wanted = vec![false; factor.names.len()];
    for group in groups {
        let known = factor.names.iter().position(|name| name == group);
        let message = || Error::argument(format!("no cell has '{group}' in the column '{name}' of obs"));
        let known = known.ok_or_else(message).map_err(|error| error.in_file(cells.location()))?;
        wanted[known] = true;
    }
    let kept = factor.codes.iter().map(|code| code.is_some_and(|code| wanted[code as usize])).collect();
    Ok((factor, kept))
}
