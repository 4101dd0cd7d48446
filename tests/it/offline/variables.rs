//! The room that the variables of a stage's workers have.

use std::collections::BTreeMap;

use qfleet::blueprint::{self, Placement, lint};
use qfleet::environment::Stage;

use crate::harness::Test;
use crate::offline::shipped::loaded;

/// What is refused is refused at its key, with how much there is room for; and what is allowed fits everywhere.
#[test]
fn variables_have_the_room_that_the_message_names_and_no_more() {
    type Set = fn(&mut Stage, String);
    let instances: Set = |stage, value| {
        let instances = stage.workers.instances.as_mut().expect("instances");
        instances.environment = BTreeMap::from([("LONG".to_owned(), value)]);
    };
    let function: Set = |stage, value| {
        let lambda = stage.workers.lambda.as_mut().expect("a function");
        lambda.environment = BTreeMap::from([("LONG".to_owned(), value)]);
    };
    let placement = Placement {
        account: "111122223333".into(),
        region: "ap-southeast-1".into(),
        local: false,
    };
    for (name, kind, set, unit) in [
        ("lab", "instances", instances, "x"),
        // In quotes, with a backslash before each.
        ("lab", "instances", instances, "$"),
        ("secrets", "instances", instances, "x"),
        ("production", "instances", instances, "x"),
        ("switch", "instances", instances, "x"),
        ("lambda", "lambda", function, "x"),
        ("lambda", "lambda", function, "\""),
        ("lambda", "lambda", function, "é"),
    ] {
        let given = |count: usize| {
            let mut environment = loaded(name);
            set(&mut environment.stages[0], unit.repeat(count));
            environment
        };
        let refused = |count: usize| {
            let problems = blueprint::render(&given(count), &placement).err()?;
            Some(problems.list.into_iter().next().expect("a problem"))
        };
        let (mut most, mut too_many) = (0, 4097);
        while too_many - most > 1 {
            let half = usize::midpoint(most, too_many);
            match refused(half) {
                None => most = half,
                Some(_) => too_many = half,
            }
        }
        assert!(most > 1000, "{name}: {most} of {unit}");
        let problem = refused(most + 1).expect("too many");
        assert_eq!(problem.pointer, format!("/stages/0/workers/{kind}/environment"));
        let numbers = problem.message.split(' ').filter_map(|word| word.parse().ok());
        let numbers: Vec<usize> = numbers.collect();
        let [found, room] = numbers.as_slice() else {
            panic!("{}", problem.message)
        };
        assert!(room < found && found - room <= 2, "{name}: {}", problem.message);
        let findings = lint::lint(&blueprint::render(&given(most), &placement).expect("fits"));
        assert_eq!(findings, [], "{name}: {most} of {unit}");
    }
}

#[test]
fn too_many_secrets_are_said_to_be_too_many() {
    let secrets: String = (0..60)
        .map(|n| format!("SECRET_{n}: /a/long/path/of/a/parameter/that/somebody/has/chosen/{n}, "))
        .collect();
    let file = format!(
        "name: lab\nregion: us-east-2\nstages:\n  - name: work\n    workers:\n      instances: {{program: program, types: \
         [t3.micro], min: 1, max: 1, secrets: {{{secrets}}}}}\n"
    );
    let check = Test::new()
        .file("lab.yaml", file)
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["check", "lab.yaml"]);
    let check = check.status(2).stderr_contains("`secrets` has ");
    check.stderr_contains("lab.yaml:6:").run();
}
