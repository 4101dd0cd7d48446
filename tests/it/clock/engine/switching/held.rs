//! Old workers that don't go: what is said of them, and what ends the waiting.

use qfleet::engine::event::Operation;
use qfleet::engine::outcome::{Outcome, Unattended};
use qfleet::error::exit_code;

use super::*;
use crate::endpoint::{Obstacles, ScriptedGroup};

/// Instances at work, of which the first is protected from scale-in, about to give way to the function. The group's name.
async fn protected() -> (Rig, String) {
    let mut rig = Rig::of(blueprint(&both("instances")), Script::new());
    let ran = rig.deploy().await.well();
    let group = ran.report().outputs["work"]["GroupName"].clone();
    let fleet = ScriptedGroup::new(&group, &["us-east-2a:i-1", "us-east-2b:i-2"]).obstacles(Obstacles {
        protected: vec!["i-1".into()],
        ..Obstacles::default()
    });
    then(&mut rig, &both("lambda"), |script| {
        script
            .group(fleet)
            .takes("lab-work", "Group", Duration::from_secs(90))
            .takes("lab-work", "Mapping", Duration::from_secs(30))
    });
    (rig, group)
}

/// When it was said that instances are protected, and the words.
fn said_of(ran: &Ran, words: &str) -> Vec<(u64, String)> {
    let said = ran.told.iter().filter_map(|(at, event)| match event {
        Event::Warning { message } if message.contains(words) => Some(((*at - ran.began).as_secs(), message.clone())),
        _ => None,
    });
    said.collect()
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_protected_are_named_and_the_group_goes_once_they_are_not() {
    let (rig, group) = protected().await;
    let by_hand = async {
        tokio::time::sleep(Duration::from_secs(80)).await;
        rig.cloud.unprotect_instances(&group, &["i-1".to_owned()]).await
    };
    let (ran, taken_off) = tokio::join!(rig.deploy(), by_hand);
    taken_off.expect("it can be taken off");
    let ran = ran.well();
    let said = said_of(&ran, "protected from scale-in");
    let [(at, said)] = said.as_slice() else {
        panic!("once: {said:?}")
    };
    assert!((30..40).contains(at), "not before the group is to go: {at} s");
    assert!(
        said.starts_with(&format!("lab-work: i-1 can't leave {group}")),
        "{said}"
    );
    assert!(!said.contains("i-2"), "{said}");
    let command = "aws autoscaling set-instance-protection --auto-scaling-group-name";
    assert!(said.contains(command), "{said}");
    assert!(
        said.ends_with("--no-protected-from-scale-in --instance-ids i-1 --region us-east-2"),
        "{said}"
    );
    assert_eq!(said_of(&ran, "leaves it there"), []);
    assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
    assert_eq!(
        rig.endpoint.calls("SetInstanceProtection").len(),
        1,
        "only by hand: a worker may still need it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_that_could_not_be_deleted_is_named() {
    let (rig, group) = protected().await;
    let ran = rig.deploy().await.well();
    let said = said_of(&ran, "leaves it there");
    let [(_, said)] = said.as_slice() else {
        panic!("once: {said:?}")
    };
    for part in [
        &format!("could not delete {group}"),
        "i-1",
        &format!("delete-auto-scaling-group --auto-scaling-group-name {group} --force-delete --region us-east-2"),
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_to_wait_ends_while_a_function_finishes() {
    let mut rig = pausing().await;
    rig.waiting.deadline = Some(tokio::time::Instant::now() + Duration::from_secs(10));
    let ran = rig.deploy().await.well();
    assert_eq!(ran.exit_code(), 0, "the switch is done");
    assert_eq!(ran.took().as_secs(), 10);
    let said = said_of(&ran, "the switch is done");
    assert!(said[0].1.ends_with("s: the time of --timeout is over"), "{said:?}");
    assert_eq!(workers(&rig), ["LaunchTemplate", "Function"]);
    // The next one finds nothing to do, and nothing to wait for.
    let asked = rig.endpoint.calls("GetFunction").len();
    rig.waiting.deadline = None;
    let next = rig.again().deploy().await.well();
    assert!(matches!(next.outcome("work"), Outcome::Unchanged));
    assert!(next.took() < Duration::from_secs(2), "{:?}", next.took());
    assert_eq!(rig.endpoint.calls("GetFunction").len(), asked);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_wait_ends_while_instances_finish() {
    let mut rig = deployed(&both("instances")).await;
    then(&mut rig, &both("lambda"), |script| {
        script.takes("lab-work", "Group", Duration::from_secs(120))
    });
    rig.waiting.deadline = Some(tokio::time::Instant::now() + Duration::from_secs(30));
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), exit_code::FAILED);
    assert_eq!(ran.took().as_secs(), 30);
    let is_left = matches!(
        ran.outcome("work"),
        Outcome::Running {
            operation: Operation::Update,
            why: Unattended::TimedOut
        }
    );
    assert!(is_left, "{:?}", ran.outcome("work"));
    // The new ones work already, and nothing is undone.
    assert_eq!(
        rig.status("work").as_deref(),
        Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    );
    rig.waiting.deadline = None;
    let next = rig.again().deploy().await.well();
    assert!(next.took() > Duration::from_secs(80), "it waits for the rest");
    assert_eq!(workers(&rig), ["Mapping", "LaunchTemplate", "Function"]);
    assert_eq!(invoked(&rig), 1, "it isn't tried again");
    rig.is_deployed();
}
