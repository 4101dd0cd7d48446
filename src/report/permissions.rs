//! What policies and rules of security groups let whom do, for people: whole, a line a statement or a rule. However long it
//! is, nothing of it is left out: whoever agrees to a plan agrees to this.

use serde_json::{Map, Value};

use crate::cloud::cloudformation::change_set::KNOWN_AFTER_APPLY;
use crate::cloud::cloudformation::changes::inside::read;

/// Properties that say who may do what, wherever they are in a resource.
const PROPERTIES: [&str; 11] = [
    "AccessPolicy",
    "AccessPolicies",
    "AssumeRolePolicyDocument",
    "KeyPolicy",
    "ManagedPolicyArns",
    "PermissionsBoundary",
    "Policies",
    "PolicyDocument",
    "ResourcePolicy",
    "SecurityGroupEgress",
    "SecurityGroupIngress",
];

/// Types of which all properties say so.
const TYPES: [&str; 4] = [
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::IAM::UserToGroupAddition",
    "AWS::Lambda::Permission",
];

/// Whom a policy is for, in types of IAM.
const WHOSE: [&str; 6] = ["Groups", "Roles", "Users", "GroupName", "RoleName", "UserName"];

/// Whether a place of a resource says who may do what. `path` as in a change.
pub(super) fn are_at(resource_type: &str, path: &str) -> bool {
    let mut segments = path.trim_start_matches("/Properties/").split('/');
    let is_whose = |name: &str| resource_type.starts_with("AWS::IAM::") && WHOSE.contains(&name);
    TYPES.contains(&resource_type) && path.starts_with("/Properties")
        || segments.clone().next().is_some_and(is_whose)
        || segments.any(|segment| PROPERTIES.contains(&segment))
}

/// Lines that aren't the same before and after.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) gone: Vec<String>,
    pub(super) new: Vec<String>,
}

/// What a change at a place takes and gives. None where it is said as well in a line, from one to the other.
pub(super) fn difference(path: &str, before: Option<&str>, after: Option<&str>) -> Option<Difference> {
    let (before, after) = (before.map(read), after.map(read));
    let is_whole = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_string());
    if !is_whole(&before) && !is_whole(&after) {
        return None;
    }
    let of = |value: Option<Value>| value.map_or_else(Vec::new, |value| lines(path, &value));
    let (mut gone, mut new) = (of(before), of(after));
    new.retain(|line| match gone.iter().position(|known| known == line) {
        Some(found) => {
            gone.remove(found);
            false
        }
        None => true,
    });
    (!gone.is_empty() || !new.is_empty()).then_some(Difference { gone, new })
}

/// What a resource that is new lets whom do: each property that says so, with its lines.
pub(super) fn of_resource(resource: &Value) -> Vec<(String, Vec<String>)> {
    let resource_type = resource["Type"].as_str().unwrap_or_default();
    let Some(properties) = resource["Properties"].as_object() else {
        return Vec::new();
    };
    if is_rule(properties) {
        return vec![("Rule".to_owned(), lines(resource_type, &resource["Properties"]))];
    }
    let said = properties
        .iter()
        .map(|(name, value)| (format!("/Properties/{name}"), name, value));
    let said = said.filter(|(path, ..)| are_at(resource_type, path));
    said.map(|(path, name, value)| (name.clone(), lines(&path, value)))
        .collect()
}

/// `path` says whether a rule is of what comes or of what goes.
fn lines(path: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(|item| lines(path, item)).collect(),
        Value::Object(fields) if fields.contains_key("Effect") => vec![statement(fields)],
        Value::Object(fields) if fields.contains_key("Statement") => lines(path, &fields["Statement"]),
        Value::Object(fields) if fields.contains_key("PolicyDocument") => {
            let name = fields
                .get("PolicyName")
                .map_or_else(String::new, |name| format!("{}: ", text(name)));
            let lines = lines(path, &fields["PolicyDocument"]);
            lines.into_iter().map(|line| format!("{name}{line}")).collect()
        }
        Value::Object(fields) if is_rule(fields) => vec![rule(path, fields)],
        other => vec![text(other)],
    }
}

