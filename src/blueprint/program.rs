//! A worker program: a folder, packed so that the same content always makes the same bytes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

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

/// The most that a program may hold, uncompressed. More is data, and data belongs in a bucket.
pub const LARGEST: u64 = 256 << 20;

#[derive(Debug)]
pub struct Program {
    /// SHA-256 of the uncompressed archive, in hexadecimal.
    pub hash: String,
    /// The archive, `.tar.gz`.
    pub archive: Vec<u8>,
}

/// Packs a folder.
///
/// # Errors
/// Everything about the folder that is wrong, at `pointer`.
pub fn pack(folder: &Path, pointer: &str) -> Result<Program, Vec<Problem>> {
    let problem = |message: String| Problem::new(pointer, message);
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(vec![
                problem(format!("there is no folder {}", folder.display()))
                    .help("the path is relative to the environment file"),
            ]);
        }
        Err(error) => return Err(vec![problem(format!("{}: {error}", folder.display()))]),
        Ok(found) if !found.is_dir() => {
            return Err(vec![
                problem(format!("{} is not a folder", folder.display()))
                    .help("a program is a folder with an executable `run` in it"),
            ]);
        }
        Ok(_) => {}
    }
    let mut found = Found::default();
    found.walk(folder, "", pointer);
    match found.files.iter().find(|file| file.name == "run") {
        None => found.problems.push(
            problem(format!("{} has no `run`", folder.display()))
                .help("`run` is the executable file that starts the worker"),
        ),
        Some(run) if !run.executable => found.problems.push(
            problem(format!("{}/run is not executable", folder.display()))
                .help(format!("chmod +x {}/run", folder.display())),
        ),
        Some(_) => {}
    }
    if let Some(install) = found
        .files
        .iter()
        .find(|file| file.name == "install" && !file.executable)
    {
        found.problems.push(
            problem(format!("{} is not executable", install.path.display()))
                .help(format!("chmod +x {}", install.path.display())),
        );
    }
    if found.size > LARGEST {
        found.problems.push(
            problem(format!(
                "{} holds {} MiB, and a program may hold {} MiB",
                folder.display(),
                found.size >> 20,
                LARGEST >> 20
            ))
            .help("leave data in a bucket and dependencies to `install`"),
        );
    }
    if !found.problems.is_empty() {
        return Err(found.problems);
    }
    archive(&mut found.files).map_err(|error| vec![problem(format!("{}: {error}", folder.display()))])
}

/// A file of the program.
struct File {
    /// Its name in the archive: relative, with slashes.
    name: String,
    path: PathBuf,
    executable: bool,
}

#[derive(Default)]
struct Found {
    files: Vec<File>,
    size: u64,
    problems: Vec<Problem>,
}

