//! The logs of workers, read: the files that their processes write to.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use jiff::Timestamp;

use super::home::FleetHome;
use super::instance_folder::{self, InstanceFolder};
use super::log_times::LogTimes;
use crate::error::Result;
use crate::local::home::cannot;

/// The log of an instance's worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerLog {
    pub instance: String,
    /// The stage's name.
    pub stage: String,
    path: PathBuf,
}

/// A line of a log.
#[derive(Debug, Default, PartialEq)]
pub struct Line {
    pub text: String,
    /// When it was written, to a tenth of a second; none while nobody has noted that.
    pub written: Option<Timestamp>,
}

/// What was read of a log.
#[derive(Debug, Default, PartialEq)]
pub struct Words {
    pub lines: Vec<Line>,
    /// The byte at which the next line begins.
    pub end: u64,
    /// When the file was written to last.
    pub written: Option<Timestamp>,
}

/// The logs of the instances that an environment's fleet has or had, as far as they are kept.
///
/// # Errors
/// When the fleet's folder can't be read.
pub fn worker_logs(environment: &str, account: &str, region: &str) -> Result<Vec<WorkerLog>> {
    let Some(home) = FleetHome::existing(environment)? else {
        return Ok(Vec::new());
    };
    let of_stages = owner(account, region, "");
    let instances = home.instances();
    let logs = instance_folder::ids(&instances)?.into_iter().filter_map(|id| {
        let folder = InstanceFolder::of(&instances, &id);
        Some(WorkerLog {
            stage: folder.owner()?.strip_prefix(&of_stages)?.to_owned(),
            path: folder.log(),
            instance: id,
        })
    });
    Ok(logs.collect())
}

/// How a stage is named beside the logs of its instances: its group may be gone when they are read.
pub(super) fn owner(account: &str, region: &str, stage: &str) -> String {
    format!("{account} {region} {stage}")
}

/// The region in it.
pub(super) fn region_of(owner: &str) -> Option<String> {
    owner.split(' ').nth(1).map(str::to_owned)
}

impl WorkerLog {
    /// Its lines from this byte on; from its beginning when it is shorter, because then it was begun anew. A last line
    /// without an end is taken when it is wanted, else left for the next time.
    ///
    /// # Errors
    /// When it is there and can't be read.
    pub fn read(&self, from: u64, with_rest: bool) -> Result<Words> {
        let read = || -> io::Result<Words> {
            let mut file = File::open(&self.path)?;
            let metadata = file.metadata()?;
            let from = if metadata.len() < from { 0 } else { from };
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.take(metadata.len() - from).read_to_end(&mut bytes)?;
            if !with_rest {
                let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                bytes.truncate(whole);
            }
            let times = LogTimes::read(&LogTimes::beside(&self.path));
            let mut end = from;
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
                end += line.len() as u64;
                Line {
                    text: String::from_utf8_lossy(line).trim_end_matches(['\r', '\n']).to_owned(),
                    written: times.of(end),
                }
            });
            Ok(Words {
                lines: lines.collect(),
                end: from + bytes.len() as u64,
                written: metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok()),
            })
        };
        match read() {
            // It launches, or was cleared away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Words::default()),
            read => read.map_err(|error| cannot("read", &self.path, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_are_read_once_and_a_log_that_is_begun_anew_from_its_beginning() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = WorkerLog {
            instance: "i-1".into(),
            stage: "move".into(),
            path: folder.path().join("worker.log"),
        };
        assert_eq!(log.read(0, true).expect("reads"), Words::default(), "none is there yet");
        fs::write(&log.path, "one\ntw\u{e4}\nthr").expect("writes");
        let read = |from, with_rest| {
            let words = log.read(from, with_rest).expect("reads");
            assert!(words.written.is_some());
            let texts: Vec<String> = words.lines.into_iter().map(|line| line.text).collect();
            (texts, words.end)
        };
        assert_eq!(read(0, false), (vec!["one".to_owned(), "tw\u{e4}".to_owned()], 9));
        assert_eq!(read(9, false).0, [""; 0]);
        assert_eq!(read(9, true).0, ["thr"]);
        fs::write(&log.path, "anew\n").expect("writes");
        assert_eq!(read(9, false).0, ["anew"]);
    }

    #[test]
    fn each_line_has_the_time_at_which_its_last_byte_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = WorkerLog {
            instance: "i-1".into(),
            stage: "move".into(),
            path: folder.path().join("worker.log"),
        };
        fs::write(&log.path, "one\ntwo\nthree\n").expect("writes");
        fs::write(LogTimes::beside(&log.path), "6 1000\n8 2000\n").expect("writes");
        let times = |from| -> Vec<Option<i64>> {
            let lines = log.read(from, true).expect("reads").lines;
            lines.iter().map(|line| Some(line.written?.as_second())).collect()
        };
        assert_eq!(times(0), [Some(1), Some(2), None]);
        assert_eq!(times(4), [Some(2), None]);
    }
}
