//! The faces, from recorded streams of events (`tests/fixtures/events`), on a paused clock.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test --lib progress`, and read what changed.

use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;

use super::*;
use crate::engine::event::Operation;
use crate::report::line::Line;

const RECORDED: [&str; 2] = ["first-create", "failed-update"];

/// The events of a recording, with the time from its beginning.
fn recorded(name: &str) -> Vec<(Duration, Event)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/events/{name}.jsonl"));
    let text = std::fs::read_to_string(&path).expect("the recording");
    let mut began = None;
    let read = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let at: Timestamp = serde_json::from_value(value["at"].clone()).expect("a time");
        let since = at.duration_since(*began.get_or_insert(at));
        let event = serde_json::from_value(value).expect("an event");
        (Duration::try_from(since).expect("in order"), event)
    };
    text.lines().map(read).collect()
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// What the plain face prints, each line with the second it is printed in.
async fn plainly(events: Vec<(Duration, Event)>) -> String {
    let (sender, receiver) = Events::channel();
    let began = Instant::now();
    let tell = async move {
        for (at, event) in events {
            sleep_until(began + at).await;
            sender.tell(event);
        }
    };
    let mut text = String::new();
    let print = plain(receiver, true, |line| {
        let line = anstream::adapter::strip_str(line).to_string();
        let _ = writeln!(text, "{:>4}  {line}", began.elapsed().as_secs());
    });
    futures_util::future::join(tell, print).await;
    text
}

#[tokio::test(start_paused = true)]
async fn plain_lines_tell_each_change_once_and_a_heartbeat_when_nothing_changes() {
    for name in RECORDED {
        let text = plainly(recorded(name)).await;
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{name} holds control characters"
        );
        snapshot(&format!("progress-plain-{name}"), &text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_comes_only_when_nothing_else_was_printed_and_while_something_runs() {
    let at = |seconds, event| (Duration::from_secs(seconds), event);
    let started = Event::OperationStarted {
        stack: "photo-lab-move".into(),
        part: "move".into(),
        operation: Operation::Update,
        last_seconds: None,
    };
    let warning = |message: &str| Event::Warning {
        message: message.into(),
    };
    let ended = Event::OperationEnded {
        stack: "photo-lab-move".into(),
        part: "move".into(),
        operation: Operation::Update,
        succeeded: true,
        status: crate::cloud::cloudformation::stack_status::StackStatus::UpdateComplete,
        seconds: 200.0,
    };
    let text = plainly(vec![
        at(0, started),
        at(100, warning("something else")),
        at(200, ended),
        at(500, warning("long after")),
    ])
    .await;
    assert_eq!(
        text,
        "   0  updating photo-lab-move
  60  still updating photo-lab-move (1m 00s)
 100  warning: something else
 160  still updating photo-lab-move (2m 40s)
 200  ✓ updated photo-lab-move in 3m 20s
 500  warning: long after
"
    );
}

/// The live lines after so many seconds, as wide as may be.
fn live(name: &str, seconds: impl IntoIterator<Item = u64>, width: usize) -> String {
    let mut events = recorded(name).into_iter().peekable();
    let mut board = Board::default();
    let mut text = String::new();
    for now in seconds.into_iter().map(Duration::from_secs) {
        while let Some((at, event)) = events.next_if(|(at, _)| *at <= now) {
            board.note(&event, at);
        }
        let _ = writeln!(text, "after {} s", now.as_secs());
        for line in board.lines(now, width) {
            let line = anstream::adapter::strip_str(&line.text).to_string();
            assert!(!line.chars().any(char::is_control), "control characters: {line:?}");
            assert!(line.chars().count() <= width, "wider than {width}: {line}");
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

#[test]
fn live_lines_say_what_fits_at_every_width() {
    for name in RECORDED {
        for width in [60, 100, 250] {
            let text = live(name, [1, 10, 28, 33, 60, 140, 200], width);
            snapshot(&format!("progress-live-{name}-{width}"), &text);
        }
        for width in WIDTHS {
            live(name, 0..300, width);
        }
    }
}

#[test]
fn a_name_that_is_wider_than_the_terminal_is_cut() {
    let mut board = Board::default();
    let started = Event::OperationStarted {
        stack: "a-long-name".repeat(10),
        part: "move".into(),
        operation: Operation::Attach,
        last_seconds: Some(10.0),
    };
    board.note(&started, Duration::ZERO);
    let line = board.lines(Duration::from_secs(3725), 40).remove(0);
    assert_eq!(line.text, "waiting for a-long-namea-long-na… 1h 02m");
}

#[test]
fn each_line_for_programs_has_one_time() {
    for name in RECORDED {
        for (_, event) in recorded(name) {
            let line = serde_json::to_string(&Line::new(event, Timestamp::UNIX_EPOCH)).expect("JSON");
            assert_eq!(line.matches("\"at\":").count(), 1, "{line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_hears_of_a_bucket_every_ten_seconds_and_while_nothing_happens() {
    let at = |seconds, event| (Duration::from_secs(seconds), event);
    let emptying = |bucket: &str, deleted_objects| Event::Emptying {
        bucket: bucket.into(),
        deleted_objects,
        total_objects: Some(50_000),
    };
    let emptied = |bucket: &str, deleted_objects, aborted_uploads| Event::Emptied {
        bucket: bucket.into(),
        deleted_objects,
        aborted_uploads,
        seconds: 100.0,
    };
    let mut events: Vec<_> = (0..25)
        .map(|second| at(second, emptying("one", second * 1000)))
        .collect();
    events.insert(6, at(5, emptying("other", 0)));
    events.push(at(100, emptied("one", 50_001, 1)));
    events.push(at(100, emptied("other", 1, 0)));
    events.push(at(100, emptied("third", 0, 0)));
    events.push(at(300, emptying("one", 7)));
    let text = plainly(events).await;
    assert_eq!(
        text,
        "   0  emptying s3://one: 0 of 50000 objects deleted
   5  emptying s3://other: 0 of 50000 objects deleted
  10  emptying s3://one: 10000 of 50000 objects deleted
  20  emptying s3://one: 20000 of 50000 objects deleted
  80  still emptying s3://one (1m 20s): 24000 of 50000 objects
  80  still emptying s3://other (1m 15s): 0 of 50000 objects
 100  ✓ emptied s3://one in 1m 40s: 50001 objects deleted, 1 unfinished upload aborted
 100  ✓ emptied s3://other in 1m 40s: 1 object deleted
 100  = s3://third is empty
 300  emptying s3://one: 7 of 50000 objects deleted
"
    );
}
