//! The web tier's status, for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::stage::in_service;
use super::{MARGIN, wrapped};
use crate::observe::web::WebState;
use crate::report::style::{BAD, FAINT, paint};

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
    say("balancer", &web.load_balancer);
    if web.stands_by && web.targets.is_some() {
        say("group", "none: it stands by");
        return;
    }
    say("targets", &targets(web));
    let gone = || paint(BAD, "gone");
    let group = web
        .group
        .as_ref()
        .map(|group| format!("{}; min {}, max {}", in_service(group), group.min, group.max));
    say("group", &group.unwrap_or_else(gone));
}

/// As in "2 of 3 healthy, 1 initial".
fn targets(web: &WebState) -> String {
    let Some(targets) = &web.targets else {
        return paint(BAD, "gone");
    };
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets.iter().filter(|target| !target.is_healthy()) {
        *others.entry(&target.state).or_default() += 1;
    }
    let mut text = format!("{} of {} healthy", web.healthy, targets.len());
    for (state, count) in others {
        let _ = write!(text, ", {count} {state}");
    }
    text
}
