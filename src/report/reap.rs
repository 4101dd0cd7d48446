//! Environments that have expired, for people.

use std::fmt::Write;

use super::list::{elsewhere, none, place};
use super::receipt;
use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, paint, sign};
use crate::deployed::looked::Looked;
use crate::engine::destroy::reaped::{Done, Reaped};
use crate::observe::expired::{Expired, Verdict};
use crate::observe::list::Unknown;

/// Where was looked.
#[derive(Debug)]
pub struct Place<'a> {
    pub account: &'a str,
    /// None when all were.
    pub regions: Vec<&'a str>,
    pub looked: &'a Looked,
}

/// What has expired, of all environments or `only` of the one that is meant.
pub fn found(at: &Place<'_>, only: Option<&str>, all: &[&Expired], unknown: &[Unknown]) -> String {
    let mut out = String::new();
    if all.is_empty() {
        let regions = (!at.regions.is_empty()).then(|| at.regions.join(", "));
        let place = place(at.account, regions.as_deref());
        let _ = writeln!(out, "{} has expired in {place}", none(only));
        // Of several, none is the only one.
        let one = at.regions.first().filter(|_| at.regions.len() == 1);
        out += &elsewhere(at.looked, one.copied());
    }
    for expired in all {
        let when = expired
            .expires
            .as_ref()
            .map_or(String::new(), |expires| format!(" expired {}", expires.text()));
        let (mark, why) = match &expired.verdict {
            Verdict::MayGo => (sign(BAD, "-", "may go:"), String::new()),
            Verdict::Protected { reason } => (sign(GOOD, "=", "stays:"), format!("; left alone: {reason}")),
            Verdict::Unreadable { reason } => (sign(CAREFUL, "?", "stays:"), format!("; left alone: {reason}")),
        };
        let name = paint(STRONG, &expired.environment);
        let _ = writeln!(out, "{mark} {name} in {}{when}{why}", expired.region);
    }
    for unknown in unknown {
        let _ = writeln!(
            out,
            "{} {}: {}",
            paint(CAREFUL, "unknown:"),
            unknown.region,
            unknown.unknown
        );
    }
    out
}

/// What came of it; what would go was said before.
/// `again` is the command that goes on with an environment.
pub fn text(reaped: &Reaped, again: impl Fn(&Expired) -> String) -> String {
    if reaped.dry_run {
        return match reaped.environments.is_empty() {
            true => String::new(),
            false => "nothing was changed: a dry run\n".to_owned(),
        };
    }
    let mut out = String::new();
    for one in &reaped.environments {
        if let Some(destroyed) = &one.destroyed {
            out += &receipt::destroyed(destroyed, &again(&one.expired));
        }
    }
    for one in &reaped.environments {
        let word = match one.outcome {
            Done::Destroyed => paint(GOOD, "destroyed"),
            Done::Failed => paint(BAD, "failed"),
            Done::LeftAlone => paint(FAINT, "left alone"),
            Done::NotBegun => paint(CAREFUL, "not begun"),
        };
        let why = one.message.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let _ = writeln!(out, "{word} {} in {}{why}", one.expired.environment, one.expired.region);
    }
    out
}
