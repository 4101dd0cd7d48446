//! The whole screen from a snapshot: a pure function of what is known, of the size, and of where one has scrolled to.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::theme::{LEGEND, NOTICE, ORPHAN, Theme, Tone, of_instance, of_stack};
use super::{View, activities, line, paragraph, stage, web};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::observe::finding::Severity;
use crate::observe::status::{StackState, StageState, Status};
use crate::observe::watch::Phase;
use crate::report::tally::tally;

/// How many stages fit into so many rows, beside the activities. One at least.
fn room(rows: u16, stages: usize) -> usize {
    let beside = if rows >= stage::LEAST_ROWS + activities::LEAST_ROWS {
        activities::LEAST_ROWS
    } else {
        0
    };
    usize::from((rows - beside) / stage::LEAST_ROWS).clamp(1, stages.max(1))
}

/// Draws it. Returns how many stages fit.
pub fn draw(view: &View, theme: Theme, frame: &mut Frame<'_>) -> usize {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let Some(snapshot) = &view.snapshot else {
        line(&Line::from("reading…"), area, buffer);
        return 1;
    };
    let status = &snapshot.status;
    let mut top = vec![header(status, theme, area.width), stacks(status, theme, area.width)];
    top.extend(reasons(status, theme, area));
    top.extend(findings(status, theme, area));
    if let Some(of) = status
        .web
        .as_ref()
        .filter(|_| !(status.local && status.local_fleet.is_none()))
    {
        top.extend(web::lines(of, theme, area, area.height >= ROOMY));
    }
    let top_rows = u16::try_from(top.len()).unwrap_or(2).min(area.height);
    for (y, text) in (area.y..area.y + top_rows).zip(&top) {
        line(text, Rect { y, height: 1, ..area }, buffer);
    }
    let bottom_rows = (1 + u16::from(!status.unknown.is_empty())).min(area.height - top_rows);
    let middle = Rect {
        y: area.y + top_rows,
        height: area.height - top_rows - bottom_rows,
        ..area
    };
    let fits = if status.stages.is_empty() {
        line(&waiting(snapshot.phase, status, theme), middle, buffer);
        1
    } else {
        stages(view, status, theme, middle, buffer)
    };
    let bottom = Rect {
        y: middle.bottom(),
        height: bottom_rows,
        ..area
    };
    footer(view, status, fits, theme, bottom, buffer);
    fits
}

fn stages(view: &View, status: &Status, theme: Theme, area: Rect, buffer: &mut Buffer) -> usize {
    let fits = room(area.height, status.stages.len());
    let first = view.first.min(status.stages.len().saturating_sub(fits));
    let shown = &status.stages[first..(first + fits).min(status.stages.len())];
    let mut heights: Vec<u16> = shown.iter().map(|_| stage::LEAST_ROWS).collect();
    let least: u16 = heights.iter().sum();
    // A third of what is left goes to the activities, and what the stages can't use.
    let mut spare = area.height.saturating_sub(least + activities::LEAST_ROWS);
    spare -= spare / 3;
    let mut grew = true;
    while spare > 0 && grew {
        grew = false;
        for (height, stage) in heights.iter_mut().zip(shown) {
            if spare > 0 && *height < stage::most_rows(stage, &view.roster) {
                *height += 1;
                spare -= 1;
                grew = true;
            }
        }
    }
    let mut y = area.y;
    for (height, stage) in heights.into_iter().zip(shown) {
        let height = height.min(area.bottom() - y);
        stage::draw(stage, &view.roster, theme, Rect { y, height, ..area }, buffer);
        y += height;
    }
    let rest = Rect {
        y,
        height: area.bottom() - y,
        ..area
    };
    activities::draw(status, theme, rest, buffer);
    fits
}

