//! `qfleet list`: what it shows, and that its calls grow with pages.

use jiff::Timestamp;
use qfleet::cloud::Cloud;
use qfleet::observe::list::all_regions;

use crate::endpoint::{Endpoint, Existing, Fault, Gate, On, Script, ScriptedGroup};
use crate::harness::Test;
use crate::{deployed, harness, lab};

fn test(endpoint: &Endpoint) -> Test {
    lab::at(endpoint).env("AWS_REGION", "us-east-2").args(["list"])
}

fn stack(environment: &str, part: &str, status: &str) -> Existing {
    Existing::new(&format!("{environment}-{part}"), status)
        .tag("qfleet:environment", environment)
        .tag("qfleet:part", part)
}

fn stage(environment: &str, part: &str, status: &str) -> Existing {
    stack(environment, part, status)
        .output("QueueUrl", "https://sqs.us-east-2.amazonaws.com/111122223333/queue")
        .output("GroupName", &format!("{environment}-{part}-Group"))
}

fn group(environment: &str, part: &str, instances: &[&str]) -> ScriptedGroup {
    ScriptedGroup::new(&format!("{environment}-{part}-Group"), instances)
}

/// Two environments, and stacks of others.
fn script() -> Script {
    Script::new()
        .existing(stack("lab", "intake", "CREATE_COMPLETE"))
        .existing(stage("lab", "move", "UPDATE_ROLLBACK_FAILED"))
        .existing(stage("lab", "resize", "UPDATE_IN_PROGRESS"))
        .existing(stage("prod", "move", "CREATE_COMPLETE"))
        .existing(Existing::new("somebody-elses", "CREATE_FAILED"))
        .group(group("lab", "move", &["us-east-2a:i-01", "us-east-2b:i-02"]).and("us-east-2a", "i-03", "Pending"))
        .group(group("lab", "resize", &["us-east-2a:i-04"]))
        .group(group("prod", "move", &["us-east-2a:i-05"]).untagged())
        .group(ScriptedGroup::new("somebody-elses", &["us-east-2a:i-06"]))
}

fn serve(script: Script) -> Endpoint {
    let endpoint = Endpoint::serve(script);
    endpoint.world(|world| {
        world
            .services
            .set_parameter("/qfleet/lab/expires", "2026-01-01T00:00:00Z");
        world
            .services
            .set_parameter("/qfleet/lab/another", "2026-01-01T00:00:00Z");
    });
    endpoint
}

#[test]
fn environments_are_listed_with_their_worst_state_and_all_their_instances() {
    let endpoint = serve(script());
    let listing = test(&endpoint).args(["--output", "json"]).stderr("").run().json();
    assert_eq!(listing["account"], "111122223333");
    assert_eq!(listing["unknown"], serde_json::json!([]));
    let environments = listing["environments"].as_array().expect("environments");
    assert_eq!(environments.len(), 2, "{listing:#}");
    let (lab, prod) = (&environments[0], &environments[1]);
    assert_eq!(lab["environment"], "lab");
    assert_eq!(lab["region"], "us-east-2");
    assert_eq!(lab["state"], "UPDATE_ROLLBACK_FAILED");
    assert_eq!(lab["parts"], serde_json::json!(["intake", "move", "resize"]));
    assert_eq!(lab["stages"], serde_json::json!(["move", "resize"]));
    assert_eq!(lab["instances"], serde_json::json!({"in_service": 3, "desired": 3}));
    assert!(
        lab["expires"]["seconds_left"].as_i64().is_some_and(|left| left < 0),
        "{lab:#}"
    );
    assert!(
        lab["age_seconds"].as_i64().is_some_and(|age| (0..60).contains(&age)),
        "{lab:#}"
    );
    assert_eq!(lab["attention"], serde_json::json!(["failed", "expired"]));
    assert_eq!(prod["attention"], serde_json::json!([]));
    assert_eq!(prod["state"], "CREATE_COMPLETE");
    assert_eq!(prod["expires"], serde_json::Value::Null);
    assert_eq!(
        prod["instances"]["in_service"], 1,
        "its group lost its tag, and is found by its name"
    );

    let asked = endpoint.calls("DescribeAutoScalingGroups");
    assert_eq!(asked.len(), 2, "by tag, and the one that has none by name");
    assert_eq!(
        asked[0].input.text("Filters.member.1.Values.member.1"),
        Some("qfleet:environment")
    );
    assert_eq!(asked[1].input.texts("AutoScalingGroupNames"), ["prod-move-Group"]);

    let lines = test(&endpoint).args(["--output", "jsonl"]).run().json_lines();
    let names: Vec<_> = lines.iter().map(|line| &line["environment"]).collect();
    assert_eq!(names, ["lab", "prod"]);
}

