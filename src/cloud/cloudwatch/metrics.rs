//! Metrics of CloudWatch: series over time, of one metric or of an expression over several.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use jiff::Timestamp;

use crate::cloud::{Cloud, CloudError, explain, instant};

/// How many queries go into one call
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>).
const QUERIES_A_CALL: usize = 500;

const OPERATION: &str = "GetMetricData";

/// A series that is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    /// By which it is found in the answer, and in expressions: a lower-case letter, then letters, digits and `_`.
    pub id: String,
    /// Where it comes from.
    pub source: Source,
    /// Whether it is wanted itself, or only for an expression.
    pub wanted: bool,
}

/// Where a series comes from.
#[derive(Debug, Clone)]
pub enum Source {
    Metric {
        /// E.g. `AWS/SQS`.
        namespace: &'static str,
        /// E.g. `ApproximateNumberOfMessagesVisible`.
        name: &'static str,
        /// Of what, e.g. (`QueueName`, `lab-move-queue`).
        dimension: (&'static str, String),
        /// E.g. `Average`.
        statistic: &'static str,
    },
    /// Metric math over other queries of the same list.
    Expression(String),
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The beginning of the period that it stands for.
    pub at: Timestamp,
    /// In the metric's own unit.
    pub value: f64,
}

/// A series, oldest first; or why there is none.
pub type Series = Result<Vec<Point>, CloudError>;

impl Cloud {
    /// The series of all lists of queries by id, a point a minute, from `from` until before `to`, which whole minutes
    /// serve best. Queries of one list refer to each other, so they go into the same call; as many lists do as fit.
    ///
    /// # Errors
    /// When a call fails. A series that CloudWatch has no answer for is an error of its own.
    pub async fn metric_data(
        &self,
        lists: &[Vec<Query>],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<String, Series>, CloudError> {
        let mut all = BTreeMap::new();
        for call in calls(lists) {
            let mut pages = self
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(call.into_iter().map(sdk_query).collect()))
                .start_time(seconds(from))
                .end_time(seconds(to))
                .scan_by(ScanBy::TimestampAscending)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| explain(OPERATION, error))?;
                for result in page.metric_data_results() {
                    let id = result.id().unwrap_or_default().to_owned();
                    // A series may go on on the next page.
                    match (all.entry(id).or_insert_with(|| Ok(Vec::new())), series(result)) {
                        (Ok(begun), Ok(more)) => begun.extend(more),
                        (begun, Err(error)) => *begun = Err(error),
                        (Err(_), Ok(_)) => {}
                    }
                }
            }
        }
        Ok(all)
    }
}

/// Whole lists, as many a call as fit.
fn calls(lists: &[Vec<Query>]) -> Vec<Vec<&Query>> {
    let mut calls: Vec<Vec<&Query>> = Vec::new();
    for list in lists.iter().filter(|list| !list.is_empty()) {
        match calls.last_mut() {
            Some(call) if call.len() + list.len() <= QUERIES_A_CALL => call.extend(list),
            _ => calls.push(list.iter().collect()),
        }
    }
    calls
}

fn sdk_query(query: &Query) -> MetricDataQuery {
    let builder = MetricDataQuery::builder().id(&query.id).return_data(query.wanted);
    match &query.source {
        Source::Expression(expression) => builder.expression(expression).build(),
        Source::Metric {
            namespace,
            name,
            dimension: (key, value),
            statistic,
        } => {
            let metric = Metric::builder()
                .namespace(*namespace)
                .metric_name(*name)
                .dimensions(Dimension::builder().name(*key).value(value).build())
                .build();
            let of_metric = MetricStat::builder().metric(metric).period(60).stat(*statistic).build();
            builder.metric_stat(of_metric).build()
        }
    }
}

/// `PartialData` comes with a token for the rest, so it's no failure
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html>).
fn series(result: &MetricDataResult) -> Series {
    match result.status_code() {
        None | Some(StatusCode::Complete | StatusCode::PartialData) => {
            let points = result.timestamps().iter().zip(result.values());
            Ok(points
                .filter_map(|(at, value)| {
                    Some(Point {
                        at: instant(Some(at))?,
                        value: *value,
                    })
                })
                .collect())
        }
        Some(status) => {
            let said = result.messages().iter().filter_map(|message| message.value());
            let said: Vec<&str> = said.collect();
            let said = if said.is_empty() {
                "no reason given".to_owned()
            } else {
                said.join("; ")
            };
            Err(CloudError {
                operation: OPERATION,
                code: Some(status.as_str().to_owned()),
                message: format!("{}: {said}", status.as_str()),
            })
        }
    }
}

pub(super) fn seconds(at: Timestamp) -> aws_sdk_cloudwatch::primitives::DateTime {
    aws_sdk_cloudwatch::primitives::DateTime::from_secs(at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(stage: usize, length: usize) -> Vec<Query> {
        (0..length)
            .map(|n| Query {
                id: format!("q{stage}_{n}"),
                source: Source::Expression("1".into()),
                wanted: true,
            })
            .collect()
    }

    #[test]
    fn lists_are_never_torn_and_calls_are_filled() {
        let lists: Vec<Vec<Query>> = (0..150).map(|stage| list(stage, 7)).collect();
        let calls = calls(&lists);
        let lengths: Vec<usize> = calls.iter().map(Vec::len).collect();
        assert_eq!(lengths, [497, 497, 56], "71 lists of 7 fit into 500");
        for call in &calls {
            assert!(call[0].id.ends_with("_0"), "{} begins a call", call[0].id);
        }
        assert!(super::calls(&[Vec::new()]).is_empty(), "nothing to ask is no call");
    }

    #[test]
    fn what_cloudwatch_could_not_answer_says_why() {
        let result = MetricDataResult::builder()
            .id("a")
            .status_code(StatusCode::Forbidden)
            .build();
        let error = series(&result).expect_err("no series");
        assert_eq!(error.to_string(), "GetMetricData failed: Forbidden: no reason given");
    }
}
