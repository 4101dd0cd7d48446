//! What is in the way is named before anything is made.

use std::time::Duration;

use super::{BUCKET, THEIRS, deploy, file, make, notifications, ours, serve, writes};
use crate::endpoint::{Endpoint, Fault, Moment, On, Script};
use crate::harness::wait_until;
use crate::lab::with_file_at;

/// Plan and deploy refuse, with these words, and nothing was made.
fn refused(endpoint: &Endpoint, file: &str, words: &[&str]) {
    for args in [["plan", "lab.yaml"].as_slice(), &["deploy", "lab.yaml", "--yes"]] {
        let mut test = with_file_at(endpoint, file).args(args).status(4);
        for word in words {
            test = test.stderr_contains(*word);
        }
        test.run();
    }
    assert_eq!(writes(endpoint), 0);
    assert!(endpoint.stacks().is_empty(), "{:?}", endpoint.stacks());
    assert!(endpoint.calls("ExecuteChangeSet").is_empty());
}

#[test]
fn a_notification_that_overlaps_is_named_with_its_destination_and_filter() {
    let endpoint = serve();
    let words = [
        "thumbnails (arn:aws:lambda:us-east-2:111122223333:function:thumbnails) of keys albums/… overlaps albums/new/…",
        "their-files has others",
        "give the environment another prefix (`uploads`)",
    ];
    refused(&endpoint, &file(", uploads: albums/new/"), &words);
    let plan = with_file_at(&endpoint, &file(", uploads: albums/new/")).args(["plan", "lab.yaml", "--output", "json"]);
    let plan = plan.status(4).run().json();
    let conflict = &plan["existing_buckets"][0]["conflicts"][0];
    assert_eq!(
        (
            &conflict["with"]["id"],
            &conflict["with"]["prefix"],
            &conflict["rule"]["prefix"]
        ),
        (&"thumbnails".into(), &"albums/".into(), &"albums/new/".into()),
        "{plan:#}"
    );
}

#[test]
fn one_that_comes_in_between_is_named_too() {
    let endpoint = serve();
    let before = THEIRS.replace("albums/", "uploads/");
    // After the plan's read, before ours is written.
    endpoint.world(|world| {
        let notifications = &mut world.services.make_bucket(BUCKET).notifications;
        notifications.others_write = vec![(Moment::Read(1), before.clone())];
    });
    let deploy = with_file_at(&endpoint, &file(""))
        .args(["deploy", "lab.yaml", "--yes"])
        .status(4);
    deploy
        .stderr_contains("thumbnails")
        .stderr_contains("overlaps uploads/…")
        .run();
    assert_eq!((writes(&endpoint), notifications(&endpoint, BUCKET)), (0, before));
}

#[test]
fn a_bucket_that_is_nowhere_elsewhere_or_somebody_elses_is_told() {
    refused(
        &Endpoint::serve(Script::new()),
        &file(""),
        &["lab-intake: there is no bucket their-files"],
    );
    let elsewhere = serve();
    elsewhere.world(|world| world.services.make_bucket(BUCKET).region = Some("eu-central-1".into()));
    refused(
        &elsewhere,
        &file(""),
        &["the bucket their-files is in eu-central-1, and the environment in us-east-2"],
    );
    let denied = Endpoint::serve(Script::new().fault(
        On::action("HeadBucket"),
        Fault::refuse(403, "AccessDenied", "Access Denied"),
    ));
    make(&denied, BUCKET);
    refused(
        &denied,
        &file(""),
        &["another account's than 111122223333, or looking at it is denied"],
    );
}

#[test]
fn without_the_permission_to_read_them_nothing_is_made() {
    let script = Script::new().fault(
        On::action("GetBucketNotificationConfiguration"),
        Fault::refuse(403, "AccessDenied", "Access Denied"),
    );
    let endpoint = Endpoint::serve(script);
    make(&endpoint, BUCKET);
    let deploy = with_file_at(&endpoint, &file(""))
        .args(["deploy", "lab.yaml", "--yes"])
        .status(1);
    deploy
        .stderr_contains("GetBucketNotificationConfiguration failed: Access Denied")
        .run();
    assert!(endpoint.stacks().is_empty());
}

