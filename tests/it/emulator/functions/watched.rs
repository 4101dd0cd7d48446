//! A function that runs on the emulator: what is said of it, what was changed by hand, and how it goes while it works.

use std::path::Path;

use serde_json::{Value, json};

use super::{REGION, empty};
use crate::harness::{Aws, Following, Output, Test, account, wait_until};

/// Works on a message as long as nobody says `go`, where its body is "wait"; fails where it is "fail".
const HANDLER: &str = r#"
import os, time

def handler(event, context):
    for record in event["Records"]:
        if record["body"] == "fail":
            raise RuntimeError("as told")
        if record["body"] == "wait":
            open(os.environ["BEGUN"], "w").close()
            while not os.path.exists(os.environ["GO"]):
                time.sleep(0.05)
    print("done")
    return {"batchItemFailures": []}
"#;

fn environment(name: &str, account: &str, folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        "name: {name}\nregion: {REGION}\naccount: \"{account}\"\nstages:\n  - name: work\n    queue: {{visibility_timeout: \
         2h}}\n    workers:\n      lambda: {{program: work, handler: work.handler, runtime: python3.13, timeout: 15m, \
         batch: 1, environment: {{BEGUN: {:?}, GO: {:?}}}}}\n",
        file("begun"),
        file("go")
    )
}

struct Way {
    aws: Aws,
    deployed: Output,
    queue: String,
    function: String,
    mapping: String,
}

/// Deploys it, under a name of its own: when a function is deleted, the emulator also ends the processes of functions that
/// other accounts call the same.
fn deploy(name: &str) -> Way {
    let account = account();
    let test = Test::new().file("work/work.py", HANDLER);
    let file = environment(name, &account, test.path("").as_path());
    let test = test.file("way.yaml", file);
    let deployed = run(test.args(["deploy", "way.yaml", "--yes", "--output", "json"]));
    let outputs = deployed.json()["outputs"]["work"].clone();
    let output = |name: &str| outputs[name].as_str().expect("an output").to_owned();
    Way {
        aws: Aws::new(&account, REGION),
        queue: output("QueueUrl"),
        function: output("FunctionName"),
        mapping: output("EventSourceMappingId"),
        deployed,
    }
}

impl Way {
    async fn send(&self, body: &str) {
        let sent = self.aws.sqs.send_message().queue_url(&self.queue).message_body(body);
        sent.send().await.expect("sent");
    }

    fn json(&self, args: &[&str]) -> Value {
        run(self.deployed.then().args(args).args(["--output", "json"])).json()
    }

    /// The function in `status`, and the ids of what is to be looked into.
    fn status(&self) -> (Value, Vec<String>) {
        let status = self.json(&["status", "way.yaml"]);
        assert_eq!(status.get("unknown"), None, "{status:#}");
        let findings = status["findings"].as_array().expect("findings");
        let ids = findings
            .iter()
            .filter_map(|finding| finding["id"].as_str().map(str::to_owned));
        (status["stages"][0]["function"].clone(), ids.collect())
    }

    /// What drifted, as `resource property`.
    fn drift(&self) -> Vec<String> {
        let drift = self.json(&["drift", "way.yaml", "--part", "work"]);
        let stack = &drift["stacks"][0];
        assert_eq!(stack["error"], Value::Null, "{drift:#}");
        let of_lambda = |row: &&Value| row["resource_type"].as_str().is_some_and(|of| of.contains("Lambda"));
        let not_checked = stack["not_checked"].as_array().expect("rows").iter();
        assert_eq!(not_checked.filter(of_lambda).collect::<Vec<_>>(), [] as [&Value; 0]);
        let resources = stack["resources"].as_array().expect("resources").iter();
        let all = resources.flat_map(|resource| {
            let differences = resource["differences"].as_array().expect("differences").iter();
            differences
                .filter(|one| one["class"] == "dangerous" || one["class"] == "unexpected")
                .map(|one| format!("{} {}", resource["logical_id"], one["property"]).replace('"', ""))
        });
        all.collect()
    }
}

