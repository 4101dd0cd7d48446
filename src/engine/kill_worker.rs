//! Takes an instance away from its stage, and follows what comes in its place.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::cloud::autoscaling::groups::Group;
use crate::cloud::{AwsCli, Cloud, Connect, Credentials};
use crate::deployed::Deployed;
use crate::deployed::address::Address;
use crate::deployed::stage::Stage;
use crate::environment::units::Duration;
use crate::error::{Error, Reason, Result};
use crate::interrupt::Interrupt;
use crate::local;
use crate::local::fleet::crash::{crash, is_dead};
use crate::local::fleet::state::{FleetState, InstanceState};
use crate::local::fleet::{self, runs_elsewhere, spot};
use crate::observe::local_fleet;
use crate::observe::replacement::{InstanceChange, Replacement, follow};
use crate::observe::victim::{Victim, choose};

/// How it was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Auto Scaling terminates it, and its worker drains.
    Drain,
    /// Its worker was killed on the spot.
    Crash,
    /// EC2 takes it back, as a spot instance.
    Spot,
}

/// Which instance is to go, and how.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub environment: &'a str,
    /// The environment as commands are given it, with the options that say where it is, for one that a message names.
    pub words: &'a str,
    /// Needed when there are several.
    pub stage: Option<&'a str>,
    /// Without it, one that is in service.
    pub instance: Option<&'a str>,
    pub how: How,
    pub no_wait: bool,
    /// When the interrupt comes that isn't a signal.
    pub timeout: Duration,
}

/// The document of `--output json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Killed {
    #[serde(flatten)]
    pub address: Address,
    pub stage: String,
    pub group: String,
    pub instance: String,
    pub zone: String,
    pub how: How,
    /// None when it wasn't waited for, the group needs none any more, or nobody can say which of several it is.
    pub replacement: Option<String>,
    /// The instances that came meanwhile and are in service, where the group grew, too: one of them is the replacement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
    /// Until the group was whole again; none when that wasn't waited for.
    pub seconds: Option<f64>,
    pub changes: Vec<InstanceChange>,
}

/// What is told on the way.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// Auto Scaling terminates it.
    Draining,
    /// It was killed.
    Crashed {
        process_group: i32,
        /// How many seconds its messages stay hidden; none when that isn't known.
        visibility_timeout: Option<u64>,
    },
    /// It has its spot notice: EC2 takes it back then.
    Noticed(Timestamp),
    Changed(&'a InstanceChange),
    /// A signal asked to wait no longer.
    NotAwaited,
}

