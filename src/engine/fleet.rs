//! Waits for a fleet itself, where CloudFormation was told not to.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::operation::Context;
use super::plan::Outputs;
use crate::cloud::CloudError;

const PAUSE: Duration = Duration::from_secs(5);

/// Waits until every group among these outputs has its minimum of instances in service, or until `longest` has passed
/// or the command is interrupted. Returns the groups that aren't ready.
///
/// # Errors
/// When the groups can't be read.
pub async fn wait(context: Context<'_>, outputs: &Outputs, longest: Duration) -> Result<Vec<String>, CloudError> {
    let until = Instant::now() + longest;
    let names: Vec<&String> = outputs
        .values()
        .filter_map(|of_part| of_part.get("GroupName"))
        .collect();
    loop {
        let groups = try_join_all(names.iter().map(|name| context.cloud.group(name))).await?;
        let ready = groups.iter().map(|group| {
            group
                .as_ref()
                .is_some_and(|group| group.in_service() >= usize::try_from(group.min).unwrap_or_default())
        });
        let missing: Vec<String> = names
            .iter()
            .zip(ready)
            .filter(|(_, ready)| !ready)
            .map(|(name, _)| (*name).clone())
            .collect();
        if missing.is_empty() || Instant::now() >= until || context.interrupt.asked() {
            return Ok(missing);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = context.interrupt.wait() => {}
        }
    }
}
