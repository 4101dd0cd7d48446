//! Where uploads are copied to.

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::outputs;
use crate::cloud::s3::replication::Destination;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::environment::Bucket;

/// The bucket that uploads are copied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Replication {
    pub bucket: String,
    /// Whether S3 can copy to it. Whether it has copied each file is only known of each file.
    pub destination: Destination,
}

/// Two calls, where uploads are copied at all.
pub async fn read(cloud: &Cloud, deployed: &Deployed) -> Result<Option<Replication>, CloudError> {
    let stack = deployed.part("intake").map(|found| &found.stack);
    let Some(arn) = stack.and_then(|stack| stack.outputs.get(outputs::REPLICATES_TO)) else {
        return Ok(None);
    };
    let bucket = Bucket::name_in(arn).to_owned();
    let destination = cloud.destination(&bucket).await?;
    Ok(Some(Replication { bucket, destination }))
}
