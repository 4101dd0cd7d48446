//! What a destroy did, and what it left.

use schemars::JsonSchema;
use serde::Serialize;

use crate::deployed::looked::Looked;
use crate::engine::outcome::Report;
use crate::error::{Error, ErrorJson, Result, exit_code};
use crate::observe::data::Data;
use crate::observe::leftovers::Receipt;

/// What was done, what there was, and what is left.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Destroyed {
    #[serde(flatten)]
    pub report: Report,
    /// Where was looked for it, and whether there was anything of it.
    #[serde(flatten)]
    pub looked: Looked,
    /// How much there was in its buckets, queues and tables before it began.
    pub data: Data,
    /// Resource by resource; none while a stack is still there, or when the look was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

impl Destroyed {
    /// What the command ends with; why is shown already.
    pub fn result(&self) -> Result<()> {
        self.report.result()?;
        match &self.receipt {
            Some(receipt) if !receipt.clean => Err(Error::Shown(exit_code::FAILED)),
            None if self.is_unproven() => Err(Error::Shown(exit_code::INTERRUPTED)),
            // It may run elsewhere: nobody can say that it is gone.
            _ if self.looked.proves_nothing() => Err(Error::Shown(exit_code::FAILED)),
            _ => Ok(()),
        }
    }

    /// Why it ends with another exit code than 0; `again` is the command that goes on with what it leaves.
    pub fn ending(&self, again: &str) -> Option<ErrorJson> {
        let error = self.result().err()?;
        self.report.ending(again).or_else(|| {
            let message = match error.exit_code() {
                exit_code::INTERRUPTED => "interrupted while it looked for what is left",
                _ if self.looked.proves_nothing() => "nothing was found, and it may run elsewhere",
                _ => "something is left that should be gone",
            };
            Some(ErrorJson {
                message: message.to_owned(),
                help: Some(format!("to go on with it: {again}")),
                ..ErrorJson::from(&error)
            })
        })
    }

    /// Whether everything went as asked, and the look for what is left was interrupted.
    pub fn is_unproven(&self) -> bool {
        self.report.succeeded && self.receipt.is_none()
    }
}
