//! `drift` against answers in AWS's documented shape: classes, pages, detections that are slow, fail or are refused;
//! and what drifted put back.

mod as_deployed;
mod clock;
mod misread;
mod own;
mod report;
mod services;

use std::time::Duration;

use crate::endpoint::{Drifted, Endpoint, Existing, Fault, On, Script, Verb};
use crate::harness::{Test, in_a_terminal};
use crate::lab;

/// Types that qfleet doesn't compare itself, so that only detection speaks; their properties are made up.
const TEMPLATE: &str = "\
Resources:
  Alert:
    Type: AWS::Events::Rule
    Properties:
      Description: a
      VpcConfig:
        SecurityGroupIds: [a, b]
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: 30
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: a
  Profile:
    Type: AWS::IAM::InstanceProfile
";

fn stack(name: &str, status: &str) -> Existing {
    let part = name.strip_prefix("lab-").expect("a stack of lab");
    Existing::new(name, status)
        .body(TEMPLATE)
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", part)
}

fn test(endpoint: &Endpoint) -> Test {
    test_of(endpoint, &["drift", "lab.yaml"])
}

fn test_of(endpoint: &Endpoint, args: &[&str]) -> Test {
    lab::at(endpoint).args(args)
}

/// A function that was described otherwise, a log group that keeps less, a group that is gone, a list in another order.
fn drifted() -> Script {
    Script::new()
        .page(1)
        .existing(stack("lab-work", "UPDATE_COMPLETE"))
        .drifted(
            Drifted::new("lab-work", "Alert", "MODIFIED")
                .properties(
                    r#"{"Description":"a","VpcConfig":{"SecurityGroupIds":["a","b"]},"Tags":[{"Key":"k","Value":"1"}]}"#,
                    r#"{"Description":"b","VpcConfig":{"SecurityGroupIds":["b","a"]},"Tags":[{"Key":"k","Value":"1"},{"Key":"aws:x","Value":"1"}]}"#,
                )
                .difference("/Description", "a", "b", "NOT_EQUAL")
                .difference("/VpcConfig/SecurityGroupIds/0", "a", "b", "NOT_EQUAL")
                .difference("/VpcConfig/SecurityGroupIds/1", "b", "a", "NOT_EQUAL")
                .difference("/Tags/1", "null", r#"{"Key":"aws:x","Value":"1"}"#, "ADD"),
        )
        .drifted(
            Drifted::new("lab-work", "Logs", "MODIFIED")
                .properties(r#"{"RetentionInDays":30}"#, r#"{"RetentionInDays":1}"#)
                .difference("/RetentionInDays", "30", "1", "NOT_EQUAL"),
        )
        .drifted(Drifted::new("lab-work", "Group", "DELETED"))
}

const TEXT: &str = "\
Drift of lab in account 111122223333, us-east-2

lab-work drifted (3 resources checked, 1 not)
  Alert  AWS::Events::Rule
    unexpected Description: it was changed
        deployed  a
        actual    b
        found by CloudFormation; line 5 of the deployed template
  Logs  AWS::Logs::LogGroup
    unexpected RetentionInDays: it was changed
        deployed  30
        actual    1
        found by CloudFormation; line 11 of the deployed template
";

#[test]
fn every_page_is_read_and_each_difference_is_classed() {
    let endpoint = Endpoint::serve(drifted());
    let next = "`qfleet drift lab.yaml --revert` shows what would be put back, asks, and puts it back.\n";
    let said = test(&endpoint).args(["--fail"]).status(3).stderr(next).run().stdout;
    assert!(said.starts_with(TEXT), "{said}");
    let gone = "  Group  AWS::EC2::SecurityGroup\n    unexpected: it was deleted\n        was       lab-work-Group";
    assert!(said.contains(gone), "{said}");
    let end = "Drifted: 3 differences, in what was checked (3 resources). 1 resource could be compared by neither \
               CloudFormation nor qfleet.\n--all also shows 2 equal in meaning, 1 expected\n";
    assert!(said.ends_with(end), "{said}");
    assert_eq!(endpoint.calls("DescribeStackResourceDrifts").len(), 3, "a page each");

    let all = test(&endpoint).args(["--all"]).run().stdout;
    for line in [
        "    equal VpcConfig/SecurityGroupIds/0: the same, written otherwise\n",
        "    expected Tags/1: a tag of AWS's own\n",
        "  not checked: Profile: neither CloudFormation nor qfleet compares it\n",
    ] {
        assert!(all.contains(line), "{line}{all}");
    }
    let document = test(&endpoint).args(["--output", "json"]).run().json();
    assert_eq!(document["verdict"], "drifted");
    assert_eq!(document["checked"], 3);
    assert_eq!(document["not_checked"], 1);
    let alert = &document["stacks"][0]["resources"][0];
    assert_eq!(alert["logical_id"], "Alert");
    assert_eq!(alert["differences"][0]["property"], "Description");
    assert_eq!(alert["differences"][0]["class"], "unexpected");
    assert_eq!(alert["differences"][0]["found_by"], "cloudformation");
    assert_eq!(alert["differences"][0]["line"], 5);
    test(&endpoint)
        .args(["--output", "markdown"])
        .stdout_contains(
            "| Alert | Description | unexpected | `a` | `b` | it was changed; found by CloudFormation; line 5",
        )
        .stdout_contains("| Group | (deleted) | unexpected |")
        .run();
}

#[test]
fn a_detection_that_fails_for_a_resource_says_so_and_counts_it() {
    let script = Script::new()
        .existing(stack("lab-work", "CREATE_COMPLETE"))
        .detection_fails("lab-work", "Failed to detect drift on resource [Alert]")
        .drifted(Drifted::new("lab-work", "Alert", "UNKNOWN").reason("Access denied: events:DescribeRule"))
        .drifted(Drifted::new("lab-work", "Logs", "IN_SYNC"));
    let endpoint = Endpoint::serve(script);
    test(&endpoint)
        .args(["--fail", "--all"])
        .stdout_contains("lab-work in sync (1 resource checked, 3 not)\n")
        .stdout_contains("    detection was incomplete: Failed to detect drift on resource [Alert]\n")
        .stdout_contains("  not checked: Alert: CloudFormation: Access denied: events:DescribeRule\n")
        .stdout_contains("In sync: nothing that matters differs in what was checked (1 resource). 3 resources could")
        .run();
}

/// Nobody can compare anything of it: that isn't called in sync.
#[test]
fn what_nobody_compared_is_not_in_sync() {
    let endpoint = Endpoint::serve(Script::new().existing(stack("lab-work", "UPDATE_COMPLETE")));
    test(&endpoint)
        .args(["--fail"])
        .stdout_contains("lab-work not checked (0 resources checked, 4 not)\n")
        .stdout_contains("\nUnknown: nothing that matters differs in what was checked (0 resources).")
        .run();
}

#[test]
fn a_stack_that_cannot_be_looked_at_is_a_failure_and_hides_no_other() {
    let script = drifted().existing(stack("lab-intake", "UPDATE_IN_PROGRESS"));
    let endpoint = Endpoint::serve(script);
    test(&endpoint)
        .args(["--fail"])
        .status(1)
        .stdout_contains(
            "lab-intake could not be checked: DetectStackDrift failed: Drift detection cannot be performed",
        )
        .stdout_contains("lab-work drifted")
        .stdout_contains(" 1 stack could not be checked.\n")
        .run();
}

#[test]
fn a_part_that_is_not_there_is_named() {
    let endpoint = Endpoint::serve(drifted());
    test(&endpoint)
        .args(["--part", "wrok"])
        .status(1)
        .stderr_contains("error: lab has no stack for the part `wrok` in ")
        .stderr_contains("help: leave --part out to look at all that is deployed")
        .run();
}

#[test]
fn throttling_and_a_detection_of_somebody_else_are_waited_for() {
    let script = drifted()
        .detections_take(Duration::from_millis(500))
        .fault(On::action("DetectStackDrift").numbers(1..=2), Fault::throttling())
        .fault(
            On::action("DescribeStackDriftDetectionStatus").numbers(1..=2),
            Fault::throttling(),
        )
        .fault(
            On::action("DescribeStackResourceDrifts").numbers(1..=2),
            Fault::throttling(),
        );
    let endpoint = Endpoint::serve(script);
    // Its folder lives as long as it does.
    let first = test(&endpoint);
    let mut running = first
        .command()
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("qfleet runs");
    endpoint.wait_until("a detection runs", |world| !world.detections.is_empty());
    test(&endpoint)
        .args(["--fail"])
        .status(3)
        .stdout_contains("lab-work drifted")
        .run();
    assert!(running.wait().expect("it ends").success());
    assert!(endpoint.calls("DetectStackDrift").len() >= 4);
}

/// A function that was described otherwise and has a tag of AWS's, a log group that keeps less, a group that is gone; a
/// page of a change set holds one of them.
fn to_put_back() -> Script {
    Script::new()
        .page(1)
        .existing(stack("lab-work", "UPDATE_COMPLETE"))
        .drifted(
            Drifted::new("lab-work", "Alert", "MODIFIED")
                .properties(r#"{"Description":"a"}"#, r#"{"Description":"b"}"#)
                .difference("/Description", "a", "b", "NOT_EQUAL")
                .left("/Tags", "MANAGED_BY_AWS"),
        )
        .drifted(
            Drifted::new("lab-work", "Logs", "MODIFIED")
                .properties(r#"{"RetentionInDays":30}"#, r#"{"RetentionInDays":1,"KmsKeyId":"k"}"#)
                .difference("/RetentionInDays", "30", "1", "NOT_EQUAL")
                .difference("/KmsKeyId", "null", "k", "ADD"),
        )
        .drifted(Drifted::new("lab-work", "Group", "DELETED"))
}

/// The table's lines, with one space where columns are apart.
fn table(stdout: &str) -> Vec<String> {
    let lines = stdout.lines().skip_while(|line| *line != "Putting it back:");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    lines.map(words).filter(|line| !line.is_empty()).collect()
}

const TABLE: [&str; 8] = [
    "Putting it back:",
    "lab-work",
    "resource property deployed actual will be",
    "Alert Description a b a",
    "Alert /Tags stays: MANAGED_BY_AWS",
    "Logs RetentionInDays 30 1 30",
    "Logs KmsKeyId (none) k (none)",
    "Group made again",
];

#[test]
fn putting_it_back_is_shown_in_three_states_and_not_done_unasked() {
    let endpoint = Endpoint::serve(to_put_back());
    let said = test(&endpoint)
        .args(["--revert"])
        .status(4)
        .stderr_contains("not confirmed: \"Put lab in account 111122223333, us-east-2 back?\" can't be asked")
        .stderr_contains("--yes")
        .stderr_lacks("not put back")
        .run();
    assert_eq!(table(&said.stdout), TABLE, "{}", said.stdout);
    assert!(endpoint.calls("ExecuteChangeSet").is_empty());
    assert_eq!(endpoint.calls("CreateChangeSet").len(), 1);
    assert_eq!(endpoint.change_sets(), Vec::<String>::new(), "it is thrown away");
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_COMPLETE"));
    test(&endpoint)
        .args(["--fail"])
        .status(3)
        .stderr_contains("--revert` shows what would be put back, asks, and puts it back.\n")
        .run();
}

/// Read with values, the change set says nothing of the log group.
#[test]
fn what_is_left_out_with_values_is_put_back_all_the_same_and_named() {
    let endpoint = Endpoint::serve(to_put_back().unreadable("lab-work", "Logs", "no such key"));
    let warning = "CloudFormation can't show all values that would change: ChangeSet creation failed for resource [Logs] \
                   because: no such key";
    let shown = test(&endpoint).args(["--revert"]).status(4);
    let shown = shown.stdout_contains(format!("lab-work: {warning}")).run();
    assert!(
        table(&shown.stdout).iter().any(|line| line.starts_with("Logs")),
        "{}",
        shown.stdout
    );
    let document = test(&endpoint)
        .args(["--revert", "--yes", "--output", "json"])
        .run()
        .json();
    let plan = &document["revert"]["plans"][0];
    assert_eq!(plan["warning"], warning);
    let ids = [0, 1, 2].map(|n| &plan["changes"][n]["logical_id"]);
    assert_eq!(ids, ["Alert", "Group", "Logs"]);
}

#[test]
fn what_drifted_is_put_back_and_the_next_look_finds_nothing() {
    let endpoint = Endpoint::serve(to_put_back());
    let document = test(&endpoint)
        .args(["--revert", "--yes", "--fail", "--output", "json"])
        .run()
        .json();
    let revert = &document["revert"];
    assert_eq!(revert["not_reverted"], serde_json::json!([]));
    let changes = &revert["plans"][0]["changes"];
    let statuses = [0, 1, 2].map(|n| &changes[n]["drift_status"]);
    assert_eq!(statuses, ["MODIFIED", "MODIFIED", "DELETED"]);
    assert_eq!(
        changes[1]["states"],
        serde_json::json!([
            {"path": "/Properties/RetentionInDays", "deployed": "30", "actual": "1", "template": "30"},
            {"path": "/Properties/KmsKeyId", "actual": "k"},
        ])
    );
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), 1);
    assert_eq!(endpoint.change_sets(), Vec::<String>::new());
    let made = &endpoint.calls("CreateChangeSet")[0].input;
    assert_eq!(made.text("DeploymentMode"), Some("REVERT_DRIFT"));
    assert_eq!(made.text("UsePreviousTemplate"), Some("true"));
    let again = endpoint.world(|world| {
        let resources = world.stacks.iter().flat_map(|stack| &stack.resources);
        let worked_on = resources.filter(|resource| resource.status != "CREATE_COMPLETE" || resource.id == "Group");
        let mut said: Vec<String> = worked_on
            .map(|resource| format!("{} {} {}", resource.id, resource.status, resource.physical_id.is_some()))
            .collect();
        said.sort();
        said
    });
    let wanted = [
        "Alert UPDATE_COMPLETE true",
        "Group CREATE_COMPLETE true",
        "Logs UPDATE_COMPLETE true",
    ];
    assert_eq!(again, wanted, "these and no others");
    // The stack is still known as the environment's: a revert says nothing of tags.
    test(&endpoint)
        .args(["--fail"])
        .stdout_contains("In sync: nothing that matters differs")
        .run();
    test(&endpoint)
        .args(["--revert"])
        .stderr_contains("nothing to put back")
        .run();
    assert_eq!(endpoint.calls("CreateChangeSet").len(), 1);
}

/// A `?` stands for a character beyond ASCII: sent back, it would be one.
#[test]
fn a_stack_whose_tags_are_not_told_as_they_are_is_not_reverted() {
    let endpoint = Endpoint::serve(
        Script::new()
            .existing(stack("lab-work", "UPDATE_COMPLETE").tag("team", "m?dias"))
            .drifted(Drifted::new("lab-work", "Group", "DELETED")),
    );
    test(&endpoint)
        .args(["--revert", "--yes"])
        .status(1)
        .stdout_contains("lab-work: CloudFormation doesn't tell its tags as they are")
        .run();
    assert!(endpoint.calls("CreateChangeSet").is_empty());
}

#[test]
fn what_fails_to_be_put_back_is_a_failure_and_still_drifts() {
    let script = to_put_back().fails("lab-work", "Logs", Verb::Update, "Retention is held by a policy");
    let endpoint = Endpoint::serve(script);
    test(&endpoint)
        .args(["--revert", "--yes"])
        .status(1)
        .stderr_contains("Logs")
        .stderr_contains("Retention is held by a policy")
        .run();
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), 1);
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
    test(&endpoint).args(["--fail"]).status(3).run();
}

