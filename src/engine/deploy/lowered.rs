//! A group that a destroy left without instances before it was stopped: a deploy gives them back.

use crate::cloud::autoscaling::bounds::Bounds;
use crate::engine::operation::Context;
use crate::engine::outcome::Failed;
use crate::engine::plan::LoweredGroup;

/// Before anything else: an update may roll instances, and there are none to roll. What somebody has set since the plan was
/// shown stays.
pub(in crate::engine) async fn put_back(
    context: Context<'_>,
    stack: &str,
    lowered: &LoweredGroup,
) -> Result<(), Failed> {
    context.may_begin(stack)?;
    let LoweredGroup {
        group,
        min,
        max,
        by_schedule,
        ..
    } = lowered;
    let bounds = Bounds { min: *min, max: *max };
    let Context { cloud, tell, .. } = context;
    let Some(now) = cloud.group(group).await? else {
        return Ok(());
    };
    if lowered.put_back && now.bounds() == Bounds::NONE {
        cloud.put_bounds(group, bounds).await?;
        let now = match by_schedule {
            true => "instances, as its schedule says now",
            false => "instances again",
        };
        tell.warn(format!(
            "{stack}: {group} has {min} to {max} {now}: a destroy that was stopped had taken them away"
        ));
    }
    if now.schedule_stopped.is_some() {
        cloud.follow_schedule(group).await?;
    }
    Ok(cloud.unmark_bounds(group).await?)
}
