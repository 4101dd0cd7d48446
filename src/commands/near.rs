//! The environments that somebody who stands here may mean.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::nearest;

/// The files in stacks/.
pub fn files() -> impl Iterator<Item = PathBuf> {
    files_of(Path::new(""))
}

/// The files in stacks/ of this folder.
pub fn files_of(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder.join("stacks")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| is_yaml(path))
}

/// The same as they are named on a command line, in order.
pub fn bare_names() -> Vec<String> {
    let stems = files().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = stems.collect();
    names.sort();
    names.dedup();
    names
}

/// The environments that are there, where this one isn't, with the one that was probably meant; none where there are none.
pub fn instead_of(missing: &Path) -> Option<String> {
    let there = listed()?;
    let names = bare_names();
    let word = missing.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    Some(match nearest(word, names.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`? {there}"),
        None => there,
    })
}

/// All of them, as in `stacks/ has class, lab`; none where there are none.
pub fn listed() -> Option<String> {
    let names = bare_names();
    (!names.is_empty()).then(|| format!("stacks/ has {}", names.join(", ")))
}

/// Whether it may be an environment file.
pub fn is_yaml(path: &Path) -> bool {
    let is_one = |extension: &OsStr| extension == "yaml" || extension == "yml";
    path.is_file() && path.extension().is_some_and(is_one)
}
