//! S3: objects, their versions, and what a bucket is set to.

pub mod actual;
pub mod buckets;
pub mod deletion;
pub(in crate::cloud) mod download;
pub mod links;
pub mod listing;
pub mod notification_document;
pub mod notifications;
pub mod objects;
pub mod posts;
pub mod replication;
pub mod uploads;
pub mod versions;
