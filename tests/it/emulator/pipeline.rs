//! The GitHub Actions pipeline that `qfleet init` writes: its shell steps, run as a runner runs them.

use std::path::Path;
use std::process::{Child, Command, Output as Ended, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_yaml::Value;

use crate::endpoint::{Endpoint, Script};
use crate::harness::{Aws, Output, Test, account, emulator, tools_path};

/// A repository as `init` leaves it, with a region in its environment file, and what it is deployed to.
struct Repository {
    written: Output,
    account: String,
    endpoint: String,
}

/// A step that ran: its name or script, its exit code, and all that it said.
type Step = (String, i32, String);

impl Repository {
    fn new(account: &str, endpoint: &str) -> Self {
        let written = Test::new().args(["init", "--name", "lab"]).run();
        let file = written.path("stacks/lab.yaml");
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
        std::fs::write(&file, text).expect("written");
        let bin = written.path("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let qfleet = Path::new(assert_cmd::cargo::cargo_bin!("qfleet"));
        std::os::unix::fs::symlink(qfleet, bin.join("qfleet")).expect("a link to the tested binary");
        Repository {
            written,
            account: account.into(),
            endpoint: endpoint.into(),
        }
    }

    /// The shell steps of the pipeline that run on this event: name or script, and the command.
    fn steps(&self, event: &str) -> Vec<(String, Command)> {
        let text = self.written.read(".github/workflows/qfleet.yaml");
        let workflow: Value = serde_yaml::from_str(&text).expect("YAML");
        let job = &workflow["jobs"]["fleet"];
        let all = job["steps"].as_sequence().expect("steps").iter();
        let shell = all.filter(|step| holds(step["if"].as_str(), event) && step["run"].is_string());
        let steps = shell.enumerate().map(|(number, step)| {
            let script = step["run"].as_str().expect("a script");
            assert!(
                !script.contains("${{"),
                "values reach a shell by its environment only: {script}"
            );
            let file = self.written.path(&format!("step-{number}.sh"));
            std::fs::write(&file, script).expect("the step's script");
            let mut command = self.shell(&file);
            for environment in [&workflow["env"], &job["env"], &step["env"]] {
                for (name, value) in environment.as_mapping().into_iter().flatten() {
                    command.env(name.as_str().expect("a name"), value.as_str().expect("a text"));
                }
            }
            (step["name"].as_str().unwrap_or(script).trim().to_owned(), command)
        });
        steps.collect()
    }

    /// The runner's shell where a step names none: `bash -e {0}`
    /// (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>, `defaults.run.shell`).
    fn shell(&self, script: &Path) -> Command {
        let tools = tools_path();
        let folders = std::iter::once(self.written.path("bin")).chain(std::env::split_paths(&tools));
        let mut command = Command::new("bash");
        command
            .arg("-e")
            .arg(script)
            .current_dir(self.written.folder())
            .env_clear();
        command
            .env("PATH", std::env::join_paths(folders).expect("a PATH"))
            .env("HOME", self.written.path("home"))
            .env("CI", "true")
            .env("GITHUB_STEP_SUMMARY", self.written.path("summary.md"))
            // What the step that logs in leaves behind; the emulator takes the key id for the account.
            .env("AWS_REGION", "us-east-2")
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .stdin(Stdio::null());
        command
    }

    /// Runs the steps until one fails, and reads the summary that they wrote.
    fn run(&self, event: &str) -> (Vec<Step>, String) {
        let summary = self.written.path("summary.md");
        std::fs::write(&summary, "").expect("an empty summary");
        let mut ran: Vec<Step> = Vec::new();
        for (name, mut command) in self.steps(event) {
            let (code, said) = said(command.output().expect("the step runs"));
            ran.push((name, code, said));
            if code != 0 {
                break;
            }
        }
        (ran, std::fs::read_to_string(&summary).expect("the summary"))
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

/// The conditions that the steps have; another one is for this test to learn.
fn holds(condition: Option<&str>, event: &str) -> bool {
    match condition {
        None => true,
        // The tested binary stands for the one that was built by an earlier run.
        Some("steps.qfleet.outputs.cache-hit != 'true'") => false,
        Some("github.event_name == 'pull_request'") => event == "pull_request",
        Some("github.event_name == 'push'") => event == "push",
        Some(other) => panic!("a condition that this test doesn't know: {other}"),
    }
}

fn said(ended: Ended) -> (i32, String) {
    let texts = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (ended.status.code().unwrap_or(-1), texts.concat())
}

fn outline(ran: &[Step]) -> Vec<(&str, i32)> {
    ran.iter().map(|(name, code, _)| (name.as_str(), *code)).collect()
}

const CHECK: &str = "qfleet check \"$ENVIRONMENT\"";

#[test]
fn a_pull_request_is_planned_and_what_lands_on_main_is_deployed() {
    let repository = Repository::new(&account(), emulator());
    let (ran, summary) = repository.run("pull_request");
    assert_eq!(outline(&ran), [(CHECK, 0), ("Plan", 0)], "{ran:#?}");
    assert!(summary.starts_with("```\n") && summary.ends_with("```\n"), "{summary}");
    for part in ["lab-intake", "lab-work", "create", "+ Bucket"] {
        assert!(summary.contains(part), "no {part} in {summary}");
    }
    assert!(ran[1].2.contains("lab-intake"), "the log has it, too: {}", ran[1].2);
    assert_eq!(repository.stacks(), [] as [&str; 0], "a plan leaves nothing behind");

    let (ran, summary) = repository.run("push");
    assert_eq!(outline(&ran), [(CHECK, 0), ("Deploy", 0)], "{ran:#?}");
    assert_eq!(summary, "");
    let deployed = ["artifacts", "dashboard", "intake", "work"].map(|part| format!("lab-{part} CREATE_COMPLETE"));
    assert_eq!(repository.stacks(), deployed);

    let (ran, summary) = repository.run("pull_request");
    assert_eq!(outline(&ran), [(CHECK, 0), ("Plan", 0)], "{ran:#?}");
    assert!(summary.contains("Nothing to do"), "{summary}");
}

#[test]
fn a_mistake_ends_the_job_before_aws_is_asked_and_a_plan_that_fails_ends_it_too() {
    // Nobody listens there: whatever asks fails.
    let repository = Repository::new("111122223333", "http://127.0.0.1:1");
    let file = repository.written.path("stacks/lab.yaml");
    let good = repository.written.read("stacks/lab.yaml");
    std::fs::write(&file, good.replace("name: lab", "nmae: lab")).expect("written");
    for event in ["pull_request", "push"] {
        let (ran, _) = repository.run(event);
        assert_eq!(outline(&ran), [(CHECK, 2)], "{ran:#?}");
    }
    // A stack that isn't ours: the plan's exit code gets past the pipe to the summary.
    let endpoint =
        Endpoint::serve(Script::new().existing(crate::endpoint::Existing::new("lab-intake", "CREATE_COMPLETE")));
    let repository = Repository::new("111122223333", endpoint.url());
    let (ran, _) = repository.run("pull_request");
    assert_eq!(outline(&ran), [(CHECK, 0), ("Plan", 4)], "{ran:#?}");
}

/// The runner signals the shell that it started. That must reach qfleet, and stop the update in CloudFormation.
#[test]
fn a_cancelled_job_takes_the_update_back() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-intake", "Bucket", Duration::from_secs(60)));
    let repository = Repository::new("111122223333", endpoint.url());
    let (_, mut deploy) = repository.steps("push").pop().expect("the last step deploys");
    let piped = deploy.stdout(Stdio::piped()).stderr(Stdio::piped());
    let runs: Child = piped.spawn().expect("the step runs");
    endpoint.wait_until("the intake is being made", |world| {
        let found = world.find("lab-intake");
        found.is_some_and(|stack| world.stacks[stack].status == "CREATE_IN_PROGRESS")
    });
    kill(
        Pid::from_raw(i32::try_from(runs.id()).expect("a process id")),
        Signal::SIGINT,
    )
    .expect("signalled");
    let (code, said) = said(runs.wait_with_output().expect("it ends"));
    assert_ne!(code, 0, "{said}");
    assert_eq!(endpoint.status("lab-intake"), None, "{said}");
    assert_eq!(endpoint.status("lab-work"), None, "nothing new was begun: {said}");
}
