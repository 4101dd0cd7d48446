//! What `qfleet init` writes, deployed as it is: each kind of worker on each source of work.

use std::time::Duration;

use crate::harness::{Aws, Output, Test, account, wait_until};

const REGION: &str = "us-east-2";

/// As `init` writes it, on an account of the test's.
fn written(name: &str, account: &str, args: &[&str]) -> Output {
    let written = Test::new()
        .args(["init", "--name", name, "--region", REGION])
        .args(args.iter().copied())
        .run();
    let path = format!("stacks/{name}.yaml");
    let text = written.read(&path);
    let with_account = text.replace("# account: \"111122223333\"", &format!("account: \"{account}\""));
    assert_ne!(text, with_account, "the file has lost its example of an account");
    std::fs::write(written.path(&path), with_account).expect("written");
    written
}

fn run(there: &Output, args: &[&str]) -> Output {
    there.then().args(args.iter().copied()).emulated().run()
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

/// The emulator mixes functions of one name across accounts: each has a name of its own.
#[test]
fn a_function_works_on_files() {
    let account = account();
    let there = written("init-files", &account, &["--workers", "lambda"]);
    let deployed = run(&there, &["deploy", "init-files", "--yes", "--output", "json"]).json();
    let bucket = deployed["outputs"]["intake"]["BucketName"]
        .as_str()
        .expect("a bucket")
        .to_owned();
    let result = wait_for(async {
        let aws = Aws::new(&account, REGION);
        let put = aws.s3.put_object().bucket(&bucket).key("uploads/a b.txt");
        put.body(b"12345".to_vec().into()).send().await.expect("is put");
        let mut tries = 0;
        loop {
            let get = aws
                .s3
                .get_object()
                .bucket(&bucket)
                .key("processed/a b.txt.json")
                .send()
                .await;
            match get {
                Ok(found) => break found.body.collect().await.expect("bytes").into_bytes(),
                Err(_) if tries < 600 => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => panic!("{error:?}"),
            }
            tries += 1;
        }
    });
    let result: serde_json::Value = serde_json::from_slice(&result).expect("JSON");
    assert_eq!(result["bytes"], 5, "{result}");
    run(&there, &["destroy", "init-files", "--yes"]);
}

#[test]
fn a_function_works_on_messages_and_gives_back_what_fails() {
    let account = account();
    let there = written(
        "init-words",
        &account,
        &["--workers", "lambda", "--from", "messages", "--pipeline", "none"],
    );
    // A message that its work doesn't bear.
    let work = there.read("worker/work.py");
    let careful = work.replace("    digest = ", "    assert message.strip() != \"bad\"\n    digest = ");
    assert_ne!(work, careful);
    std::fs::write(there.path("worker/work.py"), careful).expect("written");
    let deployed = run(&there, &["deploy", "init-words", "--yes", "--output", "json"]).json();
    let queue = deployed["outputs"]["work"]["QueueUrl"]
        .as_str()
        .expect("a queue")
        .to_owned();
    let send = there
        .then()
        .stdin("good\nbad\n")
        .args(["send", "init-words", "--stage", "work", "--lines", "-"]);
    send.emulated().run();
    wait_until("the good message is done, the bad one is hidden", || {
        wait_for(async {
            use aws_sdk_sqs::types::QueueAttributeName as Name;
            let aws = Aws::new(&account, REGION);
            let get = aws
                .sqs
                .get_queue_attributes()
                .queue_url(&queue)
                .attribute_names(Name::All);
            let all = get.send().await.expect("attributes").attributes.expect("some");
            let of = |name: Name| all.get(&name).map(String::as_str) == Some("0");
            let is_hidden = all
                .get(&Name::ApproximateNumberOfMessagesNotVisible)
                .map(String::as_str)
                == Some("1");
            of(Name::ApproximateNumberOfMessages) && is_hidden
        })
    });
    run(&there, &["destroy", "init-words", "--yes"]);
}

#[test]
fn instances_on_a_bucket_that_is_there_and_on_messages() {
    let account = account();
    let bucket = format!("init-archive-{account}");
    wait_for(async {
        use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
        let here = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION));
        let create = Aws::new(&account, REGION).s3.create_bucket().bucket(&bucket);
        create
            .create_bucket_configuration(here.build())
            .send()
            .await
            .expect("a bucket");
    });
    for (name, args) in [
        (
            "init-there",
            &["--bucket", bucket.as_str(), "--alerts", "ops@example.com"][..],
        ),
        ("init-jobs", &["--from", "messages", "--max", "2"]),
    ] {
        let there = written(name, &account, args);
        let deployed = run(&there, &["deploy", name, "--yes"]);
        only_what_is_copied_is_shown(name, &deployed);
        run(&there, &["status", name, "--exit-code"]);
        the_command_that_gives_work_works(&deployed);
        run(&there, &["destroy", name, "--yes"]);
    }
}

/// The rest is behind another command, which is named.
fn only_what_is_copied_is_shown(name: &str, deployed: &Output) {
    let shown: Vec<&str> = deployed
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let wanted = match name {
        "init-there" => &["intake", "BucketName", "work", "QueueUrl"][..],
        _ => &["work", "QueueUrl"],
    };
    assert!(shown.ends_with(wanted), "{}", deployed.stdout);
    let (_, command) = deployed.stderr.split_once("All outputs: qfleet ").expect("a command");
    let args = command.lines().next().expect("a command").split_whitespace();
    deployed.then().args(args).stdout_contains("LogGroupName").run();
}

/// As it is told, word for word.
fn the_command_that_gives_work_works(deployed: &Output) {
    let (_, next) = deployed.stderr.split_once("\nNext:").expect("what is next");
    let line = next
        .lines()
        .find(|line| line.contains("qfleet send "))
        .expect("a command");
    let (command, _) = line.split_once("  something for the workers").expect("what it is for");
    let (before, command) = command.split_once("qfleet ").expect("a command");
    let send = deployed.then().args(command.split_whitespace());
    match before.trim() {
        "" => send.stdout_contains("1 file").run(),
        before => {
            assert_eq!(before, "echo hello |");
            send.stdin("hello\n").stdout_contains("1 message").run()
        }
    };
}

#[test]
fn what_stays_is_protected_until_its_file_says_otherwise() {
    let account = account();
    let there = written("init-stays", &account, &["--protect", "--from", "messages"]);
    run(&there, &["deploy", "init-stays", "--yes"]);
    there
        .then()
        .args(["destroy", "init-stays", "--yes"])
        .emulated()
        .status(4)
        .stderr_contains("protect: true")
        .run();
    let path = "stacks/init-stays.yaml";
    let free = there
        .read(path)
        .replace("\nprotect: true", "\nprotect: false")
        .replace("on_destroy: keep", "on_destroy: empty");
    std::fs::write(there.path(path), free).expect("written");
    run(&there, &["deploy", "init-stays", "--yes"]);
    run(&there, &["destroy", "init-stays", "--yes"]);
}
