//! A line that is being typed, and what the keys of a shell do to it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    /// It is to be shown anew.
    Edited,
    /// It is the answer.
    Enter,
    /// There is to be no answer.
    Leave,
    /// Nothing. No key that means nothing here types the letter that is on it.
    Nothing,
}

/// What is typed, and where the cursor stands in it.
#[derive(Debug, Default)]
pub struct Line {
    text: Vec<char>,
    at: usize,
}

impl Line {
    /// The whole of it.
    pub fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// What stands before the cursor.
    pub fn before_cursor(&self) -> String {
        self.text[..self.at].iter().collect()
    }

    /// Puts a text in at the cursor, such as one that is pasted: up to its first line break, which would be an Enter that
    /// nobody pressed.
    pub fn insert(&mut self, text: &str) -> Pressed {
        let line = text.trim_start().lines().next().unwrap_or_default();
        let before = self.text.len();
        for char in line.chars().filter(|char| !char.is_control()) {
            self.text.insert(self.at, char);
            self.at += 1;
        }
        match self.text.len() == before {
            true => Pressed::Nothing,
            false => Pressed::Edited,
        }
    }

    /// As in a shell (<https://www.gnu.org/software/bash/manual/html_node/Bindable-Readline-Commands.html>).
    pub fn press(&mut self, key: KeyEvent) -> Pressed {
        let has = |modifier| key.modifiers.contains(modifier);
        let (ctrl, alt) = (has(KeyModifiers::CONTROL), has(KeyModifiers::ALT));
        let (at, end) = (self.at, self.text.len());
        match key.code {
            KeyCode::Enter => Pressed::Enter,
            KeyCode::Esc => Pressed::Leave,
            KeyCode::Backspace if ctrl || alt => self.delete(self.word_left(char::is_alphanumeric), at),
            KeyCode::Backspace => self.delete(at.saturating_sub(1), at),
            KeyCode::Delete if ctrl || alt => self.delete(at, self.word_right()),
            KeyCode::Delete => self.delete(at, at + 1),
            KeyCode::Left if ctrl || alt => self.go(self.word_left(char::is_alphanumeric)),
            KeyCode::Left => self.go(at.saturating_sub(1)),
            KeyCode::Right if ctrl || alt => self.go(self.word_right()),
            KeyCode::Right => self.go(at + 1),
            KeyCode::Home => self.go(0),
            KeyCode::End => self.go(end),
            KeyCode::Char(letter) if ctrl => match letter.to_ascii_lowercase() {
                'j' => Pressed::Enter,
                'c' | 'g' => Pressed::Leave,
                'd' if self.text.is_empty() => Pressed::Leave,
                'd' => self.delete(at, at + 1),
                // Some terminals send it for Backspace.
                'h' => self.delete(at.saturating_sub(1), at),
                'u' => self.delete(0, at),
                'k' => self.delete(at, end),
                'w' => self.delete(self.word_left(|char| !char.is_whitespace()), at),
                'a' => self.go(0),
                'e' => self.go(end),
                'b' => self.go(at.saturating_sub(1)),
                'f' => self.go(at + 1),
                _ => Pressed::Nothing,
            },
            KeyCode::Char(letter) if alt => match letter.to_ascii_lowercase() {
                'b' => self.go(self.word_left(char::is_alphanumeric)),
                'f' => self.go(self.word_right()),
                'd' => self.delete(at, self.word_right()),
                _ => Pressed::Nothing,
            },
            KeyCode::Char(letter) if key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => {
                self.text.insert(at, letter);
                self.go(at + 1)
            }
            _ => Pressed::Nothing,
        }
    }

    fn go(&mut self, to: usize) -> Pressed {
        self.at = to.min(self.text.len());
        Pressed::Edited
    }

    fn delete(&mut self, from: usize, to: usize) -> Pressed {
        let to = to.min(self.text.len());
        self.text.drain(from.min(to)..to);
        self.go(from)
    }

