//! CloudWatch: metrics and alarms.

pub(in crate::cloud) mod actual;
pub mod alarms;
pub mod metrics;
pub mod put_metrics;
