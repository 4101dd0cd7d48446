//! The lives of a group's instances: workers start and end, instances come into service, wait in their hook, and go.

use std::time::Duration;

use super::super::causes;
use super::super::hook::Wait;
use super::super::instance::{Instance, Worker};
use super::super::pace::Now;
use super::super::restarts::Next;
use super::super::state::{Activity, LifecycleState, StatusCode};
use super::{Effect, Exit, Group, Refusal};

/// From SIGTERM to SIGKILL, when an instance goes.
const LAST_SECONDS: Duration = Duration::from_secs(5);
/// After an instance whose worker was given up, the next launch waits for this long; twice as long after each further
/// one. So a program that can't work costs next to nothing until somebody mends it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Failures that are longer ago don't count.
const MEMORY: Duration = Duration::from_secs(600);

impl Group {
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
                Worker::Restarts(at) if now.at >= at && instance.may_start() => {
                    instance.worker = Worker::Starting;
                    self.effects.push(Effect::Start(id));
                    continue;
                }
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
            if self.is_due(place, now) {
                self.take_back(place, now);
                continue;
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
            // `drain` bounds it, also without a hook.
            self.instances[place].kill_at = None;
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

    pub(super) fn begin_termination(&mut self, place: usize, cause: String, now: Now) {
        let mut activity = self.begin_leaving(place, cause, now);
        let instance = &mut self.instances[place];
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

    /// Whatever it was about is over, and this begins.
    pub(super) fn begin_leaving(&mut self, place: usize, cause: String, now: Now) -> Activity {
        let instance = &mut self.instances[place];
        let cancelled = instance.end_activity(StatusCode::Cancelled, None, now);
        self.effects.extend(cancelled.map(Effect::Record));
        instance.in_service = None;
        causes::activity(&self.name, &instance.id, "Terminating EC2 instance", cause, now.wall)
    }

    pub(super) fn proceed(&mut self, place: usize, now: Now) {
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
