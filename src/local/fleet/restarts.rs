//! What systemd makes of a worker that ends by itself, with the numbers of `templates/worker/bootstrap.sh`: it is
//! started again, and given up with its instance when it ends too often.

use std::collections::VecDeque;
use std::time::Duration;

use super::pace::Pace;

/// `StartLimitBurst`: so many starts …
const BURST: usize = 5;
/// `StartLimitIntervalSec`: … within this time, and there is no further one. In real time, as the program runs in it.
const INTERVAL: Duration = Duration::from_secs(600);
/// `RestartSec`.
const PAUSE: Duration = Duration::from_secs(5);
/// From giving up to power-off.
const LAST_SECONDS: Duration = Duration::from_secs(15);
/// However fast the fleet's time passes, a worker that ends at once doesn't spin.
const SHORTEST: Duration = Duration::from_secs(1);

/// The starts of one instance's worker.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    starts: VecDeque<Duration>,
}

/// What comes after a worker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Its next start, at this time.
    Start(Duration),
    /// The power-off of its instance, at this time.
    PowerOff(Duration),
}

impl Restarts {
    /// It is started.
    pub fn started(&mut self, at: Duration) {
        self.starts.push_back(at);
        while self.starts.front().is_some_and(|start| at - *start > INTERVAL) {
            self.starts.pop_front();
        }
    }

    /// It has ended.
    pub fn ended(&self, at: Duration, pace: Pace) -> Next {
        let next = at + pace.real(PAUSE).max(SHORTEST);
        let recent = self.starts.iter().filter(|start| next - **start <= INTERVAL).count();
        if recent < BURST {
            Next::Start(next)
        } else {
            Next::PowerOff(next + pace.real(LAST_SECONDS).max(SHORTEST))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn script_says(name: &str) -> Duration {
        let script = include_str!("../../../templates/worker/bootstrap.sh");
        let value = script
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Duration::from_secs(value.and_then(|value| value.parse().ok()).expect("a number of seconds"))
    }

    #[test]
    fn the_numbers_are_those_of_an_instance() {
        assert_eq!(INTERVAL, script_says("StartLimitIntervalSec"));
        assert_eq!(PAUSE, script_says("RestartSec"));
        assert_eq!(BURST as u64, script_says("StartLimitBurst").as_secs());
    }

    #[test]
    fn five_starts_within_ten_minutes_are_the_last() {
        let (mut restarts, pace) = (Restarts::default(), Pace { speed: 1 });
        let mut at = Duration::ZERO;
        for start in 1..=4 {
            restarts.started(at);
            at += SECOND;
            assert_eq!(restarts.ended(at, pace), Next::Start(at + 5 * SECOND), "start {start}");
            at += 5 * SECOND;
        }
        restarts.started(at);
        assert_eq!(restarts.ended(at, pace), Next::PowerOff(at + 20 * SECOND));
    }

    #[test]
    fn starts_long_ago_are_forgotten() {
        let (mut restarts, pace) = (Restarts::default(), Pace { speed: 1 });
        for start in 0..20 {
            let at = start * 200 * SECOND;
            restarts.started(at);
            assert!(
                matches!(restarts.ended(at + SECOND, pace), Next::Start(_)),
                "start {start}"
            );
        }
        assert!(restarts.starts.len() <= 4);
    }

    #[test]
    fn at_any_speed_there_is_a_pause() {
        let mut restarts = Restarts::default();
        restarts.started(Duration::ZERO);
        assert_eq!(restarts.ended(SECOND, Pace { speed: 100 }), Next::Start(2 * SECOND));
    }
}
