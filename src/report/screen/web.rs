//! The web tier, in a row or two above the stages.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::theme::{Theme, Tone};
use crate::observe::web::{Requests, WebGone, WebState};

/// From so many columns on, a row has room for the group's bounds.
const WIDE: u16 = 100;

/// A row, and where there is room a second one with its address and the last hour.
pub fn lines(web: &WebState, theme: Theme, area: Rect, roomy: bool) -> Vec<Line<'static>> {
    let mut first = Row::new("web", theme);
    if web.gone.contains(&WebGone::LoadBalancer) {
        first.say("load balancer gone", Tone::Bad);
    }
    match (&web.targets, web.healthy) {
        (Some(_), Some(_)) if web.stands_by => first.say("stands by", Tone::Plain),
        (Some(targets), Some(healthy)) => {
            let tone = match healthy {
                0 => Tone::Bad,
                healthy if healthy < targets.len() => Tone::Careful,
                _ => Tone::Good,
            };
            first.say(&format!("{healthy} of {} healthy", targets.len()), tone);
        }
        _ => first.unknown(web, WebGone::TargetGroup, "targets"),
    }
    match &web.group {
        Some(group) => {
            let bounds = match area.width >= WIDE {
                true => format!(", min {}, max {}", group.min, group.max),
                false => String::new(),
            };
            let in_service = group.in_service();
            first.say(
                &format!("{in_service} of {} in service{bounds}", group.desired),
                Tone::Plain,
            );
        }
        None if web.stands_by => {}
        None => first.unknown(web, WebGone::Group, "group"),
    }
    if let Some(minute) = web.requests.and_then(|requests| requests.last_minute) {
        first.say(&format!("{minute} requests/min"), Tone::Plain);
    }
    first.alarms(web);
    if !roomy {
        return vec![first.line()];
    }
    let mut second = Row::new("", theme);
    second.say(&web.url, Tone::Faint);
    if let Some(requests) = web.requests {
        second.requests(requests);
    }
    vec![first.line(), second.line()]
}

struct Row {
    spans: Vec<Span<'static>>,
    theme: Theme,
}

impl Row {
    fn new(label: &str, theme: Theme) -> Row {
        let label = Span::styled(format!("{label:10}"), theme.text(Tone::Faint));
        Row {
            spans: vec![label],
            theme,
        }
    }

    fn say(&mut self, text: &str, tone: Tone) {
        self.spans.push(Span::styled(text.to_owned(), self.theme.text(tone)));
        self.spans.push(Span::raw("  "));
    }

    fn unknown(&mut self, web: &WebState, what: WebGone, name: &str) {
        match web.gone.contains(&what) {
            true => self.say(&format!("{name} gone"), Tone::Bad),
            false => self.say(&format!("{name} not known"), Tone::Careful),
        }
    }

    /// How many are on or missing; all that are well, where all are.
    fn alarms(&mut self, web: &WebState) {
        let Some(alarms) = &web.alarms else { return };
        let wrong = alarms.iter().filter(|alarm| alarm.alarm.state != "OK");
        match wrong.count() {
            0 => self.say(&format!("{} alarms OK", alarms.len()), Tone::Plain),
            wrong => self.say(&format!("{wrong} of {} alarms not OK", alarms.len()), Tone::Careful),
        }
    }

    fn requests(&mut self, requests: Requests) {
        self.say(&format!("{} requests in 1 h", requests.last_hour), Tone::Plain);
        for (count, what) in [
            (requests.errors_last_hour, "with errors of the program"),
            (requests.unanswered_last_hour, "that nobody answered"),
        ] {
            if count > 0 {
                self.say(&format!("{count} {what}"), Tone::Bad);
            }
        }
    }

    fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }
}
