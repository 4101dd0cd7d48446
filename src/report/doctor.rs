//! What `doctor` found, for people.

use std::fmt::Write;

use anstyle::Style;

use super::status::{MARGIN, wrapped};
use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, paint, sign};
use crate::observe::doctor::Doctor;
use crate::observe::doctor::check::{Check, Group, Outcome};

const GROUPS: [(Group, &str); 3] = [
    (Group::Machine, "this machine"),
    (Group::Account, "account"),
    (Group::Environment, "environment"),
];

/// All checks by whose business they are, in lines of so many columns; none for as long as they come.
pub fn text(doctor: &Doctor, width: Option<usize>) -> String {
    let mut out = String::new();
    for (group, heading) in GROUPS {
        let of_group: Vec<&Check> = doctor
            .checks
            .iter()
            .filter(|check| check.check.group() == group)
            .collect();
        if of_group.is_empty() {
            continue;
        }
        let heading = match (&doctor.environment, group) {
            (None, Group::Environment) => "any environment",
            _ => heading,
        };
        let name = doctor.environment.as_deref().filter(|_| group == Group::Environment);
        let name = name.map_or(String::new(), |name| format!(" {}", paint(STRONG, name)));
        let _ = writeln!(out, "{}{name}", paint(FAINT, heading));
        for check in of_group {
            one(&mut out, check, width);
        }
        let _ = writeln!(out);
    }
    for (why, topics) in skipped(doctor) {
        let text = format!("{} {}: {why}", paint(FAINT, "not looked at:"), topics.join(", "));
        wrapped(&mut out, &text, "", "  ", width);
    }
    let counts = [Outcome::Failed, Outcome::Unknown, Outcome::Passed].map(|outcome| (doctor.count(outcome), outcome));
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, outcome)| format!("{count} {}", paint(color(outcome), outcome.as_str())))
        .collect();
    let _ = writeln!(out, "{}", counts.join(", "));
    out
}

fn one(out: &mut String, check: &Check, width: Option<usize>) {
    let word = check.outcome.as_str();
    let margin = " ".repeat(MARGIN);
    let first = format!(
        "  {}{}",
        paint(color(check.outcome), word),
        " ".repeat(MARGIN - 2 - word.len())
    );
    let topic = check.check.as_str().replace('_', "-");
    let about = check.about.as_ref().map_or(String::new(), |about| format!(" {about}"));
    wrapped(out, &format!("{topic}{about}: {}", check.what), &first, &margin, width);
    let Some(mend) = &check.mend else { return };
    let mut lines = mend.action.lines();
    let action = lines.next().unwrap_or_default();
    let to_do = sign(Style::new(), "→", "what to do:");
    wrapped(
        out,
        &format!("{to_do} {action}"),
        &margin,
        &format!("{margin}  "),
        width,
    );
    // Never broken: what follows is there to be copied.
    for line in lines {
        let _ = writeln!(out, "{margin}  {}", line.trim_start());
    }
    if let Some(command) = &mend.command {
        let _ = writeln!(out, "{margin}  {}", paint(STRONG, command));
    }
    if let Some(page) = &mend.page {
        let _ = writeln!(out, "{margin}  {page}");
    }
}

/// Each reason, with what wasn't looked at for it.
fn skipped(doctor: &Doctor) -> Vec<(&'static str, Vec<String>)> {
    let mut all: Vec<(&'static str, Vec<String>)> = Vec::new();
    for skipped in &doctor.skipped {
        let topic = skipped.check.as_str().replace('_', "-");
        match all.iter_mut().find(|(why, _)| *why == skipped.why) {
            Some((_, topics)) => topics.push(topic),
            None => all.push((skipped.why, vec![topic])),
        }
    }
    all
}

fn color(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Passed => GOOD,
        Outcome::Failed => BAD,
        Outcome::Unknown => CAREFUL,
    }
}
