//! What an instance makes of a worker that ends by itself, with the numbers of `templates/worker/`: systemd starts it
//! again, and the watcher gives the instance up whose worker never keeps running.

use std::time::Duration;

use super::pace::Pace;

/// `RestartSec`.
const PAUSE: Duration = Duration::from_secs(5);
/// `steady`: a worker that runs for so long on end is well …
const STEADY: Duration = Duration::from_secs(120);
/// `patience`: … and an instance whose worker was never well for so long is given up.
const PATIENCE: Duration = Duration::from_secs(2700);
/// From giving up to power-off.
const LAST_SECONDS: Duration = Duration::from_secs(15);
/// However fast the fleet's time passes, a worker that ends at once doesn't spin …
const SHORTEST: Duration = Duration::from_secs(1);
/// … and one that is slow to fail is not well.
const SHORTEST_STEADY: Duration = Duration::from_secs(5);

/// The starts of one instance's worker.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    started: Duration,
    /// When it was last well; before it ever was, when it was started first.
    well: Option<Duration>,
    /// How often it has ended since.
    ended: u32,
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
    pub fn started(&mut self, at: Duration) {
        self.started = at;
        self.well.get_or_insert(at);
    }

    pub fn ended(&mut self, at: Duration, pace: Pace) -> Next {
        let steady = pace.real(STEADY).max(SHORTEST_STEADY);
        if at.saturating_sub(self.started) >= steady {
            self.well = Some(at);
            self.ended = 0;
        }
        self.ended += 1;
        let next = at + pace.real(PAUSE).max(SHORTEST);
        if next.saturating_sub(self.well.unwrap_or(at)) < pace.real(PATIENCE) {
            Next::Start(next)
        } else {
            Next::PowerOff(at + pace.real(LAST_SECONDS).max(SHORTEST))
        }
    }

    /// Whether it was well before it ended last, or had never ended: then somebody should be told.
    pub fn is_news(&self) -> bool {
        self.ended == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const REAL: Pace = Pace { speed: 1 };

    fn script_says(script: &str, name: &str) -> Duration {
        let value = script
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Duration::from_secs(value.and_then(|value| value.parse().ok()).expect("a number of seconds"))
    }

    #[test]
    fn the_numbers_are_those_of_an_instance() {
        let boots = include_str!("../../../templates/worker/bootstrap.sh");
        let watches = include_str!("../../../templates/worker/watch.sh");
        assert_eq!(PAUSE, script_says(boots, "RestartSec"));
        assert_eq!(STEADY, script_says(watches, "steady"));
        assert_eq!(PATIENCE, script_says(watches, "patience"));
    }

    /// When an instance is given up whose worker takes so long to fail each time; and how often it was told of.
    fn given_up(takes: Duration, pace: Pace, until: Duration) -> (Option<Duration>, usize) {
        let (mut restarts, mut at, mut told) = (Restarts::default(), Duration::ZERO, 0);
        while at < until {
            restarts.started(at);
            at += takes;
            let next = restarts.ended(at, pace);
            told += usize::from(restarts.is_news());
            match next {
                Next::Start(next) => at = next,
                Next::PowerOff(_) => return (Some(at), told),
            }
        }
        (None, told)
    }

    #[test]
    fn a_worker_that_never_keeps_running_is_given_up_after_three_quarters_of_an_hour() {
        for takes in [1, 20, 100] {
            let (at, told) = given_up(takes * SECOND, REAL, 2 * PATIENCE);
            let at = at.expect("is given up");
            assert!((2590..=2800).contains(&at.as_secs()), "{takes} s: {at:?}");
            assert_eq!(told, 1, "{takes} s");
        }
    }

    #[test]
    fn half_an_hour_without_a_service_costs_no_instance() {
        let mut restarts = Restarts::default();
        restarts.started(Duration::ZERO);
        let mut at = 1000 * SECOND;
        let end = at + 1800 * SECOND;
        while at < end {
            assert!(matches!(restarts.ended(at, REAL), Next::Start(_)), "{at:?}");
            restarts.started(at + 5 * SECOND);
            at += 6 * SECOND;
        }
        assert!(matches!(restarts.ended(at + 200 * SECOND, REAL), Next::Start(_)));
        assert!(restarts.is_news());
    }

    #[test]
    fn what_ends_now_and_then_goes_on_for_ever() {
        assert_eq!(given_up(200 * SECOND, REAL, 10 * PATIENCE).0, None);
    }

    #[test]
    fn at_any_speed_there_is_a_pause() {
        let mut restarts = Restarts::default();
        restarts.started(Duration::ZERO);
        assert_eq!(restarts.ended(SECOND, Pace { speed: 100 }), Next::Start(2 * SECOND));
        let (at, _) = given_up(2 * SECOND, Pace { speed: 60 }, PATIENCE);
        assert!(at.is_some_and(|at| at <= 45 * SECOND), "{at:?}");
    }
}
