//! What runs at the moment: the state behind live lines and heartbeats. It knows neither clock nor terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use super::emptying::Emptying;
use super::style::{FAINT, STRONG, paint, whole_seconds};
use crate::engine::event::{Event, Operation};

/// What runs, in the order in which it began.
#[derive(Debug, Default)]
pub(super) struct Board {
    operations: Vec<Running>,
    emptying: Vec<Emptying>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct LiveLine<'a> {
    /// What it is about: the name of a stack, or a bucket.
    pub about: &'a str,
    pub text: String,
    /// How much is done, of how much, where that is known: it gets a bar of [`BAR`] columns.
    pub done: Option<(u64, u64)>,
}

/// How wide a bar is, in columns.
pub(super) const BAR: usize = 24;

#[derive(Debug)]
struct Running {
    stack: String,
    operation: Operation,
    /// On the clock of whoever asks.
    began: Duration,
    last: Option<Duration>,
    /// It failed, and goes back to what was.
    goes_back: bool,
    /// Resources that something is being done to, by logical id.
    busy: Vec<String>,
    /// The last status of each resource, by logical id.
    statuses: BTreeMap<String, String>,
}

impl Board {
    /// Takes note of an event that happens at `now`.
    pub fn note(&mut self, event: &Event, now: Duration) {
        match event {
            Event::OperationStarted {
                stack,
                operation,
                last_seconds,
                ..
            } => {
                self.operations.retain(|running| running.stack != *stack);
                self.operations.push(Running {
                    stack: stack.clone(),
                    operation: *operation,
                    began: now,
                    last: last_seconds.and_then(|last| Duration::try_from_secs_f64(last).ok()),
                    goes_back: false,
                    busy: Vec::new(),
                    statuses: BTreeMap::new(),
                });
            }
            Event::Resource { stack, resource, .. } => {
                let Some(running) = self.operations.iter_mut().find(|running| running.stack == *stack) else {
                    return;
                };
                if resource.is_stack {
                    running.goes_back |= resource.begins_rollback();
                    return;
                }
                let name = &resource.logical_id;
                running.statuses.insert(name.clone(), resource.status.clone());
                running.busy.retain(|busy| busy != name);
                if resource.status.ends_with("_IN_PROGRESS") {
                    running.busy.push(name.clone());
                }
            }
            Event::OperationEnded { stack, .. } => self.operations.retain(|running| running.stack != *stack),
            Event::Emptying {
                bucket,
                deleted_objects,
                total_objects,
            } => {
                let place = self.emptying.iter().position(|one| one.bucket == *bucket);
                let place = place.unwrap_or_else(|| {
                    self.emptying.push(Emptying::new(bucket, now));
                    self.emptying.len() - 1
                });
                self.emptying[place].note(*deleted_objects, *total_objects, now);
            }
            Event::Emptied { bucket, .. } => self.emptying.retain(|one| one.bucket != *bucket),
            _ => {}
        }
    }

    /// Whether an event says of a resource what was said before: CloudFormation tells a beginning twice. Or of a bucket
    /// what was said a moment ago.
    pub fn repeats(&self, event: &Event, now: Duration) -> bool {
        if let Event::Emptying { bucket, .. } = event {
            let known = self.emptying.iter().find(|one| one.bucket == *bucket);
            return known.is_some_and(|known| known.was_just_said(now));
        }
        let Event::Resource { stack, resource, .. } = event else {
            return false;
        };
        let running = self.operations.iter().find(|running| running.stack == *stack);
        let known = running.and_then(|running| running.statuses.get(&resource.logical_id));
        known == Some(&resource.status) && resource.news().is_none()
    }

    /// A line for each stack that something is done to, and for each bucket that is being emptied, no wider than `width`
    /// columns, the bar included.
    pub fn lines(&self, now: Duration, width: usize) -> Vec<LiveLine<'_>> {
        let operations = self.operations.iter().map(|running| LiveLine {
            about: &running.stack,
            text: running.line(now, width),
            done: None,
        });
        let emptying = self.emptying.iter().map(|one| {
            let done = one.position();
            let width = if done.is_some() {
                width.saturating_sub(BAR)
            } else {
                width
            };
            LiveLine {
                about: &one.name,
                text: one.line(now, width),
                done,
            }
        });
        operations.chain(emptying).collect()
    }

    /// A line for each stack that something is still done to, and for each bucket that isn't empty yet.
    pub fn heartbeat(&self, now: Duration) -> Vec<String> {
        let line = |running: &Running| {
            let doing = running.doing();
            let elapsed = whole_seconds(running.elapsed(now));
            let busy = if running.busy.is_empty() {
                String::new()
            } else {
                format!(": {}", running.busy.join(", "))
            };
            format!("still {doing} {} ({elapsed}){busy}", running.stack)
        };
        let operations = self.operations.iter().map(line);
        operations
            .chain(self.emptying.iter().map(|one| one.heartbeat(now)))
            .collect()
    }
}

impl Running {
    fn doing(&self) -> &'static str {
        match self.operation {
            Operation::Create | Operation::Update if self.goes_back => Operation::Rollback.doing(),
            operation => operation.doing(),
        }
    }

    fn elapsed(&self, now: Duration) -> u64 {
        now.saturating_sub(self.began).as_secs()
    }

    /// What matters most comes first, and what doesn't fit is left out: what is done, how long it takes, how long it
    /// took last time, and as many of the resources as there is room for. Names are ASCII: a character is a column.
    fn line(&self, now: Duration, width: usize) -> String {
        let (doing, stack) = (self.doing(), self.stack.as_str());
        let elapsed = whole_seconds(self.elapsed(now));
        let around = doing.len() + elapsed.len() + 2;
        if around + stack.len() > width {
            let name: String = stack.chars().take(width.saturating_sub(around + 1)).collect();
            return format!("{doing} {name}… {elapsed}");
        }
        let mut left = width - around - stack.len();
        let mut line = format!("{doing} {} {elapsed}", paint(STRONG, stack));
        // The way back has no last time.
        let last = self.last.filter(|_| !self.goes_back).map(|last| {
            let last = whole_seconds(last.as_secs_f64().round() as u64);
            format!(" (last time {last})")
        });
        if let Some(last) = last.filter(|last| last.len() <= left) {
            left -= last.len();
            line += &paint(FAINT, last);
        }
        let named = (0..=self.busy.len()).rev().map(|named| self.busy_text(named));
        line += &named.into_iter().find(|text| text.len() <= left).unwrap_or_default();
        line
    }

    /// The first so many resources by name, and the number of the rest.
    fn busy_text(&self, named: usize) -> String {
        let mut text = self.busy[..named].join(", ");
        if named < self.busy.len() {
            let space = if named == 0 { "" } else { " " };
            text += &format!("{space}+{}", self.busy.len() - named);
        }
        if text.is_empty() { text } else { format!("  {text}") }
    }
}
