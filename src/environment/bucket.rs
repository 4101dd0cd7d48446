//! Where files land and where results go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;
use super::units::{Duration, KeptFor};

/// The bucket that files land in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// A bucket that is there already, by its name. It stays as it is but for its notifications, to which those for the
    /// watched prefix are added; `destroy` takes these out again, and never empties or deletes the bucket.
    #[schemars(regex(pattern = patterns::BUCKET), length(min = 3, max = 63))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub existing: Option<String>,
    /// The watched prefix: an object created under it is a message.
    #[schemars(regex(pattern = patterns::PREFIX), length(max = 200))]
    #[serde(default = "uploads")]
    pub uploads: String,
    /// Where results go. Must not overlap `uploads`, or results would be messages again.
    #[schemars(regex(pattern = patterns::PREFIX), length(max = 200))]
    #[serde(default = "processed")]
    pub processed: String,
    /// Whether `destroy` empties and deletes the bucket, the queues and the table of `results`, or keeps them. A bucket that
    /// is `existing` is always kept.
    #[serde(default)]
    pub on_destroy: OnDestroy,
    /// Keeps versions of objects that are overwritten or deleted, for as long as `old_versions` says. A file that is
    /// moved leaves one, too.
    #[serde(default)]
    pub versioning: bool,
    /// How long old versions are kept, in whole days, or `forever`. With `versioning` it is 30d unless the file says otherwise.
    /// Without, what the file says is for those that are left from before, and without a word they stay.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub old_versions: Option<KeptFor>,
    /// Pages whose scripts may upload to the bucket with a link of `files --upload-link`, and see what became of it: their
    /// origins, exactly as browsers send them. It lets nobody upload without a link.
    #[schemars(inner(regex(pattern = patterns::ORIGIN), length(max = 253)), length(max = 20), example = ["https://app.example.com"])]
    #[serde(default)]
    pub browsers: Vec<String>,
    /// The ARN of a bucket of this account that S3 copies uploads to, mostly that of the same environment in a region that
    /// stands by. Needs `versioning` on both. Where it is the environment's own bucket, it means nothing.
    #[schemars(regex(pattern = patterns::BUCKET_ARN), example = "arn:aws:s3:::videos-111122223333-us-west-2")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replicate_to: Option<String>,
}

impl Bucket {
    /// The name in the ARN of a bucket, which has neither region nor account
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html>).
    pub fn name_in(arn: &str) -> &str {
        arn.rsplit(':').next().unwrap_or_default()
    }
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

impl Bucket {
    pub const OLD_VERSIONS: KeptFor = KeptFor::Time(Duration::days(30));

    /// After how many days old versions expire; none where they are kept. Without `versioning`, only a file that asks for it has
    /// any deleted: somebody else may have switched versioning on.
    pub fn old_versions_expire_after(&self) -> Option<u64> {
        match self.old_versions.or(self.versioning.then_some(Bucket::OLD_VERSIONS))? {
            KeptFor::Time(length) => Some(length.as_secs() / 86400),
            KeptFor::Forever => None,
        }
    }
}
