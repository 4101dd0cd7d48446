//! What `files` says.

use std::fmt::Write;
use std::path::Path;

use indicatif::HumanBytes;
use jiff::Timestamp;

use super::jobs::escaped;
use super::style::{CAREFUL, FAINT, STRONG, many, paint, whole_seconds};
use crate::deployed::address::Address;
use crate::observe::files::Held;

/// What waits, what is done, and the newest of each.
pub fn counted(address: &Address, bucket: &str, waiting: &Held, processed: &Held) -> String {
    let mut out = format!(
        "{} in {}, s3://{bucket}\n",
        paint(STRONG, &address.environment),
        address.place()
    );
    for (label, held) in [("waiting", waiting), ("processed", processed)] {
        let _ = writeln!(
            out,
            "  {}  {} ({}) under {}",
            paint(FAINT, format!("{label:9}")),
            many(held.objects, "file"),
            HumanBytes(held.bytes),
            held.prefix
        );
        if let Some(newest) = &held.newest {
            let _ = writeln!(
                out,
                "  {:9}  newest: {} ({}), {} ago",
                "",
                escaped(&newest.key),
                HumanBytes(newest.bytes),
                whole_seconds(newest.age_seconds)
            );
        }
    }
    out
}

/// That a link ends with the credentials that it was signed with.
pub fn ends_early(end: Option<Timestamp>, now: Timestamp) -> String {
    let warning = paint(CAREFUL, "warning:");
    match end {
        Some(end) => {
            let left = u64::try_from(end.duration_since(now).as_secs()).unwrap_or_default();
            format!(
                "{warning} the link ends at {}, in {}: the credentials that it was signed with are temporary and end then",
                end.strftime("%Y-%m-%d %H:%M:%SZ"),
                whole_seconds(left)
            )
        }
        None => format!(
            "{warning} the link ends with the credentials that it was signed with: they are temporary, and don't say \
             when they end"
        ),
    }
}

/// What was written.
pub fn got(path: &Path, bytes: u64) -> String {
    format!("{} ({})\n", escaped(&path.to_string_lossy()), HumanBytes(bytes))
}
