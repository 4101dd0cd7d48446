//! `qfleet init [DIR]`

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::Global;
use super::named::environment_name;
use crate::error::{Error, Result};
use crate::report;
use crate::report::form::Output;

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is ever overwritten: a file that is there already stays as it is, is named, and doesn't make \
                  the exit code anything but 0.\n\n\
                  Examples:\n  \
                  qfleet init\n  \
                  qfleet init photos --name photo-lab\n  \
                  cd photos && qfleet deploy photo-lab --local"
)]
pub struct Init {
    /// Folder to write to; made if it isn't there
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Name of the environment, the first part of everything it makes
    #[arg(long, value_name = "NAME", default_value = "lab", value_parser = environment_name)]
    name: String,
}

/// A file to write: its path in the folder, its text, whether it's a program. `NAME` in either is the environment's.
struct File {
    path: &'static str,
    text: &'static str,
    executable: bool,
}

macro_rules! file {
    ($path:literal, $source:literal, executable: $executable:literal) => {
        File {
            path: $path,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/init/", $source)),
            executable: $executable,
        }
    };
}

const FILES: [File; 6] = [
    file!("stacks/NAME.yaml", "environment.yaml", executable: false),
    file!("worker/run", "worker/run", executable: true),
    file!("worker/install", "worker/install", executable: true),
    file!("worker/worker.py", "worker/worker.py", executable: false),
    file!("worker/requirements.txt", "worker/requirements.txt", executable: false),
    file!(".github/workflows/qfleet.yaml", "pipeline.yaml", executable: false),
];

/// The JSON form of the result is a list of these, or one a line.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entry<'a> {
    path: &'a Path,
    /// Whether it's new; if not, it was there and stays as it was.
    written: bool,
}

impl Init {
    pub fn run(self, global: &Global) -> Result<()> {
        let mut files = Vec::new();
        for file in &FILES {
            let path = self.folder.join(file.path.replace("NAME", &self.name));
            let written = write(&path, &file.text.replace("NAME", &self.name), file.executable)?;
            files.push((path, written));
        }
        let entries = || {
            files.iter().map(|(path, written)| Entry {
                path,
                written: *written,
            })
        };
        match global.output {
            Output::Text => report::text(&report::init::text(&files, &self.folder, &self.name)),
            Output::Json => report::json(&entries().collect::<Vec<_>>()),
            Output::Jsonl => entries().for_each(|entry| report::json_line(&entry)),
        }
        Ok(())
    }
}

/// Writes a file that isn't there. Returns whether it wasn't.
fn write(path: &Path, text: &str, executable: bool) -> Result<bool> {
    use std::os::unix::fs::OpenOptionsExt;

    let cannot = |error| Error::failed(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    // The system decides whether it's there, in the same step as it makes it: a link that leads nowhere counts, too.
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if executable { 0o777 } else { 0o666 })
        .open(path);
    match opened {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(cannot).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(cannot(error)),
    }
}
