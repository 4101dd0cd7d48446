//! The folder of one instance: its worker's log and state, and the lock by which a living worker is known.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::signal::send;
use crate::error::Result;
use crate::local::home::{cannot, open_lock};

/// How much of a log's end is looked at for a worker's last words.
const TAIL: u64 = 16 << 10;
/// A log that has grown beyond this begins anew, about as an instance's is rotated.
const LARGEST_LOG: u64 = 50 << 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The folder of one instance.
#[derive(Debug, Clone)]
pub(super) struct InstanceFolder {
    folder: PathBuf,
}

impl InstanceFolder {
    /// The folder of an instance, whether or not it is there.
    pub fn of(instances: &Path, id: &str) -> InstanceFolder {
        InstanceFolder {
            folder: instances.join(id),
        }
    }

    /// A folder in which something else runs as a worker does: with the lock, and the file for its number.
    pub fn at(folder: &Path) -> InstanceFolder {
        InstanceFolder {
            folder: folder.to_owned(),
        }
    }

    /// Makes what a worker needs.
    pub fn make(&self) -> Result<()> {
        for folder in [self.state(), self.temporary()] {
            fs::create_dir_all(&folder).map_err(|error| cannot("make the folder", &folder, &error))?;
        }
        Ok(())
    }

    /// `$STATE_DIRECTORY`.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// `$TMPDIR`.
    pub fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// Notes whose instance it is, for whoever reads its log when its group is gone.
    pub fn note_owner(&self, owner: &str) -> Result<()> {
        let path = self.owner_file();
        fs::write(&path, owner).map_err(|error| cannot("write", &path, &error))
    }

    /// Whose instance it is, as it was noted.
    pub fn owner(&self) -> Option<String> {
        fs::read_to_string(self.owner_file()).ok()
    }

    /// Whether its owner begins like this. Of one that was never begun, nobody knows it.
    pub fn is_of(&self, owner: &str) -> bool {
        self.owner().is_none_or(|noted| noted.starts_with(owner))
    }

    fn owner_file(&self) -> PathBuf {
        self.folder.join("owner")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("worker.log")
    }

    /// Holds the worker's process id, which the process itself writes.
    pub fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    /// Notes that its worker is killed on purpose. False where somebody else has noted that.
    pub fn note_crash(&self) -> Result<bool> {
        let path = self.crash_file();
        match File::create_new(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(cannot("write", &path, &error)),
        }
    }

    /// Whether its worker was killed on purpose.
    pub fn has_crashed(&self) -> bool {
        self.crash_file().exists()
    }

    fn crash_file(&self) -> PathBuf {
        self.folder.join("crashed")
    }

    /// The log, to be written to.
    pub fn open_log(&self) -> Result<File> {
        let path = self.log();
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| cannot("write", &path, &error))
    }

    /// The end of the log, from its byte `from` on.
    pub fn last_words(&self, from: u64) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(self.log())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(from.min(length).max(length.saturating_sub(TAIL))))?;
            let mut bytes = Vec::new();
            file.take(TAIL).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    /// How long the log is.
    pub fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |found| found.len())
    }

    /// Empties a log that has grown too large. (Its writers append, so they go on at its beginning.)
    pub fn trim_log(&self) {
        if self.log_length() > LARGEST_LOG
            && let Ok(log) = OpenOptions::new().write(true).open(self.log())
        {
            let _ = log.set_len(0);
        }
    }

    /// The lock that a worker inherits, and so holds for its life, and whatever it starts for theirs. Nothing when a
    /// worker holds it.
    pub fn lock(&self) -> Result<Option<File>> {
        let path = self.folder.join("alive.lock");
        let file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }

    /// Whether anything of the worker lives.
    pub fn is_alive(&self) -> bool {
        let file = File::open(self.folder.join("alive.lock"));
        // Shared, so that two who look at once don't see each other.
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Signals the worker's process group; unless nothing of it lives, so that a number that has passed to a stranger is
    /// never signalled.
    fn signal(&self, signal: Signal) {
        if self.is_alive() {
            send(self.pid().unwrap_or_default(), signal, true);
        }
    }

    /// What is left of the instance when it is gone: its log.
    pub fn clear(&self) {
        for folder in [self.state(), self.temporary()] {
            // It costs room and nothing else.
            let _ = fs::remove_dir_all(folder);
        }
    }

    fn pid(&self) -> Option<i32> {
        fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()
    }
}

