//! GitHub Actions.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_yaml::Value;

use super::{ACCOUNT, Repository, Step, in_status, outline, said};
use crate::endpoint::{Endpoint, Existing, Script};
use crate::harness::{Aws, account, emulator};

/// As much of GitHub's command line as the workflow uses: the comments of a pull request are files, by their ids. All are of
/// the workflow's own user, which the question must ask for
/// (<https://docs.github.com/en/rest/issues/comments>, <https://cli.github.com/manual/gh_api>).
const GH: &str = r##"#!/usr/bin/env python3
import pathlib, re, sys
api, *words = sys.argv[1:]
assert api == "api", api
path = next(word for word in words if word.startswith("repos/somebody/photos/issues/"))
comments = pathlib.Path("comments")
comments.mkdir(exist_ok=True)
if "--jq" in words:
    assert path.endswith("/7/comments") and "--paginate" in words, words
    question = words[words.index("--jq") + 1]
    assert 'select(.user.login == "github-actions[bot]" and' in question, question
    begins = re.search(r'startswith\("(.*?)"\)', question)[1]
    for comment in sorted(comments.iterdir()):
        if comment.read_text().startswith(begins):
            print(comment.name)
    sys.exit()
body = words[words.index("--field") + 1]
text = pathlib.Path(body.removeprefix("body=@")).read_text()
if "PATCH" in words:
    comment = comments / path.removeprefix("repos/somebody/photos/issues/comments/")
    assert comment.exists(), path
else:
    assert path.endswith("/7/comments"), path
    comment = comments / str(101 + len(list(comments.iterdir())))
comment.write_text(text)
"##;

fn repository(account: &str, endpoint: &str) -> Repository {
    let repository = Repository::new("github", ".github/workflows/qfleet.yaml", account, endpoint);
    let path = repository.written.path("bin/gh");
    std::fs::write(&path, GH).expect("written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    repository
}

/// What a workflow run knows: the event, and the outputs of the job `plan`, and whether that failed.
struct Run<'a> {
    repository: &'a Repository,
    event: &'a str,
    outputs: BTreeMap<String, String>,
    failed: bool,
}

impl<'a> Run<'a> {
    fn new(repository: &'a Repository, event: &'a str) -> Self {
        Run {
            repository,
            event,
            outputs: BTreeMap::new(),
            failed: false,
        }
    }

