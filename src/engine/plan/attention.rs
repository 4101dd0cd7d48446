//! What of a plan is to be looked at although nothing is lost with it: protection that goes off, data that a destroy deletes
//! from now on, and fleets that may become much larger. From the two templates; pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::valued::{Valued, scalar};
use crate::blueprint::template;
use crate::deployed::holdings::holds_data;

pub(super) const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
pub(super) const SCHEDULED: &str = "AWS::AutoScaling::ScheduledAction";

/// One thing of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Attention {
    /// Its termination protection goes off, or the file doesn't say `protect: true` any more: a destroy deletes it then.
    ProtectionOff,
    /// A destroy would leave this, which holds data, as it is now, and deletes it from then on.
    NotKept {
        /// By its name in the template.
        logical_id: String,
    },
    /// A bucket's versioning goes off. The old versions in it stay and are billed, and nothing has them expire any more.
    OldVersionsStay {
        /// By its name in the template.
        logical_id: String,
    },
    /// More than twice as many instances as now.
    MoreInstances {
        /// The group, by its name in the template.
        logical_id: String,
        /// Of which number that is said.
        bound: Bound,
        /// What it is now; with a schedule, the highest of its times.
        before: u64,
        /// What it would be.
        after: u64,
    },
    /// Its workers don't start without this secret, and nothing is there under that name.
    NoSecret {
        /// The path of the SSM parameter, or the ARN of the secret of Secrets Manager.
        kept_in: String,
        /// What puts a parameter there, or lists the secrets that are.
        command: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// So many run always.
    Min,
    /// So many may run.
    Max,
}

/// What would be less safe or much larger than it is. What is only added has been nothing before.
pub(super) fn raised(before: &Valued, after: &Valued) -> Vec<Attention> {
    not_kept(before, after)
        .chain(old_versions_stay(before, after))
        .chain(more_instances(before, after))
        .collect()
}

/// Suspended versioning keeps what versions there are
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html>).
fn old_versions_stay(before: &Valued, after: &Valued) -> Vec<Attention> {
    let is_versioned = |bucket: &Value| bucket["Properties"]["VersioningConfiguration"]["Status"] == "Enabled";
    let expires = |bucket: &Value| {
        let rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"].as_array();
        rules
            .into_iter()
            .flatten()
            .any(|rule| !rule["NoncurrentVersionExpiration"].is_null())
    };
    let versioned = before.resources().filter(|(_, bucket)| is_versioned(bucket));
    let versioned: Vec<String> = versioned.map(|(id, _)| id.to_owned()).collect();
    after
        .resources()
        .filter(|(id, bucket)| versioned.iter().any(|known| known == id) && !is_versioned(bucket) && !expires(bucket))
        .map(|(id, _)| Attention::OldVersionsStay {
            logical_id: id.to_owned(),
        })
        .collect()
}

/// What holds data and is kept by its `DeletionPolicy` no more: by that a destroy decides.
fn not_kept(before: &Valued, after: &Valued) -> impl Iterator<Item = Attention> {
    let kept = before.resources().filter(|(_, resource)| template::retains(resource));
    let kept: BTreeMap<String, Value> = kept.map(|(id, resource)| (id.to_owned(), resource)).collect();
    let is_deleted = move |(id, resource): &(&str, Value)| {
        let holds = holds_data(resource["Type"].as_str().unwrap_or_default(), true);
        // A policy that isn't text isn't known.
        let policy = &resource["DeletionPolicy"];
        let goes = (policy.is_null() || policy.is_string()) && !template::retains(resource);
        holds && goes && kept.contains_key(*id)
    };
    let deleted: Vec<Attention> = after
        .resources()
        .filter(is_deleted)
        .map(|(id, _)| Attention::NotKept {
            logical_id: id.to_owned(),
        })
        .collect();
    deleted.into_iter()
}

/// Whose bounds are raised so far that it is to be looked at.
fn more_instances(before: &Valued, after: &Valued) -> Vec<Attention> {
    let (before, after) = (sizes(before), sizes(after));
    let both = after
        .into_iter()
        .filter_map(|(group, now)| Some((before.get(&group)?, now, group)));
    both.flat_map(|(before, after, logical_id)| {
        [(Bound::Min, before.min, after.min), (Bound::Max, before.max, after.max)]
            .into_iter()
            .filter_map(move |(bound, before, after)| {
                let (before, after) = (before?, after?);
                (after > 2 * before.max(1)).then(|| Attention::MoreInstances {
                    logical_id: logical_id.clone(),
                    bound,
                    before,
                    after,
                })
            })
    })
    .collect()
}

/// The bounds of a group; none where they can't be known.
#[derive(Debug, Default)]
struct Sizes {
    min: Option<u64>,
    max: Option<u64>,
}

