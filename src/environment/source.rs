//! An environment file as it was read, and where each of its values stands.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use super::given_name::GivenName;

/// An environment file as it was read: its path, its text and where each value stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// The path as the user gave it.
    pub path: PathBuf,
    pub text: String,
    /// The name that stands in place of the file's.
    pub given_name: Option<GivenName>,
    lines: Lines,
    places: Places,
}

/// Where each line of a text but the first begins, in bytes: counted once, however often it is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Lines {
        Lines(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// The line of a byte, from 1, and where it begins.
    pub(super) fn line(&self, offset: usize) -> (usize, usize) {
        let before = self.0.partition_point(|start| *start <= offset);
        (before + 1, before.checked_sub(1).map_or(0, |last| self.0[last]))
    }
}

/// Where a value and its key stand in the text, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The key; an item of a list has none.
    pub key: Option<Range<usize>>,
    /// The value; empty where the file has none.
    pub value: Range<usize>,
}

/// Places by JSON pointer.
pub(super) type Places = BTreeMap<String, Place>;

impl Source {
    pub(super) fn new(path: PathBuf, text: String, places: Places) -> Self {
        let lines = Lines::of(&text);
        Source {
            path,
            text,
            given_name: None,
            lines,
            places,
        }
    }

    /// A text whose values have no places.
    pub fn plain(path: PathBuf, text: String) -> Self {
        Source::new(path, text, Places::new())
    }

    /// What to underline for the value at `pointer`. A value that takes several lines is shown by its key, a value
    /// that isn't in the file (a default) by the nearest thing around it that is.
    pub(super) fn value(&self, pointer: &str) -> Range<usize> {
        let Some((_, place)) = self.nearest(pointer) else {
            return self.first_line();
        };
        let value = self.clip(&place.value);
        if !value.is_empty() && value.end == place.value.end.min(self.text.len()) {
            return value;
        }
        match &place.key {
            Some(key) => self.clip(key),
            None if value.is_empty() => self.first_line(),
            None => value,
        }
    }

    /// What to underline for the key at `pointer`.
    pub(super) fn key(&self, pointer: &str) -> Range<usize> {
        match self.nearest(pointer) {
            Some((true, Place { key: Some(key), .. })) => self.clip(key),
            _ => self.value(pointer),
        }
    }

    /// The text of the value at `pointer` as it's written in the file, quotes included.
    pub(super) fn written(&self, pointer: &str) -> Option<&str> {
        self.text.get(self.places.get(pointer)?.value.clone())
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(super) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor(offset);
        let (line, start) = self.lines.line(offset);
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// The place at `pointer`, or the nearest one around it, and whether it is the one that was asked for.
    fn nearest(&self, pointer: &str) -> Option<(bool, &Place)> {
        let mut at = pointer;
        loop {
            if let Some(place) = self.places.get(at) {
                return Some((at == pointer, place));
            }
            at = &at[..at.rfind('/')?];
        }
    }

    /// The part of `range` on its first line, on character boundaries.
    pub(super) fn clip(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.floor(range.start);
        let end = self.floor(range.end).max(start);
        let first_line = self.text[start..end].split(['\n', '\r']).next().unwrap_or_default();
        start..start + first_line.len()
    }

    /// The first line that says something: what a problem of the whole file points at.
    fn first_line(&self) -> Range<usize> {
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            let content = line.trim_end();
            if !content.is_empty() && !content.starts_with(['#', '%', '-']) {
                return start..start + content.len();
            }
            start += line.len();
        }
        0..0
    }

    fn floor(&self, offset: usize) -> usize {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// A pointer one step further in, escaped (RFC 6901).
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The last step of a pointer, unescaped.
pub(super) fn last(pointer: &str) -> String {
    let step = pointer.rsplit('/').next().unwrap_or_default();
    step.replace("~1", "/").replace("~0", "~")
}

/// A pointer as people write paths: `stages[0].queue.max_receives`.
pub(super) fn path(pointer: &str) -> String {
    let mut out = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let plain = !step.is_empty() && step.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if step.chars().all(|c| c.is_ascii_digit()) && !step.is_empty() {
            out.push_str(&format!("[{step}]"));
        } else if plain {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&step);
        } else {
            out.push_str(&format!("[{step:?}]"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_reads_as_a_path() {
        assert_eq!(path(""), "");
        assert_eq!(
            path("/stages/0/workers/instances/min"),
            "stages[0].workers.instances.min"
        );
        assert_eq!(path("/tags/cost~1center"), r#"tags["cost/center"]"#);
        assert_eq!(path(&child("/tags", "a b")), r#"tags["a b"]"#);
        assert_eq!(last(&child("/tags", "~a/b")), "~a/b");
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new(PathBuf::new(), "a: é\nbé: x\n".into(), Places::new());
        assert_eq!(source.line_and_column(0), (1, 1));
        assert_eq!(
            source.line_and_column(source.text.find('x').unwrap_or_default()),
            (2, 5)
        );
        assert_eq!(source.line_and_column(10_000), (3, 1));
    }
}
