//! Fleets whose instances a change set replaces: how many, in which batches, and how many stay in service meanwhile.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::rolling_update::PARAMETER;
use crate::blueprint::{RollingUpdate, Stack, outputs};
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::cloudformation::change_set::{Action, Change, PropertyChange};
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::engine::plan::values::is_only_tagged;

/// A rolling update that a change set would start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rolling {
    /// How many instances are replaced.
    pub instances: usize,
    /// How many at a time.
    pub batch_size: usize,
    pub batches: usize,
    /// How many stay in service all the time.
    pub min_in_service: usize,
    /// About how long it takes: until the instances of each batch work. CloudFormation waits for no worker that drains
    /// (<https://github.com/awslabs/amazon-eks-ami/issues/66>).
    pub about_seconds: u64,
    /// `MinInstancesInService`.
    #[serde(skip)]
    pub keeps: u32,
}

/// What the stack's last deploy set `MinInstancesInService` to. As long as nothing rolls, it stays: another value would
/// be a change.
pub(in crate::engine) fn deployed(stack: &Stack, found: &StackDescription) -> Option<u32> {
    stack.rolling_update?;
    found.parameters.get(PARAMETER)?.value.parse().ok()
}

/// The rolling update that these changes start, if they do.
///
/// # Errors
/// When the group can't be read.
pub(in crate::engine) async fn of(
    cloud: &Cloud,
    stack: &Stack,
    outputs: Option<&BTreeMap<String, String>>,
    changes: &[Change],
) -> Result<Option<Rolling>, CloudError> {
    let touched = launched(changes).or(of_group(changes)).is_some();
    let Some(update) = stack.rolling_update.filter(|_| touched) else {
        return Ok(None);
    };
    let Some(found) = group(cloud, outputs).await? else {
        return Ok(None);
    };
    let rolls = launched(changes).is_some() || of_group(changes).is_some_and(|change| rolls(change, &found));
    Ok(rolls.then(|| rolling(update, &found)))
}

/// The change of what is launched. Other tags make no other version of a launch template; "CloudFormation doesn't propagate
/// tags to existing launch templates", those of its stack
/// (<https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.launch-templates.html>), but the
/// local emulator says that it does.
fn launched(changes: &[Change]) -> Option<&Change> {
    modified(changes, "AWS::EC2::LaunchTemplate").filter(|change| !is_only_tagged(change))
}

fn of_group(changes: &[Change]) -> Option<&Change> {
    modified(changes, "AWS::AutoScaling::AutoScalingGroup")
}

fn modified<'a>(changes: &'a [Change], resource_type: &str) -> Option<&'a Change> {
    let is_meant = |change: &&Change| change.action == Action::Modify && change.resource_type == resource_type;
    changes.iter().find(is_meant)
}

/// What `MinInstancesInService` must be now.
///
/// # Errors
/// When the group can't be read.
pub(in crate::engine) async fn keeps_now(
    cloud: &Cloud,
    update: Option<RollingUpdate>,
    outputs: Option<&BTreeMap<String, String>>,
) -> Result<Option<u32>, CloudError> {
    let Some(update) = update else {
        return Ok(None);
    };
    let group = group(cloud, outputs).await?;
    Ok(group.map(|group| within(update, &group).keeps(running(&group))))
}

fn within(update: RollingUpdate, group: &Group) -> RollingUpdate {
    let natural = |count: i32| u32::try_from(count).unwrap_or_default();
    update.within(natural(group.min), natural(group.max))
}

/// What is to be known of a group whose bounds are changed while its schedule has given it others: "if you modify any of
/// the group size property values in your template, CloudFormation uses the modified values"
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>).
///
/// # Errors
/// When the group can't be read.
pub(in crate::engine) async fn overrides_schedule(
    cloud: &Cloud,
    update: Option<RollingUpdate>,
    outputs: Option<&BTreeMap<String, String>>,
    changes: &[Change],
) -> Result<Option<String>, CloudError> {
    let of_group = changes.iter().filter(|change| change.logical_id == "Group");
    let properties: Vec<&PropertyChange> = of_group.flat_map(|change| &change.properties).collect();
    let size = |name: &str| {
        let path = format!("/Properties/{name}");
        let change = properties.iter().find(|property| property.path == path)?;
        let number = |text: &Option<String>| text.as_deref()?.parse::<i32>().ok();
        Some((number(&change.before)?, number(&change.after)?))
    };
    let (min, max) = (size("MinSize"), size("MaxSize"));
    if update.is_none_or(|update| !update.scheduled) || (min, max) == (None, None) {
        return Ok(None);
    }
    let Some(group) = group(cloud, outputs).await? else {
        return Ok(None);
    };
    let as_deployed = |size: Option<(i32, i32)>, now| size.is_none_or(|(before, _)| before == now);
    if as_deployed(min, group.min) && as_deployed(max, group.max) {
        return Ok(None);
    }
    let after = |size: Option<(i32, i32)>, now| size.map_or(now, |(_, after)| after);
    let (least, most) = (after(min, group.min), after(max, group.max));
    let crossed = match least > most {
        true => {
            ", and Auto Scaling may refuse that; change both, or deploy when the schedule has the group at its own bounds"
        }
        false => ", until the schedule changes them again",
    };
    Ok(Some(format!(
        "its schedule has given the group {} to {} instances: what was changed of its bounds holds at once, so {least} to \
         {most}{crossed}",
        group.min, group.max
    )))
}

