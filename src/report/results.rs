//! What `results` says.

use std::fmt::Write;

use anstyle::Style;
use jiff::Timestamp;

use super::jobs::escaped;
use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, many, paint, whole_seconds};
use crate::cloud::dynamodb::records::Record;
use crate::deployed::address::Address;
use crate::observe::results::Newest;

/// The newest records, and how many more there are.
pub fn newest(address: &Address, newest: &Newest, now: Timestamp) -> String {
    let mut out = head(address);
    if newest.records.is_empty() {
        let _ = writeln!(out, "no record");
    } else {
        out += &table(&newest.records, true, now);
    }
    let shown = newest.records.len() as u64;
    if newest.matching > shown {
        let _ = writeln!(out, "and {} that are older", many(newest.matching - shown, "record"));
    }
    if !newest.complete {
        let word = paint(CAREFUL, "warning:");
        let read = many(newest.read, "record");
        let _ = writeln!(
            out,
            "{word} only {read} of the table were read: newer ones may be among the rest"
        );
    }
    out
}

/// What became of a job in each stage.
pub fn of_job(address: &Address, job: &str, records: &[Record], now: Timestamp) -> String {
    let mut out = head(address);
    let _ = writeln!(out, "{}", paint(STRONG, escaped(job)));
    out + &table(records, false, now)
}

fn head(address: &Address) -> String {
    format!("{} in {}\n", paint(STRONG, &address.environment), address.place())
}

fn table(records: &[Record], with_jobs: bool, now: Timestamp) -> String {
    let headings = ["state", "since", "stage", "job", "worker", "detail"];
    let is_shown = |heading: &&str| with_jobs || *heading != "job";
    let mut rows = Vec::new();
    for record in records {
        let cells = [
            paint(color(&record.state), escaped(&record.state)),
            record.updated.map_or("?".to_owned(), |at| ago(at, now)),
            escaped(&record.stage),
            escaped(&record.job),
            escaped(record.worker.as_deref().unwrap_or("?")),
            escaped(record.detail.as_deref().unwrap_or_default()),
        ];
        let shown = headings.iter().zip(cells).filter(|(heading, _)| is_shown(heading));
        rows.push(shown.map(|(_, cell)| cell).collect());
    }
    let headings: Vec<&str> = headings.into_iter().filter(is_shown).collect();
    super::table::text(&headings, &rows, super::width())
}

/// Clocks of workers may be ahead of ours.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    whole_seconds(seconds.try_into().unwrap_or_default())
}

fn color(state: &str) -> Style {
    match state {
        "done" => GOOD,
        "failed" => BAD,
        "working" => CAREFUL,
        _ => FAINT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: String) -> String {
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn records_are_told_with_what_was_not_read_or_shown() {
        let address = Address {
            environment: "lab".into(),
            account: "111122223333".into(),
            region: "us-east-2".into(),
        };
        let now: Timestamp = "2026-01-02T03:05:00Z".parse().expect("a time");
        let record = |job: &str, state: &str, detail: Option<&str>| Record {
            job: job.into(),
            stage: "move".into(),
            state: state.into(),
            updated: "2026-01-02T03:04:05Z".parse().ok(),
            expires: None,
            worker: Some("i-1".into()),
            detail: detail.map(str::to_owned),
        };
        let records = vec![
            record("uploads/a.txt", "done", Some("moved to processed/a.txt")),
            record("uploads/\u{1b}[2J", "failed", None),
        ];
        let some = Newest {
            records: records.clone(),
            matching: 5,
            read: 9,
            complete: false,
        };
        assert_eq!(
            said(newest(&address, &some, now)),
            "\
lab in account 111122223333, us-east-2
 state   since  stage  job                worker  detail
 done    55s    move   uploads/a.txt      i-1     moved to processed/a.txt
 failed  55s    move   uploads/\\u{1b}[2J  i-1
and 3 records that are older
warning: only 9 records of the table were read: newer ones may be among the rest
"
        );
        assert_eq!(
            said(of_job(&address, "uploads/a.txt", &records[..1], now)),
            "\
lab in account 111122223333, us-east-2
uploads/a.txt
 state  since  stage  worker  detail
 done   55s    move   i-1     moved to processed/a.txt
"
        );
        let none = Newest {
            complete: true,
            ..Newest::default()
        };
        assert!(said(newest(&address, &none, now)).ends_with("\nno record\n"));
    }
}
