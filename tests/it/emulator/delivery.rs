//! What is done, fetched through the emulator's CloudFront; and a neighbour of the same name in another region.

use aws_sdk_s3::primitives::ByteStream;

use crate::harness::{Aws, Output, Test, account};

const NEAR: &str = "us-east-2";
const FAR: &str = "us-west-2";

fn file(account: &str, region: &str, on_destroy: &str) -> String {
    format!(
        "name: out\nregion: {region}\naccount: \"{account}\"\nbucket: {{on_destroy: {on_destroy}, processed: done/it/}}\nstages:\n  - \
         {{name: work, from: bucket, workers: {{instances: {{program: program, types: [t3.micro], min: 1, max: 1}}}}}}\n\
         delivery: {{domain: files.example.com, certificate: \"arn:aws:acm:us-east-1:{account}:certificate/6f2a-11\"}}\n"
    )
}

fn deploy(account: &str, region: &str, on_destroy: &str) -> Output {
    Test::new()
        .file("it.yaml", file(account, region, on_destroy))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["deploy", "it.yaml", "--yes", "--output", "json"])
        .emulated()
        .run()
}

fn output(deployed: &Output, key: &str) -> String {
    let document = deployed.json();
    document["outputs"]["delivery"][key]
        .as_str()
        .expect("an output")
        .to_owned()
}

fn put(account: &str, keys: &[&str]) {
    let put = async {
        let s3 = Aws::new(account, NEAR).s3;
        for key in keys {
            let put = s3.put_object().bucket(format!("out-{account}-{NEAR}")).key(*key);
            put.body(ByteStream::from_static(b"content"))
                .send()
                .await
                .expect("is put");
        }
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(put);
}

/// The command that `status` shows, with a name in the place of NAME: what comes, and its status.
fn fetch(there: &Output, name: &str) -> (String, String) {
    let status = there
        .then()
        .args(["status", "it.yaml", "--output", "json"])
        .emulated()
        .run();
    let command = status.json()["delivery"]["fetch_with"]
        .as_str()
        .expect("a command")
        .to_owned();
    assert!(command.ends_with("/NAME"), "{command}");
    let command = command.replace("/NAME", &format!("/{name}"));
    let command = format!("{command} -s --path-as-is -w '\n%{{http_code}}'");
    let ran = std::process::Command::new("sh")
        .args(["-c", &command])
        .output()
        .expect("a shell");
    let said = String::from_utf8(ran.stdout).expect("UTF-8");
    let (body, code) = said.rsplit_once('\n').expect("a status");
    (body.to_owned(), code.to_owned())
}

#[test]
fn what_is_done_can_be_fetched_and_nothing_else() {
    let account = account();
    let there = deploy(&account, NEAR, "empty");
    // Not files.example.com, where what really runs is.
    let url = output(&there, "Url");
    assert_eq!(url, format!("https://{}", output(&there, "DistributionDomainName")));
    assert!(url.ends_with(".cloudfront.net"), "{url}");
    put(
        &account,
        &["done/it/a b+c.txt", "done/secret.txt", "uploads/secret.txt"],
    );
    assert_eq!(fetch(&there, "a%20b%2Bc.txt"), ("content".to_owned(), "200".to_owned()));
    for closed in [
        "",
        "nothing.txt",
        "secret.txt",
        "../secret.txt",
        "../../uploads/secret.txt",
        "uploads/secret.txt",
    ] {
        assert_eq!(fetch(&there, closed).1, "403", "{closed}");
    }
    // Taken out of the file, nobody is let in any more.
    let without = file(&account, NEAR, "empty");
    let (without, _) = without.split_once("delivery:").expect("it");
    let changed = there
        .then()
        .file("it.yaml", without)
        .args(["deploy", "it.yaml", "--yes"]);
    changed.emulated().run();
    assert_eq!(fetch(&there, "a%20b%2Bc.txt").1, "403");
    let pruned = there.then().file("it.yaml", without);
    let pruned = pruned.args(["deploy", "it.yaml", "--yes", "--prune"]).emulated().run();
    assert!(
        pruned.stdout.contains("AWS::CloudFront::Distribution"),
        "{}",
        pruned.stdout
    );
    let status = there
        .then()
        .args(["status", "it.yaml", "--output", "json"])
        .emulated()
        .run()
        .json();
    assert_eq!(status.get("delivery"), None, "{status:#}");
    there.then().args(["destroy", "it.yaml", "--yes"]).emulated().run();
}

#[test]
fn of_two_of_one_name_each_has_its_own_and_loses_its_own() {
    let account = account();
    let near = deploy(&account, NEAR, "keep");
    let far = deploy(&account, FAR, "empty");
    put(&account, &["done/it/a"]);
    let id = output(&near, "DistributionId");
    assert_ne!(id, output(&far, "DistributionId"));
    let gone = far
        .then()
        .args(["destroy", "it.yaml", "--yes", "--output", "json"])
        .emulated()
        .run()
        .json();
    let receipt = gone["receipt"].clone();
    assert_eq!(
        (&receipt["clean"], &receipt["complete"]),
        (&true.into(), &true.into()),
        "{receipt:#}"
    );
    assert!(!receipt.to_string().contains(&id), "{receipt:#}");
    assert_eq!(fetch(&near, "a"), ("content".to_owned(), "200".to_owned()));
    // The bucket is kept, and nobody is let in.
    let gone = near
        .then()
        .args(["destroy", "it.yaml", "--yes", "--output", "json"])
        .emulated()
        .run()
        .json();
    assert_eq!(gone["receipt"]["clean"], true, "{gone:#}");
    let policy = async {
        let s3 = Aws::new(&account, NEAR).s3;
        let asked = s3.get_bucket_policy().bucket(format!("out-{account}-{NEAR}"));
        asked.send().await.map(|answer| answer.policy.unwrap_or_default())
    };
    let policy = tokio::runtime::Runtime::new().expect("a runtime").block_on(policy);
    assert!(policy.is_err(), "{policy:?}");
}
