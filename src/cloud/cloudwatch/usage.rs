//! How much of a quota is in use.

use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use jiff::Timestamp;

use super::metrics::seconds;
use crate::cloud::quotas::UsageMetric;
use crate::cloud::{Cloud, CloudError, explain};

/// Services tell their usage every five minutes
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Service-Quota-Integration.html>).
const PERIOD_SECONDS: i32 = 300;
/// How far back is looked for the newest value.
const LOOKS_BACK: Duration = Duration::from_secs(3600);

impl Cloud {
    /// The newest value of each metric, in its order; none where there is none. One call for all.
    pub async fn usage(&self, metrics: &[&UsageMetric], now: Timestamp) -> Result<Vec<Option<f64>>, CloudError> {
        let queries = metrics.iter().enumerate().map(|(number, metric)| {
            let dimensions = metric.dimensions.iter();
            let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
            let of = Metric::builder()
                .namespace(&metric.namespace)
                .metric_name(&metric.name)
                .set_dimensions(Some(dimensions.collect()))
                .build();
            let statistic = match metric.statistic.as_str() {
                "" => "Maximum",
                named => named,
            };
            let stat = MetricStat::builder().metric(of).period(PERIOD_SECONDS).stat(statistic);
            MetricDataQuery::builder()
                .id(format!("usage_{number}"))
                .metric_stat(stat.build())
                .build()
        });
        let answer = self
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries.collect()))
            .start_time(seconds(now - LOOKS_BACK))
            .end_time(seconds(now))
            .scan_by(ScanBy::TimestampDescending)
            .send()
            .await
            .map_err(|error| explain("GetMetricData", error))?;
        let newest = |number: usize| {
            let id = format!("usage_{number}");
            let mut results = answer.metric_data_results().iter();
            let result = results.find(|result| result.id() == Some(id.as_str()))?;
            let newest = result.timestamps().iter().zip(result.values());
            newest.max_by_key(|(at, _)| at.secs()).map(|(_, value)| *value)
        };
        Ok((0..metrics.len()).map(newest).collect())
    }
}
