//! `extend`: the expiry moves, and nothing else.

use jiff::Timestamp;

use crate::deployed::{REGION, test};
use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::{Aws, Output, Test, account};

fn file(account: &str, lifetime: &str) -> String {
    format!(
        "name: lab\nregion: {REGION}\naccount: \"{account}\"\n{lifetime}bucket: {{on_destroy: empty}}\nstages:\n  - name: \
         work\n    from: bucket\n    workers:\n      instances: {{program: program, types: [t3.micro], min: 1, max: 1}}\n"
    )
}

async fn expiry(account: &str) -> String {
    let asked = Aws::new(account, REGION)
        .ssm
        .get_parameter()
        .name("/qfleet/lab/expires");
    let answer = asked.send().await.expect("an expiry");
    answer
        .parameter()
        .and_then(|one| one.value())
        .expect("a value")
        .to_owned()
}

/// When each stack was last updated.
async fn updates(account: &str) -> Vec<String> {
    let asked = Aws::new(account, REGION).cloudformation.describe_stacks().send();
    let answer = asked.await.expect("stacks");
    let of = |stack: &aws_sdk_cloudformation::types::Stack| {
        format!(
            "{:?} {:?} {:?}",
            stack.stack_id(),
            stack.stack_status(),
            stack.last_updated_time()
        )
    };
    let mut all: Vec<String> = answer.stacks().iter().map(of).collect();
    all.sort();
    all
}

fn run(deployed: &Output, args: &[&str]) -> Test {
    deployed.then().args(args).emulated()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_moves_the_expiry_and_a_later_deploy_leaves_it_there() {
    let account = account();
    let deployed = tokio::task::block_in_place(|| {
        Test::new()
            .file("lab.yaml", file(&account, "lifetime: 8h\n"))
            .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
            .args(["deploy", "lab.yaml", "--yes"])
            .emulated()
            .run()
    });
    let first: Timestamp = expiry(&account).await.parse().expect("a time");
    let stacks = updates(&account).await;
    let moved = tokio::task::block_in_place(|| {
        run(&deployed, &["extend", "lab.yaml", "1h 30m", "--output", "json"])
            .run()
            .json()
    });
    let second = first + jiff::SignedDuration::from_mins(90);
    assert_eq!(expiry(&account).await, second.to_string());
    assert_eq!(moved["from"]["at"], first.to_string());
    assert_eq!(moved["expires"]["at"], second.to_string());
    assert_eq!(moved["environment"], "lab");
    assert_eq!(updates(&account).await, stacks, "no stack is touched");
    // Neither a deploy of nothing nor one of something resets it.
    tokio::task::block_in_place(|| {
        run(&deployed, &["deploy", "lab.yaml", "--yes"]).run();
        let changed = file(&account, "lifetime: 8h\n")
            .replace("from: bucket\n", "from: bucket\n    queue: {visibility_timeout: 3m}\n");
        run(&deployed, &["deploy", "lab.yaml", "--yes"])
            .file("lab.yaml", changed)
            .run();
    });
    assert_ne!(updates(&account).await, stacks);
    assert_eq!(expiry(&account).await, second.to_string());
    tokio::task::block_in_place(|| {
        run(&deployed, &["extend", "lab.yaml", "1h"])
            .stdout_regex(r"lab was to expire in 9h \d\dm \(.*Z\)\nlab expires in 10h \d\dm \(.*Z\)\n")
            .run();
    });
}

fn lab(expires: Option<&str>) -> Endpoint {
    let stack = Existing::new("lab-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work");
    let endpoint = Endpoint::serve(Script::new().existing(stack));
    if let Some(expires) = expires {
        endpoint.world(|world| world.services.set_parameter("/qfleet/lab/expires", expires));
    }
    endpoint
}

fn extend(endpoint: &Endpoint, args: &[&str]) -> Test {
    test(endpoint).env("AWS_REGION", REGION).args(["extend"]).args(args)
}

#[test]
fn one_that_is_past_counts_from_now() {
    let endpoint = lab(Some("2020-01-02T15:00:00Z"));
    let before = Timestamp::now();
    extend(&endpoint, &["--name", "lab", "2h"])
        .stdout_regex(r"lab expired \d+d \d\dh ago \(2020-01-02 15:00Z\)\nlab expires in 2h 00m \(.*\)\n")
        .run();
    let kept = endpoint.world(|world| world.services.parameter("/qfleet/lab/expires"));
    let kept: Timestamp = kept.expect("kept").parse().expect("a time");
    let left = kept.duration_since(before).as_secs();
    assert!((7199..7300).contains(&left), "{left}");
}

#[test]
fn what_cannot_expire_is_refused_and_nothing_is_put() {
    let ends = |endpoint: &Endpoint, code: i32, why: &str| {
        let run = extend(endpoint, &["--name", "lab", "2h"]).status(code).stdout("");
        run.stderr_contains(why).run();
        assert!(endpoint.calls("PutParameter").is_empty());
    };
    // As of every command that needs it to be there.
    let nowhere = Endpoint::serve(Script::new());
    ends(&nowhere, 1, "lab is not deployed in account 111122223333, us-east-2");
    ends(&lab(None), 4, "lab has no lifetime");
    let odd = lab(Some("tomorrow"));
    ends(&odd, 4, "can't be read: /qfleet/lab/expires says \"tomorrow\"");
}

#[test]
fn a_bad_length_is_bad_usage() {
    for (length, why) in [
        ("soon", "`soon` is not a length of time"),
        ("-2h", "unexpected argument"),
        ("0s", "by 1s to 365d, not by 0s"),
        ("366d", "by 1s to 365d, not by 366d"),
        ("1500ms", "not a whole number of seconds"),
    ] {
        let endpoint = lab(Some("2020-01-02T15:00:00Z"));
        extend(&endpoint, &["--name", "lab", length])
            .status(2)
            .stderr_contains(why)
            .run();
        assert!(endpoint.calls("PutParameter").is_empty(), "{length}");
    }
    // One argument is the length or the environment, and the other is missing.
    for (args, why) in [
        (&["2h"][..], "no environment was named"),
        (&["lab"], "as in: qfleet extend lab 2h"),
        (&["lab", "--name", "lab"], "`lab` is not a length of time"),
        (&["--name", "lab"], "by how much lab is to live longer wasn't said"),
        (&["--name", "lab"], "as in: qfleet extend --name lab 2h"),
        (
            &[],
            "neither an environment was named nor by how much it is to live longer",
        ),
        (&["lab", "2h", "3h"], "qfleet extend [OPTIONS] <ENV> <LENGTH>"),
    ] {
        let run = Test::new().args(["extend"]).args(args).status(2);
        run.stderr_contains(why).run();
    }
}

#[test]
fn options_may_stand_between_the_environment_and_the_length() {
    let endpoint = lab(Some("2100-01-02T15:00:00Z"));
    for args in [
        &["lab.yaml", "--output", "text", "2h"][..],
        &["--name", "lab", "--output", "text", "2h"],
        &["2h", "--output", "text", "--name", "lab"],
        // The last word is the length, with a name, too.
        &["lab.yaml", "2h", "--name", "lab"],
        &["lab.yaml", "--name", "lab", "2h"],
    ] {
        extend(&endpoint, args)
            .file("lab.yaml", file("111122223333", ""))
            .stdout_contains("lab expires in ")
            .run();
    }
}
