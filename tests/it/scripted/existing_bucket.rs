//! A bucket that is there already: its notifications are merged, and nothing else of it is touched.

mod destroyed;
mod refused;

use serde_json::Value;

use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::{Output, Test};
use crate::lab::{LAB, with_file_at};

pub const BUCKET: &str = "their-files";

/// An audit queue for what is deleted, a function for other keys, EventBridge, and something that no SDK knows yet.
pub const THEIRS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<NotificationConfiguration \
xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><QueueConfiguration><Id>audit</Id>\
<Queue>arn:aws:sqs:us-east-2:111122223333:audit</Queue><Event>s3:ObjectRemoved:*</Event></QueueConfiguration>\
<CloudFunctionConfiguration><Id>thumbnails</Id>\
<CloudFunction>arn:aws:lambda:us-east-2:111122223333:function:thumbnails</CloudFunction><Event>s3:ObjectCreated:Put</Event>\
<Filter><S3Key><FilterRule><Name>Prefix</Name><Value>albums/</Value></FilterRule></S3Key></Filter>\
</CloudFunctionConfiguration><EventBridgeConfiguration/><Unheard a=\"1\"><Of>&amp;</Of></Unheard>\
</NotificationConfiguration>";

pub fn file(bucket: &str) -> String {
    LAB.replace(
        "bucket: {on_destroy: empty}",
        &format!("bucket: {{existing: {BUCKET}{bucket}}}"),
    )
}

/// Theirs, and a file in it.
fn serve() -> Endpoint {
    let endpoint = Endpoint::serve(Script::new());
    make(&endpoint, BUCKET);
    endpoint
}

pub fn make(endpoint: &Endpoint, bucket: &str) {
    endpoint.world(|world| {
        world.services.put_object(bucket, "albums/one.jpg", "one");
        world.services.make_bucket(bucket).notifications.text = THEIRS.into();
    });
}

pub fn notifications(endpoint: &Endpoint, bucket: &str) -> String {
    endpoint.world(|world| world.services.make_bucket(bucket).notifications.text.clone())
}

/// What of a bucket's notifications is the environment's: prefixes and suffixes; all others must be as they were.
pub fn ours(endpoint: &Endpoint, bucket: &str) -> Vec<(String, String)> {
    let mut text = notifications(endpoint, bucket);
    let mut ours = Vec::new();
    while let Some((before, rest)) = text.split_once("<TopicConfiguration><Id>qfleet-lab-") {
        let (one, after) = rest.split_once("</TopicConfiguration>").expect("its end");
        assert!(
            one.contains("<Topic>arn:aws:sns:us-east-2:111122223333:lab-uploads</Topic>"),
            "{one}"
        );
        assert!(one.contains("<Event>s3:ObjectCreated:*</Event>"), "{one}");
        let of = |name: &str| {
            let value = one.split_once(&format!("<Name>{name}</Name><Value>"));
            value.map_or(String::new(), |(_, rest)| {
                rest.split('<').next().unwrap_or_default().to_owned()
            })
        };
        ours.push((of("Prefix"), of("Suffix")));
        text = format!("{before}{after}");
    }
    assert_eq!(text, THEIRS, "others stay as they are");
    ours.sort();
    ours
}

pub fn only(prefix: &str) -> Vec<(String, String)> {
    vec![(prefix.to_owned(), String::new())]
}

fn deploy(endpoint: &Endpoint, file: &str) -> Output {
    with_file_at(endpoint, file)
        .args(["deploy", "lab.yaml", "--yes", "--output", "json"])
        .run()
}

fn again(there: &Output, file: &str, args: &[&str]) -> Test {
    there.then().file("lab.yaml", file).args(args)
}

pub fn writes(endpoint: &Endpoint) -> usize {
    endpoint.calls("PutBucketNotificationConfiguration").len()
}

/// The first of a plan's buckets.
fn bucket(plan: &Value) -> &Value {
    &plan["existing_buckets"][0]
}

#[test]
fn ours_are_added_once_and_theirs_stay_as_they_are() {
    let endpoint = serve();
    let file = file("");
    let planned = with_file_at(&endpoint, &file)
        .args(["plan", "lab.yaml", "--exit-code"])
        .status(3);
    planned
        .stdout_contains("s3://their-files notifications change")
        .stdout_contains("+ new objects at uploads/… are told to the topic lab-uploads  qfleet-lab-")
        .stdout_contains("2 notifications of others stay as they are")
        .stdout_contains("1 bucket's notifications to change")
        .run();
    assert_eq!((writes(&endpoint), ours(&endpoint, BUCKET)), (0, vec![]));
    let there = deploy(&endpoint, &file);
    assert_eq!(ours(&endpoint, BUCKET), only("uploads/"));
    let told = &there.json()["existing_buckets"];
    assert_eq!(
        told,
        &serde_json::json!([{"bucket": BUCKET, "added": 1, "removed": 0, "others": 2}])
    );
    assert_eq!(there.json()["outputs"]["intake"]["ExistingBucket"], BUCKET);

    // A second time, nothing is to be done.
    again(&there, &file, &["plan", "lab.yaml", "--exit-code"])
        .stdout_contains("Nothing to do")
        .run();
    again(&there, &file, &["deploy", "lab.yaml"]).run();
    assert_eq!(writes(&endpoint), 1);
    assert!(
        endpoint.calls("DeleteObject").is_empty()
            && endpoint
                .calls("PutObject")
                .iter()
                .all(|call| !call.path.contains(BUCKET))
    );
}

