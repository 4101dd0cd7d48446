//! Series as a local fleet recorded them, a value for each of its minutes, and what a person says of them.

use jiff::{SignedDuration, Timestamp};

use super::Trend::{Falling, Flat, Rising};
use super::*;

const TARGET: f64 = 30.0;

/// 600 files at once. The fleet doubles after three minutes, to its most, and works them off.
const FLOOD: [f64; 27] = [
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 297.0, 285.0, 274.0, 126.75, 115.0, 103.75, 92.0, 80.5, 69.5, 58.0, 46.5, 35.0, 24.0,
    12.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
];
/// 11 files a second, of which the fleet does 7 when it has doubled, for 21 minutes; then none.
const TOO_MUCH: [f64; 35] = [
    0.0, 0.0, 0.0, 4.0, 19.0, 37.0, 56.0, 77.0, 44.25, 49.0, 54.25, 59.0, 63.75, 68.75, 73.25, 77.75, 82.75, 87.75,
    92.25, 97.25, 101.5, 106.5, 111.25, 116.25, 118.75, 107.25, 96.75, 86.5, 75.5, 64.5, 53.75, 42.5, 31.5, 20.0, 9.0,
];
/// 300 files at once, then as many as the fleet does.
const STEADY: [f64; 25] = [
    42.5, 31.5, 20.0, 9.0, 0.0, 0.0, 73.5, 75.0, 76.25, 76.75, 77.0, 77.25, 76.75, 76.25, 76.5, 76.25, 76.0, 75.25,
    74.75, 74.75, 73.75, 74.0, 73.5, 73.0, 72.75,
];
/// 140 files at once, every four or five minutes.
const SAWTOOTH: [f64; 28] = [
    0.0, 0.0, 0.0, 0.0, 25.0, 13.5, 2.0, 0.0, 30.0, 18.75, 6.75, 0.0, 34.0, 23.0, 11.75, 0.75, 0.0, 28.75, 17.0, 5.75,
    0.0, 33.0, 22.0, 10.75, 0.0, 0.0, 26.5, 15.0,
];

/// A point a minute; none where it is missing.
fn points(values: impl IntoIterator<Item = Option<f64>>) -> Vec<BacklogPoint> {
    let all = (0..).zip(values).filter_map(|(minute, value)| {
        Some(BacklogPoint {
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute),
            messages_per_instance: value?,
        })
    });
    all.collect()
}

fn of(values: &[f64]) -> Option<Trend> {
    trend(&points(values.iter().copied().map(Some)), TARGET)
}

/// What is said in each minute of a series.
fn told(values: &[f64]) -> Vec<Option<Trend>> {
    (1..=values.len()).map(|minutes| of(&values[..minutes])).collect()
}

#[test]
fn a_flood_that_is_worked_off_falls_four_minutes_after_it_came_and_never_grows() {
    let told = told(&FLOOD);
    assert!(!told.contains(&Some(Rising)), "{told:?}");
    // It came in the seventh minute.
    assert_eq!(told[4..10], [Some(Flat); 6]);
    assert_eq!(told[10..21], [Some(Falling); 11]);
    assert_eq!(told[26], Some(Flat));
}

#[test]
fn what_grows_is_told_within_four_minutes_and_so_is_its_end() {
    let told = told(&TOO_MUCH);
    assert_eq!(told[6], Some(Rising), "four minutes after the first files: {told:?}");
    // The fleet doubled in the ninth minute, and the backlog of each instance was halved.
    assert_eq!(told[12..25], [Some(Rising); 13], "{told:?}");
    assert!(!told[..28].contains(&Some(Falling)), "{told:?}");
    assert!(!told[26..].contains(&Some(Rising)), "{told:?}");
    assert_eq!(told[28..35], [Some(Falling); 7], "four minutes after the last files");
}

#[test]
fn what_stays_is_flat_however_high_it_is() {
    let told = told(&STEADY);
    assert_eq!(told[9..], [Some(Flat); 16], "{told:?}");
}

