//! Operators by name: what Python says, and what pickles say again.
//!
//! A new operator is an arm in [`build`]. Its parameters are plain numbers and numpy arrays. Arrays speak of the rows and
//! columns of the matrix *to which the operator is applied*, by position; [`Place`] brings them into the ids of the root.

use std::sync::Arc;

use annstream_core::lazy::RowOp;
use annstream_core::op::{
    Design, Deviations, DivideRows, Log1p, LogNormalize, PearsonResiduals, Regress, Scale, ToDouble, ToSingle,
};
use annstream_sc::downsample::Downsample;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::IntoPython;
use crate::settings;

/// An operator, and how it was asked for.
#[derive(Clone)]
pub(crate) struct Step {
    /// Its name.
    pub(crate) name: String,
    /// Its parameters, in positions.
    pub(crate) params: Arc<Py<PyDict>>,
    /// What the positions mean.
    pub(crate) place: Place,
    /// The operator itself.
    pub(crate) op: Arc<dyn RowOp>,
    /// What does in one step, and to the same bits, what this operator and the one before it do.
    pub(crate) fused: Option<Fused>,
}

/// Divided rows and their logarithms.
#[derive(Clone)]
pub(crate) struct Fused {
    pub(crate) op: LogNormalize,
    /// What a logarithm is multiplied with before it is taken back.
    pub(crate) factor: f64,
}

/// One operator for the last of a matrix and the one that follows, if there is such a one.
pub(crate) fn fuse(last: &Step, name: &str, params: &Bound<'_, PyDict>) -> PyResult<Option<Fused>> {
    if (last.name.as_str(), name) != ("divide_rows", "log1p") {
        return Ok(None);
    }
    let divisors = Given { name: &last.name, params: last.params.bind(params.py()) }.needed("divisors")?;
    let base = Given { name, params }.number("base")?;
    let op = LogNormalize::new(last.place.rows(divisors)?, base);
    Ok(Some(Fused { op, factor: base.map_or(1.0, f64::ln) }))
}

/// The ids in the root of the rows and columns of a matrix; `None` for all, in order.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) rows: Option<Arc<[u32]>>,
    pub(crate) columns: Option<Arc<[u32]>>,
    /// Rows and columns of the root.
    pub(crate) root: [usize; 2],
}

/// Names of the parameters that have a value for each row, and of those that have one for each column.
pub(crate) fn along(name: &str) -> (bool, bool) {
    match name {
        "divide_rows" | "log_normalize" | "downsample" => (true, false),
        "scale" | "deviations" => (false, true),
        "pearson_residuals" | "regress" => (true, true),
        _ => (false, false),
    }
}

/// Makes an operator.
pub(crate) fn build(name: &str, params: &Bound<'_, PyDict>, place: &Place) -> PyResult<Arc<dyn RowOp>> {
    let given = Given { name, params };
    Ok(match name {
        "to_single" => Arc::new(ToSingle),
        "to_double" => Arc::new(ToDouble),
        "log1p" => Arc::new(Log1p { base: given.number("base")? }),
        "divide_rows" => Arc::new(DivideRows::new(place.rows(given.needed("divisors")?)?)),
        "log_normalize" => {
            let divisors = place.rows(given.needed("divisors")?)?;
            let op = LogNormalize::new(divisors, given.number("base")?);
            if given.flag("and_back")? { Arc::new(op.and_back()) } else { Arc::new(op) }
        }
        "scale" => Arc::new(given.scale(place)?),
        "deviations" => Arc::new(Deviations(given.scale(place)?)),
        "pearson_residuals" => Arc::new(PearsonResiduals {
            rows: place.rows(given.needed("rows")?)?.into(),
            columns: place.columns(given.needed("columns")?)?.into(),
            total: given.number("total")?.ok_or_else(|| given.missing("total"))?,
            theta: given.number("theta")?.unwrap_or(100.0),
            clip: given.number("clip")?.unwrap_or(f64::INFINITY),
            double: given.flag("double")?,
        }),
        "regress" => given.regress(place)?,
        "downsample" => Arc::new(given.downsample(place)?),
        _ => return Err(PyValueError::new_err(format!("there is no operator '{name}'"))),
    })
}

struct Given<'a, 'py> {
    name: &'a str,
    params: &'a Bound<'py, PyDict>,
}

impl Given<'_, '_> {
    fn missing(&self, param: &str) -> PyErr {
        PyTypeError::new_err(format!("operator '{}' needs '{param}'", self.name))
    }

    fn number(&self, param: &str) -> PyResult<Option<f64>> {
        match self.params.get_item(param)? {
            Some(value) if !value.is_none() => value.extract().map(Some),
            _ => Ok(None),
        }
    }

    fn flag(&self, param: &str) -> PyResult<bool> {
        self.params.get_item(param)?.map_or(Ok(false), |value| value.extract())
    }

