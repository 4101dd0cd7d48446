//! An object into a file on this machine: whole or not at all, and never over a file that is there.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cloud::Cloud;
use crate::error::{Error, Result};

/// Where an object goes: `to`, or into it when it is a folder, or else the folder that this runs in; by the last part of
/// its key.
///
/// # Errors
/// Usage, when the key doesn't end with what a file can be called, or the folder isn't there; a refusal when there is
/// something already.
pub fn destination(key: &str, to: Option<&Path>) -> Result<PathBuf> {
    let name = key.rsplit('/').next().unwrap_or_default();
    let path = match to {
        Some(to) if !to.is_dir() => {
            if to.to_string_lossy().ends_with('/') {
                return Err(Error::usage(format!("{} is no folder", to.display()))
                    .with_help("make it first, or name the file itself with --to"));
            }
            to.to_owned()
        }
        folder => {
            if matches!(name, "" | "." | "..") || name.contains('\0') {
                return Err(
                    Error::usage(format!("no file can be called as {key:?} ends")).with_help("name one with --to")
                );
            }
            folder.map_or_else(PathBuf::new, Path::to_owned).join(name)
        }
    };
    match path.symlink_metadata() {
        Ok(_) => Err(is_there(&path)),
        Err(_) => Ok(path),
    }
}

/// Gets it. Its size in bytes; none when there is no such object.
///
/// # Errors
/// When it can't be read or written; a refusal when something came to be there meanwhile.
pub async fn get(cloud: &Cloud, bucket: &str, key: &str, path: &Path) -> Result<Option<u64>> {
    let cannot = |error: &io::Error| {
        Error::failed(format!("cannot write {}: {error}", path.display()))
            .with_help("name a path that you may write to, with --to")
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // It goes by itself, however this ends.
    let draft = tempfile::Builder::new()
        .prefix(".qfleet-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| cannot(&error))?;
    if !cloud.download(bucket, key, draft.path()).await? {
        return Ok(None);
    }
    let file = draft.persist_noclobber(path).map_err(|error| match error.error {
        error if error.kind() == io::ErrorKind::AlreadyExists => is_there(path),
        error => cannot(&error),
    })?;
    Ok(Some(file.metadata().map_err(|error| cannot(&error))?.len()))
}

fn is_there(path: &Path) -> Error {
    Error::refused(format!("{} is there already: nothing was overwritten", path.display()))
        .with_help("name another path with --to")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_called_by_the_end_of_its_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("there.txt"), "").expect("writes");
        std::os::unix::fs::symlink("nowhere", at("link.txt")).expect("links");
        let of = |key: &str, to: &Path| destination(key, Some(to)).map_err(|error| error.to_string());
        assert_eq!(of("processed/a/b c.txt", folder.path()), Ok(at("b c.txt")));
        assert_eq!(of("processed/a", &at("other.txt")), Ok(at("other.txt")));
        assert_eq!(
            destination("processed/not-there.txt", None).ok(),
            Some("not-there.txt".into())
        );
        for key in ["there.txt", "a/link.txt"] {
            let error = of(key, folder.path()).expect_err("it is there");
            assert!(error.ends_with("is there already: nothing was overwritten"), "{error}");
        }
        let error = of("processed/a", Path::new(&format!("{}/cats/", folder.path().display())));
        assert!(
            error
                .as_ref()
                .is_err_and(|error| error.ends_with("/cats/ is no folder")),
            "{error:?}"
        );
        for key in ["", "processed/", "processed/..", "processed/.", "a\0"] {
            let error = of(key, folder.path()).expect_err("no name");
            assert!(error.starts_with("no file can be called"), "{error}");
        }
    }
}
