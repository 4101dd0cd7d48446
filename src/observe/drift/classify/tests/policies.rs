//! Who may do what: policies of queues and of roles.

use super::*;

const ROLE: &str = "AWS::IAM::Role";

fn policy(statements: &[Value]) -> Value {
    json!({"PolicyDocument": {"Version": "2012-10-17", "Statement": statements}})
}

fn allow(who: &str) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sqs:SendMessage", "Resource": "*"})
}

#[test]
fn whoever_may_do_more_is_a_danger() {
    let role = |document: Value| json!({"Policies": [{"PolicyName": "worker", "PolicyDocument": document}]});
    let may = |action: &str| json!({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]});
    let rows = [
        (
            Class::Dangerous,
            "AWS::SQS::QueuePolicy",
            "PolicyDocument",
            policy(&[allow("111122223333")]),
            policy(&[allow("*")]),
        ),
        (
            Class::Unexpected,
            "AWS::SQS::QueuePolicy",
            "PolicyDocument",
            policy(&[allow("111122223333"), allow("444455556666")]),
            policy(&[allow("111122223333")]),
        ),
        (
            Class::Equal,
            "AWS::SQS::QueuePolicy",
            "PolicyDocument",
            policy(&[allow("111122223333"), allow("444455556666")]),
            policy(&[allow("444455556666"), allow("arn:aws:iam::111122223333:root")]),
        ),
        (
            Class::Dangerous,
            ROLE,
            "Policies",
            role(may("sqs:SendMessage")),
            role(may("sqs:*")),
        ),
        (
            Class::Unexpected,
            ROLE,
            "Policies",
            role(may("sqs:*")),
            role(may("sqs:SendMessage")),
        ),
        (
            Class::Dangerous,
            ROLE,
            "ManagedPolicyArns/0",
            json!({}),
            json!({"ManagedPolicyArns": ["arn:admin"]}),
        ),
        (
            Class::Dangerous,
            ROLE,
            "ManagedPolicyArns",
            json!({"ManagedPolicyArns": ["arn:a"]}),
            json!({"ManagedPolicyArns": ["arn:b"]}),
        ),
        (
            Class::Unexpected,
            ROLE,
            "ManagedPolicyArns",
            json!({"ManagedPolicyArns": ["arn:a", "arn:b"]}),
            json!({"ManagedPolicyArns": ["arn:b"]}),
        ),
        (
            Class::Dangerous,
            ROLE,
            "PermissionsBoundary",
            json!({"PermissionsBoundary": "arn:a"}),
            json!({}),
        ),
        (
            Class::Unexpected,
            ROLE,
            "PermissionsBoundary",
            json!({}),
            json!({"PermissionsBoundary": "arn:a"}),
        ),
        (
            Class::Unexpected,
            ROLE,
            "Description",
            json!({}),
            json!({"Description": "mine"}),
        ),
    ];
    each_has_its_class(&rows);
}
