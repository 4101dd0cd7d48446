//! Where jobs go: the bucket and the queues of an environment, as the outputs of its stacks name them.

use crate::blueprint::outputs;
use crate::cloud::Cloud;
use crate::deployed::stage::{Only, Stage, choices};
use crate::deployed::{Deployed, DeployedStack};
use crate::error::{Error, Result};

/// An environment as it is deployed, as far as jobs go.
#[derive(Debug)]
pub struct Destinations {
    pub deployed: Deployed,
    /// The command that deploys it.
    deploy: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    pub bucket: String,
    /// The watched prefix, with a slash at its end; of files that a stage gets, what their keys begin with.
    pub prefix: String,
    /// Which of the files under it are meant.
    pub only: Only,
    /// Whether the bucket was there already, and has none of the environment's settings.
    pub is_somebody_elses: bool,
}

/// The queues of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queues {
    pub stage: String,
    /// The URL of its queue.
    pub queue: String,
    /// The URL of its dead-letter queue.
    pub dead_letters: String,
    /// The URL of its queue for replies, where it has one.
    pub replies: Option<String>,
}

impl Destinations {
    /// Finds them. `deploy`: the command that deploys the environment.
    ///
    /// # Errors
    /// A failure when the environment isn't deployed, or AWS can't be asked.
    pub async fn find(cloud: &Cloud, environment: &str, deploy: String) -> Result<Destinations> {
        Ok(Destinations {
            deployed: Deployed::require(cloud, environment, &deploy).await?,
            deploy,
        })
    }

    /// Where files go.
    ///
    /// # Errors
    /// Usage when the environment has no bucket; a failure when its stack doesn't say where files go.
    pub fn intake(&self) -> Result<Intake> {
        let environment = &self.deployed.address.environment;
        let Some(found) = self.deployed.part("intake") else {
            return Err(
                Error::usage(format!("{environment} has no bucket that files could be sent to")).with_help(format!(
                    "send job bodies to a stage's queue with --stage; its stages: {}",
                    names(&self.stages())
                )),
            );
        };
        match (output(found, outputs::BUCKET), output(found, outputs::UPLOADS_PREFIX)) {
            (Some(bucket), Some(prefix)) => Ok(Intake {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
                only: Only::default(),
                is_somebody_elses: found.existing_bucket().is_some(),
            }),
            _ => Err(without_outputs(found, "where files go")),
        }
    }

    /// What the keys of files begin with that are done; none where the stack doesn't say it yet.
    pub fn processed(&self) -> Option<&str> {
        output(self.deployed.part("intake")?, outputs::PROCESSED_PREFIX)
    }

    /// The files of the bucket that a stage gets.
    ///
    /// # Errors
    /// As of [`Destinations::intake`].
    pub fn files_of(&self, stage: &str) -> Result<Intake> {
        let mut intake = self.intake()?;
        let found = self.deployed.part(stage).and_then(Stage::of);
        intake.only = found.and_then(|stage| stage.only).unwrap_or_default();
        if let Some(prefix) = &intake.only.prefix {
            prefix.clone_into(&mut intake.prefix);
        }
        Ok(intake)
    }

    /// The queues of this stage, or of the only one.
    ///
    /// # Errors
    /// Usage when there is no such stage, or none is named of several; a failure when its stack doesn't name its queues.
    pub fn queues(&self, stage: Option<&str>) -> Result<Queues> {
        let environment = &self.deployed.address.environment;
        let stages = self.stages();
        let found = match (stage, stages.as_slice()) {
            (Some(stage), _) => match self.deployed.part(stage) {
                Some(found) if Stage::is_in(&found.stack) || !found.stack.status.is_well() => found,
                _ => {
                    return Err(no_such_stage(environment, stage, &names(&stages)));
                }
            },
            (None, [only]) => only,
            (None, []) => {
                return Err(Error::failed(format!("{environment} has no stage yet"))
                    .with_help(format!("deploy it first: {}", self.deploy)));
            }
            (None, _) => {
                return Err(Error::usage(format!("{environment} has several stages: name one"))
                    .with_help(format!("its stages: {}", names(&stages))));
            }
        };
        match Stage::of(found) {
            Some(Stage {
                name: stage,
                queue_url: queue,
                dead_letter_queue_url: Some(dead_letters),
                replies,
                ..
            }) => Ok(Queues {
                stage,
                queue,
                dead_letters,
                replies: replies.map(|replies| replies.queue_url),
            }),
            _ => Err(without_outputs(found, "its queues")),
        }
    }

    /// The queues of a stage that gets the bucket's events.
    ///
    /// # Errors
    /// As of [`Destinations::queues`], and usage when something else feeds the stage.
    pub fn fed_by_bucket(&self, stage: &str) -> Result<Queues> {
        let queues = self.queues(Some(stage))?;
        let fed: Vec<&DeployedStack> = self
            .stages()
            .into_iter()
            // Such a stage is given the topic that the bucket tells of new objects.
            .filter(|found| Stage::of(found).is_some_and(|stage| stage.topic.is_some()))
            .collect();
        if fed.iter().any(|fed| fed.part == stage) {
            return Ok(queues);
        }
        Err(Error::usage(format!(
            "the bucket doesn't feed the stage `{stage}`: it isn't told of files"
        ))
        .with_help(format!("stages that it feeds: {}", names(&fed))))
    }

    /// What is to be known before files with these keys are uploaded: those that no stage gets.
    pub fn for_no_stage(&self, keys: impl Iterator<Item = String>) -> Option<String> {
        let stages = Stage::all(&self.deployed);
        let choices = choices(&stages)?;
        let mut all = 0_usize;
        let none = keys.inspect(|_| all += 1);
        let none: Vec<String> = none.filter(|key| !choices.iter().any(|only| only.takes(key))).collect();
        let example = none.first()?;
        let what = match (none.len(), all) {
            (1, 1) => "the file is".to_owned(),
            (one, all) if one == all => format!("all {all} files are"),
            (1, all) => format!("1 of {all} files is"),
            (some, all) => format!("{some} of {all} files are"),
        };
        Some(format!(
            "{what} for no stage, such as {example}: nothing happens to what no stage's `only` names"
        ))
    }

    fn stages(&self) -> Vec<&DeployedStack> {
        self.deployed
            .stacks
            .iter()
            .filter(|found| Stage::is_in(&found.stack))
            .collect()
    }
}

/// The error of a stage that an environment doesn't have; `stages`: those that it has.
pub fn no_such_stage(environment: &str, stage: &str, stages: &str) -> Error {
    Error::usage(format!("{environment} has no stage `{stage}`")).with_help(format!("its stages: {stages}"))
}

fn output<'a>(stack: &'a DeployedStack, key: &str) -> Option<&'a str> {
    stack.stack.outputs.get(key).map(String::as_str)
}

fn without_outputs(stack: &DeployedStack, what: &str) -> Error {
    Error::failed(format!(
        "{} is {} and doesn't say {what}",
        stack.stack.name, stack.stack.status
    ))
    .with_help("bring it up to date first: qfleet deploy")
}

/// `move, fingerprint`, or `none`.
fn names(stages: &[&DeployedStack]) -> String {
    let mut names: Vec<&str> = stages.iter().map(|stage| stage.part.as_str()).collect();
    names.sort_unstable();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}
