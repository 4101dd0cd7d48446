//! How much is in an environment's buckets, queues and tables: what a destroy takes away, and what it leaves.

use std::collections::BTreeMap;

use futures_util::future::{join_all, join3, try_join};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::cloudwatch::metrics::{Point, Query, Series, Source};
use crate::cloud::s3::versions::Marker;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::holdings::{Holding, Kind};

/// How many pages of a bucket's listing are counted, of 1,000 versions each. At some 0.2 s a page it's over before
/// anybody wonders; beyond that, CloudWatch knows how much it was yesterday.
const PAGES: usize = 20;
/// CloudWatch hears of a bucket's size once a day, and late.
const DAYS: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How many pages of a table are counted, of a megabyte each: some 100,000 records.
const TABLE_PAGES: usize = 20;

/// What buckets, queues and tables hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Data {
    pub buckets: Vec<BucketData>,
    /// The queues, dead-letter queues included.
    pub queues: Vec<QueueData>,
    pub tables: Vec<TableData>,
    /// What templates of your own have besides, which isn't looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherData>,
}

/// A database, or something else with data in it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OtherData {
    pub resource_type: String,
    pub name: String,
    pub logical_id: String,
    /// The name of the stack that it belongs to.
    pub stack: String,
    /// Whether it stays when its stack is deleted.
    pub kept: bool,
    /// Whether a snapshot is taken before it is deleted, and stays.
    pub snapshot: bool,
}

/// A bucket and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BucketData {
    pub bucket: String,
    pub logical_id: String,
    /// The name of the stack that it belongs to.
    pub stack: String,
    /// Whether it stays when its stack is deleted.
    pub kept: bool,
    #[serde(flatten)]
    pub contents: BucketContents,
}

/// What a bucket holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum BucketContents {
    /// Counted to the end.
    Counted(Counts),
    /// There is more than was counted, and CloudWatch doesn't know how much.
    AtLeast(Counts),
    /// There is too much to count: what CloudWatch had at `as_of`.
    Estimated {
        /// Versions, delete markers and parts of open uploads, together (`NumberOfObjects`).
        versions: u64,
        /// Their size in bytes (`BucketSizeBytes`).
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// When it was so.
        as_of: Timestamp,
    },
    /// There is no such bucket any more.
    Gone,
    /// It could not be read.
    Unknown { reason: String },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Objects as they are now.
    pub objects: u64,
    /// Versions that were overwritten or deleted.
    pub noncurrent_versions: u64,
    pub delete_markers: u64,
    /// The size of all versions in bytes.
    pub bytes: u64,
    /// Multipart uploads that were begun and neither completed nor aborted.
    pub open_uploads: u64,
}

/// A queue and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QueueData {
    pub queue: String,
    pub logical_id: String,
    /// The name of the stack that it belongs to.
    pub stack: String,
    /// Whether it takes what no worker could process.
    pub dead_letters: bool,
    /// Whether it stays when its stack is deleted.
    pub kept: bool,
    #[serde(flatten)]
    pub contents: QueueContents,
}

/// What a queue holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum QueueContents {
    /// SQS calls all of its counts approximate
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>).
    Estimated {
        visible_messages: u64,
        in_flight_messages: u64,
        /// Not to be received yet.
        delayed_messages: u64,
    },
    /// There is no such queue any more.
    Gone,
    /// It could not be read.
    Unknown { reason: String },
}

/// A table and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TableData {
    pub table: String,
    pub logical_id: String,
    /// The name of the stack that it belongs to.
    pub stack: String,
    /// Whether it stays when its stack is deleted.
    pub kept: bool,
    #[serde(flatten)]
    pub contents: TableContents,
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum TableContents {
    /// Counted to the end.
    Counted { records: u64 },
    /// There is more than was counted.
    AtLeast { records: u64 },
    /// There is no such table any more.
    Gone,
    /// It could not be read.
    Unknown { reason: String },
}

