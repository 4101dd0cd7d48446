//! Where nothing of AWS is configured, and the local emulator runs: whoever forgot `--local` is told of it.

use crate::cloud::is_of_no_configuration;
use crate::error::Error;
use crate::local;

/// The error, with that in its help where it is about missing credentials or a missing region.
pub(super) fn or_on_this_machine(error: Error) -> Error {
    if !is_of_no_configuration(&error) || !local::runs() {
        return error;
    }
    match error.help().map(str::to_owned) {
        Some(help) => error.with_help(format!("{help}. The local emulator runs here: --local goes there")),
        None => error,
    }
}
