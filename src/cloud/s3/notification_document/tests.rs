use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::blueprint::outputs;

const TOPIC: &str = "arn:aws:sns:us-east-2:111122223333:lab-uploads";
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What an environment `lab` wants: prefixes with their suffixes.
fn wanted(rules: &[(&str, &str)]) -> Notifications {
    let mut prefixes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (prefix, suffix) in rules {
        prefixes.entry(prefix).or_default().push(suffix);
    }
    let text = serde_json::json!({"lab-uploads": prefixes}).to_string();
    let outputs = BTreeMap::from([
        (outputs::EXISTING_BUCKET.to_owned(), "files".to_owned()),
        (outputs::NOTIFICATIONS.to_owned(), text),
    ]);
    Notifications::deployed("lab", "111122223333", "us-east-2", &outputs)
        .expect("rules")
        .expect("a bucket")
}

fn document(inside: &str) -> Document {
    let text = format!(
        "<?xml version=\"1.0\"?>\n<NotificationConfiguration xmlns=\"{NAMESPACE}\">{inside}</NotificationConfiguration>"
    );
    Document::parse(text).expect("a document")
}

fn entry(kind: &str, id: &str, destination: &str, events: &[&str], prefix: &str, suffix: &str) -> String {
    let (element, of) = match kind {
        "sns" => ("TopicConfiguration", "Topic"),
        "sqs" => ("QueueConfiguration", "Queue"),
        _ => ("CloudFunctionConfiguration", "CloudFunction"),
    };
    let events: String = events.iter().map(|event| format!("<Event>{event}</Event>")).collect();
    let rule = |name: &str, value: &str| format!("<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>");
    let filter = match (prefix, suffix) {
        ("", "") => String::new(),
        // As S3 hands them out.
        (prefix, "") => rule("Prefix", prefix),
        ("", suffix) => rule("Suffix", suffix),
        (prefix, suffix) => rule("Prefix", prefix) + &rule("Suffix", suffix),
    };
    let filter = match filter.is_empty() {
        true => filter,
        false => format!("<Filter><S3Key>{filter}</S3Key></Filter>"),
    };
    format!("<{element}><Id>{id}</Id><{of}>{destination}</{of}>{events}{filter}</{element}>")
}

#[test]
fn what_is_missing_is_put_before_all_others_and_nothing_else_changes() {
    let others = format!(
        "\n  {}\n  <!-- a note --><EventBridgeConfiguration/><NewConfiguration a=\"1\"><Of>the &amp; future</Of></NewConfiguration>\n",
        entry(
            "sqs",
            "theirs",
            "arn:aws:sqs:us-east-2:111122223333:audit",
            &["s3:ObjectRemoved:*"],
            "",
            ""
        )
    );
    let found = document(&others);
    let merge = found.merge(&wanted(&[("uploads/", "")]));
    assert_eq!((merge.added.len(), merge.removed.len(), merge.others), (1, 0, 1));
    let text = merge.text.expect("something to do");
    let (before, after) = text.split_once("<TopicConfiguration>").expect("ours");
    let (_, after) = after.split_once("</TopicConfiguration>").expect("its end");
    assert_eq!(format!("{before}{after}"), found.text);
    let now = Document::parse(text).expect("a document");
    assert_eq!(
        now.merge(&wanted(&[("uploads/", "")])).text,
        None,
        "nothing is left to do"
    );
    let ours = &now.entries[0];
    assert_eq!(
        (ours.destination.as_str(), ours.events.as_slice()),
        (TOPIC, [EVENT.to_owned()].as_slice())
    );
    assert_eq!((ours.prefix.as_str(), ours.suffix.as_str()), ("uploads/", ""));
}

