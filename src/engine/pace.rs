//! How long to wait until a running operation is looked at again.

use std::time::Duration;

/// While the end may come at any moment, and something waits for it or it is known to be near. About one call a second
/// and stack; on average half of it is noticed late.
const CLOSE: Duration = Duration::from_millis(900);
/// While the end may come at any moment, and nothing else begins then.
const RELAXED: Duration = Duration::from_millis(1600);
/// While the end is far: often enough to show progress.
const FAR: Duration = Duration::from_secs(4);
/// This long before the time that the operation took last, and from then on, the end may come at any moment.
const EARLY: f64 = 0.85;
/// When it has taken this many times as long as last time, the last time says nothing any more.
const LATE: f64 = 3.0;
/// An operation that has gone on for this long, and of which no earlier one is known, is looked at a little less often.
const LONG: Duration = Duration::from_secs(180);

/// The local emulator is quick and has no limit on calls.
pub const LOCAL: Duration = Duration::from_millis(50);

/// The pause after a look at an operation that has run for `elapsed`, when the same one took `last` before. `awaited`:
/// other operations begin when it has ended.
pub fn pause(elapsed: Duration, last: Option<Duration>, awaited: bool) -> Duration {
    match last {
        Some(last) if elapsed < last.mul_f64(EARLY) => {
            // Never past the moment from which the end may come.
            let until = last.mul_f64(EARLY) - elapsed;
            until.clamp(CLOSE, FAR)
        }
        Some(last) if elapsed < last.mul_f64(LATE) => CLOSE,
        _ if awaited && elapsed < LONG => CLOSE,
        _ => RELAXED,
    }
}

/// The pause while the end may come at any moment, here or on AWS.
pub fn short(is_local: bool, elapsed: Duration) -> Duration {
    match is_local {
        true => LOCAL,
        false => pause(elapsed, None, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How late the end of an operation is noticed, and with how many calls, when answers take no time.
    fn watch(length: f64, last: Option<f64>, awaited: bool) -> (f64, u32) {
        let length = Duration::from_secs_f64(length);
        let last = last.map(Duration::from_secs_f64);
        let (mut now, mut calls) = (Duration::ZERO, 1);
        while now < length {
            now += pause(now, last, awaited);
            calls += 1;
        }
        ((now - length).as_secs_f64(), calls)
    }

    /// Averages over operations of 5 to 300 s, a tenth of a second apart.
    fn average(last: impl Fn(f64) -> Option<f64>, awaited: bool) -> (f64, f64) {
        let lengths: Vec<f64> = (50..3000).map(|tenths| f64::from(tenths) / 10.0 + 0.013).collect();
        let seen: Vec<(f64, u32)> = lengths
            .iter()
            .map(|length| watch(*length, last(*length), awaited))
            .collect();
        let n = lengths.len() as f64;
        let calls: f64 = seen
            .iter()
            .zip(&lengths)
            .map(|(one, length)| f64::from(one.1) / length)
            .sum();
        (seen.iter().map(|one| one.0).sum::<f64>() / n, calls / n)
    }

    #[test]
    fn a_first_create_is_noticed_within_a_second_on_average() {
        let (late, calls_a_second) = average(|_| None, true);
        assert!(
            late < 0.7 && calls_a_second < 1.2,
            "{late} s late, {calls_a_second} calls a second"
        );
        let (late, calls_a_second) = average(|_| None, false);
        assert!(
            late < 0.9 && calls_a_second < 0.8,
            "{late} s late, {calls_a_second} calls a second when nothing waits for it"
        );
    }

    #[test]
    fn with_history_it_is_half_a_second_and_fewer_calls() {
        let (late, calls_a_second) = average(|length| Some(length * 1.05), false);
        assert!(
            late < 0.5 && calls_a_second < 0.6,
            "{late} s late, {calls_a_second} calls a second"
        );
        // History that is wrong by half in either direction costs a look or two, not minutes.
        for wrong in [0.5, 1.5] {
            let (late, calls_a_second) = average(|length| Some(length * wrong), false);
            assert!(
                late < 2.5 && calls_a_second < 1.2,
                "{wrong}: {late} s late, {calls_a_second} calls a second"
            );
        }
    }
}
