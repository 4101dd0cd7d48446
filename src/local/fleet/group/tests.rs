//! A group's life, told on a clock of numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Now {
    Now {
        at: Duration::from_secs(seconds),
        wall: jiff::Timestamp::new(i64::try_from(seconds).expect("small"), 0).expect("a time"),
    }
}

fn shape(min: u32, max: u32) -> Shape {
    Shape {
        min,
        max,
        zones: vec!["za".into(), "zb".into()],
        hook: Some(Hook {
            name: "drain".into(),
            heartbeat_timeout: 60 * SECOND,
        }),
        version: "1".into(),
        batch: 1,
    }
}

/// A group with somebody who does what is to be done.
struct Scene {
    group: Group,
    ids: Ids,
    now: Now,
    next_pid: i32,
    /// The last of each.
    activities: Vec<Activity>,
    stopped: Vec<String>,
    killed: BTreeSet<String>,
    /// Workers that ended by themselves, as far as somebody was told.
    failed: Vec<String>,
    /// Their instances exist outside of the group.
    there: BTreeSet<String>,
}

impl Scene {
    fn new(shape: Shape, desired: u32) -> Scene {
        let mut scene = Scene {
            group: Group::new("lab-move", shape, desired, Pace { speed: 60 }),
            ids: Ids::default(),
            now: at(0),
            next_pid: 100,
            activities: Vec::new(),
            stopped: Vec::new(),
            killed: BTreeSet::new(),
            failed: Vec::new(),
            there: BTreeSet::new(),
        };
        scene.settle();
        scene
    }

    /// With all instances in service.
    fn up(shape: Shape, desired: u32) -> Scene {
        let mut scene = Scene::new(shape, desired);
        scene.pass(2);
        assert_eq!(scene.group.in_service(), desired as usize);
        scene
    }

    fn settle(&mut self) {
        loop {
            self.group.reconcile(&mut self.ids, self.now);
            let effects = self.group.effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Launch(id) => {
                        assert!(self.there.insert(id.clone()), "{id} is launched twice");
                        self.start(&id);
                    }
                    Effect::Start(id) => self.start(&id),
                    Effect::Stop(id) => self.stopped.push(id),
                    Effect::Kill(id) => drop(self.killed.insert(id)),
                    Effect::Remove(id) => assert!(self.there.remove(&id), "{id} is removed twice"),
                    Effect::Failed { id, message, launch } => {
                        assert!(message.contains("ValueError: no"), "{message}");
                        self.failed.push(id);
                        self.activities
                            .retain(|known| launch.as_ref().is_none_or(|it| it.activity_id != known.activity_id));
                        self.activities.extend(launch);
                    }
                    Effect::Record(activity) => {
                        self.activities
                            .retain(|known| known.activity_id != activity.activity_id);
                        self.activities.push(activity);
                    }
                }
            }
        }
    }

    fn start(&mut self, id: &str) {
        self.next_pid += 1;
        self.group.started(id, self.next_pid, self.now);
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = at(self.now.at.as_secs() + 1);
            self.group.tick(self.now);
            self.settle();
        }
    }

    fn exits(&mut self, id: &str, exit: Exit) {
        self.group
            .exited(id, &exit, "Traceback\nValueError: no".into(), self.now);
        self.settle();
    }

    fn crashes(&mut self, id: &str) {
        self.exits(id, Exit::Ended("exit status: 1".into()));
    }

    fn ids(&self) -> Vec<String> {
        self.group
            .instances
            .iter()
            .map(|instance| instance.id.clone())
            .collect()
    }

    fn states(&self) -> Vec<&str> {
        self.group
            .instances
            .iter()
            .map(|instance| instance.state.as_str())
            .collect()
    }

    fn last(&self) -> &Activity {
        self.activities.last().expect("an activity")
    }
}

