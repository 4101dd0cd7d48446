//! Which way a backlog goes.

use serde::Serialize;

use super::metrics::BacklogPoint;

/// How many of the newest points are looked at: on CloudWatch, of a quarter of an hour.
const POINTS: usize = 15;
/// Fewer points say nothing.
const FEWEST: usize = 6;
/// What is less than this share of the target is noise.
const NOISE: f64 = 0.1;

/// A trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// More and more.
    Rising,
    /// About as much.
    Flat,
    /// Less and less.
    Falling,
}

impl Trend {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Trend::Rising => "rising",
            Trend::Flat => "flat",
            Trend::Falling => "falling",
        }
    }
}

/// From the first to the last third of the newest points: means, so that one odd minute decides nothing. Differences
/// of less than a tenth of the target, or of the backlog itself where that is more, are flat.
pub fn trend(history: &[BacklogPoint], target: f64) -> Option<Trend> {
    let newest = &history[history.len().saturating_sub(POINTS)..];
    if newest.len() < FEWEST {
        return None;
    }
    let third = newest.len() / 3;
    let mean = |points: &[BacklogPoint]| {
        points.iter().map(|point| point.messages_per_instance).sum::<f64>() / points.len() as f64
    };
    let (first, last) = (mean(&newest[..third]), mean(&newest[newest.len() - third..]));
    let noise = NOISE * target.max(first).max(last);
    Some(match last - first {
        change if change > noise => Trend::Rising,
        change if change < -noise => Trend::Falling,
        _ => Trend::Flat,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn of(values: &[f64], target: f64) -> Option<Trend> {
        let points: Vec<BacklogPoint> = (0_i64..)
            .zip(values)
            .map(|(minute, value)| BacklogPoint {
                at: Timestamp::from_second(minute * 60).expect("a time"),
                messages_per_instance: *value,
            })
            .collect();
        trend(&points, target)
    }

    #[test]
    fn the_newest_quarter_of_an_hour_decides() {
        use Trend::*;
        assert_eq!(of(&[10.0, 20.0, 30.0, 40.0, 50.0, 60.0], 30.0), Some(Rising));
        assert_eq!(of(&[60.0, 50.0, 40.0, 30.0, 20.0, 10.0], 30.0), Some(Falling));
        assert_eq!(of(&[60.0, 61.0, 59.0, 60.0, 62.0, 60.0], 30.0), Some(Flat));
        assert_eq!(of(&[0.0; 6], 30.0), Some(Flat));
        // A tenth of the target, or a little more.
        assert_eq!(of(&[0.0, 0.0, 0.0, 0.0, 3.0, 3.0], 30.0), Some(Flat));
        assert_eq!(of(&[0.0, 0.0, 0.0, 0.0, 3.1, 3.1], 30.0), Some(Rising));
        // A tenth of the backlog itself, where that is far above the target.
        assert_eq!(of(&[900.0, 900.0, 950.0, 950.0, 990.0, 990.0], 30.0), Some(Flat));
        // One odd minute among flat ones.
        assert_eq!(of(&[30.0, 30.0, 90.0, 30.0, 30.0, 30.0], 30.0), Some(Flat));
        // An hour ago it rose.
        let mut hour: Vec<f64> = (0..45).map(|n| f64::from(n) * 10.0).collect();
        hour.extend([450.0; 15]);
        assert_eq!(of(&hour, 30.0), Some(Flat));
    }

    #[test]
    fn a_few_points_say_nothing() {
        assert_eq!(of(&[], 30.0), None);
        assert_eq!(of(&[0.0, 10.0, 20.0, 30.0, 40.0], 30.0), None);
    }
}
