//! The journal of scaling activities: one JSON object a line, appended as things happen.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use super::state::Activity;
use crate::error::Result;
use crate::local::home::cannot;

/// As many activities are kept when a fleet is started; Auto Scaling keeps six weeks of them.
const KEPT: usize = 1000;

/// The journal, open at its end.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens it, and drops what is old.
    pub fn open(path: PathBuf) -> Result<Journal> {
        let mut text = String::new();
        for activity in read(&path)?.iter().take(KEPT).rev() {
            text.push_str(&line(activity));
        }
        let draft = path.with_extension("jsonl.new");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|error| cannot("write", &path, &error))?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| cannot("write", &path, &error))?;
        Ok(Journal { path, file })
    }

    /// Writes down how an activity stands now.
    pub fn record(&mut self, activity: &Activity) -> Result<()> {
        // One call, so that a reader never sees half of a line that a living supervisor writes.
        self.file
            .write_all(line(activity).as_bytes())
            .map_err(|error| cannot("write", &self.path, &error))
    }
}

fn line(activity: &Activity) -> String {
    // These are strings, instants and enums: nothing that JSON can't hold.
    serde_json::to_string(activity)
        .map(|text| text + "\n")
        .unwrap_or_default()
}

/// The activities of a journal, the newest first; none where there is no journal.
///
/// # Errors
/// When the journal is there but can't be read.
pub(super) fn read(path: &Path) -> Result<Vec<Activity>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", path, &error)),
    };
    newest_first(BufReader::new(file).lines()).map_err(|error| cannot("read", path, &error))
}

/// Each activity once, as its last line says it is. A line that can't be read was cut off by a crash, and is left out.
fn newest_first(lines: impl Iterator<Item = io::Result<String>>) -> io::Result<Vec<Activity>> {
    let mut all: Vec<Activity> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        let Ok(activity) = serde_json::from_str::<Activity>(&line?) else {
            continue;
        };
        match places.get(&activity.activity_id) {
            Some(place) => all[*place] = activity,
            None => {
                places.insert(activity.activity_id.clone(), all.len());
                all.push(activity);
            }
        }
    }
    all.reverse();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::local::fleet::state::StatusCode;

    fn activity(id: &str, code: StatusCode) -> Activity {
        Activity {
            activity_id: id.into(),
            group: "lab-move".into(),
            instance: "i-1".into(),
            description: String::new(),
            cause: String::new(),
            start_time: Timestamp::UNIX_EPOCH,
            end_time: None,
            status_code: code,
            status_message: None,
        }
    }

    #[test]
    fn an_activity_is_what_its_last_line_says_in_the_order_of_the_first_lines() {
        let lines = [
            serde_json::to_string(&activity("a", StatusCode::InProgress)).expect("JSON"),
            serde_json::to_string(&activity("b", StatusCode::InProgress)).expect("JSON"),
            serde_json::to_string(&activity("a", StatusCode::Successful)).expect("JSON"),
            r#"{"activity_id": "c", "gro"#.into(),
        ];
        let read = newest_first(lines.into_iter().map(Ok)).expect("reads");
        let short: Vec<(&str, StatusCode)> = read.iter().map(|a| (a.activity_id.as_str(), a.status_code)).collect();
        assert_eq!(short, [("b", StatusCode::InProgress), ("a", StatusCode::Successful)]);
    }
}
