//! `qfleet logs` against the scriptable endpoint.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::deployed::{lab, serve, stage, test};
use crate::endpoint::{Fault, On, Script};
use crate::harness::Following;

const GROUP: &str = "/qfleet/lab-work";
const NEXT: &str = "/qfleet/lab-next";

fn ago(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn two_stages() -> Script {
    Script::new()
        .existing(stage("work").output("LogGroupName", GROUP))
        .existing(stage("next").output("LogGroupName", NEXT))
}

#[test]
fn the_logs_of_all_stages_in_the_order_of_time_over_pages_that_may_be_empty() {
    let mut script = two_stages().page(2).empty_log_pages(2);
    for second in (1..8).rev() {
        script = script
            .logged(GROUP, "i-01/worker", ago(second * 10 + 5), &format!("work {second}\n"))
            .logged(NEXT, "i-02/worker", ago(second * 10), &format!("next {second}"));
    }
    let endpoint = serve(script.logged(GROUP, "i-01/worker", ago(3600), "long ago").logged(
        NEXT,
        "i-02/cloud-init",
        ago(5),
        "two\nlines, \x1b[2Jand\tmore",
    ));
    let logs = test(&endpoint).args(["logs", "lab.yaml"]).stderr("").run();
    let lines: Vec<&str> = logs.stdout.lines().collect();
    assert_eq!(lines.len(), 7 * 2 + 2, "{}", logs.stdout);
    assert!(lines.is_sorted_by_key(|line| &line[..20]), "{}", logs.stdout);
    assert!(lines[0].ends_with("Z  work i-01/worker  work 7"), "{}", lines[0]);
    assert!(lines[1].ends_with("Z  next i-02/worker  next 7"), "{}", lines[1]);
    assert!(lines[14].ends_with("next i-02/cloud-init  two"), "{}", lines[14]);
    assert!(lines[15].ends_with("lines, \\u{1b}[2Jand\tmore"), "{}", lines[15]);

    let document = logs
        .then()
        .args(["logs", "lab.yaml", "work", "--since", "2h", "--output", "json"])
        .run()
        .json();
    assert_eq!(document["environment"], "lab");
    let lines = document["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0]["message"], "long ago");
    assert_eq!(lines[0]["instance"], "i-01");
    assert_eq!(lines[0]["log"], "worker");
    assert!(lines.iter().all(|line| line["stage"] == "work"));
}

#[test]
fn an_instance_and_a_text_choose_lines() {
    let script = two_stages()
        .logged(GROUP, "i-01/worker", ago(40), "says \"a\\b\" [1] -x")
        .logged(GROUP, "i-011/worker", ago(30), "says \"a\\b\" [1] -x")
        .logged(NEXT, "i-01/cloud-init", ago(20), "something else");
    let endpoint = serve(script);
    let logs = |more: &[&str]| {
        let run = test(&endpoint).args(["logs", "lab.yaml", "--output", "jsonl"]);
        run.args(more.iter().copied()).run().json_lines()
    };
    assert_eq!(logs(&["--instance", "i-01"]).len(), 2, "not i-011");
    assert_eq!(logs(&["--filter", "\"a\\b\" [1] -x"]).len(), 2);
    assert_eq!(logs(&["--filter", "\"a\\b\" [1] -x", "--instance", "i-011"]).len(), 1);
    test(&endpoint)
        .args(["logs", "lab.yaml", "next", "--filter", "no", "--since", "1m"])
        .stdout("")
        .stderr(
            "lab: nothing with \"no\" in it was logged by workers of next in the last 1m; --since looks further back, and without \
             --filter you see all that was logged.\n",
        )
        .run();
}

#[test]
fn what_cannot_be_read_is_said() {
    let endpoint = serve(
        two_stages()
            .without_log_group(NEXT)
            .logged(GROUP, "i-01/worker", ago(9), "up"),
    );
    let logs = test(&endpoint)
        .args(["logs", "lab.yaml"])
        .stdout_contains("work i-01/worker  up\n")
        .stderr("next has no log group: what its workers log is kept nowhere.\n")
        .run();
    let json = logs.then().args(["logs", "lab.yaml", "--output", "json"]).run().json();
    assert_eq!(json["without_log_group"], serde_json::json!(["next"]));
    logs.then()
        .args(["logs", "lab.yaml", "nest"])
        .status(2)
        .stderr_contains("lab has no stage `nest`")
        .run();
    logs.then()
        .args(["logs", "lab.yaml", "--follow", "--output", "json"])
        .status(2)
        .stderr_contains("--output jsonl")
        .run();
    let denied = Fault::refuse(
        400,
        "AccessDeniedException",
        "not authorized to perform: logs:FilterLogEvents",
    );
    let endpoint = serve(two_stages().fault(On::action("FilterLogEvents"), denied));
    test(&endpoint)
        .args(["logs", "lab.yaml"])
        .status(1)
        .stderr_contains("not authorized to perform: logs:FilterLogEvents")
        .run();
    test(&lab(Script::new()))
        .args(["logs", "lab.yaml"])
        .stderr_contains(
            "work has no log group: what its workers log is kept nowhere.\nlab: nothing was logged in the last 10m",
        )
        .run();
}

#[test]
fn logs_are_followed_until_it_is_interrupted_or_nobody_reads_them() {
    let endpoint = serve(two_stages().logged(GROUP, "i-01/worker", ago(9), "up"));
    let following = Following::start(test(&endpoint).args(["logs", "lab.yaml", "--follow"]));
    assert_eq!(following.until("i-01/worker  up").len(), 1);
    following.signal(Signal::SIGINT);
    assert_eq!(following.end(), (130, String::new()));
    let follow = test(&endpoint).args(["logs", "lab.yaml", "--follow"]);
    assert_eq!(Following::unread(&follow), (0, String::new()));
}
