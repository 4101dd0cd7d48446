//! `qfleet outputs ENV`

use clap::Args;
use serde::Serialize;

use super::global::{Env, Global};
use crate::deployed::Deployed;
use crate::engine::plan;
use crate::error::{Error, Result};
use crate::report;

/// Arguments of `outputs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qfleet outputs lab                                        every output of every stack
  qfleet outputs lab --output json | jq -r .outputs.intake.BucketName")]
pub struct Outputs {
    #[command(flatten)]
    env: Env,
}

#[derive(Serialize)]
struct Document {
    environment: String,
    account: String,
    region: String,
    outputs: plan::Outputs,
}

impl Outputs {
    /// Prints them.
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load()?;
        global.read(async {
            let cloud = global.connect(Some(&environment)).await?;
            let deployed = Deployed::find(&cloud, &environment.name).await?;
            if deployed.stacks.is_empty() {
                return Err(Error::failed(format!(
                    "{} is not deployed in account {}, {}",
                    environment.name, cloud.account, cloud.region
                ))
                .with_help("deploy it first: qfleet deploy"));
            }
            let outputs = deployed
                .stacks
                .into_iter()
                .map(|stack| (stack.part, stack.stack.outputs))
                .collect();
            let (account, region) = (cloud.account.clone(), cloud.region.clone());
            let document = Document {
                environment: environment.name.clone(),
                account,
                region,
                outputs,
            };
            report::document(global.output, &document, || report::summary::outputs(&document.outputs));
            Ok(())
        })
    }
}
