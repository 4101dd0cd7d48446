//! Metrics put into CloudWatch.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use jiff::Timestamp;

use crate::cloud::{Cloud, CloudError, explain};

/// PutMetricData takes so many at once
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>).
const MOST: usize = 1000;

/// One value of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub name: &'static str,
    /// Its one dimension: name and value.
    pub dimension: (&'static str, String),
    pub value: f64,
    pub unit: Unit,
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Seconds,
    /// AWS/AutoScaling's metrics have none.
    None,
}

impl Cloud {
    /// Puts values of metrics into a namespace, all of one time.
    pub async fn put_metrics(&self, namespace: &str, data: &[Datum], at: Timestamp) -> Result<(), CloudError> {
        let at = DateTime::from_nanos(at.as_nanosecond()).map_err(|error| CloudError {
            operation: "PutMetricData",
            code: None,
            message: error.to_string(),
        })?;
        for data in data.chunks(MOST) {
            let data = data.iter().map(|datum| {
                let dimension = Dimension::builder().name(datum.dimension.0).value(&datum.dimension.1);
                MetricDatum::builder()
                    .metric_name(datum.name)
                    .dimensions(dimension.build())
                    .timestamp(at)
                    .value(datum.value)
                    .unit(match datum.unit {
                        Unit::Count => StandardUnit::Count,
                        Unit::Seconds => StandardUnit::Seconds,
                        Unit::None => StandardUnit::None,
                    })
                    .build()
            });
            self.cloudwatch
                .put_metric_data()
                .namespace(namespace)
                .set_metric_data(Some(data.collect()))
                .send()
                .await
                .map_err(|error| explain("PutMetricData", error))?;
        }
        Ok(())
    }
}