#[test]
fn a_bucket_that_tells_nobody_has_an_empty_document_of_either_form() {
    for text in [
        format!("<NotificationConfiguration xmlns=\"{NAMESPACE}\"/>"),
        format!("<NotificationConfiguration xmlns=\"{NAMESPACE}\" />\n"),
        format!("<NotificationConfiguration xmlns=\"{NAMESPACE}\"></NotificationConfiguration>"),
        "<NotificationConfiguration>\n</NotificationConfiguration>".to_owned(),
    ] {
        let empty = Document::parse(text.clone()).expect("a document");
        let merged = empty
            .merge(&wanted(&[("a/", ".b"), ("a/", ".c")]))
            .text
            .expect("something to do");
        let now = Document::parse(merged).expect("a document");
        assert_eq!(now.entries.len(), 2, "{text}");
        assert_eq!(empty.merge(&wanted(&[])).text, None);
    }
    assert!(Document::parse("<Error><Code>Busy</Code></Error>".into()).is_err());
    assert!(Document::parse(String::new()).is_err());
}

#[test]
fn only_what_is_ours_is_taken_out_or_replaced() {
    let ours = document("")
        .merge(&wanted(&[("old/", "")]))
        .text
        .expect("something to do");
    let ours = Document::parse(ours).expect("a document").entries[0].id.clone();
    let theirs = [
        // Somebody's copy of ours, to a topic of theirs; and one of theirs to our topic.
        entry(
            "sns",
            &ours,
            "arn:aws:sns:us-east-2:111122223333:other",
            &[EVENT],
            "copy/",
            "",
        ),
        entry("sns", "by-hand", TOPIC, &["s3:ObjectRemoved:*"], "", ""),
        // Of the environment `lab-two`.
        entry(
            "sns",
            "qfleet-lab-two-0",
            "arn:aws:sns:us-east-2:111122223333:lab-two-uploads",
            &[EVENT],
            "two/",
            "",
        ),
    ];
    let own = entry("sns", &format!("{ours}-2"), TOPIC, &[EVENT], "old/", "");
    let found = document(&format!("{}{own}{}{}", theirs[0], theirs[1], theirs[2]));
    assert_eq!(
        found.merge(&wanted(&[("old/", "")])).text,
        None,
        "whatever number is behind its id"
    );
    let out = found.merge(&wanted(&[]));
    assert_eq!((out.removed.len(), out.others), (1, 3));
    assert_eq!(out.text, Some(document(&theirs.concat()).text));
    let other = found.merge(&wanted(&[("new/", "")]));
    assert_eq!((other.added.len(), other.removed.len()), (1, 1));
    // The id is somebody else's.
    let again = document(&theirs.concat())
        .merge(&wanted(&[("old/", "")]))
        .text
        .expect("something to do");
    assert!(again.contains(&format!("<Id>{ours}-2</Id>")), "{again}");
}

/// Whether S3 hands `%3D` out as it was sent is nowhere said.
#[test]
fn what_is_handed_out_decoded_is_ours_too() {
    let wanted = wanted(&[("day%3D1/in+2/", "")]);
    for prefix in ["day%3D1/in+2/", "day=1/in 2/"] {
        let found = document(&entry("sns", "qfleet-lab-0", TOPIC, &[EVENT], prefix, ""));
        assert_eq!(found.merge(&wanted).text, None, "{prefix}");
    }
    let other = document(&entry("sns", "qfleet-lab-0", TOPIC, &[EVENT], "day=2/", ""));
    assert!(other.merge(&wanted).text.is_some());
}