#[test]
fn what_needs_attention_is_marked() {
    let of = |name: &str, status: &str| stage(name, "move", status).tag("qfleet:protect", "true");
    let script = Script::new()
        .existing(of("back", "UPDATE_ROLLBACK_COMPLETE"))
        .existing(of("coming", "CREATE_IN_PROGRESS"))
        .existing(of("idle", "CREATE_COMPLETE"))
        .existing(of("lab", "CREATE_COMPLETE"))
        .existing(of("new", "CREATE_COMPLETE"))
        .existing(of("well", "CREATE_COMPLETE"))
        .group(group("back", "move", &["us-east-2a:i-01"]))
        .group(group("coming", "move", &[]).sizes(1, 1, 1))
        .group(group("idle", "move", &[]).sizes(1, 1, 1))
        .group(group("lab", "move", &["us-east-2a:i-02"]))
        .group(
            group("new", "move", &[])
                .sizes(1, 1, 1)
                .and("us-east-2a", "i-03", "Pending"),
        )
        .group(group("well", "move", &[]).sizes(0, 0, 1));
    let listing = test(&serve(script.clone())).args(["--output", "json"]).run().json();
    let environments = listing["environments"].as_array().expect("environments");
    let attention: Vec<_> = environments.iter().map(|one| one["attention"].clone()).collect();
    let expected = [
        &["rolled_back"][..],
        &[],
        &["no_workers"],
        &["expired_protected"],
        &[],
        &[],
    ];
    assert_eq!(attention, expected.map(|words| serde_json::json!(words)), "{listing:#}");
    let text = test(&serve(script)).run().stdout;
    let marked: Vec<&str> = text.lines().filter(|line| line.starts_with(" ! ")).collect();
    assert_eq!(marked.len(), 3, "{text}");
    assert!(marked[2].contains("ago, protected"), "{text}");
    assert!(text.contains("\n   well"), "{text}");
}

#[test]
fn the_text_is_a_table() {
    let text = test(&serve(script())).run().stdout;
    let ages = regex::Regex::new(r"\b\d+s\b|\bexpired \d+d ago").expect("a pattern");
    let shown: Vec<String> = ages
        .replace_all(&text, "[age]")
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        shown,
        [
            "environment state stages age expires instances",
            "! lab UPDATE_ROLLBACK_FAILED 2 [age] [age] 3 of 3",
            "prod CREATE_COMPLETE 1 [age] never 1 of 1",
        ]
    );
    assert!(text.lines().all(|line| line.trim_end().chars().count() <= 80), "{text}");
    let empty = test(&serve(Script::new())).args(["--region", "us-east-2"]);
    empty
        .stdout("no environment is deployed in account 111122223333, us-east-2\n")
        .run();
}

#[test]
fn a_paused_stage_is_told_at_no_cost() {
    let paused = |part: &str| {
        stack("lab", part, "UPDATE_COMPLETE")
            .output("QueueUrl", "https://sqs.us-east-2.amazonaws.com/111122223333/queue")
            .output("Paused", "true")
    };
    let some = serve(script().existing(paused("rest")));
    let listing = test(&some).args(["--output", "json"]).run().json();
    let environments = &listing["environments"];
    assert_eq!(environments[0]["paused"], serde_json::json!(["rest"]));
    assert_eq!(environments[1]["paused"], serde_json::json!([]));
    let calls = |endpoint: &Endpoint| endpoint.world(|world| world.calls.len());
    let none = serve(script());
    test(&none).args(["--output", "json"]).run();
    assert_eq!(calls(&some), calls(&none));
    test(&some).stdout_contains("  3 (1 paused)  ").run();
    // There are no instances, and shouldn't be.
    let all = serve(Script::new().existing(paused("rest")));
    let text = test(&all).run().stdout;
    assert!(
        text.contains("  1 (1 paused)  ") && text.trim_end().ends_with(" -"),
        "{text}"
    );
}

