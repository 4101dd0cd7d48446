//! What the templates allow, and how they tie one thing to another.

use qfleet::blueprint::graph::Node;
use serde_json::Value;

use super::super::deployed::token;
use super::{Check, list, says};

/// The statements that allow something, of a policy's document.
pub(super) fn allowed(document: &Value) -> Vec<&Value> {
    list(&document["Statement"])
        .into_iter()
        .filter(|statement| statement["Effect"] == "Allow")
        .collect()
}

fn allows(statement: &Value, action: &str) -> bool {
    list(&statement["Action"]).iter().any(|one| **one == action)
}

impl Check<'_> {
    /// What a role's bearer may do: each statement of a role that one of the node's resources has.
    pub(super) fn statements(&self, bearer: &Node) -> Vec<&Value> {
        let stack = bearer.stack.as_deref().unwrap_or_default();
        let mut found = Vec::new();
        for (of, id, role) in self.deployed.all("AWS::IAM::Role").filter(|(of, _, _)| *of == stack) {
            let mut names = vec![token(of, id)];
            for (of, id, profile) in self.deployed.all("AWS::IAM::InstanceProfile") {
                if says(&profile["Roles"], &names[0]) {
                    names.push(token(of, id));
                }
            }
            let has = bearer.resources.iter().any(|id| {
                let resource = self.deployed.resource(stack, id);
                names.iter().any(|name| says(&resource["Properties"], name))
            });
            if has {
                found.extend(
                    list(&role["Policies"])
                        .into_iter()
                        .flat_map(|policy| allowed(&policy["PolicyDocument"])),
                );
            }
        }
        found
    }

    pub(super) fn may(&self, bearer: &Node, action: &str, thing: &Node) -> bool {
        self.statements(bearer).into_iter().any(|statement| {
            let arns = list(&statement["Resource"]);
            let prefixes = list(&statement["Condition"]["StringLike"]["s3:prefix"]);
            let mut arns = arns.into_iter().filter_map(Value::as_str);
            allows(statement, action)
                && arns.any(|arn| match prefixes.is_empty() {
                    true => self.is(thing, arn),
                    false => prefixes.iter().any(|prefix| {
                        let prefix = prefix.as_str().unwrap_or_default();
                        self.is(thing, &format!("{arn}/{prefix}"))
                    }),
                })
        })
    }

    /// Whether the policy of a queue, a topic or a bucket lets a service do something on behalf of a source.
    pub(super) fn lets(&self, thing: &Node, service: &str, action: &str, source: impl Fn(&str) -> bool) -> bool {
        let kinds = [
            "AWS::SQS::QueuePolicy",
            "AWS::SNS::TopicPolicy",
            "AWS::S3::BucketPolicy",
        ];
        let policies = kinds.iter().flat_map(|kind| self.deployed.all(kind));
        let mut statements = policies.flat_map(|(_, _, policy)| allowed(&policy["PolicyDocument"]));
        statements.any(|statement| {
            let arns: Vec<&str> = list(&statement["Resource"])
                .into_iter()
                .filter_map(Value::as_str)
                .collect();
            let conditions = statement["Condition"].as_object();
            let sources = conditions
                .into_iter()
                .flat_map(|all| all.values())
                .flat_map(|one| list(&one["aws:SourceArn"]));
            statement["Principal"]["Service"] == service
                && allows(statement, action)
                && arns.iter().any(|arn| self.is(thing, arn))
                && sources.into_iter().filter_map(Value::as_str).any(&source)
        })
    }

    /// Whether a resource of a type has these two in these properties.
    pub(super) fn ties(&self, kind: &str, one: (&str, &Node), other: (&str, &Node)) -> bool {
        let is = |value: &Value, node: &Node| {
            list(value)
                .into_iter()
                .filter_map(Value::as_str)
                .any(|arn| self.is(node, arn))
        };
        self.deployed
            .all(kind)
            .any(|(_, _, properties)| is(&properties[one.0], one.1) && is(&properties[other.0], other.1))
    }

    /// Whether a resource of a node says this of another, below a property.
    pub(super) fn own(&self, node: &Node, property: &str, of: &Node) -> bool {
        let stack = node.stack.as_deref().unwrap_or_default();
        let tokens = self.tokens(of);
        node.resources.iter().any(|id| {
            let value = &self.deployed.resource(stack, id)["Properties"][property];
            tokens.iter().any(|token| says(value, token))
        })
    }
}
