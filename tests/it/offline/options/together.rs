//! Environment files in which every two values of two options have met, and their stacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::LazyLock;

use qfleet::blueprint::{self, Blueprint, Placement, lint, template};
use qfleet::environment::{self, Environment};

use serde_json::Value;

use crate::offline::options::{CHOICES, Choice, Setting};
use crate::offline::shipped::{SHIPPED, shipped};
use crate::offline::sound;

/// The region that values name.
pub const REGION: &str = "us-east-2";

/// Every two values of two options, together in some environment; and what images without a program differ in. All have
/// the same name, so many of their templates are the same.
pub static PAIRS: LazyLock<Vec<(Environment, Blueprint)>> = LazyLock::new(|| {
    let folder = folder();
    let all = pairwise().into_iter().map(|pick| {
        let settings = CHOICES.iter().zip(pick).map(|(choice, value)| choice.values[value]);
        rendered(folder.path(), &settings.collect::<Vec<_>>(), REGION)
    });
    all.chain(bare(folder.path())).collect()
});

/// Templates that have between them each value at each place, and each set of keys, that is in any of all pairs, of the files in
/// stacks/, and of those deployed on an emulator of this machine; each with a name, which is that of a part and a number.
/// cfn-lint and Checkov take half a second for each template: all of them would take minutes.
pub fn every_value() -> BTreeMap<String, &'static str> {
    static FILES: LazyLock<Vec<Blueprint>> = LazyLock::new(|| {
        let both = |name| [shipped(name, false), shipped(name, true)];
        SHIPPED.into_iter().flat_map(both).collect()
    });
    let blueprints = PAIRS.iter().map(|(_, blueprint)| blueprint).chain(FILES.iter());
    let of_blueprint = |blueprint: &'static Blueprint| {
        let stacks = blueprint.stacks.iter();
        let stacks = stacks
            .flat_map(|stack| [Some(stack), stack.before_switch.as_deref()])
            .flatten();
        stacks.map(|stack| {
            (
                stack.body.as_str(),
                (stack.part.as_str(), blueprint.environment.as_str()),
            )
        })
    };
    let bodies: BTreeMap<&str, (&str, &str)> = blueprints.flat_map(of_blueprint).collect();
    let bodies = bodies.into_iter();
    let mut left: Vec<(&str, &str, BTreeSet<String>)> = bodies
        .map(|(body, (part, name))| (body, part, said(&body.replace(name, "NAME"))))
        .collect();
    let mut chosen = BTreeMap::new();
    while let Some(at) = (0..left.len()).max_by_key(|at| left[*at].2.len()) {
        let (body, part, news) = left.swap_remove(at);
        if news.is_empty() {
            break;
        }
        for (_, _, said) in &mut left {
            said.retain(|one| !news.contains(one));
        }
        chosen.insert(format!("{part}-{}", chosen.len()), body);
    }
    chosen
}

/// What a template says at each of its places: a value, or which properties there are. Places in lists count as one.
fn said(body: &str) -> BTreeSet<String> {
    fn of(place: &str, value: &Value, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(entries) => {
                // Elsewhere the user chooses the keys, or the parts that there are.
                let is_free = place.ends_with(".Variables") || place.contains(".Fn::");
                if place.contains(".Properties") && !is_free {
                    let keys: BTreeSet<&String> = entries.keys().collect();
                    all.insert(format!("{place} has {keys:?}"));
                }
                for (key, value) in entries {
                    of(&format!("{place}.{key}"), value, all);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| of(&format!("{place}[]"), value, all)),
            // The same of another length, such as a script or a dashboard.
            Value::String(text) => {
                let begin: String = text.chars().take(60).collect();
                all.insert(format!("{place}: {begin}"));
            }
            value => {
                all.insert(format!("{place}: {value}"));
            }
        }
    }
    let mut all = BTreeSet::new();
    of("", &Value::Object(template::read(body).expect("a template")), &mut all);
    all
}

/// All templates that differ when each option is given each value, the others being as they are without it; in a region in
/// which they may all stand by.
pub fn every_option_in(region: &str, stands_by: bool) -> BTreeSet<String> {
    let folder = folder();
    let mut bodies = BTreeSet::new();
    for (place, choice) in CHOICES.iter().enumerate() {
        for value in choice.values {
            let mut settings = usual();
            settings[place] = *value;
            if stands_by {
                settings[place_of("standby")] = CHOICES[place_of("standby")].values[1];
            }
            let stacks = rendered(folder.path(), &settings, region).1.stacks;
            bodies.extend(stacks.into_iter().map(|stack| stack.body));
        }
    }
    bodies
}

