//! The supervisor: it alone waits, for time to pass, workers to end, calls to come and the emulator to answer, and does
//! what the groups say is to be done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::ages::{Ages, Peek};
use super::autoscaling::{Answer, Asked, Call, Endpoint, Listed};
use super::causes;
use super::event::FleetEvent;
use super::group::{Effect, Exit, Group, Refusal, Shape};
use super::home::FleetHome;
use super::ids::Ids;
use super::journal::Journal;
use super::metadata::{Facts, Metadata};
use super::pace::{Now, Pace};
use super::place::{self, Place};
use super::scaling::{self, AUTO_SCALING, SQS, Scaling, Seen};
use super::sources::{Sources, Stage};
use super::state::{FleetState, GroupState, InstanceState};
use super::surroundings::{Surroundings, variables};
use super::{process, program, runs_already, zones};
use crate::cloud::{Cloud, CloudError};
use crate::error::{Error, Result};
use crate::forecast::series::{Metrics, Minute};

/// From being stopped until workers that still work are told to give their work back. One that receives waits for
/// messages for up to 20 seconds.
pub const DRAIN: Duration = Duration::from_secs(30);
/// The same where there is nothing to give back to: the queue is gone.
const SHORT_DRAIN: Duration = Duration::from_secs(3);
/// How often the groups are looked at between the minutes.
const LOOK: Duration = Duration::from_secs(1);
/// The emulator answers within milliseconds, when it does.
const PATIENCE: Duration = Duration::from_secs(5);
/// For so long it may be silent.
const SILENCE: Duration = Duration::from_secs(10);
/// Everything is read again at most this often, and at least each minute.
const SOONEST: Duration = Duration::from_secs(5);
/// Logs of instances that are gone.
const LOGS: usize = 20;

/// What a fleet is started with.
#[derive(Debug)]
pub struct Setup {
    /// The emulator, as the environment's account.
    pub cloud: Cloud,
    /// The emulator's endpoint.
    pub endpoint: String,
    /// The environment's name.
    pub environment: String,
    /// How many of the fleet's minutes pass in a real one.
    pub speed: u32,
}

/// How a fleet ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By SIGINT or SIGTERM.
    Stopped,
    /// Its groups were deleted.
    Gone,
}

/// Runs the fleet of an environment until it is stopped or its groups are gone. No worker outlives this call.
///
/// # Errors
/// A refusal when a fleet of this environment runs already; a failure when there is nothing to run, it can't be
/// started, or the emulator doesn't answer any more.
pub async fn run(setup: Setup, tell: impl Fn(FleetEvent) + Send) -> Result<End> {
    let failed = |error| Error::failed(format!("signals can't be handled: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let (calls, mut called) = mpsc::channel(64);
    let (exits, mut exited) = mpsc::unbounded_channel();
    let mut supervisor = Supervisor::start(setup, calls, exits, Box::new(tell)).await?;
    let mut minutes = interval(supervisor.pace.minute());
    let mut looks = interval(LOOK);
    // After a pause, as of a laptop that slept: not all minutes at once.
    minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        supervisor.settle().await;
        if let Some(end) = supervisor.over() {
            supervisor.leave().await;
            return end;
        }
        let next = supervisor.next();
        tokio::select! {
            biased;
            _ = interrupt.recv() => supervisor.stop(),
            _ = terminate.recv() => supervisor.stop(),
            _ = hangup.recv() => supervisor.stop(),
            Some((id, exit)) = exited.recv() => supervisor.exited(&id, &exit),
            Some(asked) = called.recv() => supervisor.answer(asked),
            _ = minutes.tick() => supervisor.minute().await,
            _ = looks.tick() => supervisor.look().await,
            () = sleep_until(next) => {}
        }
    }
}

/// A group, with what stands around it.
struct Member {
    group: Group,
    scaling: Scaling,
    stage: Stage,
    /// The program of the version that is launched now.
    program: PathBuf,
    /// The capacity that the emulator knows; nothing until it was told.
    told: Option<u32>,
    /// The group is no longer there.
    gone: bool,
}

/// What stands around an instance.
struct Around {
    place: Place,
    metadata: Option<Metadata>,
    program: PathBuf,
    settings: Vec<(String, String)>,
    /// Where in the log the worker began that runs now.
    log_from: u64,
}

struct Supervisor<'a> {
    cloud: Cloud,
    environment: String,
    home: FleetHome,
    pace: Pace,
    began: Instant,
    started: Timestamp,
    peek: Peek,
    sources: Sources,
    members: Vec<Member>,
    around: BTreeMap<String, Around>,
    ids: Ids,
    metrics: Metrics,
    ages: Ages,
    journal: Journal,
    endpoint: Endpoint,
    written: Option<FleetState>,
    read: Instant,
    /// Since when the emulator hasn't answered.
    silent: Option<Instant>,
    /// What was said already, of that which comes again and again.
    said: BTreeSet<String>,
    end: Option<Result<End>>,
    exits: mpsc::UnboundedSender<(String, Exit)>,
    tell: Box<dyn Fn(FleetEvent) + Send + 'a>,
    /// Held until the end.
    _life: File,
}