/// Who is asked, and told.
pub trait Ask: Sync {
    /// Whether an instance on AWS may go. `protected`: of an environment with `protect: true`.
    ///
    /// # Errors
    /// Why it can't be asked, or may not go.
    fn agrees(&self, victim: &Killed, protected: bool) -> Result<bool>;
    fn tell(&self, killed: &Killed, news: News<'_>);
}

/// Chooses an instance, asks where it is one on AWS, takes it away, and waits until the group is whole again. `now` reads
/// the wall clock.
///
/// # Errors
/// A refusal or usage, with which nothing was changed; failures of AWS; interruption, after which Auto Scaling goes on.
pub async fn kill_worker(
    cloud: &Cloud,
    interrupt: &Interrupt,
    wanted: &Wanted<'_>,
    now: fn() -> Timestamp,
    ask: &dyn Ask,
) -> Result<Killed> {
    let fleet = playing(cloud, wanted);
    let deploy = format!("qfleet deploy {}", wanted.words);
    let deployed = interrupt
        .unless_stopped(Deployed::require(cloud, wanted.environment, &deploy))
        .await;
    let stages = deployed.as_ref().map_or(Vec::new(), Stage::all);
    if let Some(refusal) = no_instances(&cloud.cli(), &stages, wanted.stage) {
        return Err(refusal);
    }
    let (fleet, deployed) = match (fleet, deployed) {
        // A fleet of that name that runs in another region says more.
        (Err(_), Err(not_deployed)) if fleet::find(wanted.environment)?.is_none() => return Err(not_deployed),
        (fleet, deployed) => (fleet?, deployed?),
    };
    let groups = interrupt.unless_stopped(groups(cloud, fleet.as_ref(), &stages)).await?;
    let dead = |id: &str| fleet.as_ref().is_some_and(|fleet| is_dead_in(fleet, id));
    let victim = choose(&groups, wanted.stage, wanted.instance, dead)?;
    let mut killed = Killed {
        address: deployed.address.clone(),
        stage: victim.stage.to_owned(),
        group: victim.group.name.clone(),
        instance: victim.instance.id.clone(),
        zone: victim.instance.zone.clone(),
        how: wanted.how,
        replacement: None,
        one_of: Vec::new(),
        seconds: None,
        changes: Vec::new(),
    };
    let protected = deployed.stacks.iter().any(|stack| stack.tags.protect);
    if !cloud.local && !ask.agrees(&killed, protected)? {
        return Err(Error::refused("not confirmed: nothing was changed").because(Reason::NotConfirmed));
    }
    let mut replacement = Replacement::begin(victim.group, &victim.instance.id);
    let news = take_away(cloud, fleet.as_ref(), &stages, &victim, wanted.how).await?;
    ask.tell(&killed, news);
    if wanted.no_wait {
        return Ok(killed);
    }
    let began = Instant::now();
    let tell = |change: &InstanceChange| {
        ask.tell(&killed, News::Changed(change));
        killed.changes.push(change.clone());
    };
    let waiting = follow(
        cloud,
        wanted.environment,
        &victim.group.name,
        &mut replacement,
        now,
        tell,
    );
    tokio::select! {
        followed = waiting => followed.map_err(|error| lost(&victim, &error))?,
        _ = interrupt.stopped() => {
            if !interrupt.asked() {
                return Err(too_long(&victim, wanted.timeout));
            }
            ask.tell(&killed, News::NotAwaited);
            return Err(Error::Interrupted);
        }
    }
    match replacement.successors()[..] {
        [] => {}
        [one] => killed.replacement = Some(one.to_owned()),
        ref several => killed.one_of = several.iter().map(|id| (*id).to_owned()).collect(),
    }
    killed.seconds = Some(began.elapsed().as_secs_f64());
    Ok(killed)
}

/// The local fleet, which the emulator's instances are processes of; none on AWS.
fn playing(cloud: &Cloud, wanted: &Wanted<'_>) -> Result<Option<FleetState>> {
    let found = local_fleet::find(cloud, wanted.environment)?;
    if let Some(orphans) = local_fleet::orphans(cloud, wanted.environment).filter(|_| found.is_none()) {
        let what = format!(
            "the local fleet of {} has lost its supervisor: {orphans} of its workers run on, and nothing would replace one",
            wanted.environment
        );
        let help = format!("this ends them and begins anew: {}", up(wanted));
        return Err(Error::failed(what).with_help(help));
    }
    if cloud.local && found.is_none() {
        return Err(Error::failed(format!(
            "no local fleet of {} runs, so there is no worker to kill",
            wanted.environment
        ))
        .with_help(match fleet::find(wanted.environment)? {
            Some(other) => runs_elsewhere(&other.address),
            None => format!("start one in another terminal: {}", up(wanted)),
        }));
    }
    Ok(found)
}

/// The command that starts its local fleet.
fn up(wanted: &Wanted<'_>) -> String {
    fleet::command(wanted.environment).unwrap_or_else(|| format!("qfleet local up {}", wanted.words))
}

/// What is said of a stage whose workers are a function, or where no stage has anything else.
fn no_instances(cli: &AwsCli, stages: &[Stage], wanted: Option<&str>) -> Option<Error> {
    let is_meant = |stage: &&Stage| wanted.is_none_or(|wanted| stage.name == wanted);
    let meant: Vec<&Stage> = stages.iter().filter(is_meant).collect();
    if let [first, ..] = meant[..]
        && meant.iter().all(|stage| stage.paused.is_some())
    {
        let what = format!("{} is paused, and has no instance to kill", first.name);
        return Some(Error::usage(what).with_help("name the workers in `active` and deploy"));
    }
    let function = meant.first()?.function()?;
    if meant.iter().any(|stage| stage.function().is_none()) {
        return None;
    }
    let names: Vec<&str> = meant.iter().map(|stage| stage.name.as_str()).collect();
    let what = match names[..] {
        [one] => format!("{one} has no instance to kill: a Lambda function works on its messages"),
        _ => format!(
            "{} have no instances to kill: Lambda functions work on their messages",
            names.join(", ")
        ),
    };
    let stop = cli.command(&format!(
        "lambda update-event-source-mapping --no-enabled --uuid {}",
        function.mapping
    ));
    Some(Error::usage(what).with_help(format!(
        "Lambda takes another execution environment where one dies, and what it had in hand comes back after the queue's \
         visibility timeout; a message that the function fails on shows the same. `{stop}` stops its work, and --enabled \
         lets it go on"
    )))
}

async fn groups(cloud: &Cloud, fleet: Option<&FleetState>, stages: &[Stage]) -> Result<Vec<(String, Group)>> {
    let named = stages.iter().filter_map(|stage| Some((&stage.name, stage.group()?)));
    let all: Vec<Group> = match fleet {
        Some(fleet) => fleet.groups.iter().map(local_fleet::group).collect(),
        None => {
            let names: Vec<String> = named.clone().map(|(_, group)| group.to_owned()).collect();
            cloud.groups(&names).await?
        }
    };
    let found = named.filter_map(|(stage, name)| {
        let group = all.iter().find(|group| group.name == name)?;
        Some((stage.clone(), group.clone()))
    });
    Ok(found.collect())
}

async fn take_away(
    cloud: &Cloud,
    fleet: Option<&FleetState>,
    stages: &[Stage],
    victim: &Victim<'_>,
    how: How,
) -> Result<News<'static>> {
    match (how, fleet) {
        (How::Drain, _) => {
            auto_scaling(cloud, fleet)
                .await?
                .replace_instance(&victim.instance.id)
                .await?;
            Ok(News::Draining)
        }
        (How::Crash, Some(fleet)) => {
            let process_group = crash(instance_of(fleet, victim)?)?;
            let visibility_timeout = match stages.iter().find(|stage| stage.name == victim.stage) {
                // The worker is dead even if this can't be read: it only says how long its messages stay hidden.
                Some(stage) => cloud.visibility_timeout(&stage.queue_url).await.unwrap_or_default(),
                None => None,
            };
            Ok(News::Crashed {
                process_group,
                visibility_timeout,
            })
        }
        (How::Spot, Some(fleet)) => Ok(News::Noticed(spot::interrupt(fleet, instance_of(fleet, victim)?)?)),
        (How::Crash | How::Spot, None) => Err(Error::usage(format!(
            "{} is an instance on AWS, which can only drain",
            victim.instance.id
        ))
        .with_help("leave out --crash and --spot")),
    }
}

