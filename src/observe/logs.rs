//! What the workers of an environment log: to their stages' log groups, and those of a local fleet to files. One line
//! after the other in the order of time, whichever stage they are of.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::Cloud;
use crate::cloud::logs::{LogEvent, LogQuery};
use crate::deployed::stage::Stage;
use crate::error::Result;
use crate::local::fleet::logs::{Line, worker_logs};

/// How far each look goes back behind the one before: a log agent sends every few seconds, and CloudWatch takes its time,
/// so events come in later than they happened.
const LOOK_BACK: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LogLine {
    /// When it was logged. A line of a local worker that doesn't begin with its time has that at which it was written, to a
    /// tenth of a second.
    pub at: Timestamp,
    pub stage: String,
    /// The instance that logged it; none when something else did.
    pub instance: Option<String>,
    /// Of an instance `worker`, or `cloud-init` for its boot; of anything else the name of the log stream.
    pub log: String,
    pub message: String,
}

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those of this instance.
    pub instance: Option<String>,
    /// Only those that have this text in them.
    pub text: Option<String>,
}

/// Reads what the workers of some stages log.
#[derive(Debug)]
pub struct Logs<'a> {
    cloud: &'a Cloud,
    environment: &'a str,
    stages: &'a [Stage],
    wanted: Wanted,
    /// The beginning of the names of the streams that are wanted.
    streams: Option<String>,
    /// Whether it is read again.
    follows: bool,
    /// When the newest look was begun.
    looked: Timestamp,
    /// Events that may be met again, by stage and id.
    seen: HashMap<(usize, String), Timestamp>,
    /// How far the files of a local fleet were read.
    ends: BTreeMap<String, u64>,
    /// Stages whose log group isn't there.
    pub without_group: BTreeSet<String>,
}

/// What one stage logged, a page at a time.
struct Pages {
    lines: VecDeque<LogLine>,
    /// Where its next page begins; none when there is none.
    next: Option<From>,
}

enum From {
    Beginning,
    Token(String),
}

/// A look at all logs.
pub struct Look {
    since: Timestamp,
    /// One for each stage, and one for the files of a local fleet.
    sources: Vec<Pages>,
}

