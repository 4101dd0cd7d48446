//! A group's life, told on a clock of numbers.

mod leaving;
mod spot;
mod stories;

use std::collections::BTreeSet;

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
