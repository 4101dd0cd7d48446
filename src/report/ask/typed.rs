//! A question whose answer is typed, in a terminal.

use std::io::{Result, Write, stderr};

use anstyle::Style;
use crossterm::cursor::{MoveDown, MoveToColumn, MoveUp};
use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyEventKind};
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{execute, queue};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::line::{Line, Pressed};
use crate::report::style::{BAD, STRONG, paint, wrapped_to};

/// The columns of a terminal that doesn't say how many it has.
const USUAL: usize = 80;

/// What is asked.
pub struct Question<'a> {
    pub text: &'a str,
    /// The answer where nothing is typed.
    pub default: &'a str,
    pub colors: bool,
}

/// Asks until `check` has nothing to say of the answer; none where a key ended it. An answer that was refused stays in the
/// line, to be corrected.
///
/// # Errors
/// The terminal can't be read or written.
pub fn ask(question: &Question<'_>, check: impl Fn(&str) -> std::result::Result<(), String>) -> Result<Option<String>> {
    let _raw = Raw::begin()?;
    let mut line = Line::default();
    let mut wrong = None;
    let mut cursor = draw(&question.asked(&line, wrong.as_deref(), columns()), 0)?;
    loop {
        let pressed = match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => line.press(key),
            Event::Paste(text) => line.insert(&text),
            Event::Resize(..) => Pressed::Edited,
            _ => Pressed::Nothing,
        };
        match pressed {
            Pressed::Nothing => continue,
            Pressed::Edited => {}
            Pressed::Leave => {
                let asked = question.asked(&line, None, columns());
                end(&asked, draw(&asked, cursor)?)?;
                return Ok(None);
            }
            Pressed::Enter => {
                let typed = line.text();
                let answer = match typed.trim() {
                    "" => question.default,
                    typed => typed,
                };
                match check(answer) {
                    Ok(()) => {
                        let answered = question.answered(answer, columns());
                        end(&answered, draw(&answered, cursor)?)?;
                        return Ok(Some(answer.to_owned()));
                    }
                    Err(why) => wrong = Some(why),
                }
            }
        }
        cursor = draw(&question.asked(&line, wrong.as_deref(), columns()), cursor)?;
    }
}

impl Question<'_> {
    fn asked(&self, line: &Line, wrong: Option<&str>, columns: usize) -> Frame {
        let mut frame = Frame::new(columns);
        if let Some(wrong) = wrong {
            frame.words(&format!("! {wrong}"), self.style(BAD));
            frame.rows.push(Row::default());
        }
        frame.words(&format!("? {}", self.text), self.style(STRONG));
        if !self.default.is_empty() {
            frame.letters(&format!(" ({})", self.default), Style::new());
        }
        frame.letters(" ", Style::new());
        let before = line.before_cursor();
        frame.letters(&before, Style::new());
        frame.cursor = frame.end();
        frame.letters(&line.text()[before.len()..], Style::new());
        frame
    }

    fn answered(&self, answer: &str, columns: usize) -> Frame {
        let mut frame = Frame::new(columns);
        frame.words(&format!("? {}", self.text), self.style(STRONG));
        frame.letters(" ", Style::new());
        frame.letters(answer, self.style(STRONG));
        frame.cursor = frame.end();
        frame
    }

    fn style(&self, style: Style) -> Style {
        if self.colors { style } else { Style::new() }
    }
}

/// What is shown, in rows that are all shorter than the terminal's: it never breaks one itself, so that it is known where the
/// cursor stands.
struct Frame {
    rows: Vec<Row>,
    /// How long a row may be.
    limit: usize,
    /// In which row and column.
    cursor: (usize, usize),
}

#[derive(Default)]
struct Row {
    text: String,
    width: usize,
}

impl Frame {
    fn new(columns: usize) -> Frame {
        Frame {
            rows: vec![Row::default()],
            limit: columns.saturating_sub(1).max(1),
            cursor: (0, 0),
        }
    }

    /// Broken between words, where there is no room for the next one.
    fn words(&mut self, text: &str, style: Style) {
        for (place, line) in wrapped_to(Some(self.limit), text, "", "").lines().enumerate() {
            if place > 0 {
                self.rows.push(Row::default());
            }
            self.letters(line, style);
        }
    }

