//! The folder in which the emulator's state lies, and the locks in it.
//!
//! ```text
//! $XDG_STATE_HOME/qfleet/          (~/.local/state/qfleet)
//!   emulator.json   pid, port and start of the emulator
//!   emulator.lock   locked by the emulator for as long as it lives
//!   emulator.log    its output since its start
//!   start.lock      locked by the command that starts or stops it
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::folders;

/// What is known of the emulator that was started last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its process, which leads a process group of its own.
    pub pid: i32,
    /// Its port on loopback.
    pub port: u16,
    /// When it was started.
    pub started: Timestamp,
    /// What was started; earlier versions of qfleet didn't write it down.
    #[serde(default)]
    pub program: Option<String>,
}

/// The folder, with its gate held: while this value lives, no other qfleet starts or stops the emulator.
pub(super) struct Home {
    folder: PathBuf,
    _gate: File,
}

impl Home {
    /// Opens the user's folder, waiting for a start or stop that another qfleet has under way.
    pub fn enter() -> Result<Self> {
        let folder = folders::state()
            .ok_or_else(|| Error::failed("there is no place for the local emulator's state").with_help("set HOME"))?;
        fs::create_dir_all(&folder).map_err(|error| cannot("make the folder", &folder, &error))?;
        let path = folder.join("start.lock");
        let gate = open_lock(&path)?;
        gate.lock().map_err(|error| cannot("lock", &path, &error))?;
        Ok(Home { folder, _gate: gate })
    }

    /// The same where the folder is there and no other qfleet holds the gate; none else.
    pub fn enter_at_once() -> Option<Self> {
        let folder = folders::state()?;
        let gate = File::open(folder.join("start.lock")).ok()?;
        gate.try_lock().ok()?;
        Some(Home { folder, _gate: gate })
    }

    /// The lock that the emulator inherits as its standard input, so that the system itself keeps it for exactly as
    /// long as the emulator lives: no stale process id can be mistaken for it, nor a zombie for a living one.
    /// Nothing when an emulator holds it.
    pub fn life_lock(&self) -> Result<Option<File>> {
        let path = self.folder.join("emulator.lock");
        let file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }

    /// Where the emulator's output goes.
    pub fn log(&self) -> PathBuf {
        self.folder.join("emulator.log")
    }

    /// The record of a living emulator.
    pub fn record(&self) -> Result<Record> {
        let path = self.record_path();
        fs::read_to_string(&path)
            .and_then(|text| serde_json::from_str(&text).map_err(io::Error::from))
            .and_then(|record: Record| {
                // 0 would be our own process group, 1 everybody's parent.
                let possible = record.pid > 1;
                possible
                    .then_some(record)
                    .ok_or_else(|| io::Error::other("it names no process"))
            })
            .map_err(|error| {
                cannot("read", &path, &error).with_help(format!(
                    "a local emulator runs, but its record is lost; end the process that holds {} open",
                    self.folder.join("emulator.lock").display()
                ))
            })
    }

    /// Keeps a record, as a whole or not at all.
    pub fn write_record(&self, record: &Record) -> Result<()> {
        let path = self.record_path();
        let draft = path.with_extension("json.new");
        let text = serde_json::to_string(record).map_err(|error| cannot("write", &path, &error.into()))?;
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|error| cannot("write", &path, &error))
    }

    /// Drops the record of an emulator that is gone.
    pub fn forget(&self) {
        // Nobody reads it while the life lock is free, so it may as well stay.
        let _ = fs::remove_file(self.record_path());
    }

    fn record_path(&self) -> PathBuf {
        self.folder.join("emulator.json")
    }
}

/// A file to lock, made if it isn't there. A process that is started doesn't inherit it by itself.
pub(super) fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| cannot("open", path, &error))
}

/// A failure of the file system, with the path it is about.
pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::failed(format!("cannot {what} {}: {error}", path.display()))
}
