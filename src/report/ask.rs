//! The question before a change.

use std::io::IsTerminal;

use crate::error::{Error, Result};

/// Asks, and returns whether the answer was yes. With `yes`, the answer is yes without asking.
///
/// # Errors
/// A refusal when there's no terminal to ask in.
pub fn confirm(question: &str, yes: bool) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::refused(format!(
            "not confirmed: \"{question}\" can't be asked without a terminal"
        ))
        .with_help("add --yes to go on without being asked"));
    }
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .wait_for_newline(true)
        .interact()
        .map_err(|error| Error::refused(format!("not confirmed: {error}")))
}
