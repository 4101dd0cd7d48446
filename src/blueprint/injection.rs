//! No value of an environment file can change a template's structure, a policy's meaning or a shell script.
//!
//! Shown with environments made in memory, past the checks of the file, which refuse most of these values. Each is
//! rendered twice: once with marks in the place of its texts, once with hostile texts. What is read back must be the
//! same, key by key and function by function, with each hostile text where its mark was, and unchanged.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::quoting::{environment_file_value, iam_literal};
use super::{Blueprint, Placement, lint, render, template};
use crate::environment::{Alerts, Environment, Secret, Stage, Zones};

/// How many texts an environment has here.
const TEXTS: usize = 20;

/// A text for each mark.
fn mark(number: usize) -> String {
    format!("MARK{number:02}X")
}

fn environment(texts: &[String], program: &str) -> Environment {
    let text = |number: usize| texts[number].clone();
    let yaml = "
name: x
bucket: {uploads: a/, processed: b/}
stages:
  - name: x
    from: bucket
    replies: true
    workers: {instances: {program: x, types: [t4g.small], min: 0, max: 4, session_manager: true, spot: true}}
    scaling: {seconds_per_message: 1}
  - name: y
    workers: {instances: {program: x, types: [t4g.small], min: 1, max: 1}}
  - name: z
    workers: {lambda: {program: x, handler: x, runtime: java21}}
";
    let mut environment: Environment = serde_yaml::from_str(yaml).expect("a harmless environment");
    environment.name = text(0);
    environment.tags = [(text(1), text(2))].into();
    if let Some(bucket) = &mut environment.bucket {
        (bucket.uploads, bucket.processed) = (text(3), text(4));
    }
    environment.alerts = Some(Alerts {
        email: Some(text(15)),
        topic: None,
    });
    // Two names that are never the same, and never `bucket`.
    environment.stages[0].name = text(5) + "-1";
    environment.stages[1].name = text(6) + "-2";
    environment.stages[1].from = Some(environment.stages[0].name.clone());
    let instances = |stage: &mut Stage| stage.workers.instances.take().expect("instances");
    let mut first = instances(&mut environment.stages[0]);
    first.program = Some(program.to_owned());
    // An architecture can't be read off such names, so the image is named.
    first.image = "/".to_owned() + &texts[7];
    first.types = vec![text(7), text(8)];
    first.zones = Some(Zones::Named(vec![text(9)]));
    first.policies = vec![text(10)];
    // In this order, whatever the texts are.
    first.environment = [("A".to_owned() + &texts[11], text(12)), ("B".to_owned(), text(13))].into();
    first.secrets = [("S".to_owned() + &texts[11], Secret("/".to_owned() + &texts[14]))].into();
    environment.stages[0].workers.instances = Some(first);
    let mut second = instances(&mut environment.stages[1]);
    second.program = Some(program.to_owned());
    second.image = "ami-".to_owned() + &texts[7];
    second.vpc = Some(text(8));
    second.subnets = Some(vec![text(9)]);
    second.security_groups = vec![text(14)];
    environment.stages[1].workers.instances = Some(second);
    environment.stages[2].name = text(16) + "-3";
    let mut function = environment.stages[2].workers.lambda.take().expect("a function");
    function.program = program.to_owned();
    function.handler = text(17);
    function.policies = vec![text(18)];
    function.environment = [("A".to_owned(), text(19))].into();
    environment.stages[2].workers.lambda = Some(function);
    environment
}

fn rendered(texts: &[String], program: &str) -> Blueprint {
    let placement = Placement {
        account: "111122223333".into(),
        region: "us-east-2".into(),
        local: false,
    };
    render(&environment(texts, program), &placement).expect("it renders")
}

