//! What Amazon EC2 Auto Scaling would do with a group: a pure function of its policies, the metrics, the group and the
//! time. Nothing here knows AWS's API, a clock or any other module.
//!
//! ```text
//! metrics ─▶ math ─▶ alarm ─▶ controller ─▶ Decision
//! (series)   (one series)  (OK, ALARM, …)    (a new desired capacity, and why)
//! ```
//!
//! Time comes in minutes and seconds since a beginning that the caller chooses: a minute here may take six seconds
//! there.

pub mod alarm;
pub mod controller;
pub mod math;
pub mod policy;
pub mod series;
