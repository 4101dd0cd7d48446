//! `qfleet kill-worker ENV`

use clap::{ArgGroup, Args};
use jiff::Timestamp;
use tokio::time::Instant;

use super::global::{Env, Global};
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::{Cloud, Connect, Credentials};
use crate::deployed::Deployed;
use crate::deployed::stage::Stage;
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::local;
use crate::local::fleet::crash::crash;
use crate::local::fleet::spot;
use crate::local::fleet::state::{FleetState, InstanceState};
use crate::observe::local_fleet;
use crate::observe::replacement::{Replacement, follow};
use crate::observe::victim::{Victim, choose};
use crate::report;
use crate::report::killed::{self, How, Killed};

/// Arguments of `kill-worker`.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("how").required(true).args(["drain", "crash", "spot"])),
    after_help = "\
Shows that a fleet heals itself: it takes an instance away, and shows how it leaves and another one comes up in its \
place. Without --instance, one that is in service is taken.

--drain has Auto Scaling terminate it (TerminateInstanceInAutoScalingGroup, without a change of the desired capacity): \
its worker finishes what it has in hand, then it goes. --crash kills the worker's processes on the spot, so what it had \
in hand comes back to the queue when its visibility timeout has passed. --spot gives the instance the notice that EC2 \
gives a spot instance two minutes before it takes it back (sooner where `local up --speed` makes minutes shorter), and \
then takes it. Both are for --local, where instances are processes of the local fleet (`qfleet local up`).

On AWS it asks first, unless --yes is given. An environment with `protect: true` is refused there without --yes: \
work in hand is safe, but it is no place for a demonstration. Locally it doesn't ask.

Examples:
  qfleet kill-worker lab --local --crash            kill -9 a worker of the local fleet
  qfleet kill-worker lab --local --spot             have EC2 take it back, as a spot instance
  qfleet kill-worker lab --drain --stage move       terminate an instance of this stage
  qfleet kill-worker lab --drain --instance i-0abc  this one
  qfleet kill-worker lab --drain --yes --no-wait    in a script"
)]
pub struct KillWorker {
    #[command(flatten)]
    env: Env,
    /// Stage to take it from; may be left out when there is one
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// This instance
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// Terminate it as Auto Scaling does: its worker drains first
    #[arg(long)]
    drain: bool,
    /// Kill it on the spot, with --local
    #[arg(long)]
    crash: bool,
    /// Have EC2 take it back as it does spot instances, two minutes after a notice, with --local
    #[arg(long)]
    spot: bool,
    /// Go on without being asked
    #[arg(long, short)]
    yes: bool,
    /// Don't wait for the replacement
    #[arg(long, help_heading = "Waiting")]
    no_wait: bool,
    /// Stop after this long (`30m`, `2h`) and exit with 1; what was begun goes on
    #[arg(long, value_name = "LENGTH", default_value = "30m", help_heading = "Waiting")]
    timeout: Duration,
}

