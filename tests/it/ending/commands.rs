//! Every command that talks to AWS, each with an environment for it.

use std::fmt;
use std::sync::LazyLock;

use crate::endpoint::{Endpoint, Script};
use crate::harness::Test;
use crate::lab::{self, LAB};

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

pub const ALL: [Run; 19] = [
    run(&["plan", "lab.yaml"], Before::Nothing, false),
    run(&["plan", "lab.yaml"], Before::Changed, false),
    run(&["deploy", "lab.yaml", "--yes"], Before::Nothing, true),
    run(&["deploy", "lab.yaml", "--yes"], Before::Changed, true),
    run(&["destroy", "lab.yaml", "--yes"], Before::Deployed, true),
    run(&["recover", "lab.yaml", "--yes"], Before::Stuck, true),
    run(&["drift", "lab.yaml"], Before::Deployed, false),
    run(&["drift", "lab.yaml", "--revert", "--yes"], Before::Deployed, true),
    run(&["status", "lab.yaml"], Before::Deployed, false),
    run(&["list"], Before::Deployed, false),
    run(&["events", "lab.yaml"], Before::Deployed, false),
    run(&["outputs", "lab.yaml"], Before::Deployed, false),
    run(&["extend", "lab.yaml", "2h"], Before::Deployed, false),
    run(&["reap", "--yes"], Before::Deployed, false),
    run(&["send", "lab.yaml", "lab.yaml"], Before::Deployed, false),
    run(
        &["send", "lab.yaml", "--stage", "work", "lab.yaml"],
        Before::Deployed,
        false,
    ),
    run(&["backfill", "lab.yaml", "work", "--yes"], Before::Deployed, false),
    run(&["dlq", "sample", "lab.yaml"], Before::Deployed, false),
    run(&["dlq", "purge", "lab.yaml", "--yes"], Before::Deployed, false),
];

/// The environment with a lifetime, so that it can be extended and reaped.
fn file(run: Run) -> String {
    let file = LAB.replace("bucket:", "lifetime: 8h\nbucket:");
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
        endpoint
    }

    /// The command.
    pub fn at(self, endpoint: &Endpoint) -> Test {
        lab::with_file_at(endpoint, &file(self))
            .env("AWS_REGION", "us-east-2")
            .args(self.args.iter().copied().filter(|arg| !self.asks || *arg != "--yes"))
    }
}
