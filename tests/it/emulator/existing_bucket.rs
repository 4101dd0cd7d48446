//! A bucket with somebody's files and a queue of theirs that it tells: a fleet joins it, works, and goes again.

use serde_json::Value;

use crate::emulator::nothing_left::shipped;
use crate::emulator::whole_way::Workers;
use crate::harness::{Aws, Output, Test, account, emulator, wait_until};

const REGION: &str = "us-east-2";

/// The emulator, as S3, has one bucket of a name.
fn bucket_of(account: &str) -> String {
    format!("team-archive-{account}")
}

/// The shipped file, for that bucket.
fn file(name: &str, account: &str) -> String {
    shipped("existing", name, account).replace("team-archive ", &format!("{} ", bucket_of(account)))
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

fn run(there: &Output, args: &[&str]) -> Test {
    there.then().args(args).emulated()
}

/// The bucket, with a file, EventBridge, and a queue that is told of files elsewhere. By the API's plain requests: what
/// comes back is compared to the byte.
async fn make(aws: &Aws, account: &str, bucket: &str) {
    use aws_sdk_s3::types::{
        BucketLocationConstraint, CreateBucketConfiguration, Event, EventBridgeConfiguration, FilterRule,
        FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    };
    let here = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .build();
    let create = aws.s3.create_bucket().bucket(bucket).create_bucket_configuration(here);
    create.send().await.expect("a bucket");
    aws.sqs
        .create_queue()
        .queue_name("audit")
        .send()
        .await
        .expect("a queue");
    let rule = FilterRule::builder()
        .name(FilterRuleName::Prefix)
        .value("albums/")
        .build();
    let key = S3KeyFilter::builder().filter_rules(rule).build();
    let theirs = QueueConfiguration::builder()
        .id("theirs")
        .queue_arn(format!("arn:aws:sqs:{REGION}:{account}:audit"))
        .events(Event::from("s3:ObjectCreated:*"))
        .filter(NotificationConfigurationFilter::builder().key(key).build())
        .build()
        .expect("whole");
    let all = NotificationConfiguration::builder()
        .queue_configurations(theirs)
        .event_bridge_configuration(EventBridgeConfiguration::builder().build())
        .build();
    let put = aws.s3.put_bucket_notification_configuration().bucket(bucket);
    put.notification_configuration(all).send().await.expect("notifications");
    upload(aws, bucket, "albums/one.jpg").await;
    upload(aws, bucket, "fleet/out/from-before.txt").await;
}

async fn upload(aws: &Aws, bucket: &str, key: &str) {
    let put = aws.s3.put_object().bucket(bucket).key(key);
    put.body(b"content".to_vec().into()).send().await.expect("is put");
}

fn authorization(account: &str) -> String {
    let credential = format!("{account}/20260101/{REGION}/s3/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0")
}

fn put_notifications(account: &str, bucket: &str, text: &str) {
    let put = ureq::put(format!("{}/{bucket}?notification", emulator()));
    put.header("authorization", authorization(account))
        .header("x-amz-skip-destination-validation", "true")
        .send(text)
        .expect("an answer");
}

/// A bucket's notifications, as S3 hands them out.
fn notifications(account: &str, bucket: &str) -> String {
    let asked = ureq::get(format!("{}/{bucket}?notification", emulator()));
    let asked = asked.header("authorization", authorization(account));
    let mut answer = asked.call().expect("an answer");
    answer.body_mut().read_to_string().expect("text")
}

/// Keys, with when each was written and what is in it.
async fn files(aws: &Aws, bucket: &str) -> Vec<String> {
    let listed = aws
        .s3
        .list_object_versions()
        .bucket(bucket)
        .send()
        .await
        .expect("files");
    let line =
        |one: &aws_sdk_s3::types::ObjectVersion| format!("{:?} {:?} {:?}", one.key(), one.last_modified(), one.e_tag());
    listed.versions().iter().map(line).collect()
}

async fn told(aws: &Aws) -> usize {
    let url = aws
        .sqs
        .get_queue_url()
        .queue_name("audit")
        .send()
        .await
        .expect("a queue");
    let asked = aws.sqs.get_queue_attributes().queue_url(url.queue_url().expect("one"));
    let answer = asked.attribute_names("All".into()).send().await.expect("attributes");
    answer.attributes().expect("some")[&"ApproximateNumberOfMessages".into()]
        .parse()
        .expect("a number")
}

#[test]
fn a_fleet_joins_works_and_leaves_it_as_it_was() {
    let account = account();
    let bucket = bucket_of(&account);
    let aws = wait_for(async { Aws::new(&account, REGION) });
    let file = file("photo-archive", &account);
    // Without the bucket, it is said how to make it.
    let first = Test::new().file("it.yaml", &file).args(["plan", "it.yaml"]).emulated();
    first
        .status(4)
        .stderr_contains(format!("aws s3 mb s3://{bucket} --region {REGION}"))
        .run();
    let had = wait_for(async {
        make(&aws, &account, &bucket).await;
        files(&aws, &bucket).await
    });
    let before = notifications(&account, &bucket);
    assert_eq!(wait_for(told(&aws)), 2, "a test message, and a file");

    let deploy = Test::new()
        .file("it.yaml", &file)
        .args(["deploy", "it.yaml", "--yes", "--output", "json"]);
    let there = deploy.emulated().run();
    let outputs = there.json()["outputs"].clone();
    assert_eq!(outputs["intake"]["BucketName"], bucket);
    assert_eq!(there.json()["existing_buckets"][0]["others"], 1, "{:#}", there.json());
    run(&there, &["plan", "it.yaml", "--exit-code"]).run();

    // Somebody writes what was there before: it is drift, and put in again.
    let joined = notifications(&account, &bucket);
    put_notifications(&account, &bucket, &before);
    let drifted = run(&there, &["drift", "it.yaml", "--fail", "--output", "json"])
        .status(3)
        .run()
        .json();
    let found: Vec<String> = drifted["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .flat_map(|stack| stack["resources"].as_array().expect("resources"))
        .map(|resource| format!("{} {}", resource["logical_id"], resource["differences"][0]["class"]))
        .collect();
    assert_eq!(found, [r#""ExistingBucket" "dangerous""#], "{drifted:#}");
    run(&there, &["drift", "it.yaml", "--revert", "--yes"])
        .stdout_contains("+ new objects at fleet/in/… are told to the topic photo-archive-uploads")
        .run();
    assert_eq!(notifications(&account, &bucket), joined);

    // A file is worked on: by upload, and by qfleet's own ways to it.
    let settings = outputs["move"]["WorkerEnvironment"]
        .as_str()
        .expect("settings")
        .to_owned();
    let workers = Workers::start(1, &account, &settings, there.folder());
    wait_for(upload(&aws, &bucket, "fleet/in/new.txt"));
    run(&there, &["send", "it.yaml", "up"])
        .file("up/sent.txt", "sent")
        .run();
    let is_done = || {
        let files = wait_for(files(&aws, &bucket));
        let has = |key: &str| files.iter().any(|file| file.contains(key));
        has("fleet/out/new.txt") && has("fleet/out/sent.txt") && !has("fleet/in/")
    };
    wait_until("the files are moved", is_done);
    drop(workers);
    run(&there, &["files", "it.yaml"]).stdout_contains("fleet/out/").run();
    assert_eq!(
        wait_for(told(&aws)),
        2,
        "nobody else was told of ours, and no test message came"
    );

    let gone = run(&there, &["destroy", "it.yaml", "--yes", "--output", "json"]);
    let gone = gone.run().json();
    assert_eq!(gone["existing_buckets"][0]["removed"], 1, "{gone:#}");
    assert_eq!(
        (&gone["receipt"]["clean"], &gone["receipt"]["complete"]),
        (&true.into(), &true.into()),
        "{gone:#}"
    );
    let names_bucket = |list: &Value| {
        list.as_array()
            .is_some_and(|all| all.iter().any(|one| one.to_string().contains(&bucket)))
    };
    assert!(
        !names_bucket(&gone["data"]["buckets"]) && !names_bucket(&gone["kept"]),
        "{gone:#}"
    );
    assert!(!names_bucket(&gone["receipt"]["resources"]), "{gone:#}");
    let has = wait_for(files(&aws, &bucket));
    assert_eq!(notifications(&account, &bucket), before);
    let kept: Vec<&String> = has.iter().filter(|file| had.contains(file)).collect();
    assert_eq!(
        (kept.len(), has.len()),
        (had.len(), had.len() + 2),
        "theirs, and what the fleet made: {has:#?}"
    );
}

/// Two deploys at once, each with a bucket's notifications read before the other's are written, perhaps.
#[test]
fn two_fleets_join_it_at_once() {
    let account = account();
    let bucket = bucket_of(&account);
    let aws = wait_for(async { Aws::new(&account, REGION) });
    wait_for(make(&aws, &account, &bucket));
    let before = notifications(&account, &bucket);
    let both = ["one", "two"].map(|name| {
        let file = self::file(&format!("photo-{name}"), &account).replace("fleet/", &format!("{name}/"));
        Test::new().file("it.yaml", file).args(["check", "it.yaml"]).run()
    });
    let deploys = both
        .each_ref()
        .map(|there| run(there, &["deploy", "it.yaml", "--yes"]).spawn());
    for deploy in deploys {
        assert!(deploy.wait_with_output().expect("it ends").status.success());
    }
    let all = notifications(&account, &bucket);
    for name in ["photo-one-uploads", "photo-two-uploads", "theirs"] {
        assert!(all.contains(name), "{name} in {all}");
    }
    for there in &both {
        run(there, &["destroy", "it.yaml", "--yes"]).run();
    }
    assert_eq!(notifications(&account, &bucket), before);
}