/// "CloudFormation always fetches the latest values from Parameter Store when it updates stacks"
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/systems-manager-parameter-types.html>).
#[test]
fn a_newer_image_that_would_come_with_it_is_shown_and_asked_about() {
    let image = "Parameters:\n  ImageId: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'}\n";
    let work = stack("lab-work", "UPDATE_COMPLETE").body(&format!("{image}{TEMPLATE}"));
    let script = Script::new().existing(work.parameter("ImageId", "/images/new"));
    let group = Drifted::new("lab-work", "Logs", "MODIFIED")
        .properties(r#"{"RetentionInDays":30}"#, r#"{"RetentionInDays":1}"#)
        .difference("/RetentionInDays", "30", "1", "NOT_EQUAL");
    let endpoint = Endpoint::serve(script.drifted(group));
    let resolved = |image: &str| {
        endpoint.world(|world| {
            let work = world.find("lab-work").expect("the stack");
            let resolved = &mut world.stacks[work].definition.resolved;
            resolved.insert("ImageId".into(), image.into());
        });
    };
    endpoint.world(|world| world.services.set_parameter("/images/new", "ami-2"));
    resolved("ami-1");
    let newer = "lab-work: ImageId is ami-2 in the parameter store by now, and ami-1 was deployed";
    let refused = test(&endpoint).args(["--revert", "--yes"]).status(4);
    refused.stderr_contains(newer).stderr_contains("qfleet deploy").run();
    let question = "back, and take in what the parameter store has by now?";
    let asked = test(&endpoint).args(["--revert"]);
    let (code, said) = in_a_terminal(&asked, 200, &[(question, "n\r")]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains(newer), "{said}");
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), 0);
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);

    // Once a deploy has taken it in, nothing comes with it.
    resolved("ami-2");
    test(&endpoint).args(["--revert", "--yes"]).run();
}
