//! Delivery as its stack's outputs tell it.

use super::{Deployed, DeployedStack};
use crate::blueprint::outputs;
use crate::environment;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// What a file's name follows.
    pub url: String,
    /// The distribution's id.
    pub distribution: String,
    /// The name that CloudFront gave it.
    pub domain_name: String,
}

impl Delivery {
    /// That of an environment; none while its stack is being created, or where it has none.
    pub fn of(deployed: &Deployed) -> Option<Delivery> {
        let mut stacks = deployed.stacks.iter();
        let stack = stacks.find(|found| found.part == environment::Delivery::PART)?;
        Delivery::in_stack(stack)
    }

    fn in_stack(found: &DeployedStack) -> Option<Delivery> {
        let output = |key: &str| found.stack.outputs.get(key).cloned();
        Some(Delivery {
            url: output(outputs::URL)?,
            distribution: output(outputs::DISTRIBUTION)?,
            domain_name: output(outputs::DISTRIBUTION_DOMAIN)?,
        })
    }
}
