//! The fleet's time: what passes faster than real time, and what doesn't.

use std::time::Duration;

use jiff::Timestamp;

/// A moment: on the supervisor's clock, and for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Since the supervisor was started.
    pub at: Duration,
    pub wall: Timestamp,
}

/// How many of the fleet's minutes pass in a real one. What real processes do takes as long as it takes, and so do
/// visibility timeouts, which the emulator counts: only what Auto Scaling, CloudWatch and EC2 would take is sped up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub speed: u32,
}

impl Pace {
    /// How long one of the fleet's minutes lasts.
    pub fn minute(self) -> Duration {
        self.real(Duration::from_secs(60))
    }

    /// How much real time so much of the fleet's time is.
    pub fn real(self, fleet: Duration) -> Duration {
        fleet / self.speed.max(1)
    }

    /// The number of the fleet's second at this time.
    pub fn second(self, at: Duration) -> i64 {
        i64::try_from(at.as_millis() * u128::from(self.speed) / 1000).unwrap_or(i64::MAX)
    }

    /// From launch until an instance is in service, as long as its worker runs. EC2 takes longer; nobody learns from
    /// waiting for it.
    pub fn moment(self) -> Duration {
        self.real(Duration::from_secs(5)).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_as_short_as_the_speed_makes_it() {
        assert_eq!(Pace { speed: 10 }.minute(), Duration::from_secs(6));
        assert_eq!(Pace { speed: 10 }.second(Duration::from_millis(6_050)), 60);
        assert_eq!(Pace { speed: 1 }.second(Duration::from_millis(999)), 0);
        assert_eq!(Pace { speed: 60 }.moment(), Duration::from_secs(1));
    }
}
