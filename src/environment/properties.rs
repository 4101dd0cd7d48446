//! What holds for every file, whatever is in it.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::arbitrary::{any_text, environment, hostile, spoilt};
use super::given_name::GivenBy;
use super::mend::{Broken, mend};
use super::problem::{Problem, Problems, Source};
use super::source::child;
use super::*;

/// Loads; a problem must be at a place that is in the file.
fn parse_and_locate(text: &str) -> Result<Environment, Problems> {
    let loaded = parse(Path::new("any.yaml"), text.to_owned());
    if let Err(problems) = &loaded {
        assert!(!problems.list.is_empty());
        let lines = text.matches('\n').count() + 1;
        for located in problems.located() {
            assert!((1..=lines).contains(&located.line), "{located:?}");
            assert!(located.column >= 1);
        }
    }
    loaded
}

/// The pointers of all texts in a value.
fn texts(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(pointer.to_owned()),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, item)| texts(item, &format!("{pointer}/{i}"), found));
        }
        Value::Object(entries) => entries
            .iter()
            .for_each(|(key, value)| texts(value, &child(pointer, key), found)),
        _ => {}
    }
}

/// Anything where something else is expected.
fn junk() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("the reader makes whole numbers of these", |f| f.fract() != 0.0)
            .prop_map(Value::from),
        hostile().prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!([{"a": [1]}, "b"])),
        Just(serde_json::json!({"name": "x", "min": -1})),
    ]
}

fn everything(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, item)| everything(item, &format!("{pointer}/{i}"), found));
        }
        Value::Object(entries) => {
            entries
                .iter()
                .for_each(|(key, value)| everything(value, &child(pointer, key), found));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("any.yaml");
        std::fs::write(&path, &bytes)?;
        if let Err(problems) = load(&path) {
            prop_assert!(problems.located().count() > 0);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any_text()) {
        let _ = parse_and_locate(&text);
    }

    #[test]
    fn a_spoilt_file_is_read_or_refused(text in spoilt()) {
        let _ = parse_and_locate(&text);
    }

    /// Whatever else is in the file; what its own name was doesn't matter.
    #[test]
    fn a_name_that_is_given_replaces_the_files_and_nothing_else(environment in environment(), own in "[ -~]{0,30}") {
        let given = GivenName { name: "given-7".to_owned(), by: GivenBy::Option };
        let mut file = serde_json::to_value(&environment).map_err(|e| TestCaseError::fail(e.to_string()))?;
        file["name"] = Value::from(own);
        let text = serde_yaml::to_string(&file).map_err(|e| TestCaseError::fail(e.to_string()))?;
        match parse_as(Path::new("any.yaml"), text, Some(&given)) {
            Ok(read) => {
                let _ = advise(&read);
                prop_assert_eq!(read.given_name(), Some(&given));
                let wanted = Environment { name: given.name, ..environment };
                prop_assert_eq!(Environment { source: Arc::default(), ..read }, wanted);
            }
            Err(problems) => return Err(TestCaseError::fail(format!("{:?}", problems.list))),
        }
    }

    #[test]
    fn a_valid_environment_is_written_and_read_back_equal(environment in environment()) {
        let text = serde_yaml::to_string(&environment).map_err(|e| TestCaseError::fail(e.to_string()))?;
        match parse_and_locate(&text) {
            Ok(read) => {
                let _ = advise(&read);
                prop_assert_eq!(Environment { source: Arc::default(), ..read }, environment);
            }
            Err(problems) => return Err(TestCaseError::fail(format!("{:?}", problems.list))),
        }
    }

    #[test]
    fn a_hostile_text_is_taken_as_it_is_or_refused_at_its_place(
        environment in environment(),
        which in any::<prop::sample::Index>(),
        text in hostile(),
    ) {
        let mut value = serde_json::to_value(&environment).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut pointers = Vec::new();
        texts(&value, "", &mut pointers);
        let pointer = which.get(&pointers);
        let old = value.pointer(pointer).and_then(Value::as_str).map(|old| format!("`{old}`"));
        if let Some(spot) = value.pointer_mut(pointer) {
            *spot = text.clone().into();
        }
        // JSON is YAML, and quotes every text.
        match parse_and_locate(&value.to_string()) {
            Ok(read) => {
                let read = serde_json::to_value(&read).map_err(|e| TestCaseError::fail(e.to_string()))?;
                let kept = read.pointer(pointer).and_then(Value::as_str);
                let same_time = kept.and_then(|kept| kept.parse::<units::Duration>().ok()) == text.parse().ok();
                prop_assert!(kept == Some(text.as_str()) || same_time, "{} became {:?}", text, kept);
            }
            Err(problems) => {
                // A stage, an extra or an output of one with another name that is as good is missed where it was named.
                let is_name = pointer.ends_with("/name") || pointer.contains("/gives/");
                let is_old = |message: &str| old.as_ref().is_some_and(|old| message.contains(old));
                let missed = |p: &Problem| is_name && (p.pointer.ends_with("/from") || is_old(&p.message));
                let at_its_place = problems.list.iter().any(|p| pointer.starts_with(&p.pointer) || missed(p));
                prop_assert!(at_its_place, "{}: {:?}", pointer, problems.list);
            }
        }
    }

    /// What is right in a file is checked further although something in it is wrong.
    #[test]
    fn mending_always_fits_the_types(
        environment in environment(),
        spoils in proptest::collection::vec((any::<prop::sample::Index>(), junk()), 1..5),
    ) {
        let mut value = serde_json::to_value(&environment).map_err(|e| TestCaseError::fail(e.to_string()))?;
        for (which, junk) in spoils {
            let mut pointers = Vec::new();
            everything(&value, "", &mut pointers);
            if let Some(spot) = value.pointer_mut(&pointers[which.index(pointers.len())]) {
                *spot = junk;
            }
        }
        let _ = parse_and_locate(&value.to_string());
        let mut broken = Broken::default();
        load::against_schema(&value, &Source::default(), &mut broken);
        let mended = mend(schema(), &value, "", &broken);
        let fits = serde_json::from_value::<Environment>(mended.clone());
        prop_assert!(fits.is_ok(), "{}: {}", fits.map(|_| ()).unwrap_err(), mended);
    }
}
