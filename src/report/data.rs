//! What `destroy` says about data before it begins.

use std::fmt::Write;

use super::style::{BAD, GOOD, STRONG, count, paint};
use crate::deployed::Deployed;
use crate::deployed::holdings::{Holding, Kind};

/// What is deleted, what is lost and what is kept.
pub fn text(deployed: &Deployed, holdings: &[Holding]) -> String {
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
    for bucket in holdings.iter().filter(|one| one.kind == Kind::Bucket && !one.kept) {
        let _ = writeln!(out, "  {} every object in s3://{}", paint(BAD, "-"), bucket.name);
    }
    for kept in holdings.iter().filter(|one| one.kept) {
        let _ = writeln!(
            out,
            "  {} {} ({}) stays",
            paint(GOOD, "="),
            kept.name,
            kept.kind.resource_type()
        );
    }
    out
}
