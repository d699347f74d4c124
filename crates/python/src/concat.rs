//! [`Concat`]: a concatenation that several processes write.

use std::path::PathBuf;

use annstream_core::concat::{
    Axis, ConcatPlan, ConcatSpec, Input, Share, Shared, execute_around, plan, shared, write_share,
};
use annstream_core::{Exec, Result};
use annstream_store::{Compression, CreateOptions, create};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::IntoPython;
use crate::job;
use crate::write::{fill, inputs_of, options};

/// Inputs that are open, and what will be made of them. Cells are appended, the output is zarr of format 3.
#[pyclass(frozen, module = "annstream._annstream")]
pub(crate) struct Concat {
    inputs: Vec<Input>,
    plan: ConcatPlan,
    /// Bytes of a shard.
    shard: u64,
}

/// First value and end, first row and end, place of the first value of these rows.
type Places = (u64, u64, u64, u64, u64);
/// Path of a matrix, values of each row, shares.
type Cut<'py> = (String, Bound<'py, PyArray1<u64>>, Vec<Places>);

impl Concat {
    fn options(&self, exec: &Exec) -> Result<CreateOptions> {
        let mut options = options(3, exec, true)?;
        options.zarr.shard = self.shard;
        Ok(options)
    }
}

#[pymethods]
impl Concat {
    /// Opens the inputs and plans; `spec` has the arguments of `concat_files` that decide what the result is.
    #[new]
    fn new(
        py: Python<'_>,
        inputs: Vec<PathBuf>,
        spec: &Bound<'_, PyDict>,
        shard: u64,
        allow_external: bool,
    ) -> PyResult<Self> {
        let spec = spec_of(spec)?;
        job::run(py, |exec| {
            let inputs = inputs_of(&inputs, allow_external)?;
            let plan = plan(&inputs, &spec, exec)?;
            Ok(Self { inputs, plan, shard })
        })
    }

    /// The matrices whose values several processes can write, and the shares of each.
    fn shares<'py>(&self, py: Python<'py>) -> PyResult<Vec<Cut<'py>>> {
        let all = job::run(py, |exec| shared(&self.inputs, &self.plan, self.options(exec)?.zarr, exec))?;
        let places =
            |share: Share| (share.values.start, share.values.end, share.rows.start, share.rows.end, share.first);
        let cut = |matrix: Shared| {
            let shares = matrix.shares.into_iter().map(places).collect();
            (matrix.path, PyArray1::from_vec(py, matrix.lengths), shares)
        };
        Ok(all.into_iter().map(cut).collect())
    }

    /// Writes a share of the matrix at `path` into a store of its own.
    fn write_share(&self, py: Python<'_>, output: PathBuf, path: &str, places: Places) -> PyResult<()> {
        let (start, end, first_row, end_row, first) = places;
        let share = Share { values: start..end, rows: first_row..end_row, first };
        job::run(py, |exec| {
            let writer = create(&output, self.options(exec)?)?;
            write_share(&self.inputs, &self.plan, path, &share, writer, exec)
        })
    }

    /// Writes all but the values of some matrices, of which the values of each row are given. Returns warnings.
    fn write_around(
        &self,
        py: Python<'_>,
        output: PathBuf,
        matrices: Vec<(String, PyReadonlyArray1<'_, u64>)>,
    ) -> PyResult<Vec<String>> {
        let shared = |(path, lengths): (String, PyReadonlyArray1<'_, u64>)| Shared {
            path,
            lengths: lengths.as_array().to_vec(),
            shares: vec![],
        };
        let matrices: Vec<Shared> = matrices.into_iter().map(shared).collect();
        job::run(py, |exec| {
            let writer = create(&output, self.options(exec)?)?;
            execute_around(&self.inputs, &self.plan, &matrices, writer, exec)?;
            Ok(self.plan.summary.warnings.clone())
        })
    }
}

fn spec_of(given: &Bound<'_, PyDict>) -> PyResult<ConcatSpec> {
    let field = |name: &str| {
        given.get_item(name)?.ok_or_else(|| PyTypeError::new_err(format!("a concatenation without '{name}'")))
    };
    let text = |name: &str| field(name)?.extract::<String>();
    let fill_value = field("fill_value")?;
    Ok(ConcatSpec {
        axis: Axis::Obs,
        join: text("join")?.parse().into_python()?,
        merge: text("merge")?.parse().into_python()?,
        uns_merge: text("uns_merge")?.parse().into_python()?,
        label: field("label")?.extract()?,
        keys: field("keys")?.extract()?,
        index_unique: field("index_unique")?.extract()?,
        fill_value: if fill_value.is_none() { None } else { Some(fill(&fill_value)?) },
        pairwise: field("pairwise")?.extract()?,
        compression: field("compression")?
            .extract::<Option<String>>()?
            .map(|text| text.parse::<Compression>())
            .transpose()
            .into_python()?,
        virtual_from: None,
    })
}
