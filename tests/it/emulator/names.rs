//! One file under two names, side by side: what becomes of one is nothing to the other, also where one name begins as the
//! other does.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::QueueAttributeName;

use super::teardown::{all, wait};
use crate::harness::{Aws, Output, Test, account, emulator};

const REGION: &str = "us-east-2";

/// Nobody of the two is called so.
fn file(account: &str) -> String {
    format!(
        "name: class\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 8h\nbucket: {{on_destroy: empty}}\nresults: \
         {{}}\nstages:\n  - name: move\n    from: bucket\n    queue: {{visibility_timeout: 2m}}\n    workers:\n      \
         instances: {{program: program, types: [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n"
    )
}

fn folder(account: &str) -> Output {
    let made = Test::new()
        .file("class.yaml", file(account))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n");
    made.args(["check", "class.yaml"]).run()
}

/// Each stack with its times, its parameters and its outputs: whatever is done to one changes that.
async fn stacks(account: &str, environment: &str) -> BTreeMap<String, String> {
    let found = Aws::new(account, REGION).cloudformation.describe_stacks().send().await;
    let found = found.expect("stacks");
    let own = found.stacks().iter().filter(|stack| {
        let mut tags = stack.tags().iter();
        tags.any(|tag| tag.key() == Some("qfleet:environment") && tag.value() == Some(environment))
    });
    own.map(|stack| {
        let (created, updated) = (stack.creation_time(), stack.last_updated_time());
        let is = format!(
            "{:?} {created:?} {updated:?} {:?}",
            stack.stack_status(),
            stack.outputs()
        );
        (stack.stack_name().expect("a name").to_owned(), is)
    })
    .collect()
}

async fn visibility_timeout(account: &str, queue: &str) -> String {
    let sqs = Aws::new(account, REGION).sqs;
    let url = sqs.get_queue_url().queue_name(queue).send().await.expect("a queue");
    let asked = sqs.get_queue_attributes().queue_url(url.queue_url().expect("a URL"));
    let answer = asked
        .attribute_names(QueueAttributeName::VisibilityTimeout)
        .send()
        .await;
    let answer = answer.expect("attributes");
    let found = answer
        .attributes()
        .and_then(|all| all.get(&QueueAttributeName::VisibilityTimeout));
    found.expect("a time").clone()
}

async fn expires(account: &str, environment: &str) -> Option<String> {
    let name = format!("/qfleet/{environment}/expires");
    let asked = Aws::new(account, REGION)
        .ssm
        .get_parameter()
        .name(name)
        .send()
        .await
        .ok()?;
    asked.parameter()?.value().map(str::to_owned)
}