#[test]
fn teeth_are_neither_growth_nor_a_trend() {
    let told = told(&SAWTOOTH);
    assert!(!told.contains(&Some(Rising)), "{told:?}");
    let longer: Vec<f64> = (0..60).map(|minute| f64::from(100 - minute % 10 * 10)).collect();
    let of_longer = (1..=60).map(|minutes| of(&longer[..minutes]));
    assert!(!of_longer.into_iter().any(|told| told == Some(Rising)));
}

#[test]
fn a_spike_and_a_jump_are_no_trend() {
    let mut spike = [4.0; 30];
    spike[12] = 400.0;
    assert_eq!(told(&spike)[4..], [Some(Flat); 26]);
    let jump: Vec<f64> = (0..30).map(|minute| if minute < 12 { 4.0 } else { 90.0 }).collect();
    assert_eq!(told(&jump)[4..], [Some(Flat); 26]);
}

/// Two per cent a minute, with noise of five either way.
#[test]
fn slow_and_unsteady_growth_is_told_within_a_quarter_of_an_hour() {
    let noise = [0.0, 4.0, -3.0, 5.0, -5.0, 1.0, -2.0, 3.0, -4.0, 2.0];
    let value = |minute: usize| 100.0 + 2.0 * minute as f64 + noise[minute % 10];
    let growing: Vec<f64> = (0..60).map(value).collect();
    let told = told(&growing);
    let unsure = told[14..].iter().filter(|told| **told != Some(Rising)).count();
    assert!(unsure <= 5, "{told:?}");
    assert!(!told.contains(&Some(Falling)), "{told:?}");
}

#[test]
fn missing_minutes_delay_a_trend_and_turn_none_round() {
    for every in [2, 3, 5] {
        let with_gaps = |values: &[f64]| {
            let values = values.iter().enumerate();
            points(values.map(|(minute, value)| (minute % every != 1).then_some(*value)))
        };
        assert_eq!(trend(&with_gaps(&TOO_MUCH[..24]), TARGET), Some(Rising), "{every}");
        assert_eq!(trend(&with_gaps(&FLOOD[..20]), TARGET), Some(Falling), "{every}");
    }
    // Half an hour ago it grew; of now, four points are known.
    let long_ago = (0..20).map(|minute| Some(f64::from(minute) * 10.0));
    let gap = std::iter::repeat_n(None, 30);
    let now = [50.0, 51.0, 52.0, 53.0].map(Some);
    assert_eq!(trend(&points(long_ago.chain(gap).chain(now)), TARGET), None);
}

#[test]
fn the_minutes_of_a_local_fleet_are_shorter_and_not_exact() {
    let at = |place: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(place * 6000 + place % 3 * 40);
    let short: Vec<BacklogPoint> = (0..)
        .zip(&FLOOD[..16])
        .map(|(place, value)| BacklogPoint {
            at: at(place),
            messages_per_instance: *value,
        })
        .collect();
    assert_eq!(trend(&short, TARGET), Some(Falling));
}

#[test]
fn what_is_less_than_a_tenth_of_the_target_or_of_the_backlog_is_noise() {
    assert_eq!(of(&[0.0, 0.7, 1.4, 2.1, 2.8]), Some(Flat));
    assert_eq!(of(&[0.0, 0.8, 1.6, 2.4, 3.2]), Some(Rising));
    assert_eq!(of(&[900.0, 920.0, 940.0, 960.0, 980.0]), Some(Flat));
    assert_eq!(of(&[900.0, 925.0, 950.0, 975.0, 1000.0]), Some(Rising));
}

#[test]
fn a_few_points_say_nothing() {
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[0.0, 10.0, 20.0, 30.0]), None);
    assert_eq!(of(&[0.0, 10.0, 20.0, 30.0, 40.0]), Some(Rising));
    assert_eq!(of(&[f64::NAN; 9]), Some(Flat));
}
