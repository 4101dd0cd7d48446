//! Files that no stage gets, where each stage that the bucket feeds chooses.

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::outputs;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::deployed::stage::{Stage, choices};

/// Files under the watched prefix that no stage gets, among the first that are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unclaimed {
    pub files: u64,
    /// One of them.
    pub example: String,
    /// Whether there may be others: a thousand files are looked at.
    pub at_least: bool,
}

/// Looks at the first thousand files, in one call; in none where a stage gets every file.
pub async fn read(cloud: &Cloud, deployed: &Deployed, stages: &[Stage]) -> Result<Option<Unclaimed>, CloudError> {
    let stack = deployed.part("intake").map(|found| &found.stack);
    let output = |key: &str| stack.and_then(|stack| stack.outputs.get(key));
    let (Some(choices), Some(bucket), Some(prefix)) = (
        choices(stages),
        output(outputs::BUCKET),
        output(outputs::UPLOADS_PREFIX),
    ) else {
        return Ok(None);
    };
    let (objects, next) = cloud.objects_without_versions(bucket, prefix, None).await?;
    let is_claimed = |key: &str| choices.iter().any(|only| only.takes(key));
    // What consoles make to show an empty folder is no file.
    let files = objects.into_iter().filter(|object| !object.key.ends_with('/'));
    let mut unclaimed = files.filter(|object| !is_claimed(&object.key));
    let example = unclaimed.next();
    Ok(example.map(|example| Unclaimed {
        files: 1 + unclaimed.count() as u64,
        example: example.key,
        at_least: next.is_some(),
    }))
}
