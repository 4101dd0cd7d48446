//! Every policy in every template says what the table says that it is for, and no more.

pub mod reference;
mod resolve;
pub mod statements;
mod table;
mod widened;

use std::collections::{BTreeMap, BTreeSet};

use qfleet::blueprint::{Blueprint, Stack};
use qfleet::environment::Environment;
use serde_json::Value as Json;

use crate::offline::options::together::{PAIRS, REGION};
use crate::offline::shipped::{SHIPPED, loaded, rendered};
use reference::{Reference, WITHOUT_RESOURCES};
use resolve::Deployment;
use statements::{Grant, each, grants, texts};
use table::{Role, Table};

const ACCOUNT: &str = "111122223333";

#[test]
fn every_role_queue_topic_and_bucket_lets_do_what_it_is_for_and_nothing_else() {
    for name in SHIPPED {
        for region in ["us-east-2", "us-west-2"] {
            let environment = loaded(name);
            if environment.region.as_deref().is_some_and(|said| said != region) {
                continue;
            }
            let blueprint = rendered(&environment, region, false);
            assert_eq!(faults(&environment, &blueprint, region), [""; 0], "{name} in {region}");
        }
    }
    for (number, (environment, blueprint)) in PAIRS.iter().enumerate() {
        assert_eq!(
            faults(environment, blueprint, REGION),
            [""; 0],
            "pair {number}: {}",
            blueprint.parts.join(", ")
        );
    }
}

/// The table asks for nothing that AWS doesn't know, and for `*` only where AWS knows nothing narrower.
#[test]
fn the_reference_knows_each_action_with_its_resources_and_its_conditions() {
    let reference = Reference::read();
    let mut seen = BTreeSet::new();
    for (environment, blueprint) in PAIRS.iter() {
        let deployment = Deployment::of(&blueprint.stacks, ACCOUNT, REGION);
        let table = Table {
            environment,
            deployment: &deployment,
        };
        seen.extend(table.roles().into_values().flat_map(|role| role.grants));
        let of_resources = table.of_resources().into_values().flatten();
        // What is denied is denied of a whole service, or of all that sends.
        seen.extend(of_resources.filter(|grant| grant.effect == "Allow"));
    }
    let faults: Vec<String> = seen.iter().filter_map(|grant| reference.fault(grant)).collect();
    assert_eq!(faults, [""; 0]);
    let everywhere = seen.iter().filter(|grant| grant.resource == "*");
    let everywhere: BTreeSet<&str> = everywhere.map(|grant| grant.action.as_str()).collect();
    assert_eq!(
        everywhere,
        WITHOUT_RESOURCES.iter().map(|(action, _)| *action).collect()
    );
    // It finds what it is asked for.
    for (action, resource) in [
        ("sqs:SendMessages", "arn:aws:sqs:us-east-2:111122223333:lab-a"),
        ("sqs:SendMessage", "arn:aws:sns:us-east-2:111122223333:lab-a"),
        (
            "autoscaling:DescribeAutoScalingInstances",
            "arn:aws:autoscaling:us-east-2:1:x",
        ),
    ] {
        for grant in statements::allow(&[action], &[resource.to_owned()]) {
            assert!(reference.fault(&grant).is_some(), "{grant}");
        }
    }
}

/// What the policies in an environment's templates say that they should not, or don't say that they should.
fn faults(environment: &Environment, blueprint: &Blueprint, region: &str) -> Vec<String> {
    // A switch deploys one stage's stack in another form first.
    let mut forms = vec![blueprint.stacks.iter().collect::<Vec<&Stack>>()];
    for (index, stack) in blueprint.stacks.iter().enumerate() {
        if let Some(before) = &stack.before_switch {
            let mut form = forms[0].clone();
            form[index] = before;
            forms.push(form);
        }
    }
    let found = forms.into_iter().flat_map(|stacks| {
        let deployment = Deployment::of(stacks, ACCOUNT, region);
        let table = Table {
            environment,
            deployment: &deployment,
        };
        let mut faults = Faults {
            deployment: &deployment,
            list: Vec::new(),
        };
        faults.of_roles(table.roles());
        faults.of_resources(table.of_resources());
        faults.of_anything_else();
        faults.list
    });
    found.collect()
}

struct Faults<'a> {
    deployment: &'a Deployment<'a>,
    list: Vec<String>,
}

