//! Two times: tokio's, which tests may pause, and the wall's, which answers carry.

use std::time::Duration;

use tokio::time::Instant;

/// Where tokio's time stands on the wall.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub started: Instant,
    wall: jiff::Timestamp,
}

impl Clock {
    pub fn new() -> Self {
        Clock {
            started: Instant::now(),
            wall: jiff::Timestamp::now(),
        }
    }

    /// How long after the start.
    pub fn since_start(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.started)
    }

    /// So long before the start, as the service writes it.
    pub fn wall_before(&self, ago: Duration) -> String {
        let ago = jiff::SignedDuration::try_from(ago).expect("shorter than time");
        format!("{:.3}", self.wall - ago)
    }

    /// As the service writes it: RFC 3339 in UTC, to the millisecond.
    pub fn wall(&self, at: Instant) -> String {
        let elapsed = jiff::SignedDuration::try_from(self.since_start(at)).expect("a test is shorter than time");
        format!("{:.3}", self.wall + elapsed)
    }
}
