//! Stacks that are there from the beginning.

use std::collections::BTreeMap;
use std::time::Duration;

use super::script::Script;

/// A stack that is there from the beginning.
#[derive(Debug, Clone)]
pub struct Existing {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) body: String,
    pub(super) protected: bool,
    pub(super) reason: Option<String>,
    pub(super) drift: Option<(String, Duration)>,
    pub(super) resource_statuses: BTreeMap<String, (String, String)>,
    pub(super) ends: Option<(Duration, String)>,
    pub(super) events: usize,
}

impl Existing {
    /// A stack with one queue.
    pub fn new(name: &str, status: &str) -> Self {
        Existing {
            name: name.into(),
            status: status.into(),
            tags: BTreeMap::new(),
            parameters: BTreeMap::new(),
            outputs: BTreeMap::new(),
            body: "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n".into(),
            protected: false,
            reason: None,
            drift: None,
            resource_statuses: BTreeMap::new(),
            ends: None,
            events: 0,
        }
    }

    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    pub fn parameter(mut self, key: &str, value: &str) -> Self {
        self.parameters.insert(key.into(), value.into());
        self
    }

    pub fn output(mut self, key: &str, value: &str) -> Self {
        self.outputs.insert(key.into(), value.into());
        self
    }

    pub fn body(mut self, template: &str) -> Self {
        self.body = template.into();
        self
    }

    /// In another status.
    pub fn status(mut self, status: &str) -> Self {
        self.status = status.into();
        self
    }

    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// Why it is in its status.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// What a drift detection found so long before the beginning.
    pub fn drift(mut self, status: &str, ago: Duration) -> Self {
        self.drift = Some((status.into(), ago));
        self
    }

    /// A resource in another status than a stack in this status usually has.
    pub fn resource(mut self, id: &str, status: &str, reason: &str) -> Self {
        self.resource_statuses.insert(id.into(), (status.into(), reason.into()));
        self
    }

    /// What runs at the beginning ends so long after it, in this status.
    pub fn ends(mut self, after: Duration, status: &str) -> Self {
        self.ends = Some((after, status.into()));
        self
    }

    /// So many events from earlier operations.
    pub fn events(mut self, events: usize) -> Self {
        self.events = events;
        self
    }
}

impl Script {
    /// A stack that is there from the beginning.
    pub fn existing(mut self, stack: Existing) -> Self {
        self.existing.push(stack);
        self
    }
}
