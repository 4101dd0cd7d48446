//! How AWS is reached: credentials, region and endpoint, how long a call may take, how often it is tried, and what is said when it fails.

pub(in crate::cloud) mod advice;
pub(in crate::cloud) mod asked;
pub(in crate::cloud) mod calls;
pub(in crate::cloud) mod causes;
mod certificates;
pub(in crate::cloud) mod connect;
pub(in crate::cloud) mod failure;
pub(in crate::cloud) mod harmless;
pub mod limiter;
pub(in crate::cloud) mod lost_answer;
pub(in crate::cloud) mod no_credentials;
pub mod region;
pub(in crate::cloud) mod sending;
pub(in crate::cloud) mod source;
pub(in crate::cloud) mod time_limits;
