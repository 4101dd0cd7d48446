//! Every combination of two options, rendered and checked: by our own rules, and by cfn-lint, which knows the schemas of
//! AWS's resources. All templates go to one process, since starting it takes longer than checking a dozen.

use qfleet::blueprint::{Blueprint, Stack, cfn_lint};

use crate::lab::with_file;
use crate::offline::options::together::every_value;
use crate::offline::shipped::shipped;

#[test]
fn every_two_options_together_are_right() {
    let stack = |(name, body): (String, &str)| Stack {
        name,
        body: body.to_owned(),
        ..Stack::default()
    };
    let all = Blueprint {
        environment: "all".into(),
        parts: Vec::new(),
        stacks: every_value().into_iter().map(stack).collect(),
        notifications: None,
        artifacts: Vec::new(),
    };
    assert!(all.stacks.len() > 40, "{} templates", all.stacks.len());
    let findings = cfn_lint::run(&all, "us-east-2").unwrap_or_else(|error| panic!("{error}"));
    let findings = findings.unwrap_or_else(|| {
        panic!(
            "no cfn-lint: put it on the PATH, or its path into {} (pip install cfn-lint)",
            cfn_lint::EXECUTABLE
        )
    });
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn cfn_lint_is_really_asked() {
    let mut blueprint = shipped("lab", false);
    for stack in &mut blueprint.stacks {
        stack.body = stack.body.replace("SqsManagedSseEnabled", "SqsManagedSsseEnabled");
    }
    let findings = cfn_lint::run(&blueprint, "us-east-2")
        .expect("runs")
        .expect("is installed");
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding.stack == "photo-lab-move" && finding.rule.is_some())
    );
    assert_eq!(findings[0].place, "Resources/Queue/Properties/SqsManagedSsseEnabled");
}

#[test]
fn what_the_folder_of_the_user_leaves_out_is_left_out() {
    let template = "Resources:\n  Files:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: No_Such_Name}\n";
    let file = "name: lab\nregion: us-east-2\naccount: '111122223333'\nextras: [{name: own, template: own.yaml}]\n\
                stages: [{name: a, workers: {instances: {image: ami-01234567, types: [t4g.small], min: 1, max: 1}}}]\n";
    let lab = with_file(file)
        .file("own.yaml", template)
        .linted()
        .args(["check", "lab.yaml"]);
    let found = lab.status(2).stdout_contains("own.yaml:4").run();
    found
        .then()
        .file(".cfnlintrc", "ignore_checks: [E1161, E3031]\n")
        .args(["check", "lab.yaml"])
        .stdout_lacks("own.yaml:4")
        .run();
}
