//! What `init` says.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The files, each with whether it was written or was there, and what can be done with them.
pub fn text(files: &[(PathBuf, bool)], folder: &Path, environment: &str) -> String {
    let mut out = String::new();
    for (path, written) in files {
        let _ = match written {
            true => writeln!(out, "wrote {}", path.display()),
            false => writeln!(out, "kept  {} (it was there)", path.display()),
        };
    }
    out.push_str("\nNext:\n");
    if folder != Path::new(".") {
        let _ = writeln!(out, "  cd {}", folder.display());
    }
    for (verb, option, purpose) in [
        ("check", "", "what can be known without AWS"),
        ("deploy", " --local", "to an AWS emulator on this machine"),
        ("deploy", "", "to AWS"),
    ] {
        let command = format!("qfleet {verb} {environment}{option}");
        let _ = writeln!(out, "  {command:<44}  {purpose}");
    }
    out
}
