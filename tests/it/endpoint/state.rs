//! What the simulated CloudFormation knows: stacks, their resources, events and change sets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::time::Instant;

use super::diff::Change;
use super::drift::Drifted;
use super::operation::Operation;
use super::template::Template;

/// A stack, deleted ones included: they can be read by ARN for 90 days.
#[derive(Debug, Clone)]
pub struct Stack {
    pub id: String,
    pub name: String,
    pub status: String,
    pub reason: Option<String>,
    pub created: Instant,
    pub updated: Option<Instant>,
    pub deleted: Option<Instant>,
    /// What it was made from last. Nothing while it is REVIEW_IN_PROGRESS.
    pub definition: Definition,
    pub outputs: BTreeMap<String, String>,
    pub resources: Vec<Resource>,
    /// Oldest first.
    pub events: Vec<Event>,
    pub change_sets: Vec<ChangeSet>,
    pub change_set_id: Option<String>,
    pub protected: bool,
    /// What the last drift detection found, and how long before the beginning.
    pub drift: Option<(String, std::time::Duration)>,
    pub disable_rollback: bool,
    /// Whether it ever was in a status that ends in _COMPLETE and isn't that of a failed create.
    pub was_complete: bool,
    pub operation: Option<Operation>,
    /// A failed operation that can be gone on with: UPDATE_FAILED, UPDATE_ROLLBACK_FAILED.
    pub suspended: Option<Operation>,
    /// Type and id, newest first.
    pub last_operations: Vec<(&'static str, String)>,
    /// Client request tokens, and the action that each came with.
    pub tokens: BTreeMap<String, String>,
    pub stale: Option<Stale>,
    /// Steps on the agenda that were made for another generation are void.
    pub generation: u64,
}

/// What a stack is made from.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    pub template: Option<Template>,
    /// As they were given.
    pub parameters: BTreeMap<String, String>,
    /// Those of them that are names in the parameter store, as they were resolved.
    pub resolved: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub capabilities: Vec<String>,
    pub notification_arns: Vec<String>,
    pub role_arn: Option<String>,
}

impl Definition {
    /// What `Ref` of each parameter gives.
    pub fn values(&self) -> BTreeMap<String, String> {
        let mut values = self.parameters.clone();
        values.extend(self.resolved.clone());
        values
    }
}

/// A resource of a stack.
#[derive(Debug, Clone)]
pub struct Resource {
    pub id: String,
    pub kind: String,
    pub physical_id: Option<String>,
    pub status: String,
    pub reason: Option<String>,
    pub changed: Instant,
    /// Its properties as it was made with them.
    pub properties: Value,
    /// The same with other resources' values left open, to be compared.
    pub open_properties: Value,
    /// Resources that it needs.
    pub needs: BTreeSet<String>,
    /// How often it was updated.
    pub version: u32,
    pub deletion_policy: String,
    pub update_replace_policy: String,
}

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub at: Instant,
    pub operation: Option<(&'static str, String)>,
    pub token: Option<String>,
    pub resource_id: String,
    pub physical_id: String,
    pub kind: String,
    pub status: String,
    pub reason: Option<String>,
}

/// A change set.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub description: Option<String>,
    pub created: Instant,
    pub status: &'static str,
    pub execution_status: &'static str,
    pub reason: Option<String>,
    pub definition: Definition,
    pub changes: Vec<Change>,
    /// `REVERT_DRIFT`, of a drift-aware one.
    pub deployment_mode: Option<String>,
    /// Drift that it puts back.
    pub reverts: Vec<Drifted>,
    pub on_stack_failure: Option<String>,
    /// `ImportExistingResources`.
    pub import_existing: bool,
    /// `ResourcesToImport`.
    pub to_import: Vec<super::imports::Imported>,
    pub token: Option<String>,
    pub operation_id: String,
}

/// How a stack looks to reads that come too early.
#[derive(Debug, Clone)]
pub struct Stale {
    pub reads_left: u32,
    pub status: String,
    pub reason: Option<String>,
    pub events: usize,
}

impl ChangeSet {
    /// It wasn't executed. A name belongs to one active change set of a stack; executed ones give it free.
    pub fn is_active(&self) -> bool {
        !self.execution_status.starts_with("EXECUTE")
    }
}

impl Stack {
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    pub fn resource_mut(&mut self, id: &str) -> Option<&mut Resource> {
        self.resources.iter_mut().find(|resource| resource.id == id)
    }

    pub fn is_there(&self) -> bool {
        self.status != "DELETE_COMPLETE"
    }

    /// Its events as a read sees them, oldest first. Counts as a read.
    pub fn seen_events(&mut self) -> &[Event] {
        let count = self.see().map_or(self.events.len(), |stale| stale.events);
        &self.events[..count]
    }

    /// What a read sees when it comes too early. Counts as a read.
    pub fn see(&mut self) -> Option<Stale> {
        let stale = self.stale.as_mut()?;
        if stale.reads_left == 0 {
            self.stale = None;
            return None;
        }
        stale.reads_left -= 1;
        Some(stale.clone())
    }
}