#[test]
fn instances_come_up_in_all_zones() {
    let mut scene = Scene::new(shape(2, 4), 2);
    assert_eq!(scene.states(), ["Pending", "Pending"]);
    assert_eq!(scene.last().status_code, StatusCode::PreInService);
    assert!(
        scene.last().cause.contains("increasing the capacity from 0 to 2."),
        "{}",
        scene.last().cause
    );
    scene.pass(1);
    assert_eq!(scene.states(), ["InService", "InService"]);
    let zones: Vec<&str> = scene
        .group
        .instances
        .iter()
        .map(|instance| instance.zone.as_str())
        .collect();
    assert_eq!(zones, ["za", "zb"]);
    assert!(
        scene
            .activities
            .iter()
            .all(|activity| activity.status_code == StatusCode::Successful)
    );
}

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
fn a_killed_worker_is_a_lost_instance_and_is_replaced_at_the_same_capacity() {
    let mut scene = Scene::up(shape(2, 4), 2);
    let lost = scene.ids()[0].clone();
    scene.exits(&lost, Exit::Killed);
    assert_eq!(scene.group.desired, 2);
    assert_eq!(scene.states(), ["InService", "Pending"]);
    let [.., termination, launch] = &scene.activities[..] else {
        panic!("{:?}", scene.activities)
    };
    assert!(
        termination
            .cause
            .contains("EC2 health check indicating it has been terminated or stopped.")
    );
    assert_eq!(
        (termination.instance.as_str(), termination.status_code),
        (lost.as_str(), StatusCode::Successful)
    );
    assert!(
        launch.cause.contains("an unhealthy instance needing to be replaced"),
        "{}",
        launch.cause
    );
    assert!(!scene.there.contains(&lost));
}

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

#[test]
fn a_worker_that_ends_is_started_again_on_the_same_instance() {
    let mut scene = Scene::up(shape(1, 1), 1);
    let id = scene.ids()[0].clone();
    scene.crashes(&id);
    assert_eq!(scene.states(), ["InService"]);
    assert_eq!(scene.group.instances[0].pid(), None);
    scene.pass(1);
    assert!(scene.group.instances[0].pid().is_some());
    assert_eq!(scene.ids(), [id]);
}

#[test]
fn a_worker_that_keeps_failing_is_told_of_at_once_and_costs_its_instance_in_the_end() {
    let mut scene = Scene::new(shape(1, 1), 1);
    let first = scene.ids()[0].clone();
    scene.crashes(&first);
    assert_eq!(scene.failed, std::slice::from_ref(&first));
    // Of an instance that comes up, `status` knows it, too.
    let message = scene.last().status_message.as_deref().expect("a message");
    assert!(
        message.contains("exit status: 1") && message.contains("ValueError: no"),
        "{message}"
    );
    assert_eq!(scene.last().status_code, StatusCode::PreInService);
    // No launch that succeeds after all has anything to complain of.
    let mut other = Scene::new(shape(1, 1), 1);
    let id = other.ids()[0].clone();
    other.crashes(&id);
    other.pass(3);
    assert_eq!(other.last().status_code, StatusCode::Successful);
    assert_eq!(other.last().status_message, None);
    // At this speed, three quarters of an hour are 45 seconds.
    let mut seconds = 0;
    while scene.ids()[0] == first {
        assert!(seconds < 60, "it is never given up");
        if scene.group.instances[0].pid().is_some() {
            scene.crashes(&first);
        }
        scene.pass(1);
        seconds += 1;
    }
    assert!(seconds >= 44, "{seconds}");
    assert_eq!(scene.failed, std::slice::from_ref(&first), "told once");
    let mut activities = scene.activities.iter();
    let failed = activities.find(|activity| activity.status_code == StatusCode::Failed);
    assert_eq!(failed.map(|failed| &failed.instance), Some(&first));
}

