//! A stage: its queue, its backlog against the target, its instances.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::roster::{Roster, Seen};
use super::theme::{GONE, Theme, Tone, of_instance};
use super::{chart, line, rule};
use crate::observe::status::StageState;
use crate::report::function;
use crate::report::schedule;
use crate::report::style::number;
use crate::report::style::whole_seconds;

/// The rows of a stage when there is no room for more.
pub const LEAST_ROWS: u16 = 4;
/// The most rows that its chart gets, with the time below it.
const MOST_CHART_ROWS: u16 = 13;
/// The columns before what a row says.
const MARGIN: u16 = 10;
/// A chart that is lower says little more than one of a single row.
const LOW_CHART_ROWS: u16 = 3;

/// How many rows a stage can use.
pub fn most_rows(stage: &StageState, roster: &Roster) -> u16 {
    let zones = u16::try_from(roster.zones(&stage.stage).len()).unwrap_or(1).max(1);
    let chart = if stage.backlog.is_some() { MOST_CHART_ROWS } else { 0 };
    LEAST_ROWS - 1 + chart + zones
}

pub fn draw(stage: &StageState, roster: &Roster, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let mut rows = Rows { area, y: area.y };
    rule(&stage.stage, &workers(stage), theme, rows.take(1), buffer);
    line(&queue(stage, theme, area.width), rows.take(1), buffer);
    let zones = roster.zones(&stage.stage);
    let left = rows.left().saturating_sub(1);
    let zone_rows = zone_rows(&zones, stage, left, area.width);
    let chart_rows = left.saturating_sub(zone_rows).min(MOST_CHART_ROWS);
    let backlog_row = rows.take(1);
    let numbers = backlog(stage, theme);
    line(&numbers, backlog_row, buffer);
    let chart_area = rows.take(chart_rows);
    if let Some(backlog) = &stage.backlog {
        let target = backlog.target_messages_per_instance;
        if chart_rows > 0 {
            chart::draw_with_axes(&backlog.history, target, theme, chart_area, buffer);
        } else {
            // At the right of its numbers.
            let margin = u16::try_from(numbers.width() + 2)
                .unwrap_or(u16::MAX)
                .min(backlog_row.width);
            let columns = backlog_row.width - margin;
            let beside = Rect {
                x: backlog_row.x + margin,
                width: columns.min(chart::width(columns)),
                ..backlog_row
            };
            chart::draw(&backlog.history, target, theme, beside, buffer);
        }
    }
    if stage.group().is_some() {
        instances(&zones, theme, rows.take(zone_rows), buffer);
    }
}

/// One for each zone, unless the chart needs them more and one is enough for all zones.
fn zone_rows(zones: &[(&str, Vec<&Seen>)], stage: &StageState, left: u16, width: u16) -> u16 {
    let each = u16::try_from(zones.len()).unwrap_or(u16::MAX).max(1);
    let one_is_enough = {
        let width = usize::from(width) / usize::from(each);
        zones
            .iter()
            .all(|(zone, there)| room_of_zone(zone, width) >= there.len())
    };
    let chart_rows = if stage.backlog.is_some() && one_is_enough {
        LOW_CHART_ROWS
    } else {
        0
    };
    if left >= each.saturating_add(chart_rows) {
        each
    } else {
        1
    }
}

/// As in "3 of 4 in service, min 1, max 6".
fn workers(stage: &StageState) -> String {
    if let Some(pause) = stage.paused {
        return if pause.stands_by { "stands by" } else { "paused" }.into();
    }
    let Some(instances) = &stage.instances else {
        return stage.function.as_ref().map_or(String::new(), function::short);
    };
    let Some(group) = &instances.group else {
        return "group unknown".into();
    };
    let asleep = instances
        .schedule
        .as_ref()
        .filter(|schedule| schedule.lets_sleep(group));
    let sleeps = asleep.and_then(|of| schedule::next(of, group));
    format!(
        "{} of {} in service, min {}, max {}{}",
        group.in_service(),
        group.desired,
        group.min,
        group.max,
        sleeps.map_or(String::new(), |sleeps| format!(", {sleeps}"))
    )
}