    fn values(&self, param: &str) -> PyResult<Option<Vec<f64>>> {
        match self.params.get_item(param)? {
            Some(value) if !value.is_none() => {
                Ok(Some(value.extract::<PyReadonlyArray1<'_, f64>>()?.as_array().to_vec()))
            }
            _ => Ok(None),
        }
    }

    fn needed(&self, param: &str) -> PyResult<Vec<f64>> {
        self.values(param)?.ok_or_else(|| self.missing(param))
    }

    fn whole(&self, param: &str) -> PyResult<u64> {
        self.params.get_item(param)?.ok_or_else(|| self.missing(param))?.extract()
    }

    /// `seed`, `replace`, and `targets` (rows); or `before` (rows), `total` and `target`.
    fn downsample(&self, place: &Place) -> PyResult<Downsample> {
        let budget = settings::exec().into_python()?.budget().clone();
        let seed = u32::try_from(self.whole("seed")?).map_err(|_| PyValueError::new_err("a seed is below 2^32"))?;
        let replace = self.flag("replace")?;
        if let Some(targets) = self.params.get_item("targets")? {
            let targets = targets.extract::<PyReadonlyArray1<'_, u64>>()?.as_array().to_vec();
            return Ok(Downsample::of_rows(place.rows(targets)?, seed, replace, &budget));
        }
        let before = place.rows(self.needed("before")?)?;
        let total = self.number("total")?.ok_or_else(|| self.missing("total"))?;
        Downsample::of_all(before, total, self.whole("target")?, (seed, replace), &budget).into_python()
    }

    fn scale(&self, place: &Place) -> PyResult<Scale> {
        Ok(Scale {
            means: self.values("means")?.map(|means| place.columns(means)).transpose()?.map(Arc::from),
            deviations: place.columns(self.needed("deviations")?)?.into(),
            limit: self.number("limit")?,
        })
    }

    /// `numbers` (rows x terms) or `groups` (rows), and `coefficients` (terms or groups x columns).
    fn regress(&self, place: &Place) -> PyResult<Arc<dyn RowOp>> {
        let coefficients = self.params.get_item("coefficients")?.ok_or_else(|| self.missing("coefficients"))?;
        let coefficients = coefficients.extract::<PyReadonlyArray2<'_, f64>>()?;
        let mut spread = Vec::with_capacity(coefficients.as_array().nrows() * place.root[1]);
        for term in coefficients.as_array().rows() {
            spread.extend(place.columns(term.to_vec())?);
        }
        let design = match self.params.get_item("groups")? {
            Some(groups) if !groups.is_none() => {
                let groups = groups.extract::<PyReadonlyArray1<'_, u32>>()?.as_array().to_vec();
                Design::Groups(place.rows(groups)?.into())
            }
            _ => {
                let numbers = self.params.get_item("numbers")?.ok_or_else(|| self.missing("numbers"))?;
                let numbers = numbers.extract::<PyReadonlyArray2<'_, f64>>()?;
                let (rows, terms) = numbers.as_array().dim();
                Place::check(rows, place.rows.as_ref(), place.root[0], "rows")?;
                let mut all = vec![0.0; place.root[0] * terms];
                for (position, row) in numbers.as_array().rows().into_iter().enumerate() {
                    let id = place.rows.as_ref().map_or(position, |ids| ids[position] as usize);
                    all[id * terms..(id + 1) * terms].copy_from_slice(&row.to_vec());
                }
                Design::Numbers(all.into(), terms)
            }
        };
        Ok(Arc::new(Regress { design, coefficients: spread.into(), width: place.root[1] }))
    }
}

impl Place {
    /// Values of rows by their ids; what nobody sees is the default.
    fn rows<T: Copy + Default>(&self, values: Vec<T>) -> PyResult<Vec<T>> {
        Self::check(values.len(), self.rows.as_ref(), self.root[0], "rows")?;
        Ok(spread(values, self.rows.as_deref(), self.root[0]))
    }

    /// Values of columns by their ids.
    fn columns<T: Copy + Default>(&self, values: Vec<T>) -> PyResult<Vec<T>> {
        Self::check(values.len(), self.columns.as_ref(), self.root[1], "columns")?;
        Ok(spread(values, self.columns.as_deref(), self.root[1]))
    }

    fn check(found: usize, ids: Option<&Arc<[u32]>>, all: usize, what: &str) -> PyResult<()> {
        let expected = ids.map_or(all, |ids| ids.len());
        if found == expected {
            return Ok(());
        }
        Err(PyValueError::new_err(format!("{found} values for {expected} {what}")))
    }
}

fn spread<T: Copy + Default>(values: Vec<T>, ids: Option<&[u32]>, all: usize) -> Vec<T> {
    let Some(ids) = ids else { return values };
    let mut out = vec![T::default(); all];
    for (&id, value) in ids.iter().zip(values) {
        out[id as usize] = value;
    }
    out
}