/// Where this is, when it expires, and when it was read.
fn header(status: &Status, theme: Theme, width: u16) -> Line<'static> {
    let mut left = vec![
        Span::styled(status.address.environment.clone(), theme.text(Tone::Strong)),
        Span::raw(format!("  {}  {}", status.address.account, status.address.region)),
    ];
    if let Some(fleet) = status.local_fleet {
        left.push(Span::raw(match fleet.speed {
            1 => "  local fleet".to_owned(),
            speed => format!("  local fleet ×{speed}"),
        }));
    } else if status.orphans.is_some() {
        left.push(Span::styled("  no supervisor", theme.text(Tone::Bad)));
    } else if status.local {
        left.push(Span::styled("  no local fleet", theme.text(Tone::Careful)));
    }
    if let Some(expires) = &status.expires {
        let (text, tone) = if expires.seconds_left > 0 {
            let minutes = expires.seconds_left / 60;
            let tone = if minutes < 60 { Tone::Careful } else { Tone::Plain };
            (format!("  expires in {}", expires.length()), tone)
        } else {
            ("  EXPIRED".to_owned(), Tone::Bad)
        };
        left.push(Span::styled(text, theme.text(tone)));
    }
    let at = status.at.strftime("%H:%M:%SZ").to_string();
    let used: usize = left.iter().map(Span::width).sum();
    let gap = usize::from(width).saturating_sub(used + at.len());
    if gap >= 1 {
        left.push(Span::raw(" ".repeat(gap)));
        left.push(Span::styled(at, theme.text(Tone::Faint)));
    }
    Line::from(left)
}

/// The parts, those first that something is done to or that failed; as many as fit.
fn stacks(status: &Status, theme: Theme, width: u16) -> Line<'static> {
    let mut spans = vec![Span::styled("stacks    ", theme.text(Tone::Faint))];
    let mut used = 10;
    let mut all: Vec<&StackState> = status.stacks.iter().collect();
    all.sort_by_key(|stack| stack.status.is_well());
    for (place, stack) in all.iter().enumerate() {
        let text = match &stack.status {
            status if status.is_well() => stack.part.clone(),
            status => format!("{} {}", stack.part, status.as_str()),
        };
        let more = format!("+{}", all.len() - place);
        // Room for the number of those that don't fit, unless this is the last.
        let reserved = if place + 1 < all.len() { more.len() + 2 } else { 0 };
        if used + text.chars().count() + reserved > usize::from(width) {
            spans.push(Span::raw(more));
            break;
        }
        used += text.chars().count() + 2;
        spans.push(Span::styled(text, theme.text(of_stack(&stack.status))));
        spans.push(Span::raw("  "));
    }
    if all.is_empty() {
        spans.push(Span::styled("none", theme.text(Tone::Faint)));
    }
    Line::from(spans)
}

/// How many rows a text gets on a screen of so many.
fn rows_a_text(height: u16) -> usize {
    match height {
        0..20 => 1,
        20..ROOMY => 2,
        _ => 3,
    }
}

/// From so many rows on, more than the worst is told.
const ROOMY: u16 = 36;
/// How many findings a roomy screen shows.
const MOST_FINDINGS: usize = 4;

/// Why stacks are as they shouldn't be: two at most.
fn reasons(status: &Status, theme: Theme, area: Rect) -> Vec<Line<'static>> {
    let failed = status
        .stacks
        .iter()
        .filter(|stack| of_stack(&stack.status) == Tone::Bad);
    let said = failed.filter_map(|stack| Some((&stack.stack, stack.reason.as_ref()?)));
    said.take(2)
        .flat_map(|(stack, reason)| {
            let text = format!("{stack}: {reason}");
            paragraph("", &text, area.width, rows_a_text(area.height), Tone::Bad, theme)
        })
        .collect()
}