fn queue(stage: &StageState, theme: Theme, width: u16) -> Line<'static> {
    let of = |dead_letters, with_done| queue_line(stage, theme, dead_letters, with_done);
    let fits = |line: &Line<'_>| line.width() <= usize::from(width);
    let narrower = [("dead letters", true), ("dead", true), ("dead letters", false)];
    let mut lines = narrower.into_iter().map(|(dead_letters, done)| of(dead_letters, done));
    lines.find(fits).unwrap_or_else(|| of("dead", false))
}

fn queue_line(stage: &StageState, theme: Theme, dead_letters: &str, with_done: bool) -> Line<'static> {
    let count = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let mut spans = vec![label("queue", theme)];
    let mut say = |value: String, what: &str, tone| {
        // Red letters on black don't reach the back row.
        let style = match tone {
            Tone::Bad => theme.cell(tone),
            tone => theme.text(tone),
        };
        spans.push(Span::styled(value, style));
        spans.push(Span::raw(format!(" {what}  ")));
    };
    let queue = stage.queue;
    say(
        count(queue.map(|depth| depth.visible + depth.delayed)),
        "waiting",
        Tone::Strong,
    );
    say(count(queue.map(|depth| depth.in_flight)), "in flight", Tone::Strong);
    let dead = stage.dead_letters.map(|depth| depth.visible + depth.in_flight);
    let tone = match dead {
        Some(0) => Tone::Strong,
        Some(_) => Tone::Bad,
        None => Tone::Careful,
    };
    let of_one = dead_letters.trim_end_matches('s');
    say(count(dead), if dead == Some(1) { of_one } else { dead_letters }, tone);
    let oldest = stage.oldest_message_age_seconds.filter(|_| !stage.is_empty());
    if let Some(age) = oldest {
        spans.push(Span::raw("oldest "));
        spans.push(Span::styled(whole_seconds(age), theme.text(Tone::Strong)));
    }
    if let Some(done) = stage.done.filter(|_| with_done) {
        spans.push(Span::raw(if oldest.is_some() { "  done " } else { "done " }));
        if let Some(minute) = done.messages_last_minute {
            spans.push(Span::styled(minute.to_string(), theme.text(Tone::Strong)));
            spans.push(Span::raw("/min, "));
        }
        spans.push(Span::raw(format!("{} in 1 h", done.messages_last_hour)));
    }
    Line::from(spans)
}

fn backlog(stage: &StageState, theme: Theme) -> Line<'static> {
    let mut spans = vec![label("backlog", theme)];
    match &stage.backlog {
        None if stage.function.is_some() => return invocations(stage, theme),
        None => spans.push(Span::styled("does not scale", theme.text(Tone::Faint))),
        Some(backlog) => {
            let target = backlog.target_messages_per_instance;
            let now = backlog.messages_per_instance;
            let tone = match now {
                Some(now) if now > target => Tone::Careful,
                Some(_) => Tone::Good,
                None => Tone::Careful,
            };
            spans.push(Span::styled(now.map_or("?".to_owned(), number), theme.text(tone)));
            let trend = backlog
                .trend
                .map_or(String::new(), |trend| format!(", {}", trend.as_str()));
            spans.push(Span::raw(format!(" per instance, target {}{trend}", number(target))));
        }
    }
    Line::from(spans)
}

