//! A deploy that is interrupted, and what becomes of what runs.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future;
use qfleet::engine::deploy::settle::settle;
use qfleet::engine::event::Events;
use qfleet::engine::operation::{Context, OnInterrupt};
use qfleet::engine::outcome::{Outcome, Unattended};
use qfleet::error::Error;
use tokio::time::Instant;

use crate::clock::engine::{Ran, Rig, blueprint};
use crate::endpoint::{Endpoint, Fault, Happening, On, Script, Verb};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Interrupts a deploy when the endpoint is as wanted. Returns how the deploy ended, and when it was interrupted.
#[track_caller]
fn interrupted(rig: &Rig, wanted: impl Fn(&Endpoint) -> bool) -> impl Future<Output = (Ran, Instant)> {
    future::join(rig.deploy(), rig.interrupt_when(wanted))
}

fn is_being_made(stack: &'static str) -> impl Fn(&Endpoint) -> bool {
    move |endpoint| endpoint.status(stack).as_deref() == Some("CREATE_IN_PROGRESS")
}

/// Of the tests themselves: one whose moment never comes ends, too.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "nothing was interrupted: what tests/it/clock/engine/interrupted.rs:")]
async fn a_test_that_waits_in_vain_for_its_moment_says_so() {
    interrupted(&Rig::new(Script::new()), |_| false).await;
}

#[tokio::test(start_paused = true)]
async fn interrupted_it_detaches_within_five_seconds_and_the_next_run_attaches() {
    let mut rig = Rig::new(Script::new().takes("lab-intake", "Bucket", seconds(60)));
    let (ran, at) = interrupted(&rig, is_being_made("lab-intake")).await;
    assert_eq!(ran.exit_code(), 130);
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    assert!(matches!(
        ran.outcome("intake"),
        Outcome::Running {
            why: Unattended::Interrupted,
            ..
        }
    ));
    assert!(matches!(ran.outcome("work"), Outcome::Skipped { .. }));
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_IN_PROGRESS"));
    rig.again().deploy().await.well();
    rig.is_deployed();
    assert_eq!(rig.not_made_once(), [] as [&str; 0]);
}

