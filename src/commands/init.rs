//! `qfleet init [DIR]`

mod answers;
mod ask;
mod files;
mod there;
mod wrong;

use std::path::{Path, PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::Global;
use super::name_option::environment_name;
use super::numbers::whole;
use crate::cloud;
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::report;
use crate::report::form::Output;
use crate::report::init::WorksOn;
use answers::{Answers, Kind, Pipeline, Source};
use wrong::wrong;

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "In a terminal, without any of these options, it asks. Nothing is ever overwritten: a file that \
                  exists stays as it is and is named, and the exit code is 0 all the same. A second \
                  environment in a folder shares the worker of the first one; where that is of another kind, nothing is \
                  written (exit code 2).\n\n\
                  Examples:\n  \
                  qfleet init\n  \
                  qfleet init photos --name photo-lab\n  \
                  qfleet init thumbnails --workers lambda --from existing-bucket --bucket team-archive\n  \
                  cd photos && qfleet deploy photo-lab --local"
)]
pub struct Init {
    /// Folder to write to; made if it doesn't exist
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Name of the environment, the first part of everything it makes [default: lab]
    #[arg(long, value_name = "NAME", value_parser = environment_name)]
    name: Option<String>,
    /// What does the work: instances (of EC2) or lambda (a function) [default: instances]
    #[arg(long, value_name = "KIND", value_enum, hide_possible_values = true)]
    workers: Option<Kind>,
    /// Where work comes from: new-bucket, existing-bucket or messages (no files) [default: new-bucket]
    #[arg(long, value_name = "SOURCE", value_enum, hide_possible_values = true)]
    from: Option<Source>,
    /// The existing bucket; --from existing-bucket needs it
    #[arg(long, value_name = "BUCKET")]
    bucket: Option<String>,
    /// Make a lab, which expires after this long [default: 8h]
    #[arg(long, value_name = "TIME")]
    lifetime: Option<Duration>,
    /// Make something that stays, instead of a lab: protected from being deleted
    #[arg(long, conflicts_with = "lifetime")]
    protect: bool,
    /// Most instances [default: 4], or most runs of the function at the same time [default: 10]
    #[arg(long, value_name = "NUMBER", value_parser = whole::<u32>(1..=1000, 4))]
    max: Option<u32>,
    /// Pipeline to write: github, gitlab, codebuild or none [default: github]
    #[arg(long, value_name = "PIPELINE", value_enum, hide_possible_values = true)]
    pipeline: Option<Pipeline>,
    /// Address that gets a mail when something is wrong [default: nobody]
    #[arg(long, value_name = "EMAIL")]
    alerts: Option<String>,
    /// Ask nothing, and take the default of each option that isn't given
    #[arg(long, visible_alias = "yes")]
    defaults: bool,
}

/// The JSON form of the result is a list of these, or one a line.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entry<'a> {
    path: &'a Path,
    /// Whether it's new; if not, it was there and stays as it was.
    written: bool,
}

impl Init {
    pub fn run(self, global: &Global) -> Result<()> {
        let may_ask = !self.defaults && global.output == Output::Text && report::ask::is_possible();
        let asks = may_ask && !self.has_answers(global);
        let given = self.given()?;
        let (profile, named) = (global.profile.clone(), global.region.clone());
        let answers = global.run(None, async |interrupt| {
            let region = match named {
                Some(region) => Some(region),
                None => {
                    let known = async { Ok::<_, Error>(cloud::region_by_default(profile).await) };
                    interrupt.unless_stopped(known).await?
                }
            };
            let answers = Answers { region, ..given };
            if asks {
                ask::all(interrupt, answers).await
            } else if may_ask && answers.lack_a_bucket() {
                ask::bucket(interrupt, answers).await
            } else {
                Ok(answers)
            }
        })?;
        if let Some(wrong) = wrong(&answers)? {
            return Err(wrong.error());
        }
        if let Some(clash) = there::clash(&self.folder, &answers) {
            return Err(clash);
        }
        let files = files::write(&self.folder, &answers)?;
        let entries = || {
            files.iter().map(|(path, written)| Entry {
                path,
                written: *written,
            })
        };
        let end = report::init::End {
            files: &files,
            folder: &self.folder,
            environment: &answers.name,
            works_on: match answers.from {
                Source::NewBucket => WorksOn::Files,
                Source::ExistingBucket => WorksOn::FilesThere,
                Source::Messages => WorksOn::Messages,
            },
            has_instances: answers.workers == Kind::Instances,
            is_protected: answers.lifetime.is_none(),
            lab: answers.lab_with_pipeline(),
            pipeline: answers
                .pipeline
                .file()
                .filter(|file| files.iter().any(|(path, written)| *written && path.ends_with(file))),
            another: there::unnamed(&self.folder, &answers).map(|file| report::init::Another {
                file,
                add: answers.pipeline.takes_another(&answers.name),
            }),
            astray: answers.pipeline.file().and_then(|file| astray(file, &self.folder)),
            again: asks.then(|| answers.command(&self.folder)),
        };
        if global.output != Output::Text {
            // What is printed is for a program.
            report::init::to_know(&end).iter().for_each(|text| report::note(text));
        }
        match global.output {
            Output::Text => report::text(&report::init::text(&end)),
            Output::Json => report::json(&entries().collect::<Vec<_>>()),
            Output::Jsonl => entries().for_each(|entry| report::json_line(&entry)),
        }
        Ok(())
    }

    /// Whether the command line answers something: then it is a script's, or somebody's who knows what to answer.
    fn has_answers(&self, global: &Global) -> bool {
        self.defaults
            || self.protect
            || global.region.is_some()
            || self.name.is_some()
            || self.workers.is_some()
            || self.from.is_some()
            || self.bucket.is_some()
            || self.lifetime.is_some()
            || self.max.is_some()
            || self.pipeline.is_some()
            || self.alerts.is_some()
    }

    /// What the command line says, and the defaults of the rest.
    fn given(&self) -> Result<Answers> {
        let from = match (self.from, &self.bucket) {
            (Some(from @ (Source::NewBucket | Source::Messages)), Some(_)) => {
                let from = from.word();
                return Err(
                    Error::usage(format!("--bucket names a bucket that is there, and --from is {from}"))
                        .with_help("leave --bucket out, or say --from existing-bucket"),
                );
            }
            (None, Some(_)) => Source::ExistingBucket,
            (from, _) => from.unwrap_or(Source::NewBucket),
        };
        let workers = self.workers.unwrap_or(Kind::Instances);
        Ok(Answers {
            name: self.name.clone().unwrap_or_else(|| "lab".to_owned()),
            region: None,
            workers,
            from,
            bucket: self.bucket.clone(),
            lifetime: (!self.protect).then(|| self.lifetime.unwrap_or(answers::LIFETIME)),
            max: self.max.unwrap_or(workers.max()),
            pipeline: self.pipeline.unwrap_or(Pipeline::Github),
            alerts: self.alerts.clone(),
        })
    }
}

/// Whether the folder is below the top of a repository, where a pipeline's file isn't looked for.
fn astray<'a>(file: &'a str, folder: &Path) -> Option<report::init::Astray<'a>> {
    let folder = folder.canonicalize().ok()?;
    let top = folder.ancestors().find(|above| above.join(".git").exists())?;
    let below = folder
        .strip_prefix(top)
        .ok()
        .filter(|below| !below.as_os_str().is_empty())?;
    Some(report::init::Astray {
        file,
        top: top.to_owned(),
        below: below.to_owned(),
    })
}
