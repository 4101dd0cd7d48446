//! The question before something of this machine is ended that wasn't named.

use super::global::Global;
use crate::error::{Error, Reason, Result};
use crate::report;

/// Asks.
///
/// # Errors
/// A refusal, without a yes.
pub fn may_end(global: &Global, question: &str, yes: bool) -> Result<()> {
    global.run(None, async |interrupt| {
        match report::confirm(interrupt, question, yes)? {
            true => Ok(()),
            false => Err(Error::refused("not confirmed: nothing was ended").because(Reason::NotConfirmed)),
        }
    })
}
