//! The only place that prints. Results go to standard output, progress and diagnostics to standard error.

use crate::error::Error;

/// Shows why a command ended.
pub fn error(error: &Error) {
    anstream::eprintln!("error: {error}");
    if let Some(help) = error.help() {
        anstream::eprintln!("  help: {help}");
    }
}
