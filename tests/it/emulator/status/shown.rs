//! What `qfleet status` says of a lab in which a lot is wrong, and of one in which nothing is.

use std::time::Duration;

use crate::emulator::status::{
    DEAD, GROUP, HIGH, LATENCY, LOW, QUEUE, QUEUE_ARN, TOPIC, artifacts, healthy, ids, intake, serve, test,
};
use crate::endpoint::{Endpoint, Existing, Script, ScriptedActivity, ScriptedGroup};
use crate::harness::{Output, in_a_terminal_of};
use crate::scripted::watch;

/// As it is shown, without the time of the test.
fn settled(output: &Output) -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(".");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\dZ", "[minute]");
    settings.add_filter(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[time]");
    settings.add_filter(r"\d\d:\d\d:\d\dZ", "[hh:mm]Z");
    settings.add_filter(r"\d+[hd] \d\d[mh] ago", "[n] ago");
    settings.add_filter(r", \d+\.\ds\b", ", [n]s");
    settings.add_filter(r"in \d+\.\ds\b", "in [n]s");
    settings.add_filter(r#""length_seconds": [\d.e-]+"#, "\"length_seconds\": [n]");
    assert_eq!(output.stderr, "");
    settings.bind_to_scope()
}

/// A lab in which a lot is wrong.
fn sick() -> Script {
    let work = watch::stage("work")
        .output("QueueArn", QUEUE_ARN)
        .output("LatencyAlarmName", LATENCY)
        .parameter("TopicArn", TOPIC)
        .protected()
        .drift("DRIFTED", Duration::from_secs(3600));
    let next = Existing::new("lab-next", "UPDATE_ROLLBACK_FAILED")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "next")
        .reason("The following resource(s) failed to update: [Group, Queue].");
    let group = ScriptedGroup::new(GROUP, &["us-east-2a:i-01", "us-east-2a:i-02", "us-east-2a:i-03"])
        .sizes(1, 3, 3)
        .policy("BacklogScaling", "TargetTrackingScaling", &[HIGH, LOW])
        .suspended("AZRebalance")
        .mixed()
        .version("2")
        .launched_from("i-01", "1")
        .protects("i-02")
        .unhealthy("i-03")
        .refresh(
            "InProgress",
            Some("Waiting for remaining instances to be available."),
            40,
        );
    let activity = |minutes: u64, description, cause, status, message| ScriptedActivity {
        group: GROUP,
        description,
        cause,
        status,
        message,
        ago: Duration::from_secs(minutes * 60),
    };
    const SICK: &str = "At 2026-01-02T11:58:00Z an instance was taken out of service in response to an EC2 health check \
                        indicating it has been terminated or stopped.";
    let rises: Vec<(i64, f64)> = (0..30).rev().map(|ago| (ago + 2, 300.0 - ago as f64 * 8.0)).collect();
    let ones: Vec<(i64, f64)> = rises.iter().map(|(ago, _)| (*ago, 3.0)).collect();
    Script::new()
        .existing(artifacts())
        .existing(intake())
        .existing(work)
        .existing(next)
        .group(group)
        .alarm(HIGH, "INSUFFICIENT_DATA", "Insufficient Data")
        .alarm(
            LATENCY,
            "ALARM",
            "Threshold Crossed: 3 datapoints were greater than the threshold (300.0)",
        )
        .activity(activity(20, "Terminating EC2 instance: i-07", SICK, "Successful", None))
        .activity(activity(15, "Terminating EC2 instance: i-08", SICK, "Successful", None))
        .activity(activity(10, "Terminating EC2 instance: i-09", SICK, "Successful", None))
        .activity(activity(
            5,
            "Launching a new EC2 instance. Status Reason: Could not launch On-Demand Instances.",
            "At 2026-01-02T12:03:00Z an instance was started in response to a difference between desired and actual \
             capacity, increasing the capacity from 2 to 3.",
            "Failed",
            Some("InsufficientInstanceCapacity - We currently do not have sufficient t3.micro capacity in us-east-2b."),
        ))
        .series("oldest0", &[(0, 3725.0)])
        .series("visible0", &ones)
        .series("running0", &ones)
        .series("backlog0", &rises)
}

fn sick_lab() -> Endpoint {
    let endpoint = serve(sick());
    endpoint.world(|world| {
        world.services.queues.make(QUEUE, &["work"; 200]);
        world.services.queues.make(DEAD, &["poison"]);
        world
            .services
            .set_parameter("/qfleet/lab/expires", "2026-01-01T00:00:00Z");
    });
    endpoint
}

#[test]
fn what_is_wrong_is_found_worst_first() {
    let endpoint = sick_lab();
    let read = test(&endpoint)
        .args(["--output", "json", "--exit-code"])
        .status(3)
        .stderr("")
        .run();
    let status = read.json();
    let expected = [
        "stack-stuck",
        "dead-letters",
        "queue-unsubscribed",
        "backlog-growing-at-max",
        "launches-fail",
        "workers-die",
        "scaling-alarms-missing",
        "lab-expired",
        "stack-not-in-file",
        "latency-exceeded",
        "zones-unbalanced",
        "processes-suspended",
        "scaling-data-missing",
        "stack-drifted",
    ];
    assert_eq!(ids(&status), expected, "{status:#}");
    let _settings = settled(&read);
    let of = |part: &str| serde_json::to_string_pretty(&status[part]).expect("JSON");
    insta::assert_snapshot!("findings-json", of("findings"));
    insta::assert_snapshot!("stacks-json", of("stacks"));
}

#[test]
fn the_text_says_the_same() {
    let read = test(&sick_lab()).run();
    let _settings = settled(&read);
    let hours = regex::Regex::new(r"\d+[hd] \d\d[mh] ago").expect("a pattern");
    insta::assert_snapshot!("sick", hours.replace_all(&read.stdout, "[n] ago"));

    let read = test(&serve(healthy())).run();
    insta::assert_snapshot!("healthy", read.stdout);
}

#[test]
fn lines_fit_the_terminal_and_commands_can_be_copied() {
    let endpoint = sick_lab();
    for width in [80, 120, 200] {
        let seen = in_a_terminal_of(&test(&endpoint), (width, 50), &[], |_| ());
        assert_eq!(seen.code, 0, "{}", seen.said);
        let lines: Vec<&str> = seen.said.lines().collect();
        for line in &lines {
            let is_command = line.trim_start().starts_with("aws ") || line.trim_start().starts_with("qfleet ");
            let fits = line.trim_end().chars().count() <= usize::from(width);
            assert!(is_command || fits, "{width}: {line}\n{}", seen.said);
        }
        let command = "              aws autoscaling resume-processes --auto-scaling-group-name lab-work-Group \
                       --region us-east-2";
        assert!(lines.iter().any(|line| line.trim_end() == command), "{}", seen.said);
    }
}
