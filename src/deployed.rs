//! An environment found again from its stacks' tags, without its file.

use crate::cloud::stack_status::StackStatus;
use crate::cloud::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};

/// Tags that every stack of ours carries.
pub mod tag {
    /// The environment's name.
    pub const ENVIRONMENT: &str = "qfleet:environment";
    /// The part of the environment that the stack holds.
    pub const PART: &str = "qfleet:part";
    /// The parts that it needs, separated by spaces.
    pub const NEEDS: &str = "qfleet:needs";
    /// `true`: termination protection, and `destroy` refuses.
    pub const PROTECT: &str = "qfleet:protect";
    /// `keep` or `empty`: what `destroy` does with data.
    pub const ON_DESTROY: &str = "qfleet:on-destroy";
}

/// An environment as it is deployed.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Its name.
    pub environment: String,
    /// Its stacks.
    pub stacks: Vec<DeployedStack>,
}

/// One stack of it.
#[derive(Debug, Clone)]
pub struct DeployedStack {
    /// Which part it is.
    pub part: String,
    /// The parts that it needs.
    pub needs: Vec<String>,
    /// Whether its data is kept by `destroy`.
    pub keeps_data: bool,
    /// Whether it says that it is protected.
    pub protect: bool,
    /// The stack.
    pub stack: StackDescription,
}

impl Deployed {
    /// Finds the environment of this name. Without any stack, it isn't deployed.
    pub async fn find(cloud: &Cloud, environment: &str) -> Result<Deployed, CloudError> {
        let mut stacks = Vec::new();
        for stack in cloud.stacks().await? {
            if stack.status == StackStatus::DeleteComplete {
                continue;
            }
            if stack.tags.get(tag::ENVIRONMENT).is_some_and(|name| name == environment) {
                stacks.push(DeployedStack::read(stack));
            } else if let Some(part) = stack
                .name
                .strip_prefix(environment)
                .and_then(|rest| rest.strip_prefix('-'))
                && stack.status == StackStatus::ReviewInProgress
                && stack.tags.is_empty()
                && has_change_set_of(cloud, environment, part, &stack.id).await?
            {
                // A stack that only ever had change sets shows no tags.
                let part = part.to_owned();
                stacks.push(DeployedStack {
                    part,
                    needs: Vec::new(),
                    keeps_data: false,
                    protect: false,
                    stack,
                });
            }
        }
        Ok(Deployed {
            environment: environment.to_owned(),
            stacks,
        })
    }

    /// The stack that holds `part`.
    pub fn part(&self, part: &str) -> Option<&DeployedStack> {
        self.stacks.iter().find(|stack| stack.part == part)
    }
}

impl DeployedStack {
    fn read(stack: StackDescription) -> DeployedStack {
        let tag = |key: &str| stack.tags.get(key).map(String::as_str).unwrap_or_default();
        DeployedStack {
            part: tag(tag::PART).to_owned(),
            needs: tag(tag::NEEDS).split_whitespace().map(str::to_owned).collect(),
            // A stack that doesn't say so keeps its data: nothing is lost that nobody asked to lose.
            keeps_data: tag(tag::ON_DESTROY) != "empty",
            protect: tag(tag::PROTECT) == "true",
            stack,
        }
    }
}

/// What a change set of ours says it is for; by this, too, it is known as ours.
pub fn change_set_description(environment: &str, part: &str) -> String {
    format!("qfleet: {part} of {environment}")
}

async fn has_change_set_of(cloud: &Cloud, environment: &str, part: &str, stack: &str) -> Result<bool, CloudError> {
    let wanted = change_set_description(environment, part);
    Ok(cloud
        .change_sets(stack)
        .await?
        .iter()
        .any(|summary| summary.description == wanted))
}

/// Where an environment's expiry is kept: an SSM parameter, so that moving it touches no stack.
pub fn expiry_parameter(environment: &str) -> String {
    format!("/qfleet/{environment}/expires")
}
