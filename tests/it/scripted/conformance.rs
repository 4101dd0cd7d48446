//! The scripted endpoint against recordings of real AWS: the same requests, and the answers must agree. Where they don't,
//! the recording is right.

mod compare;
mod fixture;
mod play;
mod wire;

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

#[tokio::test(start_paused = true)]
async fn the_endpoint_says_what_aws_said() {
    let mut wrong = Vec::new();
    for (name, fixture) in fixture::all() {
        let found = play::play(&fixture).await;
        if !found.is_empty() {
            wrong.push(format!("{name}\n    {}", found.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every action that the endpoint has an arm for was recorded, or is listed with its source.
#[test]
fn what_is_modelled_without_a_recording_is_listed_with_its_source() {
    let endpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/endpoint");
    let name = Regex::new(r#""([A-Za-z0-9]+)""#).expect("a pattern");
    let mut modelled = BTreeSet::new();
    for entry in std::fs::read_dir(&endpoint).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a module");
            // A match's arm, or a comparison.
            let heads = text.lines().filter_map(|line| match line.split_once("=>") {
                Some((head, _)) => Some(head),
                None => Some(line).filter(|line| line.contains("action == ") || line.contains("action != ")),
            });
            let names = heads.flat_map(|head| name.captures_iter(head));
            modelled.extend(
                names
                    .map(|found| found[1].to_owned())
                    .filter(|name| wire::is_action(name)),
            );
        }
    }
    assert!(modelled.len() > 60, "{modelled:?}");
    let fixtures = fixture::all();
    let steps = fixtures.iter().flat_map(|(_, fixture)| &fixture.steps);
    let recorded = steps.filter(|step| step.answer.is_some() || step.error.is_some());
    let recorded: BTreeSet<String> = recorded.map(|step| step.action.clone()).collect();
    let sources = std::fs::read_to_string(endpoint.join("sources.md")).expect("the list");
    let row = Regex::new(r"(?m)^\| ([A-Z][A-Za-z0-9]+) \| .+ \|$").expect("a pattern");
    let listed: BTreeSet<String> = row.captures_iter(&sources).map(|found| found[1].to_owned()).collect();
    let listed: BTreeSet<String> = listed.into_iter().filter(|name| wire::is_action(name)).collect();
    let missing: Vec<&String> = modelled
        .iter()
        .filter(|name| !recorded.contains(*name) && !listed.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "neither recorded nor in tests/it/endpoint/sources.md: {missing:?}"
    );
    let needless: Vec<&String> = listed.intersection(&recorded).collect();
    assert!(needless.is_empty(), "recorded by now: {needless:?}");
}

#[test]
fn each_recording_says_where_it_is_from_and_names_no_account() {
    let account = Regex::new(r"\b[0-9]{12}\b").expect("a pattern");
    for (name, fixture) in fixture::all() {
        let source = fixture.source;
        assert!(!source.origin.is_empty(), "{name}");
        // What may be here beside the project's own licences needs its notice in the folder's README.
        assert!(
            ["Apache-2.0", "MIT OR Apache-2.0"].contains(&source.license.as_str()),
            "{name}"
        );
        assert!(source.recorded.parse::<jiff::civil::Date>().is_ok(), "{name}");
        let text = std::fs::read_to_string(fixture::path(&name)).expect("a fixture");
        let other = account.find_iter(&text).find(|found| found.as_str() != "111111111111");
        assert!(other.is_none(), "{name}: {other:?}");
    }
}
