//! What CloudWatch knows of the stages: how old the oldest message is, how many messages were done, and how the backlog
//! per instance went.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::backlog::BacklogPoint;
use super::fresh::fresh;
use super::invocations::OfFunction;
use super::local_fleet;
use super::status::Done;
use crate::cloud::cloudwatch::metrics::{Point, Query, Series, Source};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::stage::Stage;
use crate::local::fleet::state::FleetState;

/// How far back the backlog is shown, in minutes.
pub const HISTORY_MINUTES: i64 = 60;

/// What is known of a stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageMetrics {
    /// How long the oldest message has been in the queue, in seconds.
    pub oldest_message_age_seconds: Option<u64>,
    /// How many messages were done; none when CloudWatch knows nothing of the last hour.
    pub done: Option<Done>,
    /// Of a function.
    pub of_function: OfFunction,
    /// The backlog per instance of the last hour, oldest first.
    pub history: Vec<BacklogPoint>,
}

/// By stage, and what could not be read.
pub type Read = (BTreeMap<String, StageMetrics>, Vec<String>);

/// Reads the metrics of all stages, in one call for the first hundred; the history that a local fleet keeps, from it.
/// `now` is the wall clock. What can't be read is said beside the rest.
pub async fn read(cloud: &Cloud, fleet: Option<&FleetState>, stages: &[Stage], now: Timestamp) -> Read {
    let (mut all, problems) = from_cloudwatch(cloud, stages, now)
        .await
        .unwrap_or_else(|error| (BTreeMap::new(), vec![error.to_string()]));
    for stage in stages {
        let group = stage.group().zip(fleet);
        if let Some(group) = group.and_then(|(name, fleet)| local_fleet::group_of(fleet, name)) {
            all.entry(stage.name.clone()).or_default().history = local_fleet::history(group);
        }
    }
    (all, problems)
}

async fn from_cloudwatch(cloud: &Cloud, stages: &[Stage], now: Timestamp) -> Result<Read, CloudError> {
    let lists: Vec<Vec<Query>> = stages
        .iter()
        .enumerate()
        .map(|(number, stage)| queries(stage, number, cloud.local))
        .collect();
    // Whole minutes are found faster. The minute that runs has an age at most, where the local fleet's are shorter.
    let to = Timestamp::from_second((now.as_second().div_euclid(60) + 1) * 60).unwrap_or(now);
    let from = to
        .checked_sub(SignedDuration::from_mins(HISTORY_MINUTES))
        .unwrap_or(Timestamp::MIN);
    let mut series = cloud.metric_data(&lists, from, to).await?;
    let mut problems = Vec::new();
    let mut take = |id: String, stage: &str| match series.remove(&id).unwrap_or(Ok(Vec::new())) as Series {
        Ok(points) => points,
        Err(error) => {
            problems.push(format!("{stage}: {error}"));
            Vec::new()
        }
    };
    let of_stages = stages.iter().enumerate().map(|(number, stage)| {
        let mut of = |id: &str| take(format!("{id}{number}"), &stage.name);
        let deleted = of("done");
        let metrics = StageMetrics {
            oldest_message_age_seconds: fresh(&of("oldest"), now),
            done: done(&deleted, now),
            history: history(&of("backlog"), &of("visible"), &of("running")),
            of_function: OfFunction {
                invocations: of("invocations"),
                errors: of("errors"),
                throttles: of("throttles"),
                concurrent: of("concurrent"),
                deleted,
                read_at: now,
            },
        };
        (stage.name.clone(), metrics)
    });
    let of_stages = of_stages.collect();
    Ok((of_stages, problems))
}

/// The points that all metrics have. Metric math takes a missing value for 0
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>), and the queue's newest
/// points come later than the group's.
fn history(backlog: &[Point], visible: &[Point], running: &[Point]) -> Vec<BacklogPoint> {
    let known = |points: &[Point], at: Timestamp| points.iter().any(|point| point.at == at);
    let whole = backlog
        .iter()
        .filter(|point| known(visible, point.at) && known(running, point.at));
    whole
        .map(|point| BacklogPoint {
            at: point.at,
            messages_per_instance: point.value,
        })
        .collect()
}

/// A queue that nothing happens to publishes no points: then there were none to do.
fn done(points: &[Point], now: Timestamp) -> Option<Done> {
    (!points.is_empty()).then(|| Done {
        messages_last_minute: fresh(points, now),
        messages_last_hour: points.iter().map(|point| point.value.max(0.0) as u64).sum(),
    })
}

/// The backlog per instance as the scaling policy of `templates/stage/scaling.yaml.j2` computes it. `mark` goes
/// behind each id, so that queries of several stages can stand in one call.
fn backlog_expression(counts_in_flight: bool, mark: &str) -> String {
    let waiting = if counts_in_flight {
        format!("visible{mark} + inflight{mark}")
    } else {
        format!("visible{mark}")
    };
    let divided = if counts_in_flight {
        format!("({waiting}) / running{mark}")
    } else {
        format!("{waiting} / running{mark}")
    };
    format!("IF(running{mark} > 0, {divided}, {waiting})")
}

