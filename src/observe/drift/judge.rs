//! From what detection and our own look say of one resource to findings. Pure.

use serde_json::Value;

use super::classify::{Class, Difference, Meaning};
use super::compare::is_within;
use super::look::OwnLook;
use super::{Finding, FoundBy, NotChecked, ResourceDrift, locate};
use crate::cloud::cloudformation::drift::{DetectedResource, DriftStatus};
use crate::cloud::cloudformation::stacks::StackResource;
use crate::environment::DriftIgnore;

/// All that is known of one resource.
pub struct Evidence<'a> {
    /// The part whose stack it is in.
    pub part: &'a str,
    pub resource: &'a StackResource,
    pub template: &'a str,
    /// What detection says, if it looked at it.
    pub detected: Option<&'a DetectedResource>,
    pub own: &'a OwnLook,
    /// What the environment file lets differ.
    pub ignores: &'a [DriftIgnore],
}

/// What it comes to.
pub struct Judged {
    /// Whether anybody compared it.
    pub is_checked: bool,
    pub not_checked: Vec<NotChecked>,
    /// What differs, if anything does.
    pub drift: Option<ResourceDrift>,
}

pub fn judge(evidence: Evidence<'_>) -> Judged {
    let Evidence {
        resource,
        detected,
        own,
        ..
    } = evidence;
    let is_detected = detected.is_some_and(|found| !matches!(found.status, DriftStatus::NotChecked(_)));
    let by_us = own.is_known && own.failed.is_none() && (own.is_gone || !own.expected.is_empty());
    let is_checked = is_detected || by_us;
    let deleted = own.is_gone || detected.is_some_and(|found| found.status == DriftStatus::Deleted);
    let mut differences = if deleted {
        let by_detection = detected.is_some_and(|found| found.status == DriftStatus::Deleted);
        let found_by = if by_detection {
            FoundBy::CloudFormation
        } else {
            FoundBy::Qfleet
        };
        vec![evidence.finding("", None, None, found_by, (&Value::Null, &Value::Null))]
    } else {
        evidence.differences()
    };
    differences.sort_by(|one, other| {
        one.class
            .cmp(&other.class)
            .reverse()
            .then(one.property.cmp(&other.property))
    });
    Judged {
        is_checked,
        not_checked: evidence.not_checked(is_checked, deleted),
        drift: (!differences.is_empty()).then(|| ResourceDrift {
            logical_id: resource.logical_id.clone(),
            physical_id: resource.physical_id.clone(),
            resource_type: resource.resource_type.clone(),
            deleted,
            differences,
        }),
    }
}

impl Evidence<'_> {
    fn differences(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(detected) = self.detected {
            let whole = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
            let (expected, actual): (Value, Value) = (whole(&detected.expected), whole(&detected.actual));
            for difference in &detected.differences {
                let value = |text: &Option<String>| text.as_deref().map(value);
                found.push(self.finding(
                    difference.path.trim_start_matches('/'),
                    value(&difference.expected),
                    value(&difference.actual),
                    FoundBy::CloudFormation,
                    (&expected, &actual),
                ));
            }
        }
        let expected = Value::Object(self.own.expected.clone());
        let actual = self.own.actual.clone().unwrap_or_default();
        let is_known = |path: &str| {
            let told = |known: &&Finding| is_within(&known.property, path) || is_within(path, &known.property);
            found.iter().filter(told).any(|known| known.class != Class::Equal)
        };
        let ours = self
            .own
            .deviations
            .iter()
            .filter(|deviation| !is_known(&deviation.path));
        let ours: Vec<Finding> = ours
            .map(|deviation| {
                self.finding(
                    &deviation.path,
                    deviation.expected.clone(),
                    deviation.actual.clone(),
                    FoundBy::Qfleet,
                    (&expected, &actual),
                )
            })
            .collect();
        found.extend(ours);
        found
    }

    fn finding(
        &self,
        path: &str,
        expected: Option<Value>,
        actual: Option<Value>,
        found_by: FoundBy,
        (all_expected, all_actual): (&Value, &Value),
    ) -> Finding {
        let difference = Difference {
            resource_type: &self.resource.resource_type,
            path,
            expected: expected.as_ref(),
            actual: actual.as_ref(),
            all_expected,
            all_actual,
            asked: self.own.actual.as_ref(),
        };
        let mut meaning = difference.meaning();
        if let Some(ignore) = self.ignores.iter().find(|ignore| self.is_ignored(ignore, path))
            && meaning.class.matters()
        {
            meaning = Meaning {
                class: Class::Ignored,
                why: ignore.reason.clone(),
                reference: None,
            };
        }
        Finding {
            property: path.to_owned(),
            expected,
            actual,
            class: meaning.class,
            why: meaning.why,
            reference: meaning.reference,
            found_by,
            line: locate::line(self.template, &self.resource.logical_id, path),
        }
    }

    /// An ignore speaks of a property and of everything in it. It never speaks of a resource that is gone.
    fn is_ignored(&self, ignore: &DriftIgnore, path: &str) -> bool {
        let is_resource = match ignore.resource.split_once('.') {
            Some((part, name)) => part == self.part && name == self.resource.logical_id,
            None => ignore.resource == self.resource.logical_id,
        };
        is_resource && is_within(path, ignore.property.trim_matches('/'))
    }

    fn not_checked(&self, is_checked: bool, deleted: bool) -> Vec<NotChecked> {
        let missing = |property: Option<String>, why: String| NotChecked {
            logical_id: self.resource.logical_id.clone(),
            resource_type: self.resource.resource_type.clone(),
            property,
            why,
        };
        if deleted {
            return Vec::new();
        }
        let mut all = Vec::new();
        if !is_checked {
            let by_detection = self.detected.map(|found| match (&found.status, &found.reason) {
                (_, Some(reason)) => format!("CloudFormation: {reason}"),
                (DriftStatus::NotChecked(word), None) => format!("CloudFormation: {word}"),
                _ => "CloudFormation did not look at it".to_owned(),
            });
            let why = self.own.failed.clone().or(by_detection);
            let unchecked = self.own.unchecked.first().filter(|_| self.own.is_known);
            let unresolved = || unchecked.map(|(_, why)| why.clone());
            let why = why.or_else(unresolved);
            all.push(missing(
                None,
                why.unwrap_or_else(|| "neither CloudFormation nor qfleet compares it".to_owned()),
            ));
        } else if let Some(failed) = &self.own.failed {
            all.push(missing(Some("what qfleet compares itself".to_owned()), failed.clone()));
        }
        let by_detection = |property: &str| {
            let in_sync = self.detected.map(|found| value(&found.actual));
            in_sync.is_some_and(|actual| actual.get(property).is_some())
        };
        if is_checked {
            let unchecked = self
                .own
                .unchecked
                .iter()
                .filter(|(property, _)| !by_detection(property));
            all.extend(unchecked.map(|(property, why)| missing(Some(property.clone()), why.clone())));
        }
        all
    }
}

/// A value as detection writes it: JSON where it is an object or a list, else the scalar's text.
fn value(text: &str) -> Value {
    match text.trim_start().starts_with(['{', '[']) {
        true => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
        false => Value::from(text),
    }
}
