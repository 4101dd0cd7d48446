//! What workers logged, on standard output: it is what was asked for.

use std::io::Write;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::form::Output;
use super::jobs::escaped;
use super::style::{FAINT, STRONG, paint};
use crate::deployed::address::Address;
use crate::observe::logs::LogLine;

/// The document of `--output json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<'a> {
    #[serde(flatten)]
    pub address: &'a Address,
    /// Older lines were left out.
    pub since: Timestamp,
    /// Oldest first, as on the lines of `--output jsonl`.
    pub lines: Vec<LogLine>,
    /// Stages whose log group isn't there.
    pub without_log_group: Vec<String>,
}

/// Prints lines. False when nobody reads them any more.
pub fn lines(lines: &[LogLine], output: Output) -> bool {
    let mut out = anstream::stdout().lock();
    let written = lines.iter().try_for_each(|line| match output {
        Output::Text => text(line).try_for_each(|text| writeln!(out, "{text}")),
        Output::Json | Output::Jsonl => writeln!(out, "{}", serde_json::to_string(line)?),
    });
    super::written::written(written.and_then(|()| out.flush()))
}

/// An event that has several lines is shown as several. Nothing in it reaches the terminal as a command.
fn text(line: &LogLine) -> impl Iterator<Item = String> {
    let at = line.at.strftime("%Y-%m-%d %H:%M:%SZ");
    let source = match &line.instance {
        Some(instance) => format!("{instance}/{}", line.log),
        None => line.log.clone(),
    };
    let head = format!(
        "{at}  {} {}",
        paint(STRONG, &line.stage),
        paint(FAINT, escaped(&source))
    );
    let lines = line.message.split('\n');
    lines.map(move |text| format!("{head}  {}", escaped(text.trim_end_matches('\r'))))
}