fn run(test: Test) -> Output {
    tokio::task::block_in_place(|| test.emulated().run())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_watched_and_what_is_changed_by_hand_is_found() {
    let way = deploy("watched");
    for _ in 0..3 {
        way.send("work").await;
    }
    empty(&way.aws, &way.queue).await;
    let (function, findings) = way.status();
    assert_eq!(findings, [] as [&str; 0]);
    assert_eq!(function["function"], way.function.as_str());
    assert_eq!(function["configuration"]["state"], "Active");
    assert_eq!(function["configuration"]["timeout_seconds"], 900);
    let mapping = &function["event_source_mapping"];
    assert_eq!(
        (&mapping["uuid"], &mapping["state"]),
        (&json!(way.mapping), &json!("Enabled"))
    );
    // The emulator doesn't count what mappings invoke.
    assert_eq!(function["invocations"], Value::Null);
    assert_eq!(way.drift(), [] as [&str; 0]);
    run(way
        .deployed
        .then()
        .args(["logs", "way.yaml"])
        .stdout_contains("  done\n")
        .stdout_contains("work function/"));

    way.send("fail").await;
    tokio::task::block_in_place(|| wait_until("a failure", || way.status().1 == ["mapping-problem"]));
    let (function, _) = way.status();
    assert_eq!(function["event_source_mapping"]["last_processing_result"], "FAILED");

    let lambda = &way.aws.lambda;
    let disable = lambda.update_event_source_mapping().uuid(&way.mapping).enabled(false);
    disable.send().await.expect("disabled");
    let changed = lambda
        .update_function_configuration()
        .function_name(&way.function)
        .timeout(5);
    changed.send().await.expect("changed");
    let off = lambda.put_function_concurrency().function_name(&way.function);
    off.reserved_concurrent_executions(0).send().await.expect("turned off");
    let code = lambda.update_function_code().function_name(&way.function);
    let other = aws_sdk_lambda::primitives::Blob::new(EMPTY_ZIP);
    code.zip_file(other).send().await.expect("other code");
    let mut findings = way.status().1;
    findings.sort();
    assert_eq!(findings, ["function-throttled", "mapping-disabled", "mapping-problem"]);
    let mut drift = way.drift();
    drift.sort();
    let wanted = [
        "Function Code/CodeSha256",
        "Function ReservedConcurrentExecutions",
        "Function Timeout",
        "Mapping Enabled",
    ];
    assert_eq!(drift, wanted);
    run(way
        .deployed
        .then()
        .args(["destroy", "way.yaml", "--yes"])
        .stdout_contains("nothing is left over"));
}

/// The end of a zip, and nothing before it.
const EMPTY_ZIP: [u8; 22] = [b'P', b'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[tokio::test(flavor = "multi_thread")]
async fn what_it_works_on_is_finished_before_it_goes() {
    let way = deploy("finishing");
    way.send("wait").await;
    let path = |name: &str| way.deployed.path(name);
    let destroy = way.deployed.then().emulated();
    let destroy = destroy.args(["destroy", "way.yaml", "--yes", "--output", "jsonl"]);
    tokio::task::block_in_place(|| {
        wait_until("the function to have it in hand", || path("begun").exists());
        let destroy = Following::start(destroy);
        destroy.until(r#""messages_in_flight":1"#);
        let (function, findings) = way.status();
        assert_eq!(function["disabled_by_destroy"], true);
        // Stacks that nothing needs may be gone.
        assert!(findings.contains(&"draining".to_owned()), "{findings:?}");
        std::fs::write(path("go"), "").expect("the file is written");
        destroy.until(r#""messages_in_flight":0"#);
        assert_eq!(destroy.end().0, 0);
    });
    let gone = way.aws.lambda.get_function().function_name(&way.function).send().await;
    assert!(gone.is_err(), "{gone:?}");
}
