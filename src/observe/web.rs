//! How the web tier is: its load balancer's targets, and its group.

use schemars::JsonSchema;
use serde::Serialize;

use super::local_fleet;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::load_balancing::Target;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::deployed::web::Web;
use crate::local::fleet::state::{FleetState, LifecycleState};

/// A load balancer, and what is behind it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct WebState {
    /// Where people reach it; of a local fleet, there.
    pub url: String,
    /// The load balancer's name.
    pub load_balancer: String,
    /// Its targets; none when they aren't there.
    pub targets: Option<Vec<Target>>,
    /// How many of them are healthy.
    pub healthy: usize,
    /// Its group; none when it isn't there.
    pub group: Option<Group>,
    /// It has no group because the environment stands by in this region.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands_by: bool,
}

/// Reads it. Of the group that a local fleet plays, that is asked: the emulator's load balancer has no targets.
pub async fn read(
    cloud: &Cloud,
    fleet: Option<&FleetState>,
    deployed: &Deployed,
) -> Result<Option<WebState>, CloudError> {
    let Some(web) = Web::of(deployed) else { return Ok(None) };
    let played = fleet.and_then(|fleet| local_fleet::group_of(fleet, web.group.as_deref()?));
    let (url, targets, group) = match played {
        Some(group) => {
            let targets = group.instances.iter().map(|instance| Target {
                instance: instance.id.clone(),
                state: match instance.lifecycle_state {
                    LifecycleState::InService => "healthy",
                    LifecycleState::Pending => "initial",
                    _ => "draining",
                }
                .to_owned(),
                ..Target::default()
            });
            let url = group.url.clone().unwrap_or(web.url);
            (url, Some(targets.collect()), Some(local_fleet::group(group)))
        }
        None => {
            let group = async {
                match &web.group {
                    Some(group) => cloud.group(group).await,
                    None => Ok(None),
                }
            };
            let (targets, group) = tokio::try_join!(cloud.targets(&web.target_group), group)?;
            (web.url, targets, group)
        }
    };
    Ok(Some(WebState {
        url,
        load_balancer: web.load_balancer,
        stands_by: web.group.is_none(),
        healthy: targets
            .iter()
            .flatten()
            .filter(|target: &&Target| target.is_healthy())
            .count(),
        targets,
        group,
    }))
}