fn place_of(name: &str) -> usize {
    CHOICES.iter().position(|choice| choice.name == name).expect("a choice")
}

/// The first value of each option.
fn usual() -> Vec<Setting> {
    CHOICES.iter().map(|choice| choice.values[0]).collect()
}

/// Without a program there is less that can be said beside it.
fn bare(folder: &Path) -> Vec<(Environment, Blueprint)> {
    let images = [
        "image: /own/images/ready\nenvironment: {MODE: fast}",
        "image: ami-0123456789abcdef0\ndrain_timeout: 2m",
        "image: ami-0123456789abcdef0\nsettings: none\nspot: true",
    ];
    let with = |instances| {
        let mut settings = usual();
        settings[place_of("image")].instances = instances;
        rendered(folder, &settings, REGION)
    };
    images.into_iter().map(with).collect()
}

/// Whether an environment may have both: a choice and a value of it, by index.
fn compatible((choice, value): (usize, usize), (other, its): (usize, usize)) -> bool {
    let (one, two) = (&CHOICES[choice].values[value], &CHOICES[other].values[its]);
    one.goes_with(CHOICES[other].name, two.name) && two.goes_with(CHOICES[choice].name, one.name)
}

/// Picks a value for each choice, again and again, until every two values of two choices that go together have met.
fn pairwise() -> Vec<Vec<usize>> {
    let mut missing = BTreeSet::new();
    for (second, Choice { values, .. }) in CHOICES.iter().enumerate() {
        for (first, earlier) in CHOICES[..second].iter().enumerate() {
            for left in 0..earlier.values.len() {
                let rights = (0..values.len()).filter(|right| compatible((first, left), (second, *right)));
                missing.extend(rights.map(|right| (first, left, second, right)));
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
            let known: Vec<(usize, usize)> = pick
                .iter()
                .enumerate()
                .filter_map(|(at, it)| Some((at, (*it)?)))
                .collect();
            let fits = |value: &usize| known.iter().all(|other| compatible((choice, *value), *other));
            let news = |value: &usize| {
                let meets = |(other, its): &&(usize, usize)| match *other < choice {
                    true => missing.contains(&(*other, *its, choice, *value)),
                    false => missing.contains(&(choice, *value, *other, *its)),
                };
                known.iter().filter(meets).count()
            };
            let best = (0..CHOICES[choice].values.len()).filter(fits).max_by_key(news);
            let name = CHOICES[choice].name;
            pick[choice] = Some(best.unwrap_or_else(|| panic!("no value of `{name}` goes with {known:?}")));
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
fn file(settings: &[Setting]) -> String {
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
    let mut file = format!("name: lab\n{}", all(|setting| setting.file, 0));
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

/// In another region, with what is of one region only there, too.
fn rendered(folder: &Path, settings: &[Setting], region: &str) -> (Environment, Blueprint) {
    let text = file(settings).replace(REGION, region);
    let path = folder.join("lab.yaml");
    fs::write(&path, &text).expect("writes");
    let names = CHOICES.iter().zip(settings);
    let names: Vec<String> = names
        .map(|(choice, it)| format!("{}: {}", choice.name, it.name))
        .collect();
    let said = format!("{}\n{text}", names.join(", "));
    let environment = environment::load(&path).unwrap_or_else(|problems| panic!("{:?}\n{said}", problems.list));
    let placement = Placement {
        account: "111122223333".into(),
        region: region.into(),
        local: false,
    };
    let blueprint =
        blueprint::render(&environment, &placement).unwrap_or_else(|problems| panic!("{:?}\n{said}", problems.list));
    assert_eq!(lint::lint(&blueprint), [], "{said}");
    assert_eq!(sound::faults(&blueprint.stacks), [""; 0], "{said}");
    (environment, blueprint)
}

/// A folder with a program, for environment files that name one.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("program")).expect("makes a folder");
    for name in ["run", "app.py", "bootstrap"] {
        let path = folder.path().join("program").join(name);
        fs::write(&path, "#!/bin/sh\n# handler\n").expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("sets the mode");
    }
    fs::write(folder.path().join("own.yaml"), OWN).expect("writes");
    fs::write(folder.path().join("next.json"), NEXT).expect("writes");
    folder
}

/// Templates of one's own, for those that name them.
const OWN: &str = "\
Resources:
  Text:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: it's}
Outputs:
  Text: {Value: !GetAtt Text.Value}
";
const NEXT: &str = r#"{"Parameters": {"Told": {"Type": "String"}, "QueueUrl": {"Type": "String"}},
    "Resources": {"Text": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String",
        "Value": {"Fn::Sub": "${Told} ${QueueUrl}"}}}}}"#;
