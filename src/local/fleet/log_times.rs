//! When a worker's log grew. A worker writes to its log by itself, so nothing is lost, and it waits for nobody, when the
//! supervisor is killed. The supervisor only looks how long the log is, and notes that with the time.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

/// How often a log is looked at: lines of several workers are put in order to this.
pub(super) const LOOKS: Duration = Duration::from_millis(100);

/// Notes when one log grows.
#[derive(Debug)]
pub(super) struct Growth {
    log: PathBuf,
    noted: u64,
}

impl Growth {
    pub fn of(log: PathBuf) -> Growth {
        let known = LogTimes::read(&LogTimes::beside(&log));
        Growth {
            noted: known.0.last().map_or(0, |(end, _)| *end),
            log,
        }
    }

    /// Notes how long the log is, if that has changed. What can't be written is lost: its lines have no time then.
    pub fn note(&mut self, now: Timestamp) {
        let length = fs::metadata(&self.log).map_or(0, |found| found.len());
        if length == self.noted {
            return;
        }
        // It was begun anew, and so are its times.
        let anew = length < self.noted;
        self.noted = length;
        let mut options = OpenOptions::new();
        let file = options.create(true).append(!anew).write(true).truncate(anew);
        let line = format!("{length} {}\n", now.as_millisecond());
        let _ = file
            .open(LogTimes::beside(&self.log))
            .and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

/// When a log was how long: bytes and times, both rising.
#[derive(Debug, Default)]
pub(super) struct LogTimes(Vec<(u64, Timestamp)>);

impl LogTimes {
    /// The file beside a log.
    pub fn beside(log: &Path) -> PathBuf {
        log.with_extension("times")
    }

    /// As they were noted; none where none are, and only those that can be read.
    pub fn read(path: &Path) -> LogTimes {
        let text = fs::read_to_string(path).unwrap_or_default();
        let noted = |line: &str| {
            let (end, at) = line.split_once(' ')?;
            Some((end.parse().ok()?, Timestamp::from_millisecond(at.parse().ok()?).ok()?))
        };
        LogTimes(text.lines().filter_map(noted).collect())
    }

    /// When the log was first seen to have its bytes up to this one.
    pub fn of(&self, end: u64) -> Option<Timestamp> {
        let place = self.0.partition_point(|(noted, _)| *noted < end);
        self.0.get(place).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_has_the_time_at_which_the_log_was_seen_to_grow() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("worker.log");
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let write = |text: &str| fs::write(&log, text).expect("writes");
        let times = || LogTimes::read(&LogTimes::beside(&log));
        let mut growth = Growth::of(log.clone());
        growth.note(at(1));
        assert_eq!(times().of(1), None, "nothing is written yet");
        write("one\n");
        growth.note(at(2));
        growth.note(at(3));
        // The worker is started again in the same place.
        let mut growth = Growth::of(log.clone());
        growth.note(at(4));
        write("one\ntwo\nthree\n");
        growth.note(at(5));
        let found = [1, 4, 5, 14, 15].map(|end| times().of(end));
        assert_eq!(found, [Some(at(2)), Some(at(2)), Some(at(5)), Some(at(5)), None]);
        write("anew\n");
        growth.note(at(6));
        assert_eq!([5, 6].map(|end| times().of(end)), [Some(at(6)), None]);
    }
}
