//! A series as bars against a target.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::line;
use super::theme::{Theme, Tone};
use crate::observe::backlog::{BacklogPoint, seconds, step};
use crate::observe::metrics::HISTORY_MINUTES;
use crate::report::style::number;

/// Eighths of a cell.
const BARS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A column each, newest last; nothing where a point is missing.
fn columns(points: &[BacklogPoint], width: usize) -> Vec<Option<f64>> {
    let mut columns = vec![None; width];
    let step = step(points);
    let mut back = 0;
    let mut later: Option<Timestamp> = None;
    for point in points.iter().rev() {
        // From point to point, so that minutes that are a little longer or shorter don't add up to a gap.
        if let Some(later) = later {
            back += ((seconds(point.at, later) / step).round() as usize).max(1);
        }
        if back >= width {
            break;
        }
        columns[width - 1 - back] = Some(point.messages_per_instance.max(0.0));
        later = Some(point.at);
    }
    columns
}

/// The newest points of a series in one line of text.
pub fn sparkline(points: &[BacklogPoint], target: f64, width: usize) -> String {
    let columns = columns(points, width);
    let top = top(&columns, target);
    let bar = |value: &Option<f64>| value.map_or(" ", |value| BARS[height(value, top, 1).clamp(1, 8)]);
    let bars: String = columns.iter().map(bar).collect();
    bars.trim_start().to_owned()
}

/// What the highest bar stands for: room above the target, so that what is over it can be seen to be so.
fn top(columns: &[Option<f64>], target: f64) -> f64 {
    let highest = columns.iter().flatten().copied().fold(0.0, f64::max);
    highest.max(target * 1.25).max(1.0)
}

/// In eighths of a row.
fn height(value: f64, top: f64, rows: u16) -> usize {
    (value / top * f64::from(rows) * 8.0).round() as usize
}

/// Points that are shown, where there is room for as many.
const POINTS: u16 = HISTORY_MINUTES as u16;
/// A point gets at most so many columns.
const WIDEST: u16 = 3;

/// How many of so many columns a chart can use.
pub fn width(columns: u16) -> u16 {
    POINTS * (columns / POINTS).clamp(1, WIDEST)
}

/// The columns of the scale.
pub const SCALE: u16 = 10;
/// With fewer rows than this there is no time axis.
const ROWS_WITH_AXIS: u16 = 4;
/// From point to point, in seconds: anything shorter is no minute of a clock on the wall.
const REAL_MINUTE: f64 = 45.0;
/// From label to label of the time axis, in minutes.
const LABELS: u16 = 15;

/// Draws a series with its scale at the left and, where there is room, the time below it.
pub fn draw_with_axes(points: &[BacklogPoint], target: f64, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let axis_rows = u16::from(area.height >= ROWS_WITH_AXIS);
    let columns = area.width.saturating_sub(SCALE);
    let bars = Rect {
        x: area.x + SCALE.min(area.width),
        width: columns.min(width(columns)),
        height: area.height - axis_rows,
        ..area
    };
    draw(points, target, theme, bars, buffer);
    let each = each(bars.width);
    let top = top(&columns_of(points, bars.width), target);
    let mut label = |y: u16, text: String| {
        let text = Span::styled(
            format!("{text:>width$} ", width = usize::from(SCALE) - 1),
            theme.text(Tone::Faint),
        );
        line(
            &Line::from(text),
            Rect {
                y,
                height: 1,
                width: SCALE,
                ..area
            },
            buffer,
        );
    };
    label(bars.y, number(top));
    if axis_rows == 0 {
        return;
    }
    if let Some(row) = target_row(target, top, bars.height).filter(|row| *row + 1 < bars.height) {
        label(bars.bottom() - 1 - row, number(target));
    }
    label(bars.bottom(), "0".to_owned());
    // A local fleet's minutes may be shorter than those of a clock on the wall.
    let is_faster = step(points) < REAL_MINUTE;
    let below = Rect {
        y: bars.bottom(),
        height: 1,
        ..bars
    };
    for minutes in (LABELS..POINTS).step_by(usize::from(LABELS)) {
        let text = Line::styled(format!("-{minutes}"), theme.text(Tone::Faint));
        let x = bars.right().saturating_sub((minutes + 1) * each);
        if x > bars.x {
            line(
                &text,
                Rect {
                    x,
                    width: bars.right() - x,
                    ..below
                },
                buffer,
            );
        }
    }
    if let Some(newest) = points.last() {
        // Not "now": CloudWatch is a minute or two behind, and a local fleet may have ended.
        let form = if is_faster { "%H:%M:%SZ" } else { "%H:%MZ" };
        let newest = newest.at.strftime(form).to_string();
        let width = u16::try_from(newest.len()).unwrap_or(bars.width).min(bars.width);
        let x = bars.right() - width;
        line(
            &Line::styled(newest, theme.text(Tone::Faint)),
            Rect { x, width, ..below },
            buffer,
        );
    }
    if bars.width >= POINTS {
        let minutes = if is_faster { "fleet min" } else { "min" };
        let first = Line::styled(format!("-{POINTS} {minutes}"), theme.text(Tone::Faint));
        line(&first, below, buffer);
    }
}

/// How many columns a point gets.
fn each(width: u16) -> u16 {
    (width / POINTS).clamp(1, WIDEST)
}

fn columns_of(points: &[BacklogPoint], width: u16) -> Vec<Option<f64>> {
    columns(points, usize::from(width / each(width)))
}

/// The row, from below, that the target's line is in; none where it would be all there is.
fn target_row(target: f64, top: f64, rows: u16) -> Option<u16> {
    let row = height(target, top, rows).saturating_sub(1) / 8;
    (rows > 1 && target > 0.0).then(|| u16::try_from(row).unwrap_or(rows).min(rows - 1))
}

