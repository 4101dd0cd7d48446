//! Every command that talks to AWS, each with an environment for it.

use std::fmt;
use std::sync::LazyLock;

use crate::endpoint::{Endpoint, Script, ScriptedGroup};
use crate::harness::Test;
use crate::lab::{self, LAB};
use crate::scripted::results;

/// A command and what it needs.
#[derive(Clone, Copy)]
pub struct Run {
    pub args: &'static [&'static str],
    /// What is there before it.
    pub before: Before,
    /// Whether it has `--timeout`.
    pub has_timeout: bool,
    /// Whether it is run without its `--yes`.
    pub asks: bool,
}

/// What says nothing to a service of AWS, and to the emulator only whether it runs.
pub const WITHOUT_CALLS: [&str; 14] = [
    "init",
    "check",
    "render",
    "graph",
    "iam",
    "schema",
    "completions",
    "man",
    "local start",
    "local stop",
    "local status",
    "local down",
    "local install",
    "local uninstall",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// The environment, as the command's file says.
    Deployed,
    /// The environment, which differs from its file.
    Changed,
    /// A stage whose update couldn't be rolled back.
    Stuck,
    /// The environment, whose lifetime is over.
    Expired,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "qfleet {}", self.args.join(" "))
    }
}

const fn run(args: &'static [&'static str], before: Before, has_timeout: bool) -> Run {
    Run {
        args,
        before,
        has_timeout,
        asks: false,
    }
}

pub const ALL: [Run; 33] = [
    run(&["doctor", "lab.yaml"], Before::Nothing, false),
    run(&["plan", "lab.yaml"], Before::Nothing, false),
    run(&["plan", "lab.yaml"], Before::Changed, false),
    run(&["deploy", "lab.yaml", "--yes"], Before::Nothing, true),
    run(&["deploy", "lab.yaml", "--yes"], Before::Changed, true),
    run(&["destroy", "lab.yaml", "--yes"], Before::Deployed, true),
    run(&["recover", "lab.yaml", "--yes"], Before::Stuck, true),
    run(&["drift", "lab.yaml"], Before::Deployed, false),
    run(&["drift", "lab.yaml", "--revert", "--yes"], Before::Deployed, true),
    run(&["status", "lab.yaml"], Before::Deployed, false),
    run(
        &["status", "lab.yaml", "--watch", "--interval", "1"],
        Before::Deployed,
        false,
    ),
    run(&["list"], Before::Deployed, false),
    run(&["list", "--all-regions"], Before::Deployed, false),
    run(&["events", "lab.yaml"], Before::Deployed, false),
    run(&["events", "lab.yaml", "--follow"], Before::Deployed, false),
    run(&["logs", "lab.yaml"], Before::Deployed, false),
    run(&["logs", "lab.yaml", "--follow"], Before::Deployed, false),
    run(&["files", "lab.yaml"], Before::Deployed, false),
    run(
        &["files", "lab.yaml", "--link", "processed/a.txt"],
        Before::Deployed,
        false,
    ),
    run(
        &["files", "lab.yaml", "--get", "processed/a.txt"],
        Before::Deployed,
        false,
    ),
    run(&["kill-worker", "lab.yaml", "--drain", "--yes"], Before::Deployed, true),
    run(&["outputs", "lab.yaml"], Before::Deployed, false),
    run(&["results", "lab.yaml"], Before::Deployed, false),
    run(&["extend", "lab.yaml", "2h"], Before::Deployed, false),
    run(&["reap", "--yes"], Before::Deployed, false),
    run(&["reap", "--yes"], Before::Expired, false),
    run(&["send", "lab.yaml", "lab.yaml"], Before::Deployed, false),
    run(
        &["send", "lab.yaml", "--stage", "work", "lab.yaml"],
        Before::Deployed,
        false,
    ),
    run(&["backfill", "lab.yaml", "work", "--yes"], Before::Deployed, false),
    run(&["dlq", "sample", "lab.yaml"], Before::Deployed, false),
    run(&["dlq", "redrive", "lab.yaml"], Before::Deployed, false),
    run(&["dlq", "purge", "lab.yaml", "--yes"], Before::Deployed, false),
    run(&["local", "up", "lab.yaml"], Before::Deployed, false),
];

/// The group of its stage.
pub fn group(endpoint: &Endpoint) -> String {
    endpoint.world(|world| {
        let work = world.find("lab-work").expect("the stack");
        world.stacks[work].outputs["GroupName"].clone()
    })
}

/// The environment with a lifetime, so that it can be extended and reaped.
fn file(run: Run) -> String {
    let file = LAB.replace("bucket:", "account: \"111122223333\"\nlifetime: 8h\nbucket:");
    match run.before {
        Before::Changed => file.replace("2m", "3m"),
        _ => file,
    }
}

impl Run {
    /// An endpoint as it is before the command.
    pub fn endpoint(self) -> Endpoint {
        static DEPLOYED: LazyLock<Endpoint> = LazyLock::new(|| {
            let endpoint = Endpoint::serve(Script::new());
            let deploy = run(&["deploy", "lab.yaml", "--yes"], Before::Deployed, true);
            deploy.at(&endpoint).run();
            let fleet = ScriptedGroup::new(&group(&endpoint), &["us-east-2a:i-01", "us-east-2b:i-02"]);
            endpoint.rescript(|script| script.group(fleet));
            endpoint.world(|world| world.calls.clear());
            endpoint
        });
        if self.before == Before::Nothing {
            return Endpoint::serve(Script::new());
        }
        let endpoint = DEPLOYED.copy();
        if self.before == Before::Stuck {
            endpoint.world(|world| {
                let work = world.find("lab-work").expect("the stack");
                world.set_status(work, "UPDATE_ROLLBACK_FAILED", None);
            });
        }
        if self.args[0] == "results" {
            return results::lab(Script::new(), &[("uploads/a.txt", "work", "done", 1)]);
        }
        if self.args[0] == "files" {
            endpoint.world(|world| {
                let intake = world.find("lab-intake").expect("the stack");
                let bucket = world.stacks[intake].outputs["BucketName"].clone();
                world.services.put_object(&bucket, "processed/a.txt", "a");
            });
        }
        if self.args[0] == "local" {
            endpoint.rescript(Script::takes_metrics_of_aws);
        }
        if self.before == Before::Expired {
            endpoint.world(|world| {
                let past = "2020-01-01T00:00:00Z";
                world.services.set_parameter("/qfleet/lab/expires", past);
            });
        }
        endpoint
    }

    /// Whether it goes on until it is ended.
    pub fn is_endless(self) -> bool {
        ["--watch", "--follow", "up"]
            .iter()
            .any(|word| self.args.contains(word))
    }

    /// In which form it shows its result here.
    pub fn form(self) -> [&'static str; 2] {
        ["--output", if self.is_endless() { "jsonl" } else { "json" }]
    }

    /// The command.
    pub fn at(self, endpoint: &Endpoint) -> Test {
        let is_local = self.args[0] == "local";
        let emulator = is_local.then(|| ["--endpoint-url", endpoint.url()]);
        lab::with_file_at(endpoint, &file(self))
            .env("AWS_REGION", "us-east-2")
            .args(emulator.into_iter().flatten())
            .args(self.args.iter().copied().filter(|arg| !self.asks || *arg != "--yes"))
    }
}
