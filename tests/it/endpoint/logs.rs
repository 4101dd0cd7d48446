//! CloudWatch Logs' FilterLogEvents, over the events that a script holds
//! (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>).

use std::time::Duration;

use serde_json::{Value, json};

use super::calls::Call;
use super::query::Refusal;
use super::script::Script;
use super::services::Plain;
use super::world::World;

/// Something that was logged.
#[derive(Debug, Clone)]
pub struct ScriptedLog {
    pub group: String,
    pub stream: String,
    /// How long before the start; what comes in late happened before it came in.
    pub ago: Duration,
    /// How long after the start a read finds it.
    pub comes: Duration,
    pub message: String,
}

impl Script {
    /// What was logged to a group before the start.
    pub fn logged(self, group: &str, stream: &str, ago: Duration, message: &str) -> Self {
        self.logs_late(group, stream, ago, Duration::ZERO, message)
    }

    /// The same, found by reads only so long after the start.
    pub fn logs_late(mut self, group: &str, stream: &str, ago: Duration, comes: Duration, message: &str) -> Self {
        self.logs.push(ScriptedLog {
            group: group.into(),
            stream: stream.into(),
            ago,
            comes,
            message: message.into(),
        });
        self
    }

    /// So many pages without an event come before each page that has some: "A returned page might only be partially full,
    /// or even empty".
    pub fn empty_log_pages(mut self, pages: usize) -> Self {
        self.empty_log_pages = pages;
        self
    }

    /// No such log group.
    pub fn without_log_group(mut self, group: &str) -> Self {
        self.without_log_groups.insert(group.into());
        self
    }
}

impl World {
    /// "The returned log events are sorted by event timestamp". A token is how many pages came before.
    pub fn filter_log_events(&mut self, call: &Call) -> Plain {
        let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let text = |name: &str| input[name].as_str().unwrap_or_default();
        let group = text("logGroupName");
        if self.script.without_log_groups.contains(group) {
            // localstack/localstack tests/aws/services/logs/test_logs_events.snapshot.json, test_resource_does_not_exist.
            let message = "The specified log group does not exist.";
            return Plain::refusal(call, &Refusal::new(400, "ResourceNotFoundException", message));
        }
        let Some(place) = place_of(text("nextToken")) else {
            // localstack/localstack tests/aws/services/logs/test_logs_filter_events.snapshot.json,
            // test_filter_log_events_unknown_token.
            let message = "The specified nextToken is invalid.";
            return Plain::refusal(call, &Refusal::new(400, "InvalidParameterException", message));
        };
        let phrase = phrase(text("filterPattern"));
        if phrase.is_none() {
            self.complaints
                .push(format!("FilterLogEvents: the pattern {}", text("filterPattern")));
        }
        let since_start = self.clock.since_start(call.at);
        let since = input["startTime"].as_i64().unwrap_or_default();
        let mut events: Vec<(i64, Value)> = Vec::new();
        for (number, logged) in self.script.logs.iter().enumerate() {
            let at = self.clock.wall_before(logged.ago).parse::<jiff::Timestamp>();
            let at = at.expect("a time").as_millisecond();
            let is_wanted = logged.group == group
                && logged.comes <= since_start
                && at >= since
                && logged.stream.starts_with(text("logStreamNamePrefix"))
                && phrase.as_ref().is_none_or(|phrase| logged.message.contains(phrase));
            if is_wanted {
                let event = json!({
                    "eventId": format!("{number:056}"),
                    "logStreamName": logged.stream,
                    "timestamp": at,
                    "ingestionTime": at,
                    "message": logged.message,
                });
                events.push((at, event));
            }
        }
        events.sort_by_key(|(at, _)| *at);
        let (empty, page) = (self.script.empty_log_pages, self.script.page);
        let (full, is_empty) = (place / (empty + 1), place % (empty + 1) < empty);
        let shown = if is_empty { 0 } else { page };
        let begin = (full * page).min(events.len());
        let end = (begin + shown).min(events.len());
        let found: Vec<&Value> = events[begin..end].iter().map(|(_, event)| event).collect();
        let mut answer = json!({"events": found, "searchedLogStreams": []});
        if end < events.len() || is_empty {
            answer["nextToken"] = format!("page-{}", place + 1).into();
        }
        Plain::ok("application/x-amz-json-1.1", answer.to_string())
    }
}

fn place_of(token: &str) -> Option<usize> {
    match token {
        "" => Some(0),
        token => token.strip_prefix("page-")?.parse().ok(),
    }
}

/// The text in a pattern that is one quoted phrase; "" when there is no pattern. Others aren't modelled.
fn phrase(pattern: &str) -> Option<String> {
    if pattern.is_empty() {
        return Some(String::new());
    }
    let inside = pattern.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut all = inside.chars();
    while let Some(c) = all.next() {
        match c {
            '\\' => text.push(all.next()?),
            '"' => return None,
            c => text.push(c),
        }
    }
    Some(text)
}
