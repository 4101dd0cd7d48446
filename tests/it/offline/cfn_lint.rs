//! Every combination of two options, rendered and checked: by our own rules, and by cfn-lint, which knows the schemas of
//! AWS's resources. All templates go to one process, since starting it takes longer than checking a dozen.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use qfleet::blueprint::{self, Blueprint, Placement, cfn_lint, lint};
use qfleet::environment;

use crate::offline::options::{CHOICES, Choice, Setting};
use crate::offline::shipped::{SHIPPED, shipped};
use crate::offline::sound;

/// Picks a value for each choice, again and again, until every two values of two choices have met.
fn pairwise() -> Vec<Vec<usize>> {
    let mut missing = BTreeSet::new();
    for (second, Choice { values, .. }) in CHOICES.iter().enumerate() {
        for (first, earlier) in CHOICES[..second].iter().enumerate() {
            for left in 0..earlier.values.len() {
                missing.extend((0..values.len()).map(|right| (first, left, second, right)));
            }
        }
    }
    let mut picks = Vec::new();
    while let Some(&(first, left, second, right)) = missing.first() {
        let mut pick: Vec<Option<usize>> = vec![None; CHOICES.len()];
        (pick[first], pick[second]) = (Some(left), Some(right));
        for choice in 0..CHOICES.len() {
            if pick[choice].is_some() {
                continue;
            }
            let news = |value: &usize| {
                let meets = |(other, known): (usize, &Option<usize>)| {
                    known.is_some_and(|known| match other < choice {
                        true => missing.contains(&(other, known, choice, *value)),
                        false => missing.contains(&(choice, *value, other, known)),
                    })
                };
                pick.iter().enumerate().filter(|pair| meets(*pair)).count()
            };
            pick[choice] = (0..CHOICES[choice].values.len()).max_by_key(news);
        }
        let pick: Vec<usize> = pick.into_iter().flatten().collect();
        missing.retain(|(first, left, second, right)| pick[*first] != *left || pick[*second] != *right);
        picks.push(pick);
    }
    picks
}

fn indented(lines: &str, width: usize) -> String {
    lines.lines().map(|line| format!("{:width$}{line}\n", "")).collect()
}

/// An environment file with these settings.
fn file(name: &str, settings: &[Setting]) -> String {
    let all = |lines: fn(&Setting) -> &'static str, width| {
        settings
            .iter()
            .map(|setting| indented(lines(setting), width))
            .collect::<String>()
    };
    let block = |key: &str, width: usize, lines: String| match lines.is_empty() {
        true => String::new(),
        false => format!("{:width$}{key}:\n{lines}", ""),
    };
    let mut file = format!("name: {name}\n{}", all(|setting| setting.file, 0));
    file += &block("bucket", 0, all(|setting| setting.bucket, 2));
    file += &format!("stages:\n  - name: a\n{}", all(|setting| setting.stage, 4));
    file += &block("queue", 4, all(|setting| setting.queue, 6));
    file += &format!(
        "    workers:\n      instances:\n{}",
        all(|setting| setting.instances, 8)
    );
    file += &all(|setting| setting.workers, 6);
    file += &block("scaling", 4, all(|setting| setting.scaling, 6));
    let second = all(|setting| setting.second, 4);
    if !second.is_empty() {
        file += &format!("  - name: b-2\n{second}");
        file += "    workers: {instances: {program: program, types: [c7g.large], min: 1, max: 1}}\n";
    }
    let function = all(|setting| setting.function, 4);
    if !function.is_empty() {
        file += &format!("  - name: f\n{function}");
    }
    file
}

fn render(folder: &Path, name: &str, settings: &[Setting]) -> Blueprint {
    let path = folder.join(format!("{name}.yaml"));
    fs::write(&path, file(name, settings)).expect("writes");
    let said = || {
        let names: Vec<String> = CHOICES
            .iter()
            .zip(settings)
            .map(|(choice, it)| format!("{}: {}", choice.name, it.name))
            .collect();
        format!("{}\n{}", names.join(", "), file(name, settings))
    };
    let environment = environment::load(&path).unwrap_or_else(|problems| panic!("{:?}\n{}", problems.list, said()));
    let placement = Placement {
        account: "111122223333".into(),
        region: "us-east-2".into(),
        local: false,
    };
    let blueprint = blueprint::render(&environment, &placement)
        .unwrap_or_else(|problems| panic!("{:?}\n{}", problems.list, said()));
    assert_eq!(lint::lint(&blueprint), [], "{}", said());
    assert_eq!(sound::faults(&blueprint.stacks), [""; 0], "{}", said());
    blueprint
}

/// A folder with a program, for environment files that name one.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("program")).expect("makes a folder");
    for name in ["run", "app.py", "bootstrap"] {
        let path = folder.path().join("program").join(name);
        fs::write(&path, "#!/bin/sh\n").expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("sets the mode");
    }
    folder
}

/// All templates that differ when each option is given each value, the others being as they are without it.
pub fn every_option() -> BTreeSet<String> {
    let folder = folder();
    let usual = || CHOICES.iter().map(|choice| choice.values[0]);
    let mut bodies = BTreeSet::new();
    for (place, choice) in CHOICES.iter().enumerate() {
        for value in choice.values {
            let mut settings: Vec<Setting> = usual().collect();
            settings[place] = *value;
            let stacks = render(folder.path(), "lab", &settings).stacks;
            bodies.extend(stacks.into_iter().map(|stack| stack.body));
        }
    }
    bodies
}

#[test]
fn every_two_options_together_are_right() {
    let folder = folder();
    let mut all = Blueprint {
        environment: "all".into(),
        parts: Vec::new(),
        stacks: Vec::new(),
        artifacts: Vec::new(),
    };
    for (number, pick) in pairwise().into_iter().enumerate() {
        let settings: Vec<Setting> = CHOICES
            .iter()
            .zip(pick)
            .map(|(choice, value)| choice.values[value])
            .collect();
        all.stacks
            .extend(render(folder.path(), &format!("lab-{number}"), &settings).stacks);
    }
    // Without a program there is less that can be said beside it.
    let mut bare: Vec<Setting> = CHOICES.iter().map(|choice| choice.values[0]).collect();
    let image = CHOICES
        .iter()
        .position(|choice| choice.name == "image")
        .expect("a choice");
    for (number, instances) in [
        "image: /own/images/ready\nenvironment: {MODE: fast}",
        "image: ami-0123456789abcdef0\ndrain_timeout: 2m",
        "image: ami-0123456789abcdef0\nsettings: none\nspot: true",
    ]
    .into_iter()
    .enumerate()
    {
        bare[image].instances = instances;
        all.stacks
            .extend(render(folder.path(), &format!("lab-bare-{number}"), &bare).stacks);
    }
    for name in SHIPPED {
        all.stacks.extend(shipped(name, false).stacks);
        let mut local = shipped(name, true).stacks;
        local.iter_mut().for_each(|stack| stack.name += "-local");
        all.stacks.extend(local);
    }
    assert!(all.stacks.len() > 100, "{} templates", all.stacks.len());

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