/// CloudFormation takes seconds to work a change set out. Who interrupts meanwhile wants nothing begun any more.
#[tokio::test(start_paused = true)]
async fn interrupted_while_a_change_set_is_worked_out_nothing_new_is_begun() {
    let rig = Rig::new(Script::new());
    rig.endpoint.rescript(|script| script.change_sets_take(seconds(3)));
    let (ran, at) = interrupted(&rig, work_is_drafted).await;
    assert_eq!(ran.exit_code(), 130, "{:#?}", ran.result);
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    assert_eq!(rig.status("work"), None, "neither made nor left empty");
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn interrupted_it_can_wait_for_what_runs() {
    let mut rig = Rig::new(Script::new().takes("lab-intake", "Bucket", seconds(60)));
    rig.waiting.on_interrupt = OnInterrupt::Wait;
    let (ran, at) = interrupted(&rig, is_being_made("lab-intake")).await;
    assert_eq!(ran.exit_code(), 130);
    assert!(ran.ended - at > seconds(50));
    assert!(matches!(ran.outcome("intake"), Outcome::Done { .. }));
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(rig.status("work"), None, "nothing new is begun");
    assert_eq!(
        rig.endpoint.calls("HeadObject").len(),
        0,
        "nor is its program looked for"
    );
}

#[tokio::test(start_paused = true)]
async fn interrupted_it_can_cancel_a_first_create() {
    let mut rig = Rig::new(Script::new().takes("lab-intake", "Bucket", seconds(60)));
    rig.waiting.on_interrupt = OnInterrupt::Cancel;
    let (ran, _) = interrupted(&rig, is_being_made("lab-intake")).await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!(
        ran.failure("intake").message,
        "creating lab-intake was cancelled by the signal: it is DELETE_COMPLETE now"
    );
    assert_eq!(rig.status("intake"), None, "an unfinished first create is deleted");
    assert_eq!(
        ran.failure("intake").status.as_ref().map(|status| status.as_str()),
        Some("DELETE_COMPLETE")
    );
}

/// Between its end and our next look, a first create is complete: it isn't unfinished any more.
#[tokio::test(start_paused = true)]
async fn a_create_that_has_just_ended_is_not_deleted_by_cancelling() {
    let mut rig = Rig::of(
        blueprint(crate::clock::engine::LAB),
        Script::new().takes("lab-artifacts", "Bucket", seconds(10)),
    )
    .only(&["artifacts"]);
    rig.waiting.on_interrupt = OnInterrupt::Cancel;
    let (ran, at) = interrupted(&rig, |endpoint| {
        endpoint.status("lab-artifacts").as_deref() == Some("CREATE_COMPLETE")
    })
    .await;
    assert!(ran.told_end("lab-artifacts") >= at, "it wasn't noticed yet");
    assert_eq!(rig.status("artifacts").as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn interrupted_it_can_cancel_an_update() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.endpoint
        .rescript(|_| Script::new().takes("lab-intake", "Bucket", seconds(60)));
    rig.touch("intake");
    rig.again().waiting.on_interrupt = OnInterrupt::Cancel;
    let (ran, at) = interrupted(&rig, |endpoint| {
        endpoint.status("lab-intake").as_deref() == Some("UPDATE_IN_PROGRESS")
    })
    .await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!(rig.status("intake").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
    assert_eq!(
        ran.failure("intake").message,
        "updating lab-intake was cancelled by the signal: it is UPDATE_ROLLBACK_COMPLETE now"
    );
    assert!(ran.ended - at > seconds(1), "the way back was watched, too");
    assert_eq!(rig.endpoint.calls("CancelUpdateStack").len(), 1);
}

/// It isn't ours to be cancelled.
#[tokio::test(start_paused = true)]
async fn what_others_began_is_not_cancelled_and_that_is_said() {
    let mut rig = Rig::new(Script::new());
    rig.deploy().await.well();
    rig.endpoint.world(|world| {
        let happening = Happening::Operation {
            stack: "lab-intake".into(),
            during: "UPDATE_IN_PROGRESS".into(),
            takes: seconds(300),
            then: "UPDATE_COMPLETE".into(),
        };
        world.plan(Duration::ZERO, crate::endpoint::Step::Happens(happening));
    });
    rig.again().waiting.on_interrupt = OnInterrupt::Cancel;
    rig.touch("work");
    let began = Instant::now();
    let (ran, at) = interrupted(&rig, |_| began.elapsed() > seconds(10)).await;
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    let warnings = ran.warnings();
    let said = "lab-intake: what runs on it was not begun by this command, and is not cancelled";
    assert!(warnings.iter().any(|words| words.starts_with(said)), "{warnings:?}");
    let error = ran.result.expect_err("why it ended");
    assert_eq!(error.exit_code(), 130, "{error}");
    assert_eq!(error.goes_on(), ["lab-intake"], "{error}");
    assert_eq!(rig.endpoint.calls("CancelUpdateStack").len(), 0);
    assert_eq!(rig.status("intake").as_deref(), Some("UPDATE_IN_PROGRESS"));
}

/// CloudFormation may take its time to work a change set out. Who interrupts isn't made to wait for that: the next
/// execution throws it away.
#[tokio::test(start_paused = true)]
async fn interrupted_it_does_not_wait_for_a_slow_change_set() {
    let mut rig = Rig::new(Script::new());
    rig.endpoint.rescript(|script| script.change_sets_take(seconds(40)));
    let asked = |endpoint: &Endpoint| !endpoint.calls("CreateChangeSet").is_empty();
    let (ran, at) = interrupted(&rig, asked).await;
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    let left = ran.discarded.expect_err("something is left");
    assert!(
        left.to_string()
            .contains("the next deploy of that stack throws it away"),
        "{left}"
    );
    rig.endpoint.rescript(|script| script.change_sets_take(seconds(1)));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// What looked busy has ended by itself: the second before the next look is no longer than the command.
#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_pause_before_the_next_look() {
    let rig = Rig::new(Script::new());
    let (events, _heard) = Events::channel();
    let context = Context {
        cloud: &rig.cloud,
        tell: &events,
        interrupt: &rig.interrupt.1,
        waiting: rig.waiting,
    };
    let asks = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        rig.interrupt.0.send_replace(true);
    };
    let began = Instant::now();
    let (settled, ()) = futures_util::future::join(settle(context, &rig.blueprint, true), asks).await;
    assert!(matches!(settled, Err(Error::Interrupted)), "{settled:?}");
    assert!(began.elapsed() < Duration::from_millis(400), "{:?}", began.elapsed());
}

/// After the others are made.
fn work_is_drafted(endpoint: &Endpoint) -> bool {
    let asked = endpoint.calls("CreateChangeSet");
    asked.iter().any(|call| call.stack.as_deref() == Some("lab-work"))
}

/// It may have begun although no answer comes, and that is said.
#[tokio::test(start_paused = true)]
async fn interrupted_while_an_execution_stands_still_it_detaches_in_time() {
    for way in [Fault::Stall, Fault::StallAfterEffect] {
        let script = Script::new().takes("lab-intake", "Bucket", seconds(60));
        let rig = Rig::new(script.fault(On::action("ExecuteChangeSet"), way)).only(&["intake"]);
        let is_asked = |endpoint: &Endpoint| !endpoint.calls("ExecuteChangeSet").is_empty();
        let (ran, at) = interrupted(&rig, is_asked).await;
        assert_eq!(ran.exit_code(), 130);
        assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
        let intake = ran.outcome("intake");
        let is_detached = matches!(
            intake,
            Outcome::Running {
                why: Unattended::Interrupted,
                ..
            }
        );
        assert!(is_detached, "{intake:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn interrupted_while_a_change_set_stands_still_nothing_is_left() {
    let create = On::action("CreateChangeSet").stack("lab-work");
    let rig = Rig::new(Script::new().fault(create, Fault::Stall));
    let (ran, at) = interrupted(&rig, work_is_drafted).await;
    assert_eq!(ran.exit_code(), 130, "{:#?}", ran.result);
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    assert_eq!(rig.status("work"), None);
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
}

/// The time is over while a change set stands still: what it is for isn't begun.
#[tokio::test(start_paused = true)]
async fn the_timeout_holds_for_a_change_set_that_stands_still() {
    let create = On::action("CreateChangeSet").stack("lab-work");
    let mut rig = Rig::new(Script::new().fault(create, Fault::Stall));
    rig.waiting.deadline = Some(Instant::now() + seconds(20));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 1);
    assert!(ran.took() < seconds(25), "{:?}", ran.took());
    let said = &ran.failure("work").message;
    assert_eq!(said, "lab-work was not begun: the time of --timeout is over");
}

/// A request that was given up may take effect a moment later.
#[tokio::test(start_paused = true)]
async fn a_change_set_that_comes_late_is_thrown_away_too() {
    let create = On::action("CreateChangeSet").stack("lab-work");
    let late = Fault::LateEffect(Duration::from_millis(600));
    let rig = Rig::new(Script::new().fault(create, late));
    let (ran, at) = interrupted(&rig, work_is_drafted).await;
    assert_eq!(ran.exit_code(), 130);
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    ran.discarded.expect("nothing is left");
    tokio::time::sleep(seconds(5)).await;
    assert_eq!(rig.status("work"), None, "it was made to hold the change set");
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
}

/// Interrupted while it looks whether the stage's program is there: the failed first create stays.
#[tokio::test(start_paused = true)]
async fn interrupted_before_a_failed_create_is_made_anew_it_deletes_nothing() {
    let script = Script::new().fails_times("lab-work", "LogGroup", Verb::Create, "not today", 1);
    let mut rig = Rig::new(script);
    rig.deploy().await;
    assert_eq!(rig.status("work").as_deref(), Some("ROLLBACK_COMPLETE"));
    let looked = rig.endpoint.calls("HeadObject").len();
    rig.endpoint
        .rescript(|script| script.fault(On::action("HeadObject"), Fault::Late(seconds(1))));
    rig.again();
    let looks = |endpoint: &Endpoint| endpoint.calls("HeadObject").len() > looked;
    let (ran, at) = interrupted(&rig, looks).await;
    assert_eq!(ran.exit_code(), 130);
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    assert_eq!(rig.status("work").as_deref(), Some("ROLLBACK_COMPLETE"));
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
}

/// It is made, but no read knows it yet: it is neither waited for nor called gone.
#[tokio::test(start_paused = true)]
async fn interrupted_before_a_read_knows_what_was_made_it_is_done_all_the_same() {
    let early = Fault::refuse(400, "ValidationError", "Stack with id lab-artifacts does not exist");
    let reads = On::action("DescribeStacks").stack("lab-artifacts");
    let rig = Rig::new(Script::new().fault(reads, early)).only(&["artifacts"]);
    let looked = Cell::new(None);
    let looks_again = |endpoint: &Endpoint| {
        if endpoint.status("lab-artifacts").as_deref() != Some("CREATE_COMPLETE") {
            return false;
        }
        let looks = endpoint.calls("DescribeStacks").len();
        looks > looked.get().unwrap_or(looks) + 2 || {
            looked.set(looked.get().or(Some(looks)));
            false
        }
    };
    let (ran, at) = interrupted(&rig, looks_again).await;
    assert!(ran.ended - at < seconds(5), "{:?}", ran.ended - at);
    let artifacts = ran.outcome("artifacts");
    assert!(matches!(artifacts, Outcome::Done { .. }), "{artifacts:?}");
}
