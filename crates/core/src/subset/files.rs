//! Names of files from values of a column.

use std::collections::HashSet;

use crate::{Error, Result};

/// Longest part of a name that comes from a value.
const LONGEST: usize = 120;

/// One file name for each key: the template with `{key}` replaced. Letters, digits and `. _ - + = @ ,` of any script stay;
/// everything else becomes `_`, a name does not begin with a dot, and names that would be the same, also on a file system
/// that does not tell upper from lower case, get `-2`, `-3` and so on.
///
/// # Errors
/// `Argument` if the template has no `{key}`, or names a folder.
pub fn file_names(template: &str, keys: &[String]) -> Result<Vec<String>> {
    let wrong =
        |message: &str| Error::argument(format!("the template '{template}' {message}")).hint("such as {key}.h5ad");
    let Some((before, after)) = template.split_once("{key}") else { return Err(wrong("has no {key}")) };
    if template.contains(['/', '\0']) || template.contains('\\') {
        return Err(wrong("names a folder; give that with --output"));
    }
    if after.contains("{key}") {
        return Err(wrong("has more than one {key}"));
    }
    let mut taken = HashSet::new();
    let mut names = Vec::with_capacity(keys.len());
    for key in keys {
        let safe = safe(key, before.is_empty());
        let mut name = format!("{before}{safe}{after}");
        let mut count = 2;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{before}{safe}-{count}{after}");
            count += 1;
        }
        names.push(name);
    }
    Ok(names)
}

fn safe(key: &str, first: bool) -> String {
    let mut out = String::new();
    for c in key.chars() {
        let c = if c.is_alphanumeric() || "._-+=@,".contains(c) { c } else { '_' };
        if out.len() + c.len_utf8() > LONGEST {
            break;
        }
        out.push(c);
    }
    if out.is_empty() || (first && out.starts_with(['.', '-'])) {
        out.insert(0, '_');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(template: &str, keys: &[&str]) -> Vec<String> {
        file_names(template, &keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn names_are_safe_and_differ() {
        let keys = ["T cell", "T/cell", "t_cell", "..", "", "β+", "-x", "../../etc/passwd"];
        let expected = ["T_cell", "T_cell-2", "t_cell-3", "_..", "_", "β+", "_-x", "_.._.._etc_passwd"];
        assert_eq!(names("{key}", &keys), expected);
        assert_eq!(names("a-{key}.zarr", &["."]), ["a-..zarr"]);
        assert!(names("{key}.h5ad", &["x".repeat(500).as_str()])[0].len() < 200);
        for template in ["out.h5ad", "x/{key}.h5ad", "{key}{key}"] {
            assert!(file_names(template, &[]).is_err(), "{template}");
        }
    }
}
