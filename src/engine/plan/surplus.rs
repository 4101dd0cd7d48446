//! Stacks of an environment that its file doesn't have any more: of a stage that was taken out or renamed, of a bucket that
//! was dropped. A deploy leaves them running, unless it is told to prune them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::Blueprint;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::deployed::holdings::holdings;
use crate::observe::data::Data;

/// Stacks that the file doesn't have any more, as far as they are known.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Surplus {
    /// Stacks that are deployed and aren't in the file any more, and what they hold.
    #[serde(rename = "surplus", skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<SurplusStack>,
    /// Why it isn't known which stacks aren't in the file any more.
    #[serde(rename = "surplus_unknown", skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    #[serde(skip)]
    pub deployed: Option<Deployed>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SurplusStack {
    pub part: String,
    pub stack: String,
    pub status: StackStatus,
    #[serde(flatten)]
    pub data: Data,
}

impl Surplus {
    /// Looks for them. Without the permission to look, a deploy goes on. What `prunes` them reads what they hold itself,
    /// once it is known what of it stays. `now` is the wall clock.
    pub async fn find(cloud: &Cloud, blueprint: &Blueprint, prunes: bool, now: Timestamp) -> Surplus {
        let found = async {
            let mut deployed = Deployed::find(cloud, &blueprint.environment).await?;
            deployed.stacks.retain(|stack| !blueprint.parts.contains(&stack.part));
            match prunes {
                true => Ok(Surplus {
                    deployed: Some(deployed),
                    ..Surplus::default()
                }),
                false => Surplus::read(cloud, deployed, now).await,
            }
        };
        found.await.unwrap_or_else(|error| Surplus {
            unknown: Some(error.to_string()),
            ..Surplus::default()
        })
    }

    /// What these stacks hold.
    ///
    /// # Errors
    /// When their resources can't be listed.
    pub async fn read(cloud: &Cloud, deployed: Deployed, now: Timestamp) -> Result<Surplus, CloudError> {
        let data = Data::read(cloud, &holdings(cloud, &deployed.stacks).await?, now).await;
        let stacks = deployed.stacks.iter().map(|found| SurplusStack {
            part: found.part.clone(),
            stack: found.stack.name.clone(),
            status: found.stack.status.clone(),
            data: data.of_stack(&found.stack.name),
        });
        Ok(Surplus {
            stacks: stacks.collect(),
            unknown: None,
            deployed: Some(deployed),
        })
    }
}
