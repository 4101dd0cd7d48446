//! An environment found again from its stacks' tags, without its file.

pub mod address;
pub mod delivery;
pub mod holdings;
pub mod looked;
pub mod protection;
pub mod stage;
pub mod web;

use std::collections::BTreeMap;

use address::Address;
use futures_util::future::try_join_all;
use looked::Looked;

use crate::blueprint::names;
use crate::blueprint::notifications::Notifications;
use crate::blueprint::outputs;
use crate::blueprint::tags::StackTags;
use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::{Cloud, CloudError};
use crate::environment::OnDestroy;
use crate::error::{self, Error};

/// An environment as it is deployed.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Which one it is, and where.
    pub address: Address,
    /// Its stacks, in the order of their making; the stages in that of the file, once it was told.
    pub stacks: Vec<DeployedStack>,
}

/// One stack of it.
#[derive(Debug, Clone)]
pub struct DeployedStack {
    /// Which part it is.
    pub part: String,
    /// What its tags say.
    pub tags: StackTags,
    pub stack: StackDescription,
    /// What becomes of what holds data in it, by its name in the template, where the template is the user's and was read.
    pub disposals: Option<BTreeMap<String, Disposal>>,
}

impl Deployed {
    /// Finds the environment of this name. Without any stack, it isn't deployed.
    pub async fn find(cloud: &Cloud, environment: &str) -> Result<Deployed, CloudError> {
        Deployed::among(cloud, environment, cloud.stacks().await?).await
    }

    /// Finds it for a command that needs it to be there. `deploy`: the command that would deploy it.
    ///
    /// # Errors
    /// A failure when it isn't deployed.
    pub async fn require(cloud: &Cloud, environment: &str, deploy: &str) -> error::Result<Deployed> {
        let deployed = Deployed::find(cloud, environment).await?;
        if !deployed.stacks.is_empty() {
            return Ok(deployed);
        }
        let missing = Error::failed(deployed.address.not_deployed());
        Err(match Looked::new(cloud, false).elsewhere(&cloud.region) {
            Some(elsewhere) => missing.with_help(format!("{elsewhere}. To deploy it here: {deploy}")),
            None => missing.with_help(format!("deploy it first: {deploy}")),
        })
    }

    /// The same among stacks that were read already.
    pub async fn among(cloud: &Cloud, environment: &str, all: Vec<StackDescription>) -> Result<Deployed, CloudError> {
        let mut stacks = Vec::new();
        for stack in all {
            if stack.status == StackStatus::DeleteComplete {
                continue;
            }
            if let Some(tags) = ours(&stack) {
                if tags.environment == environment {
                    stacks.push(DeployedStack {
                        part: tags.part.clone(),
                        tags,
                        stack,
                        disposals: None,
                    });
                }
            } else if let Some(part) = stack
                .name
                .strip_prefix(environment)
                .and_then(|rest| rest.strip_prefix('-'))
                && stack.status == StackStatus::ReviewInProgress
                && has_change_set_of(cloud, environment, part, &stack.id).await?
            {
                // A stack that only ever had change sets shows no tags; it holds nothing.
                let part = part.to_owned();
                let tags = StackTags {
                    environment: environment.to_owned(),
                    part: part.clone(),
                    needs: Vec::new(),
                    protect: false,
                    on_destroy: OnDestroy::Empty,
                    own_template: false,
                };
                stacks.push(DeployedStack {
                    part,
                    tags,
                    stack,
                    disposals: None,
                });
            }
        }
        Ok(Deployed::new(Address::new(cloud, environment), stacks))
    }

    /// Every environment of the account in this region, by name. A stack that only ever had change sets shows no tags:
    /// it belongs to none here.
    pub async fn all(cloud: &Cloud) -> Result<Vec<Deployed>, CloudError> {
        let mut all: BTreeMap<String, Vec<DeployedStack>> = BTreeMap::new();
        for stack in cloud.stacks().await? {
            if stack.status != StackStatus::DeleteComplete
                && let Some(tags) = ours(&stack)
            {
                let (environment, part) = (tags.environment.clone(), tags.part.clone());
                all.entry(environment).or_default().push(DeployedStack {
                    part,
                    tags,
                    stack,
                    disposals: None,
                });
            }
        }
        Ok(all
            .into_iter()
            .map(|(environment, stacks)| Deployed::new(Address::new(cloud, &environment), stacks))
            .collect())
    }

