//! A fleet is to go from one bucket that is there already to another one, and something comes in between.

use qfleet::engine::operation::OnInterrupt;
use tokio::join;

use super::*;
use crate::endpoint::{Fault, Moment, On, Verb};
use crate::scripted::existing_bucket::{BUCKET, THEIRS, file, make, notifications, only, ours, writes};

const OTHER: &str = "other-files";

/// Deployed on the first bucket; the file names the second one by now.
async fn deployed() -> Rig {
    let mut rig = Rig::of(blueprint(&file("")), Script::new());
    make(&rig.endpoint, BUCKET);
    make(&rig.endpoint, OTHER);
    rig.deploy().await.well();
    rig.blueprint = blueprint(&file("").replace(BUCKET, OTHER));
    rig.again();
    rig
}

/// The stack still names the first bucket, and that one tells it; nothing is said to have been done.
#[track_caller]
fn is_as_before(rig: &Rig, ran: &Ran) {
    let all = [BUCKET, OTHER].map(|bucket| ours(&rig.endpoint, bucket));
    assert_eq!(all, [only("uploads/"), Vec::new()], "{:#?}", ran.warnings());
    assert!(writes(&rig.endpoint) > 2, "it was taken out, and put back");
    assert_eq!(ran.report().existing_buckets, []);
}

fn silent(rig: &Rig) -> bool {
    ours(&rig.endpoint, BUCKET).is_empty()
}

fn is_updated(endpoint: &Endpoint) -> bool {
    endpoint.status("lab-intake").as_deref() == Some("UPDATE_IN_PROGRESS")
}

async fn interrupted(rig: &Rig, wanted: impl Fn(&Endpoint) -> bool) -> Ran {
    join!(rig.deploy(), rig.interrupt_when(wanted)).0
}

