//! The folder of one environment's local fleet, and the locks in it.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::state::FleetState;
use super::{instance_folder, program};
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
        // `is_supervised`, called by somebody else, holds it for a moment, too.
        let deadline = Instant::now() + LOOKS;
        loop {
            fs::create_dir_all(&self.folder).map_err(|error| cannot("make the folder", &self.folder, &error))?;
            let file = open_lock(&path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Some(file)),
                // Who held it has removed it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(cannot("lock", &path, &error)),
            }
        }
    }

    /// The same lock, where whoever started this process took it and handed it over as the standard input.
    pub fn handed_over(&self) -> Option<File> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
        // Whoever opened the file himself hasn't the lock, and gets it here only if nobody else has it.
        (is_at(&input, &self.lock_path()) && input.try_lock().is_ok()).then_some(input)
    }

    /// Whether a supervisor lives.
    pub fn is_supervised(&self) -> Result<bool> {
        let path = self.lock_path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(cannot("open", &path, &error)),
        };
        // Shared, so that two who look at once don't see each other.
        match file.try_lock_shared() {
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

    /// Keeps the command that the fleet was started with.
    pub fn note_command(&self, command: &str) -> Result<()> {
        let path = self.command_path();
        fs::write(&path, command).map_err(|error| cannot("write", &path, &error))
    }

    /// The command that it was started with last.
    pub fn command(&self) -> Option<String> {
        fs::read_to_string(self.command_path()).ok()
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

    /// Removes what fleets of this owner left, whose environment is gone, and the folder where nothing else is in it: what
    /// somebody put there stays, and so do the logs of a fleet in another region. Whoever calls holds the lock.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn forget(&self, owner: &str) -> Result<()> {
        instance_folder::forget_of(&self.instances(), owner)?;
        if fs::remove_dir(self.instances()).is_err() && self.instances().exists() {
            return Ok(());
        }
        program::forget_others(&self.programs(), &[]);
        // What can't be removed costs room and nothing else.
        let _ = fs::remove_dir(self.programs());
        for file in [
            self.journal(),
            self.log(),
            self.command_path(),
            self.state_path(),
            self.lock_path(),
        ] {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join("fleet.lock")
    }

    fn command_path(&self) -> PathBuf {
        self.folder.join("command")
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("fleet.json")
    }
}

/// Whether a file is the one that is found there.
fn is_at(file: &File, path: &Path) -> bool {
    let same = |one: &Metadata, other: &Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(one), Ok(other)) if same(&one, &other))
}

fn fleets_folder() -> Result<PathBuf> {
    let folder = folders::state()
        .ok_or_else(|| Error::failed("there is no place for the local fleet's state").with_help("set HOME"))?;
    Ok(folder.join("fleets"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::fleet::instance_folder::InstanceFolder;

    #[test]
    fn only_what_fleets_of_the_owner_made_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = FleetHome {
            folder: folder.path().join("lab"),
        };
        let _life = home.supervise().expect("locks").expect("is free");
        for (id, owner) in [("i-1", "1 us-east-2 move"), ("i-2", "1 us-west-2 move")] {
            let place = InstanceFolder::of(&home.instances(), id);
            place.make().expect("makes it");
            place.note_owner(owner).expect("notes");
        }
        fs::write(home.journal(), "").expect("writes");
        fs::write(home.folder.join("mine"), "").expect("writes");
        home.forget("1 us-east-2 ").expect("forgets");
        assert_eq!(instance_folder::ids(&home.instances()).expect("reads"), ["i-2"]);
        assert!(home.journal().exists(), "its scaling activities may be of that one");
        home.forget("1 us-west-2 ").expect("forgets");
        let left: Vec<_> = fs::read_dir(&home.folder).expect("reads").flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        fs::remove_file(home.folder.join("mine")).expect("removes");
        home.forget("1 us-west-2 ").expect("forgets");
        assert!(!home.folder.exists());
        assert!(!home.is_supervised().expect("looks"));
        assert!(home.supervise().expect("locks").is_some(), "a new one begins");
    }
}
