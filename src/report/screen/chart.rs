//! A series as bars against a target.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::theme::{Theme, Tone};
use crate::observe::metrics::{self, BacklogPoint, seconds, step};

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
const POINTS: u16 = metrics::HISTORY_MINUTES as u16;
/// A point gets at most so many columns.
const WIDEST: u16 = 3;

/// How many of so many columns a chart can use.
pub fn width(columns: u16) -> u16 {
    POINTS * (columns / POINTS).clamp(1, WIDEST)
}

/// Draws the newest points of a series, what is higher than the target in another colour; with two rows or more, the
/// target as a line.
pub fn draw(points: &[BacklogPoint], target: f64, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let each = usize::from((area.width / POINTS).clamp(1, WIDEST));
    let columns = columns(points, usize::from(area.width) / each);
    let columns: Vec<Option<f64>> = columns.into_iter().flat_map(|value| vec![value; each]).collect();
    let top = top(&columns, target);
    let rows = area.height;
    let eighths = |value: f64| height(value, top, rows);
    let target_row =
        (rows > 1 && target > 0.0).then(|| (eighths(target).saturating_sub(1) / 8).min(usize::from(rows) - 1));
    for (x, value) in (area.x..).zip(&columns) {
        let height = value.map(|value| eighths(value).max(1));
        let tone = match value {
            Some(value) if *value > target => Tone::Careful,
            _ => Tone::Good,
        };
        for row in 0..usize::from(rows) {
            let y = area.bottom() - 1 - row as u16;
            let filled = height.unwrap_or(0).saturating_sub(row * 8).min(8);
            let Some(cell) = buffer.cell_mut((x, y)) else { continue };
            if filled > 0 {
                cell.set_symbol(BARS[filled]).set_style(theme.text(tone));
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
    fn nothing_known_and_no_room_draw_nothing() {
        assert_eq!(drawn(&[], 8.0, 3, 1), ["   "]);
        assert!(drawn(&[(0, 1.0)], 8.0, 0, 1)[0].is_empty());
        assert_eq!(drawn(&[(0, f64::NAN)], 8.0, 1, 1), ["▁"]);
    }
}
