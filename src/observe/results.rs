//! What became of jobs, as workers wrote it down in the table of results.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::outputs;
use crate::cloud::Cloud;
use crate::cloud::dynamodb::records::Record;
use crate::deployed::Deployed;
use crate::error::{Error, Result};

/// How many pages are read, of a megabyte each: some 100,000 records.
const PAGES: usize = 20;

/// Which records are shown, of those that are read.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// So many, the newest.
    pub limit: usize,
    pub state: Option<&'a str>,
    pub stage: Option<&'a str>,
}

/// The newest records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Newest {
    /// The newest first.
    pub records: Vec<Record>,
    /// How many of those that were read are as asked for: more than are shown, perhaps.
    pub matching: u64,
    /// How many were read.
    pub read: u64,
    /// Whether that was all of them. A table is read in no order: where it wasn't, newer ones may be among the rest.
    pub complete: bool,
}

/// The table that an environment's workers write to.
///
/// # Errors
/// Usage where it keeps no results; a failure while its stack doesn't name the table.
pub fn table(deployed: &Deployed) -> Result<&str> {
    let Some(found) = deployed.part("results") else {
        let what = format!("{} keeps no results", deployed.address.environment);
        return Err(Error::usage(what).with_help("add `results: {ttl: 30d}` to its file, and deploy it"));
    };
    let table = found.stack.outputs.get(outputs::TABLE).map(String::as_str);
    table.ok_or_else(|| {
        let (name, status) = (&found.stack.name, &found.stack.status);
        Error::failed(format!("{name} is {status} and doesn't name its table"))
            .with_help("bring it up to date first: qfleet deploy")
    })
}

/// Reads the table as far as it is read at most. What has expired counts as gone: DynamoDB takes up to some days to delete
/// it (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html>). `now` is the wall clock.
///
/// # Errors
/// When AWS can't be asked, or there is no such table.
pub async fn newest(cloud: &Cloud, table: &str, wanted: &Wanted<'_>, now: Timestamp) -> Result<Newest> {
    let mut newest = Newest::default();
    let mut from = None;
    for _ in 0..PAGES {
        let page = cloud.records(table, from).await?.ok_or_else(|| not_there(table))?;
        newest.read += page.found.len() as u64;
        newest.add(page.found, wanted, now);
        newest.complete = page.next.is_none();
        if newest.complete {
            break;
        }
        from = page.next;
    }
    Ok(newest)
}

/// The records of a job, of every stage that worked on it, the oldest first.
///
/// # Errors
/// When AWS can't be asked, or there is no such table.
pub async fn of_job(cloud: &Cloud, table: &str, job: &str, now: Timestamp) -> Result<Vec<Record>> {
    let found = cloud.records_of(table, job).await?;
    let mut records = found.ok_or_else(|| not_there(table))?;
    records.retain(|record| !is_over(record, now));
    records.sort_by(|one, other| (one.updated, &one.stage).cmp(&(other.updated, &other.stage)));
    Ok(records)
}

fn not_there(table: &str) -> Error {
    Error::failed(format!("the table {table} isn't there, though its stack is"))
        .with_help("somebody deleted it: `qfleet drift` says so, and restoring a backup under its name brings it back")
}

fn is_over(record: &Record, now: Timestamp) -> bool {
    record.expires.is_some_and(|expires| expires <= now)
}

impl Newest {
    fn add(&mut self, page: Vec<Record>, wanted: &Wanted<'_>, now: Timestamp) {
        let is_wanted = |record: &Record| {
            !is_over(record, now)
                && wanted.state.is_none_or(|state| record.state == state)
                && wanted.stage.is_none_or(|stage| record.stage == stage)
        };
        let before = self.records.len();
        self.records.extend(page.into_iter().filter(is_wanted));
        self.matching += (self.records.len() - before) as u64;
        self.records.sort_by(|one, other| {
            let order = |record: &Record| {
                (
                    std::cmp::Reverse(record.updated),
                    record.job.clone(),
                    record.stage.clone(),
                )
            };
            order(one).cmp(&order(other))
        });
        // No more than are shown are held.
        self.records.truncate(wanted.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn record(job: &str, stage: &str, state: &str, updated: i64) -> Record {
        Record {
            job: job.into(),
            stage: stage.into(),
            state: state.into(),
            updated: Some(at(updated)),
            expires: None,
            worker: None,
            detail: None,
        }
    }

    fn jobs(newest: &Newest) -> Vec<&str> {
        newest.records.iter().map(|record| record.job.as_str()).collect()
    }

    #[test]
    fn the_newest_of_all_pages_are_held_and_the_others_counted() {
        let wanted = Wanted {
            limit: 2,
            state: None,
            stage: None,
        };
        let mut newest = Newest::default();
        let mut without_a_time = record("e", "move", "done", 0);
        without_a_time.updated = None;
        newest.add(vec![record("a", "move", "done", 10), without_a_time], &wanted, at(100));
        newest.add(
            vec![record("b", "move", "done", 30), record("c", "move", "done", 20)],
            &wanted,
            at(100),
        );
        assert_eq!((jobs(&newest), newest.matching), (vec!["b", "c"], 4));
    }

    #[test]
    fn other_states_other_stages_and_what_has_expired_are_left_out() {
        let page = || {
            let mut over = record("over", "move", "done", 5);
            over.expires = Some(at(100));
            let mut lasts = record("lasts", "move", "done", 4);
            lasts.expires = Some(at(101));
            vec![
                over,
                lasts,
                record("b", "move", "failed", 3),
                record("b", "index", "failed", 2),
            ]
        };
        for (state, stage, shown) in [
            (None, None, vec!["lasts", "b", "b"]),
            (Some("failed"), None, vec!["b", "b"]),
            (Some("failed"), Some("index"), vec!["b"]),
            (Some("working"), None, vec![]),
        ] {
            let wanted = Wanted { limit: 9, state, stage };
            let mut newest = Newest::default();
            newest.add(page(), &wanted, at(100));
            assert_eq!(jobs(&newest), shown, "{state:?} {stage:?}");
        }
    }
}