async fn group(cloud: &Cloud, outputs: Option<&BTreeMap<String, String>>) -> Result<Option<Group>, CloudError> {
    match outputs.and_then(|outputs| outputs.get(outputs::GROUP)) {
        Some(name) => cloud.group(name).await,
        None => Ok(None),
    }
}

/// A rolling update replaces every instance of a group when what it launches, or where, changes; or when the group is
/// updated at all and has instances that don't match it
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>). Another
/// launch template is another version of it, which the group launches.
fn rolls(change: &Change, group: &Group) -> bool {
    const LAUNCHED: [&str; 4] = [
        "LaunchTemplate",
        "MixedInstancesPolicy",
        "VPCZoneIdentifier",
        "AvailabilityZones",
    ];
    let launches_others = change.properties.iter().any(|property| {
        let path = property.path.trim_start_matches("/Properties/");
        LAUNCHED.iter().any(|name| path.starts_with(name))
    });
    launches_others || group.on_another_version().is_some_and(|instances| instances > 0)
}

/// What the fleet has scaled to, whether or not all of it is in service yet; and what is in service, whether or not the
/// fleet has been told to shrink.
fn running(group: &Group) -> usize {
    group
        .in_service()
        .max(usize::try_from(group.desired).unwrap_or_default())
}

fn rolling(update: RollingUpdate, group: &Group) -> Rolling {
    let update = within(update, group);
    let keeps = update.keeps(running(group));
    let instances = group.instances.iter().filter(|instance| instance.stays()).count();
    let batch_size = update.at_a_time(instances, keeps);
    let batches = instances.div_ceil(batch_size.max(1));
    Rolling {
        instances,
        batch_size,
        batches,
        min_in_service: group.in_service().min(keeps as usize),
        about_seconds: batches as u64 * update.batch_seconds,
        keeps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::autoscaling::groups::Instance;
    use crate::cloud::cloudformation::change_set::Replacement;

    /// So many are wanted; these are there, of version 2 or of another.
    fn group(desired: i32, instances: &[(&str, &str)]) -> Group {
        let instances = instances.iter().map(|(state, version)| Instance {
            lifecycle_state: (*state).to_owned(),
            launch_template_version: Some((*version).to_owned()),
            ..Instance::default()
        });
        Group {
            desired,
            launch_template_version: Some("2".to_owned()),
            instances: instances.collect(),
            ..Group::default()
        }
    }

    #[test]
    fn a_fleet_that_scales_is_as_large_as_it_is_or_as_it_will_be() {
        let (works, comes, goes) = (("InService", "2"), ("Pending", "2"), ("Terminating:Wait", "2"));
        let update = RollingUpdate {
            min: 1,
            max: 20,
            batch_size: 5,
            batch_seconds: 60,
            scheduled: false,
        };
        // Scaling out, then scaling in; kept, replaced, in service at least.
        for (group, keeps, replaced, in_service) in [
            (group(5, &[works, works, comes, comes, comes]), 5, 5, 2),
            (group(5, &[works, works]), 5, 2, 2),
            (group(1, &[works, works, works]), 3, 3, 3),
            (group(1, &[works, goes, goes]), 1, 1, 1),
        ] {
            let rolling = rolling(update, &group);
            let found = (rolling.keeps, rolling.instances, rolling.min_in_service);
            assert_eq!(found, (keeps, replaced, in_service), "{group:?}");
        }
    }

    fn change_of(resource_type: &str, path: &str) -> Change {
        Change {
            action: Action::Modify,
            logical_id: "Group".into(),
            resource_type: resource_type.into(),
            physical_id: None,
            replacement: Replacement::No,
            disposal: None,
            properties: vec![PropertyChange {
                path: path.into(),
                before: None,
                after: None,
                replacement: Replacement::No,
                follows: false,
            }],
        }
    }

    #[test]
    fn other_tags_of_a_launch_template_replace_no_instance() {
        for (path, expected) in [("/Tags", false), ("/Properties/LaunchTemplateData/ImageId", true)] {
            let changes = [change_of("AWS::EC2::LaunchTemplate", path)];
            assert_eq!(launched(&changes).is_some(), expected, "{path}");
        }
    }

    #[test]
    fn a_change_of_the_group_rolls_it_when_it_launches_others_or_has_others() {
        let change = |path: &str| change_of("AWS::AutoScaling::AutoScalingGroup", path);
        let (same, other) = (group(1, &[("InService", "2")]), group(1, &[("InService", "1")]));
        for (path, group, expected) in [
            ("/Properties/MaxSize", &same, false),
            ("/Properties/MaxSize", &other, true),
            ("/Properties/AvailabilityZones", &same, true),
            ("/Properties/VPCZoneIdentifier/0", &same, true),
            ("/Properties/MixedInstancesPolicy/LaunchTemplate/Overrides", &same, true),
            ("/Properties/LaunchTemplate/Version", &same, true),
        ] {
            assert_eq!(rolls(&change(path), group), expected, "{path}");
        }
    }
}
