//! The question before a change.

use std::io::{ErrorKind, IsTerminal, Write};

use dialoguer::console::{Key, Term};

use super::style::wrapped_to;
use crate::error::{Error, Result};

/// Asks, and returns whether the answer was yes. With `yes`, the answer is yes without asking.
///
/// # Errors
/// A refusal when there's no terminal to ask in; an interrupt while it asks.
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
    let mut term = Term::stderr();
    let columns = terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| usize::from(width.0));
    let question = wrapped_to(columns, &format!("{question} [y/N]"), "", "");
    let answer = write!(term, "{question} ").and_then(|()| line(&mut term));
    // Whatever comes next has a line of its own.
    let ended = term.write_line("");
    match answer.and_then(|answer| ended.map(|()| answer)) {
        Ok(answer) => Ok(is_yes(&answer)),
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(Error::Interrupted),
        Err(error) => Err(Error::refused(format!("not confirmed: {error}"))),
    }
}

/// Reads a line, key by key: while a line is read as a whole, nothing would hear Ctrl-C. What takes a single `y` out of
/// whatever is typed would destroy on `maybe`, or on a command that was typed ahead.
fn line(term: &mut Term) -> std::io::Result<String> {
    const END_OF_FILE: char = '\u{4}';
    let mut line = String::new();
    loop {
        match term.read_key()? {
            Key::Enter => return Ok(line),
            Key::Char(END_OF_FILE) => return Ok(String::new()),
            Key::Char(key) if !key.is_control() => {
                line.push(key);
                write!(term, "{key}")?;
            }
            Key::Backspace if line.pop().is_some() => term.clear_chars(1)?,
            _ => {}
        }
    }
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