#[test]
fn another_prefix_or_bucket_changes_ours_alone() {
    let endpoint = serve();
    make(&endpoint, "other-files");
    let there = deploy(&endpoint, &file(""));
    let plan = again(
        &there,
        &file(", uploads: in/"),
        &["plan", "lab.yaml", "--output", "json"],
    )
    .run()
    .json();
    let (added, removed) = (&bucket(&plan)["added"], &bucket(&plan)["removed"]);
    assert_eq!(
        (&added[0]["prefix"], &removed[0]["prefix"]),
        (&"in/".into(), &"uploads/".into()),
        "{plan:#}"
    );
    again(&there, &file(", uploads: in/"), &["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(ours(&endpoint, BUCKET), only("in/"));

    let other = file("").replace(BUCKET, "other-files");
    let plan = again(&there, &other, &["plan", "lab.yaml"]);
    plan.stdout_contains("- new objects at in/… are told to the topic lab-uploads")
        .stdout_contains("2 buckets' notifications to change")
        .run();
    again(&there, &other, &["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(
        (ours(&endpoint, BUCKET), ours(&endpoint, "other-files")),
        (vec![], only("uploads/"))
    );

    // To a bucket of its own.
    again(&there, LAB, &["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(ours(&endpoint, "other-files"), vec![]);
    assert!(endpoint.world(|world| world.services.has_bucket("other-files")));
}

#[test]
fn a_bucket_that_the_file_drops_is_left_when_its_stack_goes() {
    let endpoint = serve();
    let there = deploy(&endpoint, &file(""));
    let dropped = LAB
        .replace("bucket: {on_destroy: empty}\n", "")
        .replace("    from: bucket\n", "");
    again(&there, &dropped, &["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(ours(&endpoint, BUCKET), only("uploads/"), "its stack runs on");
    let pruned = again(
        &there,
        &dropped,
        &["deploy", "lab.yaml", "--yes", "--prune", "--output", "json"],
    )
    .run();
    assert_eq!(ours(&endpoint, BUCKET), vec![]);
    assert_eq!(
        pruned.json()["existing_buckets"][0]["removed"],
        1,
        "{:#}",
        pruned.json()
    );
    assert_eq!(endpoint.world(|world| world.services.keys(BUCKET)), ["albums/one.jpg"]);
}

#[test]
fn an_answer_that_is_lost_is_no_failure_and_writes_ours_once() {
    for fault in [
        Fault::CutAfterEffect,
        Fault::Cut,
        Fault::refuse(
            409,
            "OperationAborted",
            "A conflicting conditional operation is currently in progress against this resource. Please try again.",
        ),
    ] {
        let endpoint = Endpoint::serve(
            Script::new().fault(On::action("PutBucketNotificationConfiguration").numbers(1..=1), fault),
        );
        make(&endpoint, BUCKET);
        deploy(&endpoint, &file(""));
        assert_eq!(ours(&endpoint, BUCKET), only("uploads/"));
    }
}

#[test]
fn a_deploy_that_was_stopped_between_stack_and_bucket_goes_on() {
    let denied = Fault::refuse(
        403,
        "AccessDenied",
        "User: arn:aws:iam::111122223333:user/somebody is not authorized to perform: s3:PutBucketNotification on resource: \"arn:aws:s3:::their-files\"",
    );
    let script = Script::new().fault(On::action("PutBucketNotificationConfiguration").numbers(1..=1), denied);
    let endpoint = Endpoint::serve(script);
    make(&endpoint, BUCKET);
    let there = with_file_at(&endpoint, &file(""))
        .args(["deploy", "lab.yaml", "--yes"])
        .status(1);
    let there = there
        .stderr_contains("s3:PutBucketNotification on the bucket; its policy may deny them, too")
        .run();
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(endpoint.status("lab-work"), None, "no stage without its files");
    assert_eq!(ours(&endpoint, BUCKET), vec![]);
    again(&there, &file(""), &["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(
        (ours(&endpoint, BUCKET), endpoint.status("lab-work").as_deref()),
        (only("uploads/"), Some("CREATE_COMPLETE"))
    );
}

#[test]
fn two_environments_share_a_bucket_by_their_prefixes() {
    let endpoint = serve();
    deploy(&endpoint, &file(""));
    // Called so that its ids begin as the first one's.
    let second = file(", uploads: two/, processed: done/").replace("name: lab", "name: lab-two");
    let two = deploy(&endpoint, &second);
    let text = notifications(&endpoint, BUCKET);
    assert!(
        text.contains("lab-two-uploads") && text.contains(":lab-uploads<"),
        "{text}"
    );
    again(&two, &second, &["destroy", "lab.yaml", "--yes"]).run();
    assert_eq!(ours(&endpoint, BUCKET), only("uploads/"));
}

#[test]
fn what_somebody_took_out_is_put_in_again_though_no_stack_changes() {
    let endpoint = serve();
    let there = deploy(&endpoint, &file(""));
    make(&endpoint, BUCKET);
    let status = again(&there, &file(""), &["status", "lab.yaml", "--output", "json"])
        .run()
        .json();
    assert_eq!(
        status["existing_bucket"]["missing"][0]["prefix"], "uploads/",
        "{status:#}"
    );
    let findings = status["findings"].as_array().expect("findings");
    let silent = findings
        .iter()
        .find(|finding| finding["id"] == "existing-bucket-silent");
    let silent = silent.unwrap_or_else(|| panic!("{findings:#?}"));
    assert_eq!(
        (&silent["severity"], &silent["command"]),
        (&"critical".into(), &"qfleet deploy lab.yaml".into())
    );
    again(&there, &file(""), &["plan", "lab.yaml", "--exit-code"])
        .status(3)
        .run();
    again(&there, &file(""), &["deploy", "lab.yaml", "--yes"]).run();
    assert_eq!(ours(&endpoint, BUCKET), only("uploads/"));
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), 4);
}
