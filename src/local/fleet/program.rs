//! Workers' programs: fetched from the bucket once each, unpacked into a folder that nobody writes to.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::install;
use crate::blueprint::program::LARGEST;
use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::local::home::cannot;

/// The most entries that an archive may have: more are no program.
const MOST_ENTRIES: usize = 100_000;

/// Fetches the program at `uri` (`s3://bucket/key`, whose key holds a hash of the content) into a folder of `programs`,
/// unless it is there, and has its `install` run there, where it is given the settings of its worker. Returns the folder.
///
/// # Errors
/// A failure, when it isn't in its bucket, can't be unpacked, has no `run` or can't be installed.
pub(super) async fn fetch(
    cloud: &Cloud,
    uri: &str,
    programs: &Path,
    settings: Option<&[(String, String)]>,
) -> Result<PathBuf> {
    let parts = uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let Some((bucket, key)) = parts else {
        return Err(Error::failed(format!("{uri:?} is no address of a program in a bucket")));
    };
    let place = place(programs, uri);
    let (folder, ready) = (place.join("program"), place.join("ready"));
    if ready.is_file() {
        return Ok(folder);
    }
    // Somebody was interrupted here. It is made where it will be: what is installed may know its own path.
    forget(&place);
    fs::create_dir_all(&place).map_err(|error| cannot("make the folder", &place, &error))?;
    let archive = place.join("program.tar.gz");
    if !cloud.download(bucket, key, &archive).await? {
        return Err(Error::failed(format!("the program {uri} is not in its bucket"))
            .with_help("deploy the environment again: a deploy uploads the programs that are missing"));
    }
    unpack(&archive, &folder)
        .map_err(|error| Error::failed(format!("the program {uri} can't be unpacked: {error}")))?;
    check_run(&folder).map_err(|why| {
        Error::failed(format!("the program {uri} {why}"))
            .with_help("`run` is the executable file that starts the worker")
    })?;
    if let Some(settings) = settings.filter(|_| install::is_wanted(&folder)) {
        install::run(&folder, &place, settings).await?;
    }
    protect(&folder)
        .and_then(|()| fs::write(&ready, ""))
        .map_err(|error| cannot("make the folder", &folder, &error))?;
    Ok(folder)
}

/// The folder for the program at `uri`.
pub(super) fn place(programs: &Path, uri: &str) -> PathBuf {
    programs.join(folder_name(uri))
}

/// Drops the programs that no worker runs any more.
pub(super) fn forget_others(programs: &Path, kept: &[PathBuf]) {
    let Ok(entries) = fs::read_dir(programs) else { return };
    for entry in entries.flatten() {
        if !kept.iter().any(|program| program.starts_with(entry.path())) {
            forget(&entry.path());
        }
    }
}

fn forget(place: &Path) {
    make_writable(place);
    // It costs room and nothing else.
    let _ = fs::remove_dir_all(place);
}

fn folder_name(uri: &str) -> String {
    Sha256::digest(uri.as_bytes())
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Unpacks files and folders and nothing else, inside of `folder` and nowhere else.
fn unpack(archive: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    // A little archive may hold a lot of zeros.
    let bytes = GzDecoder::new(File::open(archive)?).take(LARGEST * 2);
    let mut tar = tar::Archive::new(bytes);
    tar.set_overwrite(false);
    for (number, entry) in tar.entries()?.enumerate() {
        let mut entry = entry?;
        let name = entry.path()?.display().to_string();
        let kind = entry.header().entry_type();
        if number >= MOST_ENTRIES {
            return Err(io::Error::other("it has too many entries"));
        }
        if !kind.is_file() && !kind.is_dir() {
            return Err(io::Error::other(format!("{name:?} is neither a file nor a folder")));
        }
        // `false` for a path that leads out of the folder.
        if !entry.unpack_in(folder)? {
            return Err(io::Error::other(format!("{name:?} lies outside of it")));
        }
    }
    Ok(())
}

/// Takes the right to write away: on an instance, the program's folder belongs to root.
fn protect(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            protect(&entry?.path())?;
        }
    }
    let mode = found.permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o777 & !0o222 | 0o400))
}

fn make_writable(path: &Path) {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        return;
    }
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        make_writable(&entry.path());
    }
}

fn check_run(folder: &Path) -> std::result::Result<(), &'static str> {
    match folder.join("run").metadata() {
        Ok(run) if run.is_file() && run.permissions().mode() & 0o111 != 0 => Ok(()),
        Ok(_) => Err("has a `run` that is not executable"),
        Err(_) => Err("has no `run`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    /// An archive with these entries, written as they are: also names that a well-meaning packer refuses.
    fn archive(folder: &Path, entries: &[(&str, tar::EntryType, &[u8], u32)]) -> PathBuf {
        let path = folder.join("a.tar.gz");
        let file = File::create(&path).expect("a file");
        let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
        for (name, kind, content, mode) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_gnu_mut().expect("gnu").name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(*mode);
            if kind.is_symlink() {
                header.set_link_name("/etc").expect("a link");
            }
            header.set_cksum();
            tar.append(&header, *content).expect("appends");
        }
        tar.into_inner().and_then(GzEncoder::finish).expect("finishes");
        path
    }

    #[test]
    fn a_program_is_unpacked_and_protected() {
        let folder = tempfile::tempdir().expect("a folder");
        let regular = tar::EntryType::Regular;
        let packed = archive(
            folder.path(),
            &[
                ("run", regular, b"#!/bin/sh", 0o755),
                ("lib/a.py", regular, b"a", 0o644),
            ],
        );
        let into = folder.path().join("program");
        unpack(&packed, &into).expect("unpacks");
        protect(&into).expect("is protected");
        assert_eq!(check_run(&into), Ok(()));
        assert_eq!(fs::read(into.join("lib/a.py")).expect("reads"), b"a");
        for path in ["", "run", "lib", "lib/a.py"] {
            let mode = fs::metadata(into.join(path)).expect("is there").permissions().mode();
            assert_eq!(mode & 0o222, 0, "{path}: {mode:o}");
        }
        forget_others(folder.path(), &[]);
        assert!(!into.exists());
    }

    #[test]
    fn nothing_is_written_outside_and_no_link_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, kind) in [
            ("../escaped", tar::EntryType::Regular),
            ("a/../../escaped", tar::EntryType::Regular),
            ("link", tar::EntryType::Symlink),
            ("device", tar::EntryType::Char),
        ] {
            let packed = archive(folder.path(), &[(name, kind, b"", 0o644)]);
            let into = folder.path().join("program");
            let error = unpack(&packed, &into).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
            assert!(!folder.path().join("escaped").exists());
            fs::remove_dir_all(&into).expect("removes");
        }
        // An absolute path is taken as one below the folder.
        let packed = archive(folder.path(), &[("/run", tar::EntryType::Regular, b"", 0o755)]);
        let into = folder.path().join("program");
        unpack(&packed, &into).expect("unpacks");
        assert_eq!(check_run(&into), Ok(()));
    }

    #[test]
    fn a_program_without_an_executable_run_is_told_from_one_that_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(check_run(folder.path()), Err("has no `run`"));
        fs::write(folder.path().join("run"), "").expect("writes");
        assert_eq!(check_run(folder.path()), Err("has a `run` that is not executable"));
    }
}
