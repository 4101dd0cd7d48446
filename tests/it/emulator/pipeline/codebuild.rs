//! AWS CodeBuild, in a pipeline of CodePipeline.

use std::collections::BTreeMap;

use super::{ACCOUNT, Repository, commands, in_status, said};
use crate::harness::{account, emulator};

fn repository(account: &str, endpoint: &str) -> Repository {
    Repository::new("codebuild", "buildspec.yaml", account, endpoint)
}

const APPROVED: &str = "d3b07384d113edec49eaa6238ad5ff00c86bd0a1";

/// A build with these environment variables of its action: exit code, what it said, and the variables that it exports. In
/// version 0.2 all commands run in one shell, and one that fails ends its phase
/// (<https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html>).
fn build(repository: &Repository, variables: &[(&str, &str)]) -> (i32, String, BTreeMap<String, String>) {
    let buildspec = &repository.pipeline;
    assert_eq!(buildspec["version"], 0.2);
    let phases = ["install", "pre_build", "build"].map(|phase| commands(&buildspec["phases"][phase]["commands"]));
    let mut script = phases.concat();
    let exported = &buildspec["env"]["exported-variables"];
    for name in exported.as_sequence().expect("a list") {
        let name = name.as_str().expect("a name");
        // What isn't in the shell's environment isn't exported.
        script += &format!("printenv {name} > exported-{name} || true\n");
    }
    let mut command = repository.bash(&["-e"], "build.sh", &script);
    for (name, value) in buildspec["env"]["variables"].as_mapping().expect("variables") {
        command.env(name.as_str().expect("a name"), value.as_str().expect("a text"));
    }
    command.env("CODEBUILD_BUILD_URL", "https://console.example/build");
    command.env("CODEBUILD_RESOLVED_SOURCE_VERSION", APPROVED);
    command.envs(variables.iter().copied());
    let (code, said) = said(command.output().expect("the build runs"));
    let read = |name: &str| {
        let text = std::fs::read_to_string(repository.written.path(&format!("exported-{name}")));
        text.unwrap_or_default().trim_end().to_owned()
    };
    let exported = ["DIGEST", "COMMIT", "CHANGES", "BUILD"].map(|name| (name.to_owned(), read(name)));
    (code, said, exported.into())
}

#[test]
fn a_plan_is_handed_to_the_deployment_after_the_approval() {
    let repository = repository(&account(), emulator());
    let (code, said, exported) = build(&repository, &[("STEP", "plan")]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("## Plan for lab"), "{said}");
    assert_eq!(repository.stacks(), [] as [&str; 0], "a plan leaves nothing behind");
    assert_eq!(exported["CHANGES"], "There are changes");
    assert_eq!(exported["BUILD"], "https://console.example/build");
    assert_eq!(exported["COMMIT"], APPROVED);
    let deploy = [
        ("STEP", "deploy"),
        ("DIGEST", exported["DIGEST"].as_str()),
        ("COMMIT", exported["COMMIT"].as_str()),
    ];
    // The branch has gone on since.
    let head = ("CODEBUILD_RESOLVED_SOURCE_VERSION", "its-head");
    let (code, said, _) = build(&repository, &[deploy.as_slice(), &[head]].concat());
    assert_eq!(code, 4, "{said}");
    assert!(
        said.contains(&format!("This build has its-head, and {APPROVED} was approved")),
        "{said}"
    );
    assert_eq!(repository.stacks(), [] as [&str; 0]);
    for _ in 0..2 {
        let (code, said, _) = build(&repository, &deploy);
        assert_eq!(code, 0, "{said}");
        assert_eq!(repository.stacks(), in_status("CREATE_COMPLETE"));
    }
    let (_, _, nothing) = build(&repository, &[("STEP", "plan")]);
    assert_eq!(nothing["CHANGES"], "Nothing to do");
    repository.change();
    let (code, said, _) = build(&repository, &deploy);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("is not what was approved"), "{said}");
}

#[test]
fn a_plan_that_fails_ends_the_build() {
    let repository = repository(ACCOUNT, "http://127.0.0.1:1");
    let (code, said, exported) = build(&repository, &[("STEP", "plan")]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(exported["DIGEST"], "");
}
