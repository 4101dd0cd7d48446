//! Whether a bucket that is there already still tells the environment of new files.

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::notifications::{Notifications, Rule};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;

/// A bucket that isn't the environment's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExistingBucket {
    pub bucket: String,
    /// Whether it isn't there any more.
    pub is_gone: bool,
    /// What was deployed and isn't among its notifications any more.
    pub missing: Vec<Rule>,
}

/// Asks the bucket of an environment, if it is somebody else's.
pub async fn read(cloud: &Cloud, deployed: &Deployed) -> Result<Option<ExistingBucket>, CloudError> {
    let wanted = deployed.notifications().map_err(|why| CloudError {
        operation: "DescribeStacks",
        code: None,
        message: why,
    })?;
    match wanted {
        Some(wanted) => look(cloud, &wanted).await.map(Some),
        None => Ok(None),
    }
}

/// Compares what was deployed with what is there.
pub async fn look(cloud: &Cloud, deployed: &Notifications) -> Result<ExistingBucket, CloudError> {
    let found = cloud.bucket_notifications(&deployed.bucket).await?;
    Ok(ExistingBucket {
        bucket: deployed.bucket.clone(),
        is_gone: found.is_none(),
        missing: found.map_or_else(|| deployed.rules.clone(), |found| found.merge(deployed).added),
    })
}
