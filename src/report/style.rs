//! The few colours there are. `anstream` drops them where they aren't wanted.
//!
//! They are those of the sixteen that a terminal's theme sets, on whatever background it has. Yellow can't be read on white
//! in most themes, so it is a background itself. Nothing is dimmed: that vanishes in pale themes and on projectors.

use anstyle::{AnsiColor, Color, Style};

use super::plain;

/// Added, well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Changed, to be looked at.
pub const CAREFUL: Style = Style::new()
    .fg_color(Some(Color::Ansi(AnsiColor::Black)))
    .bg_color(Some(Color::Ansi(AnsiColor::Yellow)));
/// Removed, replaced, failed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const STRONG: Style = Style::new().bold();
/// What is read last: as it comes. It is a style so that more can be made of it.
pub const FAINT: Style = Style::new();

/// A sign before what was done, went wrong or stays, and which these words say too; nothing where there are to be no signs.
pub fn mark(style: Style, sign: &str) -> String {
    match plain::is() {
        true => String::new(),
        false => format!("{} ", paint(style, sign)),
    }
}

/// A sign that says something by itself, and the word that says it where there are to be no signs.
pub fn sign(style: Style, sign: &str, word: &str) -> String {
    match plain::is() {
        true => word.to_owned(),
        false => paint(style, sign),
    }
}

/// `text` in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    match style.is_plain() {
        true => text.to_string(),
        false => format!("{}{text}{}", style.render(), style.render_reset()),
    }
}

/// One digit after the point, where it says something.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// Seconds as a person says them: `0.4s`, `12s`, `3m 05s`, `2h 10m`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 9.95 {
        format!("{seconds:.1}s")
    } else {
        whole_seconds(seconds.round() as u64)
    }
}

/// The same for what is still counting: `0s`, `12s`, `3m 05s`, `2h 10m`.
pub fn whole_seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A text that is broken between words, where a terminal of so many columns would break it in the middle of one; lines but
/// the first are indented. A word that is longer than a line is left to the terminal, so that it can be copied. What goes into a file
/// or a pipe stays whole.
pub fn wrapped_to(width: Option<usize>, text: &str, first: &str, indent: &str) -> String {
    let Some(columns) = width else {
        return format!("{first}{}", text.replace('\n', &format!("\n{indent}")));
    };
    let options = textwrap::Options::new(columns.max(NARROWEST))
        .initial_indent(first)
        .subsequent_indent(indent)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options)
}

/// The same for the terminal that results go to.
pub fn wrapped(text: &str, first: &str, indent: &str) -> String {
    wrapped_to(super::width(), text, first, indent)
}

/// Each line of a text, wrapped with its own indentation and two more. Commands to be copied stay whole: those in
/// backticks, and lines that stand far to the right.
pub fn lines_wrapped_to(width: Option<usize>, text: &str) -> String {
    const COMMANDS: &str = "    ";
    const TIED: &str = "\u{a0}";
    let Some(columns) = width else {
        return text.to_owned();
    };
    let wrap = |line: &str| {
        let rest = line.trim_start();
        if line.starts_with(COMMANDS) || is_command(rest) {
            return line.to_owned();
        }
        let indent = &line[..line.len() - rest.len()];
        // A command at the end of a line.
        let rest = match [": qfleet ", ": aws "].iter().find_map(|before| rest.find(before)) {
            Some(at) => &format!("{}{}", &rest[..at + 2], rest[at + 2..].replace(' ', TIED)),
            None => rest,
        };
        // Every second part is between backticks.
        let parts = rest.split('`').enumerate();
        let parts = parts.map(|(n, part)| {
            if n % 2 == 1 {
                part.replace(' ', TIED)
            } else {
                part.to_owned()
            }
        });
        let tied = parts.collect::<Vec<_>>().join("`");
        wrapped_to(Some(columns), &tied, indent, &format!("{indent}  ")).replace(TIED, " ")
    };
    text.split('\n').map(wrap).collect::<Vec<_>>().join("\n")
}

/// Whether a line is there to be copied.
fn is_command(line: &str) -> bool {
    ["qfleet ", "aws ", "cd ", "curl "]
        .iter()
        .any(|program| line.starts_with(program))
}

/// Narrower isn't wrapped to: it would be one word a line.
const NARROWEST: usize = 40;

/// `1 stack`, `2 stacks`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {one}s")
    }
}

/// The same for numbers that may be larger than a list.
pub fn many(n: u64, one: &str) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::contrast;

    #[test]
    fn every_style_can_be_read_in_every_theme() {
        for (name, style) in [
            ("good", GOOD),
            ("careful", CAREFUL),
            ("bad", BAD),
            ("strong", STRONG),
            ("faint", FAINT),
        ] {
            assert!(!style.get_effects().contains(anstyle::Effects::DIMMED), "{name}");
            let number = |color| match color {
                anstyle::Color::Ansi(color) => usize::from(anstyle::Ansi256Color::from(color).0),
                other => panic!("{name}: {other:?} isn't a theme's"),
            };
            contrast::check(name, style.get_fg_color().map(number), style.get_bg_color().map(number));
        }
    }

    #[test]
    fn lines_are_broken_between_words_and_commands_never() {
        let text = "error: the stack lab-work is not there any more\n  help: to make it again, run `qfleet deploy \
                    stacks/production.yaml`\n    aws sqs delete-queue --queue-url https://sqs.us-east-2.amazonaws.com/1/a";
        assert_eq!(lines_wrapped_to(None, text), text);
        assert_eq!(
            lines_wrapped_to(Some(44), text),
            "error: the stack lab-work is not there any\n  more\n  help: to make it again, run\n    `qfleet deploy \
             stacks/production.yaml`\n    aws sqs delete-queue --queue-url https://sqs.us-east-2.amazonaws.com/1/a"
        );
        assert_eq!(lines_wrapped_to(Some(80), "one\n\ntwo\n"), "one\n\ntwo\n");
    }
}
