//! `destroy` on the emulator: an environment goes, its neighbours stay, and data that was kept comes back.

use aws_sdk_cloudformation::types::Parameter;

use crate::harness::{Aws, Test, account, emulator};

const REGION: &str = "us-east-2";

fn lab(name: &str, account: &str, on_destroy: &str) -> String {
    format!(
        "name: {name}\nregion: {REGION}\naccount: \"{account}\"\nbucket: {{on_destroy: {on_destroy}}}\nstages:\n  - name: \
         move\n    from: bucket\n    queue: {{visibility_timeout: 2m}}\n    workers:\n      instances: {{program: \
         program, types: [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n"
    )
}

fn deploy(test: Test, name: &str, account: &str, on_destroy: &str) -> crate::harness::Output {
    test.file(&format!("{name}.yaml"), lab(name, account, on_destroy))
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["deploy", &format!("{name}.yaml"), "--yes"])
        .emulated()
        .run()
}

pub(super) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

fn put(account: &str, bucket: &str) {
    wait(async {
        let put = Aws::new(account, REGION).s3.put_object().bucket(bucket);
        let put = put.key("uploads/precious.txt").body(b"precious".to_vec().into());
        put.send().await.expect("an object");
    });
}

fn bytes(account: &str, bucket: &str) -> Vec<u8> {
    wait(async {
        let get = Aws::new(account, REGION).s3.get_object().bucket(bucket);
        let object = get.key("uploads/precious.txt").send().await.expect("the object");
        object.body.collect().await.expect("its bytes").into_bytes().to_vec()
    })
}

/// What there is of stacks, buckets, queues, topics, subscriptions and groups, by name.
pub(super) fn all(account: &str) -> Vec<String> {
    wait(async {
        let aws = Aws::new(account, REGION);
        let mut all = Vec::new();
        let mut add = |what: &str, name: Option<&str>| all.push(format!("{what} {}", name.unwrap_or_default()));
        let stacks = aws.cloudformation.describe_stacks().send().await.expect("stacks");
        stacks
            .stacks()
            .iter()
            .for_each(|stack| add("stack", stack.stack_name()));
        let buckets = aws.s3.list_buckets().send().await.expect("buckets");
        buckets.buckets().iter().for_each(|bucket| add("bucket", bucket.name()));
        let queues = aws.sqs.list_queues().send().await.expect("queues");
        let name = |arn: &String| arn.rsplit(['/', ':']).next().map(str::to_owned);
        queues
            .queue_urls()
            .iter()
            .for_each(|url| add("queue", name(url).as_deref()));
        let topics = aws.sns.list_topics().send().await.expect("topics");
        let topics = topics.topics().iter().filter_map(|topic| topic.topic_arn.as_ref());
        topics.for_each(|topic| add("topic", name(topic).as_deref()));
        let subscriptions = aws.sns.list_subscriptions().send().await.expect("subscriptions");
        let endpoints = subscriptions
            .subscriptions()
            .iter()
            .filter_map(|one| one.endpoint.as_ref());
        endpoints.for_each(|endpoint| add("subscription", name(endpoint).as_deref()));
        let groups = aws.groups().await;
        groups
            .iter()
            .for_each(|group| add("group", group.auto_scaling_group_name()));
        all.sort();
        all
    })
}

