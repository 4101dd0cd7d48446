//! Scaling activities: what Auto Scaling did to a group, and why.

use aws_sdk_autoscaling::types::Activity as SdkActivity;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cloud::{Cloud, CloudError, explain, instant};

/// How many activities one call gives at most
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html>).
const MOST: usize = 100;

/// Something that Auto Scaling did, or does, to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    pub activity_id: String,
    pub group: String,
    /// What, e.g. `Launching a new EC2 instance: i-0abc`.
    pub description: String,
    /// Why, in Auto Scaling's words.
    pub cause: String,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    /// E.g. `InProgress`, `Successful`, `Failed`.
    pub status_code: String,
    /// More about the status, if there is more to say.
    pub status_message: Option<String>,
}

impl Cloud {
    /// The last `most` activities of a group, those in progress first, then the newest; none of a group that isn't
    /// there.
    pub async fn activities(&self, group: &str, most: usize) -> Result<Vec<Activity>, CloudError> {
        let asked = self
            .autoscaling
            .describe_scaling_activities()
            .auto_scaling_group_name(group)
            .max_records(i32::try_from(most.min(MOST)).unwrap_or_default());
        // What is in progress comes first, then the newest: what is wanted is on the first pages.
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while all.len() < most
            && let Some(activity) = pages.next().await
        {
            match activity.map_err(|error| explain("DescribeScalingActivities", error)) {
                Ok(activity) => all.push(read(&activity)),
                Err(error) if no_such_group(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

/// Auto Scaling has no error code of its own for it: a `ValidationError` that says "AutoScalingGroup name not found".
fn no_such_group(error: &CloudError) -> bool {
    error.is("ValidationError") && error.message.contains("not found")
}

pub(in crate::cloud) fn read(activity: &SdkActivity) -> Activity {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Activity {
        activity_id: text(activity.activity_id()),
        group: text(activity.auto_scaling_group_name()),
        description: text(activity.description()),
        cause: text(activity.cause()),
        start_time: instant(activity.start_time()),
        end_time: instant(activity.end_time()),
        status_code: activity.status_code().map_or("", |status| status.as_str()).to_owned(),
        status_message: activity.status_message().map(str::to_owned),
    }
}
