//! The web tier as its stack's outputs tell it.

use super::stage::{Instances, Stage, Workers};
use super::{Deployed, DeployedStack};
use crate::blueprint::outputs;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Web {
    pub url: String,
    /// The load balancer's name.
    pub load_balancer: String,
    /// The target group's ARN.
    pub target_group: String,
    /// The name of the Auto Scaling group; none where it stands by.
    pub group: Option<String>,
    /// The log group of its program, by name.
    pub log_group: Option<String>,
    /// Its load balancer, as CloudWatch knows it.
    pub full_name: Option<String>,
    /// The names of its alarms.
    pub alarms: Vec<String>,
}

/// The part.
pub const WEB: &str = "web";

impl Web {
    /// That of an environment; none while its stack is being created, or where it has none.
    pub fn of(deployed: &Deployed) -> Option<Web> {
        deployed.stacks.iter().find_map(Web::in_stack)
    }

    fn in_stack(found: &DeployedStack) -> Option<Web> {
        let output = |key: &str| found.stack.outputs.get(key).cloned();
        Some(Web {
            target_group: output(outputs::TARGET_GROUP)?,
            url: output(outputs::URL)?,
            load_balancer: output(outputs::LOAD_BALANCER)?,
            group: match output(outputs::PAUSED) {
                Some(_) => None,
                None => Some(output(outputs::GROUP)?),
            },
            log_group: output(outputs::LOG_GROUP),
            full_name: output(outputs::LOAD_BALANCER_FULL_NAME),
            alarms: [
                outputs::UNHEALTHY_TARGETS_ALARM,
                outputs::PROGRAM_ERRORS_ALARM,
                outputs::LOAD_BALANCER_ERRORS_ALARM,
            ]
            .into_iter()
            .filter_map(output)
            .collect(),
        })
    }

    /// What logs it has, as a stage's are read: it has no queue.
    pub fn for_logs(self) -> Stage {
        Stage {
            name: WEB.to_owned(),
            log_group: self.log_group,
            workers: self.group.map(|group| {
                Workers::Instances(Instances {
                    group,
                    ..Instances::default()
                })
            }),
            ..Stage::default()
        }
    }

    /// Whether a stack holds one.
    pub fn is_in(found: &DeployedStack) -> bool {
        Web::in_stack(found).is_some()
    }
}
