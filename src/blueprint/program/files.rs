//! The files of a program's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment::problem::Problem;

/// Never packed: what tools leave in a source folder. A program gets its dependencies from `install`, on the machine
/// and for the architecture that it runs on.
pub const IGNORED: [&str; 10] = [
    ".git",
    ".gitignore",
    ".venv",
    "venv",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    "node_modules",
    ".DS_Store",
];

/// What running a program leaves beside it.
const LEFT_BEHIND: [&str; 1] = ["__pycache__"];

/// Reads a source folder. What is wrong with entries of it is among what was found.
///
/// # Errors
/// No folder is there.
pub(super) fn read(folder: &Path, pointer: &str, what: &str) -> Result<Found, Problem> {
    let problem = |message: String| Problem::new(pointer, message);
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(problem(format!("there is no folder {}", folder.display()))
                .help("the path is relative to the environment file"))
        }
        Err(error) => Err(problem(format!("{}: {error}", folder.display()))),
        Ok(found) if !found.is_dir() => Err(problem(format!("{} is not a folder", folder.display())).help(what)),
        Ok(_) => {
            let mut found = Found::default();
            found.walk(folder, "", pointer, &IGNORED);
            found.sort();
            Ok(found)
        }
    }
}

/// Reads a folder that a build has filled: with dependencies, which are left out of a source folder. A link to a file in it
/// is packed as that file: package managers make them.
pub(super) fn read_built(folder: &Path, pointer: &str) -> Found {
    let mut found = Found {
        inside: folder.canonicalize().ok(),
        ..Found::default()
    };
    found.walk(folder, "", pointer, &LEFT_BEHIND);
    found.sort();
    found
}

/// A file of the program.
pub(super) struct File {
    /// Its name in the archive: relative, with slashes.
    pub name: String,
    pub path: PathBuf,
    pub executable: bool,
}

#[derive(Default)]
pub(super) struct Found {
    pub files: Vec<File>,
    /// In bytes.
    pub size: u64,
    pub problems: Vec<Problem>,
    /// Where links may lead to.
    inside: Option<PathBuf>,
}

impl Found {
    /// The file of this name, relative to the folder.
    pub fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.name == name)
    }

    /// So that the archive doesn't depend on the order of a directory.
    fn sort(&mut self) {
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn walk(&mut self, folder: &Path, prefix: &str, pointer: &str, ignored: &[&str]) {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.problem(pointer, format!("{}: {error}", folder.display())),
        };
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                self.problems.push(
                    Problem::new(pointer, format!("the name of {} is not UTF-8", path.display())).help("rename it"),
                );
                continue;
            };
            if ignored.contains(&name) || name.ends_with(".pyc") {
                continue;
            }
            let name = format!("{prefix}{name}");
            // Of the entry itself: what a link points to may lie outside, or be another thing on another machine.
            match fs::symlink_metadata(&path) {
                Err(error) => self.problem(pointer, format!("{}: {error}", path.display())),
                Ok(found) if found.is_dir() => self.walk(&path, &format!("{name}/"), pointer, ignored),
                Ok(found) if found.is_file() => self.add(name, path, &found),
                Ok(found)
                    if found.is_symlink()
                        && let Some((path, found)) = self.file_inside(&path) =>
                {
                    self.add(name, path, &found);
                }
                Ok(found) if found.is_symlink() => self.problems.push(
                    Problem::new(pointer, format!("{} is a symbolic link", path.display()))
                        .help("put a copy of the file in its place: the program must be whole by itself"),
                ),
                Ok(_) => self.problem(pointer, format!("{} is neither a file nor a folder", path.display())),
            }
        }
    }

    fn add(&mut self, name: String, path: PathBuf, found: &fs::Metadata) {
        self.size += found.len();
        self.files.push(File {
            name,
            executable: executable(found),
            path,
        });
    }

    /// The file that a link leads to, where that is allowed.
    fn file_inside(&self, link: &Path) -> Option<(PathBuf, fs::Metadata)> {
        let path = link.canonicalize().ok()?;
        let found = fs::metadata(&path).ok()?;
        (path.starts_with(self.inside.as_ref()?) && found.is_file()).then_some((path, found))
    }

    fn problem(&mut self, pointer: &str, message: String) {
        self.problems.push(Problem::new(pointer, message));
    }
}

#[cfg(unix)]
fn executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> bool {
    true
}
