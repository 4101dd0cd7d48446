//! What a deploy would do to a bucket that is there already: to its notifications, and nothing else.

use std::collections::BTreeMap;

use futures_util::future::{join, join3};
use schemars::JsonSchema;
use serde::Serialize;

use super::Outputs;
use crate::blueprint::notifications::Notifications;
use crate::blueprint::{Blueprint, names, outputs};
use crate::cloud::s3::buckets::FoundBucket;
use crate::cloud::s3::notification_document::{Conflict, Document, Merge, keys};
use crate::cloud::{Cloud, CloudError};
use crate::environment::routes::MOST_RULES;
use crate::error::Error;

/// The part whose stack says which bucket it is.
pub const INTAKE: &str = "intake";

/// What would be done to a bucket that is there already, and to no other thing of it than its notifications.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BucketPlan {
    pub bucket: String,
    #[serde(flatten)]
    pub merge: Merge,
    /// What of others stands in the way: then nothing is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// What else keeps it from being done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The stack that needs it.
    #[serde(skip)]
    pub stack: String,
}

impl BucketPlan {
    pub fn changes_anything(&self) -> bool {
        self.merge.text.is_some()
    }

    /// Why it can't be done.
    pub fn refusal(&self) -> Option<Error> {
        let BucketPlan { bucket, stack, .. } = self;
        if let Some(problem) = &self.problem {
            return Some(Error::refused(format!("{stack}: {problem}")));
        }
        (!self.conflicts.is_empty()).then(|| in_the_way(stack, bucket, &self.conflicts))
    }
}

/// S3 says of it: "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are
/// overlapping for the same event type."
pub fn in_the_way(stack: &str, bucket: &str, conflicts: &[Conflict]) -> Error {
    let line = |Conflict { rule, with }: &Conflict| {
        let needed = keys(&rule.prefix, &rule.suffix);
        format!("\n  {with} overlaps {needed}, which this environment needs")
    };
    let list: String = conflicts.iter().map(line).collect();
    let what = "S3 lets no two notifications overlap that tell of new objects";
    Error::refused(format!("{stack}: {what}, and {bucket} has others:{list}")).with_help(
        "give the environment another prefix (`uploads`), narrow the other notification to other keys, or subscribe both to \
         one topic",
    )
}

/// For the bucket that the file names, and for the one that was deployed where that is another one.
///
/// # Errors
/// Failures of AWS, but for those that say that the bucket can't be used.
pub async fn draw_up(cloud: &Cloud, blueprint: &Blueprint, outputs: &Outputs) -> Result<Vec<BucketPlan>, CloudError> {
    if !blueprint.stacks.iter().any(|stack| stack.part == INTAKE) {
        return Ok(Vec::new());
    }
    let wanted = blueprint.notifications.as_ref();
    let before = outputs.get(INTAKE).and_then(|outputs| left(cloud, blueprint, outputs));
    let (old, new) = join(
        async {
            match &before {
                Some(before) => take_out(cloud, blueprint, before).await,
                None => None,
            }
        },
        async {
            match wanted {
                Some(wanted) => put_in(cloud, blueprint, outputs, wanted).await.map(Some),
                None => Ok(None),
            }
        },
    )
    .await;
    Ok(old.into_iter().chain(new?).collect())
}

/// The bucket that these outputs of the stack name, with nothing told any more, where the file has another one now, or one of
/// its own.
pub fn left(cloud: &Cloud, blueprint: &Blueprint, outputs: &BTreeMap<String, String>) -> Option<Notifications> {
    let deployed =
        Notifications::taken_out_as_deployed(&blueprint.environment, &cloud.account, &cloud.region, outputs)?;
    let wanted = blueprint.notifications.as_ref();
    wanted
        .is_none_or(|wanted| wanted.bucket != deployed.bucket)
        .then_some(deployed)
}

fn stack(blueprint: &Blueprint) -> String {
    names::stack(&blueprint.environment, INTAKE)
}

/// Whatever is wrong with the bucket that is left: the environment goes on to another one.
async fn take_out(cloud: &Cloud, blueprint: &Blueprint, before: &Notifications) -> Option<BucketPlan> {
    let bucket = &before.bucket;
    let mut plan = BucketPlan {
        bucket: bucket.clone(),
        merge: Merge::default(),
        conflicts: Vec::new(),
        problem: None,
        warnings: Vec::new(),
        stack: stack(blueprint),
    };
    match cloud.bucket_notifications(bucket).await {
        Ok(None) => return None,
        Ok(Some(found)) => plan.merge = found.merge(before),
        Err(error) => plan
            .warnings
            .push(format!("what is ours in it can't be taken out: {error}")),
    }
    (plan.changes_anything() || !plan.warnings.is_empty()).then_some(plan)
}

