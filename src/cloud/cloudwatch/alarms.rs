//! CloudWatch alarms: which of them are not OK.

use jiff::Timestamp;
use serde::Serialize;

use crate::cloud::{Cloud, CloudError, explain, instant};

/// How many names one call takes, and how many alarms one answer holds
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>).
pub(in crate::cloud) const ALARMS_A_CALL: usize = 100;

/// An alarm and its state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Alarm {
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    pub reason: String,
    pub since: Option<Timestamp>,
}

impl Cloud {
    /// The metric alarms of these names; those that aren't there are left out.
    pub async fn alarms(&self, names: Vec<String>) -> Result<Vec<Alarm>, CloudError> {
        let mut all = Vec::new();
        for names in names.chunks(ALARMS_A_CALL) {
            let asked = self.cloudwatch.describe_alarms();
            let mut pages = asked
                .set_alarm_names(Some(names.to_vec()))
                .max_records(ALARMS_A_CALL as i32)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| explain("DescribeAlarms", error))?;
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                all.extend(page.metric_alarms().iter().map(|alarm| Alarm {
                    name: text(alarm.alarm_name()),
                    state: alarm.state_value().map_or("", |state| state.as_str()).to_owned(),
                    reason: text(alarm.state_reason()),
                    since: instant(alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp())),
                }));
            }
        }
        Ok(all)
    }

    /// Names of the metric alarms whose name begins so.
    pub async fn alarms_named(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        let asked = self.cloudwatch.describe_alarms().alarm_name_prefix(prefix);
        let mut pages = asked.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| explain("DescribeAlarms", error))?;
            let alarms = page.metric_alarms.into_iter().flatten();
            all.extend(alarms.filter_map(|alarm| alarm.alarm_name));
        }
        Ok(all)
    }
}
