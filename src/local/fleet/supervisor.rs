//! The supervisor: it alone waits, for time to pass, workers to end, calls to come and the emulator to answer, and does
//! what the groups say is to be done.

mod answer;
mod end;
mod fetching;
mod look;
mod minute;
mod outlook;
mod schedule;
mod shown;
mod workers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::ages::{Ages, Peek};
use super::autoscaling::{Asked, Endpoint};
use super::balancer::Balancer;
use super::event::{Events, FleetEvent};
use super::group::{Exit, Group, Shape};
use super::home::FleetHome;
use super::ids::Ids;
use super::instance_folder::{self, InstanceFolder};
use super::journal::Journal;
use super::metadata::Metadata;
use super::pace::{Now, Pace};
use super::process::Started;
use super::scaling::Scaling;
use super::sources::{Sources, Stage};
use super::state::{FleetState, Lack};
use super::{Claim, program, zones};
use crate::autoscaling::series::Metrics;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::stage::Change;
use crate::error::{Error, Result};
use crate::local::inherited;
use fetching::Fetching;

/// From being stopped until workers that still work are told to give their work back. One that receives waits for
/// messages for up to 20 seconds.
pub const DRAIN: Duration = Duration::from_secs(30);
/// The same where there is nothing to give back to: the queue is gone.
const SHORT_DRAIN: Duration = Duration::from_secs(3);
/// How often the groups are looked at between the minutes.
const LOOK: Duration = Duration::from_secs(1);
/// The emulator answers within milliseconds, when it does.
const PATIENCE: Duration = Duration::from_secs(5);
/// Logs of instances that are gone.
const LOGS: usize = 20;

/// What a fleet is started with.
#[derive(Debug)]
pub struct Setup {
    /// The emulator, as the environment's account.
    pub cloud: Cloud,
    pub endpoint: String,
    pub environment: String,
    /// The right to run its fleet.
    pub claim: Claim,
    /// How many of the fleet's minutes pass in a real one.
    pub speed: u32,
    /// Whether the programs' `install` is run.
    pub install: bool,
    /// The folder of the python3 that runs workers, if it isn't that of the PATH.
    pub python: Option<PathBuf>,
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
/// A failure when there is nothing to run, it can't be started, or the emulator doesn't answer any more.
pub async fn run(setup: Setup, tell: Events) -> Result<End> {
    let mut signals = signals().map_err(|error| Error::failed(format!("signals can't be handled: {error}")))?;
    // Workers may outlive a supervisor that is killed.
    inherited::let_go();
    let (calls, mut called) = mpsc::channel(64);
    let (exits, mut exited) = mpsc::unbounded_channel();
    let mut supervisor = tokio::select! {
        started = Supervisor::start(setup, signals.clone(), calls, exits, tell) => started?,
        // Nothing runs yet.
        Ok(()) = signals.changed() => return Ok(End::Stopped),
    };
    let mut minutes = interval_at(supervisor.began, supervisor.pace.minute());
    let mut looks = interval_at(supervisor.began + LOOK, LOOK);
    // Minutes that a busy machine missed are missing, as they would be in CloudWatch.
    minutes.set_missed_tick_behavior(MissedTickBehavior::Skip);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        supervisor.settle().await;
        if let Some(end) = supervisor.over() {
            supervisor.leave(&end).await;
            return end;
        }
        let next = supervisor.next();
        tokio::select! {
            biased;
            Ok(()) = supervisor.signals.changed() => supervisor.stop(),
            Some((id, exit)) = exited.recv() => supervisor.exited(&id, &exit),
            Some(asked) = called.recv() => supervisor.answer(asked),
            _ = minutes.tick() => supervisor.unless_signalled(Supervisor::minute).await,
            _ = looks.tick() => supervisor.unless_signalled(Supervisor::look).await,
            () = sleep_until(next) => {}
        }
    }
}

/// How many signals came that end the fleet, counted from now on.
fn signals() -> io::Result<watch::Receiver<u32>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (came, signals) = watch::channel(0);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                () = came.closed() => return,
            }
            came.send_modify(|count| *count += 1);
        }
    });
    Ok(signals)
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
    /// What its schedule set last, since the fleet was started.
    scheduled: Option<Change>,
    /// The group is no longer there.
    gone: bool,
    /// What its program lacks on this machine.
    lacks: Option<Lack>,
    /// Of the web tier.
    balancer: Option<Balancer>,
}

/// What stands around an instance.
struct Around {
    place: InstanceFolder,
    metadata: Option<Metadata>,
    program: PathBuf,
    settings: Vec<(String, String)>,
    /// The worker that was started last.
    worker: Option<Started>,
    /// Where in the log it began.
    log_from: u64,
    /// Where it listens, behind the load balancer.
    port: Option<u16>,
}

