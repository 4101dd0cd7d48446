//! What `deploy` says when it is done: what to do with an environment that is new, and what its local fleet does about a
//! change.

use std::path::PathBuf;

use super::global::{Env, Global};
use crate::engine::event::Operation;
use crate::engine::outcome::{Outcome, Report};
use crate::environment::{Environment, Stage, WorkersKind};
use crate::local::fleet;
use crate::report;
use crate::report::next::{self, Trial, TryWith};
use crate::shell;

/// Says it on standard error.
pub fn tell(global: &Global, env: &Env, environment: &Environment, report: &Report) {
    let runs = global.local && fleet::find(&environment.name).is_ok_and(|fleet| fleet.is_some());
    if is_first(report) {
        report::note(&next(global, env, environment, runs));
    } else if runs && report.stacks.iter().any(|stack| was(Operation::Update, &stack.outcome)) {
        let watch = global.with_whereabouts(&format!("qfleet status {} --watch", env.words()));
        report::note(&report::fleet::follows(&environment.name, &watch));
    }
}

fn was(wanted: Operation, outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { operation, .. } if *operation == wanted)
}

/// Whether all of it was made just now.
fn is_first(report: &Report) -> bool {
    let mut stacks = report.stacks.iter();
    !report.stacks.is_empty() && stacks.all(|stack| was(Operation::Create, &stack.outcome))
}

/// The way from here to work that is done.
fn next(global: &Global, env: &Env, environment: &Environment, runs: bool) -> String {
    let mut programs = environment.instances().filter_map(|(_, of)| of.program.as_ref());
    let waits_for_workers = global.local && programs.next().is_some() && !runs;
    let file = sendable(environment);
    let trial = Trial {
        environment: &env.words(),
        whereabouts: &global.whereabouts(),
        has_instances: waits_for_workers,
        try_with: try_with(environment, file.as_deref()),
    };
    let why = match waits_for_workers {
        true => " No worker runs yet: the emulator starts none, `local up` does.",
        false => "",
    };
    format!("Next:{why}\n{}", next::text(&trial.steps()).trim_end())
}

/// What the workers can be tried with: `file`, if one is known that they take.
fn try_with<'a>(environment: &'a Environment, file: Option<&'a str>) -> TryWith<'a> {
    let by_hand = fed_by(environment, None).filter(|_| fed_by(environment, BUCKET).is_none());
    match (file, by_hand) {
        (Some(file), _) => TryWith::File(file),
        (None, None) => TryWith::OwnFile,
        (None, Some(stage)) if work_of_init(environment, stage).is_some() => TryWith::Message(&stage.name),
        (None, Some(stage)) => TryWith::OwnMessage(&stage.name),
    }
}

const BUCKET: Option<&str> = Some("bucket");

fn fed_by<'a>(environment: &'a Environment, by: Option<&str>) -> Option<&'a Stage> {
    environment.stages.iter().find(|stage| stage.from.as_deref() == by)
}

/// A file that the workers can be tried with, as a word of a command: that of the program which `init` wrote, since that
/// program takes any file. What others take, only their owner knows.
fn sendable(environment: &Environment) -> Option<String> {
    let stage = fed_by(environment, BUCKET)?;
    let file = work_of_init(environment, stage)?;
    let key = format!("{}{WORK}", environment.bucket.as_ref()?.uploads);
    let gets_it = stage.only.as_ref().is_none_or(|only| only.takes(&key));
    gets_it.then(|| shell::word(&file.to_string_lossy()))
}

/// Where `init` writes what is done with a file or a message, in the program's folder.
const WORK: &str = "work.py";

fn work_of_init(environment: &Environment, stage: &Stage) -> Option<PathBuf> {
    let program = match stage.workers.kind()? {
        WorkersKind::Instances(instances) => instances.program.as_deref()?,
        WorkersKind::Function(lambda) => &lambda.program,
    };
    let file = environment.program_folder(program).join(WORK);
    file.is_file().then_some(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::environment;

    #[test]
    fn workers_are_tried_with_what_they_are_known_to_take() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(&path, text).expect("written");
            path
        };
        for path in ["own/run", "worker/run", "worker/work.py"] {
            let executable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(put(path, ""), executable).expect("executable");
        }
        let file = folder.path().join("worker/work.py").to_string_lossy().into_owned();
        let bucket = "bucket: {}\n";
        let stage = |program: &str, of: &str| {
            format!("  - {{name: work{of}, workers: {{instances: {{program: ../{program}, types: [t4g.small]}}}}}}\n")
        };
        for (head, stages, wanted) in [
            (bucket, stage("worker", ", from: bucket"), TryWith::File(&file)),
            (bucket, stage("own", ", from: bucket"), TryWith::OwnFile),
            (
                bucket,
                stage("worker", ", from: bucket, only: {suffix: [.jpg]}"),
                TryWith::OwnFile,
            ),
            (
                bucket,
                stage("worker", ", from: bucket, only: {suffix: [.py]}"),
                TryWith::File(&file),
            ),
            ("", stage("worker", ""), TryWith::Message("work")),
            ("", stage("own", ""), TryWith::OwnMessage("work")),
            // A bucket that feeds nobody.
            (bucket, stage("own", ""), TryWith::OwnMessage("work")),
        ] {
            let text = format!("name: lab\n{head}stages:\n{stages}");
            let path = put("stacks/lab.yaml", &text);
            let environment = environment::load(&path).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
            let sendable = sendable(&environment);
            assert_eq!(try_with(&environment, sendable.as_deref()), wanted, "{text}");
        }
    }
}
