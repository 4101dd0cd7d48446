//! A bucket that is there already is in no stack: what it was made to tell is looked at beside the stack that says so.

use serde_json::json;

use super::classify::Class;
use super::{Finding, FoundBy, NotChecked, ResourceDrift, StackDrift};
use crate::blueprint::notifications::Notifications;
use crate::cloud::Cloud;
use crate::deployed::DeployedStack;
use crate::observe::existing_bucket::look;

/// What it is called in findings: as the output that names it.
pub const NAME: &str = "ExistingBucket";
const TYPE: &str = "AWS::S3::Bucket";

pub(super) async fn check(cloud: &Cloud, stack: &DeployedStack, drift: &mut StackDrift) {
    let (environment, outputs) = (&stack.tags.environment, &stack.stack.outputs);
    let read = async {
        let deployed = Notifications::deployed(environment, &cloud.account, &cloud.region, outputs)?;
        match deployed {
            Some(deployed) => look(cloud, &deployed)
                .await
                .map(|found| Some((deployed, found)))
                .map_err(|error| error.to_string()),
            None => Ok(None),
        }
    };
    let (deployed, found) = match read.await {
        Ok(Some(read)) => read,
        Ok(None) => return,
        Err(why) => {
            drift.not_checked.push(NotChecked {
                logical_id: NAME.to_owned(),
                resource_type: TYPE.to_owned(),
                property: None,
                why,
            });
            return;
        }
    };
    drift.checked += 1;
    if found.missing.is_empty() && !found.is_gone {
        return;
    }
    let told = deployed.rules.iter().filter(|rule| !found.missing.contains(rule));
    let finding = Finding {
        property: match found.is_gone {
            true => String::new(),
            false => "NotificationConfiguration/TopicConfigurations".to_owned(),
        },
        expected: Some(json!(deployed.rules)),
        actual: (!found.is_gone).then(|| json!(told.collect::<Vec<_>>())),
        class: Class::Dangerous,
        why: "uploads no longer become messages".to_owned(),
        reference: None,
        found_by: FoundBy::Qfleet,
        line: None,
    };
    drift.resources.push(ResourceDrift {
        logical_id: NAME.to_owned(),
        physical_id: found.bucket,
        resource_type: TYPE.to_owned(),
        deleted: found.is_gone,
        differences: vec![finding],
    });
}
