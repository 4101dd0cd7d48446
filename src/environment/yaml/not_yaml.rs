//! Why a text can't be read as YAML, in words for somebody who writes configuration.

use std::ops::Range;

use saphyr_parser::ScanError;

use super::{DEEPEST, Reader};
use crate::environment::problem::Problem;
use crate::environment::source::path;

impl Reader<'_> {
    /// Why the parser stopped.
    pub(super) fn not_yaml(&self, error: &ScanError) -> Problem {
        let at = self
            .bytes
            .get(error.marker().index())
            .copied()
            .unwrap_or(self.text.len());
        let line_start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        if error.info().contains("recursion limit") {
            return self.too_deep(at..at);
        }
        if let Some(tab) = self.tab_from(line_start) {
            return Problem::new("", "a tab in the indentation")
                .help("YAML is indented with spaces")
                .on_bytes(tab..tab + 1);
        }
        let unclosed = self
            .open
            .iter()
            .rev()
            .map(|open| open.start)
            .find(|start| self.text[*start..].starts_with(['[', '{']));
        if let Some(start) = unclosed {
            let bracket = &self.text[start..start + 1];
            return Problem::new(
                "",
                format!("the `{bracket}` is not closed, or something in it is no YAML"),
            )
            .help("close it; text in it that has brackets, `: `, `#` or a comma needs quotes")
            .on_bytes(start..start + 1);
        }
        if self.text[at..].starts_with(['\'', '"']) {
            let quote = &self.text[at..at + 1];
            return Problem::new(
                "",
                format!("the text that begins with this `{quote}` does not end with one"),
            )
            .help("close the quote; in single quotes, `''` stands for one")
            .on_bytes(at..at + 1);
        }
        let around = self.open.last().map(|open| path(&open.pointer));
        let around = around.filter(|path| !path.is_empty());
        let within = around.map(|path| format!(" (in `{path}`)")).unwrap_or_default();
        let mut problem = Problem::new("", format!("not YAML{within}: {}", plainly(error.info())));
        if line.trim_start().starts_with(['@', '`', '%'])
            || line.contains(": @")
            || line.contains(": `")
            || line.contains(": %")
        {
            problem = problem.help("text that starts with `@`, `%` or a backquote needs quotes");
        } else if line.matches(": ").count() > 1 {
            problem = problem.help("text with `: ` in it needs quotes");
        } else {
            problem = problem
                .help("check the indentation, and that quotes and brackets are closed, here and in the lines above");
        }
        let end = line_start + line.trim_end().len();
        problem.on_bytes(at..(at + 1).min(end.max(at)))
    }

    pub(super) fn too_deep(&self, bytes: Range<usize>) -> Problem {
        Problem::new("", format!("nested more than {DEEPEST} levels deep"))
            .help("nothing in an environment file is; text that starts with `[` or `{` needs quotes")
            .on_bytes(bytes)
    }

    /// A tab in the indentation of this line or, since plain text may go on there, the next.
    fn tab_from(&self, line_start: usize) -> Option<usize> {
        let mut start = line_start;
        for line in self.text[line_start..].split_inclusive('\n').take(2) {
            let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
            if let Some(tab) = line[..indentation].find('\t') {
                return Some(start + tab);
            }
            start += line.len();
        }
        None
    }
}

/// What the parser says in terms of YAML's grammar, for somebody who never read it.
fn plainly(info: &str) -> &str {
    let known = [
        (
            "did not find expected '-'",
            "an item of the list, beginning with `- `, is expected here",
        ),
        (
            "did not find expected key",
            "a key is expected here, indented as those around it",
        ),
        ("mapping values are not allowed", "there is a `: ` where no key can be"),
        (
            "block sequence entries are not allowed",
            "there is a `- ` where no list can be",
        ),
        ("invalid indentation", "this is indented like no line above it"),
        (
            "simple key expect",
            "a key has no `:` behind it, here or in the lines above",
        ),
        ("unexpected eof", "the file ends in the middle of something"),
    ];
    let found = known.iter().find(|(said, _)| info.contains(said));
    found.map_or(info, |(_, plain)| plain)
}
