//! What programs in Python need of this machine. Their `install`, which brings it to an instance, isn't run here: that of
//! others is.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tools;
use crate::error::{Error, Result};
use crate::folders;
use crate::shell::word;

/// Says first which Python it is, then which of the packages named it lacks.
const SCRIPT: &str = "\
import importlib.metadata, sys
print(sys.executable)
for name in sys.argv[1:]:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        print(name)
";

/// A program that the `python3` of the PATH is to run, and what its `requirements.txt` names.
struct Program {
    requirements: PathBuf,
    packages: Vec<String>,
}

/// Looks whether the `python3` that workers find on the PATH has what the programs in these folders ask for in their
/// `requirements.txt`; if not, whether the one that `qfleet local install` brought has it. Returns the folder that is to come
/// first on the workers' PATH, if there must be one. `again` is the command to be run once a Python has all.
///
/// # Errors
/// A refusal that says how to install what is missing.
pub fn check(programs: &[PathBuf], again: &str) -> Result<Option<PathBuf>> {
    let programs: Vec<Program> = programs.iter().filter_map(|folder| program(folder)).collect();
    let mut packages: Vec<&str> = programs
        .iter()
        .flat_map(|one| &one.packages)
        .map(String::as_str)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(None);
    }
    let asked = ask(Path::new("python3"), &packages);
    if asked.has_all() {
        return Ok(None);
    }
    let own = folders::tool("python3");
    if own.as_deref().is_some_and(|own| ask(own, &packages).has_all()) {
        return Ok(own.and_then(|own| own.parent().map(Path::to_owned)));
    }
    let (lacks, missing) = match asked {
        Asked::Lacks(python, missing) => (
            format!(
                "{python}, the python3 that workers find on the PATH, lacks {}",
                missing.join(", ")
            ),
            missing,
        ),
        Asked::Missing => (
            "workers are to be run by python3, and there is none on the PATH".to_owned(),
            packages.into_iter().map(str::to_owned).collect(),
        ),
        // One that can't be asked may still run them.
        Asked::Nothing => return Ok(None),
    };
    let brought = own.is_none() && missing.iter().all(|name| tools::bring(name));
    Err(Error::refused(lacks).with_help(if brought {
        format!("`qfleet local install` brings a Python that has it; then {again}")
    } else {
        how_to(&programs, again)
    }))
}

/// The same for the program in this folder, which a running fleet has fetched, and whose `requirements.txt` may be newer
/// than the fleet of this environment. `otherwise` is the folder for those that ask for nothing, `again` the command that starts
/// the fleet.
///
/// # Errors
/// As [`check`].
pub(super) fn of_program(
    folder: &Path,
    otherwise: Option<&Path>,
    environment: &str,
    again: &str,
) -> Result<Option<PathBuf>> {
    match program(folder) {
        Some(found) if !found.packages.is_empty() => check(&[folder.to_owned()], again).map_err(|error| {
            let first = format!("end the fleet: qfleet local down --name {environment}");
            let help = error.help().unwrap_or_default().to_owned();
            error.with_help(format!("{first}; then {help}"))
        }),
        _ => Ok(otherwise.map(Path::to_owned)),
    }
}

/// What a Python says of packages.
enum Asked {
    /// Which it is, and which it lacks.
    Lacks(String, Vec<String>),
    /// There is no such Python.
    Missing,
    /// It doesn't answer.
    Nothing,
}

impl Asked {
    fn has_all(&self) -> bool {
        matches!(self, Asked::Lacks(_, missing) if missing.is_empty())
    }
}

