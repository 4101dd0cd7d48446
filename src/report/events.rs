//! Events of an environment's stacks, on standard output: they are what was asked for.

use std::io::Write;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::form::Output;
use super::line::Line;
use super::style::{BAD, FAINT, STRONG, paint, wrapped};
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::observe::events::Happened;

/// The document of `--output json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<'a> {
    /// Which environment, and where.
    #[serde(flatten)]
    pub address: &'a Address,
    /// Where was looked for it, and whether it is deployed there.
    #[serde(flatten)]
    pub looked: Looked,
    /// Older events were left out.
    pub since: Timestamp,
    /// Oldest first, as on the lines of `--output jsonl`.
    pub events: Vec<Happened>,
}

/// Prints events, one a line. False when nobody reads them any more.
pub fn lines(events: &[Happened], output: Output) -> bool {
    let mut out = anstream::stdout().lock();
    let written = events.iter().try_for_each(|happened| match output {
        Output::Text => writeln!(out, "{}", wrapped(&text(happened), "", "    ")),
        Output::Json | Output::Jsonl => {
            let line = serde_json::to_string(&Line::new(happened.clone(), Timestamp::now()))?;
            writeln!(out, "{line}")
        }
    });
    super::written::written(written.and_then(|()| out.flush()))
}

fn text(happened: &Happened) -> String {
    let Happened { stack, resource } = happened;
    let at = resource
        .at
        .map_or(String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let style = match () {
        () if resource.failed() => BAD,
        () if resource.is_stack => STRONG,
        () => FAINT,
    };
    let status = paint(style, &resource.status);
    let reason = resource.news().map_or(String::new(), |reason| format!(": {reason}"));
    if resource.is_stack {
        format!("{at}  {stack} {status}{reason}")
    } else {
        format!("{at}  {stack}: {} {status}{reason}", resource.logical_id)
    }
}
