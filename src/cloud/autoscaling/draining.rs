//! An Auto Scaling group that is to end: what keeps its instances, and how it is taken away.

use crate::cloud::{Cloud, CloudError, explain};

/// How many instances one call takes off scale-in protection
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceProtection.html>).
const INSTANCES_A_CALL: usize = 50;

impl Cloud {
    /// Takes scale-in protection off these instances.
    pub async fn unprotect_instances(&self, group: &str, instances: &[String]) -> Result<(), CloudError> {
        for some in instances.chunks(INSTANCES_A_CALL) {
            self.autoscaling
                .set_instance_protection()
                .auto_scaling_group_name(group)
                .set_instance_ids(Some(some.to_vec()))
                .protected_from_scale_in(false)
                .send()
                .await
                .map_err(|error| explain("SetInstanceProtection", error))?;
        }
        Ok(())
    }

    /// Leaves a group without instances: minimum, desired capacity and maximum are 0, so that no policy scales it out
    /// again; an instance that is still on its way isn't protected when it comes.
    pub async fn shrink_group(&self, group: &str) -> Result<(), CloudError> {
        self.autoscaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(group)
            .min_size(0)
            .desired_capacity(0)
            .max_size(0)
            .new_instances_protected_from_scale_in(false)
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("UpdateAutoScalingGroup", error))
    }

    /// Cancels the instance refresh of a group that is under way. Whether there was one
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html>).
    pub async fn cancel_refresh(&self, group: &str) -> Result<bool, CloudError> {
        // Only one can be under way.
        let newest = self.last_refresh(group).await?;
        let status = newest.as_ref().map(|refresh| refresh.status.as_str());
        if !matches!(status, Some("Baking" | "InProgress" | "Pending" | "RollbackInProgress")) {
            return Ok(false);
        }
        let cancelled = self.autoscaling.cancel_instance_refresh();
        match cancelled.auto_scaling_group_name(group).send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_active_instance_refresh_not_found_fault()) =>
            {
                Ok(false)
            }
            Err(error) => Err(explain("CancelInstanceRefresh", error)),
        }
    }

    /// Lets an instance that waits in a lifecycle hook go on. One that doesn't wait there any more is a success
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html>).
    pub async fn complete_hook(
        &self,
        group: &str,
        hook: &str,
        instance: &str,
        result: HookResult,
    ) -> Result<(), CloudError> {
        let completed = self
            .autoscaling
            .complete_lifecycle_action()
            .auto_scaling_group_name(group)
            .lifecycle_hook_name(hook)
            .instance_id(instance)
            .lifecycle_action_result(match result {
                HookResult::Continue => "CONTINUE",
                HookResult::Abandon => "ABANDON",
            })
            .send()
            .await;
        match completed.map_err(|error| explain("CompleteLifecycleAction", error)) {
            Ok(_) => Ok(()),
            // "No active Lifecycle Action found with instance ID i-…"
            Err(error) if error.is("ValidationError") && error.message.contains("No active Lifecycle Action") => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What becomes of an instance that waits in a lifecycle hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookResult {
    /// It goes on: into service, or to its end.
    Continue,
    /// One that is coming up is terminated.
    Abandon,
}
