//! What is told while jobs are sent: one stream of typed events, for people and for machines.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Failed;
use crate::events::{self, Warns};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Doing {
    /// Files are put into a bucket.
    Uploading,
    /// Messages are sent to a queue.
    Sending,
    /// Dead letters go back to the queue that they came from.
    Moving,
    /// Replies to jobs are waited for.
    Waiting,
}

/// What was said of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reply {
    pub job_id: String,
    /// Where the job came from: a file, or a line of one.
    pub job: String,
    /// What the worker said.
    pub body: String,
    /// When the worker sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
}

/// One thing that happened. `--output jsonl` prints each as one line; the fields are part of qfleet's interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    JobsStarted {
        doing: Doing,
        /// The bucket and prefix, or the URL of the queue, where it goes; the queue that replies come from.
        to: String,
        /// How many files, messages or replies there are.
        items: u64,
        /// How many bytes they have, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// A part of a large file is there.
    PartSent {
        key: String,
        /// The part's size in bytes.
        bytes: u64,
    },
    /// A file is there.
    FileSent {
        key: String,
        /// Its size in bytes.
        bytes: u64,
        /// How many of these bytes went as parts.
        #[serde(skip)]
        in_parts: u64,
    },
    /// Messages are in the queue.
    MessagesSent {
        messages: u64,
        /// Their size in bytes.
        bytes: u64,
    },
    /// Dead letters are back, so many since it began. SQS calls both numbers approximate.
    MessagesMoved {
        moved: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<u64>,
    },
    /// A job was replied to.
    Replied(Reply),
    /// Something could not be sent.
    NotSent(Failed),
    /// Something that the reader should know, and that stops nothing.
    Warning { message: String },
}

pub type Events = events::Events<Event>;

impl Warns for Event {
    fn warning(message: String) -> Self {
        Event::Warning { message }
    }
}
