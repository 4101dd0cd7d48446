//! `qfleet events ENV`

use clap::Args;
use jiff::Timestamp;

use super::global::Global;
use super::logs::before;
use super::named::Named;
use crate::cloud::Cloud;
use crate::deployed::address::Address;
use crate::deployed::looked::Looked;
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::observe::events::{Follower, Happened};
use crate::report;
use crate::report::events::Document;
use crate::report::form::Output;

/// Arguments of `events`.
#[derive(Debug, Args)]
#[command(after_help = "\
Events of all stacks of the environment, oldest first, whoever started the operation; those of stacks that were \
deleted in that time, too, such as one whose first create failed. With --follow it goes on until \
it is interrupted (exit code 130), or the environment that it follows is gone (0).

Examples:
  qfleet events lab                        the last day
  qfleet events lab --since 1h --failed    what failed in the last hour
  qfleet events lab --follow               and what comes, while somebody else deploys
  qfleet events lab --output jsonl         an object a line, as `deploy` prints them")]
pub struct Events {
    #[command(flatten)]
    which: Named,
    /// How far to look back (`1h`, `7d`)
    #[arg(long, value_name = "LENGTH", default_value = "1d")]
    since: Duration,
    /// Only what failed
    #[arg(long)]
    failed: bool,
    /// Keep showing new events
    #[arg(long, short)]
    follow: bool,
}

impl Events {
    pub fn run(self, global: &Global) -> Result<()> {
        if self.follow && global.output == Output::Json {
            return Err(Error::usage("--follow has no end, and --output json is one document")
                .with_help("use --output jsonl: an object a line"));
        }
        let since = before(Timestamp::now(), self.since)?;
        let environment = self.which.find()?;
        global.run(None, async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect_to(&environment)).await?;
            let mut follower = Follower::new(&cloud, &environment.name, since);
            let shown = self.show(global, &cloud, &environment.name, &mut follower, since);
            Global::until_stopped(interrupt, self.follow, shown).await
        })
    }

    async fn show(
        &self,
        global: &Global,
        cloud: &Cloud,
        name: &str,
        follower: &mut Follower<'_>,
        since: Timestamp,
    ) -> Result<()> {
        let address = &Address::new(cloud, name);
        let past = self.wanted(follower.past().await?);
        let looked = Looked::new(cloud, follower.follows_any());
        if global.output == Output::Json {
            report::json(&Document {
                address,
                looked,
                since,
                events: past,
            });
            return Ok(());
        }
        if past.is_empty() {
            report::note(&self.nothing(address, &looked));
        }
        let mut is_read = report::events::lines(&past, global.output);
        while self.follow && is_read {
            let news = follower.next().await?;
            let gone = !follower.follows_any();
            is_read = report::events::lines(&self.wanted(news), global.output);
            if gone {
                report::note(&format!("{} is gone.", address.environment));
                break;
            }
        }
        Ok(())
    }

    fn wanted(&self, mut events: Vec<Happened>) -> Vec<Happened> {
        events.retain(|happened| !self.failed || happened.resource.failed());
        events
    }

    fn nothing(&self, address: &Address, looked: &Looked) -> String {
        if !looked.found {
            let elsewhere = looked.elsewhere(&address.region);
            let elsewhere = elsewhere.map_or(String::new(), |elsewhere| format!(" {elsewhere}."));
            return format!("{}: no stack carries its name.{elsewhere}", address.not_deployed());
        }
        let what = if self.failed { "failed" } else { "happened" };
        format!(
            "{}: nothing {what} in the last {}; --since looks further back.",
            address.environment, self.since
        )
    }
}