impl KillWorker {
    /// Takes an instance away and shows what comes in its place.
    pub fn run(self, global: &Global) -> Result<()> {
        if self.crash && !global.local {
            return Err(self.no_crash_on_aws());
        }
        if self.spot && !global.local {
            return Err(no_spot_on_aws());
        }
        let environment = self.env.load()?;
        let longest = std::time::Duration::from_secs(self.timeout.as_secs());
        global.run(Some(longest), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect(Some(&environment))).await?;
            let fleet = self.fleet(&cloud, &environment.name)?;
            let deployed = interrupt
                .unless_stopped(Deployed::require(&cloud, &environment.name))
                .await?;
            let stages = Stage::all(&deployed);
            let groups = interrupt
                .unless_stopped(groups(&cloud, fleet.as_ref(), &stages))
                .await?;
            let victim = choose(&groups, self.stage.as_deref(), self.instance.as_deref())?;
            if !cloud.local {
                self.check_allowed(&deployed, &victim, interrupt)?;
            }
            let mut replacement = Replacement::begin(victim.group, &victim.instance.id);
            let mut killed = Killed::new(deployed.address.clone(), &victim, self.how());
            match &fleet {
                Some(fleet) if self.crash => {
                    let processes = crash(instance_of(fleet, &victim)?)?;
                    let stage = stages.iter().find(|stage| stage.name == victim.stage);
                    let timeout = match stage {
                        // The worker is dead even if this can't be read: it only says how long its messages stay
                        // hidden.
                        Some(stage) => cloud.visibility_timeout(&stage.queue_url).await.unwrap_or_default(),
                        None => None,
                    };
                    report::note(&killed::crashed(&killed, processes, timeout));
                }
                Some(fleet) if self.spot => {
                    let at = spot::interrupt(fleet, instance_of(fleet, &victim)?)?;
                    report::note(&killed::interrupted(&killed, at));
                }
                _ => {
                    auto_scaling(&cloud, fleet.as_ref())
                        .await?
                        .replace_instance(&victim.instance.id)
                        .await?;
                    report::note(&killed::draining(&killed));
                }
            }
            if !self.no_wait {
                let began = Instant::now();
                let waiting = follow(
                    &cloud,
                    &environment.name,
                    &victim.group.name,
                    &mut replacement,
                    Timestamp::now,
                    |change| killed.change(change, global.output),
                );
                tokio::select! {
                    followed = waiting => followed.map_err(|error| lost(&victim, &error))?,
                    _ = interrupt.stopped() => {
                        if !interrupt.asked() {
                            return Err(self.too_long(&victim));
                        }
                        report::note("interrupted: Auto Scaling goes on by itself; `qfleet status --watch` shows how");
                        return Err(Error::Interrupted);
                    }
                }
                killed.over(replacement.successor(), began.elapsed());
            }
            report::result(global.output, &killed, || killed::text(&killed));
            Ok(())
        })
    }

    fn how(&self) -> How {
        match (self.crash, self.spot) {
            (true, _) => How::Crash,
            (_, true) => How::Spot,
            _ => How::Drain,
        }
    }

    /// The local fleet, which the emulator's instances are processes of; none on AWS.
    fn fleet(&self, cloud: &Cloud, environment: &str) -> Result<Option<FleetState>> {
        if !cloud.local {
            return Ok(None);
        }
        let found = local_fleet::find(cloud, environment)?;
        let none = || {
            Error::failed(format!(
                "no local fleet of {environment} runs, so there is no worker to kill"
            ))
            .with_help(format!(
                "start one in another terminal: qfleet local up {}",
                self.env.words()
            ))
        };
        found.map(Some).ok_or_else(none)
    }

    fn check_allowed(&self, deployed: &Deployed, victim: &Victim<'_>, interrupt: &Interrupt) -> Result<()> {
        let address = &deployed.address;
        if deployed.stacks.iter().any(|stack| stack.tags.protect) && !self.yes {
            return Err(Error::refused(format!(
                "{} is protected: its stacks say `protect: true`",
                address.environment
            ))
            .with_help("its worker would drain, and nothing would be lost; add --yes if you mean it"));
        }
        let question = format!(
            "Terminate {} in {}, an instance of the stage {} of {address}?",
            victim.instance.id, victim.instance.zone, victim.stage
        );
        if report::confirm(interrupt, &question, self.yes)? {
            Ok(())
        } else {
            Err(Error::refused("not confirmed: nothing was changed"))
        }
    }

    fn no_crash_on_aws(&self) -> Error {
        let instance = self.instance.as_deref().unwrap_or("<ID>");
        Error::usage("--crash works with --local only: on AWS no API that qfleet uses ends an instance on the spot")
            .with_help(format!(
                "--drain is what Auto Scaling offers. EC2's own way is `aws ec2 terminate-instances --instance-ids \
                 {instance}`, and even that shuts the system down in order, so its worker is told to stop. \
                 `qfleet status --output json` names the instances"
            ))
    }

    fn too_long(&self, victim: &Victim<'_>) -> Error {
        Error::failed(format!(
            "{} is not replaced after {}; Auto Scaling goes on by itself",
            victim.instance.id, self.timeout
        ))
        .with_help("`qfleet status --watch` shows how, and why where something fails")
    }
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

/// Who terminates instances: the same API, of AWS or of the local fleet.
async fn auto_scaling(cloud: &Cloud, fleet: Option<&FleetState>) -> Result<Cloud> {
    let Some(fleet) = fleet else {
        return Ok(cloud.clone());
    };
    local::check_loopback(&fleet.autoscaling_endpoint)?;
    Connect {
        region: Some(cloud.region.clone()),
        endpoint_url: Some(fleet.autoscaling_endpoint.clone()),
        credentials: Credentials::Local {
            account: cloud.account.clone(),
        },
        ..Connect::default()
    }
    .connect()
    .await
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

fn instance_of<'a>(fleet: &'a FleetState, victim: &Victim<'_>) -> Result<&'a InstanceState> {
    let mut instances = fleet.groups.iter().flat_map(|group| &group.instances);
    let found = instances.find(|instance| instance.id == victim.instance.id);
    found.ok_or_else(|| Error::failed(format!("{} is gone already", victim.instance.id)))
}

fn no_spot_on_aws() -> Error {
    Error::usage("--spot works with --local only: on AWS, EC2 decides when it takes a spot instance back").with_help(
        "AWS Fault Injection Service can have it done (aws:ec2:send-spot-instance-interruptions); --drain is what Auto \
         Scaling offers",
    )
}
