//! Words that each system knows, from its documentation: of another one it would say that the file is wrong, or nothing.

use serde_yaml::Value;

use super::github::nightly;
use super::{ACCOUNT, Repository};

/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>
const WORKFLOW: [&str; 6] = ["name", "on", "permissions", "env", "concurrency", "jobs"];
const JOB: [&str; 11] = [
    "needs",
    "if",
    "runs-on",
    "timeout-minutes",
    "environment",
    "concurrency",
    "permissions",
    "outputs",
    "env",
    "steps",
    "strategy",
];
const STEP: [&str; 7] = ["id", "if", "name", "uses", "with", "env", "run"];

/// <https://docs.gitlab.com/ci/yaml/>
const GITLAB: [&str; 17] = [
    "extends",
    "image",
    "id_tokens",
    "cache",
    "before_script",
    "stage",
    "rules",
    "script",
    "artifacts",
    "needs",
    "environment",
    "resource_group",
    "interruptible",
    "timeout",
    "variables",
    "tags",
    "retry",
];

/// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html>
const BUILDSPEC: [&str; 7] = ["version", "run-as", "env", "phases", "reports", "artifacts", "cache"];
const BUILDSPEC_ENV: [&str; 6] = [
    "shell",
    "variables",
    "parameter-store",
    "secrets-manager",
    "exported-variables",
    "git-credential-helper",
];
const PHASE: [&str; 5] = ["run-as", "on-failure", "runtime-versions", "commands", "finally"];

fn only(of: &Value, known: &[&str]) {
    for (word, _) in of.as_mapping().expect("a mapping") {
        // YAML 1.1 reads `on` as a truth, GitHub doesn't.
        let word = word.as_str().unwrap_or("on");
        assert!(known.contains(&word), "{word} is none of {known:?}");
    }
}

fn pipeline(name: &str, file: &str) -> Value {
    Repository::new(name, file, ACCOUNT, "http://127.0.0.1:1").pipeline
}

#[test]
fn each_word_is_one_that_the_system_knows() {
    for github in [pipeline("github", ".github/workflows/qfleet.yaml"), nightly()] {
        only(&github, &WORKFLOW);
        for (_, job) in github["jobs"].as_mapping().expect("jobs") {
            only(job, &JOB);
            job["steps"]
                .as_sequence()
                .expect("steps")
                .iter()
                .for_each(|step| only(step, &STEP));
        }
    }
    let gitlab = pipeline("gitlab", ".gitlab-ci.yml");
    for (name, job) in gitlab.as_mapping().expect("jobs") {
        if !matches!(name.as_str(), Some("stages" | "variables")) {
            only(job, &GITLAB);
        }
    }
    let codebuild = pipeline("codebuild", "buildspec.yaml");
    only(&codebuild, &BUILDSPEC);
    only(&codebuild["env"], &BUILDSPEC_ENV);
    for (name, phase) in codebuild["phases"].as_mapping().expect("phases") {
        assert!(matches!(
            name.as_str(),
            Some("install" | "pre_build" | "build" | "post_build")
        ));
        only(phase, &PHASE);
    }
}