/// Who terminates instances: the same API, of AWS or of the local fleet.
async fn auto_scaling(cloud: &Cloud, fleet: Option<&FleetState>) -> Result<Cloud> {
    let Some(fleet) = fleet else {
        return Ok(cloud.clone());
    };
    local::check_loopback(&fleet.autoscaling_endpoint)?;
    Connect {
        region: Some((cloud.region.clone(), cloud.region_from.clone())),
        endpoint_url: Some(fleet.autoscaling_endpoint.clone()),
        credentials: Credentials::Local {
            account: cloud.account.clone(),
        },
        ..Connect::default()
    }
    .connect()
    .await
}

fn instance_of<'a>(fleet: &'a FleetState, victim: &Victim<'_>) -> Result<&'a InstanceState> {
    let mut instances = fleet.groups.iter().flat_map(|group| &group.instances);
    let found = instances.find(|instance| instance.id == victim.instance.id);
    found.ok_or_else(|| Error::failed(format!("{} is gone already", victim.instance.id)))
}

/// Whether the worker of this instance is dead, whether or not its supervisor has seen that.
fn is_dead_in(fleet: &FleetState, id: &str) -> bool {
    let mut instances = fleet.groups.iter().flat_map(|group| &group.instances);
    instances.find(|instance| instance.id == id).is_some_and(is_dead)
}

/// What was begun goes on, though nothing more is known of it.
fn lost(victim: &Victim<'_>, error: &Error) -> Error {
    let lost = Error::failed(format!(
        "{} goes, but what comes in its place can't be followed: {error}",
        victim.instance.id
    ));
    match error.help() {
        Some(help) => lost.with_help(help),
        None => lost,
    }
}

fn too_long(victim: &Victim<'_>, timeout: Duration) -> Error {
    Error::failed(format!(
        "{} is not replaced after {timeout}; Auto Scaling goes on by itself",
        victim.instance.id
    ))
    .with_help("`qfleet status --watch` shows how, and why where something fails")
}
