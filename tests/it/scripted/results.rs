//! `qfleet results` against AWS's documented answers; and the table of results when its environment goes and comes back.

use serde_json::Value;

use crate::deployed::{lab as without_results, stack, test};
use crate::endpoint::{Endpoint, Existing, Fault, On, Script};
use crate::harness::Test;
use crate::lab::{LAB, with_file_at};

const TABLE: &str = "lab-results";

const BODY: &str = "Resources:\n  Table:\n    Type: AWS::DynamoDB::Table\n    Properties: {TableName: lab-results}\n";

fn results() -> Existing {
    stack("results")
        .tag("qfleet:on-destroy", "empty")
        .output("TableName", TABLE)
        .body(BODY)
}

/// An environment that keeps results, with these records: job, stage, state, second.
pub fn lab(script: Script, records: &[(&str, &str, &str, u32)]) -> Endpoint {
    let endpoint = Endpoint::serve(script.existing(results()));
    endpoint.world(|world| {
        for (job, stage, state, second) in records {
            let updated = format!("2026-01-02T03:04:{second:02}.000Z");
            world.services.put_record(TABLE, job, stage, state, &updated);
        }
    });
    endpoint
}

fn ask(endpoint: &Endpoint, args: &[&str]) -> Test {
    test(endpoint).args(["results", "lab.yaml"]).args(args.iter().copied())
}

const RECORDS: [(&str, &str, &str, u32); 5] = [
    ("uploads/b", "move", "done", 10),
    ("uploads/a", "move", "failed", 30),
    ("uploads/a", "index", "working", 20),
    ("uploads/\u{1b}[2J", "move", "done", 50),
    ("uploads/d", "move", "done", 40),
];

fn jobs(document: &Value) -> Vec<(&str, &str)> {
    let records = document["records"].as_array().expect("records").iter();
    records
        .filter_map(|record| record["job"].as_str().zip(record["state"].as_str()))
        .collect()
}

#[test]
fn the_newest_of_all_pages_come_first() {
    let endpoint = lab(Script::new(), &RECORDS);
    endpoint.world(|world| world.services.tables.items_a_page = Some(2));
    let said = ask(&endpoint, &["--limit", "2"]).stderr("").run().stdout;
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines[1],
        ["state", "since", "stage", "job", "worker", "detail"],
        "{said}"
    );
    // It was long ago: hours and minutes.
    assert_eq!((lines[2][0], lines[2][4]), ("done", "uploads/\\u{1b}[2J"), "{said}");
    assert_eq!((lines[3][0], lines[3][4]), ("done", "uploads/d"), "{said}");
    assert_eq!(lines[4].join(" "), "and 3 records that are older", "{said}");
    assert_eq!(endpoint.calls("Scan").len(), 3);

    let all = ask(&endpoint, &["--output", "json"]).run().json();
    assert_eq!(
        (&all["table"], &all["read"], &all["complete"]),
        (&TABLE.into(), &5.into(), &true.into()),
        "{all:#}"
    );
    assert_eq!(all["records"][0]["updated"], "2026-01-02T03:04:50Z");
    for (args, wanted) in [
        (["--state", "failed"], vec![("uploads/a", "failed")]),
        (["--stage", "index"], vec![("uploads/a", "working")]),
        (["--state", "working"], vec![("uploads/a", "working")]),
    ] {
        let found = ask(&endpoint, &args).args(["--output", "json"]).run().json();
        assert_eq!(jobs(&found), wanted, "{args:?}");
    }
    let none = ask(&endpoint, &["--stage", "nowhere"]).run().stdout;
    assert!(none.ends_with("\nno record\n"), "{none}");
}

#[test]
fn a_table_that_is_too_large_is_read_in_part_and_that_is_said() {
    let endpoint = lab(Script::new(), &[]);
    endpoint.world(|world| {
        world.services.tables.items_a_page = Some(1);
        for number in 0..25 {
            world
                .services
                .put_record(TABLE, &number.to_string(), "move", "done", "2026-01-02T03:04:05Z");
        }
    });
    let said = ask(&endpoint, &[]);
    said.stdout_contains("only 20 records of the table were read: newer ones may be among the rest")
        .run();
    assert_eq!(endpoint.calls("Scan").len(), 20);
    // The same where it would be lost.
    let asked = test(&endpoint).args(["destroy", "lab.yaml"]).status(4);
    asked
        .stdout_contains("  - table lab-results: more than 20 records: too many to count\n")
        .run();
}

