//! `qfleet outputs ENV`

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::global::Global;
use super::named::Named;
use crate::deployed::Deployed;
use crate::deployed::address::Address;
use crate::engine::plan;
use crate::error::Result;
use crate::report;

/// Arguments of `outputs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qfleet outputs lab                                        every output of every stack
  qfleet outputs lab --output json | jq -r .outputs.intake.BucketName")]
pub struct Outputs {
    #[command(flatten)]
    which: Named,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Document {
    #[serde(flatten)]
    address: Address,
    outputs: plan::Outputs,
}

impl Outputs {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.which.find()?;
        global.read(async {
            let cloud = global.connect_to(&environment).await?;
            let deployed = Deployed::require(&cloud, &environment.name, &global.deploy(&environment)).await?;
            let outputs = deployed
                .stacks
                .into_iter()
                .map(|stack| (stack.part, stack.stack.outputs))
                .collect();
            let document = Document {
                address: deployed.address,
                outputs,
            };
            report::as_it_is(global.output, &document, || report::summary::outputs(&document.outputs));
            Ok(())
        })
    }
}
