//! What a recipe runs on: one input, or several as their concatenation.

use annstream_core::anndata::usual_compression;
use annstream_core::concat::{Apart, ConcatPlan, Input, apart, plan};
use annstream_core::source::worth_keeping;
use annstream_core::{Exec, Result};
use annstream_pipeline::{Names, Recipe};
use annstream_sc::pipeline::Matrix;
use annstream_store::Compression;

use super::inputs::{Joining, Named, open_all};
use super::writing::Writing;

/// Inputs that were looked at: nothing was read but headers and indexes.
#[expect(clippy::large_enum_variant, reason = "there is one, for a moment")]
pub(crate) enum Opened {
    /// One file.
    One(Input),
    /// Several, and what their concatenation will be.
    Several(Vec<Input>, Box<ConcatPlan>),
}

/// Tables and rows to work on.
pub(crate) struct Ready {
    pub(crate) tables: Tables,
    /// The rows.
    pub(crate) matrix: Matrix,
    /// Compression of the result.
    pub(crate) compression: Compression,
}

/// Everything but the matrix.
pub(crate) enum Tables {
    /// Of a file.
    File(Input),
    /// Of several.
    Apart(Apart),
}

impl Opened {
    /// Opens the inputs. A single one is taken as it is, unless a label or a suffix is asked for.
    pub(crate) fn new(named: &[Named], joining: &Joining, writing: &Writing, exec: &Exec) -> Result<Self> {
        if let [one] = named
            && !joining.changes_one()
        {
            return writing.open(&one.path).map(Self::One);
        }
        let mut spec = joining.spec(named)?;
        spec.compression = writing.compression;
        let inputs = open_all(named, writing.open_options(), exec)?;
        let plan = plan(&inputs, &spec, exec)?;
        Ok(Self::Several(inputs, Box::new(plan)))
    }

    /// What the user should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        match self {
            Self::One(input) => input.file.warnings(),
            Self::Several(_, plan) => plan.summary.warnings.clone(),
        }
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::One(input) => input.name.clone(),
            Self::Several(inputs, _) => inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(" + "),
        }
    }

    /// What it has, by name.
    pub(crate) fn names(&self) -> Names {
        match self {
            Self::One(input) => Names::of_file(&input.file),
            Self::Several(_, plan) => Names::of_plan(plan),
        }
    }

    /// Rows and columns.
    pub(crate) fn shape(&self) -> [u64; 2] {
        match self {
            Self::One(input) => [input.file.n_obs() as u64, input.file.n_vars() as u64],
            Self::Several(_, plan) => plan.summary.shape,
        }
    }

    /// Opens the matrix, if the recipe reads it: what must be sorted is sorted, and what is joined is joined.
    pub(crate) fn ready(self, recipe: &Recipe, writing: &Writing, exec: &Exec) -> Result<Ready> {
        let read = self.names().reader_of_x(recipe)?.is_some();
        match self {
            Self::One(input) if !read => {
                let compression = writing.compression.unwrap_or_else(|| usual_compression([&input.file]));
                let matrix = Matrix::unread(&input.file);
                Ok(Ready { tables: Tables::File(input), matrix, compression })
            }
            Self::One(input) => {
                let matrix = Matrix::of_file(&input.file, exec).map_err(|error| error.in_file(&input.name))?;
                let compression = writing.compression.unwrap_or_else(|| usual_compression([&input.file]));
                Ok(Ready { tables: Tables::File(input), matrix, compression })
            }
            Self::Several(inputs, plan) => {
                let usual = || usual_compression(inputs.iter().map(|input| &input.file));
                let compression = writing.compression.unwrap_or_else(usual);
                let apart = apart(&inputs, &plan, exec)?;
                let slow = inputs.iter().any(|input| input.file.x().is_some_and(|x| worth_keeping(&input.file, x)));
                let matrix = Matrix::stacked(apart.x.clone(), slow);
                Ok(Ready { tables: Tables::Apart(apart), matrix, compression })
            }
        }
    }
}

impl Tables {
    /// As a file.
    pub(crate) fn input(&self) -> &Input {
        match self {
            Self::File(input) => input,
            Self::Apart(apart) => &apart.rest,
        }
    }
}