/// Draws the newest points of a series, what is higher than the target in another colour; with two rows or more, the
/// target as a line.
pub fn draw(points: &[BacklogPoint], target: f64, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let each = usize::from(each(area.width));
    let columns = columns_of(points, area.width);
    let top = top(&columns, target);
    let columns: Vec<Option<f64>> = columns.into_iter().flat_map(|value| vec![value; each]).collect();
    let rows = area.height;
    let eighths = |value: f64| height(value, top, rows);
    let target_row = target_row(target, top, rows).map(usize::from);
    for (x, value) in (area.x..).zip(&columns) {
        let height = value.map(|value| eighths(value).max(1));
        let is_over = value.is_some_and(|value| value > target);
        for row in 0..usize::from(rows) {
            let y = area.bottom() - 1 - row as u16;
            let filled = height.unwrap_or(0).saturating_sub(row * 8).min(8);
            let Some(cell) = buffer.cell_mut((x, y)) else { continue };
            if filled > 0 {
                cell.set_symbol(BARS[filled]).set_style(theme.bar(is_over));
            } else if target_row == Some(row) {
                cell.set_symbol("┄").set_style(theme.text(Tone::Faint));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn points(values: &[(i64, f64)]) -> Vec<BacklogPoint> {
        let point = |(second, value): &(i64, f64)| BacklogPoint {
            at: at(*second),
            messages_per_instance: *value,
        };
        values.iter().map(point).collect()
    }

    fn drawn(values: &[(i64, f64)], target: f64, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(&points(values), target, Theme { colors: false }, area, &mut buffer);
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect()
    }

    #[test]
    fn a_minute_without_a_point_is_a_gap() {
        let values = [(0, 8.0), (60, 4.0), (180, 0.0), (240, 8.0)];
        assert_eq!(drawn(&values, 1.0, 6, 1), [" █▄ ▁█"]);
        assert_eq!(drawn(&values, 1.0, 3, 1), [" ▁█"], "the newest");
    }

    #[test]
    fn shorter_minutes_that_are_not_exact_have_a_column_each() {
        let values: Vec<(i64, f64)> = (0..20).map(|n| (n * 6 + n % 2, 8.0)).collect();
        assert_eq!(drawn(&values, 1.0, 20, 1), ["█".repeat(20)]);
    }

    #[test]
    fn points_are_as_wide_as_there_is_room() {
        assert_eq!([59, 60, 119, 120, 500].map(width), [60, 60, 60, 120, 180]);
        let row = drawn(&[(0, 8.0), (60, 4.0)], 1.0, 120, 1).remove(0);
        assert_eq!(row.trim_start(), "██▄▄");
    }

    #[test]
    fn in_text_it_is_a_line_that_begins_with_its_first_bar() {
        let values = points(&[(0, 8.0), (60, 4.0), (180, 0.0), (240, 16.0)]);
        assert_eq!(sparkline(&values, 1.0, 6), "▄▂ ▁█");
        assert_eq!(sparkline(&values, 1.0, 2), "▁█", "the newest");
        assert_eq!(sparkline(&[], 1.0, 6), "");
    }

    #[test]
    fn the_target_is_a_line_that_bars_cross() {
        let values = [(0, 16.0), (60, 4.0), (120, 8.0)];
        assert_eq!(drawn(&values, 8.0, 4, 4), [" █  ", " █  ", "┄█┄█", " ███"]);
    }

    #[test]
    fn the_axes_say_how_much_and_when() {
        let values: Vec<(i64, f64)> = (0..60).map(|minute| (minute * 60, minute as f64)).collect();
        let drawn = |width: u16, height: u16| -> Vec<String> {
            let area = Rect::new(0, 0, width, height);
            let mut buffer = Buffer::empty(area);
            draw_with_axes(&points(&values), 30.0, Theme { colors: false }, area, &mut buffer);
            let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
            (0..height).map(line).collect()
        };
        let whole = drawn(72, 5);
        assert!(whole[0].starts_with("       59 "), "{whole:#?}");
        assert!(whole[1].starts_with("          "), "{whole:#?}");
        assert!(whole[2].starts_with("       30 "), "{whole:#?}");
        assert_eq!(
            whole[4],
            "        0 -60 min       -45            -30            -15       10:59Z  "
        );
        // A quarter of an hour ago is where its label begins.
        let column = whole[4].find("-15").expect("a label");
        assert_eq!(column, 10 + 59 - 15);
        let low = drawn(72, 2);
        assert!(
            low[0].starts_with("       59 ") && low[1].starts_with("          "),
            "{low:#?}"
        );
        for width in 0..30 {
            for height in 0..6 {
                drawn(width, height);
            }
        }
    }

    #[test]
    fn the_minutes_of_a_faster_fleet_are_said_to_be_its_own() {
        let values: Vec<(i64, f64)> = (0..60).map(|minute| (minute * 6, 8.0)).collect();
        let area = Rect::new(0, 0, 72, 5);
        let mut buffer = Buffer::empty(area);
        draw_with_axes(&points(&values), 30.0, Theme { colors: false }, area, &mut buffer);
        let axis: String = (0..72).map(|x| buffer[(x, 4)].symbol()).collect();
        assert!(axis.contains("0 -60 fleet min ") && axis.contains(" -45 "), "{axis}");
        assert!(axis.trim_end().ends_with(":54Z"), "{axis}");
    }

    #[test]
    fn nothing_known_and_no_room_draw_nothing() {
        assert_eq!(drawn(&[], 8.0, 3, 1), ["   "]);
        assert!(drawn(&[(0, 1.0)], 8.0, 0, 1)[0].is_empty());
        assert_eq!(drawn(&[(0, f64::NAN)], 8.0, 1, 1), ["▁"]);
    }
}
