//! Scaling policies, and the alarms that trigger them, as the controller takes them.

use aws_sdk_autoscaling::types as scaling;
use aws_sdk_cloudwatch::types as watch;

use crate::autoscaling::policy::{
    Alarm, Kind, MetricStat, Policy, Query, QueryValue, Source, StepAdjustment, StepScaling, TargetTracking,
};
use crate::autoscaling::series::Metric;
use crate::cloud::autoscaling::scaling::natural;
use crate::cloud::{Cloud, CloudError, explain};

/// A period that isn't named (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TargetTrackingMetricStat.html>).
const PERIOD: u32 = 60;

/// A scaling policy with its name for other services.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyOfGroup {
    /// The policy's ARN, which alarms have among their actions.
    pub arn: String,
    /// The names of its alarms, as Auto Scaling knows them: those that it made itself for target tracking, too.
    pub alarms: Vec<String>,
    /// The policy; one of step scaling without its alarms.
    pub policy: Policy,
}

/// An alarm with what it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmDefinition {
    /// What it says about itself.
    pub description: String,
    /// ARNs of what it sets going when it is in state ALARM.
    pub actions: Vec<String>,
    pub alarm: Alarm,
}

impl Cloud {
    /// The scaling policies of a group.
    pub async fn scaling_policies(&self, group: &str) -> Result<Vec<PolicyOfGroup>, CloudError> {
        Ok(self.policies(group).await?.iter().map(read).collect())
    }

