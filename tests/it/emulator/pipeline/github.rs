//! GitHub Actions.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_yaml::Value;

use super::{ACCOUNT, Repository, Step, in_status, outline, said};
use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::{account, emulator};

fn repository(account: &str, endpoint: &str) -> Repository {
    let repository = Repository::new("github", ".github/workflows/qfleet.yaml", account, endpoint);
    // Notes what it was called with.
    let gh = "#!/bin/sh\n{ echo \"$@\"; cat; } >> gh.txt\n";
    let path = repository.written.path("bin/gh");
    std::fs::write(&path, gh).expect("written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    repository
}

/// What a workflow run knows: the event, and the outputs of the job `plan`.
struct Run<'a> {
    repository: &'a Repository,
    event: &'a str,
    outputs: BTreeMap<String, String>,
}

impl<'a> Run<'a> {
    fn new(repository: &'a Repository, event: &'a str) -> Self {
        Run {
            repository,
            event,
            outputs: BTreeMap::new(),
        }
    }

    /// What stands in `${{ … }}`; another expression is for this test to learn.
    fn value(&self, text: &str) -> String {
        let Some(expression) = text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")) else {
            assert!(!text.contains("${{"), "{text}");
            return text.to_owned();
        };
        match expression {
            "github.token" => "secret".into(),
            "github.repository" => "somebody/photos".into(),
            "github.event.pull_request.number" => "7".into(),
            "vars.QFLEET_REPOSITORY" | "vars.QFLEET_REVISION" => "given".into(),
            other => match other.strip_prefix("needs.plan.outputs.") {
                Some(output) => self.outputs[output].clone(),
                None => panic!("an expression that this test doesn't know: {other}"),
            },
        }
    }

    /// The conditions that jobs and steps have; another one is for this test to learn.
    fn holds(&self, condition: Option<&str>) -> bool {
        let has_changes = || self.outputs.get("changes").map(String::as_str) == Some("yes");
        match condition {
            None => true,
            // The tested binary stands for the one that was built by an earlier run.
            Some("steps.qfleet.outputs.cache-hit != 'true'") => false,
            Some("github.event_name == 'pull_request'") => self.event == "pull_request",
            Some(own) if own.starts_with("vars.AWS_PLAN_ROLE != '' && (github.event_name == 'push'") => true,
            Some(
                "github.event_name == 'push' && vars.AWS_DEPLOY_ROLE != '' && needs.plan.outputs.changes == 'yes'",
            ) => self.event == "push" && has_changes(),
            Some(other) => panic!("a condition that this test doesn't know: {other}"),
        }
    }

    /// The shell steps of a job that run: name, and the command.
    fn steps(&self, job: &str) -> Vec<(String, Command)> {
        let Repository { written, pipeline, .. } = self.repository;
        let job = &pipeline["jobs"][job];
        if !self.holds(job["if"].as_str()) {
            return Vec::new();
        }
        let all = job["steps"].as_sequence().expect("steps").iter();
        let shell = all.filter(|step| step["run"].is_string() && self.holds(step["if"].as_str()));
        let steps = shell.enumerate().map(|(number, step)| {
            let script = step["run"].as_str().expect("a script");
            assert!(
                !script.contains("${{"),
                "values reach a shell by its environment only: {script}"
            );
            // The runner's shell where a step names none: `bash -e {0}`
            // (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>, `defaults.run.shell`).
            let mut command = self.repository.bash(&["-e"], &format!("step-{number}.sh"), script);
            command
                .env("GITHUB_STEP_SUMMARY", written.path("summary.md"))
                .env("GITHUB_OUTPUT", written.path("output"));
            for environment in [&pipeline["env"], &job["env"], &step["env"]] {
                for (name, value) in environment.as_mapping().into_iter().flatten() {
                    let value = self.value(value.as_str().expect("a text"));
                    command.env(name.as_str().expect("a name"), value);
                }
            }
            (step["name"].as_str().expect("a name").to_owned(), command)
        });
        steps.collect()
    }

    /// Runs the steps of a job until one fails, and reads its outputs.
    fn job(&mut self, job: &str) -> Vec<Step> {
        let written = &self.repository.written;
        std::fs::write(written.path("output"), "").expect("no outputs yet");
        let mut ran: Vec<Step> = Vec::new();
        for (name, mut command) in self.steps(job) {
            let (code, said) = said(command.output().expect("the step runs"));
            ran.push((name, code, said));
            if code != 0 {
                break;
            }
        }
        let of_steps = outputs(&written.read("output"));
        let of_job = &self.repository.pipeline["jobs"][job]["outputs"];
        for (name, value) in of_job.as_mapping().into_iter().flatten() {
            let (name, value) = (name.as_str().expect("a name"), value.as_str().expect("a text"));
            assert_eq!(value, format!("${{{{ steps.plan.outputs.{name} }}}}"));
            if let Some(value) = of_steps.get(name) {
                self.outputs.insert(name.to_owned(), value.clone());
            }
        }
        ran
    }

    fn summary(&self) -> String {
        self.repository.written.read("summary.md")
    }
}

