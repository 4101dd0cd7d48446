//! What a stack has been through, where that decides what is done with it.

use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus::{self, *};
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::engine::plan::decide::History;

/// The stack's history. Only asked for in the few statuses where it matters.
///
/// # Errors
/// When AWS can't be asked.
pub async fn of(cloud: &Cloud, stack: &StackDescription) -> Result<History, CloudError> {
    if !History::matters(&stack.status) {
        return Ok(History::WasComplete);
    }
    let events = cloud.events_after(&stack.id, None).await?;
    let newest = events.iter().rfind(|event| event.is_stack);
    // A read that comes too early leaves some out.
    if newest.is_none_or(|event| StackStatus::from(event.status.as_str()) != stack.status) {
        return Ok(History::WasComplete);
    }
    Ok(read(&events))
}

/// "A last known stable state includes any status in a *_COMPLETE", of these
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html>).
fn is_stable(status: &StackStatus) -> bool {
    matches!(
        status,
        CreateComplete | UpdateComplete | UpdateRollbackComplete | ImportComplete | ImportRollbackComplete
    )
}

/// Events are kept for a limited time: without the one that the stack began with, nothing is known for certain.
fn read(events: &[ResourceEvent]) -> History {
    let mut of_stack = events
        .iter()
        .filter(|event| event.is_stack)
        .map(|event| StackStatus::from(event.status.as_str()));
    let from_the_beginning = matches!(of_stack.next(), Some(CreateInProgress | ReviewInProgress));
    let ever_complete = of_stack.any(|status| is_stable(&status));
    // An import counts also while it runs or when it failed: the resource may be the stack's by now. Once the operation has
    // ended well, nothing takes it back any more.
    let is_complete = |event: &&ResourceEvent| event.is_stack && is_stable(&StackStatus::from(event.status.as_str()));
    let since = events.iter().rev().take_while(|event| !is_complete(event));
    let took_in = since
        .filter(|event| !event.is_stack)
        .any(|event| event.status.starts_with("IMPORT_"));
    match from_the_beginning && !ever_complete {
        _ if took_in => History::TookIn,
        true => History::NeverComplete,
        false => History::WasComplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(of_stack: &[&str]) -> History {
        history_with(of_stack, "CREATE_COMPLETE")
    }

    fn history_with(of_stack: &[&str], of_resources: &str) -> History {
        read(&with_events(of_stack, of_resources))
    }

    fn with_events(of_stack: &[&str], of_resources: &str) -> Vec<ResourceEvent> {
        let event = |status: &str, is_stack: bool| ResourceEvent {
            id: String::new(),
            operation_id: None,
            token: None,
            at: None,
            logical_id: "photo-lab-move".into(),
            physical_id: String::new(),
            resource_type: String::new(),
            status: status.into(),
            reason: None,
            is_stack,
        };
        let mut events = Vec::new();
        for status in of_stack {
            events.push(event(status, true));
            // Whether its resources are complete says nothing.
            events.push(event(of_resources, false));
        }
        events
    }

    #[test]
    fn a_stack_was_complete_unless_its_events_show_that_it_never_was() {
        let never: [&[&str]; 4] = [
            &["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_FAILED"],
            &["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"],
            &[
                "CREATE_IN_PROGRESS",
                "CREATE_FAILED",
                "UPDATE_IN_PROGRESS",
                "UPDATE_FAILED",
            ],
            &["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED"],
        ];
        for statuses in never {
            assert_eq!(history(statuses), History::NeverComplete, "{statuses:?}");
        }
        let was: [&[&str]; 4] = [
            &[
                "CREATE_IN_PROGRESS",
                "CREATE_COMPLETE",
                "UPDATE_IN_PROGRESS",
                "UPDATE_FAILED",
            ],
            // The beginning is too long ago.
            &["UPDATE_IN_PROGRESS", "UPDATE_FAILED"],
            &["ROLLBACK_COMPLETE"],
            &[],
        ];
        for statuses in was {
            assert_eq!(history(statuses), History::WasComplete, "{statuses:?}");
        }
    }

    #[test]
    fn what_a_stack_took_in_matters_until_it_is_complete() {
        let created: &[&str] = &["CREATE_IN_PROGRESS", "CREATE_FAILED"];
        let updated: &[&str] = &["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS"];
        // Its beginning is too long ago.
        let later: &[&str] = &["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_FAILED"];
        for import in ["IMPORT_IN_PROGRESS", "IMPORT_COMPLETE"] {
            for failed in [created, updated, later] {
                assert_eq!(history_with(failed, import), History::TookIn, "{failed:?}");
            }
            // After what it took in, it was complete.
            let mut events = with_events(updated, import);
            events.extend(with_events(&["UPDATE_COMPLETE"], "UPDATE_COMPLETE"));
            events.extend(with_events(&["UPDATE_IN_PROGRESS", "UPDATE_FAILED"], "UPDATE_FAILED"));
            assert_eq!(read(&events), History::WasComplete);
        }
    }
}
