//! The web tier's status, for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::stage::{alarms, in_service};
use super::{MARGIN, wrapped};
use crate::observe::web::{Requests, WebGone, WebState};
use crate::report::style::{BAD, FAINT, many, paint};

/// What is known of it, a line or more each.
pub fn lines(out: &mut String, web: &WebState, no_fleet: bool, width: Option<usize>) {
    let mut say = |label: &str, text: &str| {
        let first = format!("  {}{}", paint(FAINT, label), " ".repeat(MARGIN - 2 - label.len()));
        wrapped(out, text, &first, &" ".repeat(MARGIN), width);
    };
    if no_fleet {
        say("url", "none: no local fleet runs");
        return;
    }
    say("url", &web.url);
    let gone = match web.gone.contains(&WebGone::LoadBalancer) {
        true => format!(" {}", paint(BAD, "gone")),
        false => String::new(),
    };
    say("balancer", &format!("{}{gone}", web.load_balancer));
    if web.stands_by && !web.gone.contains(&WebGone::TargetGroup) {
        say("group", "none: it stands by");
        return;
    }
    say("targets", &targets(web));
    let group = web
        .group
        .as_ref()
        .map(|group| format!("{}; min {}, max {}", in_service(group), group.min, group.max));
    say("group", &group.unwrap_or_else(|| unknown(web, WebGone::Group)));
    if let Some(of) = web.requests {
        say("requests", &requests(of));
    }
    if let Some(alarms) = alarms(web.alarms.as_deref()) {
        say("alarms", &alarms);
    }
}

fn unknown(web: &WebState, what: WebGone) -> String {
    match web.gone.contains(&what) {
        true => paint(BAD, "gone"),
        false => "not known".to_owned(),
    }
}

/// As in "2 of 3 healthy, 1 initial".
pub(in crate::report) fn targets(web: &WebState) -> String {
    let (Some(targets), Some(healthy)) = (&web.targets, web.healthy) else {
        return unknown(web, WebGone::TargetGroup);
    };
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets.iter().filter(|target| !target.is_healthy()) {
        *others.entry(&target.state).or_default() += 1;
    }
    let mut text = format!("{healthy} of {} healthy", targets.len());
    for (state, count) in others {
        let _ = write!(text, ", {count} {state}");
    }
    text
}

/// As in "12 a minute, 340 in the last hour; 3 errors of the program (5xx), 1 that nobody answered".
pub(in crate::report) fn requests(requests: Requests) -> String {
    let minute = requests
        .last_minute
        .map_or(String::new(), |minute| format!("{minute} a minute, "));
    let mut text = format!("{minute}{} in the last hour", requests.last_hour);
    let errors = (requests.errors_last_hour, requests.unanswered_last_hour);
    if errors.0 > 0 {
        let of_program = format!("; {} of the program (5xx)", many(errors.0, "error"));
        text += &paint(BAD, of_program);
    }
    if errors.1 > 0 {
        text += &paint(BAD, format!("; {} that nobody answered (5xx)", errors.1));
    }
    text
}
