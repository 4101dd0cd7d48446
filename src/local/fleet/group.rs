//! One Auto Scaling group as the fleet plays it: what happens comes in, what is to be done comes out. Nothing here
//! starts a process or asks the emulator.

mod life;
mod spot;

use std::time::Duration;

use super::causes;
use super::hook::Hook;
use super::ids::Ids;
use super::instance::{Instance, Worker};
use super::pace::{Now, Pace};
use super::restarts::Restarts;
use super::state::{Activity, LifecycleState, StatusCode};
use super::zones;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Make an instance, and start its worker.
    Launch(String),
    /// Start an instance's worker again.
    Start(String),
    /// Tell the worker to end.
    Stop(String),
    /// End the worker with everything that it started.
    Kill(String),
    /// The instance is gone: nothing may be left of it but its log.
    Remove(String),
    /// A worker that was well, or that is new, ended by itself.
    Failed {
        id: String,
        /// How it ended, and what it said.
        message: String,
        /// The launch that is given up because of it.
        launch: Option<Activity>,
    },
    /// A scaling activity was begun, went on or ended.
    Record(Activity),
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself: how it ended, as in `exit status: 1`.
    Ended(String),
    /// It was never started, and why.
    NotStarted(String),
    /// By SIGKILL, which no program does to itself.
    Killed,
    /// By the SIGKILL of `qfleet kill-worker --crash`.
    Crashed,
}

/// Why an instance can't be told to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The group has none of this id, or it goes already.
    Unknown,
    /// It would leave fewer than the minimum.
    BelowMin,
    /// It doesn't wait in this hook.
    NotWaiting,
}

/// What a group is to be like.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub min: u32,
    pub max: u32,
    /// Its zones, at least one.
    pub zones: Vec<String>,
    pub hook: Option<Hook>,
    /// The program and the settings that instances are launched with.
    pub version: String,
    /// How many instances an update replaces at once.
    pub batch: u32,
}

/// An Auto Scaling group.
#[derive(Debug)]
pub(super) struct Group {
    pub name: String,
    pub shape: Shape,
    pub desired: u32,
    pub instances: Vec<Instance>,
    pace: Pace,
    effects: Vec<Effect>,
    /// Why `desired` is what it is, until the group has so many.
    why: String,
    /// Instances that failed and were not replaced yet.
    unhealthy: usize,
    /// The group is being ended: when its workers are told to end a second time, and when they are killed.
    ending: Option<(Duration, Duration)>,
}

impl Group {
    /// A group without instances.
    pub fn new(name: &str, shape: Shape, desired: u32, pace: Pace) -> Group {
        Group {
            name: name.to_owned(),
            desired: desired.clamp(shape.min, shape.max.max(shape.min)),
            shape,
            instances: Vec::new(),
            pace,
            effects: Vec::new(),
            why: String::new(),
            unhealthy: 0,
            ending: None,
        }
    }

    /// What is to be done since it was last asked.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// How many instances are in service.
    pub fn in_service(&self) -> usize {
        self.count(|instance| instance.state == LifecycleState::InService)
    }

    /// How many instances are such.
    pub fn count(&self, is_such: impl Fn(&Instance) -> bool) -> usize {
        self.instances.iter().filter(|instance| is_such(instance)).count()
    }