impl Data {
    /// Looks into all of them at once. What can't be read is unknown, with its reason. `now` is the wall clock.
    pub async fn read(cloud: &Cloud, holdings: &[Holding], now: Timestamp) -> Data {
        let of = |kind: Kind| holdings.iter().filter(move |holding| holding.kind == kind);
        let buckets = join_all(of(Kind::Bucket).map(async |holding| BucketData {
            bucket: holding.name.clone(),
            logical_id: holding.logical_id.clone(),
            stack: holding.stack.clone(),
            kept: holding.kept,
            contents: bucket(cloud, &holding.name, now).await,
        }));
        let queues = join_all(of(Kind::Queue).map(async |holding| QueueData {
            queue: holding.name.clone(),
            logical_id: holding.logical_id.clone(),
            stack: holding.stack.clone(),
            dead_letters: holding.is_dead_letter_queue(),
            kept: holding.kept,
            contents: queue(cloud, &holding.name).await,
        }));
        let tables = join_all(of(Kind::Table).map(async |holding| TableData {
            table: holding.name.clone(),
            logical_id: holding.logical_id.clone(),
            stack: holding.stack.clone(),
            kept: holding.kept,
            contents: table(cloud, &holding.name).await,
        }));
        let (buckets, queues, tables) = join3(buckets, queues, tables).await;
        let others = holdings.iter().filter(|holding| matches!(holding.kind, Kind::Other(_)));
        let others = others.map(|holding| OtherData {
            resource_type: holding.kind.resource_type().to_owned(),
            name: holding.name.clone(),
            logical_id: holding.logical_id.clone(),
            stack: holding.stack.clone(),
            kept: holding.kept,
            snapshot: holding.snapshot,
        });
        Data {
            buckets,
            queues,
            tables,
            others: others.collect(),
        }
    }

    /// The part of it that belongs to the stack of this name.
    pub fn of_stack(&self, stack: &str) -> Data {
        let buckets = self.buckets.iter().filter(|one| one.stack == stack);
        let queues = self.queues.iter().filter(|one| one.stack == stack);
        let tables = self.tables.iter().filter(|one| one.stack == stack);
        Data {
            buckets: buckets.cloned().collect(),
            queues: queues.cloned().collect(),
            tables: tables.cloned().collect(),
            others: self.others.iter().filter(|one| one.stack == stack).cloned().collect(),
        }
    }

    /// How many versions and delete markers the buckets hold, by name, where it is known at least roughly.
    pub fn versions(&self) -> BTreeMap<String, u64> {
        let known = self.buckets.iter().filter_map(|bucket| {
            let versions = match &bucket.contents {
                BucketContents::Counted(counts) => counts.versions(),
                BucketContents::Estimated { versions, .. } => *versions,
                BucketContents::Gone => 0,
                BucketContents::AtLeast(_) | BucketContents::Unknown { .. } => return None,
            };
            Some((bucket.bucket.clone(), versions))
        });
        known.collect()
    }
}

impl Counts {
    /// Everything that is listed as a version.
    pub fn versions(&self) -> u64 {
        self.objects + self.noncurrent_versions + self.delete_markers
    }
}

async fn queue(cloud: &Cloud, url: &str) -> QueueContents {
    match cloud.queue_depth(url).await {
        Ok(Some(depth)) => QueueContents::Estimated {
            visible_messages: depth.visible,
            in_flight_messages: depth.in_flight,
            delayed_messages: depth.delayed,
        },
        Ok(None) => QueueContents::Gone,
        Err(error) => QueueContents::Unknown {
            reason: error.to_string(),
        },
    }
}

async fn table(cloud: &Cloud, name: &str) -> TableContents {
    let mut records = 0;
    let mut from = None;
    for _ in 0..TABLE_PAGES {
        let page = match cloud.count_records(name, from).await {
            Ok(Some(page)) => page,
            Ok(None) => return TableContents::Gone,
            Err(error) => {
                return TableContents::Unknown {
                    reason: error.to_string(),
                };
            }
        };
        records += page.found;
        match page.next {
            None => return TableContents::Counted { records },
            next => from = next,
        }
    }
    TableContents::AtLeast { records }
}

async fn bucket(cloud: &Cloud, name: &str, now: Timestamp) -> BucketContents {
    let (counts, is_all) = match counted(cloud, name).await {
        Ok(counted) => counted,
        Err(error) if error.is("NoSuchBucket") => return BucketContents::Gone,
        Err(error) => {
            return BucketContents::Unknown {
                reason: error.to_string(),
            };
        }
    };
    if is_all {
        return BucketContents::Counted(counts);
    }
    let queries = vec![
        storage("versions", name, "NumberOfObjects"),
        storage("bytes", name, "BucketSizeBytes"),
    ];
    let series = cloud.metric_data(&[queries], now - DAYS, now).await;
    // More was counted than CloudWatch says: the bucket has grown since.
    match series.ok().and_then(estimated) {
        Some(BucketContents::Estimated { versions, .. }) if versions < counts.versions() => {
            BucketContents::AtLeast(counts)
        }
        Some(estimated) => estimated,
        None => BucketContents::AtLeast(counts),
    }
}

