//! `qfleet logs ENV [STAGE]`

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::global::Global;
use super::named::Named;
use crate::cloud::Cloud;
use crate::deployed::address::Address;
use crate::deployed::stage::Stage;
use crate::deployed::web::{WEB, Web};
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::observe::logs::{Logs as Reader, Look, Wanted};
use crate::report;
use crate::report::form::Output;
use crate::report::logs::Document;

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
The log lines of the workers of all stages, or of one, oldest first, with their time, stage, instance and log. \
`worker` is what the program prints, `cloud-init` how the instance booted; lines of a Lambda function say \
`function/` and which of its execution environments logged them. They are read from each stage's log group; with \
--local, also from the files that the workers of `local up` write.

With --follow it goes on until it is interrupted (exit code 130). An instance's lines come some seconds after they were \
written; what comes more than a minute late is left out. CloudWatch Logs allows an account five such reads a second in a \
region, for all who read: following makes one for each stage every five seconds, and reads by others may slow it down.

Examples:
  qfleet logs lab                              the last ten minutes of all stages
  qfleet logs lab move --since 2h --filter ERROR
  qfleet logs lab --follow                     and what comes
  qfleet logs lab --instance i-0123456789abcdef0 --since 1d
  qfleet logs lab --follow --output jsonl      an object a line")]
pub struct Logs {
    #[command(flatten)]
    which: Named,
    /// Only the workers of this stage
    #[arg(value_name = "STAGE")]
    stage: Option<String>,
    /// The same, where ENV is left out
    #[arg(long = "stage", value_name = "STAGE", conflicts_with = "stage")]
    by_option: Option<String>,
    /// Keep showing new lines
    #[arg(long, short)]
    follow: bool,
    /// How far to look back (`30s`, `2h`, `1d`)
    #[arg(long, value_name = "LENGTH", default_value = "10m")]
    since: Duration,
    /// Only this instance
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// Only lines that contain this text; upper and lower case differ
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    filter: Option<String>,
}

impl Logs {
    pub fn run(mut self, global: &Global) -> Result<()> {
        self.stage = self.stage.or(self.by_option.take());
        if self.follow && global.output == Output::Json {
            return Err(Error::usage("--follow has no end, and --output json is one document")
                .with_help("use --output jsonl: an object a line"));
        }
        let since = before(Timestamp::now(), self.since)?;
        let environment = self.which.find()?;
        global.run(None, async |interrupt| {
            let (cloud, destinations) = interrupt.unless_stopped(global.destinations(&environment)).await?;
            let web = Web::of(&destinations.deployed);
            if let Some(stage) = self.stage.as_ref().filter(|stage| *stage != WEB || web.is_none()) {
                destinations.queues(Some(stage))?;
            }
            let mut stages = Stage::all(&destinations.deployed);
            stages.extend(web.map(Web::for_logs));
            stages.retain(|stage| self.stage.as_ref().is_none_or(|wanted| *wanted == stage.name));
            let shown = self.show(global, &cloud, &destinations.deployed.address, &stages, since);
            Global::until_stopped(interrupt, self.follow, shown).await
        })
    }

    async fn show(
        &self,
        global: &Global,
        cloud: &Cloud,
        address: &Address,
        stages: &[Stage],
        since: Timestamp,
    ) -> Result<()> {
        let wanted = Wanted {
            instance: self.instance.clone(),
            text: self.filter.clone(),
        };
        let mut logs = Reader::new(cloud, &address.environment, stages, wanted, self.follow);
        let mut past = logs.look(since, Timestamp::now())?;
        if global.output == Output::Json {
            let mut lines = Vec::new();
            while let Some(more) = logs.more(&mut past).await? {
                lines.extend(more);
            }
            report::json(&Document {
                address,
                since,
                lines,
                without_log_group: logs.without_group.into_iter().collect(),
            });
            return Ok(());
        }
        let Some(any) = print(&mut logs, &mut past, global.output).await? else {
            return Ok(());
        };
        for stage in &logs.without_group {
            report::note(&format!(
                "{stage} has no log group: what its workers log is kept nowhere."
            ));
        }
        if !any {
            report::note(&self.nothing(address));
            for stage in stages.iter().filter(|stage| stage.function().is_some()) {
                if self.instance.is_some() {
                    report::note(&format!(
                        "{} has no instances: a Lambda function works on its messages. Without --instance you see what it \
                         logs.",
                        stage.name
                    ));
                }
            }
        }
        let mut is_read = true;
        while self.follow && is_read {
            tokio::time::sleep(logs.pause()).await;
            let mut news = logs.look_again(Timestamp::now())?;
            is_read = print(&mut logs, &mut news, global.output).await?.is_some();
        }
        Ok(())
    }

    fn nothing(&self, address: &Address) -> String {
        let of = match (&self.instance, &self.stage) {
            (Some(instance), _) => format!(" by {instance}"),
            (None, Some(stage)) => format!(" by workers of {stage}"),
            (None, None) => String::new(),
        };
        let text = self
            .filter
            .as_ref()
            .map_or(String::new(), |text| format!(" with {text:?} in it"));
        let all = match self.filter {
            Some(_) => ", and without --filter you see all that was logged",
            None => "",
        };
        format!(
            "{}: nothing{text} was logged{of} in the last {}; --since looks further back{all}.",
            address.environment, self.since
        )
    }
}

/// Prints a look. Whether there was anything in it; none when nobody reads it any more.
async fn print(logs: &mut Reader<'_>, look: &mut Look, output: Output) -> Result<Option<bool>> {
    let mut any = false;
    while let Some(lines) = logs.more(look).await? {
        any = true;
        if !report::logs::lines(&lines, output) {
            return Ok(None);
        }
    }
    Ok(Some(any))
}

/// So long before `now`.
pub(super) fn before(now: Timestamp, since: Duration) -> Result<Timestamp> {
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    now.checked_sub(SignedDuration::from_secs(seconds)).map_err(|_| {
        Error::usage(format!("--since {since} is longer ago than any time that can be told"))
            .with_help("as in: --since 2h")
    })
}
