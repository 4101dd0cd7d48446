//! One Auto Scaling group as the fleet plays it: what happens comes in, what is to be done comes out. Nothing here
//! starts a process or asks the emulator.

use std::time::Duration;

use super::causes;
use super::hook::{Hook, Wait};
use super::ids::Ids;
use super::instance::{Instance, Worker};
use super::pace::{Now, Pace};
use super::restarts::{Next, Restarts};
use super::state::{Activity, LifecycleState, StatusCode};
use super::zones;

/// From SIGTERM to SIGKILL, when an instance goes.
const LAST_SECONDS: Duration = Duration::from_secs(5);
/// After an instance whose worker was given up, the next launch waits for this long; twice as long after each further
/// one. So a program that can't work costs next to nothing until somebody mends it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Failures that are longer ago don't count.
const MEMORY: Duration = Duration::from_secs(600);

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
    /// A scaling activity was begun, went on or ended.
    Record(Activity),
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself: how it ended, as in `exit status: 1`.
    Ended(String),
    /// By SIGKILL, which no program does to itself.
    Killed,
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
    /// The fewest instances.
    pub min: u32,
    /// The most instances.
    pub max: u32,
    /// Its zones, at least one.
    pub zones: Vec<String>,
    /// Its termination hook.
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
    /// Why `desired` is what it is, until the group is.
    why: String,
    /// Instances that failed and were not replaced yet.
    unhealthy: usize,
    /// Instances that were given up lately, and when the last one was.
    failures: (u32, Duration),
    /// Before this time nothing is launched.
    not_before: Duration,
    /// The group is being ended: again told to, and killed.
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
            failures: (0, Duration::ZERO),
            not_before: Duration::ZERO,
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
        let is_short = self.ending.is_none() && self.count(Instance::counts) < self.desired as usize;
        let of_ending = self.ending.iter().flat_map(|(again, kill)| [*again, *kill]);
        instances
            .chain(is_short.then_some(self.not_before))
            .chain(of_ending)
            .min()
    }

    /// It is to be like this from now on.
    pub fn reshape(&mut self, shape: Shape, now: Now) {
        let bounds_changed = (shape.min, shape.max) != (self.shape.min, self.shape.max);
        self.shape = shape;
        if bounds_changed {
            self.request(self.desired, now);
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
            if now.at >= self.not_before {
                for _ in counted..desired {
                    self.launch(ids.next(), counted, now);
                }
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
            wait: None,
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

    /// A batch of old instances goes as soon as all that count are in service.
    fn roll(&mut self, now: Now) {
        if self.in_service() < self.desired as usize {
            return;
        }
        let version = self.shape.version.clone();
        for _ in 0..self.shape.batch.max(1) {
            let is_old = |instance: &Instance| instance.counts() && instance.version != version;
            let Some(place) = self.instances.iter().position(is_old) else {
                return;
            };
            self.begin_termination(place, causes::update(now.wall), now);
        }
    }

    /// The worker runs.
    pub fn started(&mut self, id: &str, pid: i32, now: Now) {
        if let Some(place) = self.place(id) {
            let instance = &mut self.instances[place];
            instance.worker = Worker::Running { pid, since: now.at };
            instance.restarts.started(now.at);
        }
    }

    /// The worker couldn't be started.
    pub fn not_started(&mut self, id: &str, why: &str, now: Now) {
        if let Some(place) = self.place(id) {
            self.instances[place].restarts.started(now.at);
        }
        self.exited(id, &Exit::Ended(why.to_owned()), String::new(), now);
    }

    /// The worker has ended, and with it what it had started; it said this.
    pub fn exited(&mut self, id: &str, exit: &Exit, said: String, now: Now) {
        let Some(place) = self.place(id) else { return };
        let instance = &mut self.instances[place];
        instance.worker = Worker::Down;
        instance.last_words = match exit {
            Exit::Ended(how) => causes::last_words(how, &said),
            Exit::Killed => "its worker was killed".to_owned(),
        };
        match (instance.state, exit) {
            (LifecycleState::TerminatingProceed, _) => self.gone(place, None, now),
            (LifecycleState::TerminatingWait, Exit::Killed) => self.gone(place, None, now),
            (LifecycleState::TerminatingWait, Exit::Ended(_)) if self.ending.is_some() => self.gone(place, None, now),
            // Nobody completes the hook any more: it holds the instance until its time is up, as on AWS.
            (LifecycleState::TerminatingWait, Exit::Ended(_)) => {}
            (_, Exit::Killed) => self.failed(place, now),
            (_, Exit::Ended(_)) => {
                instance.worker = match instance.restarts.ended(now.at, self.pace) {
                    Next::Start(at) => Worker::Restarts(at),
                    Next::PowerOff(at) => Worker::GivenUp(at),
                };
            }
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now) {
        let moment = self.pace.moment();
        for id in self
            .instances
            .iter()
            .map(|instance| instance.id.clone())
            .collect::<Vec<_>>()
        {
            let Some(place) = self.place(&id) else { continue };
            let instance = &mut self.instances[place];
            match instance.worker {
                Worker::Running { since, .. }
                    if instance.state == LifecycleState::Pending && now.at >= since + moment =>
                {
                    instance.state = LifecycleState::InService;
                    instance.in_service = Some(now.at);
                    let ended = instance.end_activity(StatusCode::Successful, None, now);
                    self.effects.extend(ended.map(Effect::Record));
                }
                Worker::Restarts(at) if now.at >= at && instance.counts() => {
                    instance.worker = Worker::Starting;
                    self.effects.push(Effect::Start(id));
                    continue;
                }
                // An instance that goes away starts no worker (`may-start` in `templates/worker/bootstrap.sh`).
                Worker::Restarts(at) if now.at >= at => instance.worker = Worker::Down,
                Worker::GivenUp(at) if now.at >= at && instance.counts() => {
                    let (count, last) = self.failures;
                    let count = if now.at.saturating_sub(last) > MEMORY {
                        1
                    } else {
                        count + 1
                    };
                    self.failures = (count, now.at);
                    let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(count - 1));
                    self.not_before = now.at + pause.min(LONGEST_PAUSE);
                    self.failed(place, now);
                    continue;
                }
                Worker::GivenUp(at) if now.at >= at => {
                    self.gone(place, None, now);
                    continue;
                }
                _ => {}
            }
            let instance = &mut self.instances[place];
            if instance.wait.as_ref().is_some_and(|wait| now.at >= wait.deadline) {
                let message = instance.wait.as_ref().map(|wait| causes::timed_out(&wait.hook));
                if let Some(activity) = &mut instance.activity {
                    activity.status_message = message;
                }
                self.proceed(place, now);
            } else if instance.kill_at.is_some_and(|at| now.at >= at) {
                instance.kill_at = None;
                self.effects.push(Effect::Kill(id));
            }
        }
        self.press(now);
    }

    /// Ending: who didn't end is told again, and killed in the end.
    fn press(&mut self, now: Now) {
        let Some((again, kill)) = self.ending else { return };
        let running = self.instances.iter().filter(|instance| instance.pid().is_some());
        if now.at >= kill {
            self.effects
                .extend(running.map(|instance| Effect::Kill(instance.id.clone())));
            self.ending = Some((Duration::MAX, Duration::MAX));
        } else if now.at >= again {
            self.effects
                .extend(running.map(|instance| Effect::Stop(instance.id.clone())));
            self.ending = Some((Duration::MAX, kill));
        }
    }

    /// Somebody wants this instance to go. Returns the activity that was begun.
    pub fn terminate(&mut self, id: &str, decrement: bool, now: Now) -> Result<Activity, Refusal> {
        let place = self.place(id).filter(|place| self.instances[*place].counts());
        let place = place.ok_or(Refusal::Unknown)?;
        if decrement && self.desired <= self.shape.min {
            return Err(Refusal::BelowMin);
        }
        let shrunk = decrement.then(|| (self.desired, self.desired - 1));
        let cause = causes::user_request(shrunk, now.wall);
        self.desired -= u32::from(decrement);
        self.begin_termination(place, cause, now);
        // A group without a hook may have let go of the instance already, but not of what was recorded.
        let begun = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Record(activity) if activity.instance == id => Some(activity.clone()),
            _ => None,
        });
        begun.ok_or(Refusal::Unknown)
    }

    /// The worker is done with the hook.
    pub fn complete(&mut self, id: &str, hook: &str, now: Now) -> Result<(), Refusal> {
        let place = self.waiting(id, hook)?;
        self.proceed(place, now);
        Ok(())
    }

    /// The worker needs more time in the hook.
    pub fn heartbeat(&mut self, id: &str, hook: &str, now: Now) -> Result<(), Refusal> {
        let place = self.waiting(id, hook)?;
        if let Some(wait) = &mut self.instances[place].wait {
            wait.heartbeat(now.at);
        }
        Ok(())
    }

    fn waiting(&self, id: &str, hook: &str) -> Result<usize, Refusal> {
        let waits = |instance: &Instance| instance.wait.as_ref().is_some_and(|wait| wait.hook.name == hook);
        self.place(id)
            .filter(|place| waits(&self.instances[*place]))
            .ok_or(Refusal::NotWaiting)
    }

    /// All instances go, for this cause, and none is launched any more. Workers are told to end; again, if they haven't,
    /// after `drain`, and killed soon afterwards.
    pub fn end(&mut self, cause: &str, drain: Duration, now: Now) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some((now.at + drain, now.at + drain + LAST_SECONDS));
        for id in self
            .instances
            .iter()
            .map(|instance| instance.id.clone())
            .collect::<Vec<_>>()
        {
            let Some(place) = self.place(&id) else { continue };
            if self.instances[place].counts() {
                self.begin_termination(place, cause.to_owned(), now);
            }
            let Some(place) = self.place(&id) else { continue };
            if self.instances[place].pid().is_none() {
                self.gone(place, None, now);
            } else if self.instances[place].state == LifecycleState::TerminatingWait {
                // As when an instance shuts down: it needn't look at the metadata to learn of it.
                self.effects.push(Effect::Stop(id));
            }
        }
    }

    /// Kills what is still there.
    pub fn kill(&mut self) {
        let ids = self.instances.iter().map(|instance| instance.id.clone());
        self.effects.extend(ids.map(Effect::Kill));
    }

    fn begin_termination(&mut self, place: usize, cause: String, now: Now) {
        let name = self.name.clone();
        let instance = &mut self.instances[place];
        let cancelled = instance.end_activity(StatusCode::Cancelled, None, now);
        self.effects.extend(cancelled.map(Effect::Record));
        let mut activity = causes::activity(&name, &instance.id, "Terminating EC2 instance", cause, now.wall);
        instance.in_service = None;
        if let Some(hook) = &self.shape.hook {
            activity.status_code = StatusCode::MidLifecycleAction;
            instance.state = LifecycleState::TerminatingWait;
            instance.wait = Some(Wait::begin(hook.clone(), now.at));
            instance.activity = Some(activity.clone());
            self.effects.push(Effect::Record(activity));
        } else {
            instance.activity = Some(activity);
            self.proceed(place, now);
        }
    }

    fn proceed(&mut self, place: usize, now: Now) {
        let instance = &mut self.instances[place];
        instance.wait = None;
        instance.state = LifecycleState::TerminatingProceed;
        if let Some(activity) = &mut instance.activity {
            activity.status_code = StatusCode::InProgress;
            self.effects.push(Effect::Record(activity.clone()));
        }
        if instance.pid().is_some() {
            instance.kill_at = Some(now.at + LAST_SECONDS);
            self.effects.push(Effect::Stop(instance.id.clone()));
        } else {
            self.gone(place, None, now);
        }
    }

    /// EC2 finds that it is off: it is replaced.
    fn failed(&mut self, place: usize, now: Now) {
        let instance = &mut self.instances[place];
        let message = instance.last_words.clone();
        self.unhealthy += 1;
        let launch = instance.end_activity(StatusCode::Failed, Some(message.clone()), now);
        if let Some(launch) = launch {
            self.effects.push(Effect::Record(launch));
        } else {
            let cause = causes::health_check(now.wall);
            let id = instance.id.clone();
            let activity = causes::activity(&self.name, &id, "Terminating EC2 instance", cause, now.wall);
            self.instances[place].activity = Some(activity);
        }
        self.gone(place, Some(message), now);
    }

    fn gone(&mut self, place: usize, message: Option<String>, now: Now) {
        let mut instance = self.instances.remove(place);
        let ended = instance.end_activity(StatusCode::Successful, message, now);
        self.effects.extend(ended.map(Effect::Record));
        self.effects.push(Effect::Remove(instance.id));
    }
}

#[cfg(test)]
mod tests;
