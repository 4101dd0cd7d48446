//! The last operation on a stack: of which kind, from when to when.

use jiff::Timestamp;
use serde::Serialize;

use crate::cloud::events::ResourceEvent;
use crate::cloud::stack_status::StackStatus;
use crate::cloud::stacks::StackDescription;

/// What was done to a stack last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastOperation {
    /// Which.
    pub kind: Kind,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended; none while it goes on, and where the stack's events weren't read.
    pub ended_at: Option<Timestamp>,
    /// How long it took, or has taken so far, in seconds.
    pub length_seconds: Option<f64>,
}

/// A kind of operation. What CloudFormation undoes by itself belongs to the operation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The stack is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// Resources are taken into it.
    Import,
    /// Nothing was done yet: it only has change sets.
    Review,
    /// The status is one that isn't known.
    Unknown,
}

impl Kind {
    /// As the stack's status says.
    pub fn of(status: &StackStatus) -> Kind {
        let word = status.as_str();
        let begins = |with: &str| word.starts_with(with);
        match status {
            StackStatus::Unknown(_) => Kind::Unknown,
            _ if begins("CREATE_") || begins("ROLLBACK_") => Kind::Create,
            _ if begins("UPDATE_") => Kind::Update,
            _ if begins("DELETE_") => Kind::Delete,
            _ if begins("IMPORT_") => Kind::Import,
            _ => Kind::Review,
        }
    }

    /// In the past tense.
    pub fn done(self) -> &'static str {
        match self {
            Kind::Create => "created",
            Kind::Update => "updated",
            Kind::Delete => "deleted",
            Kind::Import => "imported",
            Kind::Review => "reviewed",
            Kind::Unknown => "changed",
        }
    }
}

/// The last operation on a stack, by what CloudFormation says of it and by its newest `events`, oldest first, where
/// those were read. The description only says when it began: `LastUpdatedTime` is the beginning of the last update.
pub fn last(stack: &StackDescription, events: Option<&[ResourceEvent]>, now: Timestamp) -> LastOperation {
    let kind = Kind::of(&stack.status);
    let started_at = match kind {
        Kind::Create | Kind::Review => stack.created,
        _ => stack.updated.or(stack.created),
    };
    // A delete is no update: only events say when it began.
    let of_stack = || events.unwrap_or_default().iter().filter(|event| event.is_stack);
    let began = of_stack()
        .rev()
        .find(|event| begins(&event.status))
        .and_then(|event| event.at);
    let started_at = match kind {
        Kind::Delete => began,
        _ => began.or(started_at),
    };
    let newest = of_stack()
        .next_back()
        .filter(|event| event.status == stack.status.as_str());
    let ended_at = newest
        .filter(|_| !stack.status.is_in_progress())
        .and_then(|event| event.at);
    let until = ended_at.or(stack.status.is_in_progress().then_some(now));
    LastOperation {
        kind,
        started_at,
        ended_at,
        length_seconds: started_at
            .zip(until)
            .map(|(from, to)| to.duration_since(from).as_secs_f64().max(0.0)),
    }
}

/// What an operation begins with, not the rollback that belongs to it.
fn begins(status: &str) -> bool {
    matches!(
        status,
        "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS" | "IMPORT_IN_PROGRESS"
    )
}
