//! Buckets emptied on the way to their deletion: how fast, how patiently, and what is said when something stays.

mod failures;

use std::time::Duration;

use qfleet::cloud::cloudformation::change_set::OnFailure;
use qfleet::engine::event::Event;
use qfleet::engine::outcome::Outcome;
use tokio::time::Instant;

use crate::clock::engine::{Ran, Rig};
use crate::endpoint::{Endpoint, Fault, On, Script, Verb};

const BUCKET: &str = "lab-111122223333-us-east-2";
const SECOND: Duration = Duration::from_secs(1);

/// A deployed bucket with these objects, listed in pages of so many.
async fn holding(page: usize, keys: impl IntoIterator<Item = String>) -> Rig {
    let mut rig = Rig::new(Script::new()).only(&["intake"]);
    rig.deploy().await.well();
    rig.again();
    rig.endpoint.world(|world| {
        world.services.objects_a_page = Some(page);
        for key in keys {
            world.services.put_object(BUCKET, &key, "content");
        }
        world.calls.clear();
    });
    rig
}

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}/{number:05}")).collect()
}

/// DeleteObjects that hits the calls.
fn on_delete() -> On {
    On::action("DeleteObjects")
}

fn left(endpoint: &Endpoint) -> Vec<String> {
    endpoint.world(|world| world.services.keys(BUCKET))
}

/// When each call of an action came, since the first one of it.
fn times(endpoint: &Endpoint, action: &str) -> Vec<Duration> {
    let calls = endpoint.calls(action);
    calls.iter().map(|call| call.at - calls[0].at).collect()
}

/// The keys that each call of DeleteObjects names.
fn named(endpoint: &Endpoint) -> Vec<Vec<String>> {
    let keys = |call: &crate::endpoint::Call| {
        let text = String::from_utf8_lossy(&call.body).into_owned();
        let document = roxmltree::Document::parse(&text).expect("XML");
        let keys = document.descendants().filter(|node| node.has_tag_name("Key"));
        keys.filter_map(|node| node.text().map(str::to_owned)).collect()
    };
    endpoint.calls("DeleteObjects").iter().map(keys).collect()
}

/// What was told at the end: objects deleted, uploads aborted.
fn emptied(ran: &Ran) -> Vec<(u64, u64)> {
    let ends = ran.told.iter().filter_map(|(_, event)| match event {
        Event::Emptied {
            deleted_objects,
            aborted_uploads,
            ..
        } => Some((*deleted_objects, *aborted_uploads)),
        _ => None,
    });
    ends.collect()
}

#[tokio::test(start_paused = true)]
async fn everything_goes_versions_markers_uploads_and_keys_that_no_xml_can_hold() {
    let mut rig = holding(3, []).await;
    let unfit = ["uploads/\u{1}", "uploads/\u{FFFF}"];
    rig.endpoint.world(|world| {
        let bucket = world.services.make_bucket(BUCKET);
        bucket.keeps_versions = true;
        // More versions of one key than a page holds.
        for key in [
            "a",
            "a",
            "a",
            "a",
            "a",
            "b",
            "b",
            "<&>'\"",
            " + %20/ü🚚",
            "line\nreturn\rtab\t",
        ] {
            bucket.put(key, "content".into());
        }
        for key in unfit {
            bucket.put(key, "content".into());
        }
        bucket.delete("b", None);
        bucket.delete("never was", None);
        bucket.delete(unfit[0], None);
        for key in ["u", "u", "u", "u", "v\u{2}", "w", "x"] {
            let id = world.services.multiparts.begin(BUCKET, key);
            world.services.multiparts.put(&id, 1, "part".into());
        }
        world.services.multiparts.begin("another", "y");
    });
    let ran = rig.again().destroy().await.well();
    assert_eq!(emptied(&ran), [(15, 7)]);
    // All of it goes at the first look, of five pages; the second one finds nothing.
    assert_eq!(rig.endpoint.calls("ListObjectVersions").len(), 6);
    assert_eq!(ran.warnings(), [] as [&str; 0]);
    assert_eq!(rig.status("intake"), None);
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 1);
    assert_eq!(rig.endpoint.world(|world| world.services.multiparts.open()), ["y"]);
    assert!(named(&rig.endpoint).iter().all(|keys| (1..=3).contains(&keys.len())));
    let singly: Vec<String> = rig
        .endpoint
        .calls("DeleteObject")
        .into_iter()
        .map(|call| call.path)
        .collect();
    assert_eq!(singly.len(), 3, "{singly:#?}");
    assert!(
        singly.iter().all(|path| path.contains("versionId=version-")),
        "{singly:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_overlap_each_other_and_the_listing_and_are_bounded() {
    let rig = holding(10, numbered("uploads", 300)).await;
    rig.endpoint.rescript(|script| {
        let script = script.fault(on_delete(), Fault::Late(4 * SECOND));
        script.fault(On::action("ListObjectVersions"), Fault::Late(SECOND / 4))
    });
    let ran = rig.destroy().await.well();
    let deletes = times(&rig.endpoint, "DeleteObjects");
    assert_eq!(deletes.len(), 30);
    let at_once = deletes.iter().map(|at| {
        deletes
            .iter()
            .filter(|other| **other <= *at && **other + 4 * SECOND > *at)
            .count()
    });
    assert_eq!(at_once.max(), Some(8));
    // 30 calls of 4 s, 8 at once, are over after 16 s; the pages are listed meanwhile.
    let took = rig.endpoint.calls("DeleteObjects")[29].at + 4 * SECOND - rig.endpoint.calls("ListObjectVersions")[0].at;
    assert!(took < 18 * SECOND, "{took:?}");
    let told = ran
        .told
        .iter()
        .filter(|(_, event)| matches!(event, Event::Emptying { .. }))
        .count();
    assert!((3..=18).contains(&told), "told {told} times: once a second is enough");
}