/// What must stand at `place` where `text` stands with marks: each text in the form that its reader understands.
fn expected(place: &str, text: &str, texts: &[String]) -> String {
    let plain = |text: &str| text.to_owned();
    let in_json = |text: &str| {
        let quoted = Json::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    if place.contains("/Statement/") {
        return replaced(text, texts, &iam_literal);
    }
    if place.contains("/NotificationConfiguration/") || place.contains("/FilterPolicy/") {
        return replaced(text, texts, &super::quoting::key_in_events);
    }
    if place.contains("/DashboardBody/") {
        return replaced(text, texts, &in_json);
    }
    // A line of an environment file: the value is quoted as a whole.
    if (place.contains("/Fn::Base64/") || place.contains("/WorkerEnvironment/"))
        && let Some((name, value)) = text.split_once('=')
    {
        let value = environment_file_value(&replaced(value, texts, &plain));
        return format!("{}={value}", replaced(name, texts, &plain));
    }
    replaced(text, texts, &plain)
}

fn replaced(text: &str, texts: &[String], form: &dyn Fn(&str) -> String) -> String {
    texts
        .iter()
        .enumerate()
        .fold(text.to_owned(), |done, (number, hostile)| {
            done.replace(&mark(number), &form(hostile))
        })
}

/// The end mark of a here-document is a hash, and may differ.
fn is_end_mark(text: &str) -> bool {
    text.strip_prefix("END_")
        .is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn compare(place: &str, harmless: &Json, hostile: &Json, texts: &[String]) -> Result<(), String> {
    match (harmless, hostile) {
        (Json::Object(left), Json::Object(right)) => {
            if !left.keys().eq(right.keys()) {
                return Err(format!("{place}: the keys differ: {left:?} {right:?}"));
            }
            if let Some(Json::String(text)) = left.get("Fn::Sub")
                && text.contains("MARK")
            {
                return Err(format!("{place}: a value stands in the text of an Fn::Sub: {text}"));
            }
            left.iter()
                .try_for_each(|(key, value)| compare(&format!("{place}/{key}"), value, &right[key], texts))
        }
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .try_for_each(|(index, (left, right))| compare(&format!("{place}/{index}"), left, right, texts)),
        (Json::String(left), Json::String(right)) => {
            let ends_document = left
                .split_once("<<'")
                .zip(right.split_once("<<'"))
                .is_some_and(|(left, right)| {
                    left.0 == right.0
                        && is_end_mark(left.1.trim_end_matches('\''))
                        && is_end_mark(right.1.trim_end_matches('\''))
                });
            if ends_document
                || (is_end_mark(left) && is_end_mark(right))
                || expected(place, left, texts) == *right
                || !left.contains("MARK") && left == right
            {
                Ok(())
            } else {
                Err(format!("{place}: {left:?} became {right:?}"))
            }
        }
        (left, right) if left == right => Ok(()),
        (left, right) => Err(format!("{place}: {left} became {right}")),
    }
}

fn hostile_text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        proptest::sample::select(vec![
            "\"",
            "'",
            "\n",
            "\r\n",
            "\\",
            "{{",
            "}}",
            "{%",
            "#}",
            "!Ref Queue",
            "!Sub ",
            "${AWS::Region}",
            "${",
            "$(id)",
            "`id`",
            "$HOME",
            ": ",
            " #",
            "- ",
            "&a",
            "*a",
            "|",
            ">",
            "*",
            "?",
            "END",
            "\u{85}",
            "\u{2028}",
            "\u{0}",
            "\t",
            "~",
            "yes",
            "0777",
            "Fn::Join",
            "</script>",
            "\u{1f600}",
            "%",
            "=",
            ";",
            "../",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(fragment, 1..5).prop_map(|fragments| fragments.concat())
}

fn program() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    std::fs::write(&run, "#!/bin/sh\n").expect("writes");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).expect("sets the mode");
    folder
}

/// A here-document ends at the first line that is its mark, so no line in it may be one.
fn here_documents_end_where_they_should(template: &serde_json::Map<String, Json>) -> Result<(), String> {
    let Some(lines) = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]
        .pointer("/Fn::Base64/Fn::Join/1")
        .and_then(Json::as_array)
    else {
        return Err("no user data".to_owned());
    };
    let mark = lines
        .iter()
        .filter_map(Json::as_str)
        .find(|line| is_end_mark(line))
        .ok_or("no end mark")?;
    let inside = serde_json::to_string(&lines[..lines.len() - 1]).map_err(|error| error.to_string())?;
    // Two documents, each of which names its mark first and ends with it.
    match inside.matches(mark).count() {
        4 => Ok(()),
        found => Err(format!("{found} end marks")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hostile_texts_stay_texts(texts in proptest::collection::vec(hostile_text(), TEXTS)) {
        let folder = program();
        let program = folder.path().to_str().expect("UTF-8");
        let marks: Vec<String> = (0..TEXTS).map(mark).collect();
        let (harmless, hostile) = (rendered(&marks, program), rendered(&texts, program));
        prop_assert_eq!(harmless.stacks.len(), hostile.stacks.len());
        for (left, right) in harmless.stacks.iter().zip(&hostile.stacks) {
            let read = |body: &str| template::read(body).map_err(TestCaseError::fail);
            let (left_template, right_template) = (read(&left.body)?, read(&right.body)?);
            let compared = compare("", &left_template.clone().into(), &right_template.clone().into(), &texts);
            prop_assert!(compared.is_ok(), "{}: {compared:?}", left.part);
            if right_template["Resources"].get("LaunchTemplate").is_some() {
                let ends = here_documents_end_where_they_should(&right_template);
                prop_assert!(ends.is_ok(), "{}: {ends:?}", left.part);
            }
            prop_assert!(left.parameters.keys().eq(right.parameters.keys()));
            for (name, value) in &left.parameters {
                if let (super::Value::Literal(left), super::Value::Literal(right)) = (value, &right.parameters[name]) {
                    prop_assert_eq!(&expected("", left, &texts), right);
                }
            }
            prop_assert_eq!(right.tags.get(&texts[1]), Some(&texts[2]));
        }
        prop_assert_eq!(lint::lint(&hostile), []);
    }
}
