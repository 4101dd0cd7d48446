//! The only place that prints. Results go to standard output, progress and diagnostics to standard error.

pub mod ask;
mod attention;
mod board;
pub mod calls;
mod cause;
pub mod changes;
pub mod check;
#[cfg(test)]
mod contrast;
pub mod data;
pub mod doctor;
pub mod drift;
pub mod drift_markdown;
mod emptying;
pub mod events;
pub mod existing_bucket;
pub mod files;
pub mod fleet;
pub mod form;
mod function;
pub mod graph;
pub mod iam;
pub mod init;
mod instance_types;
pub mod jobs;
pub mod killed;
mod line;
pub mod list;
mod live;
pub mod local;
pub mod logs;
mod markdown;
pub mod next;
mod permissions;
pub mod plain;
pub mod plan;
pub mod plan_markdown;
pub mod problems;
pub mod progress;
pub mod reap;
pub mod receipt;
pub mod recover;
pub mod render;
pub mod results;
pub mod revert;
mod schedule;
pub mod screen;
pub mod status;
mod style;
pub mod summary;
pub mod surplus;
mod switch;
mod table;
mod tally;
pub mod transfer;
pub mod watch;
mod words;
mod written;

pub use ask::{confirm, confirm_first};
pub use written::all_written;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use serde::Serialize;

use crate::environment::problem::Located;
use crate::error::{Error, ErrorJson, Refusal, exit_code};
use crate::interrupt::{AtWork, HasEnded, Known};
use form::Output;

/// Whether standard output has its one document, or a part of it.
static DOCUMENT: AtomicBool = AtomicBool::new(false);

/// Shows why a command ended: on standard error, and for `--output json` on standard output, unless its one document is
/// there already.
pub fn error(error: &Error, output: Output) {
    ended(error, output, &Known::default());
}

fn ended(error: &Error, output: Output, known: &Known) {
    let names = |test: fn(&AtWork) -> bool| {
        let stacks = known.at_work.iter().filter(|work| test(work));
        stacks.map(|work| work.stack.clone()).collect::<Vec<String>>()
    };
    let goes_on = [names(|_| true).as_slice(), error.goes_on()].concat();
    let is_there = DOCUMENT.load(Ordering::SeqCst);
    calls::log_line(&format!("ends with exit code {}: {error}", error.exit_code()));
    if matches!(error, Error::Shown(_) | Error::Differences) && (is_there || output != Output::Json) {
        return;
    }
    if output == Output::Jsonl || output == Output::Json && !is_there {
        let problems = match error {
            Error::BadFile(problems) => Some(problems),
            _ => None,
        };
        let document = ErrorDocument {
            error: ErrorJson::from(error),
            refusals: error.refusals(),
            problems: problems.map(|problems| problems.located().collect()),
            more_problems: problems.map(|problems| problems.more).filter(|more| *more > 0),
            goes_on: &goes_on,
            taken_back: &names(|work| work.is_taken_back),
            ended: &known.ended,
        };
        if output == Output::Json {
            json(&document)
        } else {
            json_line(&document)
        }
    } else if let (Output::Text, Error::BadFile(problems)) = (output, error) {
        problems::show(problems, miette::Severity::Error);
    }
    note(&format!("{} {error}", style::paint(style::BAD, "error:")));
    if let Some(help) = error.help() {
        note(&format!("  {} {help}", style::paint(style::STRONG, "help:")));
    }
}

/// A command line that can't be read, as clap tells it: for programs, in the form of any other error. People are told by clap.
pub fn bad_usage(told: &str, code: i32, output: Output) {
    let mut told = told.split("\n\n");
    let message = told.next().unwrap_or_default().trim_start_matches("error: ").trim_end();
    let (tips, others): (Vec<&str>, Vec<&str>) = told.map(str::trim).partition(|part| part.starts_with("tip: "));
    let usage = others.into_iter().filter(|part| part.starts_with("Usage: "));
    let help: Vec<&str> = tips
        .into_iter()
        .map(|tip| tip.trim_start_matches("tip: "))
        .chain(usage)
        .collect();
    let document = ErrorDocument {
        error: ErrorJson {
            message: message.to_owned(),
            help: (!help.is_empty()).then(|| help.join("\n")),
            exit_code: u8::try_from(code).unwrap_or(exit_code::USAGE),
            reason: None,
        },
        refusals: &[],
        problems: None,
        more_problems: None,
        goes_on: &[],
        taken_back: &[],
        ended: &[],
    };
    match output {
        Output::Text => {}
        Output::Json => json(&document),
        Output::Jsonl => json_line(&document),
    }
}