#[test]
fn an_environment_whose_file_is_lost_goes_and_its_neighbour_of_a_similar_name_stays() {
    let account = account();
    deploy(Test::new(), "photo-lab-2", &account, "empty");
    put(&account, &format!("photo-lab-2-{account}-{REGION}"));
    let neighbours = all(&account);
    assert!(neighbours.len() > 8, "{neighbours:?}");
    deploy(Test::new(), "photo-lab", &account, "empty");
    put(&account, &format!("photo-lab-{account}-{REGION}"));
    assert!(all(&account).len() > neighbours.len());
    // As on AWS, without `--local` and without a file: the emulator takes the key's id for the account.
    let destroy = || {
        Test::new()
            .env("AWS_ENDPOINT_URL", emulator())
            .env("AWS_ACCESS_KEY_ID", &account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .args(["destroy", "--name", "photo-lab", "--yes", "--region", REGION])
    };
    destroy().stderr_lacks("warning").run();
    assert_eq!(all(&account), neighbours);
    assert_eq!(bytes(&account, &format!("photo-lab-2-{account}-{REGION}")), b"precious");
    destroy()
        .stdout_regex(r"^photo-lab is gone already, or never was in account \d{12}, [a-z0-9-]+: nothing to do\.\nphoto-lab: nothing is left over in us-east-2.\n$")
        .run();
}

#[test]
fn data_that_was_kept_comes_into_the_next_deployment() {
    let account = account();
    let bucket = format!("lab-{account}-{REGION}");
    let there = deploy(Test::new(), "lab", &account, "keep");
    put(&account, &bucket);
    let gone = there.then().args(["destroy", "lab.yaml", "--yes"]).emulated();
    gone.stdout_contains(format!("kept: {bucket} (AWS::S3::Bucket)"))
        .stdout_contains(again())
        .run();
    // Whoever asks later is told, too, and by a file that empties what would have to change.
    let empties = lab("lab", &account, "empty");
    let later = there
        .then()
        .file("lab.yaml", empties)
        .args(["destroy", "lab.yaml", "--yes"])
        .emulated();
    let later = later
        .stdout_contains("is gone already")
        .stdout_contains("3 kept on purpose");
    later
        .stdout_contains(format!("{}, once the file says `on_destroy: keep`", again()))
        .run();
    let kept = [
        format!("bucket {bucket}"),
        "queue lab-move".into(),
        "queue lab-move-dlq".into(),
    ];
    assert_eq!(all(&account), kept);

    // The stack would delete it some day, so CloudFormation doesn't import it.
    let refused = there.then().args(["deploy", "lab.yaml", "--yes"]).emulated().status(4);
    refused.stderr_contains("`on_destroy: keep`").run();
    assert_eq!(all(&account), kept);

    let imported = deploy(there.then(), "lab", &account, "keep");
    assert!(imported.stdout.contains("3 imported"), "{}", imported.stdout);
    assert_eq!(bytes(&account, &bucket), b"precious");
    let unchanged = there.then().args(["deploy", "lab.yaml", "--yes"]).emulated();
    unchanged.stdout_contains("Nothing to do").run();
    let out = there.then().args(["destroy", "lab.yaml", "--yes"]).emulated();
    out.stdout_contains(format!("to take it into a new deployment: {}\n", again()))
        .run();
    assert_eq!(all(&account), kept);
    assert_eq!(bytes(&account, &bucket), b"precious");
}

/// The command that deploys again, to where these were deployed: without the options, it would talk to AWS.
fn again() -> String {
    format!("qfleet deploy lab.yaml --local --endpoint-url {}", emulator())
}

/// Somebody has a function read a stage's queue, in the stage's own stack.
#[test]
fn lambda_stops_receiving_before_the_queue_goes() {
    let account = account();
    let there = deploy(Test::new(), "lab", &account, "empty");
    wait(async {
        let cloudformation = Aws::new(&account, REGION).cloudformation;
        let template = cloudformation.get_template().stack_name("lab-move").send().await;
        let body = template.expect("a template").template_body.expect("its text");
        let mapping = "\
Resources:
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: lab-move, EventSourceArn: !GetAtt Queue.Arn}";
        let described = cloudformation.describe_stacks().stack_name("lab-move").send().await;
        let stack = described.expect("the stack").stacks()[0].clone();
        let same = stack.parameters().iter().map(|one| {
            let key = one.parameter_key().expect("a key");
            let same = Parameter::builder().parameter_key(key);
            same.use_previous_value(true).build()
        });
        let update = cloudformation.update_stack().stack_name("lab-move");
        let update = update.template_body(body.replacen("Resources:", mapping, 1));
        let update = update
            .set_parameters(Some(same.collect()))
            .capabilities("CAPABILITY_IAM".into());
        update.send().await.expect("an update");
    });
    there
        .then()
        .args(["destroy", "lab.yaml", "--yes"])
        .emulated()
        .stderr_contains("lab-move: Lambda receives no more messages (event source mapping")
        .run();
    assert_eq!(all(&account), [] as [&str; 0]);
}
