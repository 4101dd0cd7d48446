//! Questions: the one before a change, and those of `init`.

mod line;
mod questions;
mod typed;

use std::io::{IsTerminal, Write, stderr, stdin};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

pub use questions::{Choice, choose, is_possible, leave, text};

use super::live;
use super::style::wrapped_to;
use crate::error::{Error, Reason, Result};
use crate::interrupt::Interrupt;

/// How soon a signal is heard while somebody thinks about the answer.
const HEARD: Duration = Duration::from_millis(50);

/// Asks, and returns whether the answer was yes. With `yes`, the answer is yes without asking.
///
/// # Errors
/// A refusal when there's no terminal to ask in; while it asks, why the command must end.
pub fn confirm(interrupt: &Interrupt, question: &str, yes: bool) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Error::refused(format!(
            "not confirmed: \"{question}\" can't be asked without a terminal"
        ))
        .because(Reason::NotConfirmed)
        .with_help("add --yes to go on without being asked"));
    }
    let columns = super::width_of(stderr());
    let question = wrapped_to(columns, &format!("{question} [y/N]"), "", "");
    let answer = live::alone(|| {
        let asked = write!(stderr(), "{question} ").and_then(|()| stderr().flush());
        let answer = asked.map_err(not_confirmed).and_then(|()| answer(interrupt));
        if !answer.as_ref().is_ok_and(|answer| answer.ends_with('\n')) {
            // Whatever comes next has a line of its own.
            let _ = writeln!(stderr());
        }
        answer
    });
    answer.map(|answer| is_yes(&answer))
}

/// The same before anything was changed, which is said to whoever interrupts it instead of an answer.
///
/// # Errors
/// As [`confirm`].
pub fn confirm_first(interrupt: &Interrupt, question: &str, yes: bool) -> Result<bool> {
    confirm(interrupt, question, yes).inspect_err(|error| {
        if matches!(error, Error::Interrupted) {
            super::note("not confirmed: nothing was changed");
        }
    })
}

/// A line from the terminal. Nothing can end a read that waits for one, so a thread of its own waits.
fn answer(interrupt: &Interrupt) -> Result<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = tell.send(stdin().read_line(&mut line).map(|_| line));
    });
    loop {
        match told.recv_timeout(HEARD) {
            Ok(line) => return line.map_err(not_confirmed),
            Err(RecvTimeoutError::Disconnected) => return Ok(String::new()),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(stop) = interrupt.stop() {
                    return Err(stop);
                }
            }
        }
    }
}

fn not_confirmed(error: std::io::Error) -> Error {
    Error::refused(format!("not confirmed: {error}")).because(Reason::NotConfirmed)
}

/// Yes is `y` or `yes`, and nothing else.
fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_yes_is_one() {
        for yes in ["y", "Y", "yes", "YES", " yes "] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "n", "no", "maybe", "yesterday", "qfleet destroy lab", "yy", "y n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
