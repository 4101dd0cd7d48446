//! How far the emptying of a bucket is.

use std::time::Duration;

use super::style::{many, whole_seconds};

/// How often a log is told.
const OFTEN: Duration = Duration::from_secs(10);

/// A bucket that is being emptied. Times are on the clock of whoever asks.
#[derive(Debug)]
pub(super) struct Emptying {
    pub bucket: String,
    /// As in `s3://lab-bucket`.
    pub name: String,
    began: Duration,
    said: Option<Duration>,
    deleted: u64,
    total: Option<u64>,
}

impl Emptying {
    pub fn new(bucket: &str, now: Duration) -> Self {
        Emptying {
            bucket: bucket.to_owned(),
            name: format!("s3://{bucket}"),
            began: now,
            said: None,
            deleted: 0,
            total: None,
        }
    }

    /// So many are gone, of so many.
    pub fn note(&mut self, deleted: u64, total: Option<u64>, now: Duration) {
        if !self.was_just_said(now) {
            self.said = Some(now);
        }
        self.deleted = deleted;
        // Late objects come on top of what was counted.
        self.total = total.map(|total| total.max(deleted));
    }

    /// Whether a log was told of it a moment ago.
    pub fn was_just_said(&self, now: Duration) -> bool {
        self.said.is_some_and(|said| now.saturating_sub(said) < OFTEN)
    }

    /// How many are gone and of how many, where that is known.
    pub fn position(&self) -> Option<(u64, u64)> {
        Some((self.deleted, self.total?))
    }

    /// As in `emptying s3://lab-bucket  12000 of 50000 objects, 3400/s, 11s left`; what doesn't fit into `width` columns
    /// is left out.
    pub fn line(&self, now: Duration, width: usize) -> String {
        let beginning = format!("emptying {}", self.name);
        let mut line = String::new();
        for more in [
            format!("{beginning}  {}", self.amount()),
            self.rate(now),
            self.left(now),
        ] {
            if line.chars().count() + more.chars().count() > width {
                break;
            }
            line += &more;
        }
        if line.is_empty() {
            // How much matters more than the end of a name.
            let amount = format!("…  {}", self.amount());
            let room = width.saturating_sub(amount.chars().count());
            let (room, end) = match room > "emptying s3://".len() {
                true => (room, amount.as_str()),
                false => (width.saturating_sub(1), "…"),
            };
            line = beginning.chars().take(room).collect();
            line.push_str(end);
        }
        line
    }

    /// The same for a log, after a while in which nothing was said.
    pub fn heartbeat(&self, now: Duration) -> String {
        let elapsed = whole_seconds(now.saturating_sub(self.began).as_secs());
        format!("still emptying {} ({elapsed}): {}", self.name, self.amount())
    }

    fn amount(&self) -> String {
        match self.total {
            Some(total) => format!("{} of {}", self.deleted, many(total, "object")),
            None => many(self.deleted, "object"),
        }
    }

    /// Objects a second since the beginning; none before there is any.
    fn a_second(&self, now: Duration) -> Option<f64> {
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        (self.deleted > 0 && seconds > 0.0).then(|| self.deleted as f64 / seconds)
    }

    fn rate(&self, now: Duration) -> String {
        let rate = self.a_second(now);
        rate.map_or(String::new(), |rate| format!(", {rate:.0}/s"))
    }

    fn left(&self, now: Duration) -> String {
        let left = self.position().map_or(0, |(deleted, total)| total - deleted);
        match self.a_second(now) {
            Some(rate) if left > 0 => format!(", {} left", whole_seconds((left as f64 / rate).ceil() as u64)),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rate_and_rest_are_told_where_they_are_known() {
        let mut emptying = Emptying::new("lab", SECOND);
        emptying.note(0, Some(50_000), SECOND);
        assert_eq!(emptying.line(SECOND, 80), "emptying s3://lab  0 of 50000 objects");
        emptying.note(20_000, Some(50_000), SECOND * 5);
        let line = emptying.line(SECOND * 5, 80);
        assert_eq!(line, "emptying s3://lab  20000 of 50000 objects, 5000/s, 6s left");
        assert_eq!(emptying.position(), Some((20_000, 50_000)));
        emptying.note(20_000, None, SECOND * 5);
        let line = emptying.line(SECOND * 5, 80);
        assert_eq!(line, "emptying s3://lab  20000 objects, 5000/s");
        assert_eq!(emptying.position(), None);
    }

    #[test]
    fn late_objects_are_more_than_was_counted() {
        let mut emptying = Emptying::new("lab", SECOND);
        emptying.note(30, Some(20), SECOND * 2);
        let line = emptying.line(SECOND * 2, 80);
        assert_eq!(line, "emptying s3://lab  30 of 30 objects, 30/s");
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        let mut emptying = Emptying::new(&"long".repeat(15), SECOND);
        emptying.note(20_000, Some(50_000), SECOND * 5);
        for width in 10..200 {
            let line = emptying.line(SECOND * 5, width);
            assert!(line.chars().count() <= width, "wider than {width}: {line}");
        }
        assert_eq!(emptying.line(SECOND * 5, 30), "emptying s3://longlonglonglon…");
        let line = emptying.line(SECOND * 5, 54);
        assert_eq!(line, "emptying s3://longlonglonglon…  20000 of 50000 objects");
    }
}
