//! What was approved is deployed, whatever it is of: other workers, or a bucket that is there already.

use super::{digest, executed, expect, folder, with};
use crate::endpoint::{Endpoint, Script};
use crate::harness::Output;
use crate::lab::LAB;
use crate::scripted::existing_bucket::{BUCKET, file, make};

/// The digest of this file's plan is the same twice, and all of it is done.
fn approved_and_done(endpoint: &Endpoint, there: &Output, file: &str) {
    with(there, file);
    let approved = digest(there, &[]);
    assert_eq!(digest(there, &[]), approved);
    let before = executed(endpoint);
    expect(there, &approved).run();
    assert!(executed(endpoint) > before);
    // A retried job.
    expect(there, &approved).stdout_contains("Nothing to do").run();
}

#[test]
fn a_switch_to_a_function() {
    let endpoint = Endpoint::serve(Script::new());
    let both = |active: &str| {
        let function = "      lambda: {program: code, handler: made.handler, runtime: nodejs22.x, timeout: 1m}\n";
        let workers = format!("    workers:\n      active: {active}\n{function}");
        LAB.replace("    workers:\n", &workers)
    };
    let there = folder(&endpoint, &both("instances"));
    let there = there.then().file("code/made.mjs", "export const handler = () => {}\n");
    let there = there.args(["deploy", "lab.yaml", "--yes"]).run();
    approved_and_done(&endpoint, &there, &both("lambda"));
}

#[test]
fn a_bucket_that_is_there_already() {
    let endpoint = Endpoint::serve(Script::new());
    make(&endpoint, BUCKET);
    let there = folder(&endpoint, &file(""));
    approved_and_done(&endpoint, &there, &file(""));
    approved_and_done(&endpoint, &there, &file(", uploads: in/"));
}

/// What the stage takes from the new stack isn't known before that is made.
#[test]
fn alerts_for_a_lab_that_runs() {
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, LAB);
    let there = there.then().args(["deploy", "lab.yaml", "--yes"]).run();
    approved_and_done(&endpoint, &there, &format!("{LAB}alerts: {{email: ops@example.com}}\n"));
}
