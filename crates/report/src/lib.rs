//! A page about a processed file, and figures for papers.
//!
//! [`collect()`] looks at a file and gives a [`Report`]: plain data, a few megabytes at most however many cells there are.
//! [`page()`] puts it into one HTML file that needs nothing else; [`figures`] draws it as SVG and PNG. Both show what stands
//! in the report and look at nothing else, so that they agree.
//!
//! What a file lacks is not an error: the part is left out, and [`Report::missing`] says which command makes it.
//!
//! The page is made of the files under `assets/page`, a charting library and the report as JSON, between script tags. Texts
//! from the file are data there, never markup.

mod category;
mod collect;
mod density;
mod embedding;
mod expression;
pub mod figures;
mod methods;
mod options;
mod pack;
mod page;
mod palette;
mod report;
mod run_metrics;
mod uns;

pub use annstream_core::{Error, Exec, Result};
pub use collect::collect;
pub use options::ReportOptions;
pub use page::page;
pub use report::Report;
pub use run_metrics::RunMetrics;
