//! What the engine tells while it works: one stream of typed events, for people and for machines.

use schemars::JsonSchema;
use serde::Serialize;

use super::told::Told;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::environment::Active;
use crate::events::{self, Warns};

/// What is done to a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// The stack is made.
    Create,
    /// What was kept is taken into the stack, before everything else.
    Import,
    /// The stack is changed.
    Update,
    /// The stack is deleted.
    Delete,
    /// Somebody else's operation is watched to its end.
    Attach,
    /// A failed operation is taken back.
    Rollback,
}

impl Operation {
    /// As in "creating photo-lab-intake".
    pub fn doing(self) -> &'static str {
        match self {
            Operation::Create => "creating",
            Operation::Import => "importing into",
            Operation::Update => "updating",
            Operation::Delete => "deleting",
            Operation::Attach => "waiting for",
            Operation::Rollback => "rolling back",
        }
    }
    /// As in "created photo-lab-intake".
    pub fn done(self) -> &'static str {
        match self {
            Operation::Create => "created",
            Operation::Import => "imported into",
            Operation::Update => "updated",
            Operation::Delete => "deleted",
            Operation::Attach => "waited for",
            Operation::Rollback => "rolled back",
        }
    }
}

/// One thing that happened. `--output jsonl` prints each as one line; the fields are part of qfleet's interface.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An operation on a stack begins.
    OperationStarted {
        stack: String,
        /// Its part of the environment.
        part: String,
        operation: Operation,
        /// How long the same took last time, in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_seconds: Option<f64>,
    },
    /// A resource changed its status.
    Resource {
        stack: String,
        /// Its part of the environment.
        part: String,
        #[serde(flatten)]
        resource: ResourceEvent,
    },
    /// An operation on a stack ended.
    OperationEnded {
        stack: String,
        /// Its part of the environment.
        part: String,
        operation: Operation,
        /// Whether it ended as it was meant to.
        succeeded: bool,
        /// The stack's status now.
        status: StackStatus,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// A stack is as it should be.
    Unchanged {
        stack: String,
        /// Its part of the environment.
        part: String,
    },
    /// A program was put into the artifacts bucket.
    Uploaded {
        /// The stack that names it.
        stack: String,
        /// The stage whose program it is.
        stage: String,
        key: String,
        bytes: u64,
    },
    /// A group was shrunk to nothing, and its workers finish what they work on.
    Draining {
        stack: String,
        /// The Auto Scaling group.
        group: String,
        /// How many instances haven't left yet.
        instances_left: usize,
    },
    /// Others take over a stage's messages, or nobody does; what its queue holds meanwhile. Told from time to time.
    Switching {
        stack: String,
        from: Active,
        to: Active,
        /// Messages that wait.
        messages_visible: u64,
        /// Messages that were received and aren't done.
        messages_in_flight: u64,
    },
    /// Before its stack is deleted: Lambda is told to receive nothing more through an event source mapping.
    Disabling {
        stack: String,
        /// The mapping's UUID.
        mapping: String,
        /// Whether that is done; otherwise it isn't waited for any longer.
        done: bool,
    },
    /// A stack is deployed, and not enough of its instances are in service yet. Nothing signals: their image brings the
    /// worker.
    Starting {
        stack: String,
        /// The Auto Scaling group.
        group: String,
        /// How many are in service that were launched as they are now.
        instances_in_service: usize,
        /// How many are waited for.
        instances_awaited: usize,
        /// For how long they are waited for at most.
        at_most_seconds: u64,
    },
    /// A function gets no more messages, and finishes those that it works on.
    Finishing {
        stack: String,
        function: String,
        /// Messages that were received from its queue and aren't done.
        messages_in_flight: u64,
        /// Whether it has finished. While it hasn't, none may be counted: SQS counts up to a minute late.
        finished: bool,
        /// For how long that is waited for at most.
        at_most_seconds: u64,
    },
    /// A bucket is being emptied. Told from time to time.
    Emptying {
        bucket: String,
        /// How many versions of objects and delete markers are gone so far.
        deleted_objects: u64,
        /// How many there were at first; what is put into the bucket meanwhile comes on top.
        #[serde(skip_serializing_if = "Option::is_none")]
        total_objects: Option<u64>,
    },
    /// A bucket is empty.
    Emptied {
        bucket: String,
        /// How many versions of objects and delete markers were deleted.
        deleted_objects: u64,
        /// How many open multipart uploads were aborted.
        aborted_uploads: u64,
        /// How long it took.
        seconds: f64,
    },
    /// The notifications of a bucket that is there already are as they should be.
    Notifications {
        stack: String,
        #[serde(flatten)]
        told: Told,
    },
    /// Something that the reader should know, and that stops nothing.
    Warning { message: String },
}

pub type Events = events::Events<Event>;

impl Warns for Event {
    fn warning(message: String) -> Self {
        Event::Warning { message }
    }
}