    /// CloudFormation promises no order. That of their making is that of the data's way, and stays.
    fn new(address: Address, mut stacks: Vec<DeployedStack>) -> Deployed {
        stacks.sort_by(|one, other| {
            let made = |found: &DeployedStack| (found.stack.created, found.stack.name.clone());
            made(one).cmp(&made(other))
        });
        Deployed { address, stacks }
    }

    /// Puts these stages into this order, which is the file's: the stacks of one deploy are made in any.
    pub fn put_in_order(&mut self, stages: &[String]) {
        let place = |found: &DeployedStack| stages.iter().position(|stage| *stage == found.part);
        let Some(first) = self.stacks.iter().position(|found| place(found).is_some()) else {
            return;
        };
        let all = std::mem::take(&mut self.stacks).into_iter();
        let (mut of_file, mut others): (Vec<_>, Vec<_>) = all.partition(|found| place(found).is_some());
        of_file.sort_by_key(place);
        others.splice(first..first, of_file);
        self.stacks = others;
    }

    /// Reads what a listing of all stacks leaves out: their termination protection.
    pub async fn with_protection(mut self, cloud: &Cloud) -> Result<Deployed, CloudError> {
        let read = try_join_all(self.stacks.iter().map(|stack| cloud.stack(&stack.stack.id))).await?;
        for (stack, read) in self.stacks.iter_mut().zip(read) {
            if let Some(read) = read {
                stack.stack = read;
            }
        }
        Ok(self)
    }

    /// The bucket that is there already, and isn't its own; none where it has none, or one of its own.
    pub fn existing_bucket(&self) -> Option<&str> {
        self.stacks.iter().find_map(DeployedStack::existing_bucket)
    }

    /// What that bucket is to tell it.
    ///
    /// # Errors
    /// Why its stack doesn't say so.
    pub fn notifications(&self) -> Result<Option<Notifications>, String> {
        let mut stacks = self.stacks.iter();
        let stack = stacks.find(|stack| stack.existing_bucket().is_some());
        stack.map_or(Ok(None), |stack| stack.notifications(&self.address))
    }

    /// The stack that holds `part`.
    pub fn part(&self, part: &str) -> Option<&DeployedStack> {
        self.stacks.iter().find(|stack| stack.part == part)
    }
}

impl DeployedStack {
    /// The bucket that is there already, of the stack that names one.
    pub fn existing_bucket(&self) -> Option<&str> {
        self.stack.outputs.get(outputs::EXISTING_BUCKET).map(String::as_str)
    }

    /// What that bucket is to tell the environment; none of a stack without such a one.
    ///
    /// # Errors
    /// Why the stack doesn't say so.
    pub fn notifications(&self, at: &Address) -> Result<Option<Notifications>, String> {
        Notifications::deployed(&at.environment, &at.account, &at.region, &self.stack.outputs)
    }
}

/// What the tags of a stack of ours say. Tags are copied with a template or a script: a stack that is called otherwise than
/// they say is somebody else's.
pub fn ours(stack: &StackDescription) -> Option<StackTags> {
    let tags = StackTags::read(&stack.tags).or_else(|| taken_in(stack.description.as_deref()?));
    tags.filter(|tags| stack.name == names::stack(&tags.environment, &tags.part))
}

/// A stack that so far only took in what was kept has no tags, as an import refuses them, but a template that says whose it
/// is.
fn taken_in(description: &str) -> Option<StackTags> {
    let (part, environment) = description.strip_prefix("qfleet: ")?.split_once(" of ")?;
    Some(StackTags {
        environment: environment.to_owned(),
        part: part.to_owned(),
        needs: Vec::new(),
        protect: false,
        on_destroy: OnDestroy::Keep,
        own_template: false,
    })
}

/// What a change set of ours says it is for, and a template that only takes in what was kept; by this, too, they are known
/// as ours.
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

/// Under which path of SSM everything of ours is.
pub const PARAMETERS: &str = "/qfleet/";

/// Where an environment's expiry is kept: an SSM parameter, so that moving it touches no stack.
pub fn expiry_parameter(environment: &str) -> String {
    format!("{PARAMETERS}{environment}/expires")
}
