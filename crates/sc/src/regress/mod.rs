//! Regressing out what is known of the cells: `scanpy.pp.regress_out`.

mod basis;
mod covariates;
mod fit;

pub use basis::Basis;
pub use covariates::{Covariates, covariates};
pub use fit::{Prediction, Regressed, predict, regress_out};

use serde::{Deserialize, Serialize};

/// What `regress_out` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegressOptions {
    /// Columns of `obs`: numbers, or a single categorical one.
    pub keys: Vec<String>,
}
