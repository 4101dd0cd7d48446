//! Who is told when an alarm goes off: a topic of the environment's own, for a mailbox.

use std::collections::BTreeMap;

use super::{Parts, output};
use crate::blueprint::{Stack, Value, contexts, outputs};
use crate::environment::Environment;
use crate::environment::problem::Problem;

impl Parts<'_> {
    /// `None` of an environment that tells nobody, or publishes to a topic that is there already.
    ///
    /// # Errors
    /// A topic in another region than the alarms.
    pub fn alerts(&self) -> Option<Result<Stack, Problem>> {
        if let Some(problem) = self.topic_elsewhere() {
            return Some(Err(problem));
        }
        let context = contexts::Alerts {
            environment: &self.environment.name,
            email: mailbox(self.environment)?,
        };
        Some(self.stack("alerts", "alerts.yaml.j2", &context, BTreeMap::new(), self.on_destroy()))
    }

    /// The emulator doesn't mind, and an environment for one region may be tried in another.
    fn topic_elsewhere(&self) -> Option<Problem> {
        let of_topic = self.environment.alerts.as_ref()?.region()?;
        let region = &self.placement.region;
        (!self.placement.local && of_topic != region).then(|| {
            Problem::new(
                "/alerts/topic",
                format!("the topic is in `{of_topic}`, and the environment's alarms are in `{region}`"),
            )
            .help("an alarm acts on a topic of its own region only: name one there")
        })
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
