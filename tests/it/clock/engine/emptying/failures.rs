//! What S3 refuses while a bucket is emptied: waited out, tried again, or named.

mod meanwhile;

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::engine::emptying::{BUCKET, SECOND, emptied, holding, left, named, numbered, on_delete, times};
use crate::endpoint::{Fault, On};

fn slow_down() -> Fault {
    Fault::refuse(503, "SlowDown", "Please reduce your request rate.")
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_for_minutes() {
    let rig = holding(10, [numbered("uploads", 20), vec!["single\u{1}".into()]].concat()).await;
    let since = rig.endpoint.world(|world| world.clock.since_start(Instant::now()));
    // Longer than the pauses after an error that one object has of its own.
    let single = On::action("DeleteObject").until(since + 500 * SECOND);
    rig.endpoint.rescript(|script| script.fault(single, slow_down()));
    for action in ["DeleteObjects", "ListObjectVersions", "ListMultipartUploads"] {
        rig.endpoint
            .rescript(|script| script.fault(On::action(action).until(since + 240 * SECOND), slow_down()));
    }
    let ran = rig.destroy().await.well();
    assert_eq!(emptied(&ran), [(21, 0)]);
    assert!(ran.took() > 500 * SECOND, "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn throttling_without_an_end_is_a_failure_that_names_the_bucket() {
    let rig = holding(10, numbered("uploads", 20)).await;
    rig.endpoint.rescript(|script| script.fault(on_delete(), slow_down()));
    let ran = rig.destroy().await;
    assert_eq!(ran.exit_code(), 1);
    let failure = ran.failure("intake");
    let said = format!("s3://{BUCKET} can't be emptied: DeleteObjects failed: Please reduce your request rate.");
    assert_eq!(failure.message, said);
    assert!(
        failure.help.as_deref().is_some_and(|help| help.contains("again")),
        "{failure:#?}"
    );
    assert!((600 * SECOND..800 * SECOND).contains(&ran.took()), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn what_s3_could_not_delete_just_now_is_tried_again_alone_and_later_each_time() {
    for code in ["InternalError", "SlowDown"] {
        let rig = holding(
            100,
            [numbered("uploads", 10), vec!["busy".into(), "flaky\u{1}".into()]].concat(),
        )
        .await;
        rig.endpoint.world(|world| {
            // More often than the SDK itself tries a call.
            world.services.keeps("flaky\u{1}", code, "Please try again.", Some(10));
            world.services.keeps("busy", code, "Please try again.", Some(2));
        });
        let ran = rig.destroy().await.well();
        assert_eq!(emptied(&ran), [(12, 0)], "{code}");
        let named = named(&rig.endpoint);
        assert_eq!(
            (named[0].len(), &named[1..]),
            (11, &[vec!["busy".to_owned()], vec!["busy".to_owned()]][..])
        );
        let pauses: Vec<u64> = times(&rig.endpoint, "DeleteObjects")
            .iter()
            .map(Duration::as_secs)
            .collect();
        assert_eq!(pauses, [0, 1, 3], "{code}");
    }
}

/// Versions of one key are different things.
#[tokio::test(start_paused = true)]
async fn only_the_version_that_s3_could_not_delete_is_tried_again() {
    let rig = holding(10, []).await;
    rig.endpoint.world(|world| {
        let bucket = world.services.make_bucket(BUCKET);
        bucket.keeps_versions = true;
        for content in ["one", "two", "three"] {
            bucket.put("busy", content.into());
        }
        world
            .services
            .keeps("busy", "InternalError", "Please try again.", Some(1));
    });
    let ran = rig.destroy().await.well();
    assert_eq!(emptied(&ran), [(3, 0)]);
    let each: Vec<usize> = named(&rig.endpoint).iter().map(Vec::len).collect();
    assert_eq!(each, [3, 1]);
}

#[tokio::test(start_paused = true)]
async fn each_object_that_may_not_be_deleted_is_named_once_and_the_rest_goes() {
    let rig = holding(
        10,
        [
            numbered("denied", 24),
            numbered("uploads", 30),
            vec!["denied\u{1}".into()],
        ]
        .concat(),
    )
    .await;
    rig.endpoint
        .world(|world| world.services.keeps("denied", "AccessDenied", "Access Denied", None));
    let ran = rig.destroy().await;
    assert_eq!(ran.exit_code(), 1);
    let failure = ran.failure("intake");
    let mut lines = failure.message.lines();
    let first = format!("s3://{BUCKET} can't be emptied: S3 didn't delete 25 objects");
    assert_eq!(lines.next(), Some(first.as_str()));
    let named_ones: Vec<&str> = lines.collect();
    assert_eq!(named_ones.len(), 21, "{named_ones:#?}");
    assert!(
        named_ones[..20]
            .iter()
            .all(|line| line.starts_with("  \"denied") && line.ends_with("AccessDenied: Access Denied"))
    );
    assert_eq!(named_ones[20], "  and 5 more");
    assert!(
        failure
            .help
            .as_deref()
            .is_some_and(|help| help.contains("s3:DeleteObjectVersion")),
        "{failure:#?}"
    );
    let left = left(&rig.endpoint);
    assert!(
        left.len() == 25 && left.iter().all(|key| key.starts_with("denied")),
        "{left:#?}"
    );
    // Nothing is tried twice that is denied.
    let tried = named(&rig.endpoint).concat();
    assert_eq!(tried.iter().filter(|key| key.starts_with("denied")).count(), 24);
    assert_eq!(rig.endpoint.calls("DeleteObject").len(), 1);
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
    assert_eq!(emptied(&ran), []);
}

#[tokio::test(start_paused = true)]
async fn what_object_lock_keeps_is_said_to_be_locked_and_what_stays_busy_to_be_tried_later() {
    for (code, message, tries, help) in [
        (
            "AccessDenied",
            "Access Denied because object protected by object lock.",
            1,
            "legal hold",
        ),
        (
            "InternalError",
            "We encountered an internal error. Please try again.",
            6,
            "in a minute",
        ),
    ] {
        let rig = holding(10, vec!["kept".to_owned(), "other".to_owned()]).await;
        rig.endpoint
            .world(|world| world.services.keeps("kept", code, message, None));
        let ran = rig.destroy().await;
        assert_eq!(ran.exit_code(), 1);
        let failure = ran.failure("intake");
        let line = format!("\n  \"kept\" (version null): {code}: {message}");
        assert!(failure.message.ends_with(&line), "{}", failure.message);
        assert!(
            failure.help.as_deref().is_some_and(|said| said.contains(help)),
            "{failure:#?}"
        );
        assert_eq!(rig.endpoint.calls("DeleteObjects").len(), tries);
        assert_eq!(left(&rig.endpoint), ["kept"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_refusals_are_enough() {
    let rig = holding(100, numbered("denied", 10_000)).await;
    rig.endpoint
        .world(|world| world.services.keeps("denied", "AccessDenied", "Access Denied", None));
    let ran = rig.destroy().await;
    assert_eq!(ran.exit_code(), 1);
    let calls = rig.endpoint.calls("DeleteObjects").len();
    assert!((10..=20).contains(&calls), "{calls} calls of 100 objects each");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_listed_is_a_failure_that_names_the_bucket() {
    for action in ["ListObjectVersions", "ListMultipartUploads", "AbortMultipartUpload"] {
        let rig = holding(10, []).await;
        rig.endpoint.world(|world| {
            world.services.multiparts.begin(BUCKET, "u");
        });
        rig.endpoint
            .rescript(|script| script.fault(On::action(action), Fault::refuse(403, "AccessDenied", "Access Denied")));
        let ran = rig.destroy().await;
        let failure = ran.failure("intake");
        let said = format!("s3://{BUCKET} can't be emptied: {action} failed: Access Denied");
        assert_eq!(failure.message, said);
        assert!(
            failure.help.as_deref().is_some_and(|help| help.contains("permission")),
            "{failure:#?}"
        );
        assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
    }
}
