//! What the stacks of an environment hold, read before they go: afterwards nobody knows any more.

use futures_util::future::join_all;

use super::Row;
use super::thing::Thing;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::holdings::unmade;
use crate::deployed::{Deployed, expiry_parameter};

const PARAMETER: &str = "AWS::SSM::Parameter";

#[derive(Debug, Clone, Default)]
pub struct Known {
    /// ARNs of the stacks.
    pub(super) stacks: Vec<String>,
    pub(super) parts: Vec<String>,
    /// The stacks, their resources, the instances of their groups, and the alarms that Auto Scaling made for them.
    pub(super) things: Vec<Thing>,
    /// A bucket that was there before, by its name: it is none of this, whatever its name and its tags say.
    pub(super) others: Option<String>,
    /// What could not be read.
    pub(super) unknown: Vec<Row>,
}

impl Known {
    /// Reads it. It never fails: what can't be read keeps nothing from being deleted, and is unknown afterwards.
    pub async fn read(cloud: &Cloud, deployed: &Deployed) -> Known {
        let mut known = Known {
            others: deployed.existing_bucket().map(str::to_owned),
            ..Known::default()
        };
        let expiry = expiry_parameter(&deployed.address.environment);
        match cloud.parameter(&expiry).await {
            Ok(Some(_)) => known.things.push(Thing::new(PARAMETER, &expiry)),
            Ok(None) => {}
            Err(error) => known.unknown.push(Row::unknown(PARAMETER, &expiry, error)),
        }
        let of_stacks = deployed.stacks.iter().map(|found| async {
            let (stack, part) = (&found.stack, found.part.clone());
            let mut of_stack = Known {
                stacks: vec![stack.id.clone()],
                parts: vec![part],
                things: vec![Thing::new("AWS::CloudFormation::Stack", &stack.id)],
                ..Known::default()
            };
            let read = async {
                let resources = cloud.stack_resources(&stack.id).await?;
                let unmade = unmade(cloud, &stack.id, &resources).await?;
                Ok::<_, CloudError>((resources, unmade))
            };
            match read.await {
                Ok((resources, unmade)) => {
                    // One that was never made has no name, or may be somebody else's.
                    let made = resources
                        .into_iter()
                        .filter(|resource| !resource.physical_id.is_empty() && !unmade.contains(&resource.physical_id));
                    for resource in made {
                        of_stack
                            .add(cloud, &stack.name, &resource.resource_type, resource.physical_id)
                            .await;
                    }
                }
                Err(error) => of_stack.unknown.push(Row::unknown(
                    "AWS::CloudFormation::Stack",
                    &stack.name,
                    format!("what was in it: {error}"),
                )),
            }
            of_stack
        });
        for of_stack in join_all(of_stacks).await {
            known.stacks.extend(of_stack.stacks);
            known.parts.extend(of_stack.parts);
            known.things.extend(of_stack.things);
            known.unknown.extend(of_stack.unknown);
        }
        known
    }

    /// That of stacks that can't be listed.
    pub fn unreadable(environment: &str, why: &CloudError) -> Known {
        let stacks = format!("{environment}-*");
        Known {
            unknown: vec![Row::unknown("AWS::CloudFormation::Stack", &stacks, why)],
            ..Known::default()
        }
    }

    async fn add(&mut self, cloud: &Cloud, stack: &str, resource_type: &str, id: String) {
        let of_stack = |resource_type: &str, id: String| Thing {
            stack: Some(stack.to_owned()),
            ..Thing::new(resource_type, id)
        };
        self.things.push(of_stack(resource_type, id.clone()));
        if resource_type != "AWS::AutoScaling::AutoScalingGroup" {
            return;
        }
        match cloud.group(&id).await {
            Ok(group) => {
                let instances = group.into_iter().flat_map(|group| group.instances);
                self.things
                    .extend(instances.map(|instance| of_stack("AWS::EC2::Instance", instance.id)));
            }
            Err(error) => self
                .unknown
                .push(Row::unknown("AWS::EC2::Instance", &format!("of {id}"), error)),
        }
        match cloud.scaling_policies(&id).await {
            Ok(policies) => {
                let made = policies.into_iter().flat_map(|policy| policy.alarms);
                let made = made.filter(|name| name.starts_with(super::names::TARGET_TRACKING));
                self.things
                    .extend(made.map(|name| of_stack("AWS::CloudWatch::Alarm", name)));
            }
            Err(error) => self
                .unknown
                .push(Row::unknown("AWS::CloudWatch::Alarm", &format!("of {id}"), error)),
        }
    }
}