/// A function has no backlog per instance; how it fares stands in its place.
fn invocations(stage: &StageState, theme: Theme) -> Line<'static> {
    let mut spans = vec![label("invoked", theme)];
    let invocations = stage.function.as_ref().and_then(|function| function.invocations);
    let Some(lately) = invocations.map(|invocations| invocations.last_ten_minutes) else {
        spans.push(Span::styled("nothing known of the last hour", theme.text(Tone::Faint)));
        return Line::from(spans);
    };
    let tone = |count, tone| if count == 0 { Tone::Strong } else { tone };
    for (count, what, tone) in [
        (lately.invocations, "in 10 min", Tone::Strong),
        (lately.errors, "with errors", tone(lately.errors, Tone::Bad)),
        (lately.throttles, "throttled", tone(lately.throttles, Tone::Careful)),
    ] {
        spans.push(Span::styled(count.to_string(), theme.text(tone)));
        spans.push(Span::raw(format!(" {what}  ")));
    }
    Line::from(spans)
}

fn label(text: &str, theme: Theme) -> Span<'static> {
    let width = usize::from(MARGIN);
    Span::styled(format!("{text:width$}"), theme.text(Tone::Faint))
}

/// A row a zone where there are enough, else one zone behind the other; what doesn't fit is counted.
fn instances(zones: &[(&str, Vec<&Seen>)], theme: Theme, area: Rect, buffer: &mut Buffer) {
    if zones.is_empty() {
        let none = Span::styled("none", theme.text(Tone::Faint));
        line(&Line::from(vec![label("instances", theme), none]), area, buffer);
        return;
    }
    let a_row_each = usize::from(area.height) >= zones.len();
    let each = if a_row_each {
        usize::from(area.width)
    } else {
        usize::from(area.width) / zones.len()
    };
    for (place, (zone, there)) in zones.iter().enumerate() {
        let place = u16::try_from(place).unwrap_or(u16::MAX);
        let each_width = u16::try_from(each).unwrap_or(area.width);
        let of_zone = if a_row_each {
            Rect {
                y: area.y.saturating_add(place),
                height: 1,
                ..area
            }
        } else {
            Rect {
                x: area.x + place.saturating_mul(each_width),
                width: each_width,
                height: 1,
                ..area
            }
        };
        line(&zone_line(zone, there, theme, each), of_zone, buffer);
    }
}

/// A zone's name is the same as the others' but for its end.
fn zone_name(zone: &str, width: usize) -> &str {
    if zone.len() + 2 > width / 2 {
        zone.rsplit('-').next().unwrap_or(zone)
    } else {
        zone
    }
}

/// How many cells fit behind a zone's name, with a gap behind the last, so that zones side by side don't touch.
fn room_of_zone(zone: &str, width: usize) -> usize {
    width.saturating_sub(zone_name(zone, width).chars().count() + 2)
}

fn zone_line(zone: &str, there: &[&Seen], theme: Theme, width: usize) -> Line<'static> {
    let name = zone_name(zone, width);
    let mut spans = vec![Span::styled(format!("{name} "), theme.text(Tone::Faint))];
    let room = room_of_zone(zone, width);
    let spaced = there.len() * 2 <= room;
    // As wide as it is high, for the back row.
    let wide = there.len() * 4 <= room;
    let fits = if there.len() <= room {
        there.len()
    } else {
        room.saturating_sub(5)
    };
    for seen in &there[..fits] {
        let (letter, tone) = match seen.gone {
            Some(_) => (GONE, Tone::Faint),
            None => of_instance(&seen.instance),
        };
        let cell = if wide {
            format!(" {letter} ")
        } else {
            letter.to_string()
        };
        spans.push(Span::styled(cell, theme.cell(tone)));
        if spaced {
            spans.push(Span::raw(" "));
        }
    }
    if fits < there.len() {
        spans.push(Span::raw(format!(" +{}", there.len() - fits)));
    }
    Line::from(spans)
}

/// Rows that are taken from the top of an area.
struct Rows {
    area: Rect,
    y: u16,
}

impl Rows {
    fn left(&self) -> u16 {
        self.area.bottom().saturating_sub(self.y)
    }

    fn take(&mut self, rows: u16) -> Rect {
        let height = rows.min(self.left());
        let taken = Rect {
            y: self.y,
            height,
            ..self.area
        };
        self.y += height;
        taken
    }
}