/// How much there is to look into, and the worst of it; not what only is good to know.
fn findings(status: &Status, theme: Theme, area: Rect) -> Vec<Line<'static>> {
    if status.stacks.is_empty() {
        return Vec::new();
    }
    let roomy = area.height >= ROOMY;
    let that_count = status.findings.iter().filter(|finding| finding.severity.counts());
    let shown = that_count.take(if roomy { MOST_FINDINGS } else { 1 });
    let paragraphs = shown.enumerate().flat_map(|(place, finding)| {
        let about = finding.about().map_or(String::new(), |about| format!("{about}: "));
        let meaning = match roomy {
            true => finding.meaning.as_str(),
            // The rest of it says where a log is: cut, a path is of no use.
            false => finding.meaning.lines().next().unwrap_or_default(),
        };
        let mut text = format!("{about}{meaning}");
        if roomy {
            text += &format!(" → {}", finding.action);
        }
        let (label, text) = match place {
            0 => ("findings  ", format!("{}: {text}", tally(&status.findings))),
            _ => ("          ", text),
        };
        let tone = match finding.severity {
            Severity::Critical => Tone::Bad,
            _ => Tone::Careful,
        };
        let mut lines = paragraph(label, &text, area.width, rows_a_text(area.height), tone, theme);
        // What to do about the worst of it is never what there is no room for.
        if place == 0 && rows_a_text(area.height) > 1 {
            let todo = match (&finding.command, roomy) {
                (Some(command), _) => command.as_str(),
                // It is said above.
                (None, true) => "",
                (None, false) => finding.action.as_str(),
            };
            if !todo.is_empty() {
                lines.extend(paragraph(
                    "        → ",
                    todo,
                    area.width,
                    if roomy { 4 } else { 2 },
                    Tone::Plain,
                    theme,
                ));
            }
        }
        lines
    });
    paragraphs.collect()
}

/// What stands where the stages will be.
fn waiting(phase: Phase, status: &Status, theme: Theme) -> Line<'static> {
    let environment = &status.address.environment;
    let text = match phase {
        Phase::Unknown => "the stacks can't be read yet".to_owned(),
        Phase::NotDeployed => format!("{environment} is not deployed yet: waiting for its first stack"),
        Phase::Gone => format!("{environment} is gone"),
        Phase::Deployed
            if status
                .stacks
                .iter()
                .any(|stack| stack.status == StackStatus::DeleteInProgress) =>
        {
            format!("{environment} is being destroyed")
        }
        Phase::Deployed => "no stage is there".to_owned(),
    };
    Line::from(Span::styled(text, theme.text(Tone::Strong)))
}

/// What can't be read, what the letters mean, and the keys.
fn footer(view: &View, status: &Status, fits: usize, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let mut y = area.y;
    if let (Some(first), true) = (status.unknown.first(), area.height > 1) {
        let more = match status.unknown.len() {
            1 => String::new(),
            n => format!("(and {} more) ", n - 1),
        };
        let text = Line::from(vec![
            Span::styled("unknown: ", theme.text(Tone::Careful)),
            Span::raw(more),
            Span::raw(first.clone()),
        ]);
        line(&text, Rect { y, height: 1, ..area }, buffer);
        y += 1;
    }
    if y >= area.bottom() {
        return;
    }
    let all = status.stages.len();
    let mut keys = String::new();
    if fits < all {
        let first = view.first.min(all - fits) + 1;
        keys += &format!("stages {first}-{} of {all}  j/k scroll  ", first + fits - 1);
    }
    keys += "q leave";
    let mut spans = Vec::new();
    let mut room = usize::from(area.width).saturating_sub(keys.len());
    let groups = status.stages.iter().filter_map(StageState::group);
    let drawn: Vec<char> = groups
        .flat_map(|group| &group.instances)
        .map(|one| of_instance(one).0)
        .collect();
    // What is rare is only explained where it is.
    let is_explained = |letter: char| !matches!(letter, NOTICE | ORPHAN) || drawn.contains(&letter);
    for (letter, tone, meaning) in LEGEND.into_iter().filter(|(letter, ..)| is_explained(*letter)) {
        let length = meaning.len() + 4;
        if all == 0 || length > room {
            break;
        }
        room -= length;
        spans.push(Span::styled(letter.to_string(), theme.cell(tone)));
        spans.push(Span::styled(format!(" {meaning}  "), theme.text(Tone::Faint)));
    }
    spans.push(Span::raw(" ".repeat(room)));
    spans.push(Span::styled(keys, theme.text(Tone::Faint)));
    line(&Line::from(spans), Rect { y, height: 1, ..area }, buffer);
}