impl Faults<'_> {
    fn of_roles(&mut self, mut expected: BTreeMap<(String, &'static str), Role>) {
        for (part, id, kind, resource) in self.deployment.resources() {
            if kind != "AWS::IAM::Role" {
                continue;
            }
            let place = format!("{part} {id}");
            let known = expected
                .keys()
                .find(|known| (known.0.as_str(), known.1) == (part, id.as_str()));
            let Some(role) = known.cloned().and_then(|known| expected.remove(&known)) else {
                self.list.push(format!("{place}: nobody is said to need it"));
                continue;
            };
            let properties = self.deployment.value(part, &resource["Properties"]);
            let mut found = BTreeSet::new();
            for policy in each(&properties["Policies"]) {
                found.extend(self.read(&place, &policy["PolicyDocument"]));
            }
            let trust = self.read(&place, &properties["AssumeRolePolicyDocument"]);
            self.compare(&format!("{place}, who takes it on"), &role.trust, &trust);
            self.compare(&place, &role.grants, &found);
            let managed = texts(&properties["ManagedPolicyArns"]);
            if managed != role.managed {
                self.list.push(format!("{place}: its managed policies are {managed:?}"));
            }
        }
        let missing = expected.keys().map(|(part, id)| format!("{part} {id}: it isn't there"));
        self.list.extend(missing);
    }

    fn of_resources(&mut self, mut expected: BTreeMap<String, BTreeSet<Grant>>) {
        let (mut things, mut with_policies) = (BTreeSet::new(), BTreeSet::new());
        for (part, id, kind, resource) in self.deployment.resources() {
            let properties = &resource["Properties"];
            let about = match kind {
                "AWS::SQS::Queue" | "AWS::S3::Bucket" => {
                    things.insert(
                        self.deployment
                            .text(part, &serde_json::json!({"Fn::GetAtt": [id, "Arn"]})),
                    );
                    continue;
                }
                "AWS::SNS::Topic" => {
                    things.insert(self.deployment.text(part, &serde_json::json!({"Ref": id})));
                    continue;
                }
                "AWS::SQS::QueuePolicy" => &properties["Queues"],
                "AWS::SNS::TopicPolicy" => &properties["Topics"],
                "AWS::S3::BucketPolicy" => &properties["Bucket"],
                _ => continue,
            };
            let place = format!("{part} {id}");
            let found = self.read(&place, &self.deployment.value(part, &properties["PolicyDocument"]));
            for about in texts(&self.deployment.value(part, about)) {
                let arn = self.arn_of(kind, &about);
                let topic = numberless(&arn);
                // Topics for uploads differ in their number only, and so do their policies.
                let found = found.iter().map(|grant| Grant {
                    resource: if grant.resource == arn {
                        topic.clone()
                    } else {
                        grant.resource.clone()
                    },
                    condition: unnumbered(&grant.condition),
                    ..grant.clone()
                });
                match expected.get(&topic) {
                    Some(expected) => self.compare(&place, &expected.clone(), &found.collect()),
                    None => self.list.push(format!("{place}: {arn} isn't the environment's")),
                }
                with_policies.insert(arn);
            }
        }
        for open in things.difference(&with_policies) {
            self.list.push(format!("{open} has no policy"));
        }
        for arn in &with_policies {
            expected.remove(&numberless(arn));
        }
        self.list
            .extend(expected.into_keys().map(|arn| format!("{arn} isn't there")));
    }

    /// What else could let somebody do something.
    fn of_anything_else(&mut self) {
        for (part, id, kind, resource) in self.deployment.resources() {
            let known = [
                "AWS::IAM::Role",
                "AWS::IAM::InstanceProfile",
                "AWS::SQS::QueuePolicy",
                "AWS::SNS::TopicPolicy",
                "AWS::S3::BucketPolicy",
                "AWS::AutoScaling::ScalingPolicy",
            ];
            if known.contains(&kind) {
                continue;
            }
            let lets = [
                "Policy",
                "Permission",
                "::IAM::",
                "::KMS::",
                "Grant",
                "AccessPoint",
                "::Lambda::Url",
            ];
            if lets.iter().any(|word| kind.contains(word)) || says_statement(&resource["Properties"]) {
                self.list
                    .push(format!("{part} {id}: {kind} may let somebody do something"));
            }
        }
    }

    fn read(&mut self, place: &str, document: &Json) -> BTreeSet<Grant> {
        let read = grants(document).unwrap_or_else(|why| {
            self.list.push(format!("{place}: {why}"));
            BTreeSet::new()
        });
        // Whatever the table says.
        for grant in read.iter().filter(|grant| grant.effect == "Allow") {
            let action = grant.action.as_str();
            if action.contains('*') {
                self.list.push(format!("{place}: more than one action: {grant}"));
            }
            if grant.resource == "*" && !WITHOUT_RESOURCES.iter().any(|(known, _)| *known == action) {
                self.list.push(format!("{place}: on everything: {grant}"));
            }
            if grant.principal.contains("AWS") || grant.principal.contains('*') {
                self.list.push(format!("{place}: not one service: {grant}"));
            }
        }
        read
    }

    fn compare(&mut self, place: &str, expected: &BTreeSet<Grant>, found: &BTreeSet<Grant>) {
        let more = found
            .difference(expected)
            .map(|grant| format!("{place}: too much: {grant}"));
        let less = expected
            .difference(found)
            .map(|grant| format!("{place}: not said: {grant}"));
        self.list.extend(more.chain(less));
    }

    fn arn_of(&self, policy: &str, about: &str) -> String {
        match policy {
            "AWS::SQS::QueuePolicy" => self.deployment.arn("sqs", about.rsplit('/').next().unwrap_or_default()),
            "AWS::S3::BucketPolicy" => format!("arn:aws:s3:::{about}"),
            _ => about.to_owned(),
        }
    }
}

/// The name of a topic for uploads without its number.
fn numberless(arn: &str) -> String {
    let without = arn.trim_end_matches(|c: char| c.is_ascii_digit());
    match without.strip_suffix("-uploads-") {
        Some(environment) if without != arn => format!("{environment}-uploads"),
        _ => arn.to_owned(),
    }
}

/// The same in a condition that names one.
fn unnumbered(condition: &str) -> String {
    let mut pieces = condition.split('"').map(numberless);
    let first = pieces.next().unwrap_or_default();
    pieces.fold(first, |text, piece| text + "\"" + &piece)
}

fn says_statement(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().any(says_statement),
        Json::Object(entries) => entries.contains_key("Statement") || entries.values().any(says_statement),
        _ => false,
    }
}
