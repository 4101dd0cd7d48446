//! Drift, for a ticket or a pull request.

use std::fmt::Write;

use serde_json::Value;

use super::drift::{apart, conclusion, origin, value_text, word};
use super::markdown::{cell, code};
use crate::observe::drift::Drift;

/// What was found, as GitHub's Markdown; `all`: what doesn't matter, too.
pub fn markdown(drift: &Drift, all: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## Drift of {}\n", drift.address.environment);
    let _ = writeln!(
        out,
        "Account {}, {}. {}",
        drift.address.account,
        drift.address.region,
        conclusion(drift)
    );
    for stack in &drift.stacks {
        let mut findings = stack.findings(all).peekable();
        let nothing = findings.peek().is_none() && stack.error.is_none() && stack.detection.is_none();
        let silent = nothing && (!all || stack.not_checked.is_empty());
        if silent {
            continue;
        }
        let _ = writeln!(out, "\n### {}\n", stack.stack);
        if let Some(error) = &stack.error {
            let _ = writeln!(out, "Could not be checked: {}", cell(error));
        }
        if let Some(reason) = &stack.detection {
            let _ = writeln!(out, "Detection was incomplete: {}\n", cell(reason));
        }
        if findings.peek().is_some() {
            let _ = writeln!(out, "| resource | property | class | deployed | actual | why |");
            let _ = writeln!(out, "| --- | --- | --- | --- | --- | --- |");
        }
        for (resource, finding) in findings {
            let reference = finding.reference.map_or(String::new(), |url| format!(" <{url}>"));
            let (deployed, actual) = match apart(finding) {
                _ if resource.deleted => (code(&resource.physical_id), "(gone)".to_owned()),
                Some((gone, new)) => (parts(&gone), parts(&new)),
                None => (
                    code(&value_text(finding.expected.as_ref())),
                    code(&value_text(finding.actual.as_ref())),
                ),
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {deployed} | {actual} | {}{reference}; {} |",
                cell(&resource.logical_id),
                cell(if resource.deleted {
                    "(deleted)"
                } else {
                    &finding.property
                }),
                word(finding.class),
                cell(&finding.why),
                origin(finding)
            );
        }
        if all && !stack.not_checked.is_empty() {
            let _ = writeln!(out, "\nNot checked:\n");
            for missing in &stack.not_checked {
                let property = missing
                    .property
                    .as_ref()
                    .map_or(String::new(), |name| format!(" {name}"));
                let _ = writeln!(out, "- {}{property}: {}", cell(&missing.logical_id), cell(&missing.why));
            }
        }
    }
    out
}

/// What only one of two policies or lists has.
fn parts(only_there: &[Value]) -> String {
    let parts: Vec<String> = only_there.iter().map(|part| code(&value_text(Some(part)))).collect();
    match parts.is_empty() {
        true => "(nothing else)".to_owned(),
        false => parts.join("<br>"),
    }
}