fn names(listed: &Output) -> Vec<String> {
    let listed = listed.json();
    let all = listed["environments"].as_array().expect("environments").iter();
    all.map(|one| one["environment"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn two_from_one_file_stand_side_by_side_and_go_one_by_one() {
    let account = account();
    let made = folder(&account);
    let run = |args: &[&str]| made.then().args(args).emulated();
    // Without a file, the account is that of the credentials: the emulator takes the key id for it.
    let without_file = |args: &[&str]| {
        let run = made.then().args(args).args(["--region", REGION]);
        let run = run
            .env("AWS_ENDPOINT_URL", emulator())
            .env("AWS_ACCESS_KEY_ID", &account);
        run.env("AWS_SECRET_ACCESS_KEY", "local")
    };
    let list = |more: &[&str]| names(&without_file(&["list", "--output", "json"]).args(more).run());
    // At the same time, as in a class: by the option, and by the variable.
    let both = std::thread::scope(|scope| {
        let option = run(&["deploy", "class.yaml", "--yes", "--name", "bob", "--output", "json"]);
        let variable = run(&["deploy", "class.yaml", "--yes", "--output", "json"]).env("QFLEET_NAME", "bob-2");
        let [option, variable] = [option.command(), variable.command()]
            .map(|mut command| scope.spawn(move || command.output().expect("it runs")));
        [option.join().expect("bob"), variable.join().expect("bob-2")]
    });
    for (name, ended) in ["bob", "bob-2"].iter().zip(both) {
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let report: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("a document");
        assert_eq!(report["environment"], *name);
    }
    assert_eq!(list(&[]), ["bob", "bob-2"]);
    assert_eq!(list(&["--name", "bob"]), ["bob"]);
    let nobody = without_file(&["list"]).env("QFLEET_NAME", "class");
    nobody
        .stdout_contains("no environment class is deployed")
        .stderr_contains("only class: QFLEET_NAME is set")
        .run();

    let bucket = |name: &str| format!("{name}-{account}-{REGION}");
    for name in ["bob", "bob-2"] {
        let sent = run(&["send", "class.yaml", "class.yaml", "--name", name, "--output", "json"]).run();
        assert_eq!(sent.json()["environment"], name);
    }

    // One changes: the other isn't touched.
    let (before, whole) = wait(async { (stacks(&account, "bob").await, expires(&account, "bob").await) });
    assert_eq!(before.len(), 5, "{before:?}");
    let changed = file(&account).replace("2m", "3m");
    run(&["deploy", "class.yaml", "--yes", "--name", "bob-2"])
        .file("class.yaml", changed)
        .run();
    run(&["extend", "class.yaml", "1h", "--name", "bob-2"])
        .stdout_contains("bob-2 expires in 8h 59m")
        .run();
    wait(async {
        assert_eq!(stacks(&account, "bob").await, before);
        assert_eq!(expires(&account, "bob").await, whole);
        assert_eq!(visibility_timeout(&account, "bob-move").await, "120");
        assert_eq!(visibility_timeout(&account, "bob-2-move").await, "180");
    });

    // One goes: with its file under its name, and everything that is the other's stays.
    let everything = all(&account);
    let of_other =
        |all: &[String]| -> Vec<String> { all.iter().filter(|one| one.contains("bob-2")).cloned().collect() };
    let (other, other_expires) = wait(async { (stacks(&account, "bob-2").await, expires(&account, "bob-2").await) });
    let gone = run(&["destroy", "class.yaml", "--yes", "--output", "json"])
        .env("QFLEET_NAME", "bob")
        .run()
        .json();
    assert_eq!(gone["environment"], "bob");
    assert_eq!(gone["receipt"]["left_over"].as_array().map_or(0, Vec::len), 0, "{gone}");
    assert_eq!(all(&account), of_other(&everything), "only what is called after bob-2");
    assert!(of_other(&everything).len() > 8, "{everything:?}");
    wait(async {
        assert_eq!(stacks(&account, "bob-2").await, other);
        assert_eq!(expires(&account, "bob-2").await, other_expires);
        assert_eq!(expires(&account, "bob").await, None);
        let s3 = Aws::new(&account, REGION).s3;
        let kept = s3
            .get_object()
            .bucket(bucket("bob-2"))
            .key("uploads/class.yaml")
            .send()
            .await;
        kept.expect("its file is there");
        let lost = s3.head_bucket().bucket(bucket("bob")).send().await;
        assert!(lost.is_err(), "bob's bucket is gone");
    });
    assert_eq!(list(&[]), ["bob-2"]);
    // Of the other, all is as it was deployed.
    run(&["plan", "class.yaml", "--name", "bob-2", "--exit-code"]).run();
    without_file(&["destroy", "--name", "bob-2", "--yes"]).run();
    assert_eq!(all(&account), [] as [String; 0]);
}

/// The name of one environment may be the stack of another: nothing of it is taken for the environment's own.
#[test]
fn a_stack_of_one_that_is_called_as_that_of_another_is_refused() {
    let account = account();
    let made = folder(&account);
    let run = |args: &[&str]| made.then().args(args).emulated();
    let other = file(&account).replace("name: move", "name: two-move");
    run(&["deploy", "other.yaml", "--name", "lab", "--yes"])
        .file("other.yaml", other)
        .run();
    let before = wait(stacks(&account, "lab"));
    run(&["deploy", "class.yaml", "--name", "lab-two", "--yes"])
        .status(4)
        .stderr_contains("lab-two-move")
        .run();
    assert_eq!(wait(stacks(&account, "lab")), before);
    assert_eq!(wait(stacks(&account, "lab-two")).len(), 0, "nothing was begun");
}
