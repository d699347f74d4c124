//! Several inputs: their names and keys, and how they are joined; what `concat` and `run` share.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annstream_core::anndata::AnnDataFile;
use annstream_core::concat::{ConcatSpec, Input, Join};
use annstream_core::{Error, Exec, Result};
use annstream_store::{OpenOptions, local_name, open};
use clap::{Args, ValueEnum};

use super::output::parse;
use super::writing::Unchanged;

/// How inputs are joined.
#[derive(Debug, Args)]
pub(crate) struct Joining {
    /// Keep the names of the other axis that all inputs have (inner) or that any has (outer)
    #[arg(long, default_value = "inner", value_parser = parse::<Join>, value_name = "inner|outer")]
    join: Join,
    /// Add a column of this name that tells the inputs apart
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// One key per input, for --label and --index-unique [default: 0,1,…]
    #[arg(long, value_delimiter = ',', value_name = "A,B,…", conflicts_with = "keys_from")]
    keys: Option<Vec<String>>,
    /// Take the keys from the file names, with or without extension
    #[arg(long, value_enum, value_name = "filename|stem")]
    keys_from: Option<KeysFrom>,
    /// Make labels unique: append this separator and the key of the input
    #[arg(long, value_name = "SEP", allow_hyphen_values = true)]
    index_unique: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeysFrom {
    Filename,
    Stem,
}

/// A path with the key it was given, if any.
pub(crate) struct Named {
    key: Option<String>,
    pub(crate) path: PathBuf,
}

impl Named {
    /// A path without a key.
    pub(crate) fn only(path: &Path) -> Self {
        Self { key: None, path: path.to_owned() }
    }
}

impl Joining {
    /// As by default.
    pub(crate) fn none() -> Self {
        Self { join: Join::Inner, label: None, keys: None, keys_from: None, index_unique: None }
    }

    /// Whether a single input is changed by it.
    pub(crate) fn changes_one(&self) -> bool {
        self.label.is_some() || self.index_unique.is_some()
    }

    /// What is asked of the concatenation; the rest is as by default.
    pub(crate) fn spec(&self, named: &[Named]) -> Result<ConcatSpec> {
        Ok(ConcatSpec {
            join: self.join,
            label: self.label.clone(),
            keys: self.keys(named)?,
            index_unique: self.index_unique.clone(),
            ..ConcatSpec::default()
        })
    }

    fn keys(&self, named: &[Named]) -> Result<Option<Vec<String>>> {
        let given = named.iter().filter(|input| input.key.is_some()).count();
        if given > 0 {
            if self.keys.is_some() || self.keys_from.is_some() {
                return Err(Error::argument(
                    "keys are given both as key=path and by --keys or --keys-from; give them once",
                ));
            }
            if given < named.len() {
                return Err(Error::argument(format!(
                    "{given} of {} inputs have a key; give one to each or none",
                    named.len()
                )));
            }
            return Ok(Some(named.iter().filter_map(|input| input.key.clone()).collect()));
        }
        let Some(from) = self.keys_from else { return Ok(self.keys.clone()) };
        let keys = named.iter().map(|input| {
            let part = match from {
                KeysFrom::Filename => input.path.file_name(),
                KeysFrom::Stem => input.path.file_stem(),
            };
            part.map(|part| part.to_string_lossy().into_owned())
                .ok_or_else(|| Error::argument("has no file name to take a key from").in_file(&input.path))
        });
        keys.collect::<Result<_>>().map(Some)
    }
}

/// Expands lists and splits `key=path`.
pub(crate) fn resolve(given: &[String]) -> Result<Vec<Named>> {
    let mut texts = Vec::new();
    for text in given {
        if let Some(list) = text.strip_prefix('@') {
            let file = std::fs::File::open(list).map_err(|error| Error::io(error, list))?;
            lines(std::io::BufReader::new(file), list, &mut texts)?;
        } else if text == "-" {
            lines(std::io::stdin().lock(), "standard input", &mut texts)?;
        } else {
            texts.push(text.clone());
        }
    }
    if texts.is_empty() {
        return Err(Error::argument("no objects to concatenate: the list of inputs is empty"));
    }
    let named = texts.into_iter().map(|text| match text.split_once('=') {
        Some((key, path)) if !key.contains('/') && !Path::new(&text).exists() => {
            Ok(Named { key: Some(key.to_owned()), path: local_name(path)? })
        }
        _ => Ok(Named { key: None, path: local_name(text)? }),
    });
    named.collect()
}

fn lines(reader: impl BufRead, name: &str, texts: &mut Vec<String>) -> Result<()> {
    for line in reader.lines() {
        let line = line.map_err(|error| Error::io(error, name))?;
        if !line.trim().is_empty() {
            texts.push(line.trim().to_owned());
        }
    }
    Ok(())
}

/// Opens the inputs, in parallel.
pub(crate) fn open_all(named: &[Named], options: OpenOptions, exec: &Exec) -> Result<Vec<Input>> {
    let mut inputs = Vec::with_capacity(named.len());
    exec.ordered(
        named.len(),
        2 * exec.threads(),
        |i| {
            let path = &named[i].path;
            let file = AnnDataFile::open(Arc::from(open(path, options)?)).map_err(|error| error.in_file(path))?;
            Ok(Input { name: path.display().to_string(), file })
        },
        |_, input| {
            inputs.push(input);
            Ok(())
        },
    )?;
    Ok(inputs)
}

/// What the inputs are like before the work.
pub(crate) fn unchanged(named: &[Named]) -> Result<Vec<Unchanged>> {
    named.iter().map(|input| Unchanged::new(&input.path)).collect()
}