struct Supervisor {
    cloud: Cloud,
    environment: String,
    install: bool,
    python: Option<PathBuf>,
    home: FleetHome,
    pace: Pace,
    began: Instant,
    started: Timestamp,
    peek: Peek,
    sources: Sources,
    members: Vec<Member>,
    around: BTreeMap<String, Around>,
    ids: Ids,
    fetching: Fetching,
    metrics: Metrics,
    ages: Ages,
    journal: Journal,
    endpoint: Endpoint,
    written: Option<FleetState>,
    read: Instant,
    /// Since when the emulator hasn't answered.
    silent: Option<Instant>,
    /// Since when there is no group.
    empty: Option<Instant>,
    /// What was said and would otherwise be said again and again.
    said: BTreeSet<String>,
    end: Option<Result<End>>,
    signals: watch::Receiver<u32>,
    exits: mpsc::UnboundedSender<(String, Exit)>,
    tell: Events,
    /// Held until the end.
    _claim: Claim,
}

impl Supervisor {
    async fn start(
        setup: Setup,
        signals: watch::Receiver<u32>,
        calls: mpsc::Sender<Asked>,
        exits: mpsc::UnboundedSender<(String, Exit)>,
        tell: Events,
    ) -> Result<Supervisor> {
        let Setup {
            cloud,
            endpoint,
            environment,
            claim,
            speed,
            install,
            python,
        } = setup;
        let home = FleetHome::make(&environment)?;
        let instances = home.instances();
        // It blocks.
        let (left, programs) = (instances.clone(), home.programs());
        let orphans = spawn_blocking(move || {
            // What was being installed isn't finished: nobody waits for it.
            instance_folder::end_orphans(&programs, "", Duration::ZERO)?;
            instance_folder::end_orphans(&left, "", PATIENCE)
        })
        .await;
        let orphans = orphans.map_err(|error| Error::failed(format!("old workers can't be ended: {error}")))??;
        if orphans > 0 {
            tell.warn(format!(
                "ended {orphans} workers that a killed supervisor had left behind"
            ));
        }
        let mut ids = Ids::default();
        for id in instance_folder::ids(&instances)? {
            ids.retire(&id);
        }
        instance_folder::forget_old(&instances, LOGS)?;
        let mut sources = Sources::default();
        let stages = sources.read(&cloud, &environment).await?;
        if stages.is_empty() && !sources.may_come() {
            return Err(
                Error::failed(format!("{environment} has no instances, so there is nothing to run")).with_help(
                    format!("see what is deployed with `qfleet status --name {environment} --local`"),
                ),
            );
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
            install,
            python,
            home,
            pace: Pace { speed },
            began: Instant::now(),
            started: Timestamp::now(),
            sources,
            members: Vec::new(),
            around: BTreeMap::new(),
            ids,
            fetching: Fetching::default(),
            metrics: Metrics::default(),
            ages: Ages::default(),
            written: None,
            read: Instant::now(),
            silent: None,
            empty: None,
            said: BTreeSet::new(),
            end: None,
            signals,
            exits,
            tell,
            _claim: claim,
        };
        for stage in stages {
            let program = supervisor.fetch(&stage).await?;
            supervisor.join(stage, program)?;
        }
        supervisor.began = Instant::now();
        supervisor.tell.tell(FleetEvent::Up {
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
        self.tell.warn(message);
    }

    /// The same for what is to be said only once.
    fn note_once(&mut self, message: String) {
        if self.said.insert(message.clone()) {
            self.note(message);
        }
    }

    /// Begins to play a group that is new.
    fn join(&mut self, stage: Stage, program: PathBuf) -> Result<()> {
        let balancer = match stage.outputs.is_web {
            true => Some(Balancer::serve()?),
            false => None,
        };
        if let Some(balancer) = &balancer {
            self.tell.tell(FleetEvent::Web {
                url: balancer.url.clone(),
            });
        }
        let group = Group::new(&stage.group.name, self.shape(&stage), stage.group.desired, self.pace);
        self.members.push(Member {
            group,
            scaling: Scaling::of(&stage),
            stage,
            program,
            told: None,
            scheduled: None,
            gone: false,
            lacks: None,
            balancer,
        });
        Ok(())
    }

    /// The stage's program, ready to be run.
    async fn fetch(&self, stage: &Stage) -> Result<PathBuf> {
        let settings = self.install.then_some(stage.outputs.settings.as_slice());
        program::fetch(&self.cloud, &stage.outputs.program, &self.home.programs(), settings).await
    }

    /// The same beside everything else: nothing until it is ready.
    async fn fetched(&mut self, stage: &Stage) -> Option<Result<PathBuf>> {
        let settings = self.install.then_some(stage.outputs.settings.as_slice());
        let programs = self.home.programs();
        let fetching = &mut self.fetching;
        fetching
            .ready(&self.cloud, &stage.outputs.program, &programs, settings)
            .await
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
        // There is a look before long in any case.
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
            self.unless_signalled(Supervisor::tell_capacities).await;
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
        self.tell_outlook();
        self.members
            .retain(|member| !member.gone || !member.group.instances.is_empty());
        self.end_if_gone();
        self.write();
    }

    /// Asks the emulator, until a signal comes: a fleet that is stopped doesn't wait for an answer first.
    async fn unless_signalled(&mut self, ask: impl AsyncFnOnce(&mut Supervisor)) {
        let mut signals = self.signals.clone();
        tokio::select! {
            biased;
            Ok(()) = signals.changed() => {}
            () = ask(self) => {}
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
