//! Whether the bucket is there that uploads are to be copied to.

use crate::blueprint::{Stack, outputs};
use crate::cloud::Cloud;
use crate::cloud::s3::replication::Destination;
use crate::engine::plan::draft::Found;
use crate::engine::plan::{StackAction, StackPlan};
use crate::environment::Bucket;

/// Refuses what S3 would refuse in the middle of the deploy: "Destination bucket must exist.", "Destination bucket must have
/// versioning enabled." (<https://github.com/terraform-aws-modules/terraform-aws-s3-bucket/issues/172>). Where uploads were
/// copied to that bucket before, nothing is held up: the other region may be out.
pub(super) async fn check(cloud: &Cloud, stack: &Stack, plan: &mut StackPlan, found: Option<&Found>) {
    let Some(arn) = &stack.replicates_to else { return };
    let acts = matches!(
        plan.action,
        StackAction::Create | StackAction::Update | StackAction::Recreate
    );
    if !acts {
        return;
    }
    let bucket = Bucket::name_in(arn);
    let is = match cloud.destination(bucket).await {
        Ok(Destination::Ready) => return,
        Ok(Destination::Missing) => "isn't there: deploy the region that stands by first, which makes it",
        Ok(Destination::Unversioned) => {
            "keeps no versions: deploy the region that stands by first, with `versioning: true`, or switch them on"
        }
        Ok(Destination::Denied) => {
            "is another account's, or may not be read: `replicate_to` takes one of this account, and a deploy needs \
             s3:ListBucket and s3:GetBucketVersioning on it"
        }
        Err(error) => {
            plan.warn(format!(
                "it isn't known whether uploads can be copied to {bucket}: {error}"
            ));
            return;
        }
    };
    let what = format!("the bucket {bucket}, which uploads are to be copied to, {is}");
    let before = found.and_then(|found| found.stack.outputs.get(outputs::REPLICATES_TO));
    match before == Some(arn) {
        true => plan.warn(what),
        false => plan.refuse(what),
    }
}
