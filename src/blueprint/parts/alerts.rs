//! Who is told when an alarm goes off: a topic of the environment's own, for a mailbox.

use std::collections::BTreeMap;

use super::{Parts, output};
use crate::blueprint::{Stack, Value, contexts, outputs};
use crate::environment::Environment;
use crate::environment::problem::Problem;

impl Parts<'_> {
    /// `None` of an environment that tells nobody, or publishes to a topic that is there already.
    pub fn alerts(&self) -> Option<Result<Stack, Problem>> {
        let context = contexts::Alerts {
            environment: &self.environment.name,
            email: mailbox(self.environment)?,
        };
        Some(self.stack("alerts", "alerts.yaml.j2", &context, BTreeMap::new(), self.on_destroy()))
    }

    /// The topic that alarms act on, if they act on any.
    pub(super) fn alerts_topic(&self) -> Option<Value> {
        let alerts = self.environment.alerts.as_ref()?;
        let given = alerts.topic.clone().map(Value::Literal);
        given.or_else(|| alerts.email.as_ref().map(|_| output("alerts", outputs::TOPIC)))
    }
}

/// The mailbox that needs a topic.
pub(in crate::blueprint) fn mailbox(environment: &Environment) -> Option<&str> {
    environment.alerts.as_ref()?.email.as_deref()
}
