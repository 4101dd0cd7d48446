//! `plan`, `deploy`, `status`, `outputs` and `destroy` on the emulator: what they do, say and end with.

mod image;
mod left_alone;

use crate::harness::{Aws, Test, account};

const REGION: &str = "us-east-2";

/// A small environment in an account of its own.
fn lab(account: &str, more: &str) -> String {
    format!(
        "name: lab\nregion: {REGION}\naccount: \"{account}\"\n{more}\nbucket: {{on_destroy: empty}}\nstages:\n  - name: \
         work\n    from: bucket\n    queue: {{visibility_timeout: 2m}}\n    workers:\n      instances: {{program: \
         program, types: [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n"
    )
}

fn test(account: &str, more: &str) -> Test {
    Test::new()
        .file("lab.yaml", lab(account, more))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

/// The stacks that there are, with their status; and their change sets that could be executed.
fn stacks(account: &str) -> (Vec<String>, Vec<String>) {
    wait(async {
        let aws = Aws::new(account, REGION);
        let mut stacks = Vec::new();
        let mut open = Vec::new();
        for stack in aws
            .cloudformation
            .describe_stacks()
            .send()
            .await
            .expect("stacks")
            .stacks()
        {
            let name = stack.stack_name().expect("a name");
            stacks.push(format!("{name} {}", stack.stack_status().expect("a status")));
            let sets = aws
                .cloudformation
                .list_change_sets()
                .stack_name(name)
                .send()
                .await
                .expect("change sets");
            open.extend(
                sets.summaries()
                    .iter()
                    .filter(|set| {
                        set.execution_status()
                            .is_some_and(|status| status.as_str() == "AVAILABLE")
                    })
                    .map(|set| format!("{name} {}", set.change_set_name().unwrap_or_default())),
            );
        }
        stacks.sort();
        (stacks, open)
    })
}

/// The emulator makes a new stack for each change set of one that is to be made, which takes the place of the last one.
#[test]
fn first_deploys_and_plans_side_by_side_make_it_once_and_all_end_well() {
    for _ in 0..3 {
        let account = account();
        let words = [["deploy", "--yes"], ["deploy", "--yes"], ["plan", "--exit-code"]];
        let tests = words.map(|words| test(&account, "").args(words).args(["lab.yaml"]).emulated());
        let running: Vec<_> = tests.iter().map(Test::spawn).collect();
        for (child, words) in running.into_iter().zip(words) {
            let ended = child.wait_with_output().expect("it ends");
            let said = String::from_utf8_lossy(&ended.stderr);
            let code = ended.status.code();
            let is_well = code == Some(0) || words[0] == "plan" && code == Some(3);
            assert!(is_well, "{words:?} ended with {code:?}: {said}");
        }
        let (stacks, open) = stacks(&account);
        assert!(
            stacks.iter().all(|stack| stack.ends_with(" CREATE_COMPLETE")),
            "{stacks:?}"
        );
        assert_eq!(stacks.len(), 4, "{stacks:?}");
        assert_eq!(open, [] as [&str; 0]);
    }
}

#[test]
fn there_and_back() {
    let account = account();
    let planned = test(&account, "lifetime: 8h")
        .args(["plan", "lab.yaml", "--exit-code"])
        .emulated()
        .status(3)
        .stdout_contains("lab-work create *")
        .stdout_contains("+ Queue ")
        .stdout_contains("The template's word, not AWS's")
        .run();
    assert!(
        !planned.stdout.contains("warning:"),
        "without a reason: {}",
        planned.stdout
    );
    assert_eq!(stacks(&account), (vec![], vec![]), "a plan leaves nothing behind");

    planned
        .then()
        .args(["deploy", "lab.yaml"])
        .emulated()
        .status(4)
        .stderr_contains("can't be asked without a terminal")
        .stderr_contains("--yes")
        .run();
    assert_eq!(
        stacks(&account),
        (vec![], vec![]),
        "nor does a deploy that isn't confirmed"
    );

    let deployed = planned
        .then()
        .args(["deploy", "lab.yaml", "--yes", "--output", "json"])
        .emulated()
        .run();
    let report = deployed.json();
    assert_eq!(report["succeeded"], true);
    assert_eq!(
        report["outputs"]["intake"]["BucketName"],
        format!("lab-{account}-{REGION}")
    );
    assert!(
        report["stacks"]
            .as_array()
            .expect("stacks")
            .iter()
            .all(|stack| stack["outcome"] == "done"),
        "{report}"
    );
    assert_eq!(
        stacks(&account).0,
        ["artifacts", "dashboard", "intake", "work"].map(|part| format!("lab-{part} CREATE_COMPLETE"))
    );

    planned
        .then()
        .args(["plan", "lab.yaml", "--exit-code"])
        .emulated()
        .stdout_contains("Nothing to do")
        .run();
    let again = planned.then().args(["deploy", "lab.yaml"]).emulated();
    again.stderr_contains("4 stacks unchanged").run();

    planned
        .then()
        .args(["status", "lab.yaml"])
        .emulated()
        .stdout_contains("lab-work")
        .stdout_contains("CREATE_COMPLETE")
        .stdout_regex(".*expires in (7h 59m|8h 00m).*")
        .run();
    let status = planned
        .then()
        .args(["status", "lab.yaml", "--output", "json"])
        .emulated()
        .run()
        .json();
    assert_eq!(status["stages"][0]["queue"]["visible"], 0, "{status}");
    assert_eq!(status["stages"][0]["group"]["max"], 3, "{status}");

    let outputs = planned
        .then()
        .args(["outputs", "lab.yaml", "--output", "json"])
        .emulated()
        .run()
        .json();
    assert_eq!(outputs["outputs"]["work"]["QueueName"], "lab-work");

    planned
        .then()
        .args(["destroy", "lab.yaml"])
        .emulated()
        .status(4)
        .stdout_contains(format!("- s3://lab-{account}-{REGION}: empty\n"))
        .run();
    planned
        .then()
        .args(["destroy", "lab.yaml", "--yes"])
        .emulated()
        .stderr_contains("4 stacks done")
        .run();
    assert_eq!(stacks(&account), (vec![], vec![]));
    planned
        .then()
        .args(["destroy", "lab.yaml", "--yes"])
        .emulated()
        .stdout_contains("gone already")
        .run();
    planned
        .then()
        .args(["outputs", "lab.yaml"])
        .emulated()
        .status(1)
        .stderr_contains("is not deployed")
        .run();
    planned
        .then()
        .args(["status", "lab.yaml"])
        .emulated()
        .stdout_contains("is not deployed")
        .run();
}

#[test]
fn a_changed_setting_is_planned_deployed_and_visible() {
    let account = account();
    let first = test(&account, "")
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .run();
    let changed = lab(&account, "").replace("visibility_timeout: 2m", "visibility_timeout: 7m");
    let plan = first
        .then()
        .file("lab.yaml", changed)
        .args(["plan", "lab.yaml", "--output", "json"])
        .emulated()
        .run();
    let stacks = plan.json()["stacks"].clone();
    let work = stacks
        .as_array()
        .expect("stacks")
        .iter()
        .find(|stack| stack["part"] == "work")
        .expect("work")
        .clone();
    assert_eq!(
        (&work["action"], &work["source"]),
        (&"update".into(), &"changeset".into())
    );
    let queue = work["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .find(|change| change["logical_id"] == "Queue");
    assert_eq!(
        queue.expect("the queue")["properties"][0]["path"],
        "/Properties/VisibilityTimeout"
    );

    first
        .then()
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .stderr_contains("updated lab-work")
        .run();
    let timeout = wait(async {
        let aws = Aws::new(&account, REGION);
        let url = aws
            .sqs
            .get_queue_url()
            .queue_name("lab-work")
            .send()
            .await
            .expect("the queue");
        let name = aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
        let asked = aws
            .sqs
            .get_queue_attributes()
            .queue_url(url.queue_url().expect("its URL"));
        let answer = asked
            .attribute_names(name.clone())
            .send()
            .await
            .expect("its attributes");
        answer.attributes().and_then(|all| all.get(&name)).cloned()
    });
    assert_eq!(timeout.as_deref(), Some("420"));
}

#[test]
fn a_failure_names_its_cause_and_the_next_deploy_begins_anew() {
    let (account, other) = (account(), account());
    // Somebody else has a bucket of that name. The stack's own events only say where the reason can be asked for.
    let bucket = format!("lab-{account}-{REGION}");
    wait(async {
        let aws = Aws::new(&other, REGION);
        let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::UsEast2)
            .build();
        let create = aws
            .s3
            .create_bucket()
            .bucket(&bucket)
            .create_bucket_configuration(place);
        create.send().await.expect("a bucket in the way");
    });
    let failed = test(&account, "")
        .args(["deploy", "lab.yaml", "--yes", "--output", "json"])
        .emulated()
        .status(1)
        .run();
    let report = failed.json();
    let of = |part: &str| {
        let stacks = report["stacks"].as_array().expect("stacks");
        stacks
            .iter()
            .find(|stack| stack["part"] == part)
            .unwrap_or_else(|| panic!("{part} in {report}"))
            .clone()
    };
    assert_eq!(of("intake")["outcome"], "failed");
    assert_eq!(of("intake")["cause"]["root"]["logical_id"], "Bucket", "{report}");
    assert!(of("intake")["cause"]["template_line"].is_u64(), "{report}");
    assert_eq!(of("artifacts")["outcome"], "done", "what doesn't need it goes on");
    assert_eq!(
        (&of("work")["outcome"], &of("work")["because"]),
        (&"skipped".into(), &"intake".into())
    );

    wait(async {
        Aws::new(&other, REGION)
            .s3
            .delete_bucket()
            .bucket(&bucket)
            .send()
            .await
            .expect("gone")
    });
    let anew = failed
        .then()
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .stdout_contains("delete, then create")
        .run();
    assert!(
        stacks(&account)
            .0
            .iter()
            .all(|stack| stack.ends_with("CREATE_COMPLETE"))
    );
    // The emulator doesn't say when a stack was deleted, and forgets it once there is another one of its name.
    anew.then()
        .args(["destroy", "lab.yaml", "--yes"])
        .emulated()
        .run()
        .then()
        .args(["events", "lab.yaml", "--since", "1h"])
        .emulated()
        .stdout_contains("  lab-intake: Bucket CREATE_COMPLETE")
        .stdout_contains("  lab-intake DELETE_COMPLETE")
        .run();
}

#[test]
fn events_come_as_json_lines() {
    let account = account();
    let deployed = test(&account, "")
        .args(["deploy", "lab.yaml", "--yes", "--output", "jsonl"])
        .emulated()
        .run();
    let lines = deployed.json_lines();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!(of("operation_started"), 4);
    assert_eq!(of("operation_ended"), 4);
    assert_eq!(of("uploaded"), 1);
    assert!(of("resource") > 20);
    assert!(
        lines
            .iter()
            .filter(|line| line["event"].is_string())
            .all(|line| line["at"].is_string())
    );
    assert_eq!(lines.last().expect("a result")["result"]["succeeded"], true);
    // The program is there already, with its checksum.
    let changed = lab(&account, "").replace("visibility_timeout: 2m", "visibility_timeout: 7m");
    let again = deployed.then().file("lab.yaml", changed);
    let again = again.args(["deploy", "lab.yaml", "--yes", "--output", "jsonl"]);
    let lines = again.emulated().run().json_lines();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((of("operation_ended"), of("uploaded")), (1, 0));
}

#[test]
fn only_the_files_account_is_touched_and_credentials_are_missed_clearly() {
    let account = account();
    let aws = |test: Test| {
        test.env("AWS_ENDPOINT_URL", crate::harness::emulator())
            .env("AWS_ACCESS_KEY_ID", crate::harness::account())
            .env("AWS_SECRET_ACCESS_KEY", "test")
    };
    for verb in ["plan", "deploy", "status", "outputs", "destroy"] {
        let refused = aws(test(&account, "")).args([verb, "lab.yaml"]).status(4);
        refused
            .stderr_contains(format!("the environment file allows only {account}"))
            .run();
    }
    let document = aws(test(&account, "")).args(["deploy", "lab.yaml", "--output", "json"]);
    assert_eq!(document.status(4).run().json()["error"]["reason"], "wrong_account");
    let without = test(&account, "").args(["status", "lab.yaml"]).status(1);
    without.stderr_contains("credentials").run();
}

#[test]
fn an_environment_without_a_lifetime_any_more_does_not_expire() {
    let account = account();
    let expires = |test: Test| {
        let status = test
            .args(["status", "lab.yaml", "--output", "json"])
            .emulated()
            .run()
            .json();
        status["expires"]["at"].as_str().map(str::to_owned)
    };
    let first = test(&account, "lifetime: 8h")
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .run();
    let at = expires(first.then()).expect("an expiry");
    // Fixed at the first deploy, which is said where the file says another time.
    let stays = "A deploy doesn't move that: `lifetime` counts from the first one.";
    for (lifetime, then) in [
        ("20h", " 12h` makes it as long as the file says now."),
        ("1h", "`qfleet destroy lab.yaml"),
        ("8h", ""),
    ] {
        let with = || {
            first
                .then()
                .file("lab.yaml", lab(&account, &format!("lifetime: {lifetime}")))
        };
        for words in [&["plan"][..], &["plan", "--output", "markdown"], &["deploy", "--yes"]] {
            let run = with().args(words.iter().copied()).args(["lab.yaml"]).emulated();
            let said = run.run().stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(said.contains(stays), !then.is_empty(), "{lifetime}, {words:?}: {said}");
            assert!(said.contains(then), "{lifetime}, {words:?}: {said}");
        }
        let json = with()
            .args(["deploy", "lab.yaml", "--yes", "--output", "json"])
            .emulated();
        assert_eq!(json.run().stderr.contains(stays), !then.is_empty(), "{lifetime}");
    }
    assert_eq!(expires(first.then()), Some(at));
    let without = first.then().file("lab.yaml", lab(&account, ""));
    without.args(["deploy", "lab.yaml", "--yes"]).emulated().run();
    assert_eq!(expires(first.then()), None);
}
