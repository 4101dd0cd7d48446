//! The web tier as `status` sees it, against AWS's documented answers: unhealthy targets, what is gone, and what may not be
//! read, which is never taken for well.

use aws_sdk_elasticloadbalancingv2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use aws_sdk_elasticloadbalancingv2::{Client, Config};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::deployed::stack;
use crate::endpoint::{Endpoint, Existing, Fault, On, Script, ScriptedGroup};
use crate::harness::{Following, Test, in_a_terminal_of};
use crate::lab;
use crate::scripted::watch::stage;

const TARGETS: &str = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/lab-w-Targe-1/943f017f100becff";
const BALANCER: &str = "lab-w-LoadB-1";

fn web() -> Existing {
    stack("web")
        .output("Url", "http://lab-w-LoadB-1-1.us-east-2.elb.amazonaws.com")
        .output("LoadBalancerName", BALANCER)
        .output("LoadBalancerFullName", "app/lab-w-LoadB-1/50dc6c495c0c9188")
        .output("TargetGroupArn", TARGETS)
        .output("TargetGroupFullName", "targetgroup/lab-w-Targe-1/943f017f100becff")
        .output("GroupName", "lab-web-Group")
        .output("UnhealthyTargetsAlarmName", "unhealthy")
        .output("ProgramErrorsAlarmName", "errors")
        .output("LoadBalancerErrorsAlarmName", "unanswered")
}

/// A stage and a web tier of two instances, whose targets are as said.
fn script(targets: &[&str]) -> Script {
    let in_service = &["us-east-2a:i-01", "us-east-2b:i-02"];
    Script::new()
        .existing(stage("work"))
        .existing(web())
        .group(ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-11"]))
        .group(ScriptedGroup::new("lab-web-Group", in_service).sizes(2, 2, 4))
        .balancer(BALANCER)
        .targets(TARGETS, targets)
        .alarm("unhealthy", "OK", "")
        .alarm("errors", "OK", "")
        .alarm("unanswered", "OK", "")
        .series("requests", &[(30, 200.0), (1, 40.0), (0, 12.0)])
        .series("errors", &[(1, 3.0)])
}

const WELL: [&str; 2] = ["i-01 healthy", "i-02 healthy"];

fn status(endpoint: &Endpoint) -> Test {
    lab::at(endpoint).args(["status", "lab.yaml"])
}

fn read(script: Script) -> Value {
    let endpoint = Endpoint::serve(script);
    status(&endpoint).args(["--output", "json"]).run().json()
}

/// Findings about the web tier: which, and their commands.
fn findings(status: &Value) -> Vec<(&str, &str)> {
    let all = status["findings"].as_array().expect("findings").iter();
    all.filter(|finding| finding["stage"] == "web")
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default();
            (text("id"), text("command"))
        })
        .collect()
}