/// The document of a command that has no other.
#[derive(Serialize, JsonSchema)]
pub struct ErrorDocument<'a> {
    error: ErrorJson,
    /// Why a plan can't be deployed (`deploy`): each reason by itself.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refusals: &'a [Refusal],
    /// What is wrong with a file, in the order of its lines: the first twenty problems.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<Located<'a>>>,
    /// How many other problems the file has.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_problems: Option<usize>,
    /// Stacks on which CloudFormation goes on working: what was waited for when the command was interrupted or its time
    /// ended, and what `--no-wait` doesn't wait for.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    goes_on: &'a [String],
    /// Those of them on which CloudFormation was told to cancel (`--on-interrupt cancel`): it rolls an update back, and deletes an
    /// unfinished first create.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    taken_back: &'a [String],
    /// Stacks on which an operation had ended, where a second signal, or the end of its time, ended the command at once.
    #[serde(skip_serializing_if = "<[HasEnded]>::is_empty")]
    ended: &'a [HasEnded],
}

/// The last words of a process that ends at once: why, with which stacks CloudFormation goes on and how to look at them,
/// and which change sets it leaves behind.
pub fn at_once(error: &Error, output: Output, known: &Known, look: &[String], left: &[String]) {
    screen::leave();
    ended(error, output, known);
    for line in look {
        note(line);
    }
    for draft in left {
        note(&format!(
            "left behind: {draft}, which changes nothing; the next deploy of that stack throws it away"
        ));
    }
}

/// The one document on standard output; after it, there is none. A reader that has gone away is no error.
pub fn json(document: &impl Serialize) {
    if DOCUMENT.swap(true, Ordering::SeqCst) {
        return;
    }
    let mut out = std::io::stdout().lock();
    let all = serde_json::to_writer_pretty(&mut out, document).map_err(Into::into);
    written::written(all.and_then(|()| writeln!(out)));
}

/// The result of a command that tells nothing before it, in the form that was asked for.
pub fn document(output: Output, document: &impl Serialize, for_people: impl FnOnce() -> String) {
    match output {
        Output::Text => prose(&for_people()),
        Output::Json => json(document),
        Output::Jsonl => json_line(document),
    }
}

/// The same for what is there to be copied, or read by a program: its lines are never broken.
pub fn as_it_is(output: Output, document: &impl Serialize, for_people: impl FnOnce() -> String) {
    match output {
        Output::Text => text(&for_people()),
        output => self::document(output, document, String::new),
    }
}

/// The result of a command that has told what happened: among the lines of `--output jsonl`, the one with a `result`.
pub fn result(output: Output, result: &impl Serialize, for_people: impl FnOnce() -> String) {
    match output {
        Output::Jsonl => json_line(&BTreeMap::from([("result", result)])),
        output => document(output, result, for_people),
    }
}

/// A result in sentences, on standard output: in a terminal, lines are broken between words, and commands stay whole.
pub fn prose(text: &str) {
    self::text(&style::lines_wrapped_to(width(), text));
}

/// A result, on standard output.
pub fn text(text: &str) {
    written::written(write!(anstream::stdout().lock(), "{text}"));
}

/// How many columns a line of results has; none where they don't go to a terminal.
pub fn width() -> Option<usize> {
    width_of(std::io::stdout())
}

/// How many columns a line has there; none where it isn't a terminal, or where lines are to stay whole.
fn width_of(stream: impl std::os::fd::AsFd) -> Option<usize> {
    let size = terminal_size::terminal_size_of(stream).filter(|_| !plain::is());
    size.map(|(width, _)| usize::from(width.0))
}

/// Something to know, on standard error; in a terminal, lines are broken between words.
pub fn note(text: &str) {
    let columns = width_of(std::io::stderr());
    let _ = writeln!(anstream::stderr().lock(), "{}", style::lines_wrapped_to(columns, text));
}

/// One object on a line of its own, on standard output.
pub fn json_line(object: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(object) {
        written::written(writeln!(std::io::stdout().lock(), "{line}"));
    }
}
