//! The lives of a group's instances: workers start and end, instances come into service, wait in their hook, and go.

use std::time::Duration;

use super::super::causes;
use super::super::instance::{Instance, Worker};
use super::super::pace::Now;
use super::super::restarts::Next;
use super::super::state::{Activity, LifecycleState, StatusCode};
use super::{Effect, Exit, Group, Refusal};

/// From SIGTERM to SIGKILL, when an instance is shut down.
const LAST_SECONDS: Duration = Duration::from_secs(5);
/// From a worker's second SIGTERM to its SIGKILL: `last` in `templates/worker/watch.sh`.
const LAST_CALL: Duration = Duration::from_secs(10);

impl Group {
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
        self.exited(id, &Exit::NotStarted(why.to_owned()), String::new(), now);
    }

    /// The worker has ended, and with it what it had started; it said this.
    pub fn exited(&mut self, id: &str, exit: &Exit, said: String, now: Now) {
        let Some(place) = self.place(id) else { return };
        let instance = &mut self.instances[place];
        instance.worker = Worker::Down;
        instance.last_words = match exit {
            Exit::Ended(how) => causes::last_words(how, &said),
            Exit::NotStarted(why) => why.clone(),
            Exit::Killed => "its worker was killed".to_owned(),
            Exit::Crashed => causes::CRASHED.to_owned(),
        };
        match (instance.state, exit) {
            (LifecycleState::TerminatingProceed, _) => self.gone(place, None, now),
            // The watcher completes the hook.
            (LifecycleState::TerminatingWait, _) => self.proceed(place, now),
            (_, Exit::Killed | Exit::Crashed) if !instance.told => self.failed(place, now),
            // Told by a spot notice: it isn't started again.
            _ if instance.told => (instance.again_at, instance.kill_at) = (None, None),
            _ => {
                instance.worker = match instance.restarts.ended(now.at, self.pace) {
                    Next::Start(at) => Worker::Restarts(at),
                    Next::PowerOff(at) => Worker::GivenUp(at),
                };
                if instance.restarts.is_news() {
                    let message = instance.last_words.clone();
                    if let Some(launch) = &mut instance.activity {
                        launch.status_message = Some(message.clone());
                    }
                    self.effects.push(Effect::Failed {
                        id: id.to_owned(),
                        message,
                        launch: instance.activity.clone(),
                    });
                }
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
                    if let Some(launch) = &mut instance.activity {
                        launch.status_message = None;
                    }
                    let ended = instance.end_activity(StatusCode::Successful, None, now);
                    self.effects.extend(ended.map(Effect::Record));
                }
                Worker::Restarts(at) if now.at >= at && instance.may_start() => {
                    instance.worker = Worker::Starting;
                    self.effects.push(Effect::Start(id));
                    continue;
                }
                Worker::Restarts(at) if now.at >= at => instance.worker = Worker::Down,
                Worker::GivenUp(at) if now.at >= at => {
                    self.failed(place, now);
                    continue;
                }
                _ => {}
            }
            if self.is_due(place, now) {
                self.take_back(place, now);
                continue;
            }
            let instance = &mut self.instances[place];
            if instance.kill_at.is_some_and(|at| now.at >= at) {
                (instance.again_at, instance.kill_at) = (None, None);
                if let (Some(hook), Some(activity)) = (&self.shape.hook, &mut instance.activity)
                    && instance.hook.is_some()
                {
                    activity.status_message = Some(causes::killed(hook.heartbeat_timeout));
                }
                self.effects.push(Effect::Kill(id));
            } else if instance.again_at.is_some_and(|at| now.at >= at) {
                instance.again_at = None;
                self.effects.push(Effect::Stop(id));
            }
        }
        self.press(now);
    }

    /// While the group is being ended: workers that go on are told again, and killed in the end.
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

    /// The worker completes the hook itself.
    pub fn complete(&mut self, id: &str, hook: &str, now: Now) -> Result<(), Refusal> {
        let place = self.waiting(id, hook)?;
        self.proceed(place, now);
        Ok(())
    }

    /// Whether the instance waits in this hook.
    pub fn waiting(&self, id: &str, hook: &str) -> Result<usize, Refusal> {
        let waits = |instance: &Instance| instance.hook.as_deref() == Some(hook);
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
            (self.instances[place].again_at, self.instances[place].kill_at) = (None, None);
            if self.instances[place].pid().is_none() {
                self.gone(place, None, now);
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
            instance.hook = Some(hook.name.clone());
            instance.activity = Some(activity.clone());
            self.effects.push(Effect::Record(activity));
            if instance.pid().is_some() {
                self.tell_to_end(place, now);
            } else {
                self.proceed(place, now);
            }
        } else {
            instance.activity = Some(activity);
            self.proceed(place, now);
        }
    }

    /// What the instance's watcher does (`templates/worker/watch.sh`): the worker gets SIGTERM, a second one shortly
    /// before its time is up, and then SIGKILL.
    pub(super) fn tell_to_end(&mut self, place: usize, now: Now) {
        let instance = &mut self.instances[place];
        if !instance.told {
            instance.told = true;
            self.effects.push(Effect::Stop(instance.id.clone()));
            if let Some(hook) = &self.shape.hook {
                let end = now.at + hook.heartbeat_timeout;
                (instance.again_at, instance.kill_at) = (Some(end.saturating_sub(LAST_CALL)), Some(end));
            }
        }
        if let Some(interruption) = instance.interruption {
            let last_call = interruption.at.saturating_sub(self.pace.real(LAST_CALL));
            // The last call comes once.
            if now.at < last_call {
                instance.again_at = Some(instance.again_at.map_or(last_call, |at| at.min(last_call)));
            }
        }
    }

    /// Ends the activity that was under way, and begins this one.
    pub(super) fn begin_leaving(&mut self, place: usize, cause: String, now: Now) -> Activity {
        let instance = &mut self.instances[place];
        if let Some(launch) = &mut instance.activity {
            launch.status_message = None;
        }
        let cancelled = instance.end_activity(StatusCode::Cancelled, None, now);
        self.effects.extend(cancelled.map(Effect::Record));
        instance.in_service = None;
        causes::activity(&self.name, &instance.id, "Terminating EC2 instance", cause, now.wall)
    }

    pub(super) fn proceed(&mut self, place: usize, now: Now) {
        let instance = &mut self.instances[place];
        instance.hook = None;
        instance.again_at = None;
        instance.state = LifecycleState::TerminatingProceed;
        if let Some(activity) = &mut instance.activity {
            activity.status_code = StatusCode::InProgress;
            self.effects.push(Effect::Record(activity.clone()));
        }
        if instance.pid().is_some() {
            instance.kill_at = Some(now.at + LAST_SECONDS);
            if !instance.told {
                instance.told = true;
                self.effects.push(Effect::Stop(instance.id.clone()));
            }
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
