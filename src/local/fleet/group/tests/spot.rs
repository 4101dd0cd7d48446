//! Spot instances, which EC2 takes back.

use super::*;
use crate::local::fleet::causes;

#[test]
fn a_spot_instance_is_taken_back_when_its_time_is_up_and_replaced() {
    let mut scene = Scene::up(shape(1, 2), 2);
    let ids = scene.ids();
    let at = scene
        .group
        .announce_interruption(&ids[0], scene.now)
        .expect("announced");
    // At this speed, two of the fleet's minutes.
    assert_eq!(at.as_second(), scene.now.wall.as_second() + 2);
    assert!(scene.group.next() <= Some(scene.now.at + 2 * SECOND));
    scene.pass(1);
    assert_eq!(
        scene.group.announce_interruption(&ids[0], scene.now),
        Ok(at),
        "told again"
    );
    assert_eq!(scene.states(), ["InService", "InService"]);
    assert_eq!(scene.stopped, ids[..1], "told at the notice");
    scene.pass(1);
    assert_eq!(
        scene.states(),
        ["Terminating:Proceed", "InService", "Pending"],
        "no hook holds it"
    );
    let cause = &scene.last().cause;
    assert!(
        cause.contains("an unhealthy instance needing to be replaced"),
        "{cause}"
    );
    let mut activities = scene.activities.iter();
    let end = activities.find(|one| one.instance == ids[0] && one.description.starts_with("Term"));
    assert!(end.is_some_and(|end| end.cause.contains("EC2 health check")), "{end:?}");
    let said = end.and_then(|end| end.status_message.as_deref());
    assert_eq!(said, Some(causes::TAKEN_BACK));
    scene.pass(4);
    assert!(!scene.killed.contains(&ids[0]));
    scene.pass(1);
    assert!(scene.killed.contains(&ids[0]), "a worker that doesn't end is killed");
    assert_ne!(scene.group.next(), Some(scene.now.at), "nothing is due again and again");
    scene.exits(&ids[0], Exit::Killed);
    assert_eq!(scene.states(), ["InService", "InService"]);
    let unknown = scene.group.announce_interruption(&ids[0], scene.now);
    assert_eq!(unknown, Err(Refusal::Unknown));
}

#[test]
fn a_spot_instance_has_less_time_than_its_worker() {
    let mut scene = Scene::up(shape(1, 2), 1);
    let id = scene.ids()[0].clone();
    // At this speed it is taken back within 12 s, and the hook would give 60.
    scene.group.pace = Pace { speed: 10 };
    scene.group.announce_interruption(&id, scene.now).expect("announced");
    scene.settle();
    scene.pass(10);
    assert_eq!(scene.stopped, std::slice::from_ref(&id));
    // Ten of the fleet's seconds before.
    scene.pass(1);
    assert_eq!(scene.stopped, [id.clone(), id.clone()]);
    scene.pass(1);
    assert_eq!(scene.states()[0], "Terminating:Proceed");
    assert_eq!(scene.stopped.len(), 2);
}

#[test]
fn a_worker_of_a_spot_instance_that_ends_is_not_started_again() {
    let mut scene = Scene::up(shape(1, 2), 1);
    let id = scene.ids()[0].clone();
    scene.group.announce_interruption(&id, scene.now).expect("announced");
    scene.settle();
    scene.exits(&id, Exit::Ended("exit status: 0".into()));
    scene.pass(1);
    assert_eq!(scene.group.instances[0].pid(), None);
    scene.pass(1);
    assert!(!scene.ids().contains(&id), "{:?}", scene.ids());
    assert_eq!(scene.states(), ["Pending"]);
}

#[test]
fn a_spot_instance_that_drains_anyway_is_taken_back_and_not_replaced() {
    let mut scene = Scene::up(shape(0, 1), 1);
    let id = scene.ids()[0].clone();
    scene.group.announce_interruption(&id, scene.now).expect("announced");
    scene.group.request(0, scene.now);
    scene.settle();
    assert_eq!(scene.states(), ["Terminating:Wait"]);
    scene.pass(2);
    assert_eq!(scene.states(), ["Terminating:Proceed"]);
    assert_eq!(scene.last().instance, id);
}
