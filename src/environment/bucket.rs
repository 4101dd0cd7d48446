//! Where files land and where results go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;
use super::units::{Duration, KeptFor};

/// The bucket that files land in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The watched prefix: an object created under it is a message.
    #[schemars(regex(pattern = patterns::PREFIX), length(max = 200))]
    #[serde(default = "uploads")]
    pub uploads: String,
    /// Where results go. Must not overlap `uploads`, or results would be messages again.
    #[schemars(regex(pattern = patterns::PREFIX), length(max = 200))]
    #[serde(default = "processed")]
    pub processed: String,
    /// Whether `destroy` empties and deletes the bucket, the queues and the table of `results`, or keeps them.
    #[serde(default)]
    pub on_destroy: OnDestroy,
    /// Keeps versions of objects that are overwritten or deleted, for as long as `old_versions` says. A file that is
    /// moved leaves one, too.
    #[serde(default)]
    pub versioning: bool,
    /// How long old versions are kept, in whole days, or `forever`. Without `versioning` there are none.
    #[serde(default = "old_versions")]
    pub old_versions: KeptFor,
}

/// What `destroy` does with data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDestroy {
    /// Data stays.
    #[default]
    Keep,
    /// Data is deleted with the rest.
    Empty,
}

fn uploads() -> String {
    "uploads/".into()
}

fn processed() -> String {
    "processed/".into()
}

fn old_versions() -> KeptFor {
    KeptFor::Time(Duration::days(30))
}
