//! At most so many a second.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Lets things pass, evenly spaced. What comes late isn't made up for: there are never more in a second.
#[derive(Debug)]
pub struct Pace {
    /// Between one and the next.
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most `rate` things a second, from now on; without it, as many as come.
    pub fn new(rate: Option<f64>) -> Pace {
        let gap = rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        Pace {
            gap: gap.unwrap_or_default(),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Returns when so many more may pass at once. It may be dropped before that.
    pub async fn take(&self, things: usize) {
        let mut next = self.next.lock().await;
        sleep_until(*next).await;
        let things = u32::try_from(things).unwrap_or(u32::MAX);
        *next = (*next).max(Instant::now()) + self.gap.saturating_mul(things);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_more_in_a_second() {
        let pace = Pace::new(Some(4.0));
        let began = Instant::now();
        let mut passed = Vec::new();
        for number in 0..20 {
            if number == 10 {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            pace.take(1).await;
            passed.push(began.elapsed());
        }
        for (number, at) in passed.iter().enumerate() {
            let second = passed[number..]
                .iter()
                .filter(|later| **later - *at < Duration::from_secs(1));
            assert!(second.count() <= 4, "{passed:?}");
        }
        assert_eq!(passed[9], Duration::from_millis(2250));
        assert_eq!(passed[19] - passed[10], Duration::from_millis(2250), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn several_at_once_are_waited_for_afterwards() {
        let pace = Pace::new(Some(5.0));
        let began = Instant::now();
        pace.take(5).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        pace.take(5).await;
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let pace = Pace::new(None);
        let began = Instant::now();
        for _ in 0..1000 {
            pace.take(10).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