#[tokio::test(start_paused = true)]
async fn the_listing_waits_for_the_deletes_so_that_memory_stays_flat() {
    let rig = holding(10, numbered("uploads", 1000)).await;
    rig.endpoint
        .rescript(|script| script.fault(on_delete(), Fault::Late(15 * SECOND)));
    let listed = async {
        tokio::time::sleep(10 * SECOND).await;
        rig.endpoint.calls("ListObjectVersions").len()
    };
    let (ran, listed) = futures_util::future::join(rig.destroy(), listed).await;
    ran.well();
    assert!(
        (9..=12).contains(&listed),
        "{listed} pages while 8 calls were on their way"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_gone_is_empty() {
    let rig = holding(10, []).await;
    rig.endpoint.world(|world| world.services.delete_bucket(BUCKET));
    let ran = rig.destroy().await.well();
    assert_eq!(emptied(&ran), [(0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_meanwhile_goes_too_before_the_stack_is_deleted() {
    let rig = holding(10, numbered("uploads", 10)).await;
    rig.endpoint
        .rescript(|script| script.fault(on_delete().numbers(1..=1), Fault::Late(SECOND)));
    let late = async {
        while rig.endpoint.calls("DeleteObjects").is_empty() {
            tokio::time::sleep(SECOND / 20).await;
        }
        // Before what was listed last.
        rig.endpoint.world(|world| {
            world.services.put_object(BUCKET, "a late one", "late");
            world.services.multiparts.begin(BUCKET, "a late upload");
        });
    };
    let (ran, ()) = futures_util::future::join(rig.destroy(), late).await;
    let ran = ran.well();
    assert_eq!(emptied(&ran), [(11, 1)]);
    assert_eq!(ran.warnings(), [] as [&str; 0]);
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_fills_up_while_it_is_deleted_is_emptied_again_three_times_at_most() {
    for (late, succeeds) in [(1, true), (2, true), (3, false)] {
        let mut rig = holding(10, numbered("uploads", 10)).await;
        rig.endpoint.world(|world| {
            let objects = (0..late).map(|number| (BUCKET.to_owned(), format!("late/{number}")));
            world.services.late_objects = objects.collect();
        });
        let ran = rig.destroy().await;
        assert_eq!(rig.endpoint.calls("DeleteStack").len(), 3.min(late + 1));
        let refilled = ran
            .warnings()
            .iter()
            .filter(|text| text.contains("tried again"))
            .count();
        assert_eq!(refilled, late.min(2));
        if succeeds {
            ran.well();
            assert_eq!(rig.status("intake"), None);
        } else {
            let root = ran
                .failure("intake")
                .cause
                .as_ref()
                .and_then(|cause| cause.root.as_ref());
            let root = root.expect("a root");
            assert!(root.resource_type == "AWS::S3::Bucket", "{root:#?}");
            rig.again().destroy().await.well();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_never_rests_is_given_up() {
    let rig = holding(10, numbered("uploads", 10)).await;
    rig.endpoint
        .rescript(|script| script.fault(on_delete(), Fault::Late(SECOND)));
    let writer = async {
        for number in 0.. {
            tokio::time::sleep(SECOND / 5).await;
            rig.endpoint.world(|world| {
                if world.services.has_bucket(BUCKET) {
                    world.services.put_object(BUCKET, &format!("again/{number}"), "again");
                }
            });
        }
    };
    let ran = tokio::select! {
        ran = rig.destroy() => ran,
        () = writer => unreachable!("it never ends"),
    };
    assert_eq!(ran.exit_code(), 1);
    let warnings = ran.warnings();
    assert!(warnings[0].contains("stop what writes to it"), "{warnings:#?}");
    let calls = rig.endpoint.calls("DeleteObjects").len();
    assert!((15..=30).contains(&calls), "{calls} calls in five looks, three times");
}

#[tokio::test(start_paused = true)]
async fn interrupted_it_begins_nothing_new_says_how_far_it_came_and_goes_on_later() {
    let mut rig = holding(10, numbered("uploads", 300)).await;
    rig.endpoint
        .rescript(|script| script.fault(on_delete(), Fault::Late(2 * SECOND)));
    let interrupt = rig.interrupt_when(|endpoint| endpoint.calls("DeleteObjects").len() >= 12);
    let (ran, at) = futures_util::future::join(rig.destroy(), interrupt).await;
    assert_eq!(ran.exit_code(), 130);
    assert!(
        matches!(ran.outcome("intake"), Outcome::Skipped { because: None }),
        "{:#?}",
        ran.outcome("intake")
    );
    let calls = rig.endpoint.calls("DeleteObjects");
    assert!(calls.iter().all(|call| call.at <= at), "nothing new");
    assert!(
        ran.ended - at < 3 * SECOND,
        "{:?}: what was on its way is waited for",
        ran.ended - at
    );
    let said = format!(
        "s3://{BUCKET} is not empty yet: {} objects were deleted; the same command goes on with it",
        calls.len() * 10
    );
    assert_eq!(ran.warnings(), [said]);
    assert_eq!(left(&rig.endpoint).len(), 300 - calls.len() * 10);
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
    rig.again().destroy().await.well();
}

#[tokio::test(start_paused = true)]
async fn interrupted_it_does_not_wait_for_an_answer_that_never_comes() {
    let rig = holding(10, numbered("uploads", 10)).await;
    rig.endpoint.rescript(|script| script.fault(on_delete(), Fault::Stall));
    let interrupt = rig.interrupt_when(|endpoint| !endpoint.calls("DeleteObjects").is_empty());
    let (ran, at) = futures_util::future::join(rig.destroy(), interrupt).await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!((ran.ended - at).as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_at_the_end_of_the_emptying_deletes_no_stack() {
    let rig = holding(10, numbered("uploads", 5)).await;
    let last_look = On::action("ListObjectVersions").numbers(2..=2);
    rig.endpoint
        .rescript(|script| script.fault(last_look, Fault::Late(SECOND)));
    let interrupt = rig.interrupt_when(|endpoint| endpoint.calls("ListObjectVersions").len() >= 2);
    let (ran, _) = futures_util::future::join(rig.destroy(), interrupt).await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!(left(&rig.endpoint), [] as [&str; 0]);
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_holds_for_emptying() {
    let mut rig = holding(10, numbered("uploads", 300)).await;
    rig.endpoint
        .rescript(|script| script.fault(on_delete(), Fault::Late(2 * SECOND)));
    rig.waiting.deadline = Some(Instant::now() + 5 * SECOND);
    let ran = rig.destroy().await;
    assert_eq!((ran.exit_code(), ran.took().as_secs()), (1, 5));
    let failure = ran.failure("intake");
    let said = format!("s3://{BUCKET} is not empty yet: 160 objects were deleted, and the time of --timeout is over");
    assert_eq!(failure.message, said);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_never_came_to_be_is_not_looked_for() {
    let mut rig = Rig::new(Script::new().fails("lab-intake", "Bucket", Verb::Create, "denied")).only(&["intake"]);
    rig.options.manner.on_failure = Some(OnFailure::Keep);
    assert_eq!(rig.deploy().await.exit_code(), 1);
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_FAILED"));
    let ran = rig.again().destroy().await.well();
    assert_eq!(emptied(&ran), []);
    assert_eq!(rig.status("intake"), None);
}
