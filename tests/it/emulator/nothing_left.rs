//! Every shipped environment on the emulator: deployed, filled, destroyed; every service asked past qfleet. Nothing of it
//! is left but what it keeps, and its neighbour `…-2` is as it was.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use futures_util::stream::{StreamExt, iter};
use serde_json::Value;

use crate::emulator::whole_way::everything;
use crate::harness::{Aws, Output, Test, account};

const REGION: &str = "us-east-2";
/// What the neighbour has.
const FEW: usize = 100;
const UPLOADS: usize = 50;
/// How many calls are on their way at once.
const CALLS: usize = 16;
/// Filled and emptied by tests of their own (`existing_bucket`, `functions`, `filters`, `send::replies`, `switching`,
/// `regions`): what a function works on doesn't wait, and others need what somebody else has. Here they only come and go.
const ELSEWHERE: [&str; 6] = ["existing", "lambda", "renditions", "replies", "switch", "two-regions"];
/// RDS gives an instance a secret when it makes the password itself. The emulator's instances have none, so their stack fails
/// there: `Requested attribute MasterUserSecret.SecretArn does not exist`. `extras` destroys another template of one's own.
const NOT_IN_THE_EMULATOR: &str = "database";

/// What the environment has that goes: `make soak` asks for more. Buckets of several pages are emptied by `data_loss`.
fn objects() -> usize {
    let asked = std::env::var("QFLEET_OBJECTS").ok();
    asked.map_or(200, |asked| asked.parse().expect("a number of objects"))
}

/// A shipped file for this account, under this name.
pub fn shipped(file: &str, name: &str, account: &str) -> String {
    let repository = env!("CARGO_MANIFEST_DIR");
    let text = std::fs::read_to_string(format!("{repository}/stacks/{file}.yaml")).expect("a shipped file");
    let own = text.lines().map(|line| match line.split_once(':') {
        Some(("name", _)) => format!("name: {name}"),
        Some(("region", _)) => format!("region: {REGION}\naccount: \"{account}\""),
        // Only a deploy without it lets it go.
        Some(("protect", _)) => "protect: false".to_owned(),
        _ => line
            .replace("../examples", &format!("{repository}/examples"))
            .replace("template: ", &format!("template: {repository}/stacks/")),
    });
    let own = own.filter(|line| !line.starts_with("account:"));
    own.collect::<Vec<_>>().join("\n") + "\n"
}

fn deploy(file: &str, name: &str, account: &str) -> Output {
    let run = Test::new().file("it.yaml", shipped(file, name, account));
    run.args(["deploy", "it.yaml", "--yes", "--output", "json"])
        .emulated()
        .run()
}

/// Objects, half of them with an older version and a delete marker, open uploads, a message that waits, and one that is
/// worked on.
async fn fill(account: &str, name: &str, queue: &str, objects: usize) {
    let aws = Aws::new(account, REGION);
    let bucket = format!("{name}-{account}-{REGION}");
    let versioned = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let versioned = aws
        .s3
        .put_bucket_versioning()
        .bucket(&bucket)
        .versioning_configuration(versioned);
    versioned.send().await.expect("versioning");
    let put = async |n: usize| {
        let key = format!("processed/{n}");
        for _ in 0..=n % 2 {
            let put = aws.s3.put_object().bucket(&bucket).key(&key);
            put.body(vec![b'x'; 10].into()).send().await.expect("an object");
        }
        if n % 2 == 1 {
            let delete = aws.s3.delete_object().bucket(&bucket).key(&key);
            delete.send().await.expect("a marker");
        }
    };
    iter(0..objects)
        .map(put)
        .buffer_unordered(CALLS)
        .collect::<Vec<()>>()
        .await;
    let begin = async |n: usize| {
        let upload = aws.s3.create_multipart_upload().bucket(&bucket);
        upload.key(format!("uploads/{n}")).send().await.expect("an upload");
    };
    iter(0..UPLOADS)
        .map(begin)
        .buffer_unordered(CALLS)
        .collect::<Vec<()>>()
        .await;
    for body in ["one", "two"] {
        let sent = aws.sqs.send_message().queue_url(queue).message_body(body);
        sent.send().await.expect("sent");
    }
    let received = aws
        .sqs
        .receive_message()
        .queue_url(queue)
        // However long the test takes: no worker is there to delete it.
        .visibility_timeout(43_200)
        .send()
        .await
        .expect("received");
    assert_eq!(received.messages().len(), 1, "one is in flight");
}

