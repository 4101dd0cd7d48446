//! Auto Scaling groups and their instances.

use serde::Serialize;

use super::{Cloud, CloudError, explain};

/// An Auto Scaling group as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The fewest instances.
    pub min: i32,
    /// How many there should be now.
    pub desired: i32,
    /// The most instances.
    pub max: i32,
    /// Its instances.
    pub instances: Vec<Instance>,
}

impl Group {
    /// How many instances are in service.
    pub fn in_service(&self) -> usize {
        self.instances
            .iter()
            .filter(|instance| instance.lifecycle_state == "InService")
            .count()
    }
}

/// One instance of a group.
#[derive(Debug, Clone, Serialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// `Pending`, `InService`, `Terminating:Wait`, …
    pub lifecycle_state: String,
    /// `Healthy` or `Unhealthy`.
    pub health: String,
}

impl Cloud {
    /// The group of this name, if there is one.
    pub async fn group(&self, name: &str) -> Result<Option<Group>, CloudError> {
        let answer = self
            .autoscaling
            .describe_auto_scaling_groups()
            .auto_scaling_group_names(name)
            .send()
            .await
            .map_err(|error| explain("DescribeAutoScalingGroups", error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(answer.auto_scaling_groups().first().map(|group| Group {
            name: text(group.auto_scaling_group_name()),
            min: group.min_size().unwrap_or_default(),
            desired: group.desired_capacity().unwrap_or_default(),
            max: group.max_size().unwrap_or_default(),
            instances: group
                .instances()
                .iter()
                .map(|instance| Instance {
                    id: text(instance.instance_id()),
                    zone: text(instance.availability_zone()),
                    lifecycle_state: instance.lifecycle_state().map_or("", |state| state.as_str()).to_owned(),
                    health: text(instance.health_status()),
                })
                .collect(),
        }))
    }
}
