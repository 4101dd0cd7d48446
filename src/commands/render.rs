//! `qfleet render ENV [--out DIR]`

use clap::Args;

use super::{Global, global::Env};
use crate::error::Result;

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct Render {
    #[command(flatten)]
    env: Env,
}

impl Render {
    /// Renders.
    pub fn run(self, _global: &Global) -> Result<()> {
        self.env.load().map(|_| ())
    }
}
