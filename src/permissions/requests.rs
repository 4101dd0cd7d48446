//! Rights as IAM's policy simulator asks for them: requests, with what they carry.

use std::collections::{BTreeMap, BTreeSet};

use super::Statement;

/// Actions of one service on resources of one kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub actions: BTreeSet<String>,
    /// ARNs of something that is called `any` where its name isn't known beforehand, or `*` alone.
    pub resources: Vec<String>,
    /// By condition key.
    pub context: BTreeMap<String, Vec<String>>,
}

/// What can be simulated of some statements, and what can't.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    pub requests: Vec<Request>,
    /// `ec2:Describe*`: the simulator takes single actions.
    pub patterns: BTreeSet<String>,
}

/// A request for each service and each value that a condition names: a policy with the same conditions allows all of them.
pub fn requests(statements: &[Statement], region: &str) -> Requests {
    let mut found = Requests::default();
    for statement in statements {
        let mut by_service: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for action in &statement.actions {
            let service = action.split(':').next().unwrap_or_default();
            match action.contains('*') {
                true => _ = found.patterns.insert(action.clone()),
                false => _ = by_service.entry(service).or_default().insert(action.clone()),
            }
        }
        for mut context in contexts(statement) {
            let resources = resources(statement, &context);
            for (service, actions) in &by_service {
                let asked = vec![asked_in(service, region).to_owned()];
                context.insert("aws:RequestedRegion".to_owned(), asked);
                found.requests.push(Request {
                    actions: actions.clone(),
                    resources: resources.clone(),
                    context: context.clone(),
                });
            }
        }
    }
    found
}

/// What has an endpoint in one region only
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion>).
fn asked_in<'a>(service: &str, region: &'a str) -> &'a str {
    let is_global = ["account", "cloudfront", "iam"].contains(&service);
    match is_global && !region.starts_with("cn-") && !region.starts_with("us-gov-") {
        true => "us-east-1",
        false => region,
    }
}

/// With each of a condition's values in turn; with all of them where a request carries several (`ForAnyValue:`).
fn contexts(statement: &Statement) -> Vec<BTreeMap<String, Vec<String>>> {
    let mut all = vec![BTreeMap::new()];
    for (operator, keys) in &statement.conditions {
        for (key, values) in keys {
            let values: Vec<String> = match operator.as_str() {
                // That there is one.
                "Null" => vec![some("*")],
                _ => values.iter().map(|value| some(value)).collect(),
            };
            let choices: Vec<Vec<String>> = match operator.starts_with("ForAnyValue:") {
                true => vec![values],
                false => values.into_iter().map(|value| vec![value]).collect(),
            };
            let with = |context: &BTreeMap<String, Vec<String>>, choice: &Vec<String>| {
                let mut context = context.clone();
                context.insert(key.clone(), choice.clone());
                context
            };
            all = all
                .iter()
                .flat_map(|context| choices.iter().map(|choice| with(context, choice)))
                .collect();
        }
    }
    all
}

/// A service's own role is made for that service alone.
fn resources(statement: &Statement, context: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let service = context.get("iam:AWSServiceName").and_then(|values| values.first());
    let is_of_it = |resource: &&String| service.is_none_or(|service| resource.contains(&format!("/{service}/")));
    let resources = statement.resources.iter().filter(is_of_it);
    let all: BTreeSet<String> = resources
        .map(|resource| match resource.as_str() {
            "*" => "*".to_owned(),
            arn => some(arn),
        })
        .collect();
    all.into_iter().collect()
}

fn some(pattern: &str) -> String {
    pattern.replace('*', "any")
}

#[cfg(test)]
mod tests {
    use super::super::{Caller, conditions};
    use super::*;

    fn statement(actions: &[&str], resources: &[&str]) -> Statement {
        Statement {
            caller: Caller::Qfleet,
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
            conditions: conditions::Conditions::new(),
        }
    }

    #[test]
    fn each_service_is_asked_by_itself_and_patterns_are_left_out() {
        let of_two = statement(&["iam:GetRole", "sqs:Get*", "sqs:ListQueues"], &["*"]);
        let found = requests(&[of_two], "us-east-2");
        assert_eq!(found.patterns, BTreeSet::from(["sqs:Get*".to_owned()]));
        let asked: Vec<(String, &str)> = found
            .requests
            .iter()
            .map(|request| {
                let actions: Vec<&str> = request.actions.iter().map(String::as_str).collect();
                (actions.join(" "), request.context["aws:RequestedRegion"][0].as_str())
            })
            .collect();
        assert_eq!(
            asked,
            [
                ("iam:GetRole".to_owned(), "us-east-1"),
                ("sqs:ListQueues".to_owned(), "us-east-2")
            ]
        );
    }

    #[test]
    fn a_request_carries_one_value_of_a_condition_and_a_service_makes_its_own_role() {
        let mut linked = statement(
            &["iam:CreateServiceLinkedRole"],
            &[
                "arn:aws:iam::1:role/aws-service-role/a.amazonaws.com/*",
                "arn:aws:iam::1:role/aws-service-role/b.amazonaws.com/*",
            ],
        );
        linked.conditions = conditions::equals("iam:AWSServiceName", &["a.amazonaws.com", "b.amazonaws.com"]);
        let found = requests(&[linked], "us-east-2").requests;
        let asked: Vec<(&str, &[String])> = found
            .iter()
            .map(|request| {
                (
                    request.context["iam:AWSServiceName"][0].as_str(),
                    &request.resources[..],
                )
            })
            .collect();
        let role = |service: &str| vec![format!("arn:aws:iam::1:role/aws-service-role/{service}/any")];
        assert_eq!(
            asked,
            [
                ("a.amazonaws.com", &role("a.amazonaws.com")[..]),
                ("b.amazonaws.com", &role("b.amazonaws.com")[..])
            ]
        );
    }

    #[test]
    fn what_calls_in_turn_is_carried_as_a_list() {
        let mut called = statement(&["sqs:CreateQueue"], &["arn:aws:sqs:us-east-2:1:lab-*"]);
        called.conditions = conditions::of("ForAnyValue:StringEquals", "aws:CalledVia", &["a", "b"]);
        let found = requests(&[called], "us-east-2").requests;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].context["aws:CalledVia"], ["a", "b"]);
        assert_eq!(found[0].resources, ["arn:aws:sqs:us-east-2:1:lab-any"]);
    }
}