impl<'a> Supervisor<'a> {
    async fn start(
        setup: Setup,
        calls: mpsc::Sender<Asked>,
        exits: mpsc::UnboundedSender<(String, Exit)>,
        tell: Box<dyn Fn(FleetEvent) + Send + 'a>,
    ) -> Result<Supervisor<'a>> {
        let Setup {
            cloud,
            endpoint,
            environment,
            speed,
        } = setup;
        let home = FleetHome::make(&environment)?;
        let life = home.supervise()?.ok_or_else(|| runs_already(&environment))?;
        home.forget_state();
        let instances = home.instances();
        let orphans = place::end_orphans(&instances, PATIENCE)?;
        if orphans > 0 {
            tell(FleetEvent::Note {
                message: format!("ended {orphans} workers that a killed supervisor had left behind"),
            });
        }
        let mut ids = Ids::default();
        for id in place::ids(&instances)? {
            ids.retire(&id);
        }
        place::forget_old(&instances, LOGS)?;
        let mut sources = Sources::default();
        let stages = sources.read(&cloud, &environment).await?;
        if stages.is_empty() {
            return Err(Error::failed(format!(
                "{environment} has no stage with instances, so there is nothing to run"
            ))
            .with_help("see what is deployed with `qfleet status ENV --local`"));
        }
        let mut supervisor = Supervisor {
            peek: Peek {
                endpoint: endpoint.clone(),
                account: cloud.account.clone(),
                region: cloud.region.clone(),
            },
            endpoint: Endpoint::serve(&endpoint, calls).await?,
            journal: Journal::open(home.journal())?,
            cloud,
            environment,
            home,
            pace: Pace { speed },
            began: Instant::now(),
            started: Timestamp::now(),
            sources,
            members: Vec::new(),
            around: BTreeMap::new(),
            ids,
            metrics: Metrics::default(),
            ages: Ages::default(),
            written: None,
            read: Instant::now(),
            silent: None,
            said: BTreeSet::new(),
            end: None,
            exits,
            tell,
            _life: life,
        };
        for stage in stages {
            supervisor.join(stage).await?;
        }
        (supervisor.tell)(FleetEvent::Up {
            environment: supervisor.environment.clone(),
            pid: own_pid(),
            speed,
            stages: supervisor
                .members
                .iter()
                .map(|member| member.stage.name.clone())
                .collect(),
        });
        Ok(supervisor)
    }

    fn now(&self) -> Now {
        Now {
            at: self.began.elapsed(),
            wall: Timestamp::now(),
        }
    }

    fn note(&self, message: impl Into<String>) {
        (self.tell)(FleetEvent::Note {
            message: message.into(),
        });
    }

    /// The same, of what would be said again and again.
    fn note_once(&mut self, message: String) {
        if self.said.insert(message.clone()) {
            self.note(message);
        }
    }

    /// A group is there that wasn't.
    async fn join(&mut self, stage: Stage) -> Result<()> {
        let program = program::fetch(&self.cloud, &stage.outputs.program, &self.home.programs()).await?;
        let group = Group::new(&stage.group.name, self.shape(&stage), stage.group.desired, self.pace);
        self.members.push(Member {
            group,
            scaling: Scaling::of(&stage),
            stage,
            program,
            told: None,
            gone: false,
        });
        Ok(())
    }

    fn shape(&self, stage: &Stage) -> Shape {
        Shape {
            min: stage.group.min,
            max: stage.group.max,
            zones: zones::zones(&stage.group.zones, &self.cloud.region),
            hook: stage.hook.clone(),
            version: stage.outputs.version(),
            batch: stage.facts.batch,
        }
    }

    /// When there is something to do, if nothing happens before.
    fn next(&self) -> Instant {
        let next = self.members.iter().filter_map(|member| member.group.next()).min();
        // Some way ahead there are minutes and looks in any case.
        let next = next.unwrap_or(Duration::MAX).min(self.began.elapsed() + LOOK);
        self.began + next
    }

    /// Does what is due and what follows from it, until nothing does.
    async fn settle(&mut self) {
        loop {
            let now = self.now();
            for member in &mut self.members {
                member.group.tick(now);
            }
            self.tell_capacities().await;
            let mut effects = VecDeque::new();
            for (place, member) in self.members.iter_mut().enumerate() {
                member.group.reconcile(&mut self.ids, now);
                effects.extend(member.group.effects().into_iter().map(|effect| (place, effect)));
            }
            if effects.is_empty() {
                break;
            }
            for (place, effect) in effects {
                self.carry_out(place, effect).await;
            }
        }
        for instance in self.members.iter().flat_map(|member| &member.group.instances) {
            if let Some(metadata) = self
                .around
                .get(&instance.id)
                .and_then(|around| around.metadata.as_ref())
            {
                metadata.set_terminating(!instance.counts());
            }
        }
        self.members
            .retain(|member| !member.gone || !member.group.instances.is_empty());
        if self.members.is_empty() && self.end.is_none() {
            self.note(format!("{} is gone: its groups were deleted", self.environment));
            self.end = Some(Ok(End::Gone));
        }
        self.write();
    }

    /// Keeps the emulator's view in step, whose instances then have the ids for ours.
    async fn tell_capacities(&mut self) {
        if self.end.is_some() || self.silent.is_some() {
            return;
        }
        for place in 0..self.members.len() {
            let member = &self.members[place];
            let (name, desired) = (member.group.name.clone(), member.group.desired);
            if member.gone || member.told == Some(desired) {
                continue;
            }
            let told = async {
                self.cloud.set_desired_capacity(&name, desired).await?;
                self.cloud.scaling_groups(std::slice::from_ref(&name)).await
            };
            match patiently(told).await {
                Ok(groups) => {
                    let listed = groups.first().map(|group| group.instances.clone()).unwrap_or_default();
                    self.ids.offer(&listed);
                    self.members[place].told = Some(desired);
                }
                Err(error) => self.silent(&error),
            }
        }
    }

    async fn carry_out(&mut self, place: usize, effect: Effect) {
        match effect {
            Effect::Launch(id) => {
                if let Err(error) = self.launch(place, &id).await {
                    self.not_started(place, &id, &error);
                }
            }
            Effect::Start(id) => {
                if let Err(error) = self.start_worker(place, &id) {
                    self.not_started(place, &id, &error);
                }
            }
            Effect::Stop(id) => self.signal(place, &id, Signal::SIGTERM),
            Effect::Kill(id) => self.signal(place, &id, Signal::SIGKILL),
            Effect::Remove(id) => {
                if let Some(around) = self.around.remove(&id) {
                    around.place.clear();
                }
            }
            Effect::Record(activity) => {
                if let Err(error) = self.journal.record(&activity) {
                    self.note_once(error.to_string());
                }
                let stage = self.members[place].stage.name.clone();
                (self.tell)(FleetEvent::Activity { stage, activity });
            }
        }
    }

    async fn launch(&mut self, place: usize, id: &str) -> Result<()> {
        let member = &self.members[place];
        let zone = member
            .group
            .instance(id)
            .map_or(String::new(), |instance| instance.zone.clone());
        let folder = Place::of(&self.home.instances(), id);
        let facts = Facts {
            instance_id: id.to_owned(),
            zone,
            region: self.cloud.region.clone(),
            instance_type: member.stage.facts.instance_type.clone(),
        };
        let around = Around {
            place: folder.clone(),
            metadata: None,
            program: member.program.clone(),
            settings: member.stage.outputs.settings.clone(),
            log_from: 0,
        };
        // Known before anything can fail, so that it is cleared away whatever happens.
        let around = self.around.entry(id.to_owned()).or_insert(around);
        folder.make()?;
        around.metadata = Some(Metadata::serve(facts).await?);
        self.start_worker(place, id)
    }

    fn start_worker(&mut self, place: usize, id: &str) -> Result<()> {
        let around = self.around.get_mut(id);
        let around = around.ok_or_else(|| Error::failed(format!("{id} has no folder")))?;
        let metadata = around.metadata.as_ref().map_or("", |metadata| &metadata.endpoint);
        let variables = variables(
            &Surroundings {
                account: &self.cloud.account,
                region: &self.cloud.region,
                endpoint: &self.peek.endpoint,
                autoscaling: &self.endpoint.url,
                metadata,
                settings: &around.settings,
                state: &around.place.state(),
                temporary: &around.place.temporary(),
            },
            |name| std::env::var_os(name),
        );
        around.log_from = around.place.log_length();
        let child = process::start(&around.place, &around.program, variables)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let (exits, name) = (self.exits.clone(), id.to_owned());
        tokio::spawn(async move {
            let exit = process::ended(child).await;
            // The supervisor is gone only when it waits for nobody any more.
            let _ = exits.send((name, exit));
        });
        let now = self.now();
        self.members[place].group.started(id, pid, now);
        Ok(())
    }

    fn not_started(&mut self, place: usize, id: &str, error: &Error) {
        let now = self.now();
        self.members[place].group.not_started(id, &error.to_string(), now);
    }

    fn signal(&self, place: usize, id: &str, signal: Signal) {
        let pid = self.members[place]
            .group
            .instance(id)
            .and_then(|instance| instance.pid());
        if let (Some(around), Some(pid)) = (self.around.get(id), pid) {
            // SIGTERM goes to the program alone, which may still need what it started; as systemd does it for an
            // instance (KillMode=mixed).
            around.place.signal(pid, signal, signal == Signal::SIGKILL);
        }
    }

    fn exited(&mut self, id: &str, exit: &Exit) {
        let said = self
            .around
            .get(id)
            .map(|around| around.place.last_words(around.log_from));
        let now = self.now();
        if let Some(member) = self
            .members
            .iter_mut()
            .find(|member| member.group.instance(id).is_some())
        {
            member.group.exited(id, exit, said.unwrap_or_default(), now);
        }
    }

    /// A call to the Auto Scaling API.
    fn answer(&mut self, (call, reply): Asked) {
        let now = self.now();
        let answer = match call {
            Call::Instances(ids) => Ok(Answer::Instances(self.listed(&ids))),
            Call::Complete(waiting) => {
                let done = self.member_of(&waiting.id, Some(&waiting.group));
                done.ok_or(Refusal::NotWaiting)
                    .and_then(|member| member.group.complete(&waiting.id, &waiting.hook, now))
                    .map(|()| Answer::Done)
            }
            Call::Heartbeat(waiting) => {
                let done = self.member_of(&waiting.id, Some(&waiting.group));
                done.ok_or(Refusal::NotWaiting)
                    .and_then(|member| member.group.heartbeat(&waiting.id, &waiting.hook, now))
                    .map(|()| Answer::Done)
            }
            Call::Terminate { id, decrement } => {
                let member = self.member_of(&id, None).ok_or(Refusal::Unknown);
                member
                    .and_then(|member| member.group.terminate(&id, decrement, now))
                    .map(Answer::Begun)
            }
        };
        // Who asked may have gone away meanwhile.
        let _ = reply.send(answer);
    }

    fn member_of(&mut self, id: &str, group: Option<&str>) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| group.is_none_or(|name| name == member.group.name) && member.group.instance(id).is_some())
    }

    fn listed(&self, ids: &[String]) -> Vec<Listed> {
        let of_group = |member: &Member| {
            let (group, instance_type) = (member.group.name.clone(), member.stage.facts.instance_type.clone());
            let wanted = member
                .group
                .instances
                .iter()
                .filter(|one| ids.is_empty() || ids.contains(&one.id));
            wanted
                .map(|instance| Listed {
                    id: instance.id.clone(),
                    group: group.clone(),
                    zone: instance.zone.clone(),
                    instance_type: instance_type.clone(),
                    lifecycle_state: instance.state.as_str(),
                })
                .collect::<Vec<_>>()
        };
        self.members.iter().flat_map(of_group).collect()
    }

    /// One of the fleet's minutes: queues are asked, metrics put, policies heard.
    async fn minute(&mut self) {
        if self.end.is_some() {
            return;
        }
        let minute: Minute = self.pace.second(self.began.elapsed()) / 60;
        let wall = Timestamp::now();
        let (mut of_queues, mut of_groups) = (Vec::new(), Vec::new());
        let mut depths = Vec::new();
        for member in &self.members {
            let urls = member
                .stage
                .outputs
                .queues
                .iter()
                .map(|queue| self.cloud.queue_depth(&queue.url));
            depths.push(
                patiently(async {
                    join_all(urls)
                        .await
                        .into_iter()
                        .collect::<std::result::Result<Vec<_>, _>>()
                })
                .await,
            );
        }
        let mut seen = Vec::new();
        for (member, depths) in self.members.iter().zip(depths) {
            of_groups.extend(scaling::of_group(&member.group));
            // A queue that can't be read leaves a gap, as in CloudWatch. When the emulator is gone, `look` says so.
            let depths = depths.unwrap_or_default();
            seen.push(depths.first().copied().flatten());
            for (queue, depth) in member.stage.outputs.queues.iter().zip(depths) {
                let Some(depth) = depth else { continue };
                let age_seconds = self.ages.seconds(&self.peek, queue, depth, wall).await;
                of_queues.extend(scaling::of_queue(&queue.name, &Seen { depth, age_seconds }));
            }
        }
        scaling::record(&mut self.metrics, SQS, &of_queues, minute);
        scaling::record(&mut self.metrics, AUTO_SCALING, &of_groups, minute);
        let put = async {
            self.cloud.put_metrics(SQS, &of_queues, wall).await?;
            self.cloud.put_metrics(AUTO_SCALING, &of_groups, wall).await
        };
        if let Err(error) = patiently(put).await {
            self.note_once(format!("metrics can't be put: {error}"));
        }
        for (place, depth) in seen.into_iter().enumerate() {
            if let Some(depth) = depth {
                self.scale(place, depth, minute);
            }
        }
        for around in self.around.values() {
            around.place.trim_log();
        }
    }

    fn scale(&mut self, place: usize, depth: crate::cloud::queues::QueueDepth, minute: Minute) {
        let now = self.now();
        let member = &mut self.members[place];
        let decision = member.scaling.decide(&member.group, &self.metrics, minute, self.pace);
        member.scaling.remember(&member.group, depth, &decision, now.wall);
        let said = member.scaling.history.back().map(|minute| FleetEvent::Minute {
            stage: member.stage.name.clone(),
            minute: *minute,
            target: member.scaling.target(),
            desired: member.group.desired,
        });
        if let (Some(desired), Some(cause)) = (decision.desired, &decision.cause) {
            member.group.scale(desired, cause, now);
        }
        if let Some(event) = said {
            (self.tell)(event);
        }
        for problem in scaling::problems(&decision).collect::<Vec<_>>() {
            self.note_once(problem);
        }
    }

    /// A look at the groups: whether they are there, and whether somebody changed what they should be like.
    async fn look(&mut self) {
        if self.end.is_some() {
            return;
        }
        let names: Vec<String> = self.members.iter().map(|member| member.group.name.clone()).collect();
        let groups = match patiently(self.cloud.scaling_groups(&names)).await {
            Ok(groups) => groups,
            Err(error) => return self.silent(&error),
        };
        self.silent = None;
        let now = self.now();
        let is_gone = |name: &String| !groups.iter().any(|group| group.name == *name);
        let due = self.pace.minute().clamp(SOONEST, Duration::from_secs(60));
        if names.iter().any(is_gone) || self.read.elapsed() >= due {
            self.read_again().await;
        }
        for member in &mut self.members {
            let Some(found) = groups.iter().find(|group| group.name == member.group.name) else {
                continue;
            };
            if (found.min, found.max) != (member.group.shape.min, member.group.shape.max) {
                let shape = Shape {
                    min: found.min,
                    max: found.max,
                    ..member.group.shape.clone()
                };
                member.group.reshape(shape, now);
            }
            if member.told.is_some_and(|told| told != found.desired) {
                // An update of the stack sets the emulator's group back to its minimum, which Auto Scaling doesn't do,
                // and leaves the list of instances alone, which SetDesiredCapacity doesn't do.
                if found.instances.len() == found.desired as usize {
                    member.group.request(found.desired, now);
                }
                member.told = None;
            }
        }
    }

    /// Everything is read again, so that a deploy is followed.
    async fn read_again(&mut self) {
        self.read = Instant::now();
        let stages = match patiently(self.sources.read(&self.cloud, &self.environment)).await {
            Ok(stages) => stages,
            Err(error) => return self.silent(&error),
        };
        let now = self.now();
        for member in &mut self.members {
            if !member.gone && !stages.iter().any(|stage| stage.group.name == member.group.name) {
                member.gone = true;
                let cause = causes::end("its Auto Scaling group was deleted", now.wall);
                member.group.end(&cause, SHORT_DRAIN, now);
            }
        }
        for stage in stages {
            if let Some(place) = self
                .members
                .iter()
                .position(|member| member.group.name == stage.group.name)
            {
                self.follow(place, stage).await;
            } else {
                let name = stage.name.clone();
                if let Err(error) = self.join(stage).await {
                    self.note_once(format!("{name} can't be run: {error}"));
                }
            }
        }
        let mut programs: Vec<PathBuf> = self.around.values().map(|around| around.program.clone()).collect();
        programs.extend(self.members.iter().map(|member| member.program.clone()));
        program::forget_others(&self.home.programs(), &programs);
    }

    async fn follow(&mut self, place: usize, stage: Stage) {
        let now = self.now();
        let mut shape = self.shape(&stage);
        if stage.outputs.version() != self.members[place].group.shape.version {
            match program::fetch(&self.cloud, &stage.outputs.program, &self.home.programs()).await {
                Ok(program) => self.members[place].program = program,
                Err(error) => {
                    // The old one goes on until a deploy has put that right.
                    self.note_once(error.to_string());
                    shape.version.clone_from(&self.members[place].group.shape.version);
                }
            }
        }
        let member = &mut self.members[place];
        member.scaling.follow(&stage);
        let is_taken = shape.version == stage.outputs.version();
        member.group.reshape(shape, now);
        if is_taken {
            member.stage = stage;
        }
    }

    /// The emulator didn't answer.
    fn silent(&mut self, error: &CloudError) {
        let since = *self.silent.get_or_insert_with(Instant::now);
        if since.elapsed() < SILENCE {
            return;
        }
        let failure = Error::failed(format!("the local emulator doesn't answer any more: {error}"))
            .with_help("everything that was deployed to it is gone when it was stopped: deploy again");
        self.end_all("the local emulator is gone", SHORT_DRAIN, Err(failure));
    }

    /// Told to stop: the first time workers drain, the second time they are killed.
    fn stop(&mut self) {
        if self.end.is_some() {
            for member in &mut self.members {
                member.group.kill();
            }
            return;
        }
        self.note("stopping: workers finish what they have in hand; once more kills them");
        self.end_all("the local fleet was stopped", DRAIN, Ok(End::Stopped));
    }

    fn end_all(&mut self, why: &str, drain: Duration, end: Result<End>) {
        let now = self.now();
        let cause = causes::end(why, now.wall);
        for member in &mut self.members {
            member.group.end(&cause, drain, now);
        }
        self.end = Some(end);
    }

    /// How it ended, once nothing runs any more.
    fn over(&mut self) -> Option<Result<End>> {
        if self.members.iter().any(|member| !member.group.instances.is_empty()) {
            return None;
        }
        self.end.take()
    }

    /// The last that is done.
    async fn leave(&mut self) {
        for member in &self.members {
            // So that nobody reads of instances that don't run. The next fleet begins at the minimum.
            let _ = patiently(self.cloud.set_desired_capacity(&member.group.name, 0)).await;
        }
        self.home.forget_state();
    }

    /// The state, for other commands.
    fn write(&mut self) {
        let state = self.state();
        if self.written.as_ref() != Some(&state) {
            match self.home.write_state(&state) {
                Ok(()) => self.written = Some(state),
                Err(error) => self.note_once(error.to_string()),
            }
        }
    }

    fn state(&self) -> FleetState {
        let instances = self.home.instances();
        FleetState {
            environment: self.environment.clone(),
            account: self.cloud.account.clone(),
            region: self.cloud.region.clone(),
            pid: own_pid(),
            started: self.started,
            speed: self.pace.speed,
            endpoint: self.peek.endpoint.clone(),
            autoscaling_endpoint: self.endpoint.url.clone(),
            groups: self
                .members
                .iter()
                .map(|member| GroupState {
                    stage: member.stage.name.clone(),
                    group: member.group.name.clone(),
                    min: member.group.shape.min,
                    desired: member.group.desired,
                    max: member.group.shape.max,
                    target: member.scaling.target(),
                    instances: member
                        .group
                        .instances
                        .iter()
                        .map(|instance| InstanceState {
                            id: instance.id.clone(),
                            zone: instance.zone.clone(),
                            lifecycle_state: instance.state,
                            pid: instance.pid(),
                            started: instance.launched,
                            log: Place::of(&instances, &instance.id).log(),
                        })
                        .collect(),
                    history: member.scaling.history.iter().copied().collect(),
                })
                .collect(),
        }
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or_default()
}

/// A question to the emulator, given up when no answer comes: the SDK would go on trying for minutes.
async fn patiently<T>(
    asked: impl Future<Output = std::result::Result<T, CloudError>>,
) -> std::result::Result<T, CloudError> {
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        Err(CloudError {
            operation: "waiting for an answer",
            code: None,
            message: format!("none came within {} s", PATIENCE.as_secs()),
        })
    })
}
