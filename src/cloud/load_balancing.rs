//! Load balancers, and the health of what is behind them.

use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancers::builders::DescribeLoadBalancersFluentBuilder;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cloud, CloudError, explain, unless};

/// What these services say of something that isn't there
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html>,
/// `API_DescribeLoadBalancers`, `API_DescribeListeners`).
const NOT_FOUND: [&str; 6] = [
    "LoadBalancerNotFound",
    "LoadBalancerNotFoundException",
    "TargetGroupNotFound",
    "TargetGroupNotFoundException",
    "ListenerNotFound",
    "ListenerNotFoundException",
];

/// An instance behind a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Target {
    pub instance: String,
    /// `healthy`, `unhealthy`, `initial`, `draining`, …
    pub state: String,
    /// Why it isn't healthy, as `Target.FailedHealthChecks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Target {
    pub fn is_healthy(&self) -> bool {
        self.state == "healthy"
    }
}

impl Cloud {
    /// The targets of a target group; `None` when it isn't there.
    pub async fn targets(&self, target_group: &str) -> Result<Option<Vec<Target>>, CloudError> {
        let asked = self
            .load_balancing
            .describe_target_health()
            .target_group_arn(target_group);
        let answer = unless(
            &NOT_FOUND,
            asked
                .send()
                .await
                .map_err(|error| explain("DescribeTargetHealth", error)),
        )?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        let targets = answer.target_health_descriptions().iter().map(|described| {
            let health = described.target_health();
            Target {
                instance: described
                    .target()
                    .and_then(|target| target.id())
                    .unwrap_or_default()
                    .to_owned(),
                state: health
                    .and_then(|health| health.state())
                    .map_or("unknown", |state| state.as_str())
                    .to_owned(),
                reason: health
                    .and_then(|health| health.reason())
                    .map(|reason| reason.as_str().to_owned()),
                description: health.and_then(|health| health.description()).map(str::to_owned),
            }
        });
        Ok(Some(targets.collect()))
    }

    /// Whether a load balancer of this name is there.
    pub async fn has_load_balancer_named(&self, name: &str) -> Result<bool, CloudError> {
        self.describes_load_balancer(self.load_balancing.describe_load_balancers().names(name))
            .await
    }

    pub(in crate::cloud) async fn has_load_balancer(&self, arn: &str) -> Result<bool, CloudError> {
        self.describes_load_balancer(self.load_balancing.describe_load_balancers().load_balancer_arns(arn))
            .await
    }

    async fn describes_load_balancer(&self, asked: DescribeLoadBalancersFluentBuilder) -> Result<bool, CloudError> {
        let answer = unless(
            &NOT_FOUND,
            asked
                .send()
                .await
                .map_err(|error| explain("DescribeLoadBalancers", error)),
        )?;
        Ok(answer.is_some_and(|answer| !answer.load_balancers().is_empty()))
    }

    pub(in crate::cloud) async fn has_target_group(&self, arn: &str) -> Result<bool, CloudError> {
        let asked = self.load_balancing.describe_target_groups().target_group_arns(arn);
        let answer = unless(
            &NOT_FOUND,
            asked
                .send()
                .await
                .map_err(|error| explain("DescribeTargetGroups", error)),
        )?;
        Ok(answer.is_some_and(|answer| !answer.target_groups().is_empty()))
    }

    pub(in crate::cloud) async fn has_listener(&self, arn: &str) -> Result<bool, CloudError> {
        let asked = self.load_balancing.describe_listeners().listener_arns(arn);
        let answer = unless(
            &NOT_FOUND,
            asked.send().await.map_err(|error| explain("DescribeListeners", error)),
        )?;
        Ok(answer.is_some_and(|answer| !answer.listeners().is_empty()))
    }
}