async fn put_in(
    cloud: &Cloud,
    blueprint: &Blueprint,
    outputs: &Outputs,
    wanted: &Notifications,
) -> Result<BucketPlan, CloudError> {
    let bucket = &wanted.bucket;
    let (there, found, key) = join3(
        cloud.find_bucket(bucket),
        cloud.bucket_notifications(bucket),
        cloud.bucket_key(bucket),
    )
    .await;
    let mut plan = BucketPlan {
        bucket: bucket.clone(),
        merge: Merge::default(),
        conflicts: Vec::new(),
        problem: why_not(cloud, bucket, there?),
        warnings: Vec::new(),
        stack: stack(blueprint),
    };
    if plan.problem.is_some() {
        return Ok(plan);
    }
    let Some(found) = found? else {
        plan.problem = why_not(cloud, bucket, FoundBucket::Missing);
        return Ok(plan);
    };
    plan.problem = too_many(&found, wanted);
    plan.conflicts = found.conflicts(wanted);
    plan.merge = found.merge(wanted);
    let joins = plan.changes_anything();
    plan.warnings.extend(own_left(outputs, bucket));
    plan.warnings.extend(match key {
        // A warning is all that hangs on it.
        Err(error) => Some(format!("which key it encrypts with isn't known: {error}")),
        Ok(None) => None,
        Ok(Some(key)) if !wanted.without_policies.is_empty() => Some(format!(
            "it encrypts with the key {key}, and the workers of {} may not use that: make a managed policy that allows \
             kms:Decrypt and kms:GenerateDataKey on it, and name the policy in their `policies`",
            wanted.without_policies.join(", ")
        )),
        Ok(Some(key)) if joins => Some(format!(
            "it encrypts with the key {key}: the workers' `policies` must allow kms:Decrypt and kms:GenerateDataKey on it, \
             which isn't looked at"
        )),
        Ok(Some(_)) => None,
    });
    if joins {
        plan.warnings.push(
            "its workers may list the names of all files in it: without that, S3 tells them of a file that is gone that it is \
             denied"
                .to_owned(),
        );
    }
    Ok(plan)
}

/// The environment has a bucket of its own, which its stack drops.
fn own_left(outputs: &Outputs, wanted: &str) -> Option<String> {
    let of_stack = outputs.get(INTAKE)?;
    let own = of_stack.get(outputs::BUCKET)?;
    (!of_stack.contains_key(outputs::EXISTING_BUCKET) && own != wanted).then(|| {
        format!(
            "it takes the place of the environment's own bucket {own}: new files there are told to nobody any more, jobs in \
             the queues that name files there fail, and the policy that asks for TLS is taken off it. Before that, stop \
             uploads and let the queues drain"
        )
    })
}

fn why_not(cloud: &Cloud, bucket: &str, found: FoundBucket) -> Option<String> {
    let region = &cloud.region;
    Some(match found {
        FoundBucket::Here => return None,
        FoundBucket::Missing if cloud.local => format!(
            "the local emulator has no bucket {bucket}. To make it: {}",
            cloud.cli().command(&format!("s3 mb s3://{bucket}"))
        ),
        FoundBucket::Missing => {
            format!("there is no bucket {bucket}: `existing` names one that is there; without it, one is made")
        }
        FoundBucket::Denied => format!(
            "the bucket {bucket} is another account's than {}, or looking at it is denied (s3:ListBucket)",
            cloud.account
        ),
        FoundBucket::Elsewhere(other) => format!(
            "the bucket {bucket} is in {other}, and the environment in {region}: S3 tells only topics of its own region"
        ),
    })
}

/// Why S3 wouldn't take them all.
pub fn too_many(found: &Document, wanted: &Notifications) -> Option<String> {
    let others = found.merge(wanted).others;
    let all = others + wanted.rules.len();
    (all > MOST_RULES).then(|| {
        let bucket = &wanted.bucket;
        format!("{bucket} has {others} notifications of others, and would have {all}: S3 allows {MOST_RULES}")
    })
}