#[test]
fn of_a_job_every_stage_is_shown_by_the_files_name_or_the_environments() {
    let endpoint = lab(Script::new(), &RECORDS);
    let found = ask(&endpoint, &["--job", "uploads/a", "--output", "json"]).run().json();
    assert_eq!(jobs(&found), [("uploads/a", "working"), ("uploads/a", "failed")]);
    assert_eq!(endpoint.calls("Scan").len(), 0, "one job is looked up, not looked for");
    let named = test(&endpoint).env("AWS_REGION", "us-east-2");
    let named = named
        .args(["results", "--name", "lab", "--job", "uploads/a"])
        .run()
        .stdout;
    let lines: Vec<&str> = named.lines().map(str::trim).collect();
    assert_eq!(lines[1], "uploads/a", "{named}");
    assert!(lines[3].starts_with("working"), "{named}");
    assert!(lines[4].starts_with("failed"), "{named}");

    let unknown = ask(&endpoint, &["--job", "uploads/c"]).status(1);
    unknown
        .stderr_contains("nothing is known of the job \"uploads/c\" in the table lab-results")
        .run();
    let with_state = ask(&endpoint, &["--job", "uploads/a", "--state", "done"]).status(2);
    with_state.stderr_contains("leave out --state and --stage").run();
    // How long ago it was changes while the test runs.
    let timeless = |said: &str| {
        let kept = |word: &&str| word.parse::<u32>().is_err();
        said.split_whitespace()
            .filter(kept)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // Whatever is named, the first word is the file.
    let both = ask(&endpoint, &["--name", "lab", "--job", "uploads/a"]).run().stdout;
    assert_eq!(timeless(&both), timeless(&named));
    let by_variable = ask(&endpoint, &["--job", "uploads/a"])
        .env("QFLEET_NAME", "lab")
        .run()
        .stdout;
    assert_eq!(timeless(&by_variable), timeless(&named));
    let no_file = test(&endpoint)
        .args(["results", "uploads/a", "--name", "lab"])
        .status(2);
    no_file.stderr_contains("no environment file uploads/a").run();
    let nobody = test(&endpoint).args(["results"]).status(2);
    nobody.stderr_contains("no environment was named").run();
}

#[test]
fn without_a_table_it_says_what_to_do() {
    let endpoint = without_results(Script::new());
    let none = ask(&endpoint, &[]).status(2);
    none.stderr_contains("lab keeps no results")
        .stderr_contains("`results: {ttl: 30d}`")
        .run();
    // Deleted behind CloudFormation's back.
    let gone = Existing::new("lab-results", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "results")
        .output("TableName", TABLE);
    let endpoint = Endpoint::serve(Script::new().existing(gone));
    for args in [&[][..], &["--job", "uploads/a"]] {
        let gone = ask(&endpoint, args).status(1);
        gone.stderr_contains("the table lab-results isn't there, though its stack is")
            .run();
    }
}

#[test]
fn throttled_reads_are_made_again_and_denied_ones_named() {
    let throttled = |action: &str| {
        let slow = Fault::refuse(400, "ProvisionedThroughputExceededException", "slow down");
        Script::new().fault(On::action(action).numbers(1..=2), slow)
    };
    let endpoint = lab(throttled("Scan"), &RECORDS);
    ask(&endpoint, &[]).stdout_contains("uploads/d").run();
    assert_eq!(endpoint.calls("Scan").len(), 3);
    let denied = Script::new().fault(On::action("Scan"), Fault::access_denied("Scan"));
    let endpoint = lab(denied, &RECORDS);
    ask(&endpoint, &[]).status(1).stderr_contains("Scan failed").run();
    // It stops no destroy.
    let asked = test(&endpoint).args(["destroy", "lab.yaml"]).status(4);
    asked.stdout_contains("  - table lab-results: unknown: ").run();
}

#[test]
fn a_destroy_says_how_many_records_are_lost_and_that_the_table_is_gone() {
    let endpoint = lab(Script::new(), &RECORDS);
    endpoint.world(|world| world.services.tables.items_a_page = Some(2));
    let destroy = test(&endpoint).args(["destroy", "lab.yaml", "--yes"]);
    let said = destroy.run().stdout;
    assert!(
        said.contains("What is in them is lost:\n  - table lab-results: 5 records, counted\n"),
        "{said}"
    );
    assert!(
        said.contains("AWS::DynamoDB::Table  lab-results (DescribeTable)"),
        "{said}"
    );
    assert_eq!(endpoint.world(|world| world.services.records(TABLE)), 0);
}

/// The environment of most tests, with results.
fn with_results(on_destroy: &str) -> String {
    LAB.replace("on_destroy: empty", &format!("on_destroy: {on_destroy}"))
        .replace("stages:", "results: {ttl: 7d}\nstages:")
}

#[test]
fn a_table_that_was_kept_comes_into_the_next_deploy_with_its_records() {
    let endpoint = Endpoint::serve(Script::new());
    let there = with_file_at(&endpoint, &with_results("keep"))
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    endpoint.world(|world| {
        world
            .services
            .put_record(TABLE, "uploads/a", "work", "done", "2026-01-02T03:04:05Z");
    });
    let destroyed = there.then().args(["destroy", "lab.yaml", "--yes", "--output", "json"]);
    let destroyed = destroyed.run().json();
    let kept = destroyed["kept"].as_array().expect("kept").iter();
    assert!(kept.clone().any(|one| one["name"] == TABLE), "{destroyed:#}");
    assert_eq!(destroyed["data"]["tables"][0]["records"], 1, "{destroyed:#}");
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    // Looked for once more: it is found by its name and its tag.
    let again = there.then().args(["destroy", "lab.yaml", "--yes"]);
    again
        .stdout_contains("kept       AWS::DynamoDB::Table  lab-results")
        .stdout_contains("and AWS bills it until then")
        .stdout_contains("\n  aws dynamodb delete-table --table-name lab-results --region us-east-2")
        .run();

    // A stack that would delete it is refused.
    let deploy = || there.then().args(["deploy", "lab.yaml", "--yes"]);
    let refused = deploy().file("lab.yaml", with_results("empty")).status(4);
    refused
        .stdout_contains("aws dynamodb delete-table --table-name lab-results --region us-east-2")
        .run();
    let plan = there.then().file("lab.yaml", with_results("keep"));
    let plan = plan.args(["plan", "lab.yaml"]).run().stdout;
    let shown = |line: &str| line.contains("← Table ") && line.contains("imported");
    assert!(plan.lines().any(shown), "{plan}");
    deploy().run();
    let of_table = endpoint.calls("CreateChangeSet");
    let mut of_table = of_table
        .iter()
        .filter(|call| call.stack.as_deref() == Some("lab-results"));
    let takes_in = |call: &&crate::endpoint::Call| call.input.text("ImportExistingResources") == Some("true");
    assert!(of_table.any(|call| takes_in(&call)), "it is taken in by its name");
    assert_eq!(endpoint.world(|world| world.services.records(TABLE)), 1);
    there
        .then()
        .args(["results", "lab.yaml", "--job", "uploads/a"])
        .stdout_contains("done")
        .run();
}

/// CloudFormation says it then, if something is in the way.
#[test]
fn who_may_not_look_for_a_kept_table_can_deploy() {
    let denied = Fault::access_denied("DescribeTable");
    let endpoint = Endpoint::serve(Script::new().fault(On::action("DescribeTable"), denied));
    with_file_at(&endpoint, &with_results("keep"))
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    assert_eq!(endpoint.status("lab-results").as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn another_environments_table_of_that_name_is_not_this_ones() {
    for (environment, kept) in [("lab", true), ("lab-2", false)] {
        let script = Script::new()
            .left("AWS::DynamoDB::Table", TABLE)
            .tagged(TABLE, environment);
        let endpoint = Endpoint::serve(script);
        let receipt = test(&endpoint).args(["destroy", "lab.yaml", "--yes", "--output", "json"]);
        let receipt = receipt.run().json()["receipt"].clone();
        let rows = receipt["resources"].as_array().expect("rows").iter();
        let found = rows.clone().find(|row| row["resource_type"] == "AWS::DynamoDB::Table");
        assert_eq!(found.is_some_and(|row| row["fate"] == "kept"), kept, "{receipt:#}");
    }
}

#[test]
fn a_stack_that_names_no_table_is_said() {
    let endpoint = Endpoint::serve(Script::new().existing(stack("results")));
    ask(&endpoint, &[])
        .status(1)
        .stderr_contains("error: lab-results is CREATE_COMPLETE and doesn't name its table")
        .stderr_contains("help: bring it up to date first: qfleet deploy")
        .run();
}
