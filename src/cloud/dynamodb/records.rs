//! Records of the table of results, a page at a time.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::tables::NO_SUCH_TABLE;
use crate::cloud::{Cloud, CloudError, explain, unless};

type Item = HashMap<String, AttributeValue>;

/// What became of a job in one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Record {
    /// The key of a file, or the id of a job that isn't one.
    pub job: String,
    /// The stage whose worker wrote it.
    pub stage: String,
    /// `working`, `done` or `failed`.
    pub state: String,
    /// When it was last written.
    pub updated: Option<Timestamp>,
    /// When DynamoDB may delete it; none: never.
    pub expires: Option<Timestamp>,
    /// Who wrote it.
    pub worker: Option<String>,
    /// What the worker says of it.
    pub detail: Option<String>,
}

/// Where the next page begins.
#[derive(Debug, Clone)]
pub struct Cursor(Item);

/// Entries, or how many there are, and where the next page begins. A page has a megabyte at most, and may be empty without
/// being the last (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html>).
#[derive(Debug)]
pub struct Page<T> {
    pub found: T,
    pub next: Option<Cursor>,
}

impl Cloud {
    /// A page of all records, in no order; `None` when there's no such table.
    pub async fn records(&self, table: &str, from: Option<Cursor>) -> Result<Option<Page<Vec<Record>>>, CloudError> {
        let asked = self.dynamodb.scan().table_name(table);
        let asked = asked.set_exclusive_start_key(from.map(|from| from.0)).send().await;
        let page = unless(&NO_SUCH_TABLE, asked.map_err(|error| explain("Scan", error)))?;
        Ok(page.map(|page| Page {
            found: page.items.unwrap_or_default().iter().filter_map(record).collect(),
            next: page.last_evaluated_key.map(Cursor),
        }))
    }

    /// The records of a job, of all stages; `None` when there's no such table.
    pub async fn records_of(&self, table: &str, job: &str) -> Result<Option<Vec<Record>>, CloudError> {
        let asked = self.dynamodb.query().table_name(table).consistent_read(true);
        let asked = asked
            .key_condition_expression("#job = :job")
            .expression_attribute_names("#job", "Job")
            .expression_attribute_values(":job", AttributeValue::S(job.to_owned()));
        let mut pages = asked.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| explain("Query", error));
            let Some(item) = unless(&NO_SUCH_TABLE, found)? else {
                return Ok(None);
            };
            all.extend(record(&item));
        }
        Ok(Some(all))
    }

    /// How many items a page of the table has; `None` when there's no such table. What DescribeTable says is up to six
    /// hours old (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>).
    pub async fn count_records(&self, table: &str, from: Option<Cursor>) -> Result<Option<Page<u64>>, CloudError> {
        let asked = self.dynamodb.scan().table_name(table).select(Select::Count);
        let asked = asked.set_exclusive_start_key(from.map(|from| from.0)).send().await;
        let page = unless(&NO_SUCH_TABLE, asked.map_err(|error| explain("Scan", error)))?;
        Ok(page.map(|page| Page {
            found: page.count.try_into().unwrap_or_default(),
            next: page.last_evaluated_key.map(Cursor),
        }))
    }
}

/// None of an item without the table's keys, which there can't be.
fn record(item: &Item) -> Option<Record> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    // Seconds since 1970, as DynamoDB wants them
    // (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html>).
    let seconds = |name: &str| item.get(name)?.as_n().ok()?.parse().ok();
    Some(Record {
        job: text("Job")?,
        stage: text("Stage")?,
        state: text("State").unwrap_or_default(),
        updated: text("UpdatedAt").and_then(|at| at.parse().ok()),
        expires: seconds("ExpiresAt").and_then(|at| Timestamp::from_second(at).ok()),
        worker: text("Worker"),
        detail: text("Detail"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_left_out_or_wrote_otherwise_is_none() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = Item::from([("Job".to_owned(), text("a")), ("Stage".to_owned(), text("move"))]);
        let bare = record(&item).expect("a record");
        assert_eq!((bare.state.as_str(), bare.updated, bare.expires), ("", None, None));
        for (name, value) in [
            ("UpdatedAt", text("2026-01-02T03:04:05.678Z")),
            ("ExpiresAt", AttributeValue::N("1767323045".into())),
            ("Detail", AttributeValue::N("7".into())),
        ] {
            item.insert(name.to_owned(), value);
        }
        let whole = record(&item).expect("a record");
        assert_eq!(whole.updated, "2026-01-02T03:04:05.678Z".parse().ok());
        assert_eq!(whole.expires, "2026-01-02T03:04:05Z".parse().ok());
        assert_eq!(whole.detail, None);
        item.insert("ExpiresAt".into(), text("soon"));
        assert_eq!(record(&item).and_then(|record| record.expires), None);
        item.remove("Job");
        assert_eq!(record(&item), None);
    }
}
