//! What `qfleet local install` brings to this machine: the emulator, what workers in Python need, and cfn-lint, in a
//! virtual environment of qfleet's own.
//!
//! ```text
//! $XDG_DATA_HOME/qfleet/     (~/.local/share/qfleet)
//!   tools                    a link to what is whole
//!   tools-<hash>             the virtual environment of one list of requirements
//!   tools.lock               locked by the command that installs or removes
//! ```
//!
//! A virtual environment knows its own path, so it is made where it stays. The link is set when it is whole: what was
//! interrupted is never found, and made anew by the next installation.

mod pip;
mod python;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::emulator;
use super::home::{cannot, open_lock};
use crate::error::{Error, Result};
use crate::folders;

/// Every package with its version and the hashes of its files.
const REQUIREMENTS: &str = include_str!("tools/requirements.txt");

/// What was installed for its own sake; the others are what these need.
pub const WANTED: [&str; 3] = ["ministack", "boto3", "cfn-lint"];

/// A package that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// As the package itself names it; none when it doesn't.
    pub license: Option<String>,
}

/// What is installed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Installed {
    /// Whether this command installed it; if not, it was there.
    pub changed: bool,
    /// Where its programs are found.
    pub folder: String,
    /// Version of the Python that runs it.
    pub python: String,
    /// All packages, by name.
    pub packages: Vec<Package>,
}

/// Installs what is required, unless it is there. `begin` is called before anything is fetched, with the folder.
///
/// # Errors
/// A failure when there is no Python that can do it, or pip says why it can't; a refusal when the emulator runs out of
/// an older installation, which would go.
pub fn install(python: Option<&Path>, begin: impl FnOnce(&Path)) -> Result<Installed> {
    let place = Place::enter()?;
    let folder = place.base.join(name());
    let changed = place.linked().as_ref() != Some(&folder);
    if changed {
        place.refuse_while_in_use()?;
        let python = python::find(python)?;
        begin(&place.link());
        let made = make(&python, &folder);
        if made.is_err() {
            // Of no use, and large.
            let _ = fs::remove_dir_all(&folder);
        }
        made?;
        place.link_to(&folder)?;
        place.remove_others(Some(&folder));
    }
    let (python, packages) = pip::packages(&folder)?;
    Ok(Installed {
        changed,
        folder: place.link().display().to_string(),
        python,
        packages,
    })
}

/// Removes all that was installed. Returns the folder; none when there was nothing.
///
/// # Errors
/// A refusal while the emulator runs out of it.
pub fn uninstall() -> Result<Option<PathBuf>> {
    let place = Place::enter()?;
    place.refuse_while_in_use()?;
    let link = place.link();
    let was_there = match fs::remove_file(&link) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(cannot("remove", &link, &error)),
    };
    place.remove_others(None);
    Ok(was_there.then_some(link))
}

/// Whether it has a package of this name, of which the case and `-` or `_` don't matter.
pub(super) fn bring(package: &str) -> bool {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    let mut names = REQUIREMENTS.lines().filter_map(|line| line.split_once("=="));
    names.any(|(name, _)| plain(name) == plain(package))
}

/// The folder of these requirements.
fn name() -> String {
    let hash = Sha256::digest(REQUIREMENTS.as_bytes());
    let hex: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("tools-{hex}")
}

fn make(python: &Path, folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot("remove", folder, &error)),
        _ => {}
    }
    pip::make_environment(python, folder)?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).map_err(|error| cannot("write", &requirements, &error))?;
    pip::install(folder, &requirements)
}

/// The folder of the user's data, while no other qfleet installs or removes anything in it.
struct Place {
    base: PathBuf,
    _lock: File,
}

impl Place {
    fn enter() -> Result<Self> {
        let base = folders::data()
            .ok_or_else(|| Error::failed("there is no place for the local emulator").with_help("set HOME"))?;
        fs::create_dir_all(&base).map_err(|error| cannot("make the folder", &base, &error))?;
        let path = base.join("tools.lock");
        let lock = open_lock(&path)?;
        lock.lock().map_err(|error| cannot("lock", &path, &error))?;
        Ok(Place { base, _lock: lock })
    }

    fn link(&self) -> PathBuf {
        self.base.join("tools")
    }

    /// What is whole, if it is still there.
    fn linked(&self) -> Option<PathBuf> {
        let folder = self.base.join(fs::read_link(self.link()).ok()?);
        folder.join("bin/ministack").is_file().then_some(folder)
    }

    /// In one step, also where it led elsewhere.
    fn link_to(&self, folder: &Path) -> Result<()> {
        let (link, draft) = (self.link(), self.base.join("tools.new"));
        let _ = fs::remove_file(&draft);
        let name = folder.file_name().unwrap_or_default();
        std::os::unix::fs::symlink(name, &draft)
            .and_then(|()| fs::rename(&draft, &link))
            .map_err(|error| cannot("make the link", &link, &error))
    }

    /// Python reads what it needs from the folder while it runs.
    fn refuse_while_in_use(&self) -> Result<()> {
        let own = self.link();
        let runs = emulator::status()?.and_then(|emulator| emulator.program);
        match runs.filter(|program| Path::new(program).starts_with(&own)) {
            Some(program) => Err(Error::refused(format!(
                "the local emulator runs as {program}, which would be removed"
            ))
            .with_help("end it with `qfleet local stop` first; what was deployed to it is gone then")),
            None => Ok(()),
        }
    }

    /// Removes what earlier versions of qfleet installed, and what was interrupted.
    fn remove_others(&self, kept: Option<&Path>) {
        for entry in fs::read_dir(&self.base).into_iter().flatten().flatten() {
            let is_one = entry.file_name().to_string_lossy().starts_with("tools-");
            if is_one && Some(entry.path().as_path()) != kept {
                // It costs room and nothing else.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_brought_is_known_however_it_is_written() {
        for name in [
            "boto3",
            "Boto3",
            "python-dateutil",
            "python_dateutil",
            "PyYAML",
            "ministack",
        ] {
            assert!(bring(name), "{name}");
        }
        for name in ["Pillow", "boto", "sha256", ""] {
            assert!(!bring(name), "{name}");
        }
    }
}