/// The examples of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>, where the
/// second is one of ours.
#[test]
fn what_overlaps_is_in_the_way() {
    for ((events, prefix, suffix), rule, overlaps) in [
        ((["s3:ObjectCreated:*"], "", ""), ("uploads/", ""), true),
        ((["s3:ObjectCreated:Put"], "uploads/img/", ""), ("uploads/", ""), true),
        ((["s3:ObjectCreated:Put"], "up", ""), ("uploads/", ""), true),
        ((["s3:ObjectCreated:Put"], "images", ""), ("logs/", ""), false),
        ((["s3:ObjectCreated:*"], "", ".jpg"), ("uploads/", ""), true),
        ((["s3:ObjectCreated:*"], "", "jpg"), ("uploads/", ".jpg"), true),
        ((["s3:ObjectCreated:*"], "", ".jpg"), ("uploads/", ".png"), false),
        (
            (["s3:ObjectCreated:Post"], "other/", ".png"),
            ("uploads/", ".png"),
            false,
        ),
        ((["s3:ObjectRemoved:*"], "uploads/", ""), ("uploads/", ""), false),
        ((["s3:ReducedRedundancyLostObject"], "", ""), ("uploads/", ""), false),
    ] {
        for kind in ["sns", "sqs", "lambda"] {
            let found = document(&entry(
                kind,
                "theirs",
                "arn:aws:sqs:us-east-2:1:q",
                &events,
                prefix,
                suffix,
            ));
            let conflicts = found.conflicts(&wanted(&[rule]));
            assert_eq!(!conflicts.is_empty(), overlaps, "{events:?} {prefix} {suffix} {rule:?}");
        }
    }
    let bridge = document("<EventBridgeConfiguration/>");
    assert_eq!(bridge.conflicts(&wanted(&[("uploads/", "")])), []);
    // Ours are not in the way of ours.
    let own = document("")
        .merge(&wanted(&[("uploads/", "")]))
        .text
        .expect("something to do");
    let own = Document::parse(own).expect("a document");
    assert_eq!(own.conflicts(&wanted(&[("uploads/", ".png")])), []);
}

fn others() -> impl Strategy<Value = String> {
    let one = (
        select(vec!["sns", "sqs", "lambda"]),
        "[a-zA-Z0-9_-]{1,12}",
        select(vec!["s3:ObjectRemoved:*", "s3:ObjectCreated:Put", "s3:ObjectTagging:*"]),
        "[a-z/%]{0,5}",
        "[a-z.]{0,5}",
    );
    let one = one.prop_map(|(kind, id, event, prefix, suffix)| {
        entry(kind, &id, "arn:aws:sqs:us-east-2:1:theirs", &[event], &prefix, &suffix)
    });
    let any = prop_oneof![
        8 => one,
        1 => Just("<EventBridgeConfiguration/>".to_owned()),
        1 => Just("\n  <!-- ÄÖ --> ".to_owned()),
        1 => Just("<Unheard><Of x=\"é\">…</Of></Unheard>".to_owned()),
    ];
    vec(any, 1..8).prop_map(|all| format!("{}<Last/>", all.concat()))
}

fn rules() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(
        ("[a-z]{1,4}/", select(vec!["", ".png", ".jpg"]).prop_map(str::to_owned)),
        0..4,
    )
    .prop_map(|mut all| {
        all.sort();
        all.dedup();
        all
    })
}

proptest! {
    /// Put in, changed and taken out again: what is others' is to the byte what it was.
    #[test]
    fn others_stay_to_the_byte(inside in others(), first in rules(), second in rules()) {
        let of = |rules: &[(String, String)]| {
            let rules: Vec<(&str, &str)> = rules.iter().map(|(prefix, suffix)| (prefix.as_str(), suffix.as_str())).collect();
            wanted(&rules)
        };
        let before = document(&inside);
        let mut now = before.clone();
        for rules in [&first, &second, &second, &first, &Vec::new()] {
            let wanted = of(rules);
            let merge = now.merge(&wanted);
            prop_assert_eq!(merge.others, before.entries.len());
            if let Some(text) = merge.text {
                now = Document::parse(text).expect("a document");
            }
            let again = now.merge(&wanted);
            prop_assert_eq!(again.text, None);
            let ours = now.entries.iter().filter(|entry| entry.is_of(&wanted));
            prop_assert_eq!(ours.count(), rules.len());
            let mut ids: Vec<&String> = now.entries.iter().map(|entry| &entry.id).collect();
            ids.sort();
            let all = ids.len();
            ids.dedup();
            prop_assert!(all - ids.len() <= before.entries.len());
        }
        prop_assert_eq!(now.text, before.text);
    }
}
