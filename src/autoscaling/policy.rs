//! Scaling policies and their alarms, as the APIs of Auto Scaling and CloudWatch describe them
//! (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ScalingPolicy.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>).

use serde::{Deserialize, Serialize};

use crate::autoscaling::series::Metric;

/// A scaling policy of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// `PolicyName`.
    pub name: String,
    /// `Enabled`: a disabled policy has no say.
    pub enabled: bool,
    /// `EstimatedInstanceWarmup` in seconds; `None` takes the group's.
    pub warmup_seconds: Option<u32>,
    /// `PolicyType` and what belongs to it.
    pub kind: Kind,
}

/// How a policy scales.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `TargetTrackingScaling`.
    TargetTracking(TargetTracking),
    /// `StepScaling`.
    StepScaling(StepScaling),
    /// A policy type that can't be evaluated here, by Auto Scaling's name for it (`SimpleScaling`,
    /// `PredictiveScaling`, or what isn't known yet).
    Other(String),
}

/// `TargetTrackingConfiguration`
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TargetTrackingConfiguration.html>).
#[derive(Debug, Clone, PartialEq)]
pub struct TargetTracking {
    /// `TargetValue`, in the metric's unit for one instance; above zero.
    pub target: f64,
    /// `DisableScaleIn`: it only ever adds instances.
    pub disable_scale_in: bool,
    pub metric: Source,
}

/// What a policy or an alarm looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Stat(MetricStat),
    /// `Metrics`: metric math, of which exactly one entry returns data.
    Math(Vec<Query>),
    /// A predefined metric by its type (`ASGAverageCPUUtilization`): what AWS itself measures can't be evaluated here.
    Predefined(String),
}

/// A single metric with its period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricStat {
    /// The metric and the statistic.
    pub metric: Metric,
    /// `Period` in seconds. A series has one value a minute, so that only 60 can be evaluated here.
    pub period_seconds: u32,
}

/// One entry of metric math: `MetricDataQuery`
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>) or
/// `TargetTrackingMetricDataQuery`
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TargetTrackingMetricDataQuery.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// `Id`, by which expressions name it.
    pub id: String,
    /// `ReturnData`: this entry is the result. AWS takes it as true where it isn't said.
    pub return_data: bool,
    pub value: QueryValue,
}

/// What an entry of metric math is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryValue {
    /// `Expression`.
    Expression(String),
    /// `MetricStat`.
    Stat(MetricStat),
}

/// A step scaling policy
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html>).
#[derive(Debug, Clone, PartialEq)]
pub struct StepScaling {
    /// `AdjustmentType`.
    pub adjustment: AdjustmentType,
    /// `MinAdjustmentMagnitude`, in instances; only with [`AdjustmentType::PercentChangeInCapacity`].
    pub min_magnitude: Option<u32>,
    /// `MetricAggregationType`: of the data points that its alarm looked at, which value chooses the step.
    pub aggregation: Aggregation,
    /// `StepAdjustments`.
    pub steps: Vec<StepAdjustment>,
    /// The alarms that have this policy among their `AlarmActions`.
    pub alarms: Vec<Alarm>,
}

/// `StepAdjustment` (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StepAdjustment.html>).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepAdjustment {
    /// `MetricIntervalLowerBound`, relative to the alarm's threshold; `None` has no end.
    pub lower: Option<f64>,
    /// `MetricIntervalUpperBound`, relative to the alarm's threshold; `None` has no end.
    pub upper: Option<f64>,
    /// `ScalingAdjustment`: instances, or percent.
    pub adjustment: i32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// `AlarmName`.
    pub name: String,
    pub metric: Source,
    /// `ComparisonOperator`.
    pub comparison: Comparison,
    /// `Threshold`, in the metric's unit.
    pub threshold: f64,
    /// `EvaluationPeriods`: N of "M out of N".
    pub evaluation_periods: u32,
    /// `DatapointsToAlarm`: M of "M out of N"; `None` is N.
    pub datapoints_to_alarm: Option<u32>,
    /// `TreatMissingData`.
    pub missing: MissingData,
}

/// An enum of AWS's by its words, with an arm for a word that isn't known.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word of AWS's that this version of qfleet doesn't know.
            Unknown(String),
        }

        impl $name {
            /// AWS's word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $word,)+
                    $name::Unknown(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => $name::$variant,)+
                    other => $name::Unknown(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                $name::from(word.as_str())
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// How a step's adjustment is meant
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html>).
    AdjustmentType {
        /// So many instances more or fewer.
        ChangeInCapacity = "ChangeInCapacity",
        ExactCapacity = "ExactCapacity",
        /// So many percent more or fewer.
        PercentChangeInCapacity = "PercentChangeInCapacity",
    }
}

words! {
    /// Which value of several data points counts for a step.
    Aggregation {
        /// Their mean, which is the default.
        Average = "Average",
        /// The least of them.
        Minimum = "Minimum",
        /// The greatest of them.
        Maximum = "Maximum",
    }
}

words! {
    /// When a data point breaches an alarm's threshold.
    Comparison {
        /// Above or at it.
        AtLeast = "GreaterThanOrEqualToThreshold",
        Above = "GreaterThanThreshold",
        Below = "LessThanThreshold",
        /// Below or at it.
        AtMost = "LessThanOrEqualToThreshold",
    }
}

words! {
    /// What an alarm makes of missing data points
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>).
    MissingData {
        /// They say nothing; nothing but missing data is INSUFFICIENT_DATA. The default.
        Missing = "missing",
        /// The alarm keeps its state.
        Ignore = "ignore",
        /// They count as breaching.
        Breaching = "breaching",
        /// They count as not breaching.
        NotBreaching = "notBreaching",
    }
}

words! {
    /// The state of an alarm.
    AlarmState {
        Ok = "OK",
        /// Outside of its threshold: its actions are invoked, for Auto Scaling anew each period.
        Alarm = "ALARM",
        InsufficientData = "INSUFFICIENT_DATA",
    }
}
