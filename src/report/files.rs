//! What `files` says.

use std::fmt::Write;
use std::path::Path;

use indicatif::HumanBytes;
use jiff::Timestamp;

use super::jobs::escaped;
use super::style::{CAREFUL, FAINT, STRONG, many, paint, whole_seconds, wrapped};
use crate::deployed::address::Address;
use crate::observe::files::Held;
use crate::shell::word;

/// What is under the watched prefix, what is done, and the newest of each.
pub fn counted(address: &Address, bucket: &str, uploaded: &Held, processed: &Held) -> String {
    let mut out = format!(
        "{} in {}, s3://{bucket}\n",
        paint(STRONG, &address.environment),
        address.place()
    );
    for (label, held) in [("uploaded", uploaded), ("processed", processed)] {
        let margin = format!("  {:9}  ", "");
        let count = format!(
            "{} ({}) under {}",
            many(held.objects, "file"),
            HumanBytes(held.bytes),
            held.prefix
        );
        let first = format!("  {}  ", paint(FAINT, format!("{label:9}")));
        let _ = writeln!(out, "{}", wrapped(&count, &first, &margin));
        if let Some(newest) = &held.newest {
            let newest = format!(
                "newest: {} ({}), {} ago",
                escaped(&newest.key),
                HumanBytes(newest.bytes),
                whole_seconds(newest.age_seconds)
            );
            let _ = writeln!(out, "{}", wrapped(&newest, &margin, &margin));
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

/// What is to be known beside a link.
pub fn warning(text: &str) -> String {
    format!("{} {}", paint(CAREFUL, "warning:"), escaped(text))
}

/// A command that sends a form with the file that the key is called after.
pub fn upload(url: &str, fields: &[(&str, String)], key: &str) -> String {
    let mut out = format!("curl {} \\\n", word(url));
    for (name, value) in fields {
        // Literally: in a value of -F, `@`, `<` and `;` have a meaning.
        let _ = writeln!(out, "  --form-string {} \\", word(&format!("{name}={value}")));
    }
    let name = key.rsplit('/').next().unwrap_or(key);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let file = match name.chars().all(is_plain) {
        true => format!("file=@./{name}"),
        false => format!("file=@\"./{}\"", name.replace('\\', r"\\").replace('"', r#"\""#)),
    };
    let _ = writeln!(out, "  -F {}", word(&file));
    out
}

/// What was written.
pub fn got(path: &Path, bytes: u64) -> String {
    format!("{} ({})\n", escaped(&path.to_string_lossy()), HumanBytes(bytes))
}