/// What is asked for a stage: six queries at most.
fn queries(stage: &Stage, number: usize, local: bool) -> Vec<Query> {
    let mark = number.to_string();
    let mut queries = Vec::new();
    let mut metric = |id: &str, namespace, name, dimension, statistic, wanted| {
        queries.push(Query {
            id: format!("{id}{mark}"),
            source: Source::Metric {
                namespace,
                name,
                dimension,
                statistic,
            },
            wanted,
        });
    };
    let Some(queue) = &stage.queue_name else {
        return queries;
    };
    let queue = || ("QueueName", queue.clone());
    metric(
        "oldest",
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        queue(),
        "Maximum",
        true,
    );
    if local {
        // The emulator doesn't count what is deleted nor what a mapping invokes, and has no metric math; the local fleet
        // keeps the history itself.
        return queries;
    }
    if let Some(function) = stage.function() {
        let mut of_function = |id, name, statistic| {
            let dimension = ("FunctionName", function.name.clone());
            metric(id, "AWS/Lambda", name, dimension, statistic, true);
        };
        of_function("invocations", "Invocations", "Sum");
        of_function("errors", "Errors", "Sum");
        of_function("throttles", "Throttles", "Sum");
        of_function("concurrent", "ConcurrentExecutions", "Maximum");
    }
    // "The number of messages deleted from the queue … for each successful deletion operation that uses a valid receipt
    // handle, including duplicate deletions"; those that go to the dead-letter queue aren't among them
    // (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>).
    metric("done", "AWS/SQS", "NumberOfMessagesDeleted", queue(), "Sum", true);
    let Some(instances) = stage.instances().filter(|instances| instances.target.is_some()) else {
        return queries;
    };
    metric(
        "visible",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        queue(),
        "Average",
        true,
    );
    if instances.counts_in_flight {
        metric(
            "inflight",
            "AWS/SQS",
            "ApproximateNumberOfMessagesNotVisible",
            queue(),
            "Average",
            false,
        );
    }
    metric(
        "running",
        "AWS/AutoScaling",
        "GroupInServiceInstances",
        ("AutoScalingGroupName", instances.group.clone()),
        "Average",
        true,
    );
    queries.push(Query {
        id: format!("backlog{mark}"),
        source: Source::Expression(backlog_expression(instances.counts_in_flight, &mark)),
        wanted: true,
    });
    queries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployed::stage::{Function, Instances, Workers};

    fn stage(target: Option<f64>, counts_in_flight: bool) -> Stage {
        Stage {
            name: "move".into(),
            queue_url: "https://sqs/lab-move-queue".into(),
            queue_name: Some("lab-move-queue".into()),
            workers: Some(Workers::Instances(Instances {
                group: "lab-move-group".into(),
                target,
                counts_in_flight,
                ..Instances::default()
            })),
            ..Stage::default()
        }
    }

    fn ids(queries: &[Query]) -> Vec<&str> {
        queries.iter().map(|query| query.id.as_str()).collect()
    }

    #[test]
    fn the_backlog_is_the_one_that_the_policy_holds_at_its_target() {
        let template = include_str!("../../templates/stage/scaling.yaml.j2");
        for counts_in_flight in [true, false] {
            let line = format!("Expression: {}\n", backlog_expression(counts_in_flight, ""));
            assert!(template.contains(&line), "the template has no {line}");
        }
    }

    #[test]
    fn a_stage_costs_no_more_queries_than_it_needs() {
        let all = ["oldest7", "done7", "visible7", "inflight7", "running7", "backlog7"];
        assert_eq!(ids(&queries(&stage(Some(30.0), true), 7, false)), all);
        let without = ["oldest7", "done7", "visible7", "running7", "backlog7"];
        assert_eq!(ids(&queries(&stage(Some(30.0), false), 7, false)), without);
        assert_eq!(
            ids(&queries(&stage(None, true), 7, false)),
            ["oldest7", "done7"],
            "no scaling"
        );
        assert_eq!(ids(&queries(&stage(Some(30.0), true), 7, true)), ["oldest7"], "local");
        let function = Stage {
            workers: Some(Workers::Function(Function::default())),
            ..stage(None, true)
        };
        let of_function = [
            "oldest7",
            "invocations7",
            "errors7",
            "throttles7",
            "concurrent7",
            "done7",
        ];
        assert_eq!(ids(&queries(&function, 7, false)), of_function, "a function");
        assert_eq!(ids(&queries(&function, 7, true)), ["oldest7"], "a local one");
        let no_group = Stage {
            workers: None,
            ..stage(Some(30.0), true)
        };
        assert_eq!(ids(&queries(&no_group, 7, false)), ["oldest7", "done7"], "no group");
    }

    #[test]
    fn minutes_that_are_not_whole_are_left_out() {
        let series = |values: &[(i64, f64)]| -> Vec<Point> {
            let point = |(minute, value): &(i64, f64)| Point {
                at: Timestamp::from_second(minute * 60).expect("a time"),
                value: *value,
            };
            values.iter().map(point).collect()
        };
        let backlog = series(&[(1, 10.0), (2, 12.0), (3, 0.0), (4, 30.0)]);
        let visible = series(&[(1, 20.0), (2, 24.0), (4, 30.0)]);
        let running = series(&[(1, 2.0), (2, 2.0), (3, 2.0)]);
        let shown = history(&backlog, &visible, &running);
        let shown: Vec<f64> = shown.iter().map(|point| point.messages_per_instance).collect();
        assert_eq!(shown, [10.0, 12.0]);
    }

    #[test]
    fn what_was_done_is_counted_over_the_hour() {
        let point = |minute: i64, value| Point {
            at: Timestamp::from_second(minute * 60).expect("a time"),
            value,
        };
        let now = |minute: i64| Timestamp::from_second(minute * 60).expect("a time");
        let points = [point(1, 30.0), point(3, 12.0)];
        let counted = |last_minute| Done {
            messages_last_minute: last_minute,
            messages_last_hour: 42,
        };
        assert_eq!(done(&points, now(5)), Some(counted(Some(12))));
        assert_eq!(done(&points, now(30)), Some(counted(None)), "it is no news");
        assert_eq!(done(&[], now(30)), None);
    }
}