/// The first pages, and whether there are no more.
async fn counted(cloud: &Cloud, bucket: &str) -> Result<(Counts, bool), CloudError> {
    let versions = async {
        let mut counts = Counts::default();
        let mut next = Some(Marker::default());
        for _ in 0..PAGES {
            let Some(from) = next.take() else { break };
            let page = cloud.versions(bucket, "", from).await?;
            for version in &page.entries {
                match (version.is_marker, version.is_latest) {
                    (true, _) => counts.delete_markers += 1,
                    (false, true) => counts.objects += 1,
                    (false, false) => counts.noncurrent_versions += 1,
                }
                counts.bytes += version.bytes;
            }
            next = page.next;
        }
        Ok((counts, next.is_none()))
    };
    let uploads = async {
        let mut open = 0;
        let mut next = Some(Marker::default());
        for _ in 0..PAGES {
            let Some(from) = next.take() else { break };
            let page = cloud.open_uploads(bucket, from).await?;
            open += page.entries.len() as u64;
            next = page.next;
        }
        Ok((open, next.is_none()))
    };
    let ((counts, all_versions), (open_uploads, all_uploads)) = try_join(versions, uploads).await?;
    Ok((Counts { open_uploads, ..counts }, all_versions && all_uploads))
}

/// A daily metric of a bucket, over all storage classes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>).
fn storage(id: &str, bucket: &str, metric: &str) -> Query {
    let search = format!(r#"{{AWS/S3,BucketName,StorageType}} BucketName="{bucket}" MetricName="{metric}""#);
    Query {
        id: id.into(),
        source: Source::Expression(format!("SUM(SEARCH('{search}', 'Average', 86400))")),
        wanted: true,
    }
}

/// The newest value that CloudWatch has.
fn estimated(series: BTreeMap<String, Series>) -> Option<BucketContents> {
    let last = |id: &str| series.get(id)?.as_ref().ok()?.last().copied();
    let whole = |point: Point| point.value.max(0.0) as u64;
    let versions = last("versions")?;
    Some(BucketContents::Estimated {
        versions: whole(versions),
        bytes: last("bytes").map(whole),
        as_of: versions.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: i64, value: f64) -> Point {
        Point {
            at: Timestamp::from_second(at).expect("a time"),
            value,
        }
    }

    #[test]
    fn the_newest_of_the_days_counts_and_the_size_may_be_missing() {
        let days = |points: Vec<Point>| BTreeMap::from([("versions".to_owned(), Ok(points))]);
        let found = estimated(days(vec![point(0, 5.0), point(86_400, 7.0)]));
        let Some(BucketContents::Estimated { versions, bytes, as_of }) = found else {
            panic!("{found:?}");
        };
        assert_eq!((versions, bytes, as_of.as_second()), (7, None, 86_400));
        assert_eq!(estimated(days(Vec::new())), None);
        let mut with_size = days(vec![point(0, 5.0)]);
        with_size.insert("bytes".into(), Ok(vec![point(0, 9.0)]));
        let Some(BucketContents::Estimated { bytes, .. }) = estimated(with_size) else {
            panic!("no estimate");
        };
        assert_eq!(bytes, Some(9));
    }

    #[test]
    fn only_totals_that_are_known_are_given() {
        let bucket = |name: &str, contents| BucketData {
            bucket: name.into(),
            logical_id: "Bucket".into(),
            stack: "lab-intake".into(),
            kept: false,
            contents,
        };
        let counts = Counts {
            objects: 1,
            noncurrent_versions: 2,
            delete_markers: 4,
            bytes: 8,
            open_uploads: 16,
        };
        let data = Data {
            buckets: vec![
                bucket("counted", BucketContents::Counted(counts)),
                bucket("more", BucketContents::AtLeast(counts)),
                bucket("unknown", BucketContents::Unknown { reason: "?".into() }),
            ],
            ..Data::default()
        };
        assert_eq!(data.versions(), BTreeMap::from([("counted".to_owned(), 7)]));
    }
}
