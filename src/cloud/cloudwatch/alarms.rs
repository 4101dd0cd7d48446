//! CloudWatch alarms: how they are.

use aws_sdk_cloudwatch::operation::describe_alarms::builders::DescribeAlarmsFluentBuilder;
use aws_sdk_cloudwatch::types::MetricAlarm;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain, instant};

/// How many names one call takes, and how many alarms one answer holds
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>).
const ALARMS_A_CALL: usize = 100;

/// An alarm and its state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alarm {
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    pub reason: String,
    pub since: Option<Timestamp>,
}

/// An alarm, and what tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedAlarm {
    pub name: String,
    /// Names of the queues that it looks at.
    pub queues: Vec<String>,
}

impl Cloud {
    /// The metric alarms of these names; those that aren't there are left out.
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, CloudError> {
        Ok(self.metric_alarms(names).await?.iter().map(read).collect())
    }

    /// The metric alarms whose name begins so.
    pub async fn alarms_named(&self, prefix: &str) -> Result<Vec<NamedAlarm>, CloudError> {
        let all = self.described_alarms(|asked| asked.alarm_name_prefix(prefix)).await?;
        let named = all.into_iter().map(|alarm| NamedAlarm {
            queues: queues(&alarm),
            name: alarm.alarm_name.unwrap_or_default(),
        });
        Ok(named.collect())
    }

    /// The metric alarms of these names, with all that CloudWatch says of them; those that aren't there are left out.
    pub(in crate::cloud) async fn metric_alarms(&self, names: &[String]) -> Result<Vec<MetricAlarm>, CloudError> {
        let mut all = Vec::new();
        // Without a name, it would be every alarm of the account.
        for names in names.chunks(ALARMS_A_CALL) {
            let names = Some(names.to_vec());
            all.extend(self.described_alarms(|asked| asked.set_alarm_names(names)).await?);
        }
        Ok(all)
    }

    async fn described_alarms(
        &self,
        ask: impl FnOnce(DescribeAlarmsFluentBuilder) -> DescribeAlarmsFluentBuilder,
    ) -> Result<Vec<MetricAlarm>, CloudError> {
        let asked = ask(self.cloudwatch.describe_alarms().max_records(ALARMS_A_CALL as i32));
        let mut pages = asked.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("DescribeAlarms", error))?;
            all.extend(page.metric_alarms.into_iter().flatten());
        }
        Ok(all)
    }
}

fn read(alarm: &MetricAlarm) -> Alarm {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Alarm {
        name: text(alarm.alarm_name()),
        state: alarm.state_value().map_or("", |state| state.as_str()).to_owned(),
        reason: text(alarm.state_reason()),
        since: instant(alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp())),
    }
}

/// Names of the queues whose metrics an alarm looks at, by itself or in an expression.
fn queues(alarm: &MetricAlarm) -> Vec<String> {
    let in_expressions = alarm.metrics().iter().filter_map(|query| query.metric_stat()?.metric());
    let dimensions = in_expressions.flat_map(|metric| metric.dimensions());
    let dimensions = alarm.dimensions().iter().chain(dimensions);
    let of_queues = dimensions.filter(|dimension| dimension.name() == Some("QueueName"));
    of_queues
        .filter_map(|dimension| dimension.value().map(str::to_owned))
        .collect()
}
