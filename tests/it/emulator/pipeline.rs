//! The pipelines that `qfleet init` writes: their shell steps, run as each system runs them, on the emulator.

mod codebuild;
mod github;
mod gitlab;
mod keywords;

use std::path::Path;
use std::process::{Command, Output as Ended, Stdio};

use serde_yaml::Value;

use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::{Aws, Output, Test, tools_path};

/// A repository as `init` leaves it, with a region in its environment file, and what it is deployed to.
struct Repository {
    written: Output,
    account: String,
    endpoint: String,
    /// The pipeline's file.
    pipeline: Value,
}

/// A step that ran: its name, its exit code, and all that it said.
type Step = (String, i32, String);

const ACCOUNT: &str = "111122223333";

impl Repository {
    fn new(pipeline: &str, file: &str, account: &str, endpoint: &str) -> Self {
        let written = Test::new()
            .args(["init", "--name", "lab", "--pipeline", pipeline])
            .run();
        let environment = written.path("stacks/lab.yaml");
        let text = written.read("stacks/lab.yaml");
        // The emulator knows AWS's public images only in part, and can't say which zones offer a type.
        let changes = [
            ("# region: us-east-2", "region: us-east-2"),
            (
                "types: [t4g.small]",
                "image: ami-0123456789abcdef0\n        types: [t4g.small]",
            ),
            ("zones: all ", "zones: [us-east-2a, us-east-2b] "),
        ];
        let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
        std::fs::write(&environment, text).expect("written");
        let bin = written.path("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let qfleet = Path::new(assert_cmd::cargo::cargo_bin!("qfleet"));
        std::os::unix::fs::symlink(qfleet, bin.join("qfleet")).expect("a link to the tested binary");
        let pipeline = serde_yaml::from_str(&written.read(file)).expect("YAML");
        Repository {
            written,
            account: account.into(),
            endpoint: endpoint.into(),
            pipeline,
        }
    }

    /// A script for bash with these options, in the repository, with what a login to AWS leaves behind.
    fn bash(&self, options: &[&str], name: &str, script: &str) -> Command {
        let file = self.written.path(name);
        std::fs::write(&file, script).expect("the step's script");
        shellcheck(&file);
        let tools = tools_path();
        let folders = std::iter::once(self.written.path("bin")).chain(std::env::split_paths(&tools));
        let mut command = Command::new("bash");
        command
            .args(options)
            .arg(&file)
            .current_dir(self.written.folder())
            .env_clear();
        command
            .env("PATH", std::env::join_paths(folders).expect("a PATH"))
            .env("HOME", self.written.path("home"))
            .env("CI", "true")
            // The emulator takes the key id for the account.
            .env("AWS_REGION", "us-east-2")
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .stdin(Stdio::null());
        command
    }

    /// Another tag on everything.
    fn change(&self) {
        let file = self.written.path("stacks/lab.yaml");
        let text = self.written.read("stacks/lab.yaml");
        let changed = text.replacen("  project: lab\n", "  project: other\n", 1);
        assert_ne!(text, changed, "the file has no such tag");
        std::fs::write(file, changed).expect("written");
    }

    fn stacks(&self) -> Vec<String> {
        let stacks = async {
            let aws = Aws::new(&self.account, "us-east-2");
            aws.cloudformation.describe_stacks().send().await.expect("stacks")
        };
        let found = tokio::runtime::Runtime::new().expect("a runtime").block_on(stacks);
        let describe = |stack: &aws_sdk_cloudformation::types::Stack| {
            let status = stack.stack_status().map_or("", |status| status.as_str());
            format!("{} {status}", stack.stack_name().unwrap_or_default())
        };
        let mut stacks: Vec<String> = found.stacks().iter().map(describe).collect();
        stacks.sort();
        stacks
    }
}

/// Where a stack of `lab` is stuck: its plan is refused.
fn refusing() -> Endpoint {
    let stuck = Existing::new("lab-intake", "UPDATE_ROLLBACK_FAILED");
    let stuck = stuck.tag("qfleet:environment", "lab").tag("qfleet:part", "intake");
    Endpoint::serve(Script::new().existing(stuck))
}

/// What a plan of that says.
const REFUSED: &str = "**It can't be deployed like this:** lab-intake is UPDATE";

fn in_status(status: &str) -> [String; 4] {
    ["artifacts", "dashboard", "intake", "work"].map(|part| format!("lab-{part} {status}"))
}

fn said(ended: Ended) -> (i32, String) {
    let texts = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (ended.status.code().unwrap_or(-1), texts.concat())
}

fn outline(ran: &[Step]) -> Vec<(&str, i32)> {
    ran.iter().map(|(name, code, _)| (name.as_str(), *code)).collect()
}

/// A list of commands, one after the other.
fn commands(list: &Value) -> String {
    let lines = list.as_sequence().into_iter().flatten();
    let lines = lines.map(|line| line.as_str().expect("a command").trim_end().to_owned() + "\n");
    lines.collect()
}

fn shellcheck(file: &Path) {
    let ended = Command::new("shellcheck")
        .args(["--shell", "bash"])
        .arg(file)
        .env("PATH", tools_path())
        .output()
        .expect("shellcheck runs");
    let (code, said) = said(ended);
    assert_eq!(code, 0, "{said}");
}
