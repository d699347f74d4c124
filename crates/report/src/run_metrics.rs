//! What `annstream run --metrics` wrote.

use annstream_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Time, memory, filters and the recipe of a run. What an older version did not write is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunMetrics {
    /// Version of the program that ran.
    #[serde(default)]
    pub version: Option<String>,
    /// The inputs.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// The steps and their options.
    #[serde(default)]
    pub recipe: Option<Value>,
    /// What was done.
    pub report: RunReport,
    /// What it took of the machine.
    #[serde(default)]
    pub process: RunProcess,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Cells and genes of the input.
    pub input_shape: [u64; 2],
    /// Cells and genes of the result.
    pub shape: [u64; 2],
    /// Passes over the matrix.
    #[serde(default)]
    pub passes: Option<u64>,
    /// What each filter removed.
    #[serde(default)]
    pub filters: Vec<RunFilter>,
    /// Time of the stages.
    #[serde(default)]
    pub stages: Vec<RunStage>,
    /// What the user was told.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFilter {
    /// `cells` or `genes`.
    pub axis: String,
    /// The condition.
    pub rule: String,
    /// How many it removed, of those that the filters before it left.
    pub removed: u64,
    /// How many it left.
    pub left: u64,
}

/// A stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunStage {
    /// Its name.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
    /// Seconds of processor time.
    #[serde(default)]
    pub cpu_seconds: f64,
}

/// What a process took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunProcess {
    /// Seconds.
    #[serde(default)]
    pub wall_seconds: Option<f64>,
    /// Seconds of processor time.
    #[serde(default)]
    pub cpu_seconds: Option<f64>,
    /// Most memory held, in bytes.
    #[serde(default)]
    pub peak_rss: Option<u64>,
    /// Bytes read.
    #[serde(default)]
    pub bytes_read: Option<u64>,
    /// Bytes written.
    #[serde(default)]
    pub bytes_written: Option<u64>,
}

impl RunMetrics {
    /// From the text of the file.
    ///
    /// # Errors
    /// `Argument` if it is not what `run --metrics` writes.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            Error::argument(format!("not the metrics of a run: {error}"))
                .hint("give the file that annstream run --metrics wrote")
        })
    }
}
