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
    let source = match (&line.instance, environment(&line.log)) {
        (Some(instance), _) => format!("{instance}/{}", line.log),
        (None, Some(environment)) => format!("function/{environment}"),
        (None, None) => line.log.clone(),
    };
    let head = format!(
        "{at}  {} {}",
        paint(STRONG, &line.stage),
        paint(FAINT, escaped(&source))
    );
    let lines = line.message.split('\n');
    lines.map(move |text| format!("{head}  {}", escaped(text.trim_end_matches('\r'))))
}

/// Enough of a function's execution environment to tell it from others, by the name of its log stream:
/// `2026/01/02/<function>[$LATEST]<id>`
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html>).
fn environment(stream: &str) -> Option<&str> {
    let (before, id) = stream.rsplit_once(']')?;
    let is_one = before.contains('[') && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.get(..8).filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_stream_names_its_environment() {
        let id = "0123456789abcdef0123456789abcdef";
        for stream in [
            format!("2026/01/02/lab-Function[$LATEST]{id}"),
            format!("2026/01/02/[7]{id}"),
        ] {
            assert_eq!(environment(&stream), Some("01234567"), "{stream}");
        }
        for other in ["i-01/worker", "2026/01/02", "a]b", "[x]short", "[x]not hexadecimal", ""] {
            assert_eq!(environment(other), None, "{other}");
        }
    }
}
