//! One token bucket for what is read again and again, DescribeStacks and DescribeStackEvents: CloudFormation's limits
//! hold for the whole account, however many stacks are worked on. FilterLogEvents has the same limit of its own, and shares
//! the bucket: who reads logs does nothing else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::cloud::CloudError;

/// How many reads a second CloudFormation allows a whole account for long *(reported by users, not documented)*.
const RATE: f64 = 5.0;
/// How many calls may come at once after a pause.
const BURST: f64 = 20.0;
/// However often the service says "slow down", this many calls a second still go out.
const SLOWEST: f64 = 0.5;
/// How much each call that goes out raises a lowered rate.
const RECOVERY: f64 = 0.05;

/// For how long a throttled read is tried again. It is no reason to fail that others use up the account's limit while
/// CloudFormation works.
const PATIENCE: Duration = Duration::from_secs(600);

/// Shared by everything that talks to one account.
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Mutex<Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    rate: f64,
    at: Option<Instant>,
    most: f64,
}

impl Default for Limiter {
    fn default() -> Self {
        Limiter(Arc::new(Mutex::new(Bucket {
            tokens: BURST,
            rate: RATE,
            at: None,
            most: BURST,
        })))
    }
}

impl Limiter {
    /// For the local emulator, which has no limits.
    pub fn unlimited() -> Limiter {
        Limiter(Arc::new(Mutex::new(Bucket {
            tokens: f64::INFINITY,
            rate: RATE,
            at: None,
            most: f64::INFINITY,
        })))
    }

    /// Returns when a call may go out.
    pub async fn take(&self) {
        while let Some(pause) = self.try_take(Instant::now()) {
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads once there is room for it, and again as long as it is throttled, within ten minutes.
    ///
    /// # Errors
    /// Those of the read.
    // Not an AsyncFn: what comes of that can't be sent to another thread.
    pub async fn patiently<T, F>(&self, read: impl Fn() -> F) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        let began = Instant::now();
        loop {
            self.take().await;
            match read().await {
                Err(error) if error.is_throttling() && began.elapsed() < PATIENCE => {}
                answer => return answer,
            }
        }
    }

    /// The service throttled a call.
    pub fn slow_down(&self) {
        if let Ok(mut bucket) = self.0.lock() {
            bucket.rate = (bucket.rate / 2.0).max(SLOWEST);
            bucket.tokens = bucket.tokens.min(0.0);
        }
    }

    fn try_take(&self, now: Instant) -> Option<Duration> {
        let mut bucket = self.0.lock().ok()?;
        let passed = bucket.at.map_or(0.0, |at| now.duration_since(at).as_secs_f64());
        bucket.at = Some(now);
        bucket.tokens = (bucket.tokens + passed * bucket.rate).min(bucket.most);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            bucket.rate = (bucket.rate + RECOVERY).min(RATE);
            return None;
        }
        // Rounded up to what timers can tell apart: a pause of nothing would be taken again for ever.
        Some(Duration::from_secs_f64((1.0 - bucket.tokens) / bucket.rate).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_for(limiter: &Limiter, calls: usize) -> f64 {
        let began = Instant::now();
        for _ in 0..calls {
            limiter.take().await;
        }
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_out_at_once_and_the_rest_at_the_rate() {
        let limiter = Limiter::default();
        assert_eq!(seconds_for(&limiter, 20).await, 0.0);
        let long = seconds_for(&limiter, 50).await;
        assert!((9.9..10.2).contains(&long), "{long}");
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_slows_everything_down_and_it_recovers() {
        let limiter = Limiter::default();
        for _ in 0..10 {
            limiter.slow_down();
        }
        let first = seconds_for(&limiter, 1).await;
        assert!((1.9..2.1).contains(&first), "{first}");
        seconds_for(&limiter, 200).await;
        let recovered = seconds_for(&limiter, 10).await;
        assert!((1.9..2.1).contains(&recovered), "{recovered}");
    }
}
