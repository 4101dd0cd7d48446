//! Instance refreshes: all instances of a group replaced, a few at a time.

use aws_sdk_autoscaling::types::InstanceRefresh as SdkRefresh;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain, instant};

/// An instance refresh
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceRefresh.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InstanceRefresh {
    pub instance_refresh_id: String,
    /// `Pending`, `InProgress`, `Successful`, `Failed`, `RollbackInProgress`, `Baking`, …
    pub status: String,
    /// Why, when Auto Scaling says.
    pub reason: Option<String>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    /// How much of it is done.
    pub percentage_complete: Option<i32>,
    /// How many instances are still to be replaced.
    pub instances_to_update: Option<i32>,
}

impl InstanceRefresh {
    /// Whether it goes on, rolling back included. One in a status that isn't known goes on until it has an end.
    pub fn is_under_way(&self) -> bool {
        match self.status.as_str() {
            "Pending" | "InProgress" | "Cancelling" | "RollbackInProgress" | "Baking" => true,
            "Successful" | "Failed" | "Cancelled" | "RollbackFailed" | "RollbackSuccessful" => false,
            _ => self.end_time.is_none(),
        }
    }

    /// Whether it ended without having done what it was started for.
    pub fn failed(&self) -> bool {
        matches!(self.status.as_str(), "Failed" | "RollbackFailed")
    }
}

impl Cloud {
    /// The last instance refresh of a group, if there was one: they come newest first, so one is enough
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html>).
    pub async fn last_refresh(&self, group: &str) -> Result<Option<InstanceRefresh>, CloudError> {
        let asked = self.autoscaling.describe_instance_refreshes();
        let answer = asked.auto_scaling_group_name(group).max_records(1).send().await;
        let answer = answer.map_err(|error| explain("DescribeInstanceRefreshes", error))?;
        Ok(answer.instance_refreshes().first().map(read))
    }
}

fn read(refresh: &SdkRefresh) -> InstanceRefresh {
    InstanceRefresh {
        instance_refresh_id: refresh.instance_refresh_id().unwrap_or_default().to_owned(),
        status: refresh.status().map_or("", |status| status.as_str()).to_owned(),
        reason: refresh.status_reason().map(str::to_owned),
        start_time: instant(refresh.start_time()),
        end_time: instant(refresh.end_time()),
        percentage_complete: refresh.percentage_complete(),
        instances_to_update: refresh.instances_to_update(),
    }
}