#[test]
fn targets_requests_and_alarms_are_shown() {
    let endpoint = Endpoint::serve(script(&WELL));
    let said = status(&endpoint).run().stdout;
    for line in [
        "balancer  lab-w-LoadB-1\n",
        "targets   2 of 2 healthy\n",
        "group     2 of 2 in service; min 2, max 4\n",
        "requests  12 a minute, 252 in the last hour; 3 errors of the program (5xx)\n",
        "alarms    3 OK\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let asked = endpoint.calls("DescribeTargetHealth");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].region, "us-east-2");
    let read = status(&endpoint).args(["--output", "json"]).run().json();
    assert_eq!(findings(&read), []);
    let requests = json!({"last_minute": 12, "last_hour": 252, "errors_last_hour": 3, "unanswered_last_hour": 0});
    assert_eq!(read["web"]["requests"], requests);
}

#[test]
fn targets_that_are_not_healthy_are_findings_with_their_reasons() {
    let few = read(script(&[
        "i-01 healthy",
        "i-02 unhealthy Target.ResponseCodeMismatch Health checks failed with these codes: [503]",
    ]));
    assert_eq!(
        findings(&few),
        [("web-few-healthy", "qfleet logs lab.yaml --stage web")]
    );
    let mut all = few["findings"].as_array().expect("findings").iter();
    let meaning = &all.find(|finding| finding["id"] == "web-few-healthy").expect("it")["meaning"];
    assert_eq!(
        meaning,
        "1 of 2 targets are healthy, and there should be 2: Health checks failed with these codes: [503]"
    );
    let none = read(script(&[
        "i-01 unhealthy Target.Timeout Request timed out",
        "i-02 draining",
    ]));
    assert_eq!(
        findings(&none),
        [("web-none-healthy", "qfleet logs lab.yaml --stage web")]
    );
    // The load balancer isn't enabled in the zone, or has no listener any more: nothing of the program's.
    let unused = read(script(&["i-01 unused Target.NotInUse", "i-02 unused Target.NotInUse"]));
    assert_eq!(findings(&unused), [("web-none-healthy", "qfleet drift lab.yaml")]);
}

#[test]
fn what_somebody_deleted_is_found() {
    let mut without = script(&WELL);
    without = without.fault(
        On::action("DescribeTargetHealth"),
        Fault::refuse(400, "TargetGroupNotFound", "One or more target groups not found"),
    );
    let gone = read(without);
    assert_eq!(findings(&gone), [("web-gone", "qfleet drift lab.yaml")]);
    assert_eq!(gone["web"]["gone"], json!(["target_group"]));
    assert_eq!(gone["web"]["healthy"], Value::Null);
    // A balancer that nobody scripted isn't there.
    let endpoint = Endpoint::serve(
        Script::new()
            .existing(stage("work"))
            .existing(web())
            .group(ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-11"]))
            .group(ScriptedGroup::new("lab-web-Group", &["us-east-2a:i-01"]))
            .targets(TARGETS, &["i-01 unused Target.NotInUse"]),
    );
    let read = status(&endpoint).args(["--output", "json"]).run().json();
    assert_eq!(findings(&read), [("web-gone", "qfleet drift lab.yaml")]);
    assert_eq!(read["web"]["gone"], json!(["load_balancer"]));
    let said = status(&endpoint).run().stdout;
    assert!(said.contains("balancer  lab-w-LoadB-1 gone\n"), "{said}");
    assert!(said.contains("its load balancer is gone: nobody answers"), "{said}");
}

#[test]
fn what_may_not_be_read_is_not_known_and_never_healthy() {
    let denied = |action: &str| script(&WELL).fault(On::action(action), Fault::access_denied(action));
    let endpoint = Endpoint::serve(denied("DescribeTargetHealth"));
    let said = status(&endpoint).run().stdout;
    assert!(said.contains("targets   not known\n"), "{said}");
    assert!(
        said.contains("group     2 of 2 in service; min 2, max 4\n"),
        "the rest is: {said}"
    );
    assert!(said.contains("unknown: web: DescribeTargetHealth"), "{said}");
    assert!(!said.contains("healthy") && !said.contains("✓"), "{said}");
    let unread = status(&endpoint).args(["--output", "json"]).run().json();
    assert_eq!(unread["web"]["healthy"], Value::Null);
    assert_eq!(unread["web"].get("gone"), None);
    assert_eq!(findings(&unread), []);
    // Of the balancer alone: its targets say how it is.
    let unread = read(denied("DescribeLoadBalancers"));
    assert_eq!(
        (&unread["web"]["healthy"], unread["web"].get("gone")),
        (&json!(2), None)
    );
    let problem = unread["unknown"][0].as_str().expect("a problem");
    assert!(problem.starts_with("web: DescribeLoadBalancers"), "{problem}");
}

#[test]
fn throttling_is_waited_for() {
    let endpoint = Endpoint::serve(
        script(&WELL)
            .fault(On::action("DescribeTargetHealth").numbers(1..=1), Fault::throttling())
            .fault(On::action("DescribeLoadBalancers").numbers(1..=1), Fault::throttling()),
    );
    status(&endpoint).stdout_contains("2 of 2 healthy").run();
    assert_eq!(endpoint.calls("DescribeTargetHealth").len(), 2);
}

#[test]
fn an_alarm_that_is_on_is_a_finding() {
    let endpoint = Endpoint::serve(
        Script::new()
            .existing(stage("work"))
            .existing(web())
            .group(ScriptedGroup::new("lab-work-Group", &["us-east-2a:i-11"]))
            .group(ScriptedGroup::new("lab-web-Group", &["us-east-2a:i-01"]))
            .balancer(BALANCER)
            .targets(TARGETS, &["i-01 healthy"])
            .alarm("errors", "ALARM", "Threshold Crossed: 3 datapoints")
            .alarm("unhealthy", "OK", ""),
    );
    let said = status(&endpoint).run().stdout;
    assert!(
        said.contains("web: the alarm errors is on: Threshold Crossed: 3 datapoints"),
        "{said}"
    );
    assert!(said.contains("alarms    errors ALARM; unanswered MISSING\n"), "{said}");
}

#[test]
fn the_screen_shows_it_above_the_stages() {
    let endpoint = Endpoint::serve(script(&["i-01 healthy", "i-02 initial Elb.InitialHealthChecking"]));
    let watch = status(&endpoint).args(["--watch"]);
    for (size, words) in [
        (
            (80, 24),
            "web       1 of 2 healthy  2 of 2 in service  12 requests/min  3 alarms OK",
        ),
        (
            (200, 50),
            "web       1 of 2 healthy  2 of 2 in service, min 2, max 4  12 requests/min  3 alarms OK",
        ),
    ] {
        let seen = in_a_terminal_of(&watch, size, &[("alarms OK", "q")], |_| ());
        let screen = &seen.screens[0];
        assert!(screen.contains(words), "{screen}");
        let roomy = screen.contains("elb.amazonaws.com  252 requests in 1 h  3 with errors of the program");
        assert_eq!(roomy, size == (200, 50), "{screen}");
    }
}

#[test]
fn lines_and_objects_tell_of_it_when_it_changes() {
    let endpoint = Endpoint::serve(script(&WELL));
    let following = Following::start(status(&endpoint).args(["--watch", "--interval", "1"]));
    following.until(
        "web: targets 2 of 2 healthy; 2 of 2 in service; alarms 3 OK; requests 12 a minute, 252 in the last hour",
    );
    endpoint.rescript(|script| script.targets(TARGETS, &["i-01 healthy", "i-02 unhealthy Target.Timeout"]));
    following.until("web: targets 1 of 2 healthy, 1 unhealthy; 2 of 2 in service");
    // Asked at each look; what changes by the minute is not.
    assert!(endpoint.calls("DescribeTargetHealth").len() >= 2);
    assert_eq!(endpoint.calls("DescribeLoadBalancers").len(), 1);
    following.signal(Signal::SIGTERM);
    assert_eq!(following.end().0, 130);
}

/// What an instance's watcher does on a spot notice, by the SDK.
#[test]
fn a_target_that_is_deregistered_drains() {
    let endpoint = Endpoint::serve(script(&WELL));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-2"))
            .endpoint_url(endpoint.url())
            .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"));
        let client = Client::from_conf(config.build());
        let target = TargetDescription::builder().id("i-01").build();
        let asked = client.deregister_targets().target_group_arn(TARGETS).targets(target);
        asked.send().await.expect("an answer");
        let unknown = client
            .describe_target_health()
            .target_group_arn("arn:aws:other")
            .send()
            .await;
        let refused = unknown.expect_err("there is none").into_service_error();
        assert!(refused.is_target_group_not_found_exception(), "{refused:?}");
    });
    let said = status(&endpoint).run().stdout;
    assert!(said.contains("targets   1 of 2 healthy, 1 draining\n"), "{said}");
    assert!(said.contains("Target deregistration is in progress"), "{said}");
}
