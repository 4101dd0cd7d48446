//! What is to be looked into: from how an environment is to what that means and what to do about it. Nothing is read
//! here. What isn't known is no finding.

mod alerts;
mod delivery;
mod existing_bucket;
mod files;
mod fleet;
mod function;
mod local;
mod queue;
mod replication;
mod scaling;
mod stacks;
#[cfg(test)]
mod tests;
mod web;

use super::finding::Finding;
use super::status::Status;
use crate::cloud::AwsCli;
use crate::environment::Delivery;
use crate::shell;

/// How the environment is called in commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Where it may be called by its name: `lab`, `stacks/lab.yaml --name bob`, `--name bob`.
    pub environment: String,
    /// Where its file is needed.
    pub file: String,
    /// The options that say where it is, as they were given: `--local`, `--region us-east-2`; often none.
    pub options: String,
    /// The command that starts its local fleet as it was started last, whole, where that is known.
    pub up: Option<String>,
}

impl Words {
    /// By its file, as it was given, or by its name where the file is lost. A command that needs the file then says
    /// `ENV`, as the help does, and the name, as the file may have another one.
    pub fn new(file: Option<String>, name: &str) -> Words {
        match file {
            Some(file) => Words {
                environment: file.clone(),
                file,
                options: String::new(),
                up: None,
            },
            None => Words {
                environment: format!("--name {name}"),
                file: format!("ENV --name {name}"),
                options: String::new(),
                up: None,
            },
        }
    }

    /// The same with the options that say where it is.
    pub fn with(self, options: String) -> Words {
        Words { options, ..self }
    }

    /// The command that starts its local fleet.
    pub fn up(&self) -> String {
        match &self.up {
            Some(up) => up.clone(),
            None => format!("qfleet local up {} {}", self.file, self.options)
                .trim_end()
                .to_owned(),
        }
    }

    /// The command that says why something failed, in a text.
    fn failed_events(&self) -> String {
        let command = format!(
            "qfleet events {} --failed --since 7d {}",
            self.environment, self.options
        );
        format!("`{}`", command.trim_end())
    }

    /// The command that puts back what was changed of a part; on the emulator, which can't, the one that shows it.
    fn put_back(&self, part: &str) -> String {
        let revert = match shell::has_option(&self.options, "--local") {
            true => "",
            false => " --revert",
        };
        format!("qfleet drift {} --part {part}{revert}", self.environment)
    }
}

/// Everything that is to be looked into, worst first; of the same severity, whole environment and stacks before stages,
/// in their order. `cli`: goes where the environment is.
pub fn of(status: &Status, words: &Words, cli: &AwsCli) -> Vec<Finding> {
    let mut all = stacks::of(status, words);
    all.extend(status.alerts.as_ref().and_then(|found| alerts::of(found, words)));
    let replication = status.replication.as_ref();
    all.extend(replication.and_then(|found| replication::of(found, words)));
    all.extend(status.unclaimed.as_ref().map(|found| files::of(found, words)));
    let changes = |part: &str| {
        let mut own = status.stacks.iter().filter(|stack| stack.part == part);
        own.any(|stack| stack.status.is_in_progress())
    };
    if let Some(bucket) = &status.existing_bucket {
        let mut own = status.stacks.iter().filter(|stack| stack.part == "intake");
        let in_progress = own.any(|stack| stack.status.is_in_progress());
        all.extend(existing_bucket::of(bucket, words).filter(|_| !in_progress));
    }
    let no_fleet = status.local && status.local_fleet.is_none();
    all.extend(local::of(status, words));
    if let Some(web) = &status.web {
        all.extend(web::of(web, changes("web"), no_fleet, words));
    }
    if let Some(delivery) = &status.delivery {
        all.extend(delivery::of(delivery, changes(Delivery::PART), words));
    }
    for stage in &status.stages {
        // What a stack's update does on purpose isn't looked into while it goes on.
        let in_progress = changes(&stage.stage);
        let own_stack = status.stacks.iter().find(|stack| stack.part == stage.stage);
        // A local fleet's schedule goes by a clock of its own.
        let updated = own_stack.and_then(|stack| stack.last_operation.started_at);
        let updated = updated.filter(|_| !status.local);
        all.extend(queue::of(stage, in_progress, no_fleet, words));
        all.extend(fleet::of(stage, in_progress, updated, words, status.at));
        all.extend(function::of(stage, in_progress, words));
        all.extend(scaling::of(stage, words));
    }
    if status.orphans.is_some() {
        // Those that nobody supervises take messages, too.
        all.retain(|finding| finding.id != "no-workers");
    }
    for command in all.iter_mut().filter_map(|finding| finding.command.as_mut()) {
        if command.starts_with("aws ") {
            cli.complete(command);
        } else if !words.options.is_empty() && *command != words.up() {
            *command += &format!(" {}", words.options);
        }
    }
    // Stable: the order of what is equally bad stays.
    all.sort_by_key(|finding| finding.severity);
    all
}
