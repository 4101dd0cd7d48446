//! What our own look at a resource finds beyond what its template sets. Pure.

use serde_json::{Map, Value, json};

use super::compare::Deviation;

/// What our own look at a resource came to.
#[derive(Debug, Default)]
pub struct OwnLook {
    /// Whether it is of a type that qfleet compares.
    pub is_known: bool,
    /// Whether it is gone.
    pub is_gone: bool,
    /// What was compared, as deployed.
    pub expected: Map<String, Value>,
    /// What the service says.
    pub actual: Option<Value>,
    pub deviations: Vec<Deviation>,
    /// Properties that could not be compared, and why.
    pub unchecked: Vec<(String, String)>,
    /// Why the service could not be asked.
    pub failed: Option<String>,
}

impl OwnLook {
    /// A property that the template doesn't set and that is there now.
    pub(super) fn added(&mut self, property: &str) {
        let found = self.actual.as_ref().and_then(|actual| actual.get(property));
        // The emulator hands out an empty one where there is none.
        let found = found.filter(|found| *found != "" && !self.expected.contains_key(property));
        if let Some(found) = found {
            self.deviations.push(Deviation {
                path: property.to_owned(),
                expected: None,
                actual: Some(found.clone()),
            });
        }
    }

    /// No template suspends processes of a running group.
    pub(super) fn processes(&mut self) {
        let suspended = self.actual.as_ref().and_then(|actual| actual.get("SuspendedProcesses"));
        let some = suspended.filter(|suspended| suspended.as_array().is_some_and(|all| !all.is_empty()));
        if let Some(suspended) = some {
            self.deviations.push(Deviation {
                path: "SuspendedProcesses".to_owned(),
                expected: Some(json!([])),
                actual: Some(suspended.clone()),
            });
        }
    }

    /// The bounds that the group's schedule gives it at some time, by the scheduled actions of its template.
    pub(super) fn scheduled<'a>(&mut self, actions: impl Iterator<Item = &'a Value>) {
        let bounds = actions.map(|action| json!([action["MinSize"], action["MaxSize"]]));
        let bounds: Vec<Value> = bounds.collect();
        if let Some(Value::Object(actual)) = &mut self.actual
            && !bounds.is_empty()
        {
            actual.insert("ScheduledBounds".to_owned(), bounds.into());
        }
    }

    /// Instances that were launched from another version than the group launches now.
    pub(super) fn old_instances(&mut self) {
        let of = |name: &str| self.actual.as_ref().and_then(|actual| actual.get(name));
        let Some(Value::String(version)) = of("LaunchTemplateVersion") else {
            return;
        };
        // What $Latest and $Default mean now isn't said.
        if version.starts_with('$') {
            return;
        }
        let instances = of("Instances").and_then(Value::as_object);
        let others = instances
            .into_iter()
            .flatten()
            .filter(|(_, launched)| *launched != version);
        let others: Map<String, Value> = others.map(|(id, launched)| (id.clone(), launched.clone())).collect();
        if !others.is_empty() {
            self.deviations.push(Deviation {
                path: "Instances".to_owned(),
                expected: Some(json!({"launch template version": version})),
                actual: Some(Value::Object(others)),
            });
        }
    }

    /// A policy that was turned off; a template can't.
    pub(super) fn enabled(&mut self) {
        if self.actual.as_ref().is_some_and(|actual| actual["Enabled"] == false) {
            self.deviations.push(Deviation {
                path: "Enabled".to_owned(),
                expected: Some(json!(true)),
                actual: Some(json!(false)),
            });
        }
    }
}
