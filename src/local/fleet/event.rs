//! What a supervisor tells while the fleet runs.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::state::{Activity, MinuteState};
use crate::events::{self, Warns};

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FleetEvent {
    Up {
        environment: String,
        pid: i32,
        /// How many of its minutes pass in a real one.
        speed: u32,
        /// The stages whose instances it plays.
        stages: Vec<String>,
    },
    /// The web tier's load balancer listens.
    Web {
        url: String,
    },
    /// A scaling activity was begun, went on or ended.
    Activity {
        stage: String,
        #[serde(flatten)]
        activity: Activity,
    },
    /// A worker ended that nobody had told to, and is started again. Said once, until it has kept running for a while.
    WorkerEnded {
        stage: String,
        instance: String,
        /// How it ended and what it said last.
        message: String,
        /// All that it said.
        log: PathBuf,
    },
    /// One of the fleet's minutes has passed.
    Minute {
        stage: String,
        /// What its group saw.
        #[serde(flatten)]
        minute: MinuteState,
        /// What target tracking holds the backlog per instance at.
        target: Option<f64>,
        /// How many instances there should be.
        desired: u32,
    },
    Note {
        message: String,
    },
}

pub type Events = events::Events<FleetEvent>;

impl Warns for FleetEvent {
    fn warning(message: String) -> Self {
        FleetEvent::Note { message }
    }
}
