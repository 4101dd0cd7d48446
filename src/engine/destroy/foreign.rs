//! Who else uses what an environment's stacks put out: asked before anything is deleted.

use std::fmt;

use futures_util::future::join_all;

use crate::blueprint::outputs;
use crate::cloud::sns::{Subscription, SubscriptionId};
use crate::cloud::{AwsCli, Cloud, CloudError};
use crate::deployed::{Deployed, DeployedStack};
use crate::error::{Error, Reason};

/// What was found out about users.
#[derive(Debug, Default)]
pub struct Users {
    /// Who would lose something.
    pub foreign: Vec<Foreign>,
    /// Stacks of the environment that import from another one of it: the part that imports, and the one that exports.
    pub own: Vec<(String, String)>,
    /// What isn't known of a stack, by its name, and why. It stops nothing: CloudFormation itself never deletes an export that
    /// is imported, and whoever may not read subscriptions must still be able to end an environment.
    pub unknown: Vec<(String, String)>,
}

/// A user from outside of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// A stack that imports an export.
    Import {
        /// The stack that exports.
        stack: String,
        export: String,
        /// The stack that imports it.
        importer: String,
    },
    /// A subscription to a topic.
    Subscription {
        /// The stack that the topic belongs to.
        stack: String,
        topic: String,
        arn: String,
        /// `sqs`, `lambda`, `email`, …
        protocol: String,
        /// Where messages go.
        endpoint: String,
        /// Goes where the topic is.
        cli: AwsCli,
    },
}

impl Foreign {
    /// The stack that it uses something of.
    pub fn stack(&self) -> &str {
        match self {
            Foreign::Import { stack, .. } | Foreign::Subscription { stack, .. } => stack,
        }
    }
}

/// Why nothing of what they use was deleted.
pub(super) fn refusal(environment: &str, users: &[Foreign]) -> Error {
    let list: String = users.iter().map(|user| format!("\n  {user}")).collect();
    Error::refused(format!(
        "{environment} is used by others, and nothing was deleted:{list}"
    ))
    .because(Reason::UsedByOthers)
    .with_help("let go of what they use, as named, then run the same command again")
}

impl fmt::Display for Foreign {
    /// What it is, and how it is let go.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreign::Import {
                stack,
                export,
                importer,
            } => write!(
                f,
                "the stack {importer} imports {export} from {stack}: change or delete it first"
            ),
            Foreign::Subscription {
                stack,
                topic,
                arn,
                protocol,
                endpoint,
                cli,
            } => {
                let name = topic.rsplit(':').next().unwrap_or_default();
                // `arn:aws:sns:us-east-2:…`
                let region = topic.split(':').nth(3).unwrap_or_default();
                write!(
                    f,
                    "{endpoint} ({protocol}) is subscribed to the topic {name} of {stack}: {}",
                    cli.in_region(region)
                        .command(&format!("sns unsubscribe --subscription-arn {arn}"))
                )
            }
        }
    }
}

impl Deployed {
    /// The same environment; of stacks that import from each other, the one that imports is taken down first.
    pub fn in_order_of_imports(mut self, users: &Users) -> Deployed {
        for (importer, exporter) in &users.own {
            let importers = self.stacks.iter_mut().filter(|stack| stack.part == *importer);
            importers.for_each(|stack| stack.tags.needs.push(exporter.clone()));
        }
        self
    }
}

/// Asks for each export and each topic of the environment who uses it.
///
/// # Errors
/// When a stack's resources can't be listed.
pub async fn find(cloud: &Cloud, deployed: &Deployed) -> Result<Users, CloudError> {
    let mut users = Users::default();
    let exports = deployed
        .stacks
        .iter()
        .flat_map(|stack| stack.stack.exports.iter().map(move |export| (stack, export)));
    let asked = exports.map(async |(stack, export)| (stack, export, cloud.importers(export).await));
    for (stack, export, importers) in join_all(asked).await {
        match importers {
            Ok(importers) => users.imports(deployed, stack, export, importers),
            Err(error) => {
                let what = format!("whether another stack imports {export}: {error}");
                users.unknown.push((stack.stack.name.clone(), what));
            }
        }
    }
    let mut topics = Vec::new();
    let mut ours = Vec::new();
    for stack in &deployed.stacks {
        for resource in cloud.stack_resources(&stack.stack.id).await? {
            match resource.resource_type.as_str() {
                "AWS::SNS::Topic" => topics.push((&stack.stack, resource.physical_id)),
                "AWS::SNS::Subscription" => ours.push(resource.physical_id),
                _ => {}
            }
        }
    }
    let asked = topics
        .iter()
        .map(async |(stack, topic)| (stack, topic, cloud.subscriptions(topic).await));
    for (stack, topic, subscriptions) in join_all(asked).await {
        match subscriptions {
            Ok(mut all) => {
                // The mailbox for alerts has another subscription than its stack made when it was subscribed again.
                let own = stack.outputs.get(outputs::EMAIL);
                all.retain(|one| one.protocol != "email" || Some(&one.endpoint) != own);
                users.subscribers(cloud, &stack.name, topic, all, &ours);
            }
            Err(error) => {
                let what = format!("whether anybody else is subscribed to {topic}: {error}");
                users.unknown.push((stack.name.clone(), what));
            }
        }
    }
    Ok(users)
}

impl Users {
    fn imports(&mut self, deployed: &Deployed, stack: &DeployedStack, export: &str, importers: Vec<String>) {
        for importer in importers {
            match deployed.stacks.iter().find(|own| own.stack.name == importer) {
                Some(own) => self.own.push((own.part.clone(), stack.part.clone())),
                None => self.foreign.push(Foreign::Import {
                    stack: stack.stack.name.clone(),
                    export: export.to_owned(),
                    importer,
                }),
            }
        }
    }

    fn subscribers(&mut self, cloud: &Cloud, stack: &str, topic: &str, all: Vec<Subscription>, ours: &[String]) {
        for Subscription { id, protocol, endpoint } in all {
            match id {
                SubscriptionId::Arn(arn) if !ours.contains(&arn) => self.foreign.push(Foreign::Subscription {
                    stack: stack.to_owned(),
                    topic: topic.to_owned(),
                    arn,
                    protocol,
                    endpoint,
                    cli: cloud.cli(),
                }),
                // It isn't confirmed: nobody gets anything yet, so nobody loses anything.
                SubscriptionId::Arn(_) | SubscriptionId::Pending | SubscriptionId::Deleted => {}
            }
        }
    }
}
