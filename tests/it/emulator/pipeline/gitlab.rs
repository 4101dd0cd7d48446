//! GitLab CI.

use serde_yaml::Value;

use super::{ACCOUNT, Repository, Step, commands, in_status, outline, said};
use crate::harness::{account, emulator};

fn repository(account: &str, endpoint: &str) -> Repository {
    Repository::new("gitlab", ".gitlab-ci.yml", account, endpoint)
}

/// A key of a job, or of what it extends.
fn of<'a>(pipeline: &'a Value, job: &str, key: &str) -> &'a Value {
    let job = &pipeline[job];
    match &job[key] {
        Value::Null => job["extends"]
            .as_str()
            .map_or(&Value::Null, |base| &pipeline[base][key]),
        own => own,
    }
}

/// What a job says and its exit code. Its artifacts, files in the repository, are there for the next one. "Scripts you
/// specify in before_script are concatenated with any scripts you specify in the main script", and any command that fails
/// ends them (<https://docs.gitlab.com/ci/yaml/>).
fn job(repository: &Repository, job: &str) -> Step {
    let pipeline = &repository.pipeline;
    let script = commands(of(pipeline, job, "before_script"))
        + "printenv AWS_ROLE_SESSION_NAME > session || true\n"
        + &commands(of(pipeline, job, "script"));
    let options = ["-e", "-o", "pipefail"];
    let mut command = repository.bash(&options, &format!("{job}.sh"), &script);
    let folder = repository.written.folder();
    for (name, value) in pipeline["variables"].as_mapping().expect("variables") {
        let value = value.as_str().expect("a text");
        let value = value.replace("$CI_PROJECT_DIR", &folder.to_string_lossy());
        command.env(name.as_str().expect("a name"), value);
    }
    command
        .env("CI_PROJECT_DIR", folder)
        .env("CI_PIPELINE_ID", "4711")
        .env("TMPDIR", folder)
        .env("AWS_TOKEN", "a.b.c")
        .env("AWS_PLAN_ROLE", "arn:aws:iam::111122223333:role/plan")
        .env("AWS_DEPLOY_ROLE", "arn:aws:iam::111122223333:role/deploy")
        .env("QFLEET_REPOSITORY", "given")
        .env("QFLEET_REVISION", "given");
    let (code, said) = said(command.output().expect("the job runs"));
    (job.to_owned(), code, said)
}

#[test]
fn a_plan_is_handed_to_the_deployment_that_somebody_starts() {
    let repository = repository(&account(), emulator());
    let plan = job(&repository, "plan");
    assert_eq!(plan.1, 0, "{plan:?}");
    assert!(plan.2.contains("## Plan for lab"), "{plan:?}");
    assert_eq!(repository.written.read("session"), "qfleet-4711\n");
    assert_eq!(repository.stacks(), [] as [&str; 0], "a plan leaves nothing behind");
    for artifact in ["plan.md", "digest"] {
        let listed = commands(&repository.pipeline["plan"]["artifacts"]["paths"]);
        assert!(listed.lines().any(|line| line == artifact), "{listed}");
        assert!(!repository.written.read(artifact).is_empty());
    }
    let deployed = job(&repository, "deploy");
    assert_eq!(deployed.1, 0, "{deployed:?}");
    assert_eq!(repository.stacks(), in_status("CREATE_COMPLETE"));
    let ended = job(&repository, "deployed");
    assert_eq!(ended.1, 0, "{ended:?}");
    let again = job(&repository, "deploy");
    assert_eq!(again.1, 0, "{again:?}");
    // Another commit, whose plan nobody has looked at.
    repository.change();
    // Each job begins in a clean folder, and gets the artifacts of those that it needs.
    std::fs::remove_file(repository.written.path("deployed")).expect("it was there");
    let refused = job(&repository, "deploy");
    assert_eq!(refused.1, 4, "{refused:?}");
    assert!(refused.2.contains("is not what was approved"), "{refused:?}");
    let ended = job(&repository, "deployed");
    assert_eq!(
        ended.1, 1,
        "what was allowed to fail doesn't leave the pipeline green: {ended:?}"
    );
}

#[test]
fn a_mistake_and_a_plan_that_fails_end_the_job() {
    let repository = repository(ACCOUNT, "http://127.0.0.1:1");
    let failed = job(&repository, "plan");
    assert_eq!(outline(std::slice::from_ref(&failed)), [("plan", 1)], "{failed:?}");
    let file = repository.written.path("stacks/lab.yaml");
    let good = repository.written.read("stacks/lab.yaml");
    std::fs::write(&file, good.replace("name: lab", "nmae: lab")).expect("written");
    let failed = job(&repository, "plan");
    assert_eq!(failed.1, 2, "{failed:?}");
    // A plan that is refused is shown all the same, with why.
    let endpoint = super::refusing();
    let repository = self::repository(ACCOUNT, endpoint.url());
    let refused = job(&repository, "plan");
    assert_eq!(refused.1, 4, "{refused:?}");
    assert!(refused.2.contains(super::REFUSED), "{refused:?}");
    assert!(repository.written.read("plan.md").contains(super::REFUSED));
    assert_eq!(repository.pipeline["plan"]["artifacts"]["when"], "always");
}

/// Where nothing changes, the pipeline is done although nobody starts the deployment.
#[test]
fn the_deployment_waits_for_somebody_and_for_others_and_the_pipeline_does_not_wait_for_it() {
    let repository = repository(ACCOUNT, "http://127.0.0.1:1");
    let deploy = &repository.pipeline["deploy"];
    assert_eq!(deploy["rules"][0]["when"], "manual");
    assert_eq!(deploy["rules"][0]["allow_failure"], true);
    let deployed = &repository.pipeline["deployed"];
    assert_eq!(deployed["needs"][0]["job"], "deploy");
    assert_eq!(deployed["needs"][0]["artifacts"], true);
    assert_eq!(deploy["artifacts"]["paths"][0], "deployed");
    assert_eq!(deployed["rules"][0]["if"], deploy["rules"][0]["if"]);
    assert_eq!(deploy["environment"]["name"], "lab");
    assert_eq!(deploy["resource_group"], "qfleet-lab");
    assert_eq!(deploy["needs"][0]["artifacts"], true);
}
