//! What is in the folder already. A second environment may share the worker of the first one, but only one of its own
//! kind: files of two kinds in one folder would be packed together, and neither would be what its file says.

use std::fs;
use std::path::Path;

use super::answers::{Answers, Kind, Source};
use super::files;
use crate::commands::near;
use crate::environment::{self, Environment};
use crate::error::Error;

/// The folder of the worker, as the environment file names it.
const PROGRAM: &str = "../worker";
/// What a worker of each kind begins with.
const INSTANCES: &str = "worker/run";
const FUNCTION: &str = "worker/handler.py";

/// Why nothing may be written there: what is in it is for another kind of worker. Reads only.
pub fn clash(folder: &Path, answers: &Answers) -> Option<Error> {
    let (other, of) = match answers.workers {
        Kind::Instances => (FUNCTION, "a Lambda function"),
        Kind::Lambda => (INSTANCES, "instances"),
    };
    // A link that leads nowhere is somebody's, too.
    if fs::symlink_metadata(folder.join(other)).is_ok() {
        let there = folder.join(other);
        let why = format!(
            "{} is the worker of {of}, and --workers is {}",
            there.display(),
            answers.workers.word()
        );
        return Some(refused(&why));
    }
    environments(folder).find_map(|(file, environment)| {
        let fed = fed_by(&environment, answers.workers)?;
        (fed != kind_of(answers.from)).then(|| {
            refused(&format!(
                "{file} has {fed} done by the program in {}, and --from is {}",
                folder.join("worker").display(),
                answers.from.word()
            ))
        })
    })
}

/// The pipeline's file, where neither it nor one beside it names the environment. Reads only.
pub fn unnamed(folder: &Path, answers: &Answers) -> Option<&'static str> {
    let file = answers.pipeline.file()?;
    let name = files::path_of(answers);
    let names = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.contains(&name));
    let entries = fs::read_dir(folder.join(file).parent()?).ok()?;
    let mut there = entries.flatten().map(|entry| entry.path());
    (!there.any(|file| near::is_yaml(&file) && names(&file))).then_some(file)
}

fn refused(why: &str) -> Error {
    Error::usage(format!("nothing was written: {why}"))
        .with_help("one worker folder can't hold both: write to a folder of its own with `qfleet init FOLDER`")
}

/// What the work of a source is.
fn kind_of(from: Source) -> &'static str {
    match from {
        Source::NewBucket | Source::ExistingBucket => "files",
        Source::Messages => "messages",
    }
}

/// What the program in the worker's folder works on, in an environment that has it.
fn fed_by(environment: &Environment, workers: Kind) -> Option<&'static str> {
    let mut stages = environment.stages.iter();
    let stage = stages.find(|stage| {
        let program = match workers {
            Kind::Instances => stage.workers.instances.as_ref().and_then(|of| of.program.as_deref()),
            Kind::Lambda => stage.workers.lambda.as_ref().map(|of| of.program.as_str()),
        };
        program.is_some_and(|program| program.trim_end_matches('/') == PROGRAM)
    })?;
    Some(match stage.from {
        Some(_) => "files",
        None => "messages",
    })
}

/// The environments that are there and can be read, in the order of their files' names.
fn environments(folder: &Path) -> impl Iterator<Item = (String, Environment)> {
    let mut paths: Vec<_> = near::files_of(folder).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| {
        let environment = environment::load(&path).ok()?;
        Some((path.display().to_string(), environment))
    })
}