    /// The scaling policy with this ARN; `None` when there is none, or its group is gone.
    pub(in crate::cloud) async fn policy(&self, arn: &str) -> Result<Option<scaling::ScalingPolicy>, CloudError> {
        // The ARN isn't taken as a name, and the emulator gives a policy that is put again another one:
        // arn:aws:autoscaling:region:account:scalingPolicy:id:autoScalingGroupName/group:policyName/name
        let names = arn
            .split_once("autoScalingGroupName/")
            .and_then(|(_, rest)| rest.split_once(":policyName/"));
        let Some((group, name)) = names else {
            return Ok(None);
        };
        match self.policies(group).await {
            Ok(policies) => Ok(policies.into_iter().find(|policy| policy.policy_name() == Some(name))),
            // A group that is gone has no policies, and says so in these words.
            Err(error) if error.is("ValidationError") && error.message.contains("not found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn policies(&self, group: &str) -> Result<Vec<scaling::ScalingPolicy>, CloudError> {
        let asked = self.autoscaling.describe_policies().auto_scaling_group_name(group);
        let policies: Result<Vec<_>, _> = asked.into_paginator().items().send().collect().await;
        policies.map_err(|error| explain("DescribePolicies", error))
    }

    /// The metric alarms of these names, with what they are for; those that aren't there are left out.
    pub async fn alarm_definitions(&self, names: &[String]) -> Result<Vec<AlarmDefinition>, CloudError> {
        Ok(self.metric_alarms(names).await?.iter().map(definition).collect())
    }
}

/// Metric math. Auto Scaling and CloudWatch have types of their own for it, of the same shape.
macro_rules! queries {
    ($queries:expr) => {
        $queries
            .iter()
            .map(|query| Query {
                id: query.id().unwrap_or_default().to_owned(),
                return_data: query.return_data().unwrap_or(true),
                value: match query.metric_stat() {
                    Some(stat) => {
                        let of = stat.metric();
                        let dimensions = of.into_iter().flat_map(|of| of.dimensions());
                        QueryValue::Stat(MetricStat {
                            metric: metric(
                                of.and_then(|of| of.namespace()),
                                of.and_then(|of| of.metric_name()),
                                dimensions.map(|one| (one.name(), one.value())),
                                stat.stat(),
                            ),
                            period_seconds: period(stat.period()),
                        })
                    }
                    None => QueryValue::Expression(query.expression().unwrap_or_default().to_owned()),
                },
            })
            .collect()
    };
}

fn read(policy: &scaling::ScalingPolicy) -> PolicyOfGroup {
    PolicyOfGroup {
        arn: policy.policy_arn().unwrap_or_default().to_owned(),
        alarms: policy
            .alarms()
            .iter()
            .filter_map(|alarm| alarm.alarm_name())
            .map(str::to_owned)
            .collect(),
        policy: Policy {
            name: policy.policy_name().unwrap_or_default().to_owned(),
            enabled: policy.enabled().unwrap_or(true),
            warmup_seconds: policy.estimated_instance_warmup().map(|seconds| natural(Some(seconds))),
            kind: kind(policy),
        },
    }
}

fn kind(policy: &scaling::ScalingPolicy) -> Kind {
    match policy.policy_type().unwrap_or("SimpleScaling") {
        "TargetTrackingScaling" => match policy.target_tracking_configuration() {
            Some(tracking) => Kind::TargetTracking(TargetTracking {
                target: tracking.target_value().unwrap_or_default(),
                disable_scale_in: tracking.disable_scale_in().unwrap_or_default(),
                metric: tracked(tracking),
            }),
            None => Kind::Other("TargetTrackingScaling without its configuration".to_owned()),
        },
        "StepScaling" => Kind::StepScaling(StepScaling {
            adjustment: policy.adjustment_type().unwrap_or_default().into(),
            min_magnitude: policy
                .min_adjustment_magnitude()
                .map(|magnitude| natural(Some(magnitude))),
            aggregation: policy.metric_aggregation_type().unwrap_or("Average").into(),
            steps: policy
                .step_adjustments()
                .iter()
                .map(|step| StepAdjustment {
                    lower: step.metric_interval_lower_bound(),
                    upper: step.metric_interval_upper_bound(),
                    adjustment: step.scaling_adjustment().unwrap_or_default(),
                })
                .collect(),
            alarms: Vec::new(),
        }),
        other => Kind::Other(other.to_owned()),
    }
}

fn tracked(tracking: &scaling::TargetTrackingConfiguration) -> Source {
    if let Some(predefined) = tracking.predefined_metric_specification() {
        let metric_type = predefined.predefined_metric_type();
        return Source::Predefined(metric_type.map_or("", |known| known.as_str()).to_owned());
    }
    let Some(customized) = tracking.customized_metric_specification() else {
        return Source::Predefined("no metric".to_owned());
    };
    if customized.metrics().is_empty() {
        let dimensions = customized.dimensions().iter().map(|one| (one.name(), one.value()));
        return Source::Stat(MetricStat {
            metric: metric(
                customized.namespace(),
                customized.metric_name(),
                dimensions,
                customized.statistic().map(|stat| stat.as_str()),
            ),
            period_seconds: period(customized.period()),
        });
    }
    Source::Math(queries!(customized.metrics()))
}

fn definition(alarm: &watch::MetricAlarm) -> AlarmDefinition {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    AlarmDefinition {
        description: text(alarm.alarm_description()),
        actions: alarm.alarm_actions().to_vec(),
        alarm: Alarm {
            name: text(alarm.alarm_name()),
            metric: watched(alarm),
            comparison: alarm.comparison_operator().map_or("", |known| known.as_str()).into(),
            threshold: alarm.threshold().unwrap_or_default(),
            evaluation_periods: natural(alarm.evaluation_periods()),
            datapoints_to_alarm: alarm.datapoints_to_alarm().map(|datapoints| natural(Some(datapoints))),
            missing: alarm.treat_missing_data().unwrap_or("missing").into(),
        },
    }
}

fn watched(alarm: &watch::MetricAlarm) -> Source {
    if alarm.metrics().is_empty() {
        let stat = alarm.statistic().map(|stat| stat.as_str());
        return Source::Stat(MetricStat {
            metric: metric(
                alarm.namespace(),
                alarm.metric_name(),
                alarm.dimensions().iter().map(|one| (one.name(), one.value())),
                stat.or(alarm.extended_statistic()),
            ),
            period_seconds: period(alarm.period()),
        });
    }
    Source::Math(queries!(alarm.metrics()))
}

fn metric<'a>(
    namespace: Option<&str>,
    name: Option<&str>,
    dimensions: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
    stat: Option<&str>,
) -> Metric {
    let dimensions: Vec<(&str, &str)> = dimensions.filter_map(|(name, value)| name.zip(value)).collect();
    Metric::new(
        namespace.unwrap_or_default(),
        name.unwrap_or_default(),
        &dimensions,
        stat.unwrap_or("Average"),
    )
}

fn period(seconds: Option<i32>) -> u32 {
    seconds.map_or(PERIOD, |seconds| natural(Some(seconds)))
}
