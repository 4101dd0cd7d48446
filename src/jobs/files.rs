//! Files on this machine, and the keys that they get.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::refused;
use crate::cloud::s3::uploads::{LARGEST, LONGEST_KEY};
use crate::error::Result;

/// A file that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    pub path: PathBuf,
    /// Its name, or its path in the folder that was named, with slashes.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was changed last, where the file system says.
    pub modified: Option<SystemTime>,
}

impl LocalFile {
    /// Whether it still is as it was when it was found.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        let now = fs::metadata(&self.path)?;
        Ok(now.len() == self.bytes && now.modified().ok() == self.modified)
    }
}

/// The same, for files whose names don't matter: their content is sent.
///
/// # Errors
/// As of [`collect`], but two may have the same name.
pub fn collect_apart(paths: &[PathBuf]) -> Result<Vec<LocalFile>> {
    find(paths).into_result()
}

/// The files of these paths, in the order of the paths; a folder stands for all files in it, by name.
///
/// # Errors
/// Usage, with everything that is wrong: what isn't there, isn't a file, can't be read, has a name that a key can't be,
/// or the same name as another; a folder without files.
pub fn collect(paths: &[PathBuf]) -> Result<Vec<LocalFile>> {
    let mut found = find(paths);
    found.name_twins();
    found.into_result()
}

fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = (found.files.len(), found.problems.len());
                found.walk(path);
                if before == (found.files.len(), found.problems.len()) {
                    found
                        .problems
                        .push(format!("{}: there are no files in it", path.display()));
                }
            }
            Ok(metadata) => found.add(path, path.file_name().map(Path::new).unwrap_or(path), &metadata),
            Err(error) => found.problem(path, &error),
        }
    }
    found
}