#[test]
fn what_stands_by_says_so() {
    let stands_by = stack("lab", "rest", "UPDATE_COMPLETE")
        .output("QueueUrl", "https://sqs.us-east-2.amazonaws.com/111122223333/queue")
        .output("Paused", "standby");
    let all = serve(regions(Script::new().existing(stands_by.clone())));
    let text = test(&all).args(["--all-regions"]).run().stdout;
    assert_eq!(text.matches("  1 (stands by)  ").count(), 3, "{text}");
    // Others work: then it doesn't stand by as a whole.
    let some = serve(script().existing(stands_by));
    test(&some).stdout_contains("  3 (1 paused)  ").run();
}

#[test]
fn calls_grow_with_pages_not_with_environments() {
    let endpoint = serve((0..100).fold(Script::new(), |script, n| {
        let name = format!("lab-{n:03}");
        script
            .existing(stack(&name, "intake", "CREATE_COMPLETE"))
            .existing(stage(&name, "move", "CREATE_COMPLETE"))
            .group(group(&name, "move", &["us-east-2a:i-01"]))
    }));
    endpoint.world(|world| {
        for n in 0..100 {
            let name = format!("/qfleet/lab-{n:03}/expires");
            world.services.set_parameter(&name, "2100-01-01T00:00:00Z");
        }
    });
    let listing = test(&endpoint).args(["--output", "json"]).run().json();
    let environments = listing["environments"].as_array().expect("environments");
    assert_eq!(environments.len(), 100);
    for environment in environments {
        assert_eq!(environment["instances"]["in_service"], 1, "{environment:#}");
        assert!(environment["expires"].is_object(), "{environment:#}");
    }
    let calls = |action: &str| endpoint.calls(action).len();
    assert_eq!(calls("DescribeStacks"), 2, "200 stacks, 100 a page");
    assert_eq!(calls("DescribeAutoScalingGroups"), 1, "100 groups, 100 a page");
    assert_eq!(calls("GetParametersByPath"), 11, "102 parameters, 10 a page");
    let all = endpoint.world(|world| world.calls.len());
    assert_eq!(all, 15, "and who is asking");
}

#[test]
fn what_cannot_be_read_is_unknown_and_the_rest_is_shown() {
    for (action, missing) in [
        ("DescribeAutoScalingGroups", "instances"),
        ("GetParametersByPath", "expires"),
    ] {
        let denied = Fault::refuse(403, "AccessDenied", "not authorized");
        let endpoint = serve(script().fault(On::action(action), denied));
        let read = test(&endpoint).args(["--output", "json"]).run();
        let lab = &read.json()["environments"][0];
        for name in ["instances", "expires"] {
            assert_eq!(lab[name].is_null(), name == missing, "{action}: {lab:#}");
        }
        let said = format!("unknown: us-east-2: {action} failed: not authorized\n");
        let text = read.then().args(["list"]).stdout_contains(said).run().stdout;
        let prod = text.lines().find(|line| line.contains("prod")).expect("its line");
        let shown = ["1 of 1", "never", "?"].map(|word| prod.contains(word));
        assert_eq!(shown, [missing != "instances", missing != "expires", true], "{prod}");
    }
    let denied = Fault::refuse(403, "AccessDenied", "not authorized");
    let endpoint = serve(script().fault(On::action("DescribeStacks"), denied));
    test(&endpoint)
        .status(1)
        .stdout("")
        .stderr_contains("DescribeStacks failed")
        .run();
}

/// It may have expired, and `reap` leaves it alone. It must not look like one that never expires.
#[test]
fn an_expiry_that_is_no_time_is_unknown() {
    let endpoint = serve(script());
    endpoint.world(|world| world.services.set_parameter("/qfleet/lab/expires", "tomorrow"));
    let why = "/qfleet/lab/expires says \"tomorrow\", which is no time; correct it";
    let listing = test(&endpoint).args(["--output", "json"]).run().json();
    let unknown = listing["unknown"][0]["unknown"].as_str().unwrap_or_default();
    assert!(unknown.starts_with(why), "{listing:#}");
    let shown = test(&endpoint).run().stdout;
    let line = |name: &str| shown.lines().find(|line| line.contains(name)).unwrap_or_default();
    assert!(line("lab ").contains(" ? "), "{shown}");
    assert!(line("prod ").contains(" never "), "{shown}");
    let status = lab::at(&endpoint)
        .env("AWS_REGION", "us-east-2")
        .args(["status", "--name", "lab"]);
    status.stdout_contains(format!("unknown: {why}")).run();
}

