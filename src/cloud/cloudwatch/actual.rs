//! What CloudWatch says of an alarm, in the words of `AWS::CloudWatch::Alarm`
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>).

use aws_sdk_cloudwatch::types::MetricAlarm;
use serde_json::Value;

use crate::cloud::actual::{defined, metric_query};
use crate::cloud::{Cloud, CloudError};

impl Cloud {
    /// The alarm of this name; `None` when there is none.
    pub async fn actual_alarm(&self, name: &str) -> Result<Option<Value>, CloudError> {
        let named = self.metric_alarms(&[name.to_owned()]).await?;
        Ok(named.first().map(alarm))
    }
}

fn alarm(alarm: &MetricAlarm) -> Value {
    let text = |text: Option<&str>| text.map(Value::from);
    let list = |values: Vec<Value>| (!values.is_empty()).then_some(Value::Array(values));
    let dimensions = alarm.dimensions().iter();
    let dimensions = dimensions.map(|one| defined([("Name", text(one.name())), ("Value", text(one.value()))]));
    let actions = alarm.alarm_actions().iter().map(|arn| Value::from(arn.as_str()));
    let metrics = alarm.metrics().iter().map(|query| metric_query!(query));
    defined([
        ("ActionsEnabled", Some(alarm.actions_enabled().unwrap_or(true).into())),
        ("AlarmActions", Some(actions.collect())),
        (
            "ComparisonOperator",
            text(alarm.comparison_operator().map(|known| known.as_str())),
        ),
        ("DatapointsToAlarm", alarm.datapoints_to_alarm().map(Value::from)),
        ("Dimensions", list(dimensions.collect())),
        ("EvaluationPeriods", alarm.evaluation_periods().map(Value::from)),
        ("MetricName", text(alarm.metric_name())),
        ("Metrics", list(metrics.collect())),
        ("Namespace", text(alarm.namespace())),
        ("Period", alarm.period().map(Value::from)),
        ("Statistic", text(alarm.statistic().map(|known| known.as_str()))),
        ("Threshold", alarm.threshold().map(Value::from)),
        ("TreatMissingData", text(alarm.treat_missing_data())),
    ])
}
