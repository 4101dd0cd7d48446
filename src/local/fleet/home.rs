//! The folder of one environment's local fleet, and the locks in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::state::FleetState;
use crate::error::{Error, Result};
use crate::folders;
use crate::local::home::{cannot, open_lock};

/// How long others may hold the lock who only check whether somebody holds it.
const LOOKS: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

/// The folder of one environment's fleet.
#[derive(Debug, Clone)]
pub(super) struct FleetHome {
    folder: PathBuf,
}

impl FleetHome {
    /// The folder, made if it isn't there.
    pub fn make(environment: &str) -> Result<Self> {
        let folder = fleets_folder()?.join(environment);
        fs::create_dir_all(&folder).map_err(|error| cannot("make the folder", &folder, &error))?;
        Ok(FleetHome { folder })
    }

    /// The folder; nothing when there never was a fleet of this name.
    pub fn existing(environment: &str) -> Result<Option<Self>> {
        let folder = fleets_folder()?.join(environment);
        Ok(folder.is_dir().then_some(FleetHome { folder }))
    }

    /// The environments of which there is or was a fleet, by name.
    pub fn all() -> Result<Vec<String>> {
        let folder = fleets_folder()?;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot("read", &folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| cannot("read", &folder, &error))?;
            if entry.path().is_dir()
                && let Some(name) = entry.file_name().to_str()
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The lock that a supervisor holds for its life: the system itself lets it go with the process, so no stale
    /// process id can be mistaken for a supervisor. Nothing when another holds it.
    pub fn supervise(&self) -> Result<Option<File>> {
        let path = self.lock_path();
        let file = open_lock(&path)?;
        // `is_supervised`, called by somebody else, holds it for a moment, too.
        let deadline = Instant::now() + LOOKS;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(cannot("lock", &path, &error)),
            }
        }
    }

    /// Whether a supervisor lives.
    pub fn is_supervised(&self) -> Result<bool> {
        let path = self.lock_path();
        if !path.exists() {
            return Ok(false);
        }
        // Shared, so that two who look at once don't see each other.
        match open_lock(&path)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }

    /// What the supervisor wrote last; nothing before it has.
    pub fn state(&self) -> Result<Option<FleetState>> {
        let path = self.state_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot("read", &path, &error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            cannot("read", &path, &error.into())
                .with_help("another version of qfleet may have written it: stop the fleet with that one")
        })
    }

    /// The journal of scaling activities.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("activities.jsonl")
    }

    pub fn instances(&self) -> PathBuf {
        self.folder.join("instances")
    }

    /// The programs, unpacked.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("programs")
    }

    /// What a detached supervisor says.
    pub fn log(&self) -> PathBuf {
        self.folder.join("supervisor.log")
    }

    /// Keeps a state, as a whole or not at all.
    pub fn write_state(&self, state: &FleetState) -> Result<()> {
        let path = self.state_path();
        let draft = path.with_extension("json.new");
        let text = serde_json::to_string(state).map_err(|error| cannot("write", &path, &error.into()))?;
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|error| cannot("write", &path, &error))
    }

    /// Drops the state of a supervisor that is gone.
    pub fn forget_state(&self) {
        // Nobody reads it while no supervisor lives, so it may as well stay.
        let _ = fs::remove_file(self.state_path());
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join("fleet.lock")
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("fleet.json")
    }
}

fn fleets_folder() -> Result<PathBuf> {
    let folder = folders::state()
        .ok_or_else(|| Error::failed("there is no place for the local fleet's state").with_help("set HOME"))?;
    Ok(folder.join("fleets"))
}