    /// Broken wherever the row is full.
    fn letters(&mut self, text: &str, style: Style) {
        let mut rest = text;
        while !rest.is_empty() {
            let row = self.last();
            let fits = fitting(rest, self.limit.saturating_sub(row.width));
            if fits == 0 && row.width > 0 {
                self.rows.push(Row::default());
                continue;
            }
            // A letter that is wider than the terminal is sent nonetheless.
            let first = rest.chars().next().map_or(rest.len(), char::len_utf8);
            let (here, there) = rest.split_at(fits.max(first));
            let width = here.width();
            if let Some(row) = self.rows.last_mut() {
                row.text += &paint(style, here);
                row.width += width;
            }
            rest = there;
        }
    }

    fn last(&self) -> &Row {
        static NONE: Row = Row {
            text: String::new(),
            width: 0,
        };
        self.rows.last().unwrap_or(&NONE)
    }

    /// Where the next letter would be.
    fn end(&self) -> (usize, usize) {
        (self.rows.len().saturating_sub(1), self.last().width)
    }
}

/// How many bytes of a text have room in so many columns.
fn fitting(text: &str, columns: usize) -> usize {
    let mut width = 0;
    let too_much = text.char_indices().find(|(_, char)| {
        width += char.width().unwrap_or(0);
        width > columns
    });
    too_much.map_or(text.len(), |(at, _)| at)
}

/// Puts a frame where the one before it is, in whose row `cursor` the cursor stands. The row in which it stands now.
fn draw(frame: &Frame, cursor: usize) -> Result<usize> {
    let mut to = stderr().lock();
    up(&mut to, cursor)?;
    queue!(to, MoveToColumn(0), Clear(ClearType::FromCursorDown))?;
    let rows: Vec<&str> = frame.rows.iter().map(|row| row.text.as_str()).collect();
    write!(to, "{}", rows.join("\r\n"))?;
    let (row, column) = frame.cursor;
    up(&mut to, frame.rows.len().saturating_sub(row + 1))?;
    queue!(to, MoveToColumn(u16::try_from(column).unwrap_or(u16::MAX)))?;
    to.flush()?;
    Ok(row)
}

/// Goes below a frame, in whose row `cursor` the cursor stands.
fn end(frame: &Frame, cursor: usize) -> Result<()> {
    let mut to = stderr().lock();
    let down = frame.rows.len().saturating_sub(cursor + 1);
    if let Ok(down @ 1..) = u16::try_from(down) {
        queue!(to, MoveDown(down))?;
    }
    write!(to, "\r\n")?;
    to.flush()
}

/// None is one for a terminal.
fn up(to: &mut impl Write, rows: usize) -> Result<()> {
    match u16::try_from(rows) {
        Ok(rows @ 1..) => queue!(to, MoveUp(rows)),
        _ => Ok(()),
    }
}

fn columns() -> usize {
    match terminal::size() {
        Ok((columns @ 1.., _)) => columns.into(),
        _ => USUAL,
    }
}

/// A terminal that gives each key at once, until this is dropped.
struct Raw;

impl Raw {
    fn begin() -> Result<Raw> {
        terminal::enable_raw_mode()?;
        let raw = Raw;
        execute!(stderr(), EnableBracketedPaste)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = execute!(stderr(), DisableBracketedPaste);
        let _ = terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(columns: usize, typed: &str, wrong: Option<&str>) -> (Vec<String>, (usize, usize)) {
        let question = Question {
            text: "Name of the environment, the first part of everything it makes",
            default: "lab",
            colors: false,
        };
        let mut line = Line::default();
        line.insert(typed);
        let frame = question.asked(&line, wrong, columns);
        (frame.rows.into_iter().map(|row| row.text).collect(), frame.cursor)
    }

    #[test]
    fn no_row_is_as_long_as_the_terminal_and_the_cursor_stands_behind_what_is_typed() {
        let head = "? Name of the environment, the first part of everything it makes (lab) ";
        assert_eq!(shown(200, "ab", None), (vec![format!("{head}ab")], (0, head.len() + 2)));
        let (rows, cursor) = shown(80, "0123456789", Some("no"));
        assert_eq!(rows, ["! no".to_owned(), format!("{head}01234567"), "89".to_owned()]);
        assert_eq!(cursor, (2, 2));
        let long = "x".repeat(300);
        for columns in [1, 2, 20, 41, 60, 80, 81] {
            for typed in ["", "lab", "äöü漢字漢字漢字漢字漢字漢字漢字漢字漢字", &long] {
                let (rows, (row, column)) = shown(columns, typed, Some(&long));
                assert_eq!(row, rows.len() - 1, "{columns}");
                assert_eq!(column, rows[row].width(), "{columns}");
                let limit = if columns > 2 { columns - 1 } else { 2 };
                assert!(rows.iter().all(|row| row.width() <= limit), "{columns}: {rows:?}");
            }
        }
    }
}