    /// What stands in `${{ … }}`; another expression is for this test to learn.
    fn value(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${{ ") else {
            return text.to_owned();
        };
        let (expression, after) = rest.split_once(" }}").expect("its end");
        format!("{before}{}{}", self.expression(expression), self.value(after))
    }

    fn expression(&self, expression: &str) -> String {
        match expression {
            "github.token" => "secret".into(),
            "github.server_url" => "https://git.example".into(),
            "github.run_id" => "4711".into(),
            "github.repository" => "somebody/photos".into(),
            "github.event.pull_request.number" => "7".into(),
            "vars.QFLEET_REPOSITORY" | "vars.QFLEET_REVISION" => "given".into(),
            other => match other.strip_prefix("needs.plan.outputs.") {
                // One that was never set is empty.
                Some(output) => self.outputs.get(output).cloned().unwrap_or_default(),
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
            Some("!cancelled() && github.event_name == 'pull_request' && needs.plan.result != 'skipped'") => {
                self.event == "pull_request"
            }
            Some("vars.AWS_DRIFT_ROLE != ''" | "always()") => true,
            Some(own) if own.starts_with("vars.AWS_PLAN_ROLE != '' && (github.event_name == 'push'") => true,
            Some(
                "github.event_name == 'push' && vars.AWS_DEPLOY_ROLE != '' && needs.plan.outputs.changes == 'yes'",
            ) => self.event == "push" && has_changes(),
            Some(other) => panic!("a condition that this test doesn't know: {other}"),
        }
    }

    /// The shell steps of a job that run, if none fails or although one did: name, and the command.
    fn steps(&self, job: &str, failed: bool) -> Vec<(String, Command)> {
        let Repository { written, pipeline, .. } = self.repository;
        let job = &pipeline["jobs"][job];
        let condition = job["if"].as_str();
        // Without a word on that, a job that needs one that failed is left out
        // (<https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>, `success`).
        let goes_on = condition.is_some_and(|condition| condition.starts_with("!cancelled()"));
        if !self.holds(condition) || self.failed && job["needs"] == "plan" && !goes_on {
            return Vec::new();
        }
        let all = job["steps"].as_sequence().expect("steps").iter();
        let holds = |step: &Value| {
            let condition = step["if"].as_str();
            if failed {
                condition == Some("always()")
            } else {
                self.holds(condition)
            }
        };
        let shell = all.filter(|step| step["run"].is_string() && holds(step));
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

    /// Runs the steps of a job, after one that fails only those that always run, and reads its outputs.
    fn job(&mut self, job: &str) -> Vec<Step> {
        let written = &self.repository.written;
        std::fs::write(written.path("output"), "").expect("no outputs yet");
        let mut ran: Vec<Step> = Vec::new();
        for (name, mut command) in self.steps(job, false) {
            let (code, said) = said(command.output().expect("the step runs"));
            ran.push((name, code, said));
            if code != 0 {
                break;
            }
        }
        if ran.last().is_some_and(|(_, code, _)| *code != 0) {
            self.failed = job == "plan";
            for (name, mut command) in self.steps(job, true) {
                if ran.iter().all(|(before, ..)| *before != name) {
                    let (code, said) = said(command.output().expect("the step runs"));
                    ran.push((name, code, said));
                }
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
const DEPLOYED: [(&str, i32); 2] = [("Deploy", 0), ("Summary", 0)];

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
    assert!(run.job("deploy").is_empty(), "a pull request deploys nothing");

    let mut run = Run::new(&repository, "push");
    run.job("plan");
    assert!(run.job("comment").is_empty());
    let ran = run.job("deploy");
    assert_eq!(outline(&ran), DEPLOYED, "{ran:#?}");
    assert_eq!(repository.stacks(), in_status("CREATE_COMPLETE"));
    assert!(
        run.summary().contains("### Deployment of lab\n\n```json\n{"),
        "{}",
        run.summary()
    );
    assert_eq!(outcomes(&repository), ["done"; 4]);
    // The job is run again.
    let ran = run.job("deploy");
    assert_eq!(outline(&ran), DEPLOYED, "{ran:#?}");
    assert_eq!(outcomes(&repository), ["unchanged"; 4]);

    // Where nothing changes, nobody is asked to approve it.
    let mut run = Run::new(&repository, "push");
    run.job("plan");
    assert_eq!(run.outputs["changes"], "no");
    assert!(run.job("deploy").is_empty());
}

/// What became of each stack, as the deployment says it.
fn outcomes(repository: &Repository) -> Vec<String> {
    let document: serde_json::Value = serde_json::from_str(&repository.written.read("deployed.json")).expect("JSON");
    let stacks = document["stacks"].as_array().expect("stacks").iter();
    stacks
        .map(|stack| stack["outcome"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// One comment for each environment, however often somebody pushes.
#[test]
fn the_comment_of_an_environment_is_changed_and_that_of_another_one_stays() {
    let mut repository = repository(&account(), emulator());
    let comments = repository.written.path("comments");
    std::fs::create_dir(&comments).expect("a folder");
    let other = "<!-- qfleet: plan of other -->\n## Plan for other\n";
    std::fs::write(comments.join("100"), other).expect("written");
    let marker = "<!-- qfleet: plan of lab -->\n";
    let read = |id: &str| std::fs::read_to_string(comments.join(id)).expect("a comment");
    let commented = || {
        std::fs::write(repository.written.path("summary.md"), "").expect("an empty summary");
        let mut run = Run::new(&repository, "pull_request");
        run.job("plan");
        let ran = run.job("comment");
        assert_eq!(outline(&ran), [("Comment", 0)], "{ran:#?}");
        assert_eq!(read("102"), format!("{marker}{}", run.summary()));
        assert_eq!(read("100"), other);
        assert_eq!(std::fs::read_dir(&comments).expect("comments").count(), 2);
        read("102")
    };
    let first = commented();
    repository.change();
    assert_ne!(commented(), first);

    // One that is refused, and one that can't be drawn up, take the place of the one before, which could be deployed.
    let refusing = super::refusing();
    for (at, code, says) in [
        (refusing.url(), 4, super::REFUSED),
        (
            "http://127.0.0.1:1",
            1,
            "## No plan for lab\n\nThis push could not be planned: [the run](https://git.example/somebody/photos/actions/runs/4711)",
        ),
    ] {
        repository.endpoint = at.into();
        let mut run = Run::new(&repository, "pull_request");
        let ran = run.job("plan");
        assert_eq!(outline(&ran), [("Check", 0), ("Plan", code)], "{ran:#?}");
        let ran = run.job("comment");
        assert_eq!(outline(&ran), [("Comment", 0)], "{ran:#?}");
        assert!(
            read("102").starts_with(marker) && read("102").contains(says),
            "{}",
            read("102")
        );
        assert_eq!(std::fs::read_dir(&comments).expect("comments").count(), 2);
    }
}

/// `examples/drift.yaml`
#[test]
fn drift_makes_the_nightly_run_red_and_its_summary_says_what_differs() {
    let account = account();
    let mut repository = repository(&account, emulator());
    let mut run = Run::new(&repository, "push");
    run.job("plan");
    run.job("deploy");
    repository.pipeline = nightly();
    let ran = Run::new(&repository, "schedule").job("drift");
    assert_eq!(outline(&ran), [("Drift", 0)], "{ran:#?}");
    let opened = async {
        let aws = Aws::new(&account, "us-east-2");
        let asked = aws.sqs.get_queue_url().queue_name("lab-work").send().await;
        let url = asked.expect("the queue").queue_url.expect("its URL");
        let set = aws.sqs.set_queue_attributes().queue_url(url);
        let changed = set.attributes(QueueAttributeName::VisibilityTimeout, "7").send().await;
        changed.expect("changed by hand");
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(opened);
    let run = &mut Run::new(&repository, "schedule");
    let ran = run.job("drift");
    assert_eq!(outline(&ran), [("Drift", 3)], "{ran:#?}");
    assert!(run.summary().contains("VisibilityTimeout"), "{}", run.summary());
}

pub(super) fn nightly() -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/drift.yaml"));
    serde_yaml::from_str(&text.expect("it is there")).expect("YAML")
}

#[test]
fn what_was_approved_is_refused_when_something_else_would_be_done() {
    let repository = repository(&account(), emulator());
    let mut run = Run::new(&repository, "push");
    run.job("plan");
    repository.change();
    let ran = run.job("deploy");
    assert_eq!(outline(&ran), [("Deploy", 4), ("Summary", 0)], "{ran:#?}");
    assert!(run.summary().contains("is not what was approved"), "{}", run.summary());
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
    let mut steps = run.steps("deploy", false).into_iter();
    let (_, mut deploy) = steps.find(|(name, _)| name == "Deploy").expect("a step that deploys");
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
    assert_eq!(outline(&ran), DEPLOYED, "{ran:#?}");
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("CREATE_COMPLETE"));
}

/// An older plan isn't the last one to write the comment; and no plan is cut off, which would leave change sets.
#[test]
fn the_runs_of_a_pull_request_come_one_after_the_other() {
    let repository = repository(ACCOUNT, "http://127.0.0.1:1");
    let concurrency = &repository.pipeline["concurrency"];
    assert_eq!(
        concurrency["group"],
        "qfleet-plan-lab-${{ github.event.pull_request.number || github.run_id }}"
    );
    assert_eq!(concurrency["cancel-in-progress"], false);
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
