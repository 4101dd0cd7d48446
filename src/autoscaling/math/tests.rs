use super::*;
use crate::autoscaling::series::Metric;
use proptest::prelude::*;

fn metric(name: &str) -> Metric {
    Metric::new("AWS/SQS", name, &[("QueueName", "q")], "Average")
}

fn stat(id: &str) -> Query {
    let value = QueryValue::Stat(MetricStat {
        metric: metric(id),
        period_seconds: 60,
    });
    Query {
        id: id.to_owned(),
        return_data: false,
        value,
    }
}

fn formula(id: &str, text: &str, return_data: bool) -> Query {
    let value = QueryValue::Expression(text.to_owned());
    Query {
        id: id.to_owned(),
        return_data,
        value,
    }
}

/// The metrics of a queue whose group has two instances, in the minutes 1 and 2.
fn metrics() -> Metrics {
    let mut metrics = Metrics::default();
    for minute in [1, 2] {
        metrics.put(&metric("visible"), minute, 20.0 * minute as f64);
        metrics.put(&metric("inflight"), minute, 4.0);
        metrics.put(&metric("running"), minute, 2.0);
    }
    metrics
}

fn points(queries: Vec<Query>) -> Result<Vec<Option<f64>>, String> {
    match evaluate(&Source::Math(queries), &metrics(), 0..=2) {
        Ok(series) => Ok(series.window(0..=2).collect()),
        Err(problem) => Err(problem.to_string()),
    }
}

#[test]
fn the_backlog_per_instance() {
    let text = "IF(running > 0, (visible + inflight) / running, visible + inflight)";
    let queries = vec![
        formula("backlog", text, true),
        stat("visible"),
        stat("inflight"),
        stat("running"),
    ];
    assert_eq!(points(queries), Ok(vec![None, Some(12.0), Some(22.0)]));
}

#[test]
fn a_single_metric_is_its_series_within_the_window() {
    let source = |name: &str| {
        Source::Stat(MetricStat {
            metric: metric(name),
            period_seconds: 60,
        })
    };
    let evaluate = |name| evaluate(&source(name), &metrics(), 2..=3);
    assert_eq!(evaluate("visible"), Ok(Series::from_iter([(2, 40.0)])));
    assert_eq!(evaluate("never-put"), Ok(Series::default()));
}

#[test]
fn expressions_may_name_others_that_come_later() {
    let queries = vec![
        formula("e3", "e2 + e1", true),
        formula("e2", "e1 * 2", false),
        formula("e1", "visible / running", false),
        stat("visible"),
        stat("running"),
    ];
    assert_eq!(points(queries), Ok(vec![None, Some(30.0), Some(60.0)]));
}

#[test]
fn what_cannot_be_evaluated_is_said() {
    let slow = Query {
        value: QueryValue::Stat(MetricStat {
            metric: metric("visible"),
            period_seconds: 300,
        }),
        ..stat("visible")
    };
    for (queries, expected) in [
        (
            vec![
                formula("e1", "e2", true),
                formula("e2", "1 + e1", false),
                formula("e3", "visible", false),
                stat("visible"),
            ],
            "the expressions of `e1`, `e2` name each other in a circle",
        ),
        (
            vec![formula("e1", "e1", true)],
            "the expressions of `e1` name each other in a circle",
        ),
        (
            vec![formula("e1", "visible +", true), stat("visible")],
            "the expression of `e1` can't be evaluated: the end stands where a value is missing, at character 10",
        ),
        (
            vec![formula("e1", "2 * nothing", true)],
            "the expression of `e1` can't be evaluated: `nothing` is no metric here, at character 5",
        ),
        (
            vec![stat("visible")],
            "0 metrics return data, and it must be exactly one",
        ),
        (
            vec![
                formula("e1", "visible", true),
                formula("e2", "visible", true),
                stat("visible"),
            ],
            "2 metrics return data, and it must be exactly one",
        ),
        (
            vec![formula("e1", "visible", true), stat("visible"), stat("visible")],
            "two metrics have the Id `visible`",
        ),
        (
            vec![formula("e1", "2 / 1", true)],
            "`e1` comes to a number, and it must be one time series",
        ),
        (
            vec![formula("e1", "visible", true), slow],
            "visible has a period of 300 s, and only 60 s can be evaluated here",
        ),
    ] {
        assert_eq!(points(queries), Err(expected.to_owned()));
    }
    let predefined = Source::Predefined("ASGAverageCPUUtilization".to_owned());
    let problem = evaluate(&predefined, &metrics(), 0..=2).unwrap_err().to_string();
    assert_eq!(
        problem,
        "the predefined metric ASGAverageCPUUtilization can't be evaluated here, as AWS itself measures it"
    );
}

proptest! {
    /// Whatever can be written down is evaluated or refused, and what comes of it are numbers and gaps.
    #[test]
    fn nothing_makes_it_panic(
        text in r"(visible|running|nothing|[0-9]{1,2}|IF|ABS|[-+*/^<>=(),\[\]]| AND ){0,30}"
    ) {
        let queries = vec![formula("e", &text, true), stat("visible"), stat("running")];
        if let Ok(series) = evaluate(&Source::Math(queries), &metrics(), 0..=2) {
            prop_assert!(series.points().all(|(minute, value)| (0..=2).contains(&minute) && value.is_finite()));
        }
    }
}
