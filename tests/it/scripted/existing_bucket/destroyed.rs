//! A destroy takes ours out before the topic goes, and leaves the bucket as it was.

use serde_json::Value;

use super::{BUCKET, THEIRS, again, deploy, file, make, notifications, ours, serve, writes};
use crate::deployed::interrupted;
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::{Output, Test};

fn destroy(there: &Output) -> Test {
    again(
        there,
        &file(""),
        &["destroy", "--name", "lab", "--region", "us-east-2", "--yes"],
    )
}

fn keys(endpoint: &Endpoint) -> Vec<String> {
    endpoint.world(|world| world.services.keys(BUCKET))
}

#[test]
fn it_says_so_and_needs_no_file() {
    // `on_destroy: empty` is said of queues and results.
    let endpoint = serve();
    let there = deploy(&endpoint, &file(", on_destroy: empty"));
    let gone = destroy(&there)
        .stdout_contains("s3://their-files is somebody else's, and stays with all that is in it")
        .stdout_contains("s3://their-files: 1 notification taken out; 2 notifications of others stay as they are")
        .run();
    assert!(
        gone.stdout.contains("nothing is left over (23 deleted)"),
        "{}",
        gone.stdout
    );
    assert_eq!(notifications(&endpoint, BUCKET), THEIRS);
    assert_eq!(keys(&endpoint), ["albums/one.jpg"]);
    assert!(endpoint.stacks().is_empty());
    // Before the stack with the topic was deleted.
    let calls = endpoint.world(|world| world.calls.clone());
    let last_put = calls
        .iter()
        .rposition(|call| call.action == "PutBucketNotificationConfiguration");
    let intake = calls.iter().position(|call| {
        call.action == "DeleteStack"
            && call
                .input
                .text("StackName")
                .is_some_and(|name| name.contains("lab-intake"))
    });
    assert!(last_put < intake, "{last_put:?} {intake:?}");
    destroy(&there).stdout_contains("is gone already").run();
    assert_eq!(writes(&endpoint), 2);
}

#[test]
fn a_bucket_called_as_the_environments_own_is_never_left_over() {
    let own = "lab-111122223333-us-east-2";
    let endpoint = Endpoint::serve(Script::new());
    make(&endpoint, own);
    let named = file("").replace(BUCKET, own);
    let there = deploy(&endpoint, &named);
    let gone = again(&there, &named, &["destroy", "lab.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    assert_eq!(gone["receipt"]["clean"], true, "{gone:#}");
    let rows = gone["receipt"]["resources"].as_array().expect("rows");
    let of_bucket: Vec<&Value> = rows.iter().filter(|row| row["name"] == own).collect();
    assert!(of_bucket.is_empty(), "{of_bucket:#?}");
    assert_eq!(
        gone["data"]["buckets"].as_array().map(Vec::len),
        Some(1),
        "only that of programs: {gone:#}"
    );
    assert_eq!(notifications(&endpoint, own), THEIRS);
}

/// CloudFormation can't set an id
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-topicconfiguration.html>),
/// so S3 gives it one.
#[test]
fn what_somebody_else_put_in_for_it_is_as_good_and_is_named_when_it_goes() {
    let endpoint = serve();
    let there = deploy(&endpoint, &file(""));
    let theirs = notifications(&endpoint, BUCKET);
    let (before, ours) = theirs.split_once("<Id>qfleet-lab-").expect("ours");
    let (_, after) = ours.split_once("</Id>").expect("its end");
    let theirs = format!("{before}<Id>NTdiZjQ5</Id>{after}");
    endpoint.world(|world| world.services.make_bucket(BUCKET).notifications.text = theirs.clone());
    again(&there, &file(""), &["plan", "lab.yaml", "--exit-code"])
        .stdout_contains("Nothing to do")
        .run();
    let status = again(&there, &file(""), &["status", "lab.yaml", "--output", "json"])
        .run()
        .json();
    assert_eq!(
        status["existing_bucket"]["missing"],
        serde_json::json!([]),
        "{status:#}"
    );
    let gone = destroy(&there)
        .stderr_contains("their-files still tells its topic, which goes: NTdiZjQ5")
        .run();
    assert!(!gone.stdout.contains("taken out;"), "{}", gone.stdout);
    assert_eq!((notifications(&endpoint, BUCKET), writes(&endpoint)), (theirs, 1));
}

#[test]
fn a_bucket_that_is_gone_stops_nothing() {
    let endpoint = serve();
    let there = deploy(&endpoint, &file(""));
    endpoint.world(|world| world.services.delete_bucket(BUCKET));
    destroy(&there).stderr_contains("the bucket their-files is gone").run();
    assert!(endpoint.stacks().is_empty());
}

#[test]
fn without_the_permission_the_topic_stays_unless_by_force() {
    let denied = Fault::refuse(403, "AccessDenied", "Access Denied");
    let script = Script::new().fault(On::action("PutBucketNotificationConfiguration").numbers(2..=9), denied);
    let endpoint = Endpoint::serve(script);
    make(&endpoint, BUCKET);
    let there = deploy(&endpoint, &file(""));
    destroy(&there)
        .status(1)
        .stderr_contains("PutBucketNotificationConfiguration failed: Access Denied")
        .stderr_contains("with --force it is left as it is")
        .run();
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_COMPLETE"));
    destroy(&there)
        .args(["--force"])
        .stderr_contains("its notifications stay in their-files")
        .run();
    assert!(endpoint.stacks().is_empty());
    assert_eq!(ours(&endpoint, BUCKET).len(), 1);
}

#[test]
fn one_that_is_stopped_goes_on() {
    let endpoint = serve();
    let there = deploy(&endpoint, &file(""));
    endpoint.rescript(|script| script.takes("lab-intake", "Topic", std::time::Duration::from_secs(600)));
    let in_between = |endpoint: &Endpoint| endpoint.status("lab-intake").as_deref() == Some("DELETE_IN_PROGRESS");
    let (code, _, _) = interrupted(&destroy(&there), &endpoint, in_between);
    assert_eq!((code, ours(&endpoint, BUCKET)), (130, vec![]));
    endpoint.rescript(|script| script.takes("lab-intake", "Topic", std::time::Duration::ZERO));
    endpoint.world(|world| world.hurry());
    destroy(&there).run();
    assert_eq!(
        (notifications(&endpoint, BUCKET).as_str(), writes(&endpoint)),
        (THEIRS, 2)
    );
}
