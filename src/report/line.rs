//! An event as it stands on its line of `--output jsonl`.

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::engine::event::Event;
use crate::jobs;
use crate::local::fleet::event::FleetEvent;
use crate::observe::events::Happened;

/// An event, with when it happened.
#[derive(Serialize)]
pub(super) struct Line<E> {
    /// None where the event says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(flatten)]
    event: E,
}

/// An event that may have a time of its own.
pub(super) trait Dated {
    /// Whether it has one. Where it should and doesn't, it gets the time `now`.
    fn is_dated(&mut self, _now: Timestamp) -> bool {
        false
    }
}

impl Dated for Event {
    /// CloudFormation dates what happens to a resource.
    fn is_dated(&mut self, now: Timestamp) -> bool {
        match self {
            Event::Resource { resource, .. } => {
                resource.at.get_or_insert(now);
                true
            }
            _ => false,
        }
    }
}

impl Dated for Happened {
    fn is_dated(&mut self, now: Timestamp) -> bool {
        self.resource.at.get_or_insert(now);
        true
    }
}

impl Dated for jobs::event::Event {}

impl Dated for FleetEvent {
    fn is_dated(&mut self, _now: Timestamp) -> bool {
        matches!(self, FleetEvent::Minute { .. })
    }
}

impl<E: Dated> Line<E> {
    /// `now` is the wall clock.
    pub(super) fn new(mut event: E, now: Timestamp) -> Line<E> {
        let at = (!event.is_dated(now)).then_some(now);
        Line { at, event }
    }
}

/// Prints each event as it comes, until all their senders are gone.
pub(super) async fn lines<E: Dated + Serialize>(mut events: UnboundedReceiver<E>) {
    while let Some(event) = events.recv().await {
        super::json_line(&Line::new(event, Timestamp::now()));
    }
}
