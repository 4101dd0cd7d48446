//! A result that can't be written: to a disk that is full, or to a reader that has gone away.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::harness::Test;
use crate::lab::with_file;

fn commands() -> Vec<Test> {
    let render = |form: &str| with_file(crate::lab::LAB).args(["render", "lab.yaml", "--output", form]);
    let forms = ["text", "json", "jsonl"].map(render);
    let others = [&["schema"][..], &["completions", "bash"], &["init"]];
    let others = others.map(|words| Test::new().args(words.iter().copied()));
    forms.into_iter().chain(others).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_a_failure() {
    for test in commands() {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        let output = test
            .command()
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("the result can't be written to standard output: No space left"),
            "{said}"
        );
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    for test in commands() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = test
            .command()
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(!said.contains("error"), "{said}");
    }
}
