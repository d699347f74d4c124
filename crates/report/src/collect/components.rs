//! The variance of principal components.

use annstream_core::Result;

use super::{Source, rounded};
use crate::report::Components;
use crate::uns;

pub(super) fn components(source: &mut Source<'_>) -> Result<Option<Components>> {
    let stored = uns::mapping(source.file, "pca")?;
    let numbers = |name: &str| {
        let values = uns::numbers(stored.as_ref()?.get(name)?)?;
        Some(values.into_iter().map(|value| rounded(value, 7)).collect::<Vec<f64>>())
    };
    let Some(variance_ratio) = numbers("variance_ratio").filter(|ratio| !ratio.is_empty()) else {
        source.lacks("components", "There is no uns[\"pca\"][\"variance_ratio\"].", "annstream pca IN -o OUT");
        return Ok(None);
    };
    Ok(Some(Components { variance_ratio, variance: numbers("variance").unwrap_or_default() }))
}
