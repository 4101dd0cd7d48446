//! The faces of progress as they really come: in a terminal, in a pipe, and in one that nobody reads.
//! What they say is in the unit tests of `report::progress`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::endpoint::{Endpoint, Script};
use crate::harness::{in_a_terminal, without_control};
use crate::lab;

#[test]
fn a_terminal_shows_lines_that_fit() {
    for (columns, color) in [(60, "never"), (120, "always")] {
        let endpoint = Endpoint::serve(Script::new().takes("lab-work", "Group", Duration::from_secs(3)));
        let deploy = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes", "--color", color]);
        let (code, said) = in_a_terminal(&deploy, columns, &[]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(
            said.contains("\x1b[1m"),
            color == "always",
            "colours only where they are wanted: {said:?}"
        );
        let shown = without_control(&said);
        let live: Vec<&str> = shown
            .split(['\r', '\n'])
            .map(str::trim_end)
            .filter(|line| line.contains(" creating lab-work "))
            .collect();
        let waiting = live.iter().filter_map(|line| line.strip_suffix("s  Group"));
        let seconds: BTreeSet<&str> = waiting.filter_map(|line| line.split(' ').next_back()).collect();
        assert!(seconds.len() > 1, "time goes on: {live:#?}");
        for line in live {
            assert!(line.chars().count() <= columns.into(), "wider than {columns}: {line:?}");
        }
    }
}

#[test]
fn a_pipe_gets_no_control_characters() {
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::at(&endpoint)
        .args(["deploy", "lab.yaml", "--yes", "--color", "auto"])
        .run();
    for text in [&there.stdout, &there.stderr] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn nobody_reading_is_no_error() {
    for output in ["text", "jsonl"] {
        let endpoint = Endpoint::serve(Script::new());
        let deploy = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes", "--output", output]);
        let mut child = deploy.spawn();
        drop(child.stdout.take());
        drop(child.stderr.take());
        let ended = child.wait().expect("it ends");
        assert_eq!(ended.code(), Some(0), "{output}");
        assert_eq!(endpoint.status("lab-dashboard").as_deref(), Some("CREATE_COMPLETE"));
    }
}
