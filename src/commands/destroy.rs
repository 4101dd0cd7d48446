//! `qfleet destroy ENV`

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::global::{Env, Global};
use super::waits::Waits;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::holdings::holdings;
use crate::deployed::{Deployed, expiry_parameter};
use crate::engine;
use crate::engine::destroy::Teardown;
use crate::engine::operation::Context;
use crate::engine::outcome::Report;
use crate::error::{Error, Result};
use crate::observe::data::Data;
use crate::report::form::Output;
use crate::report::{self, progress::Progress};

/// Arguments of `destroy`.
#[derive(Debug, Args)]
#[command(after_help = "\
What the file says about data holds as it was deployed: with `on_destroy: empty` the bucket is emptied and deleted, \
with `on_destroy: keep` bucket and queues stay and are named. An environment with `protect: true` is refused; deploy \
it with `protect: false` first.

Examples:
  qfleet destroy lab                       say what will be lost, ask, take it down
  qfleet destroy lab --yes                 in a pipeline: no questions")]
pub struct Destroy {
    #[command(flatten)]
    env: Env,
    /// Go on without being asked
    #[arg(long, short)]
    yes: bool,
    /// Role that CloudFormation works with, instead of the one that it was given last
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    #[command(flatten)]
    waits: Waits,
}

impl Destroy {
    /// Destroys.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
        global.block_on(async {
            let interrupt = global.listen()?;
            let cloud = global.connect(Some(&environment)).await?;
            let deployed = Deployed::find(&cloud, &environment.name)
                .await?
                .with_protection(&cloud)
                .await?;
            let protected = deployed
                .stacks
                .iter()
                .find(|stack| stack.tags.protect || stack.stack.protected);
            if environment.protect || protected.is_some() {
                let what = protected.map_or("its file says", |_| "its stacks say");
                return Err(
                    Error::refused(format!("{} is protected: {what} `protect: true`", environment.name))
                        .with_help("deploy it with `protect: false` first, if it really is to go"),
                );
            }
            let (report, data) = if deployed.stacks.is_empty() {
                (Report::new(&cloud, &environment.name, Vec::new()), Data::default())
            } else {
                let data = tokio::select! {
                    data = look(&cloud, &deployed) => data?,
                    () = interrupt.wait() => return Err(Error::Interrupted),
                };
                match global.output {
                    Output::Text => report::text(&report::data::text(&deployed, &data)),
                    Output::Jsonl => report::json_line(&BTreeMap::from([("data", &data)])),
                    Output::Json => {}
                }
                let question = format!(
                    "Destroy {} in account {}, {}?",
                    environment.name, cloud.account, cloud.region
                );
                if !report::confirm(&question, self.yes)? {
                    return Err(Error::refused("not confirmed: nothing was changed"));
                }
                let (events, progress) = Progress::begin(global.face());
                let waiting = self.waits.begin();
                let context = Context {
                    cloud: &cloud,
                    tell: &events,
                    interrupt: &interrupt,
                    waiting,
                };
                let role_arn = self.role_arn.as_deref();
                let report = engine::destroy::destroy(Teardown {
                    context,
                    deployed: &deployed,
                    role_arn,
                    objects: &data.versions(),
                })
                .await;
                drop(events);
                progress.end().await;
                (report, data)
            };
            if report.succeeded {
                cloud.delete_parameter(&expiry_parameter(&environment.name)).await?;
            }
            show(global, &Destroyed { report, data }, &self.env)
        })
    }
}

/// What was done, and how much there was.
#[derive(Serialize)]
struct Destroyed {
    #[serde(flatten)]
    report: Report,
    data: Data,
}

/// What the stacks hold.
async fn look(cloud: &Cloud, deployed: &Deployed) -> std::result::Result<Data, CloudError> {
    let holdings = holdings(cloud, &deployed.stacks).await?;
    Ok(Data::read(cloud, &holdings, Timestamp::now()).await)
}

fn show(global: &Global, destroyed: &Destroyed, env: &Env) -> Result<()> {
    let report = &destroyed.report;
    match global.output {
        Output::Text if report.stacks.is_empty() => {
            report::text(&format!("{} is gone already: nothing to do.\n", report.environment));
        }
        Output::Text => {
            report::note(&report::summary::text(
                report,
                &format!("qfleet destroy {}", env.env.display()),
            ));
            for kept in &report.kept {
                report::text(&format!("kept: {} ({})\n", kept.name, kept.resource_type));
            }
        }
        Output::Json => report::json(destroyed),
        Output::Jsonl => report::json_line(&BTreeMap::from([("result", destroyed)])),
    }
    report.result()
}