/// Whether all keys are short enough: `prefix`, what repetitions add, and the name.
///
/// # Errors
/// Usage, with those that aren't.
pub fn check_keys(files: &[LocalFile], prefix: &str, added: usize) -> Result<()> {
    let room = LONGEST_KEY.saturating_sub(prefix.len() + added);
    let long = files.iter().filter(|file| file.name.len() > room);
    let problems: Vec<String> = long
        .map(|file| {
            format!(
                "{}: its key would be longer than {LONGEST_KEY} bytes, the most that S3 takes",
                file.path.display()
            )
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(refused(&problems))
    }
}

#[derive(Default)]
struct Found {
    files: Vec<LocalFile>,
    problems: Vec<String>,
}

impl Found {
    /// Everything in a folder, at any depth.
    fn walk(&mut self, root: &Path) {
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    self.problem(&folder, &error);
                    continue;
                }
            };
            entries.sort_by_key(fs::DirEntry::file_name);
            let mut below = Vec::new();
            for entry in entries {
                let path = entry.path();
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_dir() => below.push(path),
                    Ok(metadata) => self.add(&path, path.strip_prefix(root).unwrap_or(&path), &metadata),
                    Err(error) => self.problem(&path, &error),
                }
            }
            // They are taken from the end, so the first one comes last.
            folders.extend(below.into_iter().rev());
        }
    }

    fn add(&mut self, path: &Path, name: &Path, metadata: &fs::Metadata) {
        if metadata.is_symlink() {
            let help = "name what it points to, or put a copy there";
            self.problems
                .push(format!("{} is a symbolic link: {help}", path.display()));
            return;
        }
        if !metadata.is_file() {
            self.problems
                .push(format!("{} is neither a file nor a folder", path.display()));
            return;
        }
        if metadata.len() > LARGEST {
            self.problems
                .push(format!("{} is larger than the 48.8 TiB that S3 takes", path.display()));
            return;
        }
        let Some(name) = name.to_str() else {
            self.problems
                .push(format!("{}: its name is not UTF-8, and a key must be", path.display()));
            return;
        };
        if let Err(error) = File::open(path) {
            self.problem(path, &error);
            return;
        }
        self.files.push(LocalFile {
            path: path.to_owned(),
            name: name.to_owned(),
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        });
    }

    fn problem(&mut self, path: &Path, error: &io::Error) {
        self.problems.push(format!("{}: {error}", path.display()));
    }

    fn into_result(self) -> Result<Vec<LocalFile>> {
        if self.problems.is_empty() {
            Ok(self.files)
        } else {
            Err(refused(&self.problems))
        }
    }

    /// Of two files with one key, the second would overwrite the first.
    fn name_twins(&mut self) {
        let mut paths: BTreeMap<&str, &Path> = BTreeMap::new();
        for file in &self.files {
            if let Some(other) = paths.insert(&file.name, &file.path) {
                self.problems.push(format!(
                    "{} and {} would get the same key: send them one after the other, with a --prefix each",
                    other.display(),
                    file.path.display()
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        let found = collect(paths).unwrap_or_else(|error| panic!("{error}"));
        found.into_iter().map(|file| file.name).collect()
    }

    fn complaint(paths: &[PathBuf]) -> String {
        collect(paths).expect_err("refused").to_string()
    }

    #[test]
    fn a_folder_stands_for_its_files_at_any_depth() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.txt", "a/2.txt", "a/b/c/3.txt", "a/1 +%🚚.txt", ".hidden"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, name).expect("written");
        }
        fs::create_dir(folder.path().join("empty")).expect("a folder");
        assert_eq!(
            names(&[folder.path().to_owned()]),
            [".hidden", "b.txt", "a/1 +%🚚.txt", "a/2.txt", "a/b/c/3.txt"]
        );
        assert_eq!(
            names(&[folder.path().join("a/b/c/3.txt"), folder.path().join("a/b")]),
            ["3.txt", "c/3.txt"],
            "a file is known by its name, a file in a folder by its path in it"
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["empty", "a", "b"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        fs::write(path("a/same.txt"), "1").expect("written");
        fs::write(path("b/same.txt"), "2").expect("written");
        symlink(path("a/same.txt"), path("b/link")).expect("a link");
        // Not all file systems take such a name, and not everybody is kept from reading.
        let not_utf8 = fs::write(path("b").join(OsStr::from_bytes(b"\xff.txt")), "3").is_ok();
        fs::write(path("b/secret"), "4").expect("written");
        fs::set_permissions(path("b/secret"), fs::Permissions::from_mode(0o000)).expect("changed");
        let secret = File::open(path("b/secret")).is_err();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        let text = complaint(&[
            path("missing"),
            path("empty"),
            path("a"),
            path("b"),
            path("b/link"),
            path("socket"),
        ]);
        for part in [
            "missing: No such file",
            "empty: there are no files in it",
            "b/link is a symbolic link",
            "a/same.txt and ",
            "would get the same key",
            "socket is neither a file nor a folder",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert_eq!(text.contains(": its name is not UTF-8"), not_utf8, "{text}");
        assert_eq!(text.contains("b/secret: Permission denied"), secret, "{text}");
        let lines = 7 + usize::from(not_utf8) + usize::from(secret);
        assert_eq!(text.lines().count(), lines, "a line each, the link twice: {text}");
    }

    #[test]
    fn of_many_problems_the_first_are_named() {
        let missing: Vec<PathBuf> = (0..30).map(|n| PathBuf::from(format!("/missing/{n}"))).collect();
        let text = complaint(&missing);
        assert_eq!(text.lines().count(), 22, "{text}");
        assert!(text.ends_with("and 10 more"), "{text}");
    }

    #[test]
    fn keys_that_are_too_long_are_named() {
        let file = LocalFile {
            path: "x".into(),
            name: "ü".repeat(500),
            bytes: 1,
            modified: None,
        };
        assert!(check_keys(std::slice::from_ref(&file), "uploads/", 16).is_ok());
        let error = check_keys(&[file], "uploads/", 17).expect_err("refused");
        assert!(error.to_string().contains("longer than 1024 bytes"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_file_that_changes_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        fs::write(&path, "1").expect("written");
        let file = collect(std::slice::from_ref(&path)).expect("found").remove(0);
        assert!(file.is_unchanged().expect("read"));
        fs::write(&path, "12").expect("written");
        assert!(!file.is_unchanged().expect("read"));
    }
}
