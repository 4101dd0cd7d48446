//! `qfleet kill-worker ENV`

use clap::{ArgGroup, Args};
use jiff::Timestamp;

use super::global::Global;
use super::named::Named;
use crate::engine::kill_worker::{Ask, How, Killed, News, Wanted, kill_worker};
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::report;
use crate::report::form::Output;

/// Arguments of `kill-worker`.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("how").required(true).args(["drain", "crash", "spot"])),
    after_help = "\
Shows that a fleet heals itself: it terminates an instance, and shows how that leaves and another one takes its \
place. Without --instance, it takes one that is in service.

--drain has Auto Scaling terminate it (TerminateInstanceInAutoScalingGroup, without a change of the desired capacity): \
its worker finishes what it has in hand, then it goes. --crash kills the worker's processes on the spot, so what it had \
in hand comes back to the queue when its visibility timeout has passed. --spot gives the instance the notice that EC2 \
gives a spot instance two minutes before it takes it back (sooner where `local up --speed` makes minutes shorter), and \
then takes it. Both are for --local, where instances are processes of the local fleet (`qfleet local up`).

A stage whose workers are a Lambda function has no instance to kill.

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
    which: Named,
    /// Stage to take it from; may be left out when there is one
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// This instance
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// Terminate it as Auto Scaling does: its worker drains first
    #[arg(long)]
    drain: bool,
    /// Kill it at once; with --local
    #[arg(long)]
    crash: bool,
    /// Reclaim it as EC2 does spot instances, two minutes after a notice; with --local
    #[arg(long)]
    spot: bool,
    /// Don't ask for confirmation
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
    pub fn run(self, global: &Global) -> Result<()> {
        if self.crash && !global.local {
            return Err(self.no_crash_on_aws(global));
        }
        if self.spot && !global.local {
            return Err(no_spot_on_aws());
        }
        let environment = self.which.find()?;
        let longest = std::time::Duration::from_secs(self.timeout.as_secs());
        global.run(Some(longest), async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect_to(&environment)).await?;
            let wanted = Wanted {
                environment: &environment.name,
                words: &global.with_whereabouts(&environment.file_words),
                stage: self.stage.as_deref(),
                instance: self.instance.as_deref(),
                how: self.how(),
                no_wait: self.no_wait,
                timeout: self.timeout,
            };
            let person = Person {
                interrupt,
                output: global.output,
                yes: self.yes,
            };
            let killed = kill_worker(&cloud, interrupt, &wanted, Timestamp::now, &person).await?;
            report::result(global.output, &killed, || report::killed::text(&killed));
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

    fn no_crash_on_aws(&self, global: &Global) -> Error {
        let instance = self.instance.as_deref().unwrap_or("<ID>");
        Error::usage("--crash works with --local only: on AWS no API that qfleet uses ends an instance on the spot")
            .with_help(format!(
                "--drain is what Auto Scaling offers. EC2's own way is `{}`, and even that shuts the system down in order, so its worker is told to stop. \
                 `qfleet status --output json` names the instances",
                global
                    .cli()
                    .command(&format!("ec2 terminate-instances --instance-ids {instance}"))
            ))
    }
}

fn no_spot_on_aws() -> Error {
    Error::usage("--spot works with --local only: on AWS, EC2 decides when it takes a spot instance back").with_help(
        "AWS Fault Injection Service can have it done (aws:ec2:send-spot-instance-interruptions); --drain is what Auto \
         Scaling offers",
    )
}

/// Who is asked and told: whoever started the command.
struct Person<'a> {
    interrupt: &'a Interrupt,
    output: Output,
    yes: bool,
}

impl Ask for Person<'_> {
    fn agrees(&self, victim: &Killed, protected: bool) -> Result<bool> {
        let address = &victim.address;
        if protected && !self.yes {
            return Err(Error::refused(format!(
                "{} is protected: its stacks say `protect: true`",
                address.environment
            ))
            .with_help("its worker would drain, and nothing would be lost; add --yes if you mean it"));
        }
        let question = format!(
            "Terminate {} in {}, an instance of the stage {} of {address}?",
            victim.instance, victim.zone, victim.stage
        );
        report::confirm(self.interrupt, &question, self.yes)
    }

    fn tell(&self, killed: &Killed, news: News<'_>) {
        report::killed::tell(self.output, killed, news);
    }
}