impl<'a> Logs<'a> {
    pub fn new(cloud: &'a Cloud, environment: &'a str, stages: &'a [Stage], wanted: Wanted, follows: bool) -> Logs<'a> {
        let without_group = stages.iter().filter(|stage| stage.log_group.is_none());
        Logs {
            cloud,
            environment,
            stages,
            streams: wanted.instance.as_ref().map(|id| format!("{id}/")),
            wanted,
            follows,
            looked: Timestamp::MIN,
            seen: HashMap::new(),
            ends: BTreeMap::new(),
            without_group: without_group.map(|stage| stage.name.clone()).collect(),
        }
    }

    /// How long to wait between two looks. All of them make at most two calls a second, of the five that the account has
    /// in a region.
    pub fn pause(&self) -> Duration {
        match self.cloud.local {
            true => Duration::from_secs(1),
            false => Duration::from_millis(500 * self.stages.len() as u64).max(Duration::from_secs(5)),
        }
    }

    /// Begins to read what was logged from `since` on. `now` is the wall clock.
    ///
    /// # Errors
    /// When the files of a local fleet can't be read.
    pub fn look(&mut self, since: Timestamp, now: Timestamp) -> Result<Look> {
        self.looked = now;
        let of_stages = self.stages.iter().map(|stage| Pages {
            lines: VecDeque::new(),
            next: stage.log_group.as_ref().map(|_| From::Beginning),
        });
        let mut sources: Vec<Pages> = of_stages.collect();
        sources.push(Pages {
            lines: self.of_files(since, now)?.into(),
            next: None,
        });
        Ok(Look { since, sources })
    }

    /// Begins to read what came since the last look.
    ///
    /// # Errors
    /// As of [`Logs::look`].
    pub fn look_again(&mut self, now: Timestamp) -> Result<Look> {
        let since = self.looked.saturating_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
        self.seen.retain(|_, at| *at >= since);
        self.look(since, now)
    }

    /// The next lines of a look, in the order of time; none when it is over.
    ///
    /// # Errors
    /// When CloudWatch Logs can't be asked.
    pub async fn more(&mut self, look: &mut Look) -> Result<Option<Vec<LogLine>>> {
        for (number, stage) in self.stages.iter().enumerate() {
            while look.sources[number].lines.is_empty()
                && let Some(from) = look.sources[number].next.take()
            {
                look.sources[number] = self.page(number, stage, look.since, from).await?;
            }
        }
        let mut lines = Vec::new();
        // What is to come of a stage may be older than what the others have.
        while !look.sources.iter().any(Pages::wants_more)
            && let Some(line) = look.take()
        {
            lines.push(line);
        }
        Ok((!lines.is_empty()).then_some(lines))
    }

    async fn page(&mut self, number: usize, stage: &Stage, since: Timestamp, from: From) -> Result<Pages> {
        let query = LogQuery {
            group: stage.log_group.as_deref().unwrap_or_default(),
            since,
            streams: self.streams.as_deref(),
            text: self.wanted.text.as_deref(),
        };
        let token = match &from {
            From::Beginning => None,
            From::Token(token) => Some(token.as_str()),
        };
        let Some(page) = self.cloud.log_events(&query, token).await? else {
            self.without_group.insert(stage.name.clone());
            return Ok(Pages {
                lines: VecDeque::new(),
                next: None,
            });
        };
        self.without_group.remove(&stage.name);
        let mut events = page.events;
        if self.follows {
            // Nothing older is asked for again.
            let again = self.looked.saturating_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
            events.retain(|event| {
                let known = (number, event.id.clone());
                let is_new = !self.seen.contains_key(&known);
                if event.at >= again {
                    self.seen.insert(known, event.at);
                }
                is_new
            });
        }
        let mut lines: Vec<LogLine> = events.into_iter().map(|event| line(stage, event)).collect();
        lines.sort_by_key(|line| line.at);
        Ok(Pages {
            lines: lines.into(),
            next: page.next.map(From::Token),
        })
    }

    /// What is new in the files of a local fleet.
    fn of_files(&mut self, since: Timestamp, now: Timestamp) -> Result<Vec<LogLine>> {
        if !self.cloud.local {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for log in worker_logs(self.environment, &self.cloud.account, &self.cloud.region)? {
            let stage = self.stages.iter().find(|stage| stage.name == log.stage);
            let Some(stage) = stage.filter(|_| self.wanted.instance.as_ref().is_none_or(|id| *id == log.instance))
            else {
                continue;
            };
            let before = self.ends.get(&log.instance).copied();
            let words = log.read(before.unwrap_or_default(), !self.follows)?;
            self.ends.insert(log.instance.clone(), words.end);
            // What comes while somebody looks has no better time than now.
            let last = if before.is_some() { Some(now) } else { words.written };
            let dated = dated(words.lines, last.unwrap_or(now));
            let wanted = dated.into_iter().filter(|(at, text)| {
                (before.is_some() || *at >= since)
                    && self.wanted.text.as_ref().is_none_or(|wanted| text.contains(wanted))
            });
            all.extend(wanted.map(|(at, message)| LogLine {
                at,
                stage: stage.name.clone(),
                instance: Some(log.instance.clone()),
                log: "worker".to_owned(),
                message,
            }));
        }
        all.sort_by_key(|line| line.at);
        Ok(all)
    }
}

impl Pages {
    fn wants_more(&self) -> bool {
        self.lines.is_empty() && self.next.is_some()
    }
}

impl Look {
    /// The oldest line that is known.
    fn take(&mut self) -> Option<LogLine> {
        let some = self.sources.iter_mut().filter(|source| !source.lines.is_empty());
        some.min_by_key(|source| source.lines[0].at)?.lines.pop_front()
    }
}

/// A stream of an instance is `<instance>/<log>`, as `templates/worker/bootstrap.sh` has it.
fn line(stage: &Stage, event: LogEvent) -> LogLine {
    let (instance, log) = match event.stream.split_once('/') {
        Some((instance, log)) if instance.starts_with("i-") => (Some(instance.to_owned()), log.to_owned()),
        _ => (None, event.stream),
    };
    LogLine {
        at: event.at,
        stage: stage.name.clone(),
        instance,
        log,
        message: event.message.trim_end_matches(['\r', '\n']).to_owned(),
    }
}

/// Lines with their times: the one that a line begins with (as RFC 3339 has it), or else when it was written. What was
/// written at once has the time of the line before it, so that a stack trace stays with its message. Where nobody noted when
/// a line was written, it has the time of the line before; with none before it, that of the first that begins with one, or
/// else `last`.
fn dated(lines: Vec<Line>, last: Timestamp) -> Vec<(Timestamp, String)> {
    let own = |line: &Line| line.text.split_whitespace().next()?.parse::<Timestamp>().ok();
    let mut at = lines.iter().find_map(own).unwrap_or(last);
    let mut before = None;
    let mut dated: Vec<(Timestamp, bool, String)> = Vec::with_capacity(lines.len());
    for line in lines {
        let own = own(&line);
        at = match (own, line.written) {
            (Some(own), _) => own,
            (None, Some(written)) if before != Some(written) => written,
            (None, _) => at,
        };
        before = line.written;
        dated.push((at, own.is_none() && line.written.is_some(), line.text));
    }
    // It was seen a moment after it was written, when more had come.
    for place in (1..dated.len()).rev() {
        let after = dated[place].0;
        let (at, was_seen, _) = &mut dated[place - 1];
        if *was_seen {
            *at = after.min(*at);
        }
    }
    dated.into_iter().map(|(at, _, text)| (at, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_time_has_that_of_the_line_before() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let lines = |texts: &[&str]| {
            let lines = texts.iter().map(|text| Line {
                text: (*text).to_owned(),
                written: None,
            });
            lines.collect()
        };
        let told = dated(
            lines(&[
                "Traceback",
                "1970-01-01T00:00:05Z INFO up",
                "  at a",
                "1970-01-01T01:00:07+01:00 x",
                "",
            ]),
            at(99),
        );
        let times: Vec<Timestamp> = told.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [at(5), at(5), at(5), at(7), at(7)]);
        let told = dated(lines(&["up", "12:30 is no instant"]), at(99));
        assert!(told.iter().all(|(time, _)| *time == at(99)), "{told:?}");
    }

    #[test]
    fn a_line_without_a_time_has_that_at_which_it_was_written() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let times = |lines: &[(&str, i64)]| -> Vec<i64> {
            let lines = lines.iter().map(|(text, written)| Line {
                text: (*text).to_owned(),
                written: Some(at(*written)),
            });
            let dated = dated(lines.collect(), at(99));
            dated.iter().map(|(at, _)| at.as_second()).collect()
        };
        assert_eq!(times(&[("up", 10), ("one", 20), ("two", 30)]), [10, 20, 30]);
        let own = "1970-01-01T00:00:15Z ERROR";
        assert_eq!(
            times(&[("up", 10), (own, 16), ("  at a", 16), ("bye", 30)]),
            [10, 15, 15, 30]
        );
        // They came before the line with its own time, though they were seen after it.
        assert_eq!(times(&[("up", 16), ("one", 16), (own, 16)]), [15, 15, 15]);
    }

    #[test]
    fn a_stream_says_whose_it_is() {
        let of = |stream: &str| {
            let event = LogEvent {
                id: "1".into(),
                stream: stream.into(),
                at: Timestamp::UNIX_EPOCH,
                message: "done\n".into(),
            };
            let line = line(&Stage::default(), event);
            assert_eq!(line.message, "done");
            (line.instance, line.log)
        };
        assert_eq!(of("i-01/cloud-init"), (Some("i-01".into()), "cloud-init".into()));
        let of_function = "2026/01/02/[$LATEST]0123";
        assert_eq!(of(of_function), (None, of_function.into()));
    }
}
