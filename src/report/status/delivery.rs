//! The status of delivery, for people.

use super::{MARGIN, wrapped};
use crate::observe::delivery::DeliveryState;
use crate::report::style::{BAD, FAINT, paint};

/// What is known of it, a line or more each.
pub fn lines(out: &mut String, delivery: &DeliveryState, width: Option<usize>) {
    let mut say = |label: &str, text: &str| {
        let first = format!("  {}{}", paint(FAINT, label), " ".repeat(MARGIN - 2 - label.len()));
        wrapped(out, text, &first, &" ".repeat(MARGIN), width);
    };
    say("url", &delivery.url);
    let how = match &delivery.state {
        None => paint(BAD, "gone"),
        Some(state) => {
            let enabled = match state.enabled {
                true => "enabled".to_owned(),
                false => paint(BAD, "disabled"),
            };
            match state.is_deployed() {
                true => enabled,
                false => format!("{enabled}, which is on its way to all places ({})", state.status),
            }
        }
    };
    say("state", &format!("{how}; distribution {}", delivery.distribution));
    if !delivery.url.ends_with(&delivery.domain_name) {
        say("dns", &format!("point its name to {}", delivery.domain_name));
    }
    if let Some(fetch_with) = &delivery.fetch_with {
        // Never broken: it is there to be copied.
        say("fetch", "no name leads to the emulator; instead:");
        out.push_str(&format!("{}{fetch_with}\n", " ".repeat(MARGIN)));
    }
}