/// What the neighbour's bucket and queue hold.
async fn held(account: &str, name: &str, queue: &str) -> (usize, usize, String) {
    let aws = Aws::new(account, REGION);
    let bucket = format!("{name}-{account}-{REGION}");
    let listed = aws
        .s3
        .list_object_versions()
        .bucket(&bucket)
        .send()
        .await
        .expect("versions");
    let all = aws
        .sqs
        .get_queue_attributes()
        .queue_url(queue)
        .attribute_names("All".into());
    let all = all.send().await.expect("attributes");
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let depth = names.map(|name| all.attributes().expect("some")[&name.into()].clone());
    (listed.versions().len(), listed.delete_markers().len(), depth.join(" "))
}

fn output(deployed: &Output, part: &str, key: &str) -> String {
    deployed.json()["outputs"][part][key]
        .as_str()
        .expect("an output")
        .to_owned()
}

/// What is there now and wasn't before.
fn added(after: &Value, before: &Value) -> BTreeSet<String> {
    let all = |held: &Value| -> BTreeSet<String> {
        let kinds = held.as_object().expect("kinds").iter();
        kinds
            .flat_map(|(kind, names)| {
                let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
                names.map(move |name| format!("{kind}: {}", name.rsplit('/').next().unwrap_or(name)))
            })
            .collect()
    };
    assert_eq!(
        all(before).difference(&all(after)).next(),
        None,
        "something of the neighbour's is gone"
    );
    all(after).difference(&all(before)).cloned().collect()
}

#[test]
fn every_shipped_file_is_here() {
    let stacks = std::fs::read_dir(format!("{}/stacks", env!("CARGO_MANIFEST_DIR"))).expect("the folder");
    let names = stacks.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let files: BTreeSet<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    let here: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .filter_map(|file| file.strip_suffix(".yaml"))
        .filter(|file| !ELSEWHERE.contains(file) && *file != NOT_IN_THE_EMULATOR)
        .collect();
    let tested = [
        "class",
        "delivery",
        "image",
        "lab",
        "office-hours",
        "production",
        "results",
        "secrets",
        "ubuntu",
        "web",
    ];
    assert_eq!(here, tested);
}

/// What somebody else has, whom `existing.yaml` names.
fn make_bucket(account: &str, name: &str) {
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    let here = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION));
    let create = Aws::new(account, REGION).s3.create_bucket().bucket(name);
    let create = create.create_bucket_configuration(here.build()).send();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(create).expect("a bucket");
}

/// Side by side, and gone one after the other.
#[test]
fn of_those_that_others_fill() {
    let account = account();
    let theirs = format!("team-archive-{account}");
    make_bucket(&account, &theirs);
    let before = everything(&account);
    let deploy = |file: &str| {
        let text = shipped(file, &format!("left-{file}"), &account);
        let text = text
            .replace("on_destroy: keep", "on_destroy: empty")
            .replace("team-archive ", &format!("{theirs} "));
        // Of the one for two regions, the other one's bucket isn't there, and `--region` says which it is.
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("replicate_to:"));
        let mut text = lines.collect::<Vec<_>>().join("\n") + "\n";
        if !text.contains("account:") {
            text += &format!("region: {REGION}\naccount: \"{account}\"\n");
        }
        let there = Test::new().file("it.yaml", text).args(["deploy", "it.yaml", "--yes"]);
        there.emulated().run()
    };
    let deployed = ELSEWHERE.map(deploy);
    let held = added(&everything(&account), &before);
    for file in ELSEWHERE {
        let name = format!("left-{file}");
        assert!(held.iter().any(|one| one.contains(&name)), "{name}: {held:#?}");
    }
    for there in deployed {
        let destroy = there.then().args(["destroy", "it.yaml", "--yes"]).emulated();
        destroy.stdout_contains("nothing is left over").run();
    }
    assert_eq!(everything(&account), before, "something is left");
}