/// Those of each group, as high as it and its schedule have them at any time.
fn sizes(of: &Valued) -> BTreeMap<String, Sizes> {
    let mut sizes: BTreeMap<String, Sizes> = BTreeMap::new();
    for (logical_id, resource) in of.resources() {
        let properties = &resource["Properties"];
        let group = match resource["Type"].as_str() {
            Some(GROUP) => Some(logical_id),
            Some(SCHEDULED) => referred_to(&properties["AutoScalingGroupName"]),
            _ => None,
        };
        let Some(group) = group else { continue };
        let number = |name: &str| scalar(&properties[name])?.parse().ok();
        let known = sizes.entry(group.to_owned()).or_default();
        known.min = known.min.max(number("MinSize"));
        known.max = known.max.max(number("MaxSize"));
    }
    sizes
}

/// The resource in `${Group}`.
fn referred_to(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix("${")?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(min: u64, max: &str, at_night: u64) -> Valued {
        let body = format!(
            "Parameters: {{Most: {{Type: Number, Default: {max}}}}}\nResources:\n  Group:\n    Type: {GROUP}\n    Properties: \
             {{MinSize: '{min}', MaxSize: !Ref Most}}\n  Night:\n    Type: {SCHEDULED}\n    Properties: \
             {{AutoScalingGroupName: !Ref Group, MinSize: 0, MaxSize: {at_night}}}\n  Queue: {{Type: AWS::SQS::Queue}}\n"
        );
        Valued::of(&body, BTreeMap::new())
    }

    fn told(before: Valued, after: Valued) -> Vec<(Bound, u64, u64)> {
        let all = raised(&before, &after).into_iter().filter_map(|one| match one {
            Attention::MoreInstances {
                bound, before, after, ..
            } => Some((bound, before, after)),
            _ => None,
        });
        all.collect()
    }

    #[test]
    fn more_than_twice_as_many_are_told_at_whatever_time_they_run() {
        let now = || template(1, "3", 1);
        assert_eq!(told(now(), template(2, "6", 6)), []);
        assert_eq!(told(now(), template(1, "7", 1)), [(Bound::Max, 3, 7)]);
        assert_eq!(told(now(), template(1, "3", 7)), [(Bound::Max, 3, 7)]);
        assert_eq!(told(now(), template(3, "3", 1)), [(Bound::Min, 1, 3)]);
        // The schedule had as many already.
        assert_eq!(told(template(1, "3", 7), template(1, "7", 1)), []);
        // One or two are few, whatever was before.
        assert_eq!(told(template(0, "0", 0), template(2, "2", 0)), []);
        assert_eq!(told(template(0, "0", 0), template(0, "3", 0)), [(Bound::Max, 0, 3)]);
        assert_eq!(told(template(7, "9", 1), now()), [], "fewer cost less");
    }

    #[test]
    fn data_that_a_destroy_deletes_from_now_on_is_told() {
        let of = |policy: &str| {
            let body =
                format!("Resources:\n  Files: {{Type: AWS::S3::Bucket{policy}}}\n  Group: {{Type: {GROUP}{policy}}}\n");
            Valued::of(&body, BTreeMap::new())
        };
        let kept = || of(", DeletionPolicy: RetainExceptOnCreate");
        let told = [Attention::NotKept {
            logical_id: "Files".to_owned(),
        }];
        assert_eq!(raised(&kept(), &of(", DeletionPolicy: Delete")), told);
        assert_eq!(raised(&kept(), &of("")), told);
        assert_eq!(raised(&kept(), &of(", DeletionPolicy: Retain")), []);
        assert_eq!(raised(&of(""), &kept()), []);
        let new = Valued::of("Resources: {Other: {Type: AWS::S3::Bucket}}", BTreeMap::new());
        assert_eq!(raised(&kept(), &new), [], "what goes is told as that");
    }

    #[test]
    fn old_versions_that_nothing_has_expire_are_told() {
        let of = |versioning: &str, rule: &str| {
            let body = format!(
                "Resources:\n  Files:\n    Type: AWS::S3::Bucket\n    Properties:\n      LifecycleConfiguration: {{Rules: \
                 [{{Status: Enabled{rule}}}]}}\n{versioning}"
            );
            Valued::of(&body, BTreeMap::new())
        };
        const ON: &str = "      VersioningConfiguration: {Status: Enabled}\n";
        const RULE: &str = ", NoncurrentVersionExpiration: {NoncurrentDays: 30}";
        let told = [Attention::OldVersionsStay {
            logical_id: "Files".to_owned(),
        }];
        assert_eq!(raised(&of(ON, RULE), &of("", "")), told);
        assert_eq!(raised(&of(ON, ""), &of("", "")), told);
        assert_eq!(raised(&of(ON, RULE), &of("", RULE)), []);
        assert_eq!(raised(&of(ON, RULE), &of(ON, "")), []);
        assert_eq!(raised(&of("", ""), &of("", "")), []);
    }

    #[test]
    fn what_is_new_and_what_is_not_known_is_not_told() {
        let none = || Valued::of("Resources: {Queue: {Type: AWS::SQS::Queue}}", BTreeMap::new());
        assert_eq!(told(none(), template(9, "9", 9)), []);
        assert_eq!(told(template(1, "3", 1), template(1, "{}", 1)), []);
    }
}
