//! Whether what was asked for came out. A reader that has gone away has seen enough; a full disk is a failure, however
//! well the command went.

use std::io;
use std::sync::Mutex;

use crate::error::{Error, Result};

/// Why something is missing on standard output.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Notes what came of writing to standard output. False when nothing more can be written.
pub(super) fn written(result: io::Result<()>) -> bool {
    let Err(error) = result else { return true };
    if error.kind() != io::ErrorKind::BrokenPipe
        && let Ok(mut lost) = LOST.lock()
    {
        lost.get_or_insert(error.to_string());
    }
    false
}

/// The end of a command that went well.
///
/// # Errors
/// A failure, when its result could not be written.
pub fn all_written() -> Result<()> {
    written(io::Write::flush(&mut io::stdout()));
    match LOST.lock().ok().and_then(|mut lost| lost.take()) {
        Some(why) => Err(
            Error::failed(format!("the result can't be written to standard output: {why}"))
                .with_help("the command itself went well: what it did is done"),
        ),
        None => Ok(()),
    }
}
