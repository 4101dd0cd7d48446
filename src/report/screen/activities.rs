//! What Auto Scaling did last, and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::theme::{Theme, Tone};
use super::{line, rule, wrapped};
use crate::cloud::autoscaling::activities::Activity;
use crate::observe::status::Status;
use crate::report::cause::{squeezed, without_times};

/// The rows of the heading and one activity in short.
pub const LEAST_ROWS: u16 = 4;
/// The rows that a cause gets at most.
const MOST_CAUSE_ROWS: usize = 4;
/// The columns before a cause.
const MARGIN: usize = 9;

/// Draws as many as fit, newest first.
pub fn draw(status: &Status, theme: Theme, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    rule("activities", "", theme, Rect { height: 1, ..area }, buffer);
    let y = area.y + 1;
    let mut all: Vec<(&str, &Activity)> = status
        .stages
        .iter()
        .flat_map(|stage| {
            stage
                .activities()
                .iter()
                .map(|activity| (stage.stage.as_str(), activity))
        })
        .collect();
    all.sort_by_key(|(_, activity)| std::cmp::Reverse(activity.start_time));
    if all.is_empty() {
        let text = Span::styled(nothing(status), theme.text(Tone::Faint));
        line(&Line::from(text), Rect { y, ..area }.intersection(area), buffer);
        return;
    }
    let named = status.stages.len() > 1;
    let width = usize::from(area.width);
    let room = usize::from(area.height - 1);
    // First as many activities as fit, then more of their causes, the newest's first.
    let short = |(stage, activity): &(&str, &Activity)| lines(named.then_some(*stage), activity, theme, width, 1);
    let mut shown: Vec<Vec<Line<'static>>> = all.iter().map(short).collect();
    let mut spare = room.saturating_sub(shown.iter().map(Vec::len).sum());
    for ((stage, activity), shown) in all.iter().zip(&mut shown) {
        let rows = (2..=MOST_CAUSE_ROWS).rev();
        let longer = rows.map(|rows| lines(named.then_some(*stage), activity, theme, width, rows));
        if let Some(longer) = longer.into_iter().find(|longer| longer.len() <= shown.len() + spare) {
            spare -= longer.len() - shown.len();
            *shown = longer;
        }
    }
    for (y, text) in (y..area.bottom()).zip(shown.iter().flatten()) {
        line(text, Rect { y, height: 1, ..area }, buffer);
    }
}

fn nothing(status: &Status) -> String {
    let starts = |id: &str| {
        let of = status.findings.iter().find(|finding| finding.id == id);
        of.and_then(|finding| finding.command.as_deref())
            .unwrap_or("qfleet local up")
    };
    if status.orphans.is_some() {
        let up = starts("no-supervisor");
        format!("workers run on without supervisor, which was killed: `{up}` begins anew")
    } else if status.local && status.local_fleet.is_none() {
        let up = starts("no-workers");
        format!("no local fleet runs: `{up}` starts the workers")
    } else {
        "none yet".to_owned()
    }
}

fn lines(
    stage: Option<&str>,
    activity: &Activity,
    theme: Theme,
    width: usize,
    rows_a_cause: usize,
) -> Vec<Line<'static>> {
    let at = activity
        .start_time
        .map_or(String::new(), |at| at.strftime("%H:%M:%S").to_string());
    let (mark, tone) = mark(&activity.status_code);
    let mut first = vec![
        Span::styled(format!("{at:8} "), theme.text(Tone::Faint)),
        Span::styled(format!("{mark} "), theme.text(tone)),
    ];
    if let Some(stage) = stage {
        first.push(Span::styled(format!("{stage}: "), theme.text(Tone::Strong)));
    }
    first.push(Span::raw(activity.description.clone()));
    if tone == Tone::Careful || tone == Tone::Bad {
        first.push(Span::styled(format!("  {}", activity.status_code), theme.text(tone)));
    }
    let mut lines = vec![Line::from(first)];
    let told = [
        (
            activity.status_message.clone().map(|message| match rows_a_cause {
                // The rest says where its log is: cut, a path is of no use.
                1 => message.lines().next().unwrap_or_default().to_owned(),
                _ => message,
            }),
            if tone == Tone::Bad { Tone::Bad } else { Tone::Faint },
        ),
        (Some(without_times(&activity.cause)), Tone::Faint),
    ];
    for (text, tone) in told {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            continue;
        };
        for row in rows_of(&text, width.saturating_sub(MARGIN), rows_a_cause) {
            let row = format!("{:MARGIN$}{row}", "");
            lines.push(Line::from(Span::styled(row, theme.text(tone))));
        }
    }
    lines
}

/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html>)
fn mark(status_code: &str) -> (char, Tone) {
    match status_code {
        "Successful" => ('✓', Tone::Good),
        "Failed" | "Cancelled" => ('✗', Tone::Bad),
        _ => ('…', Tone::Careful),
    }
}

/// So many rows at most; a single one keeps the beginning and the end.
fn rows_of(text: &str, width: usize, rows: usize) -> Vec<String> {
    if rows == 1 && width > 0 && textwrap::core::display_width(text) > width {
        return vec![squeezed(text, width)];
    }
    wrapped(text, width, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_cut_says_so() {
        assert_eq!(wrapped("one two three four", 9, 2), ["one two", "three fo…"]);
        assert_eq!(wrapped("one two three", 9, 2), ["one two", "three"]);
        assert_eq!(rows_of("one two", 3, 1), ["on…"]);
        assert_eq!(rows_of("one", 0, 1), [""; 0]);
    }

    #[test]
    fn in_one_row_a_cause_keeps_what_happened_and_what_came_of_it() {
        let cause = "a monitor alarm TargetTracking-photo-lab-move-Group-A88C22-AlarmHigh-1 in state ALARM triggered \
                     policy photo-lab-move-BacklogScaling-35F45 changing the desired capacity from 2 to 4. an instance \
                     was started";
        assert_eq!(
            rows_of(cause, 71, 1),
            ["a monitor alarm … changing the desired capacity from 2 to 4."]
        );
        assert_eq!(rows_of(cause, 30, 1), ["a monitor alarm … from 2 to 4."]);
        assert_eq!(rows_of("it came up. It went down.", 12, 1), ["it came up."]);
        assert_eq!(rows_of("a b c ddddddddddddddd", 8, 1), ["a b c d…"]);
    }
}
