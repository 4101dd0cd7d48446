//! What has no name of its own is told apart by the environment's tag.

use serde_json::Value as Json;

use super::policies::{iam, known};
use crate::harness::Test;
use crate::lab::with_file;
use crate::offline::least_privilege::statements::{each, texts};

const KEY: &str = "aws:ResourceTag/qfleet:environment";

fn printed(test: Test) -> Vec<Json> {
    test.args(["--output", "jsonl"]).run().json_lines()
}

/// Whether an action is allowed on a resource of a kind that carries this environment's tag, or none. By IAM's rules
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>); other conditions
/// are taken to hold.
fn allows(policies: &[Json], action: &str, kind: &str, tag: Option<&str>) -> bool {
    let resource = format!(":{kind}/*");
    let mut statements = policies.iter().flat_map(|policy| each(&policy["Statement"]));
    statements.any(|statement| {
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        let mut of_tags =
            conditions.flat_map(|(operator, keys)| texts(&keys[KEY]).into_iter().map(move |v| (operator, v)));
        texts(&statement["Action"]).iter().any(|known| known == action)
            && texts(&statement["Resource"])
                .iter()
                .any(|known| known.ends_with(&resource))
            && of_tags.all(|(operator, value)| match operator.as_str() {
                "Null" => tag.is_none() == (value == "true"),
                "StringEqualsIfExists" => tag.is_none_or(|tag| tag == value),
                "StringLikeIfExists" => tag.is_none_or(|tag| tag.starts_with(value.trim_end_matches('*'))),
                other => panic!("{other}"),
            })
    })
}

/// Actions on what is there before, each with its kind.
const CHANGES: [(&str, &str); 12] = [
    ("ec2:AuthorizeSecurityGroupEgress", "security-group"),
    ("ec2:AuthorizeSecurityGroupIngress", "security-group"),
    ("ec2:CreateLaunchTemplateVersion", "launch-template"),
    ("ec2:CreateTags", "launch-template"),
    ("ec2:CreateTags", "security-group"),
    ("ec2:DeleteLaunchTemplate", "launch-template"),
    ("ec2:DeleteSecurityGroup", "security-group"),
    ("ec2:DeleteTags", "launch-template"),
    ("ec2:DeleteTags", "security-group"),
    ("ec2:RevokeSecurityGroupIngress", "security-group"),
    ("ec2:RunInstances", "launch-template"),
    ("ec2:RunInstances", "security-group"),
];

/// What was made a moment ago, and launch templates of older deploys, carry no tag.
#[test]
fn who_deploys_changes_nothing_that_carries_another_environments_tag() {
    let policies = printed(iam(&known()));
    for (action, kind) in CHANGES {
        let allowed = [Some("lab"), None, Some("production")].map(|tag| allows(&policies, action, kind, tag));
        assert_eq!(allowed, [true, true, false], "{action} on {kind}");
    }
    // A rule is made by the call, and is nobody's yet.
    let rule = |tag| {
        allows(
            &policies,
            "ec2:AuthorizeSecurityGroupIngress",
            "security-group-rule",
            tag,
        )
    };
    assert!(rule(None) && rule(Some("production")));
    let of_many = printed(iam(&known()).args(["--names", "pr-*"]));
    for (action, kind) in CHANGES {
        let allowed = [Some("pr-7"), None, Some("lab")].map(|tag| allows(&of_many, action, kind, tag));
        assert_eq!(allowed, [true, true, false], "{action} on {kind}");
    }
}

#[test]
fn what_a_web_tier_makes_is_told_apart_too() {
    let web = "web:\n  instances: {program: program, types: [t3.micro], min: 1, max: 2}\nstages:";
    let policies = printed(iam(&known().replace("stages:", web)));
    for (action, kind) in [
        ("elasticloadbalancing:AddTags", "targetgroup"),
        ("elasticloadbalancing:ModifyLoadBalancerAttributes", "loadbalancer/app"),
        ("elasticloadbalancing:DeleteListener", "listener/app"),
    ] {
        let allowed = [Some("lab"), None, Some("production")].map(|tag| allows(&policies, action, kind, tag));
        assert_eq!(allowed, [true, true, false], "{action} on {kind}");
    }
}

/// A group that the file names may be of another environment; so may one that the user's own template has rules in. But tags
/// are put on neither.
#[test]
fn groups_that_others_made_can_be_used_and_are_not_tagged() {
    let given = known().replace("min: 1", "security_groups: [sg-0123456789abcdef0], min: 1");
    let own = known().replace("stages:", "extras:\n  - {name: own, template: own.yaml}\nstages:");
    let rule = "Resources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties: {GroupId: sg-0123456789abcdef0, \
                IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIp: 10.0.0.0/8}\n";
    for file in [given, own] {
        let test = with_file(&file).file("own.yaml", rule).args(["iam", "lab.yaml"]);
        let policies = printed(test);
        for action in ["ec2:RunInstances", "ec2:AuthorizeSecurityGroupIngress"] {
            assert!(allows(&policies, action, "security-group", Some("shared")), "{action}");
        }
        for action in ["ec2:CreateTags", "ec2:DeleteSecurityGroup"] {
            assert!(!allows(&policies, action, "security-group", Some("shared")), "{action}");
        }
        assert!(!allows(
            &policies,
            "ec2:RunInstances",
            "launch-template",
            Some("shared")
        ));
    }
}

/// Of environments of any name: what carries no tag is none's. Launch templates of older deploys are the exception.
#[test]
fn who_reaps_deletes_what_carries_some_environments_tag() {
    let policies = printed(iam(&known()).args(["--for", "reap"]));
    for tag in [Some("lab"), Some("production")] {
        assert!(allows(&policies, "ec2:DeleteSecurityGroup", "security-group", tag));
    }
    assert!(!allows(&policies, "ec2:DeleteSecurityGroup", "security-group", None));
    assert!(allows(&policies, "ec2:DeleteLaunchTemplate", "launch-template", None));
}
