//! Whether a deployed stack is what it should be already, without asking CloudFormation to work it out.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::quoting::as_handed_back;
use crate::blueprint::template;
use crate::blueprint::{Blueprint, Stack, Value};
use crate::cloud::cloudformation::stacks::StackDescription;

/// The SSM parameters whose values the stacks of a blueprint depend on.
pub fn ssm_parameters(blueprint: &Blueprint) -> BTreeSet<String> {
    let values = blueprint.stacks.iter().flat_map(|stack| stack.parameters.values());
    values
        .filter_map(|value| match value {
            Value::Ssm(path) => Some(path.clone()),
            _ => None,
        })
        .collect()
}

/// Whether deploying `stack` with these parameters would change nothing: the last operation ended well, nothing is
/// known to have drifted, and template, parameters, tags and notification targets are the same. `ssm` holds what SSM
/// parameters are now; one that is missing there counts as changed.
///
/// Termination protection isn't part of the template: it is set apart from it.
pub fn is_unchanged(
    stack: &Stack,
    found: &StackDescription,
    template: &str,
    parameters: &BTreeMap<String, String>,
    ssm: &BTreeMap<String, String>,
) -> bool {
    found.status.is_well()
        && !found.drift.is_drifted()
        && template == stack.body
        && are_same(&found.tags, &stack.tags)
        && found.notification_arns.is_empty()
        && found.parameters.len() == stack.parameters.len()
        && stack.parameters.iter().all(|(name, value)| {
            let Some(deployed) = found.parameters.get(name) else {
                return false;
            };
            let same = parameters.get(name) == Some(&deployed.value);
            match value {
                // The template is the same, so nobody says anything else now; somebody may have before.
                Value::Default(text) => deployed.value == *text || is_masked(template, name, &deployed.value),
                // What the last rolling update kept in service says nothing about the next one.
                Value::InService(_) => true,
                // CloudFormation resolves it anew at each deploy: a newer image is a change.
                Value::Ssm(path) => same && deployed.resolved.is_some() && deployed.resolved.as_ref() == ssm.get(path),
                Value::Literal(_)
                | Value::Output { .. }
                | Value::Zones(_)
                | Value::DefaultVpc
                | Value::DefaultSubnets(_) => same,
            }
        })
}

/// Whether a value isn't told because its parameter says `NoEcho`: asterisks come in its place
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>).
fn is_masked(template: &str, parameter: &str, value: &str) -> bool {
    value.starts_with("****")
        && template::read(template).is_ok_and(|template| template::truth(&template["Parameters"][parameter]["NoEcho"]))
}

/// Tags that are handed back alike differ in the template.
fn are_same(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    let as_handed_back = || {
        wanted
            .iter()
            .map(|(key, value)| (as_handed_back(key), as_handed_back(value)))
    };
    found == wanted || *found == as_handed_back().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::stack_status::StackStatus;
    use crate::cloud::cloudformation::stacks::{KnownDrift, StackParameter};

    fn map<V: Clone>(pairs: &[(&str, V)]) -> BTreeMap<String, V> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect()
    }

    const IMAGE: &str = "/aws/image";

    fn stack() -> Stack {
        Stack {
            part: "work".into(),
            name: "lab-work".into(),
            body: "Resources: {}".into(),
            parameters: map(&[
                ("Key", Value::Literal("a".into())),
                ("Image", Value::Ssm(IMAGE.into())),
                ("InService", Value::InService(2)),
                ("Size", Value::Default("20".into())),
            ]),
            tags: map(&[("team", "media".to_owned())]),
            ..Stack::default()
        }
    }

    fn found() -> StackDescription {
        let parameter = |value: &str, resolved: Option<&str>| StackParameter {
            value: value.into(),
            resolved: resolved.map(str::to_owned),
        };
        StackDescription {
            id: "arn".into(),
            name: "lab-work".into(),
            status: StackStatus::UpdateComplete,
            reason: None,
            change_set: None,
            description: None,
            outputs: BTreeMap::new(),
            exports: Vec::new(),
            parameters: map(&[
                ("Key", parameter("a", None)),
                ("Image", parameter(IMAGE, Some("ami-1"))),
                ("InService", parameter("20", None)),
                ("Size", parameter("20", None)),
            ]),
            tags: map(&[("team", "media".to_owned())]),
            notification_arns: Vec::new(),
            drift: KnownDrift::default(),
            protected: None,
            created: None,
            updated: None,
        }
    }

    fn same(stack: &Stack, found: &StackDescription, template: &str, image: Option<&str>) -> bool {
        let parameters = map(&[
            ("Key", "a".to_owned()),
            ("Image", IMAGE.to_owned()),
            ("InService", "2".to_owned()),
        ]);
        let ssm = image
            .map(|image| (IMAGE.to_owned(), image.to_owned()))
            .into_iter()
            .collect();
        is_unchanged(stack, found, template, &parameters, &ssm)
    }

    #[test]
    fn tags_count_as_they_may_be_handed_back() {
        let tagged = |value: &str| map(&[("équipe", value.to_owned())]);
        let wanted = tagged("médias 写真");
        assert!(are_same(&wanted, &wanted));
        assert!(are_same(&map(&[("?quipe", "m?dias ??".to_owned())]), &wanted));
        assert!(!are_same(&tagged("m?dias"), &wanted));
        assert!(!are_same(&tagged("müdias 写真"), &wanted));
    }

    #[test]
    fn each_difference_counts() {
        let (stack, body) = (stack(), stack().body);
        assert!(same(&stack, &found(), &body, Some("ami-1")));
        assert!(!same(&stack, &found(), "Resources: { }", Some("ami-1")), "the template");
        assert!(!same(&stack, &found(), &body, Some("ami-2")), "a newer image");
        assert!(!same(&stack, &found(), &body, None), "an image that can't be looked up");
        let differs = |change: fn(&mut StackDescription)| {
            let mut found = found();
            change(&mut found);
            !same(&stack, &found, &body, Some("ami-1"))
        };
        assert!(differs(|found| found.drift.status = "DRIFTED".into()));
        assert!(differs(|found| found
            .notification_arns
            .push("arn:aws:sns:::topic".into())));
        assert!(differs(|found| _ = found.tags.insert("more".into(), "tags".into())));
        assert!(differs(
            |found| found.parameters.get_mut("Key").expect("it").value = "b".into()
        ));
        assert!(differs(|found| found
            .parameters
            .get_mut("Image")
            .expect("it")
            .resolved = None));
        assert!(differs(|found| _ = found.parameters.remove("Key")));
        assert!(differs(
            |found| found.parameters.get_mut("Size").expect("it").value = "30".into()
        ));
        assert!(differs(|found| _ = found.parameters.remove("InService")));
        let masked = |no_echo: &str| {
            let body = format!("Parameters: {{Size: {{Type: String, Default: '20'{no_echo}}}}}\nResources: {{}}\n");
            let (mut stack, mut found) = (stack.clone(), found());
            stack.body.clone_from(&body);
            found.parameters.get_mut("Size").expect("it").value = "****".into();
            same(&stack, &found, &body, Some("ami-1"))
        };
        assert!(masked(", NoEcho: true") && masked(", NoEcho: 'true'") && !masked(""));
        for status in StackStatus::ALL.iter().filter(|status| !status.is_well()) {
            let found = StackDescription {
                status: status.clone(),
                ..found()
            };
            assert!(!same(&stack, &found, &body, Some("ami-1")), "{status}");
        }
    }
}
