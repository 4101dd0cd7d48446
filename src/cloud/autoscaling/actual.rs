//! What Auto Scaling says of groups and policies, in the words of templates.

use aws_sdk_autoscaling::types::ScalingPolicy;
use serde_json::{Map, Value, json};

use crate::cloud::actual::{defined, metric_query};
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::{Cloud, CloudError};

impl Cloud {
    /// A group as `AWS::AutoScaling::AutoScalingGroup` has it, with what no template can say: its suspended processes
    /// (`SuspendedProcesses`) and the version of the launch template that each instance was launched from (`Instances`:
    /// id → version).
    pub async fn actual_group(&self, name: &str) -> Result<Option<Value>, CloudError> {
        Ok(self.group(name).await?.map(|found| group(&found)))
    }

    /// A scaling policy of a group as `AWS::AutoScaling::ScalingPolicy` has it.
    pub async fn actual_scaling_policy(&self, arn: &str) -> Result<Option<Value>, CloudError> {
        Ok(self.policy(arn).await?.as_ref().map(scaling_policy))
    }
}

fn group(group: &Group) -> Value {
    let instances = group.instances.iter().filter_map(|instance| {
        let version = instance.launch_template_version.as_ref()?;
        Some((instance.id.clone(), Value::from(version.as_str())))
    });
    defined([
        ("SuspendedProcesses", Some(json!(group.suspended_processes))),
        ("Instances", Some(Value::Object(instances.collect()))),
        ("MinSize", Some(group.min.into())),
        ("MaxSize", Some(group.max.into())),
        ("DesiredCapacity", Some(group.desired.into())),
        ("DefaultInstanceWarmup", group.warmup_seconds.map(Value::from)),
        (
            "LaunchTemplateVersion",
            group.launch_template_version.as_deref().map(Value::from),
        ),
    ])
}

fn scaling_policy(policy: &ScalingPolicy) -> Value {
    let mut actual = Map::from_iter([("Enabled".to_owned(), Value::from(policy.enabled().unwrap_or(true)))]);
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            actual.insert(name.to_owned(), value);
        }
    };
    put("PolicyType", policy.policy_type().map(Value::from));
    put("AdjustmentType", policy.adjustment_type().map(Value::from));
    let steps = policy.step_adjustments().iter().map(|step| {
        defined([
            (
                "MetricIntervalLowerBound",
                step.metric_interval_lower_bound().map(Value::from),
            ),
            (
                "MetricIntervalUpperBound",
                step.metric_interval_upper_bound().map(Value::from),
            ),
            ("ScalingAdjustment", step.scaling_adjustment().map(Value::from)),
        ])
    });
    let steps: Vec<Value> = steps.collect();
    put("StepAdjustments", (!steps.is_empty()).then_some(Value::Array(steps)));
    if let Some(tracking) = policy.target_tracking_configuration() {
        let metrics = tracking.customized_metric_specification().map(|customized| {
            let metrics: Vec<Value> = customized.metrics().iter().map(|query| metric_query!(query)).collect();
            json!({"Metrics": metrics})
        });
        let scale_in_off = tracking.disable_scale_in().filter(|disabled| *disabled);
        let tracking = defined([
            ("TargetValue", tracking.target_value().map(Value::from)),
            ("DisableScaleIn", scale_in_off.map(Value::from)),
            ("CustomizedMetricSpecification", metrics),
        ]);
        put("TargetTrackingConfiguration", Some(tracking));
    }
    Value::Object(actual)
}
