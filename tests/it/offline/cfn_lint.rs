//! Every combination of two options, rendered and checked: by our own rules, and by cfn-lint, which knows the schemas of
//! AWS's resources. All templates go to one process, since starting it takes longer than checking a dozen.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use qfleet::blueprint::{self, Blueprint, Placement, cfn_lint, lint};
use qfleet::environment;

use crate::offline::render::{SHIPPED, shipped};
use crate::offline::sound;

/// An option: its name, and the lines it may add to each place of an environment file.
struct Choice {
    name: &'static str,
    /// A value: its name; lines of the file, of `bucket`, of the first stage, of its queue, of its `instances`.
    values: &'static [Setting],
}

#[derive(Clone, Copy, Default)]
struct Setting {
    name: &'static str,
    file: &'static str,
    bucket: &'static str,
    stage: &'static str,
    queue: &'static str,
    instances: &'static str,
    scaling: &'static str,
    /// A second stage, fed by the first.
    second: &'static str,
    /// A stage with a function.
    function: &'static str,
    /// Beside the first stage's `instances`.
    workers: &'static str,
}

const NONE: Setting = Setting {
    name: "none",
    file: "",
    bucket: "",
    stage: "",
    queue: "",
    instances: "",
    scaling: "",
    second: "",
    function: "",
    workers: "",
};

/// A function beside the instances.
macro_rules! both {
    ($active:literal) => {
        concat!(
            "lambda: {program: program, handler: app.handler, runtime: python3.13, timeout: 5s, environment: {MODE: b}}\n",
            "active: ",
            $active
        )
    };
}