fn regions(script: Script) -> Script {
    script
        .a_region("us-east-2", "ENABLED_BY_DEFAULT")
        .a_region("af-south-1", "ENABLED")
        .a_region("ap-east-1", "DISABLED")
        .a_region("eu-west-1", "ENABLED_BY_DEFAULT")
}

#[test]
fn a_region_that_cannot_be_asked_is_unknown() {
    let denied = Fault::refuse(403, "AccessDenied", "an organization's policy forbids it");
    let endpoint = serve(regions(script()).fault(On::everything().region("af-south-1"), denied));
    let read = test(&endpoint).args(["--all-regions", "--output", "json"]).run();
    let listing = read.json();
    // The endpoint plays every region alike.
    let found: Vec<String> = listing["environments"]
        .as_array()
        .expect("environments")
        .iter()
        .map(|one| format!("{}/{}", one["region"], one["environment"]).replace('"', ""))
        .collect();
    assert_eq!(
        found,
        ["eu-west-1/lab", "eu-west-1/prod", "us-east-2/lab", "us-east-2/prod"]
    );
    let unknown = listing["unknown"].as_array().expect("what is unknown");
    assert_eq!(unknown.len(), 1, "{listing:#}");
    assert_eq!(unknown[0]["region"], "af-south-1");
    let why = unknown[0]["unknown"].as_str().expect("a reason");
    assert!(why.ends_with("an organization's policy forbids it"), "{why}");
    let asked = endpoint.world(|world| world.calls.iter().any(|call| call.region == "ap-east-1"));
    assert!(!asked, "the account didn't opt in to ap-east-1");

    let text = read.then().args(["list", "--all-regions"]);
    text.stdout_contains("unknown: af-south-1: ")
        .stdout_contains(" eu-west-1 ")
        .run();
}

#[tokio::test(start_paused = true)]
async fn eight_regions_are_asked_at_once() {
    let gate = Gate::default();
    let script = (0..10).fold(Script::new(), |script, n| {
        script.a_region(&format!("eu-west-{n}"), "ENABLED")
    });
    let endpoint = Endpoint::in_memory(script.fault(On::action("DescribeStacks"), Fault::Held(gate.clone())));
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    let listing = all_regions(&cloud, None, Timestamp::now()).await;
    assert!(listing.unknown.is_empty(), "{:?}", listing.unknown);
    let waves = gate.waves();
    assert_eq!((waves[0], waves.iter().sum()), (8, 10), "{waves:?}");
}

#[test]
fn without_the_regions_there_is_the_own_one() {
    let denied = Fault::refuse(
        403,
        "AccessDeniedException",
        "not authorized to perform account:ListRegions",
    );
    let endpoint = serve(regions(script()).fault(On::action("ListRegions"), denied));
    let listing = test(&endpoint).args(["--all-regions", "--output", "json"]).run().json();
    assert_eq!(listing["environments"].as_array().map(Vec::len), Some(2));
    let why = listing["unknown"][0]["unknown"].as_str().expect("a reason");
    assert!(why.contains("ListRegions failed: not authorized"), "{why}");
}

#[test]
fn regions_are_asked_for_one_way_or_the_other() {
    let usage = |args: &[&str]| {
        Test::new()
            .args(["list", "--all-regions"])
            .args(args)
            .status(2)
            .stdout("")
    };
    usage(&["--region", "us-east-2"])
        .stderr_contains("can't be used together")
        .run();
    usage(&["--local"]).stderr_contains("leave --all-regions out").run();
}

#[test]
fn an_emulated_lab_is_listed() {
    let lab = deployed::Emulated::deploy();
    let run = Test::new()
        .args(["list", "--output", "json"])
        .env("AWS_ENDPOINT_URL", harness::emulator())
        .env("AWS_REGION", deployed::REGION)
        .env("AWS_ACCESS_KEY_ID", &lab.account)
        .env("AWS_SECRET_ACCESS_KEY", "test");
    let listing = run.run().json();
    let environments = listing["environments"].as_array().expect("environments");
    assert_eq!(environments.len(), 1, "{listing:#}");
    assert_eq!(environments[0]["state"], "CREATE_COMPLETE");
    assert_eq!(environments[0]["stages"], serde_json::json!(["next", "work"]));
    assert_eq!(listing["unknown"], serde_json::json!([]));
}
