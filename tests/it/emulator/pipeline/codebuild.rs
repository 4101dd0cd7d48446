//! AWS CodeBuild, in a pipeline of CodePipeline.

use std::collections::BTreeMap;

use super::{ACCOUNT, Repository, commands, in_status, said};
use crate::harness::{account, emulator};

/// Puts the tested binary where cargo would put the one that it builds, and notes what it is told. The image has cargo, and
/// what the cache brings.
const CARGO: &str = r#"#!/bin/bash
set -eu
echo "$*" >> cargo-calls
while [ "$1" != --root ]; do shift; done
mkdir -p "$2/bin"
ln -s "$TESTED" "$2/bin/qfleet"
"#;

fn repository(account: &str, endpoint: &str) -> Repository {
    let repository = Repository::new("codebuild", "buildspec.yaml", account, endpoint);
    let path = repository.written.path("bin/cargo");
    std::fs::write(&path, CARGO).expect("written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    repository
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
    command.env("TESTED", assert_cmd::cargo::cargo_bin!("qfleet"));
    command.env("QFLEET_REPOSITORY", "https://git.example/qfleet");
    command.env("QFLEET_REVISION", "first");
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

/// The cache of an earlier revision's build isn't taken for this one's.
#[test]
fn another_revision_is_built_and_the_same_one_comes_from_the_cache() {
    let repository = repository(ACCOUNT, "http://127.0.0.1:1");
    let revisions = ["first", "first", "second", "second"];
    for revision in revisions {
        let (_, said, _) = build(&repository, &[("STEP", "plan"), ("QFLEET_REVISION", revision)]);
        assert!(said.contains("4 stacks checked"), "it was there: {said}");
    }
    let calls = repository.written.read("cargo-calls");
    let built: Vec<&str> = calls
        .lines()
        .filter_map(|call| call.split_once("--rev ")?.1.split(' ').next())
        .collect();
    assert_eq!(built, ["first", "second"], "{calls}");
    let cached = repository.pipeline["cache"]["paths"][0].as_str().expect("a path");
    let folder = cached
        .strip_prefix("/root/")
        .and_then(|path| path.strip_suffix("/**/*"));
    let kept = repository.written.path("home").join(folder.expect("all of a folder"));
    let kept: Vec<_> = std::fs::read_dir(kept).expect("the cache").flatten().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0].file_name(), "second");
}

#[test]
fn a_plan_that_fails_ends_the_build() {
    let repository = repository(ACCOUNT, "http://127.0.0.1:1");
    let (code, said, exported) = build(&repository, &[("STEP", "plan")]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(exported["DIGEST"], "");
    // One that is refused is in the log, with why.
    let endpoint = super::refusing();
    let repository = self::repository(ACCOUNT, endpoint.url());
    let (code, said, exported) = build(&repository, &[("STEP", "plan")]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains(super::REFUSED), "{said}");
    assert_eq!(exported["DIGEST"], "");
}