/// `name=value`, or several lines between `name<<END` and `END`
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line.split_once("<<") {
            assert!(end.len() > 16, "anybody could know {end:?}");
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else {
            let (name, value) = line.split_once('=').expect("name=value");
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}

const PLANNED: [(&str, i32); 2] = [("Check", 0), ("Plan", 0)];

#[test]
fn a_pull_request_is_planned_and_what_lands_on_main_is_approved_and_deployed() {
    let repository = repository(&account(), emulator());
    let mut run = Run::new(&repository, "pull_request");
    let ran = run.job("plan");
    assert_eq!(outline(&ran), PLANNED, "{ran:#?}");
    for part in ["## Plan for lab", "`lab-work`: create", "| + | `Bucket` |"] {
        assert!(run.summary().contains(part), "no {part} in {}", run.summary());
    }
    assert!(
        ran[1].2.contains("## Plan for lab"),
        "the log has it, too: {}",
        ran[1].2
    );
    assert_eq!(repository.stacks(), [] as [&str; 0], "a plan leaves nothing behind");
    let ran = run.job("comment");
    assert_eq!(outline(&ran), [("Comment", 0)], "{ran:#?}");
    let comment = repository.written.read("gh.txt");
    assert_eq!(
        comment,
        format!(
            "pr comment 7 --edit-last --create-if-none --body-file -\n{}",
            run.summary()
        )
    );
    assert!(run.job("deploy").is_empty(), "a pull request deploys nothing");

    let mut run = Run::new(&repository, "push");
    run.job("plan");
    assert!(run.job("comment").is_empty());
    let ran = run.job("deploy");
    assert_eq!(outline(&ran), [("Deploy", 0)], "{ran:#?}");
    assert_eq!(repository.stacks(), in_status("CREATE_COMPLETE"));
    // The job is run again.
    let ran = run.job("deploy");
    assert_eq!(outline(&ran), [("Deploy", 0)], "{ran:#?}");
    assert!(ran[0].2.contains("Nothing to do"), "{ran:#?}");

    // Where nothing changes, nobody is asked to approve it.
    let mut run = Run::new(&repository, "push");
    run.job("plan");
    assert_eq!(run.outputs["changes"], "no");
    assert!(run.job("deploy").is_empty());
}

#[test]
fn what_was_approved_is_refused_when_something_else_would_be_done() {
    let repository = repository(&account(), emulator());
    let mut run = Run::new(&repository, "push");
    run.job("plan");
    repository.change();
    let ran = run.job("deploy");
    assert_eq!(outline(&ran), [("Deploy", 4)], "{ran:#?}");
    assert!(
        ran[0].2.contains("is not what was approved; nothing was changed"),
        "{ran:#?}"
    );
    assert_eq!(repository.stacks(), [] as [&str; 0]);
}

#[test]
fn a_mistake_ends_the_job_before_aws_is_asked_and_a_plan_that_fails_ends_it_too() {
    // Nobody listens there: whatever asks fails.
    let here = repository(ACCOUNT, "http://127.0.0.1:1");
    let file = here.written.path("stacks/lab.yaml");
    let good = here.written.read("stacks/lab.yaml");
    std::fs::write(&file, good.replace("name: lab", "nmae: lab")).expect("written");
    for event in ["pull_request", "push"] {
        let ran = Run::new(&here, event).job("plan");
        assert_eq!(outline(&ran), [("Check", 2)], "{ran:#?}");
    }
    // A stack that isn't ours: the plan's exit code gets past the summary.
    let endpoint = Endpoint::serve(Script::new().existing(Existing::new("lab-intake", "CREATE_COMPLETE")));
    let here = repository(ACCOUNT, endpoint.url());
    let ran = Run::new(&here, "pull_request").job("plan");
    assert_eq!(outline(&ran), [("Check", 0), ("Plan", 4)], "{ran:#?}");
}

/// The runner signals the shell that it started. That must reach qfleet, and stop the update in CloudFormation.
#[test]
fn a_cancelled_job_takes_the_update_back_and_run_again_it_does_what_was_approved() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-intake", "Bucket", Duration::from_secs(60)));
    let repository = repository(ACCOUNT, endpoint.url());
    let mut run = Run::new(&repository, "push");
    let ran = run.job("plan");
    assert_eq!(outline(&ran), PLANNED, "{ran:#?}");
    let (_, mut deploy) = run.steps("deploy").pop().expect("the last step deploys");
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
    endpoint.rescript(|_| Script::new());
    let ran = run.job("deploy");
    assert_eq!(outline(&ran), [("Deploy", 0)], "{ran:#?}");
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("CREATE_COMPLETE"));
}

/// What may write comments can't reach AWS, and what reaches AWS can't write anything.
#[test]
fn jobs_have_the_permissions_that_they_need_and_no_others() {
    let repository = repository(ACCOUNT, "http://127.0.0.1:1");
    let of = |job: &str| {
        let permissions = &repository.pipeline["jobs"][job]["permissions"];
        let all = permissions.as_mapping().expect("permissions").iter();
        let words = all.map(|(name, how)| format!("{}: {}", text(name), text(how)));
        words.collect::<Vec<_>>()
    };
    assert_eq!(of("plan"), ["contents: read", "id-token: write"]);
    assert_eq!(of("comment"), ["pull-requests: write"]);
    assert_eq!(of("deploy"), ["contents: read", "id-token: write"]);
    let jobs = repository.pipeline["jobs"].as_mapping().expect("jobs").values();
    for step in jobs.flat_map(|job| job["steps"].as_sequence().expect("steps")) {
        let Some(uses) = step["uses"].as_str() else { continue };
        let (_, revision) = uses.split_once('@').expect("a revision");
        let is_commit = revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(is_commit, "{uses} can be moved");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
