//! What `recover` says before it begins.

use std::fmt::Write;

use super::style::{BAD, CAREFUL, FAINT, STRONG, count, paint};
use crate::engine::plan::decide::Recover;
use crate::engine::recover::Stuck;

/// Which stacks are stuck, on what, and what is done about it.
pub fn text(environment: &str, stuck: &[Stuck]) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Recover {}: {} stuck",
        paint(STRONG, environment),
        count(stuck.len(), "stack")
    );
    for stack in stuck {
        let (style, what) = match stack.action {
            Recover::Continue => (CAREFUL, "its rollback goes on".to_owned()),
            Recover::Rollback => (CAREFUL, "it is rolled back to what it was".to_owned()),
            Recover::TakeBack => (
                BAD,
                "it never was complete: its create is taken back, and nothing of it stays".to_owned(),
            ),
            Recover::Refuse(why) => (BAD, why.to_owned()),
            Recover::Attach | Recover::Nothing => (FAINT, "left as it is".to_owned()),
        };
        let _ = writeln!(out, "  {} is {}: {}", stack.stack, stack.status, paint(style, what));
        for blocking in &stack.blocking {
            let skipped = if stack.skip.contains(&blocking.logical_id) {
                paint(CAREFUL, " (skipped: left as it is now, whatever its template says)")
            } else {
                String::new()
            };
            let _ = writeln!(out, "      {blocking}{skipped}");
        }
    }
    out
}

/// There is nothing to do.
pub fn nothing(environment: &str) -> String {
    format!("{environment}: nothing to recover.\n")
}
