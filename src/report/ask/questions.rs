//! Questions with more than yes and no for an answer: with keys and lists in a terminal, line by line where that would
//! mean nothing to who listens.

use std::io::{IsTerminal, Write, stderr, stdin};

use inquire::ui::{Attributes, RenderConfig, StyleSheet, Styled};
use inquire::{InquireError, Select};

use super::typed::{self, Question};
use crate::error::{Error, Result};
use crate::report::plain;

/// An answer that can be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// What stands for it on a command line.
    pub word: &'static str,
    pub means: &'static str,
}

/// Whether there is a terminal to ask in.
pub fn is_possible() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Asks for a text, until it is right. Without a word, the answer is `default`.
///
/// # Errors
/// Interrupted, by a key; a refusal when the terminal can't be read.
pub fn text(question: &str, default: &str, check: impl Fn(&str) -> std::result::Result<(), String>) -> Result<String> {
    if plain::is() {
        return in_lines(&with_default(question, default), |line| {
            let answer = if line.is_empty() { default } else { line };
            check(answer).map(|()| answer.to_owned())
        });
    }
    let question = Question {
        text: question,
        default,
        colors: are_colors(),
    };
    typed::ask(&question, check).map_err(unread)?.ok_or(Error::Interrupted)
}

/// Asks for one of several, of which the first is what most want. Its place.
///
/// # Errors
/// As [`text`].
pub fn choose(question: &str, choices: &[Choice]) -> Result<usize> {
    if plain::is() {
        let mut lines = format!("{question}\n");
        for (place, Choice { word, means }) in choices.iter().enumerate() {
            lines += &format!("  {}: {word}, {means}\n", place + 1);
        }
        let prompt = lines + &with_default("Number", "1");
        return in_lines(&prompt, |line| chosen(choices, line));
    }
    let longest = choices.iter().map(|choice| choice.word.len()).max().unwrap_or_default();
    let options = choices
        .iter()
        .map(|Choice { word, means }| format!("{word:longest$}  {means}"));
    let words: Vec<&str> = choices.iter().map(|choice| choice.word).collect();
    let answered = move |option: inquire::list_option::ListOption<&String>| words[option.index].to_owned();
    let prompt = Select::new(question, options.collect())
        .without_filtering()
        .with_help_message("arrow keys to move, Enter to take")
        .with_formatter(&answered)
        .with_render_config(looks());
    prompt.raw_prompt().map(|option| option.index).map_err(failed)
}

/// The choice that a line names, by its number or its word; the first one, without a word.
fn chosen(choices: &[Choice], line: &str) -> std::result::Result<usize, String> {
    let by_word = || choices.iter().position(|choice| choice.word == line);
    let by_number = || {
        line.parse::<usize>()
            .ok()?
            .checked_sub(1)
            .filter(|place| *place < choices.len())
    };
    let place = if line.is_empty() {
        Some(0)
    } else {
        by_number().or_else(by_word)
    };
    place.ok_or_else(|| format!("it must be a number from 1 to {}", choices.len()))
}

fn with_default(question: &str, default: &str) -> String {
    match default {
        "" => format!("{question}: "),
        default => format!("{question} [{default}]: "),
    }
}

/// Asks in a line, and again until the answer is right.
fn in_lines<T>(prompt: &str, read: impl Fn(&str) -> std::result::Result<T, String>) -> Result<T> {
    loop {
        let mut line = String::new();
        let asked = write!(stderr(), "{prompt}").and_then(|()| stderr().flush());
        let length = asked.and_then(|()| stdin().read_line(&mut line)).map_err(unread)?;
        if length == 0 {
            let _ = writeln!(stderr());
            return Err(
                Error::refused("the questions were not answered").with_help("add --defaults to be asked nothing")
            );
        }
        match read(line.trim()) {
            Ok(answer) => return Ok(answer),
            Err(why) => super::super::note(&why),
        }
    }
}

/// Without colours, the answer is still told from the question by being bold.
fn looks() -> RenderConfig<'static> {
    let plain = RenderConfig::empty().with_prompt_prefix(Styled::new("?"));
    if !are_colors() {
        return plain;
    }
    let bold = StyleSheet::new().with_attr(Attributes::BOLD);
    let mut looks = plain.with_answer(bold).with_selected_option(Some(bold));
    looks.prompt = bold;
    looks
}

fn are_colors() -> bool {
    anstream::AutoStream::choice(&stderr()) != anstream::ColorChoice::Never
}

/// Gives the terminal back while a question is open that nobody will answer.
pub fn leave() {
    if crossterm::terminal::is_raw_mode_enabled().unwrap_or(false) {
        let _ = crossterm::terminal::disable_raw_mode();
        let _ = crossterm::execute!(
            stderr(),
            crossterm::event::DisableBracketedPaste,
            crossterm::cursor::Show
        );
        let _ = writeln!(stderr());
    }
}

fn failed(error: InquireError) -> Error {
    match error {
        InquireError::OperationInterrupted | InquireError::OperationCanceled => Error::Interrupted,
        InquireError::IO(error) => unread(error),
        other => Error::refused(format!("the questions were not answered: {other}")),
    }
}

fn unread(error: std::io::Error) -> Error {
    Error::refused(format!("the questions were not answered: {error}")).with_help("add --defaults to be asked nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_named_by_number_or_word() {
        let choices = ["instances", "lambda"].map(|word| Choice { word, means: "" });
        assert_eq!(chosen(&choices, ""), Ok(0));
        assert_eq!(chosen(&choices, "2"), Ok(1));
        assert_eq!(chosen(&choices, "lambda"), Ok(1));
        for bad in ["0", "3", "-1", "lam", "1 2"] {
            assert!(chosen(&choices, bad).is_err(), "{bad:?}");
        }
    }
}
