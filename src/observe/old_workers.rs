//! Workers that a deploy has yet to replace: what comes to their queue is done as before.

use super::local_fleet;
use crate::cloud::Cloud;
use crate::deployed::stage::Stage;
use crate::error::Result;
use crate::local::fleet::sources::deployed_version;

/// How many of a stage's instances are older than its last deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldWorkers {
    pub old: usize,
    /// Of so many that weren't told to go.
    pub of: usize,
}

impl OldWorkers {
    /// Those of a stage; none where all are of the last deploy, or no instances work on it. A call on AWS; the local fleet that
    /// plays the group may not know of the deploy yet, so what is deployed is compared.
    ///
    /// # Errors
    /// When the group, or the state of the fleet, can't be read.
    pub async fn of(cloud: &Cloud, environment: &str, stage: &Stage) -> Result<Option<OldWorkers>> {
        let Some(instances) = stage.instances() else {
            return Ok(None);
        };
        let found = match cloud.local {
            true => {
                let fleet = local_fleet::find(cloud, environment)?;
                let group = fleet
                    .as_ref()
                    .and_then(|fleet| local_fleet::group_of(fleet, &instances.group));
                let deployed = deployed_version(instances);
                let stay = group.into_iter().flat_map(|group| &group.instances);
                let stay = stay.filter(|instance| instance.stays());
                OldWorkers::count(stay.map(|one| deployed.as_ref().is_some_and(|now| *now != one.version)))
            }
            false => {
                let group = cloud.group(&instances.group).await?.unwrap_or_default();
                let stay = group.instances.iter().filter(|instance| instance.stays());
                OldWorkers::count(stay.map(|instance| group.is_on_another_version(instance)))
            }
        };
        Ok((found.old > 0).then_some(found))
    }

    fn count(are_old: impl Iterator<Item = bool>) -> OldWorkers {
        are_old.fold(OldWorkers { old: 0, of: 0 }, |counted, is_old| OldWorkers {
            old: counted.old + usize::from(is_old),
            of: counted.of + 1,
        })
    }
}
