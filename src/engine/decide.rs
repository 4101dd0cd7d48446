//! From a stack's status to what is done with it: one pure function a verb.

use crate::cloud::stack_status::StackStatus::{self, *};

/// What `deploy` (and `plan`, which shows it) does with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deploy {
    /// The stack is made. REVIEW_IN_PROGRESS is a stack that so far only has change sets: it is made, too.
    Create,
    /// The stack is changed.
    Update,
    /// The stack is a failed first create that CloudFormation can neither update nor repair: it is deleted and made
    /// anew. It never was complete, so it holds nothing that was ever in use.
    Recreate,
    /// An operation is running: it is watched to its end, then decided again.
    Attach,
    /// Nothing is done; the text says why and what to do.
    Refuse(&'static str),
}

/// What `destroy` does with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destroy {
    /// It is gone already.
    Nothing,
    /// It is deleted.
    Delete,
    /// An operation is running: it is watched to its end, then decided again.
    Attach,
    /// Nothing is done; the text says why and what to do.
    Refuse(&'static str),
}

/// What `deploy` does with a stack in this status; `None` is a stack that isn't there.
pub fn deploy(status: Option<&StackStatus>) -> Deploy {
    let Some(status) = status else { return Deploy::Create };
    match status {
        DeleteComplete | ReviewInProgress => Deploy::Create,
        CreateComplete | UpdateComplete | UpdateRollbackComplete | ImportComplete | ImportRollbackComplete => {
            Deploy::Update
        }
        // Only reached with rollback disabled: such a stack can be updated again.
        CreateFailed | UpdateFailed => Deploy::Update,
        // Only a first create leads here, so the stack never was complete.
        RollbackComplete | RollbackFailed => Deploy::Recreate,
        UpdateRollbackFailed => Deploy::Refuse(
            "its last update failed, and so did the way back. Repair what blocks it (see its events), then let \
             CloudFormation go on: aws cloudformation continue-update-rollback",
        ),
        ImportRollbackFailed => {
            Deploy::Refuse("taking resources into it failed, and so did the way back. Repair it in CloudFormation")
        }
        DeleteFailed => Deploy::Refuse("it is half deleted. Finish that first: qfleet destroy"),
        CreateInProgress
        | RollbackInProgress
        | UpdateInProgress
        | UpdateCompleteCleanupInProgress
        | UpdateRollbackInProgress
        | UpdateRollbackCompleteCleanupInProgress
        | DeleteInProgress
        | ImportInProgress
        | ImportRollbackInProgress => Deploy::Attach,
        Unknown(_) => Deploy::Refuse("this version of qfleet doesn't know that status"),
    }
}

/// What `destroy` does with a stack in this status; `None` is a stack that isn't there.
pub fn destroy(status: Option<&StackStatus>) -> Destroy {
    let Some(status) = status else { return Destroy::Nothing };
    match status {
        DeleteComplete => Destroy::Nothing,
        Unknown(_) => Destroy::Refuse("this version of qfleet doesn't know that status"),
        status if status.is_in_progress() => Destroy::Attach,
        _ => Destroy::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_was_ever_complete_is_never_deleted_by_deploy() {
        for status in StackStatus::ALL {
            let recreated = deploy(Some(status)) == Deploy::Recreate;
            assert_eq!(
                recreated,
                matches!(status, RollbackComplete | RollbackFailed),
                "{status}"
            );
        }
    }

    #[test]
    fn what_runs_is_watched_and_nothing_else() {
        for status in StackStatus::ALL {
            let runs = status.as_str().ends_with("IN_PROGRESS") && *status != ReviewInProgress;
            assert_eq!(deploy(Some(status)) == Deploy::Attach, runs, "{status}");
            assert_eq!(destroy(Some(status)) == Destroy::Attach, runs, "{status}");
        }
    }

    #[test]
    fn an_unknown_status_is_refused() {
        let status = StackStatus::from("SOMETHING_NEW");
        assert!(matches!(deploy(Some(&status)), Deploy::Refuse(_)));
        assert!(matches!(destroy(Some(&status)), Destroy::Refuse(_)));
    }
}
