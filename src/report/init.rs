//! What `init` says.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::next::{self, Step, Trial};
use crate::environment::units::Duration;
use crate::local;
use crate::shell::word;

/// What was done, and what is next.
#[derive(Debug)]
pub struct End<'a> {
    /// The files, each with whether it was written or was there.
    pub files: &'a [(PathBuf, bool)],
    pub folder: &'a Path,
    pub environment: &'a str,
    pub works_on: WorksOn,
    /// Whether instances do the work, which the emulator doesn't start.
    pub has_instances: bool,
    /// Whether the file says `protect: true`.
    pub is_protected: bool,
    /// How long it lives, where a pipeline was written for a lab.
    pub lab: Option<Duration>,
    /// The pipeline's file, where it was written now.
    pub pipeline: Option<&'a str>,
    /// The pipeline that is there and is another environment's.
    pub another: Option<Another<'a>>,
    /// The pipeline's file, where it will not be looked for: the repository begins further up.
    pub astray: Option<Astray<'a>>,
    /// The command that does the same without asking, where it asked.
    pub again: Option<String>,
}

/// What the workers get, as far as it can be tried out on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorksOn {
    Files,
    /// Files in a bucket that the emulator doesn't have.
    FilesThere,
    Messages,
}

/// A pipeline that doesn't name the environment.
#[derive(Debug)]
pub struct Another<'a> {
    pub file: &'a str,
    /// What to do, so that one does.
    pub add: String,
}

/// A pipeline that stands where nobody looks for it.
#[derive(Debug)]
pub struct Astray<'a> {
    pub file: &'a str,
    /// The repository's top.
    pub top: PathBuf,
    /// From there to the folder.
    pub below: PathBuf,
}

pub fn text(end: &End<'_>) -> String {
    let mut out = String::new();
    for (path, written) in end.files {
        let _ = match written {
            true => writeln!(out, "wrote {}", path.display()),
            false => writeln!(out, "kept  {} (it was there)", path.display()),
        };
    }
    for text in to_know(end) {
        let _ = writeln!(out, "\n{}", super::style::wrapped(&text, "", ""));
    }
    out.push_str("\nNext:\n");
    if end.folder != Path::new(".") {
        let _ = writeln!(out, "  cd {}", word(&end.folder.to_string_lossy()));
    }
    let check = Step::new(
        format!("qfleet check {}", end.environment),
        "what can be known without AWS",
    );
    out += &next::text(&[vec![check], here(end)].concat());
    out += "On AWS:\n";
    out += &next::text(&[
        Step::new(
            format!("qfleet doctor {}", end.environment),
            "whether this account can have it",
        ),
        Step::new(format!("qfleet plan {}", end.environment), "what it would make"),
        Step::new(format!("qfleet deploy {}", end.environment), "shows that too, and asks"),
    ]);
    if let Some(again) = &end.again {
        let _ = writeln!(out, "\nThe same without questions:\n  {again}");
    }
    out
}

/// What nobody would expect of the files, and what is still to be done to them.
pub fn to_know(end: &End<'_>) -> Vec<String> {
    let name = end.environment;
    let lab = end.lab.map(|lifetime| {
        format!(
            "{name} is a lab: {lifetime} after its first deploy it has expired, and `qfleet reap` may destroy it, whatever its \
             pipeline does. For something that stays, say --protect; without a pipeline, --pipeline none."
        )
    });
    let pipeline = end.pipeline.map(|file| {
        format!(
            "Before {file} does anything, it needs two roles and some variables: its first lines say which. `qfleet iam {name} --for \
             plan` and `qfleet iam {name} --for deploy` print the policies of the roles."
        )
    });
    let another = end.another.as_ref().map(|Another { file, add }| {
        format!(
            "{file} was there and doesn't name stacks/{name}.yaml: it doesn't deploy {name}. {add} `qfleet iam stacks/{name}.yaml` \
             prints the policies that its roles need."
        )
    });
    let astray = end.astray.as_ref().map(|Astray { file, top, below }| {
        format!(
            "The repository begins at {}, and its pipeline is only looked for there: move {file} to it, and write {}/ before \
             stacks/ in it.",
            top.display(),
            below.display()
        )
    });
    [lab, pipeline, another, astray].into_iter().flatten().collect()
}

/// The way from a folder to work that is done, on this machine.
fn here(end: &End<'_>) -> Vec<Step> {
    let deploy = Step::new(
        format!("qfleet deploy {} --local", end.environment),
        match end.works_on {
            WorksOn::FilesThere => "to an emulator on this machine; it says how to make the bucket there",
            WorksOn::Files | WorksOn::Messages => "to an emulator on this machine",
        },
    );
    let install = Step::new("qfleet local install".to_owned(), "the emulator, once on a machine");
    let mut steps: Vec<Step> = (!local::is_installed()).then_some(install).into_iter().collect();
    steps.push(deploy);
    let trial = Trial {
        environment: end.environment,
        whereabouts: "--local",
        has_instances: end.has_instances,
        try_with: match end.works_on {
            WorksOn::Files | WorksOn::FilesThere => next::TryWith::File("worker/work.py"),
            WorksOn::Messages => next::TryWith::Message("work"),
        },
    };
    steps.extend(trial.steps());
    // It is refused where the file says `protect: true`.
    if !end.is_protected {
        steps.push(Step::new(
            format!("qfleet destroy {} --local", end.environment),
            "take it down; it asks first",
        ));
    }
    steps
}
