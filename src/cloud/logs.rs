//! CloudWatch Logs: log groups, and what was logged to them.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Cloud, CloudError, explain, unless};

/// What is asked of a log group.
#[derive(Debug, Clone)]
pub struct LogQuery<'a> {
    pub group: &'a str,
    /// Nothing older.
    pub since: Timestamp,
    /// Only streams whose names begin so.
    pub streams: Option<&'a str>,
    /// Only events that have this text in them.
    pub text: Option<&'a str>,
}

/// Something that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    pub id: String,
    /// The log stream's name.
    pub stream: String,
    pub at: Timestamp,
    pub message: String,
}

/// A page of events. It may be empty and still not be the last.
#[derive(Debug)]
pub struct LogPage {
    pub events: Vec<LogEvent>,
    /// Where the next one begins.
    pub next: Option<String>,
}

impl Cloud {
    /// Names of the log groups whose name begins so.
    pub async fn log_groups(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        let asked = self.logs.describe_log_groups().log_group_name_prefix(prefix);
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| explain("DescribeLogGroups", error))?;
            all.extend(group.log_group_name);
        }
        Ok(all)
    }

    /// A page of what was logged to a group; none when there is no such group. The service takes 5 such calls a second
    /// from an account in a region (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>):
    /// it is asked no faster, and again as long as others use that up.
    ///
    /// "A returned page might only be partially full, or even empty … If the results include a nextToken, there might be
    /// more log events" (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>).
    pub async fn log_events(&self, query: &LogQuery<'_>, from: Option<&str>) -> Result<Option<LogPage>, CloudError> {
        let read = async || {
            let asked = self
                .logs
                .filter_log_events()
                .log_group_name(query.group)
                .start_time(query.since.as_millisecond())
                .set_log_stream_name_prefix(query.streams.map(str::to_owned))
                .set_filter_pattern(query.text.map(literal))
                .set_next_token(from.map(str::to_owned));
            asked.send().await.map_err(|error| explain("FilterLogEvents", error))
        };
        let Some(page) = unless(&["ResourceNotFoundException"], self.limiter.patiently(read).await)? else {
            return Ok(None);
        };
        // The local emulator ignores the prefix.
        let is_wanted = |stream: &str| query.streams.is_none_or(|prefix| stream.starts_with(prefix));
        let mut same: HashMap<String, usize> = HashMap::new();
        let events = page.events.unwrap_or_default().into_iter().filter_map(|event| {
            let stream = event.log_stream_name.filter(|stream| is_wanted(stream))?;
            let (at, message) = (event.timestamp?, event.message?);
            // The local emulator gives events no ids.
            let id = event.event_id.unwrap_or_else(|| {
                let what = format!("{stream} {at} {message}");
                let times = same.entry(what.clone()).or_default();
                *times += 1;
                format!("{what} {times}")
            });
            Some(LogEvent {
                id,
                stream,
                at: Timestamp::from_millisecond(at).ok()?,
                message,
            })
        });
        Ok(Some(LogPage {
            events: events.collect(),
            next: page.next_token,
        }))
    }
}

/// A filter pattern that finds this text as it is. Without quotes, spaces part terms, and `-`, `?`, `[`, `{` and `%` have
/// meanings (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>); inside of them, a
/// quote and a backslash have a backslash in front (aws/aws-cdk packages/aws-cdk-lib/aws-logs/lib/pattern.ts, quoteTerm).
fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_literal_term() {
        assert_eq!(literal("-ERROR [1] {a}"), r#""-ERROR [1] {a}""#);
        assert_eq!(literal(r#"say "a\b""#), r#""say \"a\\b\"""#);
    }
}