const CHOICES: [Choice; 18] = [
    Choice {
        name: "active",
        values: &[
            Setting {
                name: "the only ones",
                ..NONE
            },
            Setting {
                name: "instances",
                workers: both!("instances"),
                ..NONE
            },
            Setting {
                name: "lambda",
                workers: both!("lambda"),
                ..NONE
            },
            Setting {
                name: "none of two",
                workers: both!("none"),
                ..NONE
            },
            Setting {
                name: "none",
                workers: "active: none",
                ..NONE
            },
        ],
    },
    Choice {
        name: "network",
        values: &[
            Setting {
                name: "default",
                ..NONE
            },
            Setting {
                name: "all zones",
                instances: "zones: all",
                ..NONE
            },
            Setting {
                name: "two zones",
                instances: "zones: [us-east-2a, us-east-2b]\nsecurity_groups: [sg-0123456789abcdef0]",
                ..NONE
            },
            Setting {
                name: "vpc",
                instances: "vpc: vpc-0123456789abcdef0\nsubnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]\nsecurity_groups: [sg-0123456789abcdef0, sg-01234567]",
                ..NONE
            },
            Setting {
                name: "create",
                instances: "network: create",
                ..NONE
            },
        ],
    },
    Choice {
        name: "spot",
        values: &[
            Setting {
                name: "on-demand",
                ..NONE
            },
            Setting {
                name: "spot",
                instances: "spot: true",
                ..NONE
            },
            Setting {
                name: "spot beside on-demand",
                instances: "spot: true\non_demand_base: 2",
                ..NONE
            },
        ],
    },
    Choice {
        name: "types",
        values: &[
            Setting {
                name: "arm",
                instances: "types: [t4g.small]",
                ..NONE
            },
            Setting {
                name: "x86",
                instances: "types: [m7i.large, m6i.large, m5.large]",
                ..NONE
            },
        ],
    },
    Choice {
        name: "size",
        values: &[
            Setting {
                name: "two to ten",
                scaling: "seconds_per_message: 10",
                ..NONE
            },
            Setting {
                name: "from zero",
                instances: "min: 0\nmax: 3",
                scaling: "seconds_per_message: 0.3",
                ..NONE
            },
            Setting {
                name: "fixed",
                instances: "min: 3\nmax: 3",
                ..NONE
            },
            Setting {
                name: "one",
                instances: "min: 1\nmax: 1",
                ..NONE
            },
            Setting {
                name: "by hand",
                instances: "min: 0\nmax: 5",
                ..NONE
            },
            Setting {
                name: "target said",
                instances: "min: 0\nmax: 5",
                scaling: "messages_per_instance: 10\nacceptable_latency: 2m\nmessages_at_once: 2",
                ..NONE
            },
            Setting {
                name: "office hours",
                instances: "min: 1\nmax: 5\ncapacity: [{cron: '0 18 * * MON-FRI', time_zone: Europe/Berlin, min: 0, max: 0}, {cron: '0 8 * * *'}]",
                scaling: "messages_per_instance: 10",
                ..NONE
            },
            Setting {
                name: "large",
                instances: "min: 100\nmax: 1000",
                scaling: "seconds_per_message: 7\nmessages_at_once: 32\nacceptable_latency: 2h",
                ..NONE
            },
            Setting {
                name: "waiting only",
                instances: "min: 1\nmax: 4",
                scaling: "seconds_per_message: 1\ncount_in_flight: false",
                ..NONE
            },
        ],
    },
    Choice {
        name: "bucket",
        values: &[
            Setting {
                name: "keep",
                bucket: "uploads: in/",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "empty",
                bucket: "on_destroy: empty",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "versions",
                bucket: "versioning: true",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "versions-for-ever",
                bucket: "versioning: true\nold_versions: forever\nuploads: day=1/in+out@x/",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "unwatched",
                bucket: "on_destroy: empty",
                ..NONE
            },
            Setting { name: "none", ..NONE },
        ],
    },
    Choice {
        name: "image",
        values: &[
            Setting {
                name: "al2023",
                instances: "program: program",
                ..NONE
            },
            Setting {
                name: "ubuntu",
                instances: "program: program\nimage: ubuntu-24.04",
                ..NONE
            },
            Setting {
                name: "ami",
                instances: "program: program\nimage: ami-0123456789abcdef0\nroot_device: /dev/sda1",
                ..NONE
            },
            Setting {
                name: "parameter",
                instances: "program: program\nimage: /own/images/worker",
                ..NONE
            },
        ],
    },
    Choice {
        name: "shell",
        values: &[
            NONE,
            Setting {
                name: "session manager",
                instances: "session_manager: true",
                ..NONE
            },
        ],
    },
    Choice {
        name: "policies",
        values: &[
            NONE,
            Setting {
                name: "two",
                instances: "policies: ['arn:aws:iam::aws:policy/AmazonRekognitionReadOnlyAccess', 'arn:aws:iam::111122223333:policy/own/tables']",
                ..NONE
            },
        ],
    },
    Choice {
        name: "secrets",
        values: &[
            NONE,
            Setting {
                name: "of both kinds",
                instances: "secrets: {DB: /app/db, SAME: /app/db, KEY: 'arn:aws:secretsmanager:us-east-2:111122223333:secret:a@b+c-AbC123'}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "environment",
        values: &[
            NONE,
            Setting {
                name: "some",
                instances: "environment: {MODE: fast, GREETING: \"it's $HOME\"}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "queue",
        values: &[
            Setting {
                name: "defaults",
                ..NONE
            },
            Setting {
                name: "own",
                queue: "visibility_timeout: 12h\nmax_receives: 1000\nretention: 14d",
                ..NONE
            },
            Setting {
                name: "short",
                queue: "visibility_timeout: 30s\nmax_receives: 1\nretention: 1m",
                ..NONE
            },
        ],
    },
    Choice {
        name: "times",
        values: &[
            Setting {
                name: "defaults",
                ..NONE
            },
            Setting {
                name: "long",
                instances: "warmup: 1h\nstart_timeout: 1h\ndrain_timeout: 2h\nlog_retention: 365d\nvolume: 1 TiB",
                ..NONE
            },
            Setting {
                name: "short",
                instances: "warmup: 0s\nstart_timeout: 90s\ndrain_timeout: 30s\nlog_retention: 1d",
                ..NONE
            },
        ],
    },
    Choice {
        name: "second",
        values: &[
            NONE,
            Setting {
                name: "fed",
                second: "from: a",
                ..NONE
            },
            Setting {
                name: "alone",
                second: "queue: {}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "function",
        values: &[
            NONE,
            Setting {
                name: "plain",
                function: "workers: {lambda: {program: program, handler: app.handler, runtime: python3.13}}",
                ..NONE
            },
            Setting {
                name: "fed, with everything",
                function: "from: a\nqueue: {visibility_timeout: 30m}\nscaling: {acceptable_latency: 1h, seconds_per_message: 3}\n\
                           workers:\n  lambda:\n    program: program\n    handler: bootstrap\n    runtime: provided.al2023\n    \
                           architecture: x86_64\n    memory: 10 GiB\n    timeout: 4m\n    batch: 10000\n    batch_window: 5m\n    \
                           max_concurrency: 1000\n    log_retention: 1d\n    environment: {MODE: fast, GREETING: \"it's $HOME\"}\n    \
                           policies: ['arn:aws:iam::aws:policy/AmazonRekognitionReadOnlyAccess']",
                ..NONE
            },
        ],
    },
    Choice {
        name: "alerts",
        values: &[
            NONE,
            Setting {
                name: "mailbox",
                file: "alerts: {email: ops@example.com}",
                ..NONE
            },
            Setting {
                name: "topic",
                file: "alerts: {topic: 'arn:aws:sns:us-east-2:111122223333:ops'}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "dashboard",
        values: &[
            Setting { name: "yes", ..NONE },
            Setting {
                name: "no",
                file: "dashboard: false",
                ..NONE
            },
        ],
    },
    Choice {
        name: "file",
        values: &[
            Setting { name: "short", ..NONE },
            Setting {
                name: "tags",
                file: "protect: true\ntags: {team: media}\nlifetime: 8h",
                ..NONE
            },
        ],
    },
];

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