/// As in `Allow s3:GetObject on arn:… to Service ec2.amazonaws.com if StringEquals aws:PrincipalOrgID = o-1 (Sid Read)`.
fn statement(fields: &Map<String, Value>) -> String {
    let mut out = String::new();
    let of = |name: &str, not: &str| match (fields.get(name), fields.get(not)) {
        (Some(value), _) => Some(listed(value)),
        (None, Some(value)) => Some(format!("everything but {}", listed(value))),
        (None, None) => None,
    };
    out += &text(&fields["Effect"]);
    let whom = |value: &Value| principals(value);
    for (word, said) in [
        ("", of("Action", "NotAction")),
        ("on ", of("Resource", "NotResource")),
        ("to ", fields.get("Principal").map(whom)),
        ("to everybody but ", fields.get("NotPrincipal").map(whom)),
        ("if ", fields.get("Condition").map(conditions)),
    ] {
        if let Some(said) = said {
            out += &format!(" {word}{said}");
        }
    }
    if let Some(sid) = fields.get("Sid") {
        out += &format!(" (Sid {})", text(sid));
    }
    const KNOWN: [&str; 9] = [
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
        "Sid",
    ];
    for (name, value) in fields.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        out += &format!(", {name}: {}", text(value));
    }
    out
}

fn principals(value: &Value) -> String {
    const ANYBODY: &str = "anybody (*)";
    match value {
        Value::String(everybody) if everybody == "*" => ANYBODY.to_owned(),
        Value::Object(kinds) => {
            let of_kind = |(kind, who): (&String, &Value)| match (kind.as_str(), who) {
                ("AWS", Value::String(everybody)) if everybody == "*" => ANYBODY.to_owned(),
                ("AWS", who) => listed(who),
                (kind, who) => format!("{kind} {}", listed(who)),
            };
            let all: Vec<String> = kinds.iter().map(of_kind).collect();
            all.join(", ")
        }
        other => listed(other),
    }
}

fn conditions(value: &Value) -> String {
    let Some(operators) = value.as_object() else {
        return text(value);
    };
    let mut all = Vec::new();
    for (operator, keys) in operators {
        match keys.as_object() {
            Some(keys) => all.extend(keys.iter().map(|(key, value)| {
                let values: Vec<String> = items(value).iter().map(text).collect();
                format!("{operator} {key} = {}", values.join(" or "))
            })),
            None => all.push(format!("{operator} {}", text(keys))),
        }
    }
    all.join(" and ")
}

fn is_rule(fields: &Map<String, Value>) -> bool {
    fields.contains_key("IpProtocol")
}

/// As in `tcp 443 from 0.0.0.0/0 (browsers)`.
fn rule(path: &str, fields: &Map<String, Value>) -> String {
    let of = |name: &str| fields.get(name).map(text);
    let protocol = of("IpProtocol").unwrap_or_default();
    let ports = match (of("FromPort"), of("ToPort")) {
        _ if protocol == "-1" => String::new(),
        (Some(from), Some(to)) if from == to => format!(" {from}"),
        (Some(from), Some(to)) => format!(" {from}-{to}"),
        (Some(port), None) | (None, Some(port)) => format!(" {port}"),
        (None, None) => " on all ports".to_owned(),
    };
    let protocol = if protocol == "-1" {
        "all traffic"
    } else {
        protocol.as_str()
    };
    let direction = if path.contains("Egress") { "to" } else { "from" };
    let mut out = format!("{protocol}{ports}");
    const SAID: [&str; 4] = ["IpProtocol", "FromPort", "ToPort", "Description"];
    for (name, value) in fields.iter().filter(|(name, _)| !SAID.contains(&name.as_str())) {
        out += &match name.as_str() {
            "CidrIp" | "CidrIpv6" => format!(" {direction} {}", text(value)),
            "GroupId" => format!(", group {}", text(value)),
            name if name.starts_with("Source") || name.starts_with("Destination") => {
                format!(" {direction} {}", text(value))
            }
            name => format!(", {name}: {}", text(value)),
        };
    }
    out + &of("Description").map_or_else(String::new, |why| format!(" ({why})"))
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn listed(value: &Value) -> String {
    let all: Vec<String> = items(value).iter().map(text).collect();
    all.join(", ")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => whole(text),
        other => whole(&other.to_string()),
    }
}

