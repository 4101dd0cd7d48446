//! CloudWatch: metrics, alarms and dashboards.

pub(in crate::cloud) mod actual;
pub mod alarms;
mod dashboards;
pub mod metrics;
pub mod put_metrics;
mod usage;
