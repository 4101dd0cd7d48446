//! `qfleet iam`: policies that AWS takes, no longer than they may be, and nothing in them that AWS doesn't know.

mod policies;
mod tags;
mod unused;

use std::collections::BTreeSet;

use qfleet::blueprint::{Blueprint, Placement};
use qfleet::environment::Environment;
use qfleet::permissions::{INLINE, MANAGED, Purpose, Statement, Wanted, documents, needed};
use serde_json::json;

use crate::harness::is_current;
use crate::offline::least_privilege::reference::Reference;
use crate::offline::least_privilege::statements::{Grant, allow_if};
use crate::offline::options::together::{PAIRS, REGION};
use crate::offline::shipped::{SHIPPED, loaded, rendered};

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/cloudformation";

fn region(environment: &Environment) -> &str {
    environment.region.as_deref().unwrap_or("us-east-2")
}

fn statements(environment: &Environment, purposes: &[Purpose], role_arn: Option<&str>) -> Vec<Statement> {
    let region = region(environment);
    statements_of(
        environment,
        &rendered(environment, region, false),
        region,
        purposes,
        role_arn,
    )
}

fn statements_of(
    environment: &Environment,
    blueprint: &Blueprint,
    region: &str,
    purposes: &[Purpose],
    role_arn: Option<&str>,
) -> Vec<Statement> {
    let placement = Placement {
        account: ACCOUNT.to_owned(),
        region: region.to_owned(),
        local: false,
    };
    needed(&Wanted {
        environment,
        placement: &placement,
        blueprint,
        purposes,
        role_arn,
        names: None,
    })
}

fn grants(statement: &Statement) -> BTreeSet<Grant> {
    let actions: Vec<&str> = statement.actions.iter().map(String::as_str).collect();
    allow_if(&actions, &statement.resources, &json!(statement.conditions))
}

/// Actions that have resources and are asked of everything: which stacks there are, and which holds a resource.
const OF_EVERYTHING: [&str; 2] = ["cloudformation:DescribeStackResources", "cloudformation:DescribeStacks"];
/// AWS's schema of a dashboard lets it carry tags; the reference doesn't know that yet.
const TAGS_OF_DASHBOARDS: [&str; 3] = [
    "cloudwatch:ListTagsForResource",
    "cloudwatch:TagResource",
    "cloudwatch:UntagResource",
];

fn faults(reference: &Reference, statements: &[Statement]) -> BTreeSet<String> {
    let mut faults = BTreeSet::new();
    for grant in statements.iter().flat_map(grants) {
        let (service, name) = grant.action.split_once(':').expect("a service and a name");
        if let Some(start) = name.strip_suffix('*') {
            let all = reference.beginning(service, start);
            if all.is_empty() || grant.resource != "*" {
                faults.insert(format!("{grant}: no action begins so, or it isn't on everything"));
            }
            continue;
        }
        if TAGS_OF_DASHBOARDS.contains(&grant.action.as_str()) && grant.resource.contains(":dashboard/") {
            continue;
        }
        faults.extend(reference.fault(&grant));
        // Own templates' resources, which nobody knows the names of.
        let of_ours = ["rds", "secretsmanager", "wafv2", "kms", "events"]
            .iter()
            .all(|other| *other != service);
        if grant.resource == "*"
            && of_ours
            && !OF_EVERYTHING.contains(&grant.action.as_str())
            && reference.has_resources(&grant.action)
        {
            faults.insert(format!("{grant}: on everything, and there is something narrower"));
        }
        if grant.condition.contains("aws:ResourceTag/") && !reference.tells_tags(&grant.action, &grant.resource) {
            faults.insert(format!("{grant}: IAM doesn't look at the tags of that"));
        }
    }
    faults
}

#[test]
fn every_action_is_one_of_aws_on_resources_and_under_conditions_that_it_has() {
    let reference = Reference::read();
    let mut seen = BTreeSet::new();
    for name in SHIPPED {
        let environment = loaded(name);
        for purpose in Purpose::ALL {
            for role_arn in [None, Some(ROLE)] {
                let statements = statements(&environment, &[purpose], role_arn);
                let faults = faults(&reference, &statements);
                assert_eq!(faults, BTreeSet::new(), "{name} for {}", purpose.name());
                seen.extend(statements.into_iter().flat_map(|statement| statement.actions));
            }
        }
    }
    assert!(seen.len() > 200, "{}", seen.len());
    for (number, (environment, blueprint)) in PAIRS.iter().enumerate() {
        let purposes = [Purpose::Deploy, Purpose::Destroy];
        let statements = statements_of(environment, blueprint, REGION, &purposes, None);
        assert_eq!(faults(&reference, &statements), BTreeSet::new(), "pair {number}");
    }
}

