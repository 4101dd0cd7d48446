//! A bucket that is there already, whose notifications somebody else writes at the same time.

use super::*;
use crate::endpoint::{Fault, Moment, On};
use crate::scripted::existing_bucket::{BUCKET, THEIRS, file, make, only, ours, writes};

/// A fleet on their bucket; others write its notifications after the first, second … write of ours.
fn rig(others_write: Vec<(Moment, String)>) -> Rig {
    let rig = Rig::of(blueprint(&file("")), Script::new());
    make(&rig.endpoint, BUCKET);
    rig.endpoint
        .world(|world| world.services.make_bucket(BUCKET).notifications.others_write = others_write);
    rig
}

/// How long after each write the next one came.
fn pauses(rig: &Rig) -> Vec<Duration> {
    let calls = rig.endpoint.calls("PutBucketNotificationConfiguration");
    calls.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

#[tokio::test(start_paused = true)]
async fn what_others_write_in_between_stays_and_ours_comes_again() {
    // Somebody who read before we wrote writes after that, twice.
    let other = THEIRS.replace("audit", "audit-2");
    let rig = rig(vec![(Moment::Write(1), other), (Moment::Write(2), THEIRS.into())]);
    rig.deploy().await.well();
    assert_eq!(
        (writes(&rig.endpoint), ours(&rig.endpoint, BUCKET)),
        (3, only("uploads/"))
    );
}

#[tokio::test(start_paused = true)]
async fn out_of_time_after_the_stack_is_made_it_is_said_that_the_bucket_was_not_told() {
    let mut rig = rig(Vec::new());
    rig.endpoint.rescript(|script| {
        let late = Fault::Late(Duration::from_secs(600));
        script.fault(On::action("GetBucketNotificationConfiguration").numbers(2..=9), late)
    });
    rig.waiting.deadline = Some(Instant::now() + Duration::from_secs(60));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(
        ran.failure("intake").message,
        "lab-intake is deployed, and their-files doesn't tell it of new files yet: the time of --timeout is over"
    );
}

#[tokio::test(start_paused = true)]
async fn who_never_stops_writing_is_told_of() {
    let rig = rig((1..50).map(|n| (Moment::Write(n), THEIRS.into())).collect());
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    let failure = ran.failure("intake");
    assert_eq!(
        failure.message,
        "lab-intake: somebody else keeps writing the notifications of their-files"
    );
    assert!(
        failure.help.as_deref().is_some_and(|help| help.contains("Terraform")),
        "{failure:?}"
    );
    // Each time, it was given the time in which another qfleet would be done.
    assert_eq!(pauses(&rig), [Duration::from_secs(2); 5]);
    assert_eq!(rig.status("work"), None, "no stage without its files");
}