#[tokio::test(start_paused = true)]
async fn the_first_one_is_left_once_nothing_more_can_come_in_between() {
    let rig = deployed().await;
    rig.deploy().await.well();
    assert_eq!(
        [BUCKET, OTHER].map(|bucket| ours(&rig.endpoint, bucket)),
        [vec![], only("uploads/")]
    );
    let calls = rig.endpoint.world(|world| world.calls.clone());
    let all = |action: &str| {
        let places = calls.iter().enumerate().filter(|(_, call)| call.action == action);
        places.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let left = all("PutBucketNotificationConfiguration")[1];
    let executed: Vec<usize> = all("ExecuteChangeSet")
        .into_iter()
        .filter(|place| *place > left)
        .collect();
    let between = &calls[left + 1..executed[0]];
    assert!(
        between.iter().all(|call| !call.action.contains("ChangeSet")),
        "{between:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn interrupted_before_the_stack_changes_it_is_put_back() {
    let rig = deployed().await;
    let ran = interrupted(&rig, |_| silent(&rig)).await;
    assert_eq!(ran.exit_code(), 130);
    is_as_before(&rig, &ran);
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_COMPLETE"));
    assert!(ran.took() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn out_of_time_before_the_stack_changes_it_is_put_back() {
    let mut rig = deployed().await;
    rig.endpoint.rescript(|script| {
        let late = Fault::Late(Duration::from_secs(600));
        script.fault(On::action("PutBucketNotificationConfiguration").numbers(1..=1), late)
    });
    rig.waiting.deadline = Some(Instant::now() + Duration::from_secs(10));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    is_as_before(&rig, &ran);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_puts_it_back() {
    let rig = deployed().await;
    rig.endpoint
        .rescript(|script| script.fails("lab-intake", "TopicPolicy", Verb::Update, "no"));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    is_as_before(&rig, &ran);
    assert_eq!(rig.status("intake").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
}

/// What was written is known, though no read says so.
#[tokio::test(start_paused = true)]
async fn an_update_that_fails_puts_back_what_no_read_showed() {
    let rig = deployed().await;
    // Two of the plan; then one before, and one after it was taken out.
    let denied = Fault::refuse(403, "AccessDenied", "Access Denied");
    let after = On::action("GetBucketNotificationConfiguration").numbers(4..=4);
    rig.endpoint.rescript(|script| {
        let script = script.fails("lab-intake", "TopicPolicy", Verb::Update, "no");
        script.fault(after, denied)
    });
    let ran = rig.deploy().await;
    is_as_before(&rig, &ran);
    let warned = "their-files: its notifications were taken out, and whether that stayed isn't known";
    assert!(
        ran.warnings().iter().any(|text| text.contains(warned)),
        "{:#?}",
        ran.warnings()
    );
}

#[tokio::test(start_paused = true)]
async fn an_update_that_is_cancelled_puts_it_back() {
    let mut rig = deployed().await;
    rig.endpoint
        .rescript(|script| script.takes("lab-intake", "TopicPolicy", Duration::from_secs(60)));
    rig.waiting.on_interrupt = OnInterrupt::Cancel;
    let ran = interrupted(&rig, is_updated).await;
    is_as_before(&rig, &ran);
    assert_eq!(rig.status("intake").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
}

#[tokio::test(start_paused = true)]
async fn what_cant_be_put_back_is_told_with_what_to_do() {
    let rig = deployed().await;
    let denied = Fault::refuse(403, "AccessDenied", "Access Denied");
    rig.endpoint.rescript(|script| {
        let script = script.fails("lab-intake", "TopicPolicy", Verb::Update, "no");
        script.fault(On::action("PutBucketNotificationConfiguration").numbers(2..=9), denied)
    });
    let ran = rig.deploy().await;
    assert!(silent(&rig));
    let warnings = ran.warnings().join("\n");
    for word in [
        "could not be put back",
        "Access Denied",
        "`qfleet deploy`",
        "`qfleet backfill`",
    ] {
        assert!(warnings.contains(word), "{warnings}");
    }
    assert_eq!(ran.report().existing_buckets[0].removed, 1, "{:#?}", ran.report());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_is_told_that_the_bucket_is_not_told_yet() {
    let missing = |ran: &Ran, bucket: &str| {
        let what = format!("lab-intake: {bucket} doesn't tell it of new files yet");
        ran.warnings()
            .iter()
            .any(|text| text.contains(&what) && text.contains("`qfleet deploy`"))
    };
    let mut rig = Rig::of(blueprint(&file("")), Script::new()).only(&["intake"]);
    make(&rig.endpoint, BUCKET);
    rig.waiting.no_wait = true;
    let ran = rig.deploy().await;
    assert!(missing(&ran, BUCKET), "{:#?}", ran.warnings());

    let mut rig = deployed().await;
    rig.waiting.no_wait = true;
    let ran = rig.deploy().await;
    assert!(missing(&ran, OTHER), "{:#?}", ran.warnings());

    // An update of the stack that leaves the bucket as it is.
    let mut rig = deployed().await;
    rig.blueprint = blueprint(&file(""));
    rig.touch("intake");
    rig.waiting.no_wait = true;
    let ran = rig.deploy().await;
    assert!(!missing(&ran, BUCKET), "{:#?}", ran.warnings());
}

#[tokio::test(start_paused = true)]
async fn interrupted_after_the_stack_is_done_it_is_reported_as_done() {
    let rig = Rig::of(blueprint(&file("")), Script::new());
    make(&rig.endpoint, BUCKET);
    let ran = interrupted(&rig, |endpoint| writes(endpoint) == 1).await;
    assert_eq!(ran.exit_code(), 130);
    assert!(
        matches!(ran.outcome("intake"), Outcome::Done { .. }),
        "{:#?}",
        ran.report()
    );
    assert_eq!(ran.report().existing_buckets[0].added, 1);

    // There is nothing but the bucket's stack, and it is waited for.
    let script = Script::new().takes("lab-intake", "Topic", Duration::from_secs(60));
    let mut rig = Rig::of(blueprint(&file("")), script).only(&["intake"]);
    make(&rig.endpoint, BUCKET);
    rig.waiting.on_interrupt = OnInterrupt::Wait;
    let begun = |endpoint: &Endpoint| endpoint.status("lab-intake").as_deref() == Some("CREATE_IN_PROGRESS");
    let ran = interrupted(&rig, begun).await;
    assert_eq!((ran.exit_code(), writes(&rig.endpoint)), (130, 0));
    assert!(
        matches!(ran.outcome("intake"), Outcome::Done { .. }),
        "{:#?}",
        ran.report()
    );
    assert!(
        ran.warnings()
            .iter()
            .any(|text| text.contains("doesn't tell it of new files yet"))
    );
}

/// Says that the stack names another bucket, as after somebody else's deploy.
fn moved(endpoint: &Endpoint, bucket: &str) {
    endpoint.world(|world| {
        let stack = world.find("lab-intake").expect("the stack");
        world.stacks[stack]
            .outputs
            .insert("ExistingBucket".into(), bucket.into());
        let text = world.services.make_bucket(BUCKET).notifications.text.clone();
        world.services.make_bucket(bucket).notifications.text = text;
        world.services.make_bucket(BUCKET).notifications.text = THEIRS.into();
    });
}

#[tokio::test(start_paused = true)]
async fn the_bucket_that_somebody_else_gave_it_meanwhile_is_left_too() {
    let rig = deployed().await;
    make(&rig.endpoint, "third-files");
    let drafts = Drafts::default();
    rig.tell(async |context| {
        let plan = draw_up(rig.planner(&drafts)).await.expect("a plan");
        moved(&rig.endpoint, "third-files");
        (Ok(rig.execute(context, &drafts, &plan).await), Ok(()))
    })
    .await
    .well();
    let all = [BUCKET, "third-files", OTHER].map(|bucket| ours(&rig.endpoint, bucket));
    assert_eq!(all, [vec![], vec![], only("uploads/")]);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_leaves_the_bucket_that_somebody_else_gave_it_meanwhile() {
    let rig = deployed().await;
    rig.endpoint
        .rescript(|script| script.takes("lab-work", "Queue", Duration::from_secs(60)));
    let meanwhile = async {
        while rig.status("work").as_deref() != Some("DELETE_IN_PROGRESS") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        moved(&rig.endpoint, OTHER);
    };
    let (ran, ()) = join!(rig.destroy(), meanwhile);
    ran.well();
    assert_eq!(
        [BUCKET, OTHER].map(|bucket| notifications(&rig.endpoint, bucket)),
        [THEIRS, THEIRS]
    );
    assert_eq!(rig.status("intake"), None);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_fails_later_says_what_it_took_out() {
    let rig = deployed().await;
    rig.endpoint
        .rescript(|script| script.fails("lab-intake", "Topic", Verb::Delete, "no"));
    let ran = rig.destroy().await;
    assert_eq!(ran.exit_code(), 1);
    assert_eq!(ran.report().existing_buckets[0].removed, 1, "{:#?}", ran.report());
}

/// A write whose answer is lost isn't sent again: what it was made from may be old.
#[tokio::test(start_paused = true)]
async fn what_others_write_while_an_answer_is_lost_stays() {
    for fault in [
        Fault::CutAfterEffect,
        Fault::refuse(503, "SlowDown", "Please reduce your request rate."),
    ] {
        let rig = Rig::of(blueprint(&file("")), Script::new());
        make(&rig.endpoint, BUCKET);
        let theirs = THEIRS.replace("<Id>audit<", "<Id>audit-2<");
        rig.endpoint.rescript(|script| {
            script.fault(
                On::action("PutBucketNotificationConfiguration").numbers(1..=1),
                fault.clone(),
            )
        });
        // After the plan's read, and ours; or after our write.
        let moment = match fault {
            Fault::CutAfterEffect => Moment::Write(1),
            _ => Moment::Read(2),
        };
        rig.endpoint.world(|world| {
            world.services.make_bucket(BUCKET).notifications.others_write = vec![(moment, theirs.clone())]
        });
        let ran = rig.deploy().await.well();
        let text = notifications(&rig.endpoint, BUCKET);
        assert!(
            text.contains("<Id>audit-2<") && text.contains("<Id>qfleet-lab-"),
            "{text}"
        );
        assert_eq!(ran.report().existing_buckets.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_write_is_read_again_too() {
    let rig = Rig::of(blueprint(&file("")), Script::new());
    make(&rig.endpoint, BUCKET);
    let others = (1..=5).map(|n| (Moment::Write(n), THEIRS.into())).collect();
    rig.endpoint
        .world(|world| world.services.make_bucket(BUCKET).notifications.others_write = others);
    rig.deploy().await.well();
    assert_eq!(
        (writes(&rig.endpoint), ours(&rig.endpoint, BUCKET)),
        (6, only("uploads/"))
    );
}

/// From a bucket of its own: what is in that stays, if it was to be kept.
#[tokio::test(start_paused = true)]
async fn its_own_bucket_is_let_go_of_with_a_warning_and_stays_where_it_is_to_be_kept() {
    let own = "lab-111122223333-us-east-2";
    for (on_destroy, becomes) in [("keep", "would let go of"), ("empty", "would delete")] {
        let lab = LAB.replace("on_destroy: empty", &format!("on_destroy: {on_destroy}"));
        let mut rig = Rig::of(blueprint(&lab), Script::new());
        make(&rig.endpoint, BUCKET);
        rig.deploy().await.well();
        rig.blueprint = blueprint(&file(""));
        let plan = rig.again().plan().await.expect("a plan");
        let warnings = plan.existing_buckets[0].warnings.join("\n");
        assert!(
            warnings.contains(&format!("the environment's own bucket {own}")),
            "{warnings}"
        );
        let refusal = refusal(&plan, &rig.blueprint, &[]).expect("a refusal").to_string();
        assert!(refusal.contains(&format!("{becomes} {own}")), "{refusal}");
        if on_destroy == "keep" {
            rig.options.allow_replace = vec!["Bucket".into()];
            rig.deploy().await.well();
            assert_eq!(ours(&rig.endpoint, BUCKET), only("uploads/"));
            assert!(rig.endpoint.world(|world| world.services.has_bucket(own)));
        }
    }
}