/// Ends the workers that a supervisor left behind, as far as their owner begins like this: asks them, and kills who doesn't
/// end within `patience`. Returns how many there were.
pub(super) fn end_orphans(instances: &Path, owner: &str, patience: Duration) -> Result<usize> {
    let orphans: Vec<InstanceFolder> = alive(instances)?
        .into_iter()
        .filter(|place| place.is_of(owner))
        .collect();
    for (signal, patience) in [(Signal::SIGTERM, patience), (Signal::SIGKILL, Duration::from_secs(5))] {
        for orphan in &orphans {
            orphan.signal(signal);
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && orphans.iter().any(InstanceFolder::is_alive) {
            sleep(PAUSE);
        }
    }
    Ok(orphans.len())
}

/// The instances of which something lives.
pub(super) fn alive(instances: &Path) -> Result<Vec<InstanceFolder>> {
    let ids = ids(instances)?;
    let places = ids.iter().map(|id| InstanceFolder::of(instances, id));
    Ok(places.filter(InstanceFolder::is_alive).collect())
}

/// Whose the instances are that there are or were, as far as that was noted.
pub(super) fn owners(instances: &Path) -> Result<Vec<String>> {
    let ids = ids(instances)?;
    let places = ids.iter().map(|id| InstanceFolder::of(instances, id));
    Ok(places.filter_map(|place| place.owner()).collect())
}

/// The instances that there are or were.
pub(super) fn ids(instances: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(instances) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", instances, &error)),
    };
    let entries = entries
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| cannot("read", instances, &error))?;
    Ok(entries
        .iter()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect())
}

/// Keeps the logs of the `kept` instances that ended last, and drops the older ones.
pub(super) fn forget_old(instances: &Path, kept: usize) -> Result<()> {
    let mut dead: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
    for id in ids(instances)? {
        let place = InstanceFolder::of(instances, &id);
        if !place.is_alive() {
            let ended = fs::metadata(place.log()).and_then(|found| found.modified());
            dead.push((ended.unwrap_or(std::time::UNIX_EPOCH), place.folder));
        }
    }
    dead.sort();
    for (_, folder) in dead.iter().rev().skip(kept) {
        // It costs room and nothing else.
        let _ = fs::remove_dir_all(folder);
    }
    Ok(())
}

/// Drops the instances of this owner, and those that were never begun.
pub(super) fn forget_of(instances: &Path, owner: &str) -> Result<()> {
    for id in ids(instances)? {
        let place = InstanceFolder::of(instances, &id);
        if place.is_of(owner) && !place.is_alive() {
            // It costs room and nothing else.
            let _ = fs::remove_dir_all(place.folder);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    fn worker(place: &InstanceFolder, script: &str) -> std::process::Child {
        place.make().expect("makes it");
        let lock = place.lock().expect("locks").expect("is free");
        let mut child = Command::new("sh")
            .args(["-c", &format!("echo $$ >\"$0\"; echo up >&2; {script}")])
            .arg(place.pid_file())
            .stdin(Stdio::from(lock))
            .stdout(place.open_log().expect("a log"))
            .stderr(place.open_log().expect("a log"))
            .process_group(0)
            .spawn()
            .expect("sh runs");
        while place.log_length() == 0 {
            assert_eq!(child.try_wait().expect("waits"), None);
            sleep(PAUSE);
        }
        child
    }

    #[test]
    fn orphans_are_asked_and_then_killed_with_what_they_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let (polite, deaf) = (
            InstanceFolder::of(folder.path(), "i-1"),
            InstanceFolder::of(folder.path(), "i-2"),
        );
        let mut children = [
            worker(&polite, "trap 'echo bye; exit 0' TERM; sleep 600 <&0 & wait"),
            worker(&deaf, "trap '' TERM; sleep 600 <&0 & wait; sleep 600"),
        ];
        // Reaps them, as the system would whose children orphans are.
        let reaper = std::thread::spawn(move || children.each_mut().map(|child| child.wait().expect("ends")));
        assert_eq!(
            end_orphans(folder.path(), "", Duration::from_millis(500)).expect("ends them"),
            2
        );
        assert!(!polite.is_alive() && !deaf.is_alive());
        let ended = reaper.join().expect("reaps");
        assert_eq!(ended[0].code(), Some(0));
        assert_eq!(ended[1].code(), None);
        assert!(polite.last_words(0).ends_with("bye\n"));
        assert_eq!(end_orphans(folder.path(), "", PAUSE).expect("finds none"), 0);
    }

    #[test]
    fn a_number_that_nobody_holds_the_lock_for_is_not_signalled() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = InstanceFolder::of(folder.path(), "i-1");
        place.make().expect("makes it");
        let mut stranger = Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .expect("sleep runs");
        let pid = i32::try_from(stranger.id()).expect("a pid");
        fs::write(place.pid_file(), pid.to_string()).expect("writes");
        drop(place.lock().expect("locks"));
        place.signal(Signal::SIGKILL);
        assert_eq!(end_orphans(folder.path(), "", PAUSE).expect("finds none"), 0);
        assert_eq!(stranger.try_wait().expect("waits"), None);
        stranger.kill().expect("kills");
        stranger.wait().expect("ends");
    }

    #[test]
    fn the_newest_logs_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        for n in 0..4u64 {
            let place = InstanceFolder::of(folder.path(), &format!("i-{n}"));
            place.make().expect("makes it");
            let log = place.open_log().expect("a log");
            log.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(n + 1))
                .expect("sets");
        }
        forget_old(folder.path(), 2).expect("forgets");
        let mut left = ids(folder.path()).expect("reads");
        left.sort();
        assert_eq!(left, ["i-2", "i-3"]);
    }
}
