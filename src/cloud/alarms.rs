//! CloudWatch alarms: which of them are not OK.

use serde::Serialize;

use super::{Cloud, CloudError, explain};

/// An alarm and its state.
#[derive(Debug, Clone, Serialize)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Why.
    pub reason: String,
}

impl Cloud {
    /// The alarms of these names.
    pub async fn alarms(&self, names: Vec<String>) -> Result<Vec<Alarm>, CloudError> {
        let mut all = Vec::new();
        // The service takes at most 100 names a call.
        for names in names.chunks(100) {
            let answer = self
                .cloudwatch
                .describe_alarms()
                .set_alarm_names(Some(names.to_vec()))
                .send()
                .await
                .map_err(|error| explain("DescribeAlarms", error))?;
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            all.extend(answer.metric_alarms().iter().map(|alarm| Alarm {
                name: text(alarm.alarm_name()),
                state: alarm.state_value().map_or("", |state| state.as_str()).to_owned(),
                reason: text(alarm.state_reason()),
            }));
        }
        Ok(all)
    }
}
