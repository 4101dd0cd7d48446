//! What `init` says.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::local;
use crate::shell::word;

/// What was done, and what is next.
#[derive(Debug)]
pub struct End<'a> {
    /// The files, each with whether it was written or was there.
    pub files: &'a [(PathBuf, bool)],
    pub folder: &'a Path,
    pub environment: &'a str,
    /// What stands in a file as a comment, and must be filled in.
    pub unknown: Option<&'a str>,
    /// The pipeline's file, where it will not be looked for: the repository begins further up.
    pub astray: Option<Astray<'a>>,
    /// The command that does the same without asking, where it asked.
    pub again: Option<String>,
}

/// A pipeline that stands where nobody looks for it.
#[derive(Debug)]
pub struct Astray<'a> {
    pub file: &'a str,
    /// The repository's top.
    pub top: PathBuf,
    /// From there to the folder.
    pub below: PathBuf,
}

pub fn text(end: &End<'_>) -> String {
    let mut out = String::new();
    for (path, written) in end.files {
        let _ = match written {
            true => writeln!(out, "wrote {}", path.display()),
            false => writeln!(out, "kept  {} (it was there)", path.display()),
        };
    }
    if let Some(unknown) = end.unknown {
        let _ = writeln!(out, "\n{}", super::style::wrapped(unknown, "", ""));
    }
    if let Some(Astray { file, top, below }) = &end.astray {
        let text = format!(
            "The repository begins at {}, and its pipeline is only looked for there: move {file} to it, and write {}/ before \
             stacks/ in it.",
            top.display(),
            below.display()
        );
        let _ = writeln!(out, "\n{}", super::style::wrapped(&text, "", ""));
    }
    out.push_str("\nNext:\n");
    if end.folder != Path::new(".") {
        let _ = writeln!(out, "  cd {}", word(&end.folder.to_string_lossy()));
    }
    let longest = "qfleet deploy  --local".len() + end.environment.len();
    let of = |verb: &str, option: &str| format!("qfleet {verb} {}{option}", end.environment);
    let install = ("qfleet local install".to_owned(), "the emulator, once on a machine");
    let commands = [
        Some((of("check", ""), "what can be known without AWS")),
        (!local::is_installed()).then_some(install),
        Some((of("deploy", " --local"), "to an emulator on this machine")),
        Some((of("deploy", ""), "to AWS")),
    ];
    for (command, purpose) in commands.into_iter().flatten() {
        let _ = writeln!(out, "  {command:longest$}  {purpose}");
    }
    if let Some(again) = &end.again {
        let _ = writeln!(out, "\nThe same without questions:\n  {again}");
    }
    out
}