    /// The instance of this id.
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.instances.iter().position(|instance| instance.id == id)
    }

    /// When it has something to do next, if nothing else happens before.
    pub fn next(&self) -> Option<Duration> {
        let moment = self.pace.moment();
        let instances = self.instances.iter().filter_map(|instance| instance.next(moment));
        let of_ending = self.ending.iter().flat_map(|(again, kill)| [*again, *kill]);
        instances.chain(of_ending).min()
    }

    /// It is to be like this from now on.
    pub fn reshape(&mut self, shape: Shape, now: Now) {
        let bounds_changed = (shape.min, shape.max) != (self.shape.min, self.shape.max);
        self.shape = shape;
        if bounds_changed {
            self.request(self.desired, now);
        }
    }

    /// Its schedule gives it these bounds, for this cause.
    pub fn schedule(&mut self, shape: Shape, cause: String) {
        let desired = self.desired.clamp(shape.min, shape.max.max(shape.min));
        self.shape = shape;
        if desired != self.desired {
            let change = causes::desired(self.desired, desired);
            self.why = format!("{cause}{change}");
            self.desired = desired;
        }
    }

    /// Somebody wants so many instances.
    pub fn request(&mut self, desired: u32, now: Now) {
        let (min, max) = (self.shape.min, self.shape.max.max(self.shape.min));
        let desired = desired.clamp(min, max);
        if desired != self.desired {
            self.why = causes::request(min, max, self.desired, desired, now.wall);
            self.desired = desired;
        }
    }

    /// A policy wants so many instances, for this cause.
    pub fn scale(&mut self, desired: u32, cause: &str, now: Now) {
        self.why = causes::policy(cause, now.wall);
        self.desired = desired;
    }

    /// Launches what is missing, terminates what is too much, and replaces what is of an old version.
    pub fn reconcile(&mut self, ids: &mut Ids, now: Now) {
        if self.ending.is_some() {
            return;
        }
        let (counted, desired) = (self.count(Instance::counts), self.desired as usize);
        if counted < desired {
            for _ in counted..desired {
                self.launch(ids.next(), counted, now);
            }
        } else if counted > desired {
            let cause = format!("{}{}", self.why, causes::shrink(counted, desired, now.wall));
            for _ in desired..counted {
                let Some(place) = self.to_shrink() else { break };
                let cause = format!("{cause}{}", causes::selected(&self.instances[place].id, now.wall));
                self.begin_termination(place, cause, now);
            }
        } else {
            self.why.clear();
            self.unhealthy = 0;
            self.roll(now);
        }
    }

    fn launch(&mut self, id: String, counted: usize, now: Now) {
        let taken: Vec<&str> = self
            .instances
            .iter()
            .filter(|instance| instance.counts())
            .map(|instance| instance.zone.as_str())
            .collect();
        let zone = zones::to_launch_in(&self.shape.zones, &taken).to_owned();
        let cause = if self.unhealthy > 0 && self.why.is_empty() {
            self.unhealthy -= 1;
            causes::replace(now.wall)
        } else {
            format!("{}{}", self.why, causes::grow(counted, self.desired as usize, now.wall))
        };
        let activity = causes::activity(&self.name, &id, "Launching a new EC2 instance", cause, now.wall);
        let activity = Activity {
            status_code: StatusCode::PreInService,
            ..activity
        };
        self.effects.push(Effect::Record(activity.clone()));
        self.effects.push(Effect::Launch(id.clone()));
        self.instances.push(Instance {
            id,
            zone,
            state: LifecycleState::Pending,
            version: self.shape.version.clone(),
            launched: now.wall,
            in_service: None,
            worker: Worker::Starting,
            restarts: Restarts::default(),
            last_words: String::new(),
            hook: None,
            interruption: None,
            told: false,
            again_at: None,
            kill_at: None,
            activity: Some(activity),
        });
    }

    /// From the zone with most of them: one of an old version, else one that isn't in service yet, else the oldest.
    fn to_shrink(&self) -> Option<usize> {
        let taken: Vec<&str> = self
            .instances
            .iter()
            .filter(|instance| instance.counts())
            .map(|instance| instance.zone.as_str())
            .collect();
        let zone = zones::to_shrink(&taken)?;
        let candidates = self
            .instances
            .iter()
            .enumerate()
            .filter(|(_, instance)| instance.counts() && instance.zone == zone);
        candidates
            .min_by_key(|(_, instance)| {
                (
                    instance.version == self.shape.version,
                    instance.state == LifecycleState::InService,
                    instance.launched,
                )
            })
            .map(|(place, _)| place)
    }

    /// A batch of old instances goes as soon as all new ones are in service. (An old one whose worker can't work never
    /// is, and the update may be what mends it.)
    fn roll(&mut self, now: Now) {
        let version = self.shape.version.clone();
        let comes_up = |instance: &Instance| instance.version == version && instance.state == LifecycleState::Pending;
        if self.count(comes_up) > 0 {
            return;
        }
        for _ in 0..self.shape.batch.max(1) {
            let is_old = |instance: &Instance| instance.counts() && instance.version != version;
            let Some(place) = self.instances.iter().position(is_old) else {
                return;
            };
            self.begin_termination(place, causes::update(now.wall), now);
        }
    }
}

#[cfg(test)]
mod tests;