async fn goes(file: &str, name: &str, stage: &str, keeps: &[&str]) {
    let account = account();
    let neighbour = format!("{name}-2");
    let run = |work: &dyn Fn() -> Output| tokio::task::block_in_place(work);
    let beside = run(&|| deploy(file, &neighbour, &account));
    let their_queue = output(&beside, stage, "QueueUrl");
    fill(&account, &neighbour, &their_queue, FEW).await;
    let before = everything(&account);
    let theirs = held(&account, &neighbour, &their_queue).await;

    let deployed = run(&|| deploy(file, name, &account));
    fill(&account, name, &output(&deployed, stage, "QueueUrl"), objects()).await;
    let destroyed = run(&|| {
        let destroy = deployed
            .then()
            .args(["destroy", "it.yaml", "--yes", "--output", "json"]);
        destroy.emulated().run()
    });
    let receipt = &destroyed.json()["receipt"];
    assert_eq!(
        (&receipt["clean"], &receipt["complete"]),
        (&true.into(), &true.into()),
        "{receipt:#}"
    );
    let rows = receipt["resources"].as_array().expect("rows");
    let kept = rows.iter().filter(|row| row["fate"] == "kept").count();
    assert_eq!(kept, keeps.len(), "{receipt:#}");
    let held_before = &destroyed.json()["data"]["buckets"];
    let mut buckets = held_before.as_array().expect("buckets").iter();
    let ours = buckets.find(|one| one["bucket"] == format!("{name}-{account}-{REGION}").as_str());
    let counted = ours.map(|one| (one["objects"].clone(), one["open_uploads"].clone()));
    let all = objects();
    assert_eq!(
        counted,
        Some(((all - all / 2).into(), UPLOADS.into())),
        "{held_before:#}"
    );
    let bucket = format!("S3 buckets: {name}-{account}-{REGION}");
    let kept = keeps.iter().map(|kept| match *kept {
        "" => bucket.clone(),
        queue => format!("SQS queues: {name}-{queue}"),
    });
    assert_eq!(added(&everything(&account), &before), kept.collect::<BTreeSet<_>>());
    assert_eq!(
        held(&account, &neighbour, &their_queue).await,
        theirs,
        "the neighbour's data"
    );

    // Once more: it is gone, and what was kept is found as that.
    let again = run(&|| {
        let destroy = deployed
            .then()
            .args(["destroy", "it.yaml", "--yes", "--output", "json"]);
        destroy.emulated().run()
    });
    let receipt = &again.json()["receipt"];
    let fates: Vec<&Value> = receipt["resources"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["fate"])
        .collect();
    assert_eq!(fates, vec!["kept"; keeps.len()], "{receipt:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_lab() {
    goes("lab", "photo-lab", "move", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_production_which_keeps_its_data() {
    let queues = ["", "move", "move-dlq", "fingerprint", "fingerprint-dlq"];
    goes("production", "photos", "move", &queues).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_class() {
    goes("class", "class", "develop", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_image_that_brings_its_worker() {
    goes("image", "photo-image", "work", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_schedule_whose_data_is_kept() {
    goes(
        "office-hours",
        "office-hours",
        "convert",
        &["", "convert", "convert-dlq"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_results() {
    goes("results", "photo-records", "move", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ubuntu() {
    goes("ubuntu", "photo-ubuntu", "move", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_delivered() {
    goes("delivery", "photo-delivery", "move", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_web_tier() {
    goes("web", "photo-web", "photos", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_workers_with_a_secret() {
    goes("secrets", "photo-secrets", "move", &[]).await;
}