fn ask(python: &Path, packages: &[&str]) -> Asked {
    // -I: as it is, whatever lies in this folder.
    let asked = Command::new(python)
        .args(["-I", "-c", SCRIPT])
        .args(packages)
        .stdin(Stdio::null())
        // A Ctrl-C at this terminal isn't for it: one that was interrupted would seem to lack everything.
        .process_group(0)
        .output();
    match asked {
        Ok(answer) if answer.status.success() => {
            let said = String::from_utf8_lossy(&answer.stdout).into_owned();
            let mut lines = said.lines().map(str::to_owned);
            Asked::Lacks(lines.next().unwrap_or_default(), lines.collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Asked::Missing,
        Ok(_) | Err(_) => Asked::Nothing,
    }
}

/// The workers' PATH: ours, with this folder first.
pub(super) fn path(first: Option<&Path>) -> Option<OsString> {
    let ours = std::env::var_os("PATH");
    let Some(first) = first else { return ours };
    let rest = ours.as_deref().map(std::env::split_paths).into_iter().flatten();
    std::env::join_paths(std::iter::once(first.to_owned()).chain(rest)).ok()
}

fn how_to(programs: &[Program], again: &str) -> String {
    let folder = folders::data().map_or_else(
        || "~/.local/share/qfleet/python".to_owned(),
        |folder| word(&folder.join("python").to_string_lossy()),
    );
    let mut files = String::new();
    for program in programs {
        let _ = write!(files, " -r {}", word(&program.requirements.to_string_lossy()));
    }
    format!(
        "install what they need, and let them find it:\n    \
         python3 -m venv {folder}\n    \
         {folder}/bin/pip install{files}\n    \
         PATH={folder}/bin:\"$PATH\" {again}"
    )
}

/// Whether the machine's own python3 runs the program in this folder, and `check` has looked whether it can.
pub(super) fn runs(folder: &Path) -> bool {
    program(folder).is_some()
}

/// None for a program that brings its Python along, or that isn't in Python.
fn program(folder: &Path) -> Option<Program> {
    let run = fs::read(folder.join("run")).ok()?;
    let is_python = String::from_utf8_lossy(&run).contains("python3");
    let requirements = folder.join("requirements.txt");
    let text = fs::read_to_string(&requirements).ok()?;
    (is_python && !folder.join(".venv/bin/python").exists()).then(|| Program {
        requirements: shown(&requirements),
        packages: text.lines().filter_map(package).collect(),
    })
}

/// As a person would write it from here, without `..` in the middle.
fn shown(path: &Path) -> PathBuf {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok()
        .and_then(|here| whole.strip_prefix(here).ok())
        .map_or_else(|| whole.clone(), Path::to_owned)
}

/// The package that a line names; none for an option, and for one that only some machines need.
fn package(line: &str) -> Option<String> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let name = &line[..end.unwrap_or(line.len())];
    (!name.is_empty() && !name.starts_with('-') && !line.contains(';')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_their_lines() {
        let text = "# what we need\nboto3==1.43.106\n\nPillow >= 11  # pictures\nrequests[socks]~=2.0\n-r more.txt\n--hash=x\n\
                    tomli==2.5.0; python_version < \"3.11\"\nown @ https://example.com/own.zip\n";
        let names: Vec<String> = text.lines().filter_map(package).collect();
        assert_eq!(names, ["boto3", "Pillow", "requests", "own"]);
    }

    #[test]
    fn a_program_of_a_running_fleet_is_asked_for_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("writes");
        let again = "qfleet local up lab.yaml --speed 10";
        let of_program = || of_program(folder.path(), Some(Path::new("/brought/bin")), "lab", again);
        write("run", "#!/bin/sh\nexec python3 worker.py\n");
        assert_eq!(of_program().ok(), Some(Some(PathBuf::from("/brought/bin"))));
        write("requirements.txt", "no-such-package-of-ours\n");
        let error = of_program().expect_err("nobody has it");
        let help = error.help().unwrap_or_default();
        assert!(
            help.starts_with("end the fleet: qfleet local down --name lab; then "),
            "{help}"
        );
        assert!(help.ends_with(again), "{help}");
        let why = error.to_string();
        assert!(why.ends_with("lacks no-such-package-of-ours"), "{why}");
    }

    #[test]
    fn only_what_python3_is_to_run_is_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("writes");
        assert!(program(folder.path()).is_none());
        write("requirements.txt", "boto3\n");
        write("run", "#!/bin/sh\nexec node worker.mjs\n");
        assert!(program(folder.path()).is_none());
        write("run", "#!/bin/sh\nexec python3 worker.py\n");
        assert_eq!(
            program(folder.path()).map(|found| found.packages),
            Some(vec!["boto3".to_owned()])
        );
    }
}
