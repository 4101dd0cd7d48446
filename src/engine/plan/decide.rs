//! From a verb, a stack's status and its history to what is done with it: one pure function a verb, and this table of
//! all that they say.
//!
#![doc = include_str!("../../../docs/states.md")]

use crate::cloud::cloudformation::stack_status::StackStatus::{self, *};

/// Whether a stack ever held what it was made for. Where that isn't known, it counts as if it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// No operation on it ever ended well: nothing in it was ever in use.
    NeverComplete,
    /// It took in data that was kept, and no operation on it has ended well since. Nothing says that taking that back, or
    /// deleting the stack, spares what it took in under RetainExceptOnCreate: neither is done on the way.
    TookIn,
    /// An operation on it ended well once, or its beginning isn't known any more.
    WasComplete,
}

impl History {
    /// Whether any verb does something else with a stack in this status when it never was complete.
    pub fn matters(status: &StackStatus) -> bool {
        matches!(status, CreateFailed | UpdateFailed | RollbackComplete | RollbackFailed)
    }
}

/// What `deploy` does with a stack, which is what `plan` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deploy {
    /// The stack is made. REVIEW_IN_PROGRESS is a stack that so far only has change sets: it is made, too.
    Create,
    /// The stack is changed.
    Update,
    /// The stack is a failed first create that CloudFormation can neither update nor repair: it is deleted and made
    /// anew. It never was complete, so it holds nothing that was ever in use.
    Recreate,
    /// An operation is running: it is watched to its end, then decided again. What would change isn't known before that.
    Attach,
    /// Nothing is done; the text says why and what to do.
    Refuse(&'static str),
}

/// What `destroy` does with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destroy {
    /// It is gone already.
    Nothing,
    Delete,
    /// An operation is running: it is watched to its end, then decided again.
    Attach,
    /// Nothing is done; the text says why and what to do.
    Refuse(&'static str),
}

/// What `recover` does with a stack. It never deletes one that ever was complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recover {
    Nothing,
    /// A rollback that got stuck goes on (ContinueUpdateRollback).
    Continue,
    /// A failed update that was left as it is, is taken back (RollbackStack).
    Rollback,
    /// A failed first create that was left as it is, is taken back (RollbackStack): nothing of it stays
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html>).
    TakeBack,
    /// An operation is running: it is watched to its end, then decided again.
    Attach,
    /// Nothing is done; the text says why and what to do.
    Refuse(&'static str),
}

const UNKNOWN: &str = "this version of qfleet doesn't know that status";
const ROLLED_BACK_ONCE_COMPLETE: &str = "it can't be changed any more, and as it was complete once, it isn't deleted \
                                         on the way. Save what it holds, then: qfleet destroy";
const TOOK_IN: &str = "it took in data that was kept, and taking that back could delete it. Put right what failed, \
                       and go on with it: qfleet deploy";
const ROLLBACK_STUCK_WITH_DATA: &str = "its first create failed, and so did the way back. As it took in data that was \
                                        kept, it isn't deleted on the way. Save what it holds, then: qfleet destroy";
const STUCK_IMPORT: &str = "taking resources into it failed, and so did the way back. Repair it in CloudFormation";
const HALF_DELETED: &str = "it is half deleted. Finish that first: qfleet destroy";
/// `recover` doesn't know what the file has.
const TO_FINISH: &str = "it is half deleted. Finish that first: qfleet deploy --prune, where the file doesn't have it any more; else qfleet destroy";

/// What `deploy` does with a stack in this status; `None` is a stack that isn't there.
pub fn deploy(status: Option<&StackStatus>, history: History) -> Deploy {
    let Some(status) = status else { return Deploy::Create };
    match status {
        DeleteComplete | ReviewInProgress => Deploy::Create,
        CreateComplete | UpdateComplete | UpdateRollbackComplete | ImportComplete | ImportRollbackComplete => {
            Deploy::Update
        }
        // Only reached with rollback disabled: such a stack can be updated again.
        CreateFailed | UpdateFailed => Deploy::Update,
        RollbackComplete | RollbackFailed => match history {
            History::NeverComplete => Deploy::Recreate,
            // It has let go of everything by now.
            History::TookIn if *status == RollbackComplete => Deploy::Recreate,
            History::TookIn => Deploy::Refuse(ROLLBACK_STUCK_WITH_DATA),
            History::WasComplete => Deploy::Refuse(ROLLED_BACK_ONCE_COMPLETE),
        },
        UpdateRollbackFailed => Deploy::Refuse(
            "its last update failed, and so did the way back. Repair what blocks it, then let it go on: qfleet recover",
        ),
        ImportRollbackFailed => Deploy::Refuse(STUCK_IMPORT),
        DeleteFailed => Deploy::Refuse(HALF_DELETED),
        CreateInProgress
        | RollbackInProgress
        | UpdateInProgress
        | UpdateCompleteCleanupInProgress
        | UpdateRollbackInProgress
        | UpdateRollbackCompleteCleanupInProgress
        | DeleteInProgress
        | ImportInProgress
        | ImportRollbackInProgress => Deploy::Attach,
        Unknown(_) => Deploy::Refuse(UNKNOWN),
    }
}

/// What `destroy` does with a stack in this status, whatever its history; `None` is a stack that isn't there.
pub fn destroy(status: Option<&StackStatus>) -> Destroy {
    let Some(status) = status else { return Destroy::Nothing };
    match status {
        DeleteComplete => Destroy::Nothing,
        Unknown(_) => Destroy::Refuse(UNKNOWN),
        status if status.is_in_progress() => Destroy::Attach,
        _ => Destroy::Delete,
    }
}

/// What `recover` does with a stack in this status; `None` is a stack that isn't there.
pub fn recover(status: Option<&StackStatus>, history: History) -> Recover {
    let Some(status) = status else { return Recover::Nothing };
    match status {
        UpdateRollbackFailed => Recover::Continue,
        // CloudFormation deletes a stack that it takes back to nothing. That is right for one that never was complete.
        CreateFailed | UpdateFailed => match history {
            History::NeverComplete => Recover::TakeBack,
            History::TookIn => Recover::Refuse(TOOK_IN),
            History::WasComplete => Recover::Rollback,
        },
        DeleteComplete
        | ReviewInProgress
        | CreateComplete
        | UpdateComplete
        | UpdateRollbackComplete
        | ImportComplete
        | ImportRollbackComplete => Recover::Nothing,
        RollbackComplete | RollbackFailed => match history {
            // The next deploy makes it anew.
            History::NeverComplete => Recover::Nothing,
            History::TookIn if *status == RollbackComplete => Recover::Nothing,
            History::TookIn => Recover::Refuse(ROLLBACK_STUCK_WITH_DATA),
            History::WasComplete => Recover::Refuse(ROLLED_BACK_ONCE_COMPLETE),
        },
        ImportRollbackFailed => Recover::Refuse(STUCK_IMPORT),
        DeleteFailed => Recover::Refuse(TO_FINISH),
        CreateInProgress
        | RollbackInProgress
        | UpdateInProgress
        | UpdateCompleteCleanupInProgress
        | UpdateRollbackInProgress
        | UpdateRollbackCompleteCleanupInProgress
        | DeleteInProgress
        | ImportInProgress
        | ImportRollbackInProgress => Recover::Attach,
        Unknown(_) => Recover::Refuse(UNKNOWN),
    }
}

#[cfg(test)]
mod tests;
