//! The journal of scaling activities: one JSON object a line, appended as things happen.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use super::state::{Activity, newest_first};
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
        if let Ok(file) = File::open(&path) {
            let known = newest_first(BufReader::new(file).lines()).map_err(|error| cannot("read", &path, &error))?;
            let mut text = String::new();
            for activity in known.iter().take(KEPT).rev() {
                text.push_str(&line(activity));
            }
            let draft = path.with_extension("jsonl.new");
            fs::write(&draft, text)
                .and_then(|()| fs::rename(&draft, &path))
                .map_err(|error| cannot("write", &path, &error))?;
        }
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
