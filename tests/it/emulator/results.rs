//! What became of files, written down by real workers: shown, kept, taken in again, and deleted in the end.

use crate::emulator::whole_way::{Workers, everything};
use crate::harness::{Aws, Output, Test, account, wait_until};

const REGION: &str = "us-east-2";
const MOVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover");

fn of_instances(account: &str, on_destroy: &str) -> String {
    format!(
        "name: kept\nregion: {REGION}\naccount: \"{account}\"\nbucket: {{on_destroy: {on_destroy}}}\nresults: {{ttl: 7d}}\n\
         stages:\n  - name: move\n    from: bucket\n    queue: {{visibility_timeout: 20s}}\n    workers:\n      instances: \
         {{program: {MOVER:?}, types: [t3.micro], min: 1, max: 2}}\n"
    )
}

/// The emulator mixes functions of one name across accounts.
fn of_a_function(account: &str) -> String {
    format!(
        "name: recorded\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 1h\nbucket: {{on_destroy: empty}}\nresults: \
         {{ttl: forever}}\nstages:\n  - name: move\n    from: bucket\n    workers:\n      lambda: {{program: {MOVER:?}, \
         handler: mover.function.handler, runtime: python3.13, max_concurrency: 2}}\n"
    )
}

fn run(there: &Output, args: &[&str]) -> Output {
    there.then().args(args.iter().copied()).emulated().run()
}

fn upload(account: &str, bucket: &str, keys: &[&str]) {
    let put = async {
        let aws = Aws::new(account, REGION);
        for key in keys {
            let put = aws.s3.put_object().bucket(bucket).key(*key);
            put.body(b"content".to_vec().into()).send().await.expect("is put");
        }
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(put);
}

/// Until so many files are done.
fn wait_for(there: &Output, count: usize) {
    wait_until("the files are done", || {
        let args = ["results", "it.yaml", "--state", "done", "--output", "json"];
        let found = run(there, &args).json();
        found["records"].as_array().map(Vec::len) == Some(count)
    });
}

#[test]
fn what_workers_write_down_outlives_its_environment_and_goes_when_it_is_to_go() {
    let account = account();
    let before = everything(&account);
    let deploy = ["deploy", "it.yaml", "--yes", "--output", "json"];
    let first = Test::new().file("it.yaml", of_instances(&account, "keep"));
    let there = first.args(deploy).emulated().run();
    let outputs = there.json()["outputs"].clone();
    let output = |part: &str, key: &str| outputs[part][key].as_str().expect("an output").to_owned();
    assert_eq!(output("results", "TableName"), "kept-results");
    let settings = output("move", "WorkerEnvironment");
    assert!(settings.contains("QFLEET_RESULTS_TABLE=kept-results\n"), "{settings}");
    assert!(settings.contains("QFLEET_RESULTS_TTL_SECONDS=604800\n"), "{settings}");

    let bucket = output("intake", "BucketName");
    upload(&account, &bucket, &["uploads/a b+ü.txt", "uploads/b", "uploads/c"]);
    let workers = Workers::start(1, &account, &settings, there.folder());
    wait_for(&there, 3);
    // Uploaded anew, it starts anew, and is done again.
    let of_b = || {
        run(
            &there,
            &["results", "it.yaml", "--job", "uploads/b", "--output", "json"],
        )
        .json()
    };
    let was = of_b()["records"][0].clone();
    assert_eq!(
        (&was["stage"], &was["detail"]),
        (&"move".into(), &"moved to processed/b".into()),
        "{was:#}"
    );
    upload(&account, &bucket, &["uploads/b"]);
    wait_until("it is done again", || {
        let now = of_b()["records"][0].clone();
        now["state"] == "done" && now["updated"] != was["updated"]
    });
    drop(workers);
    let shown = run(&there, &["results", "it.yaml", "--job", "uploads/a b+ü.txt"]).stdout;
    assert!(
        shown.contains("done") && shown.contains("moved to processed/a b+ü.txt"),
        "{shown}"
    );

    let destroyed = run(&there, &["destroy", "it.yaml", "--yes", "--output", "json"]).json();
    assert_eq!(
        (
            &destroyed["data"]["tables"][0]["records"],
            &destroyed["data"]["tables"][0]["kept"]
        ),
        (&3.into(), &true.into()),
        "{destroyed:#}"
    );
    let kept = |held: &serde_json::Value| held["DynamoDB tables"].clone();
    assert_eq!(kept(&everything(&account)), serde_json::json!(["kept-results"]));
    let plan = run(&there, &["plan", "it.yaml"]).stdout;
    assert!(plan.lines().any(|line| line.contains("← Table ")), "{plan}");
    run(&there, &deploy);
    wait_for(&there, 3);

    let goes = there.then().file("it.yaml", of_instances(&account, "empty"));
    let goes = goes.args(deploy).emulated().run();
    let gone = run(&goes, &["destroy", "it.yaml", "--yes"]).stdout;
    assert!(gone.contains("  - table kept-results: 3 records, counted\n"), "{gone}");
    assert!(
        gone.contains("AWS::DynamoDB::Table  kept-results (DescribeTable)"),
        "{gone}"
    );
    assert_eq!(everything(&account), before, "something is left");
}

#[test]
fn a_function_writes_down_what_it_does() {
    let account = account();
    let there = Test::new().file("it.yaml", of_a_function(&account));
    let there = there
        .args(["deploy", "it.yaml", "--yes", "--output", "json"])
        .emulated()
        .run();
    let bucket = there.json()["outputs"]["intake"]["BucketName"].clone();
    upload(&account, bucket.as_str().expect("a name"), &["uploads/a", "uploads/b"]);
    wait_for(&there, 2);
    let of_a = run(
        &there,
        &["results", "it.yaml", "--job", "uploads/a", "--output", "json"],
    )
    .json();
    assert_eq!(of_a["records"][0]["expires"], serde_json::Value::Null, "{of_a:#}");
    run(&there, &["destroy", "it.yaml", "--yes"]);
}