    /// Where the word before the cursor begins.
    fn word_left(&self, is_part: impl Fn(char) -> bool) -> usize {
        let before = &self.text[..self.at];
        let ends = before
            .iter()
            .rposition(|&char| is_part(char))
            .map_or(0, |last| last + 1);
        let outside = before[..ends].iter().rposition(|&char| !is_part(char));
        outside.map_or(0, |last| last + 1)
    }

    /// Where the word behind the cursor ends.
    fn word_right(&self) -> usize {
        let is_part = |char: &char| char.is_alphanumeric();
        let behind = &self.text[self.at..];
        let begins = behind.iter().position(is_part).unwrap_or(behind.len());
        let length = behind[begins..].iter().position(|char| !is_part(char));
        self.at + length.map_or(behind.len(), |length| begins + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands there after these keys, with `|` for the cursor. `^x` is Ctrl-X, `~x` is Alt-X.
    fn after(keys: &str) -> String {
        let mut line = Line::default();
        let mut keys = keys.chars();
        while let Some(key) = keys.next() {
            let (key, modifiers) = match key {
                '^' => (keys.next().expect("a key"), KeyModifiers::CONTROL),
                '~' => (keys.next().expect("a key"), KeyModifiers::ALT),
                key => (key, KeyModifiers::NONE),
            };
            let code = match key {
                '<' => KeyCode::Left,
                '>' => KeyCode::Right,
                '#' => KeyCode::Backspace,
                '@' => KeyCode::Delete,
                letter => KeyCode::Char(letter),
            };
            line.press(KeyEvent::new(code, modifiers));
        }
        let (text, before) = (line.text(), line.before_cursor());
        format!("{before}|{}", &text[before.len()..])
    }

    #[test]
    fn keys_do_what_they_do_in_a_shell() {
        for (keys, wanted) in [
            ("lab^u", "|"),
            ("my lab<<^u", "|ab"),
            ("my lab^w", "my |"),
            ("my lab ^w", "my |"),
            ("my-lab^w^w", "|"),
            ("my-lab~#", "my-|"),
            ("my-lab^#^#", "|"),
            ("my-lab^<", "my-|lab"),
            ("my-lab~b~b", "|my-lab"),
            ("my-lab^a~f", "my|-lab"),
            ("my-lab^a^>^>", "my-lab|"),
            ("my-lab^a~d", "|-lab"),
            ("my-lab^a~d^@", "|"),
            ("lab<<^k", "l|"),
            ("lab^a^e^b^f", "lab|"),
            ("lab^ax", "x|lab"),
            ("lab^h", "la|"),
            ("lab##", "l|"),
            ("####", "|"),
            ("lab<<@", "l|b"),
            ("lab<<^d", "l|b"),
            ("lab^d", "lab|"),
            ("lab>>", "lab|"),
            ("lab<<<<<", "|lab"),
            ("über<<<#", "|ber"),
            // Keys that mean nothing here type nothing.
            ("lab^x^q^t~x~q", "lab|"),
        ] {
            assert_eq!(after(keys), wanted, "{keys}");
        }
    }

    #[test]
    fn keys_end_it_and_a_line_break_that_is_pasted_does_not() {
        let mut line = Line::default();
        let ctrl = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        for leave in [ctrl('c'), ctrl('d'), ctrl('g'), KeyEvent::from(KeyCode::Esc)] {
            assert_eq!(line.press(leave), Pressed::Leave, "{leave:?}");
        }
        for enter in [ctrl('j'), KeyEvent::from(KeyCode::Enter)] {
            assert_eq!(line.press(enter), Pressed::Enter, "{enter:?}");
        }
        assert_eq!(line.insert("\n"), Pressed::Nothing);
        assert_eq!(line.insert("\n photo\x07s\nlab\n"), Pressed::Edited);
        assert_eq!(line.text(), "photos");
        assert_eq!(line.press(ctrl('d')), Pressed::Edited);
    }
}
