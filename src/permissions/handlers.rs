//! What CloudFormation does with the resources of an environment's templates, in its caller's name: what AWS's schema of each
//! type says that its handlers need, without what serves only properties that the templates don't set.

mod unused;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Asked, Purpose, Wanted};
use crate::blueprint::template::{self, section};
use crate::blueprint::{Stack, resource_schema};
use unused::UNUSED;

/// A resource of a template, as it is written there.
#[derive(Debug)]
pub(super) struct Resource {
    of_type: String,
    body: Json,
}

/// All of an environment's templates.
pub(super) fn resources(wanted: &Wanted) -> Vec<Resource> {
    // A switch deploys a stage's stack in another form first.
    let forms = |stack: &Stack| {
        let before = stack.before_switch.as_ref().map(|before| before.body.clone());
        [Some(stack.body.clone()), before].into_iter().flatten()
    };
    let bodies = wanted.blueprint.stacks.iter().flat_map(forms);
    let mut all = Vec::new();
    for body in bodies {
        let template = template::read(&body).unwrap_or_default();
        all.extend(section(&template, "Resources").map(|(_, body)| Resource {
            of_type: body["Type"].as_str().unwrap_or_default().to_owned(),
            body: body.clone(),
        }));
    }
    all
}

/// Whether a template has a resource of this type.
pub(super) fn has(asked: &Asked, of_type: &str) -> bool {
    asked.resources.iter().any(|resource| resource.of_type == of_type)
}

/// The types of all resources.
pub(super) fn types(asked: &Asked) -> BTreeSet<String> {
    asked
        .resources
        .iter()
        .map(|resource| resource.of_type.clone())
        .collect()
}

/// Those of a handler's actions that a resource of this type has a use for.
pub(super) fn without_unused(asked: &Asked, of_type: &str, handler: &str, actions: &[String]) -> BTreeSet<String> {
    let all = asked.resources.iter().filter(|resource| resource.of_type == of_type);
    let used = all.flat_map(|resource| actions.iter().filter(|action| !resource.leaves_out(handler, action)));
    used.cloned().collect()
}

/// Whether a resource of this type is given a role.
pub(super) fn gives_role(asked: &Asked, of_type: &str) -> bool {
    let mut all = asked.resources.iter().filter(|resource| resource.of_type == of_type);
    match of_type {
        "AWS::S3::Bucket" => all.any(|resource| resource.sets("ReplicationConfiguration")),
        _ => all.next().is_some(),
    }
}

/// Types of an environment's own templates whose rights aren't known.
pub fn unknown_types(wanted: &Wanted) -> BTreeSet<String> {
    let all = resources(wanted).into_iter().map(|resource| resource.of_type);
    all.filter(|of_type| resource_schema::of(of_type).is_none()).collect()
}

/// Services that have a role of their own in each account, made with the first of what they are for.
pub(super) fn linked_services(asked: &Asked) -> Vec<&'static str> {
    let environment = asked.environment;
    let groups = has(asked, "AWS::AutoScaling::AutoScalingGroup");
    let spot = environment.instances().any(|(_, instances)| instances.spot);
    let known = [
        ("autoscaling.amazonaws.com", groups),
        (
            "elasticloadbalancing.amazonaws.com",
            has(asked, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
        ),
        ("spot.amazonaws.com", groups && spot),
    ];
    known
        .into_iter()
        .filter_map(|(service, is_used)| is_used.then_some(service))
        .collect()
}

/// The actions of the handlers that a purpose needs.
pub(super) fn of(purpose: Purpose, asked: &Asked) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for resource in &asked.resources {
        let Some(schema) = resource_schema::of(&resource.of_type) else {
            continue;
        };
        let mut handlers: Vec<&str> = purpose.handlers().to_vec();
        // What was kept is taken into a new stack: CloudFormation reads it for that.
        if purpose == Purpose::Plan && template::retains(&resource.body) {
            handlers.push("read");
        }
        for handler in handlers {
            let needed = schema.handlers.get(handler).into_iter().flatten();
            let needed = needed.filter(|action| !resource.leaves_out(handler, action));
            actions.extend(needed.cloned());
        }
        if resource.of_type == "AWS::ElasticLoadBalancingV2::LoadBalancer" && purpose.handlers().contains(&"create") {
            // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-service-linked-roles.html>)
            actions.insert("iam:CreateServiceLinkedRole".to_owned());
        }
        // Who makes a group from a template that tags what it launches is asked for that
        // (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html>).
        if resource.of_type == "AWS::AutoScaling::AutoScalingGroup" && purpose.handlers().contains(&"create") {
            actions.insert("ec2:CreateTags".to_owned());
        }
    }
    actions
}

impl Resource {
    /// Whether what a handler may do serves something that this resource doesn't have.
    fn leaves_out(&self, handler: &str, action: &str) -> bool {
        let rules = UNUSED.iter().filter(|rule| {
            let is_about = rule.of_type == self.of_type || rule.of_type == "*";
            is_about && rule.is_of(handler) && rule.covers(action)
        });
        let mut rules = rules.peekable();
        rules.peek().is_some() && rules.all(|rule| !rule.properties.iter().any(|path| self.sets(path)))
    }

    /// Whether it sets a property: `Code/S3ObjectVersion`.
    fn sets(&self, path: &str) -> bool {
        let mut value = &self.body["Properties"];
        for name in path.split('/') {
            value = &value[name];
        }
        !value.is_null()
    }
}