impl Found {
    fn walk(&mut self, folder: &Path, prefix: &str, pointer: &str) {
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
            if IGNORED.contains(&name) || name.ends_with(".pyc") {
                continue;
            }
            let name = format!("{prefix}{name}");
            // Of the entry itself: what a link points to may lie outside, or be another thing on another machine.
            match fs::symlink_metadata(&path) {
                Err(error) => self.problem(pointer, format!("{}: {error}", path.display())),
                Ok(found) if found.is_dir() => self.walk(&path, &format!("{name}/"), pointer),
                Ok(found) if found.is_file() => {
                    self.size += found.len();
                    self.files.push(File {
                        name,
                        executable: executable(&found),
                        path,
                    });
                }
                Ok(found) if found.is_symlink() => self.problems.push(
                    Problem::new(pointer, format!("{} is a symbolic link", path.display()))
                        .help("put a copy of the file in its place: the program must be whole by itself"),
                ),
                Ok(_) => self.problem(pointer, format!("{} is neither a file nor a folder", path.display())),
            }
        }
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

/// The archive depends on names, content and the executable bit, and on nothing else: not on times, owners, the order
/// of a directory or the machine.
fn archive(files: &mut [File]) -> io::Result<Program> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let content = fs::read(&file.path)?;
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(if file.executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &file.name, content.as_slice())?;
    }
    let tar = tar.into_inner()?;
    let hash = Sha256::digest(&tar).iter().map(|byte| format!("{byte:02x}")).collect();
    // 255: no operating system, which the header would tell otherwise.
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::default());
    gzip.write_all(&tar)?;
    Ok(Program {
        hash,
        archive: gzip.finish()?,
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn write(folder: &Path, name: &str, content: &str, mode: u32) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("makes folders");
        fs::write(&path, content).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("sets the mode");
    }

    fn entries(program: &Program) -> Vec<(String, u32, String)> {
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(program.archive.as_slice()));
        tar.entries()
            .expect("is a tar")
            .map(|entry| {
                let mut entry = entry.expect("an entry");
                assert_eq!(entry.header().mtime().expect("a time"), 0);
                assert_eq!(entry.header().uid().expect("an owner"), 0);
                let mut content = String::new();
                entry.read_to_string(&mut content).expect("reads");
                let name = entry.path().expect("a path").display().to_string();
                (name, entry.header().mode().expect("a mode"), content)
            })
            .collect()
    }

    #[test]
    fn the_same_content_makes_the_same_bytes() {
        let (one, two) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        write(one.path(), "run", "#!/bin/sh", 0o700);
        write(one.path(), "lib/b.py", "b", 0o600);
        write(one.path(), "lib/a.py", "a", 0o644);
        write(two.path(), "lib/a.py", "a", 0o640);
        write(two.path(), "lib/b.py", "b", 0o644);
        write(two.path(), "run", "#!/bin/sh", 0o755);
        write(two.path(), ".venv/bin/python", "left behind by tools", 0o755);
        write(two.path(), "lib/__pycache__/a.pyc", "left behind by tools", 0o644);
        let (first, second) = (
            pack(one.path(), "").expect("packs"),
            pack(two.path(), "").expect("packs"),
        );
        assert_eq!(first.archive, second.archive);
        assert_eq!(first.hash, second.hash);
        let expected = [
            ("lib/a.py", 0o644, "a"),
            ("lib/b.py", 0o644, "b"),
            ("run", 0o755, "#!/bin/sh"),
        ];
        assert_eq!(
            entries(&first),
            expected.map(|(name, mode, content)| (name.to_owned(), mode, content.to_owned()))
        );

        write(two.path(), "lib/a.py", "A", 0o644);
        assert_ne!(pack(two.path(), "").expect("packs").hash, first.hash);
    }

    #[test]
    fn long_names_are_packed() {
        let folder = tempfile::tempdir().expect("a folder");
        let name = format!("{}/{}", "d".repeat(120), "f".repeat(200));
        write(folder.path(), "run", "", 0o755);
        write(folder.path(), &name, "x", 0o644);
        assert_eq!(entries(&pack(folder.path(), "").expect("packs"))[0].0, name);
    }

    #[test]
    fn says_all_that_is_wrong_with_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "run", "", 0o644);
        write(folder.path(), "install", "", 0o644);
        symlink("/etc/passwd", folder.path().join("link")).expect("links");
        let problems = pack(folder.path(), "/stages/0/workers/instances/program").expect_err("is wrong");
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[0].contains("link is a symbolic link"), "{messages:?}");
        assert!(messages[1].contains("run is not executable"), "{messages:?}");
        assert!(messages[2].contains("install is not executable"), "{messages:?}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.pointer == "/stages/0/workers/instances/program")
        );
    }

    #[test]
    fn a_program_needs_a_folder_and_a_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let message = |path: &Path| pack(path, "").expect_err("is wrong").remove(0).message;
        assert!(message(&folder.path().join("nowhere")).contains("there is no folder"));
        assert!(message(folder.path()).contains("has no `run`"));
        write(folder.path(), "run", "", 0o755);
        assert!(message(&folder.path().join("run")).contains("is not a folder"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_that_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "run", "", 0o755);
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").expect("writes");
        let problems = pack(folder.path(), "").expect_err("is wrong");
        assert!(problems[0].message.contains("is not UTF-8"), "{problems:?}");
    }
}
