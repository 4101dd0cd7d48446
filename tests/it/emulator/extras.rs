//! Templates of one's own on the emulator: deployed with the rest, told to workers, changed, watched and gone.

use serde_json::Value;

use crate::emulator::whole_way::everything;
use crate::harness::{Aws, Output, Test, account, emulator};

const REGION: &str = "us-east-2";
const OWN: &str = "\
Parameters:
  Feed: {Type: String}
  Word: {Type: String, Default: first}
Resources:
  Log:
    Type: AWS::SQS::Queue
    Properties: {QueueName: own-log, VisibilityTimeout: 30}
  Said:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Name: /own/said, Value: !Sub \"${Word} ${Feed}\"}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: own}
Outputs:
  LogUrl: {Value: !Ref Log}
  Word: {Value: !Sub \"it's '${Word}'\"}
  GroupId: {Value: !GetAtt Group.GroupId}
";

fn file(account: &str, more: &str) -> String {
    format!(
        "name: own\nregion: {REGION}\naccount: \"{account}\"\nbucket: {{on_destroy: empty}}\nlifetime: 1h\nextras:\n  - name: \
         extra\n    template: extra.yaml\n    gives: [LogUrl, Word, GroupId]\n    parameters: {{Feed: \"${{feed.QueueUrl}}\"{more}}}\n\
         stages:\n  - name: feed\n    workers: {{instances: {{program: program, types: [t3.micro], min: 1, max: 2}}}}\n  - name: \
         use\n    workers:\n      instances:\n        program: program\n        types: [t3.micro]\n        min: 1\n        max: \
         2\n        environment: {{LOG: \"${{extra.LogUrl}}\", WORD: \"${{extra.Word}}\"}}\n        security_groups: \
         [extra.GroupId]\n"
    )
}

fn run(there: &Output, args: &[&str]) -> Output {
    there.then().args(args.iter().copied()).emulated().run()
}

#[test]
fn a_template_of_ones_own_goes_the_whole_way() {
    let account = account();
    let before = everything(&account);
    let deploy = ["deploy", "it.yaml", "--yes", "--output", "json"];
    let there = Test::new()
        .file("it.yaml", file(&account, ""))
        .file("extra.yaml", OWN)
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n");
    let there = there.args(deploy).emulated().run();
    let settings = |deployed: &Value| {
        deployed["outputs"]["use"]["WorkerEnvironment"]
            .as_str()
            .expect("settings")
            .to_owned()
    };
    let first = settings(&there.json());
    let told = qfleet::blueprint::quoting::environment_file(&first);
    let of = |name: &str| {
        told.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(of("WORD"), Some("it's 'first'"), "{first}");
    assert!(of("LOG").is_some_and(|url| url.ends_with("/own-log")), "{first}");

    // Nothing changed, nothing to do.
    let plan = run(&there, &["plan", "it.yaml"]).stdout;
    assert!(plan.contains("Nothing to do"), "{plan}");
    let changed = there.then().file("it.yaml", file(&account, ", Word: second"));
    let changed = changed.args(["plan", "it.yaml"]).emulated().run();
    assert!(changed.stdout.contains("own-extra update"), "{}", changed.stdout);
    let second = settings(&run(&changed, &deploy).json());
    assert!(second.contains("second"), "{second}");

    let stacks = run(&changed, &["status", "it.yaml", "--output", "json"]).json();
    let parts: Vec<&Value> = stacks["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .map(|one| &one["part"])
        .collect();
    assert!(parts.contains(&&"extra".into()), "{parts:?}");

    let drifts = async {
        let aws = Aws::new(&account, REGION);
        let url = aws
            .sqs
            .get_queue_url()
            .queue_name("own-log")
            .send()
            .await
            .expect("a queue");
        let set = aws
            .sqs
            .set_queue_attributes()
            .queue_url(url.queue_url().expect("a URL"));
        let name = aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
        set.attributes(name, "77").send().await.expect("is set");
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(drifts);
    let drift = run(&changed, &["drift", "it.yaml"]).stdout;
    assert!(drift.contains("VisibilityTimeout") && drift.contains("77"), "{drift}");

    // Without the file: its template is in the stack.
    let destroy = Test::new()
        .env("AWS_ENDPOINT_URL", emulator())
        .env("AWS_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", &account)
        .env("AWS_SECRET_ACCESS_KEY", "test");
    let gone = destroy.args(["destroy", "--name", "own", "--yes"]).run().stdout;
    assert!(gone.contains("queue own-log: no messages"), "{gone}");
    assert_eq!(everything(&account), before, "something is left");
}

#[test]
fn what_a_template_deletes_is_named_and_a_bucket_is_not_emptied_where_data_is_to_stay() {
    let account = account();
    let file = format!(
        "name: own2\nregion: {REGION}\naccount: \"{account}\"\ndashboard: false\nextras: [{{name: extra, template: extra.yaml}}]\n\
         stages: [{{name: a, workers: {{active: none, instances: {{image: ami-01234567, types: [t3.micro]}}}}}}]\n"
    );
    let own = "Resources:\n  Files: {Type: 'AWS::S3::Bucket'}\n  Store: {Type: 'AWS::SecretsManager::Secret', \
               Properties: {Name: own2-store}}\n";
    let there = Test::new().file("it.yaml", file).file("extra.yaml", own);
    let there = there.args(["deploy", "it.yaml", "--yes"]).emulated().run();
    let refused = there.then().args(["destroy", "it.yaml", "--yes"]).emulated().status(4);
    refused
        .stderr_contains("its template would delete the bucket Files")
        .run();
    let kept = own.replace(
        "Bucket'",
        "Bucket', DeletionPolicy: Retain, UpdateReplacePolicy: Retain, Metadata: {A: b}",
    );
    let there = there
        .then()
        .file("extra.yaml", kept)
        .args(["deploy", "it.yaml", "--yes"])
        .emulated()
        .run();
    let gone = run(&there, &["destroy", "it.yaml", "--yes"]).stdout;
    assert!(
        gone.contains("(AWS::SecretsManager::Secret): deleted, with no copy"),
        "{gone}"
    );
    assert!(gone.contains("(AWS::S3::Bucket)"), "{gone}");
}