#[test]
fn an_update_mends_workers_that_can_not_work() {
    let mut scene = Scene::new(shape(1, 2), 2);
    for id in scene.ids() {
        scene.crashes(&id);
    }
    let version = "2".into();
    scene.group.reshape(Shape { version, ..shape(1, 2) }, scene.now);
    scene.settle();
    scene.pass(4);
    assert!(scene.group.instances.iter().all(|instance| instance.version == "2"));
    assert_eq!(scene.states(), ["InService"; 2]);
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
fn bounds_that_change_move_the_capacity() {
    let mut scene = Scene::up(shape(1, 6), 4);
    scene.group.reshape(shape(1, 2), scene.now);
    scene.settle();
    assert_eq!(scene.group.desired, 2);
    assert!(
        scene.last().cause.contains("constraints to min: 1, max: 2, desired: 2"),
        "{}",
        scene.last().cause
    );
    scene.group.reshape(shape(3, 5), scene.now);
    scene.settle();
    assert_eq!(scene.group.desired, 3);
    assert_eq!(scene.group.count(Instance::counts), 3);
}

#[test]
fn a_new_version_replaces_the_old_one_by_one() {
    let mut scene = Scene::up(shape(1, 4), 3);
    scene.group.reshape(
        Shape {
            version: "2".into(),
            ..shape(1, 4)
        },
        scene.now,
    );
    scene.settle();
    for left in (0..3).rev() {
        let old = scene
            .group
            .count(|instance| instance.counts() && instance.version == "1");
        assert_eq!(old, left);
        assert_eq!(scene.group.count(Instance::counts), 3);
        for id in scene.ids() {
            if scene.stopped.contains(&id) {
                scene.exits(&id, Exit::Ended("exit status: 0".into()));
            }
        }
        scene.pass(1);
    }
    assert_eq!(scene.states(), ["InService"; 3]);
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

#[derive(Debug, Clone)]
enum Happens {
    Passes(u64),
    Exits(prop::sample::Index, bool),
    Scales(u32),
    Terminates(prop::sample::Index, bool),
    Completes(prop::sample::Index),
    Interrupts(prop::sample::Index),
    Reshapes(u32, u32, bool),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (1u64..90).prop_map(Happens::Passes),
        (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(who, killed)| Happens::Exits(who, killed)),
        (0u32..9).prop_map(Happens::Scales),
        (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(who, less)| Happens::Terminates(who, less)),
        any::<prop::sample::Index>().prop_map(Happens::Completes),
        any::<prop::sample::Index>().prop_map(Happens::Interrupts),
        (0u32..4, 0u32..8, any::<bool>()).prop_map(|(min, more, new)| Happens::Reshapes(min, min + more, new)),
    ]
}

proptest! {
    /// Whatever happens: the capacity stays within its bounds, what counts is never more than desired once settled,
    /// nothing that left the group stays behind, and the end ends all.
    #[test]
    fn nothing_gets_lost(story in prop::collection::vec(happens(), 0..40)) {
        let mut scene = Scene::new(shape(1, 4), 2);
        for event in story {
            let ids = scene.ids();
            let who = |index: &prop::sample::Index| (!ids.is_empty()).then(|| ids[index.index(ids.len())].clone());
            match event {
                Happens::Passes(seconds) => scene.pass(seconds),
                Happens::Exits(index, killed) => {
                    let running = who(&index).filter(|id| {
                        scene.group.instance(id).is_some_and(|instance| instance.pid().is_some())
                    });
                    if let Some(id) = running {
                        scene.exits(&id, if killed { Exit::Killed } else { Exit::Ended("exit status: 1".into()) });
                    }
                }
                Happens::Scales(desired) => scene.group.request(desired, scene.now),
                Happens::Terminates(index, less) => {
                    if let Some(id) = who(&index) {
                        let _ = scene.group.terminate(&id, less, scene.now);
                    }
                }
                Happens::Completes(index) => {
                    if let Some(id) = who(&index) {
                        let _ = scene.group.complete(&id, "drain", scene.now);
                    }
                }
                Happens::Interrupts(index) => {
                    if let Some(id) = who(&index) {
                        let _ = scene.group.announce_interruption(&id, scene.now);
                    }
                }
                Happens::Reshapes(min, max, new) => {
                    let version = if new { "2" } else { "1" }.to_owned();
                    scene.group.reshape(Shape { version, ..shape(min, max) }, scene.now);
                }
            }
            scene.settle();
            let group = &scene.group;
            prop_assert!(group.desired >= group.shape.min && group.desired <= group.shape.max);
            prop_assert!(group.count(Instance::counts) <= group.desired as usize);
            let listed: BTreeSet<String> = scene.ids().into_iter().collect();
            prop_assert_eq!(&listed, &scene.there);
        }
        scene.group.end("it is over", 3 * SECOND, scene.now);
        scene.settle();
        scene.pass(10);
        for id in scene.ids() {
            prop_assert!(scene.killed.contains(&id));
            scene.exits(&id, Exit::Killed);
        }
        prop_assert!(scene.there.is_empty());
    }
}
