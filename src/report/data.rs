//! What `destroy` says about data before it begins, and about what it left when it is done.

use std::fmt::Write;

use super::style::{BAD, GOOD, STRONG, count, paint};
use crate::deployed::Deployed;
use crate::engine::blocking::Blocking;
use crate::engine::destroy::Data;
use crate::engine::outcome::Report;

/// What is deleted, what is lost and what is kept.
pub fn text(deployed: &Deployed, data: &Data) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Destroy {}: {}",
        paint(STRONG, &deployed.environment),
        count(deployed.stacks.len(), "stack")
    );
    for stack in &deployed.stacks {
        let _ = writeln!(out, "  {} {}", paint(BAD, "-"), stack.stack.name);
    }
    for bucket in &data.emptied {
        let _ = writeln!(out, "  {} every object in s3://{bucket}", paint(BAD, "-"));
    }
    for kept in &data.kept {
        let _ = writeln!(
            out,
            "  {} {} ({}) stays",
            paint(GOOD, "="),
            kept.name,
            kept.resource_type
        );
    }
    out
}

/// What a stack can't be deleted with, for the question whether it is to be left behind.
pub fn abandoned(stack: &str, blocking: &[Blocking]) -> String {
    let mut out =
        format!("{stack} can't be deleted. By force, these would be left behind, and nothing looks after them:\n");
    for one in blocking {
        let _ = writeln!(out, "  {} {} ({})", paint(BAD, "!"), one.physical_id, one.resource_type);
    }
    out.truncate(out.trim_end().len());
    out
}

/// What was left on purpose.
pub fn left(report: &Report) -> String {
    let mut out = String::new();
    for kept in &report.kept {
        let _ = writeln!(out, "kept: {} ({})", kept.name, kept.resource_type);
    }
    if let Some(import_with) = &report.import_with {
        let _ = writeln!(out, "to take it into a new deployment: {import_with}");
    }
    for abandoned in &report.abandoned {
        let _ = writeln!(
            out,
            "left behind: {} ({} of {})",
            abandoned.name, abandoned.resource_type, abandoned.stack
        );
    }
    out
}
