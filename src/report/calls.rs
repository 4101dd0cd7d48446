//! What `-v`, `-vv` and `--log-file` tell of the calls to AWS. It goes to standard error and to that file, and nowhere else.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use jiff::Timestamp;

use super::live;
use super::style::{FAINT, paint};
use crate::cloud::{Answer, Call, Step, Told};
use crate::error::{Error, Result};

static WANTED: OnceLock<Wanted> = OnceLock::new();

#[derive(Debug)]
struct Wanted {
    /// How often `-v` was given.
    verbosity: u8,
    log: Option<Mutex<File>>,
}

/// Begins to tell. `verbosity`: 1 for calls that are over, 2 for attempts, too; the file always gets all of it.
///
/// # Errors
/// Usage, when the file can't be written.
pub fn begin(verbosity: u8, log_file: Option<&Path>, command: impl FnOnce() -> String) -> Result<()> {
    let log = log_file.map(|path| {
        let mut options = File::options();
        // Only its owner's: names of what an account holds are in it.
        let opened = options.append(true).create(true).mode(0o600).open(path);
        opened.map(Mutex::new).map_err(|error| {
            Error::usage(format!("--log-file {} can't be written: {error}", path.display()))
                .with_help("name a file that you may write to, in a folder that exists; nothing was done")
        })
    });
    let wanted = Wanted {
        verbosity,
        log: log.transpose()?,
    };
    // Once a process.
    let _ = WANTED.set(wanted);
    if log_file.is_some() {
        log_line(&format!("qfleet {} begins: {}", env!("CARGO_PKG_VERSION"), command()));
    }
    Ok(())
}

/// The command went well.
pub fn end() {
    log_line("ends with exit code 0");
}

/// Whether somebody wants to know of calls.
pub fn are_wanted() -> bool {
    WANTED
        .get()
        .is_some_and(|wanted| wanted.verbosity > 0 || wanted.log.is_some())
}

/// Whether `-v` was given: who gives it wants all of what is otherwise made short.
pub fn are_shown() -> bool {
    WANTED.get().is_some_and(|wanted| wanted.verbosity > 0)
}

/// Tells what happens, to those who want to know that much.
pub fn tell(told: &Told<'_>) {
    let Some(wanted) = WANTED.get() else { return };
    let (from, lines) = lines(told);
    for line in lines {
        if wanted.verbosity >= from {
            live::line(&paint(FAINT, format!("  {line}")));
        }
        log_line(&line);
    }
}

/// A line of the log file, where there is one. A disk that is full now was none at the beginning, and the command goes on.
pub(super) fn log_line(text: &str) {
    let Some(log) = WANTED.get().and_then(|wanted| wanted.log.as_ref()) else {
        return;
    };
    let text = anstream::adapter::strip_str(text).to_string().replace('\n', " ");
    let line = format!("{:.3} {text}\n", Timestamp::now());
    if let Ok(mut file) = log.lock() {
        // In one piece: other commands may append to the same file.
        let _ = file.write_all(line.as_bytes());
    }
}

/// How verbose one must be to see it, and how it reads.
fn lines(told: &Told<'_>) -> (u8, Vec<String>) {
    let call = match told {
        Told::Credentials { from, until } => {
            let until = until.as_ref().map_or(String::new(), |until| format!(", until {until}"));
            return (2, vec![format!("credentials: {from}{until}")]);
        }
        Told::Call(call) => call,
    };
    let Call {
        number,
        service,
        operation,
        attempt,
        step,
    } = call;
    let name = format!("{service} {operation}");
    match step {
        Step::Sent { to, region, asked } => {
            let asked = asked.iter().map(|(field, value)| format!(", {field} {value}"));
            let asked: String = asked.collect();
            (
                2,
                vec![format!(
                    "{name} (call {number}, attempt {attempt}) to {to}, region {region}{asked}"
                )],
            )
        }
        Step::Failed { answer, why } => (
            2,
            vec![format!(
                "{name} (call {number}, attempt {attempt}): {}{}",
                said(answer),
                why.as_ref().map_or(String::new(), |why| format!(": {why}"))
            )],
        ),
        Step::Over { answer, sent, causes } => {
            let attempts = match attempt {
                0 | 1 => String::new(),
                attempts => format!(", {attempts} attempts"),
            };
            let said = match sent {
                true => said(answer),
                false => "not sent".to_owned(),
            };
            let mut lines = vec![format!("{name} (call {number}): {said}{attempts}")];
            lines.extend(causes.iter().map(|cause| format!("  because: {cause}")));
            (1, lines)
        }
    }
}

fn said(answer: &Answer) -> String {
    let mut said = match answer.status {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    if let Some(code) = &answer.code {
        said += &format!(" {code}");
    }
    said += &format!(" in {}", milliseconds(answer.took));
    if let Some(id) = &answer.request_id {
        said += &format!(", request {id}");
    }
    if let Some(id) = &answer.extended_id {
        said += &format!(", id 2 {id}");
    }
    said
}

fn milliseconds(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}