/// The check sees what is wrong.
#[test]
fn a_wrong_action_resource_or_condition_is_noticed() {
    let reference = Reference::read();
    let right = statements(&loaded("lab"), &[Purpose::Deploy], None);
    let of_queues = right
        .iter()
        .find(|statement| statement.actions.contains("sqs:CreateQueue"));
    let of_queues = of_queues.expect("queues are made");
    let wrong = |change: fn(&mut Statement)| {
        let mut statement = of_queues.clone();
        change(&mut statement);
        faults(&reference, &[statement])
    };
    assert_eq!(wrong(|_| {}), BTreeSet::new());
    assert_ne!(
        wrong(|statement| {
            statement.actions.insert("sqs:MakeQueue".into());
        }),
        BTreeSet::new()
    );
    assert_ne!(
        wrong(|statement| statement.resources = vec!["*".into()]),
        BTreeSet::new()
    );
    assert_ne!(
        wrong(|statement| statement.resources = vec!["arn:aws:sns:us-east-2:111122223333:lab-x".into()]),
        BTreeSet::new()
    );
    assert_ne!(
        wrong(|statement| {
            let key = [("sns:Protocol".to_owned(), vec!["sqs".to_owned()])];
            statement.conditions.insert("StringEquals".into(), key.into());
        }),
        BTreeSet::new()
    );
    // Dashboards have no tags that IAM looks at.
    let tagged = json!({"StringEquals": {"aws:ResourceTag/qfleet:environment": ["lab"]}});
    let dashboard = Statement {
        actions: BTreeSet::from(["cloudwatch:PutDashboard".to_owned()]),
        resources: vec!["arn:aws:cloudwatch::111122223333:dashboard/lab-*".to_owned()],
        conditions: serde_json::from_value(tagged).expect("conditions"),
        ..of_queues.clone()
    };
    assert_ne!(faults(&reference, &[dashboard]), BTreeSet::new());
}

/// IAM counts characters without white space. What is too long is divided, and nothing is lost or said twice.
#[test]
fn each_document_is_as_short_as_iam_wants_it_and_all_together_say_everything() {
    let mut most = 0;
    for name in SHIPPED {
        let environment = loaded(name);
        for purposes in [
            vec![Purpose::Deploy],
            vec![Purpose::Deploy, Purpose::Prune, Purpose::Destroy],
            Purpose::ALL.to_vec(),
        ] {
            let statements = statements(&environment, &purposes, None);
            let wanted: BTreeSet<Grant> = statements.iter().flat_map(grants).collect();
            for longest in [MANAGED, INLINE] {
                let documents = documents(&statements, longest);
                most = most.max(documents.len());
                let mut found = BTreeSet::new();
                for document in &documents {
                    let document = json!(document);
                    let length = document.to_string().chars().filter(|c| !c.is_whitespace()).count();
                    assert!(length <= longest, "{name}: {length}");
                    let said = crate::offline::least_privilege::statements::grants(&document).expect("a policy");
                    assert!(found.is_disjoint(&said), "{name}: something is said twice");
                    found.extend(said);
                    let mut names: Vec<&str> =
                        crate::offline::least_privilege::statements::each(&document["Statement"])
                            .iter()
                            .filter_map(|statement| statement["Sid"].as_str())
                            .collect();
                    let count = names.len();
                    names.sort_unstable();
                    names.dedup();
                    assert_eq!(names.len(), count, "a Sid stands twice");
                }
                assert_eq!(found, wanted, "{name}");
            }
        }
    }
    // A role takes ten managed policies (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
    assert!((2..=10).contains(&most), "{most}");
}

/// The examples are what the command prints.
#[test]
fn the_policies_in_examples_are_printed() {
    for (name, purposes) in [
        ("deploy", vec![Purpose::Deploy]),
        ("plan", vec![Purpose::Plan]),
        ("reap", vec![Purpose::Reap]),
    ] {
        let statements = statements(&loaded("lab"), &purposes, None);
        let documents = documents(&statements, MANAGED);
        let several = documents.len() > 1;
        for (number, document) in documents.iter().enumerate() {
            let number = if several {
                format!("-{}", number + 1)
            } else {
                String::new()
            };
            let text = serde_json::to_string_pretty(document).expect("JSON") + "\n";
            is_current(&format!("examples/policies/lab-{name}{number}.json"), &text);
        }
    }
}
