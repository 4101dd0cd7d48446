//! Problems of an environment file, on the lines they stand on.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Severity};

use super::plain;
use crate::environment::problem::{Located, Problems, Source};

/// Lines of messages end here, in a log as in a terminal, so that they can be searched for.
const WIDTH: usize = 100;
/// A line of a file longer than this is not shown, only its place.
const LONGEST_LINE: usize = 400;

/// For people: each problem with its line, then how many there are.
pub fn text(problems: &Problems, severity: Severity, theme: GraphicalTheme) -> String {
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_context_lines(1);
    let shown = shown(&problems.source);
    let mut out = String::new();
    for (i, located) in problems.located().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let mut diagnostic = MietteDiagnostic::new(printable(located.message)).with_severity(severity);
        if let Some(help) = located.help {
            diagnostic = diagnostic.with_help(printable(help));
        }
        let whole = NamedSource::new(name(&problems.source.path), shown.clone());
        if shown.is_empty() {
            diagnostic.message = format!("{}: {}", name(&problems.source.path), diagnostic.message);
        } else if too_long(&shown, &located) {
            let Located { line, column, .. } = located;
            diagnostic.message = format!(
                "{}:{line}:{column}: {}",
                name(&problems.source.path),
                diagnostic.message
            );
        } else {
            let length = located.bytes.len();
            diagnostic = diagnostic.with_label(LabeledSpan::new(label(&located), located.bytes.start, length));
        }
        let report = miette::Report::new(diagnostic).with_source_code(whole);
        // Writing to a string can't fail.
        let _ = handler.render_report(&mut out, report.as_ref());
    }
    if problems.more > 0 {
        out.push_str(&format!("\n  … and {} more\n", problems.more));
    }
    out
}

/// Shows people what is wrong with a file, or what could be better, on standard error.
pub fn show(problems: &Problems, severity: Severity) {
    super::note(&for_people(problems, severity));
}

/// As [`text`], or without what is drawn around it.
pub fn for_people(problems: &Problems, severity: Severity) -> String {
    match plain::is() {
        true => plain_text(problems, severity),
        false => text(problems, severity, GraphicalTheme::unicode()),
    }
}

/// A line each: where it is, what is wrong, what to do.
fn plain_text(problems: &Problems, severity: Severity) -> String {
    let word = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "note",
    };
    let file = name(&problems.source.path);
    let mut out = Vec::new();
    for Located {
        line,
        column,
        path,
        message,
        help,
        ..
    } in problems.located()
    {
        let at = if path.is_empty() {
            String::new()
        } else {
            format!(", at {}", printable(&path))
        };
        out.push(format!("{file}:{line}:{column}: {word}: {}{at}", printable(message)));
        out.extend(help.map(|help| format!("  help: {}", printable(help))));
    }
    if problems.more > 0 {
        out.push(format!("and {} more", problems.more));
    }
    out.iter().map(|line| format!("{line}\n")).collect()
}

/// Whether the lines around a problem would flood the screen.
fn too_long(text: &str, located: &Located<'_>) -> bool {
    let around = text.lines().skip(located.line.saturating_sub(2)).take(3);
    around.map(str::len).max().unwrap_or(0) > LONGEST_LINE
}

fn label(located: &Located<'_>) -> Option<String> {
    (!located.path.is_empty()).then(|| printable(&located.path))
}

fn name(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// A file may hold anything, but what we show of it can't move the cursor, colour the terminal or turn its writing
/// round. Every character keeps its length in bytes, so that places stay right.
fn shown(source: &Source) -> String {
    let harmless = |c: char| match (c, c.len_utf8()) {
        ('\n' | '\t', _) => c,
        _ if !hidden(c) => c,
        ('\r', _) => ' ',
        (_, 1) => '?',
        (_, 2) => '·',
        _ => '\u{fffd}',
    };
    source.text.chars().map(harmless).collect()
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::environment::arbitrary::{any_text, spoilt};
    use crate::environment::parse;

    proptest! {
        #[test]
        fn whatever_is_wrong_with_a_file_can_be_shown(file in prop_oneof![any_text(), spoilt()]) {
            if let Err(problems) = parse(Path::new("any.yaml"), file) {
                let shown = text(&problems, Severity::Error, GraphicalTheme::unicode_nocolor());
                prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", shown);
            }
        }
    }
}
