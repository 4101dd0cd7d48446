//! The program of instances: an archive with an executable `run`, and where needed an `install`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use super::files::{self, File};
use super::{Program, header, hexadecimal};
use crate::environment::problem::Problem;

/// The most that a program may hold, uncompressed. More is data, and data belongs in a bucket.
pub const LARGEST: u64 = 256 << 20;

/// Packs a folder.
///
/// # Errors
/// Everything about the folder that is wrong, at `pointer`.
pub fn pack(folder: &Path, pointer: &str) -> Result<Program, Vec<Problem>> {
    let problem = |message: String| Problem::new(pointer, message);
    let what = "a program is a folder with an executable `run` in it";
    let mut found = files::read(folder, pointer, what).map_err(|problem| vec![problem])?;
    match found.file("run") {
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
    if let Some(install) = found.file("install").filter(|file| !file.executable) {
        let path = install.path.display();
        let problem = problem(format!("{path} is not executable")).help(format!("chmod +x {path}"));
        found.problems.push(problem);
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
    archive(&found.files).map_err(|error| vec![problem(format!("{}: {error}", folder.display()))])
}

/// The archive depends on names, content and the executable bit, and on nothing else: not on times, owners, the order
/// of a directory or the machine.
fn archive(files: &[File]) -> io::Result<Program> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let content = fs::read(&file.path)?;
        let mut header = header(content.len(), if file.executable { 0o755 } else { 0o644 });
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, &file.name, content.as_slice())?;
    }
    let tar = tar.into_inner()?;
    let hash = hexadecimal(Sha256::digest(&tar));
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
    #[cfg(unix)]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "run", "", 0o755);
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).expect("a socket");
        let problems = pack(folder.path(), "").expect_err("is wrong");
        assert!(
            problems[0].message.ends_with("socket is neither a file nor a folder"),
            "{problems:?}"
        );
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
