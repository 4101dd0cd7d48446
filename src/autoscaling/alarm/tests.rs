use super::*;
use crate::autoscaling::policy::{MetricStat, Source};
use crate::autoscaling::series::Metric;

const SETTINGS: [MissingData; 4] = [
    MissingData::Missing,
    MissingData::Ignore,
    MissingData::Breaching,
    MissingData::NotBreaching,
];

fn metric() -> Metric {
    Metric::new("N", "m", &[], "Average")
}

/// An alarm above 5, `to_alarm` out of `periods`.
fn alarm(to_alarm: u32, periods: u32, missing: MissingData) -> Alarm {
    Alarm {
        name: "a".to_owned(),
        metric: Source::Stat(MetricStat {
            metric: metric(),
            period_seconds: 60,
        }),
        comparison: Comparison::Above,
        threshold: 5.0,
        evaluation_periods: periods,
        datapoints_to_alarm: Some(to_alarm),
        missing,
    }
}

/// Data points as AWS writes them, the newest last, in minute 0: `0` doesn't breach, `X` does, `-` is missing.
fn data(points: &str) -> Metrics {
    let mut metrics = Metrics::default();
    for (point, minute) in points.split(' ').rev().zip((0..).map(|ago: i64| -ago)) {
        match point {
            "0" => metrics.put(&metric(), minute, 1.0),
            "X" => metrics.put(&metric(), minute, 9.0),
            _ => {}
        }
    }
    metrics
}

/// The state for each setting, with an evaluation range of five data points for three periods, as AWS has it. An alarm
/// that keeps its state is tried with every state.
fn states(points: &str, to_alarm: u32) -> [&'static str; 4] {
    SETTINGS.map(|missing| {
        let after = |before: AlarmState| {
            let look = look(&alarm(to_alarm, 3, missing.clone()), &data(points), 0, &before, 2).unwrap();
            look.state
        };
        let states = [AlarmState::Ok, AlarmState::Alarm, AlarmState::InsufficientData];
        match states.clone().map(after) {
            kept if kept == states => "keeps",
            [AlarmState::Ok, AlarmState::Ok, AlarmState::Ok] => "OK",
            [AlarmState::Alarm, AlarmState::Alarm, AlarmState::Alarm] => "ALARM",
            [
                AlarmState::InsufficientData,
                AlarmState::InsufficientData,
                AlarmState::InsufficientData,
            ] => "INSUFFICIENT",
            other => panic!("{points} comes to {other:?}"),
        }
    })
}

/// The two tables of <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>, and the
/// examples that the page has in its text.
#[test]
fn the_documented_tables() {
    for (points, to_alarm, expected) in [
        ("0 - X - X", 3, ["OK"; 4]),
        ("0 - - - -", 3, ["OK"; 4]),
        ("- - - - -", 3, ["INSUFFICIENT", "keeps", "ALARM", "OK"]),
        ("0 X X - X", 3, ["ALARM"; 4]),
        ("- - X - -", 3, ["ALARM", "keeps", "ALARM", "OK"]),
        ("0 - X - X", 2, ["ALARM"; 4]),
        ("0 0 X 0 X", 2, ["ALARM"; 4]),
        ("0 - X - -", 2, ["OK", "OK", "ALARM", "OK"]),
        ("- - - - 0", 2, ["OK", "OK", "ALARM", "OK"]),
        ("- - - X -", 2, ["ALARM", "keeps", "ALARM", "OK"]),
        // "Avoiding premature transitions to alarm state": one minute earlier than the rows that are ALARM.
        ("- - - - X", 3, ["INSUFFICIENT", "keeps", "ALARM", "OK"]),
        ("- - - X -", 3, ["INSUFFICIENT", "keeps", "ALARM", "OK"]),
        ("- - - - X", 2, ["INSUFFICIENT", "keeps", "ALARM", "OK"]),
        // And what the next data point may then show.
        ("- - - X 0", 3, ["OK"; 4]),
        ("- - X - 0", 3, ["OK"; 4]),
    ] {
        assert_eq!(states(points, to_alarm), expected, "{points}, {to_alarm} out of 3");
    }
}

#[test]
fn only_the_newest_data_points_are_evaluated() {
    let metrics = data("X X X 0 X X");
    let look = look(&alarm(3, 3, MissingData::Missing), &metrics, 0, &AlarmState::Alarm, 2).unwrap();
    assert_eq!(look.state, AlarmState::Ok);
    assert_eq!(look.retrieved, [9.0, 9.0, 1.0, 9.0, 9.0].map(Some));
    assert_eq!(look.evaluated, [1.0, 9.0, 9.0]);
}

#[test]
fn gaps_are_bridged_within_the_evaluation_range_only() {
    let state = |points, extra| {
        let alarm = alarm(3, 3, MissingData::NotBreaching);
        look(&alarm, &data(points), 0, &AlarmState::Ok, extra).unwrap().state
    };
    assert_eq!(state("X X - - X", 2), AlarmState::Alarm);
    assert_eq!(state("X X - - X", 1), AlarmState::Ok);
}

#[test]
fn comparisons_are_strict_or_not_as_they_say() {
    let state = |comparison, value| {
        let mut metrics = Metrics::default();
        metrics.put(&metric(), 0, value);
        let alarm = Alarm {
            comparison,
            ..alarm(1, 1, MissingData::Missing)
        };
        look(&alarm, &metrics, 0, &AlarmState::Ok, 0).unwrap().state == AlarmState::Alarm
    };
    for (comparison, below, at, above) in [
        (Comparison::Above, false, false, true),
        (Comparison::AtLeast, false, true, true),
        (Comparison::Below, true, false, false),
        (Comparison::AtMost, true, true, false),
    ] {
        assert_eq!(
            [4.9, 5.0, 5.1].map(|value| state(comparison.clone(), value)),
            [below, at, above],
            "{comparison}"
        );
    }
}

#[test]
fn odd_numbers_of_periods_are_brought_into_their_bounds() {
    let look = |to_alarm, periods| {
        let mut alarm = alarm(to_alarm, periods, MissingData::Missing);
        alarm.datapoints_to_alarm = Some(to_alarm);
        look(&alarm, &data("X X X"), 0, &AlarmState::Ok, u32::MAX).unwrap()
    };
    assert_eq!(look(0, 0).state, AlarmState::Alarm);
    assert_eq!(look(9, 3).state, AlarmState::Alarm);
    assert_eq!(look(u32::MAX, u32::MAX).retrieved.len(), 2 * 24 * 60);
}

#[test]
fn a_word_that_is_not_known_is_a_problem() {
    let problem = |alarm: &Alarm| look(alarm, &data("X"), 0, &AlarmState::Ok, 2).unwrap_err().to_string();
    let plain = alarm(1, 1, MissingData::Missing);
    let comparison = Comparison::from("GreaterThanUpperThreshold");
    assert_eq!(
        problem(&Alarm {
            comparison,
            ..plain.clone()
        }),
        "the ComparisonOperator GreaterThanUpperThreshold of the alarm a is not known"
    );
    let missing = MissingData::from("perhaps");
    assert_eq!(
        problem(&Alarm { missing, ..plain }),
        "the TreatMissingData perhaps of the alarm a is not known"
    );
}
