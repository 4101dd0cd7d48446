//! The last operation on a stack: of which kind, from when to when.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;

/// What was done to a stack last.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LastOperation {
    pub kind: Kind,
    pub started_at: Option<Timestamp>,
    /// When it ended; none while it goes on, and where the stack's events weren't read.
    pub ended_at: Option<Timestamp>,
    /// How long it took, or has taken so far, in seconds.
    pub length_seconds: Option<f64>,
}

/// A kind of operation. What CloudFormation undoes by itself belongs to the operation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The stack is made.
    Create,
    Update,
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

    pub fn noun(self) -> &'static str {
        match self {
            Kind::Create => "create",
            Kind::Update => "update",
            Kind::Delete => "delete",
            Kind::Import => "import",
            Kind::Review => "change set",
            Kind::Unknown => "operation",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cloud::cloudformation::stacks::KnownDrift;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn stack(status: &str, updated: Option<i64>) -> StackDescription {
        StackDescription {
            id: "arn".into(),
            name: "lab-move".into(),
            status: StackStatus::from(status),
            reason: None,
            change_set: None,
            description: None,
            outputs: BTreeMap::new(),
            exports: Vec::new(),
            parameters: BTreeMap::new(),
            tags: BTreeMap::new(),
            notification_arns: Vec::new(),
            drift: KnownDrift::default(),
            protected: None,
            created: Some(at(10)),
            updated: updated.map(at),
        }
    }

    /// Events of the stack itself, and one of a resource behind each.
    fn events(of_stack: &[(i64, &str)]) -> Vec<ResourceEvent> {
        let event = |second: i64, status: &str, is_stack| ResourceEvent {
            id: String::new(),
            operation_id: None,
            token: None,
            at: Some(at(second)),
            logical_id: String::new(),
            physical_id: String::new(),
            resource_type: String::new(),
            status: status.into(),
            reason: None,
            is_stack,
        };
        let both = |(second, status): &(i64, &str)| [event(*second, status, true), event(second + 1, status, false)];
        of_stack.iter().flat_map(both).collect()
    }

    fn told(
        status: &str,
        updated: Option<i64>,
        of_stack: &[(i64, &str)],
    ) -> (Kind, Option<i64>, Option<i64>, Option<f64>) {
        let operation = last(&stack(status, updated), Some(&events(of_stack)), at(1000));
        let second = |at: Option<Timestamp>| at.map(Timestamp::as_second);
        (
            operation.kind,
            second(operation.started_at),
            second(operation.ended_at),
            operation.length_seconds,
        )
    }

    #[test]
    fn from_its_first_event_to_its_last() {
        let create = [(11, "CREATE_IN_PROGRESS"), (70, "CREATE_COMPLETE")];
        let done = told("CREATE_COMPLETE", None, &create);
        assert_eq!(done, (Kind::Create, Some(11), Some(70), Some(59.0)));
        // Of several operations the last one; cleaning up belongs to it, and so does going back.
        let update = [
            (11, "CREATE_IN_PROGRESS"),
            (70, "CREATE_COMPLETE"),
            (200, "UPDATE_IN_PROGRESS"),
            (230, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            (260, "UPDATE_COMPLETE"),
        ];
        let done = told("UPDATE_COMPLETE", Some(199), &update);
        assert_eq!(done, (Kind::Update, Some(200), Some(260), Some(60.0)));
        let back = [
            (200, "UPDATE_IN_PROGRESS"),
            (230, "UPDATE_ROLLBACK_IN_PROGRESS"),
            (260, "UPDATE_ROLLBACK_COMPLETE"),
        ];
        let done = told("UPDATE_ROLLBACK_COMPLETE", Some(199), &back);
        assert_eq!(done, (Kind::Update, Some(200), Some(260), Some(60.0)));
    }

    #[test]
    fn one_that_goes_on_has_taken_so_long() {
        let running = told("UPDATE_IN_PROGRESS", Some(900), &[(900, "UPDATE_IN_PROGRESS")]);
        assert_eq!(running, (Kind::Update, Some(900), None, Some(100.0)));
        let deleting = told("DELETE_IN_PROGRESS", Some(300), &[(900, "DELETE_IN_PROGRESS")]);
        assert_eq!(deleting, (Kind::Delete, Some(900), None, Some(100.0)));
    }

    #[test]
    fn what_the_events_do_not_say_the_stack_may() {
        // Its beginning is on an older page.
        let late = told("UPDATE_COMPLETE", Some(200), &[(260, "UPDATE_COMPLETE")]);
        assert_eq!(late, (Kind::Update, Some(200), Some(260), Some(60.0)));
        // They are older than what the stack says.
        let stale = told("UPDATE_COMPLETE", Some(200), &[(200, "UPDATE_IN_PROGRESS")]);
        assert_eq!(stale, (Kind::Update, Some(200), None, None));
        let unread = last(&stack("UPDATE_COMPLETE", Some(200)), None, at(1000));
        assert_eq!(
            (unread.started_at, unread.ended_at, unread.length_seconds),
            (Some(at(200)), None, None)
        );
        let made = last(&stack("CREATE_COMPLETE", None), None, at(1000));
        assert_eq!(made.started_at, Some(at(10)));
        // An update's beginning is not a delete's.
        let gone = last(&stack("DELETE_FAILED", Some(200)), None, at(1000));
        assert_eq!(gone.started_at, None);
    }
}
