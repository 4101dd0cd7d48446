//! What `destroy` says about data before it begins.

use std::fmt::Write;

use super::style::{BAD, GOOD, STRONG, count, paint};
use crate::deployed::Deployed;
use crate::engine::destroy::Data;

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