/// A value in a line, however long it is.
pub(super) fn whole(value: &str) -> String {
    let value = value.replace(KNOWN_AFTER_APPLY, "(known after the deploy)");
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "AWS::IAM::Role";

    #[test]
    fn a_statement_is_a_sentence_with_all_that_is_in_it() {
        let statement = json!({
            "Sid": "Added", "Effect": "Allow", "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::a/*"],
            "Action": ["s3:GetObject", "s3:ListBucket"], "Principal": {"Service": "ec2.amazonaws.com", "AWS": "*"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ["1", "2"]}, "Bool": {"aws:SecureTransport": "true"}},
            "Odd": 1,
        });
        let path = "/Properties/PolicyDocument/Statement/0";
        assert!(are_at(ROLE, path));
        let whole = difference(path, None, Some(&statement.to_string())).expect("lines");
        // The order of keys of an object follows the document.
        let said = &whole.new[0];
        for part in [
            "Allow s3:GetObject, s3:ListBucket on arn:aws:s3:::a, arn:aws:s3:::a/* to ",
            "Service ec2.amazonaws.com",
            "anybody (*)",
            "StringEquals aws:SourceAccount = 1 or 2",
            "Bool aws:SecureTransport = true",
            "(Sid Added), Odd: 1",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let not = json!({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "*", "NotPrincipal": {"AWS": "arn:1"}});
        assert_eq!(
            lines("", &not),
            ["Deny everything but iam:* on everything but * to everybody but arn:1"]
        );
    }

    #[test]
    fn of_a_document_only_what_differs_is_told() {
        let document = |action: &str| {
            let same = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
            let other = json!({"Effect": "Allow", "Action": action, "Resource": "*"});
            json!([{"PolicyName": "own", "PolicyDocument": {"Statement": [same, other]}}]).to_string()
        };
        let told = difference(
            "/Properties/Policies",
            Some(&document("sqs:a")),
            Some(&document("sqs:b")),
        );
        let lines = |action: &str| vec![format!("own: Allow {action} on *")];
        let expected = Difference {
            gone: lines("sqs:a"),
            new: lines("sqs:b"),
        };
        assert_eq!(told, Some(expected));
        assert_eq!(difference("/Properties/Policies", Some("a"), Some("b")), None);
    }

    #[test]
    fn a_rule_says_what_comes_from_where() {
        let rules = json!([
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0", "Description": "browsers"},
            {"IpProtocol": "-1", "SourceSecurityGroupId": "sg-1"},
        ]);
        assert_eq!(
            lines("/Properties/SecurityGroupIngress", &rules),
            ["tcp 443 from 0.0.0.0/0 (browsers)", "all traffic from sg-1"]
        );
        assert_eq!(
            lines("/Properties/SecurityGroupEgress", &rules)[1],
            "all traffic to sg-1"
        );
    }

    #[test]
    fn a_new_role_says_who_takes_it_on_and_what_it_may_do() {
        let role = json!({"Type": ROLE, "Properties": {
            "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]},
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
            "Path": "/",
        }});
        let said = of_resource(&role);
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(said[0].1, ["Allow sts:AssumeRole to anybody (*)"]);
        assert_eq!(said[1].1, ["arn:aws:iam::aws:policy/AdministratorAccess"]);
    }
}
