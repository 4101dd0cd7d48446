//! What has data in it, or may have, and goes with its stack.

use crate::observe::data::{BucketContents, Counts, Data, QueueContents, TableContents};

/// Something that is deleted with data in it, or of which that isn't known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtRisk {
    pub stack: String,
    /// Its name in the template.
    pub logical_id: String,
    /// `queue lab-old`, as it is called there.
    pub name: String,
    /// How much is in it, or why that isn't known.
    pub holds: String,
}

/// All of it. What is empty, what is gone already and what stays is none of it.
pub fn at_risk(data: &Data) -> Vec<AtRisk> {
    let buckets = data.buckets.iter().filter(|one| !one.kept).filter_map(|one| {
        let holds = match &one.contents {
            BucketContents::Gone => return None,
            BucketContents::Counted(counts) if *counts == Counts::default() => return None,
            BucketContents::Counted(counts) | BucketContents::AtLeast(counts) => {
                some(counts.versions().max(counts.open_uploads), "object")
            }
            BucketContents::Estimated { versions, .. } => some(*versions, "object"),
            BucketContents::Unknown { reason } => unknown(reason),
        };
        Some(AtRisk::new(
            &one.stack,
            &one.logical_id,
            format!("s3://{}", one.bucket),
            holds,
        ))
    });
    let queues = data.queues.iter().filter(|one| !one.kept).filter_map(|one| {
        let holds = match &one.contents {
            QueueContents::Gone => return None,
            QueueContents::Estimated {
                visible_messages: 0,
                in_flight_messages: 0,
                delayed_messages: 0,
            } => return None,
            QueueContents::Estimated {
                visible_messages,
                in_flight_messages,
                delayed_messages,
            } => some(visible_messages + in_flight_messages + delayed_messages, "message"),
            QueueContents::Unknown { reason } => unknown(reason),
        };
        let name = one.queue.rsplit('/').next().unwrap_or(&one.queue);
        Some(AtRisk::new(&one.stack, &one.logical_id, format!("queue {name}"), holds))
    });
    let tables = data.tables.iter().filter(|one| !one.kept).filter_map(|one| {
        let holds = match &one.contents {
            TableContents::Gone | TableContents::Counted { records: 0 } => return None,
            TableContents::Counted { records } | TableContents::AtLeast { records } => some(*records, "record"),
            TableContents::Unknown { reason } => unknown(reason),
        };
        Some(AtRisk::new(
            &one.stack,
            &one.logical_id,
            format!("table {}", one.table),
            holds,
        ))
    });
    // Nobody looks into these.
    let others = data.others.iter().filter(|one| !one.kept).map(|one| {
        let holds = "what is in it isn't looked into".to_owned();
        let name = format!("{} ({})", one.name, one.resource_type);
        AtRisk::new(&one.stack, &one.logical_id, name, holds)
    });
    buckets.chain(queues).chain(tables).chain(others).collect()
}

impl AtRisk {
    fn new(stack: &str, logical_id: &str, name: String, holds: String) -> AtRisk {
        AtRisk {
            stack: stack.to_owned(),
            logical_id: logical_id.to_owned(),
            name,
            holds,
        }
    }
}

fn some(number: u64, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("about {number} {what}{s}")
}

fn unknown(reason: &str) -> String {
    format!("how much isn't known: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::data::{BucketData, OtherData, QueueData, TableData};

    fn queue(name: &str, kept: bool, contents: QueueContents) -> QueueData {
        QueueData {
            queue: format!("https://sqs.us-east-2.amazonaws.com/111122223333/{name}"),
            logical_id: "Queue".into(),
            stack: "lab-old".into(),
            dead_letters: false,
            kept,
            contents,
        }
    }

    fn messages(delayed_messages: u64) -> QueueContents {
        QueueContents::Estimated {
            visible_messages: 0,
            in_flight_messages: 0,
            delayed_messages,
        }
    }

    fn bucket(name: &str, contents: BucketContents) -> BucketData {
        BucketData {
            bucket: name.into(),
            logical_id: "Bucket".into(),
            stack: "lab-intake".into(),
            kept: false,
            contents,
        }
    }

    fn table(name: &str, contents: TableContents) -> TableData {
        TableData {
            table: name.into(),
            logical_id: "Table".into(),
            stack: "lab-results".into(),
            kept: false,
            contents,
        }
    }

    #[test]
    fn what_is_empty_gone_or_stays_is_not_at_risk_and_what_is_not_known_is() {
        let denied = || "denied".to_owned();
        let upload = Counts {
            open_uploads: 1,
            ..Counts::default()
        };
        let markers = Counts {
            delete_markers: 2,
            ..Counts::default()
        };
        let data = Data {
            buckets: vec![
                bucket("empty", BucketContents::Counted(Counts::default())),
                bucket("gone", BucketContents::Gone),
                bucket("markers", BucketContents::Counted(markers)),
                bucket("upload", BucketContents::AtLeast(upload)),
                bucket("unread", BucketContents::Unknown { reason: denied() }),
            ],
            queues: vec![
                queue("empty", false, messages(0)),
                queue("gone", false, QueueContents::Gone),
                queue("kept", true, messages(3)),
                queue("full", false, messages(3)),
                queue("unread", false, QueueContents::Unknown { reason: denied() }),
            ],
            tables: vec![
                table("empty", TableContents::Counted { records: 0 }),
                table("full", TableContents::Counted { records: 1 }),
            ],
            others: vec![OtherData {
                resource_type: "AWS::RDS::DBInstance".into(),
                name: "db".into(),
                logical_id: "Database".into(),
                stack: "lab-db".into(),
                kept: false,
                snapshot: true,
            }],
        };
        let found = at_risk(&data);
        let told: Vec<String> = found.iter().map(|one| format!("{}: {}", one.name, one.holds)).collect();
        assert_eq!(
            told,
            [
                "s3://markers: about 2 objects",
                "s3://upload: about 1 object",
                "s3://unread: how much isn't known: denied",
                "queue full: about 3 messages",
                "queue unread: how much isn't known: denied",
                "table full: about 1 record",
                "db (AWS::RDS::DBInstance): what is in it isn't looked into",
            ]
        );
    }
}
