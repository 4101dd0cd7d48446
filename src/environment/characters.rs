//! Characters that have no business in an environment file.

use super::problem::Problem;

/// Whether a character has no business in an environment file. Some are invisible, some end a line for one reader and
/// not for another, some turn the direction of writing round: none is what the user sees in the editor.
pub(super) fn strange(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// A problem for each character of a file's text that has no business there.
pub(super) fn strange_characters(text: &str) -> Vec<Problem> {
    if let Some(at) = text.find('\0') {
        return vec![Problem::new("", "this is not a text file").on_bytes(at..at + 1)];
    }
    text.char_indices()
        .filter(|(_, c)| strange(*c))
        .take(20) // they all say the same
        .map(|(at, c)| {
            Problem::new("", format!("an invisible character, U+{:04X}", u32::from(c)))
                .help("remove it; only printable text, spaces and line ends belong here")
                .on_bytes(at..at + c.len_utf8())
        })
        .collect()
}

/// Whether a value can't be taken: it may hold what the file's text may not, by an escape, and has more than one line.
pub(super) fn unprintable(text: &str) -> bool {
    text.chars().any(|c| strange(c) || c.is_control())
}

/// The code of the first character that makes a value unprintable.
pub(super) fn first_unprintable(text: &str) -> String {
    text.chars()
        .find(|c| strange(*c) || c.is_control())
        .map(|c| format!("U+{:04X}", u32::from(c)))
        .unwrap_or_default()
}