#[test]
fn one_that_is_deleted_in_between_is_missed() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-intake", "Topic", Duration::from_secs(10)));
    make(&endpoint, BUCKET);
    let deploy = with_file_at(&endpoint, &file("")).args(["deploy", "lab.yaml", "--yes"]);
    let deploy = deploy.spawn();
    wait_until("the topic is being made", || {
        endpoint.status("lab-intake").as_deref() == Some("CREATE_IN_PROGRESS")
    });
    endpoint.world(|world| world.services.delete_bucket(BUCKET));
    let ended = deploy.wait_with_output().expect("it ends");
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for words in [
        "lab-intake: the bucket their-files is gone: somebody deleted it meanwhile",
        "make it again, or name another one in `bucket.existing`",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn more_than_s3_takes_are_refused() {
    let endpoint = serve();
    let one = |n: usize| {
        format!(
            "<QueueConfiguration><Id>q{n}</Id><Queue>arn:aws:sqs:us-east-2:111122223333:q</Queue><Event>s3:ObjectCreated:Put</Event><Filter><S3Key><FilterRule><Name>Prefix</Name><Value>q{n}/</Value></FilterRule></S3Key></Filter></QueueConfiguration>"
        )
    };
    let all: String = (0..100).map(one).collect();
    let all = format!("<NotificationConfiguration>{all}</NotificationConfiguration>");
    // Some come after the plan's read, before ours is written.
    endpoint.world(|world| {
        let notifications = &mut world.services.make_bucket(BUCKET).notifications;
        notifications.others_write = vec![(Moment::Read(1), all.clone())];
    });
    let deploy = with_file_at(&endpoint, &file("")).args(["deploy", "lab.yaml", "--yes"]);
    deploy
        .status(4)
        .stderr_contains("lab-intake: their-files has 100 notifications of others, and would have 101: S3 allows 100")
        .run();
    assert_eq!(writes(&endpoint), 0);

    let endpoint = serve();
    endpoint.world(|world| world.services.make_bucket(BUCKET).notifications.text = all);
    refused(
        &endpoint,
        &file(""),
        &["their-files has 100 notifications of others, and would have 101: S3 allows 100"],
    );
}

#[test]
fn the_same_environment_of_another_region_is_refused_the_bucket() {
    let endpoint = serve();
    deploy(&endpoint, &file(""));
    endpoint.world(|world| world.services.make_bucket(BUCKET).region = Some("us-east-2".into()));
    let other = file("").replace("region: us-east-2", "region: eu-central-1");
    let plan = with_file_at(&endpoint, &other).args(["plan", "lab.yaml"]).status(4);
    plan.stderr_contains("is in us-east-2, and the environment in eu-central-1")
        .run();
    assert_eq!(ours(&endpoint, BUCKET).len(), 1);
}

#[test]
fn a_key_of_a_customers_is_named_with_what_workers_need() {
    let key = "arn:aws:kms:us-east-2:111122223333:key/0a1b";
    let endpoint = serve();
    endpoint.world(|world| world.services.make_bucket(BUCKET).key = Some(key.into()));
    let plan = |file: &str| {
        with_file_at(&endpoint, file)
            .args(["plan", "lab.yaml", "--output", "json"])
            .run()
            .json()
    };
    let warnings = |file: &str| plan(file)["existing_buckets"][0]["warnings"].to_string();
    let warning = warnings(&file(""));
    for word in [
        key,
        "the workers of work",
        "kms:Decrypt and kms:GenerateDataKey",
        "`policies`",
    ] {
        assert!(warning.contains(word), "{warning}");
    }
    let allowed = file("").replace("max: 3}", "max: 3, policies: ['arn:aws:iam::111122223333:policy/Key']}");
    // Their policies may allow something else.
    let warning = warnings(&allowed);
    assert!(
        warning.contains(key) && warning.contains("which isn't looked at"),
        "{warning}"
    );
    endpoint.world(|world| world.services.make_bucket(BUCKET).key = None);
    let warning = warnings(&file(""));
    assert!(!warning.contains("key"), "{warning}");
    assert!(warning.contains("may list the names of all files"), "{warning}");
}
