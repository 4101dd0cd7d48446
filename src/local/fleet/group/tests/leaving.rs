//! Instances that are to go: their hook, their workers, and the end of the group.

use super::*;

#[test]
fn scaling_in_waits_for_the_hook_and_says_why() {
    let mut scene = Scene::up(shape(1, 4), 3);
    scene.group.scale(
        2,
        "a monitor alarm A in state ALARM triggered policy P changing the desired capacity from 3 to 2.",
        scene.now,
    );
    scene.settle();
    assert_eq!(
        scene.states(),
        ["TerminatingWait", "InService", "InService"].map(|s| s.replace("gW", "g:W"))
    );
    let activity = scene.last().clone();
    assert_eq!(activity.status_code, StatusCode::MidLifecycleAction);
    for part in [
        "triggered policy P",
        "shrinking the capacity from 3 to 2.",
        "was selected for termination.",
    ] {
        assert!(activity.cause.contains(part), "{}", activity.cause);
    }
    let id = activity.instance;
    // Its worker is told at once, and nothing else ends the wait than the worker's end.
    assert_eq!(scene.stopped, std::slice::from_ref(&id));
    scene.pass(30);
    assert_eq!(scene.states()[0], "Terminating:Wait");
    scene.exits(&id, Exit::Ended("exit status: 0".into()));
    assert_eq!(scene.states(), ["InService", "InService"]);
    assert_eq!(scene.last().status_code, StatusCode::Successful);
    assert_eq!(scene.last().status_message, None);
    assert_eq!(scene.failed, [""; 0]);
}

#[test]
fn a_worker_may_complete_the_hook_itself() {
    let mut scene = Scene::up(shape(0, 1), 1);
    let id = scene.ids()[0].clone();
    scene.group.request(0, scene.now);
    scene.settle();
    assert_eq!(scene.group.complete(&id, "other", scene.now), Err(Refusal::NotWaiting));
    assert_eq!(scene.group.complete(&id, "drain", scene.now), Ok(()));
    scene.settle();
    assert_eq!(scene.states(), ["Terminating:Proceed"]);
    assert_eq!(scene.group.complete(&id, "drain", scene.now), Err(Refusal::NotWaiting));
    scene.pass(5);
    // Told once, and then shut down with its instance.
    assert_eq!(scene.stopped, std::slice::from_ref(&id));
    assert!(scene.killed.contains(&id));
}

#[test]
fn a_worker_that_does_not_end_is_told_again_and_killed() {
    let mut scene = Scene::up(shape(0, 1), 1);
    let id = scene.ids()[0].clone();
    scene.group.request(0, scene.now);
    scene.settle();
    scene.pass(49);
    assert_eq!(scene.stopped, std::slice::from_ref(&id));
    scene.pass(1);
    assert_eq!(scene.stopped, [id.clone(), id.clone()]);
    scene.pass(9);
    assert!(!scene.killed.contains(&id));
    scene.pass(1);
    assert!(scene.killed.contains(&id));
    assert_eq!(scene.states(), ["Terminating:Wait"]);
    scene.exits(&id, Exit::Killed);
    assert_eq!(scene.ids(), [""; 0]);
    let message = scene.last().status_message.as_deref().expect("a message");
    assert_eq!(message, "its worker hadn't ended within 60 s and was killed");
}

#[test]
fn an_instance_without_a_worker_does_not_wait() {
    let mut scene = Scene::up(shape(0, 1), 1);
    let id = scene.ids()[0].clone();
    scene.crashes(&id);
    scene.group.request(0, scene.now);
    scene.settle();
    assert_eq!(scene.ids(), [""; 0]);
    assert_eq!(scene.stopped, [""; 0]);
}

#[test]
fn a_user_may_end_an_instance_with_or_without_its_place() {
    let mut scene = Scene::up(shape(1, 4), 2);
    let ids = scene.ids();
    assert_eq!(
        scene.group.terminate("i-unknown", false, scene.now),
        Err(Refusal::Unknown)
    );
    let begun = scene.group.terminate(&ids[0], false, scene.now).expect("begins");
    assert!(
        begun.cause.ends_with("in response to a user request."),
        "{}",
        begun.cause
    );
    assert_eq!(scene.group.terminate(&ids[0], false, scene.now), Err(Refusal::Unknown));
    scene.settle();
    assert_eq!(scene.states(), ["Terminating:Wait", "InService", "Pending"]);
    let begun = scene.group.terminate(&ids[1], true, scene.now).expect("begins");
    assert!(
        begun.cause.contains("shrinking the capacity from 2 to 1."),
        "{}",
        begun.cause
    );
    scene.settle();
    assert_eq!(scene.group.desired, 1);
    assert_eq!(scene.states(), ["Terminating:Wait", "Terminating:Wait", "Pending"]);
    let left = scene.ids()[2].clone();
    assert_eq!(scene.group.terminate(&left, true, scene.now), Err(Refusal::BelowMin));
}

#[test]
fn a_group_without_a_hook_lets_go_at_once() {
    let mut scene = Scene::up(
        Shape {
            hook: None,
            ..shape(1, 2)
        },
        1,
    );
    let id = scene.ids()[0].clone();
    let begun = scene.group.terminate(&id, false, scene.now).expect("begins");
    assert_eq!(begun.instance, id);
    scene.settle();
    assert_eq!(scene.states(), ["Terminating:Proceed", "Pending"]);
    assert_eq!(scene.stopped, [id]);
}

#[test]
fn the_end_drains_asks_again_and_kills() {
    let mut scene = Scene::up(shape(2, 4), 3);
    let ids = scene.ids();
    scene.crashes(&ids[2]);
    scene.group.end("the fleet was stopped", 10 * SECOND, scene.now);
    scene.settle();
    // The one whose worker is down has nothing to finish.
    assert_eq!(scene.ids(), ids[..2]);
    assert_eq!(scene.stopped, ids[..2]);
    scene.exits(&ids[0], Exit::Ended("exit status: 0".into()));
    assert_eq!(scene.ids(), ids[1..2]);
    scene.pass(10);
    assert_eq!(scene.stopped[2..], ids[1..2]);
    assert!(!scene.killed.contains(&ids[1]));
    scene.pass(5);
    assert!(scene.killed.contains(&ids[1]));
    scene.exits(&ids[1], Exit::Killed);
    scene.pass(1);
    assert_eq!(scene.ids(), [""; 0]);
    assert!(scene.there.is_empty());
}
