//! The screen to have open while a fleet works: drawn in place on the terminal's alternate screen.
//!
//! ```text
//! snapshots ─▶ View ─▶ draw ─▶ the cells that changed
//! keys ───────▶ │
//! ```

mod activities;
mod chart;
mod draw;
mod keys;
mod roster;
mod stage;
mod terminal;
mod theme;
mod web;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

pub(super) use chart::sparkline;
use keys::Action;
use roster::Roster;
pub use terminal::{Ended, is_possible, leave, show};
use theme::{Theme, Tone};

use crate::observe::watch::Snapshot;

/// What is shown, and from where on.
#[derive(Debug, Default)]
struct View {
    snapshot: Option<Snapshot>,
    roster: Roster,
    /// The first stage that is shown.
    first: usize,
    /// How many stages fitted when it was drawn last.
    fits: usize,
}

impl View {
    fn see(&mut self, snapshot: Snapshot) {
        self.roster.see(&snapshot.status.stages, snapshot.status.at);
        self.snapshot = Some(snapshot);
    }

    fn act(&mut self, action: Action) {
        let stages = self.snapshot.as_ref().map_or(0, |seen| seen.status.stages.len());
        self.first = keys::scrolled(self.first, action, stages, self.fits);
    }
}

/// A line at the top of an area. Where the area ends before it, an ellipsis says so.
fn line(text: &Line<'_>, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    if text.width() <= width {
        buffer.set_line(area.x, area.y, text, area.width);
        return;
    }
    buffer.set_line(area.x, area.y, text, area.width - 1);
    buffer.set_stringn(area.right() - 1, area.y, "…", 1, text.style);
}

/// A text in so many rows at most, behind a label in the first; the last says when there is more.
fn paragraph(label: &str, text: &str, width: u16, rows: usize, tone: Tone, theme: Theme) -> Vec<Line<'static>> {
    let indent = textwrap::core::display_width(label);
    let wrapped = wrapped(text, usize::from(width).saturating_sub(indent), rows);
    let labels = std::iter::once(label.to_owned()).chain(std::iter::repeat(" ".repeat(indent)));
    let lines = labels.zip(wrapped).map(|(label, text)| {
        let label = Span::styled(label, theme.text(Tone::Faint));
        Line::from(vec![label, Span::styled(text, theme.text(tone))])
    });
    lines.collect()
}

/// So many rows at most; the last one says that there is more.
fn wrapped(text: &str, width: usize, rows: usize) -> Vec<String> {
    if width == 0 {
        return Vec::new();
    }
    // Names have hyphens.
    let options = textwrap::Options::new(width)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let all = textwrap::wrap(text, options);
    let mut shown: Vec<String> = all.iter().take(rows).map(|row| row.to_string()).collect();
    if all.len() > rows
        && let Some(last) = shown.last_mut()
    {
        let rest = all[rows - 1..].join(" ");
        let kept: String = rest.chars().take(width - 1).collect();
        *last = format!("{}…", kept.trim_end());
    }
    shown
}

/// A heading: `── left ─────── right ──`.
fn rule(left: &str, right: &str, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let faint = |text: String| Span::styled(text, theme.text(Tone::Faint));
    let mut spans = vec![
        faint("── ".into()),
        Span::styled(left.to_owned(), theme.text(Tone::Strong)),
        Span::raw(" "),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    let right_width = if right.is_empty() { 0 } else { right.chars().count() + 4 };
    let dashes = usize::from(area.width).saturating_sub(used + right_width);
    spans.push(faint("─".repeat(dashes)));
    if !right.is_empty() {
        spans.push(Span::styled(format!(" {right} "), theme.text(Tone::Strong)));
        spans.push(faint("──".into()));
    }
    line(&Line::from(spans), area, buffer);
}

#[cfg(test)]
mod tests;
