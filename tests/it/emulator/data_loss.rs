//! What `destroy` says of data before it begins; and on the emulator, that all of it is deleted.

use std::time::Duration;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use regex::Regex;

use crate::deployed::{BUCKET, DEAD_LETTERS, Emulated, QUEUE, stack, test};
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::{Output, in_a_terminal, without_control};

const INTAKE: &str =
    "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: lab-111122223333-us-east-2\n";
const WORK: &str = "\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: lab-work}
  DeadLetterQueue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: lab-work-dlq}
";

/// A bucket's stack and a stage's, whose data `on_destroy` goes by.
fn lab(script: Script, on_destroy: &str) -> Endpoint {
    let policy = if on_destroy == "keep" { "Retain" } else { "Delete" };
    let tagged = |part: &str, body: &str| {
        let body = body.replace(
            "    Properties",
            &format!("    DeletionPolicy: {policy}\n    Properties"),
        );
        stack(part).tag("qfleet:on-destroy", on_destroy).body(&body)
    };
    let endpoint = Endpoint::serve(script.existing(tagged("intake", INTAKE)).existing(tagged("work", WORK)));
    endpoint.world(|world| {
        world.services.make_bucket(BUCKET);
        world.services.queues.make(QUEUE, &[]);
        world.services.queues.make(DEAD_LETTERS, &["one", "two"]);
    });
    endpoint
}

/// Asks what would be lost, and is not confirmed.
fn asked(endpoint: &Endpoint) -> Output {
    let asked = test(endpoint).args(["destroy", "lab.yaml"]).status(4).run();
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
    assert_eq!(endpoint.calls("DeleteObjects").len(), 0);
    asked
}

fn fill(endpoint: &Endpoint, objects: usize) {
    endpoint.world(|world| {
        for number in 0..objects {
            world
                .services
                .put_object(BUCKET, &format!("uploads/{number}"), "content");
        }
    });
}

#[test]
fn what_will_be_lost_is_counted_or_said_to_be_estimated() {
    let endpoint = lab(Script::new(), "empty");
    endpoint.world(|world| {
        let bucket = world.services.make_bucket(BUCKET);
        bucket.keeps_versions = true;
        for key in ["a", "a", "b"] {
            bucket.put(key, "content".into());
        }
        bucket.delete("b", None);
        world.services.multiparts.begin(BUCKET, "c");
    });
    let said = asked(&endpoint).stdout;
    let bucket = "s3://lab-111122223333-us-east-2: 1 object (21 B), 2 older versions, 1 delete marker, 1 unfinished upload, counted";
    assert!(
        said.contains(&format!("What is in them is lost:\n  - {bucket}\n")),
        "{said}"
    );
    assert!(
        said.contains("  - queue lab-work: no messages, as SQS estimates\n"),
        "{said}"
    );
    // The question shows the same where the results go to a program.
    let run = test(&endpoint)
        .args(["destroy", "lab.yaml", "--output", "json"])
        .status(4);
    let asked = run.stderr_contains(format!("  - {bucket}\n")).run();
    assert_eq!(asked.json()["error"]["exit_code"], 4);
    assert_eq!(asked.json()["error"]["reason"], "not_confirmed");
    let dead = "dead-letter queue lab-work-dlq: about 2 messages (2 waiting, 0 in flight, 0 delayed), as SQS estimates";
    assert!(said.contains(&format!("  - {dead}\n")), "{said}");
    assert!(!said.contains("What stays"), "{said}");
}

#[test]
fn what_stays_is_not_among_what_is_lost() {
    let endpoint = lab(Script::new(), "keep");
    fill(&endpoint, 1);
    let said = asked(&endpoint).stdout;
    assert!(
        said.contains("  = s3://lab-111122223333-us-east-2: 1 object (7 B), counted\n"),
        "{said}"
    );
    assert!(
        said.contains("  = dead-letter queue lab-work-dlq: about 2 messages"),
        "{said}"
    );
    assert!(!said.contains("is lost"), "{said}");
}

/// Twenty pages are counted. For what is behind them there is CloudWatch's estimate.
#[test]
fn too_much_to_count_is_estimated_by_cloudwatch_or_said_to_be_more() {
    for (series, says) in [
        (
            vec![(60 * 24, 900.0), (60, 1000.0)],
            "about 1000 objects and older versions (3.00 KiB), as CloudWatch estimated on 20",
        ),
        // An estimate below what was counted is from another day, and isn't shown.
        (vec![(60, 30.0)], "more than 40 objects (280 B): too many to count"),
        (vec![], "more than 40 objects (280 B): too many to count"),
    ] {
        let endpoint = lab(
            Script::new()
                .series("versions", &series)
                .series("bytes", &[(60, 3072.0)]),
            "empty",
        );
        endpoint.world(|world| world.services.objects_a_page = Some(2));
        fill(&endpoint, 41);
        let said = asked(&endpoint).stdout;
        assert!(said.contains(&format!("s3://{BUCKET}: {says}")), "{said}");
        assert_eq!(endpoint.calls("ListObjectVersions").len(), 20);
    }
    let endpoint = lab(Script::new(), "empty");
    endpoint.world(|world| world.services.objects_a_page = Some(2));
    fill(&endpoint, 40);
    let said = asked(&endpoint).stdout;
    assert!(said.contains("40 objects (280 B), counted"), "{said}");
    assert_eq!(endpoint.calls("GetMetricData").len(), 0, "nothing to estimate");
}

#[test]
fn one_read_that_fails_leaves_the_rest_and_stops_nothing() {
    let denied = || Fault::refuse(403, "AccessDenied", "Access Denied");
    let script = Script::new()
        .fault(On::action("ListObjectVersions").numbers(1..=1), denied())
        .fault(On::action("GetQueueAttributes").numbers(1..=1), denied());
    let endpoint = lab(script, "empty");
    let destroyed = test(&endpoint)
        .args(["destroy", "lab.yaml", "--yes", "--output", "json"])
        .run();
    let data = &destroyed.json()["data"];
    assert_eq!(data["buckets"][0]["how"], "unknown");
    assert_eq!(data["buckets"][0]["reason"], "ListObjectVersions failed: Access Denied");
    let queues = data["queues"].as_array().expect("queues");
    let known: Vec<_> = queues.iter().map(|queue| queue["how"].as_str().expect("how")).collect();
    assert!(known.contains(&"unknown") && known.contains(&"estimated"), "{known:?}");
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
}

#[test]
fn programs_are_told_the_same() {
    let endpoint = lab(Script::new(), "empty");
    fill(&endpoint, 3);
    let lines = test(&endpoint)
        .args(["destroy", "lab.yaml", "--yes", "--output", "jsonl"])
        .run()
        .json_lines();
    let bucket = serde_json::json!({
        "bucket": BUCKET, "logical_id": "Bucket", "stack": "lab-intake", "kept": false, "how": "counted", "objects": 3,
        "noncurrent_versions": 0, "delete_markers": 0, "bytes": 21, "open_uploads": 0,
    });
    assert_eq!(lines[0]["data"]["buckets"][0], bucket);
    let dead = serde_json::json!({
        "queue": DEAD_LETTERS, "logical_id": "DeadLetterQueue", "stack": "lab-work", "dead_letters": true, "kept": false, "how": "estimated",
        "visible_messages": 2, "in_flight_messages": 0, "delayed_messages": 0,
    });
    assert!(
        lines[0]["data"]["queues"]
            .as_array()
            .is_some_and(|queues| queues.contains(&dead)),
        "{:#}",
        lines[0]
    );
    let last = lines.last().expect("a result");
    assert_eq!(last["result"]["data"], lines[0]["data"]);
    let of = |name: &str| {
        lines
            .iter()
            .find(|line| line["event"] == name)
            .unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(
        (&of("emptying")["deleted_objects"], &of("emptying")["total_objects"]),
        (&0.into(), &3.into())
    );
    assert_eq!(
        (&of("emptied")["deleted_objects"], &of("emptied")["aborted_uploads"]),
        (&3.into(), &0.into())
    );
}

/// 2,500 objects, half of them with versions and delete markers, keys of all kinds, and 50 open uploads.
#[test]
fn on_the_emulator_everything_is_counted_and_goes() {
    const KEYS: usize = 1250;
    let lab = Emulated::deploy();
    let bucket = lab.bucket.clone();
    lab.aws(async |aws| {
        let s3 = &aws.s3;
        let keeps = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let kept = s3
            .put_bucket_versioning()
            .bucket(&bucket)
            .versioning_configuration(keeps);
        kept.send().await.expect("versions");
        let odd = [
            "a b+c%2F",
            "ü🚚/<&>'\"",
            "?x=1#y",
            "new\nline",
            "/",
            "a//b",
            ".",
            "x/../y",
        ];
        let even = (0..KEYS - odd.len()).map(|number| format!("uploads/{number:04}"));
        let keys: Vec<String> = odd.iter().map(ToString::to_string).chain(even).collect();
        let put = async |key: &String| {
            let put = s3.put_object().bucket(&bucket).key(key);
            put.body(b"content".to_vec().into()).send().await.expect("an object");
        };
        for some in keys.chunks(50) {
            futures_util::future::join_all(some.iter().map(put)).await;
        }
        // Each key once more: half of them another version, the others a delete marker.
        for (place, some) in keys.chunks(50).enumerate() {
            match place % 2 {
                0 => drop(futures_util::future::join_all(some.iter().map(put)).await),
                _ => {
                    let deletes = some
                        .iter()
                        .map(|key| s3.delete_object().bucket(&bucket).key(key).send());
                    futures_util::future::try_join_all(deletes)
                        .await
                        .expect("delete markers");
                }
            }
        }
        for number in 0..50 {
            let begun = s3
                .create_multipart_upload()
                .bucket(&bucket)
                .key(format!("uploads/large-{number}"));
            let id = begun.send().await.expect("an upload").upload_id.expect("an id");
            let part = s3
                .upload_part()
                .bucket(&bucket)
                .key(format!("uploads/large-{number}"))
                .upload_id(id);
            part.part_number(1)
                .body(b"part".to_vec().into())
                .send()
                .await
                .expect("a part");
        }
    });
    let destroyed = lab.run(&["destroy", "lab.yaml", "--yes", "--output", "json"]).run();
    let document = destroyed.json();
    let buckets = document["data"]["buckets"].as_array().expect("buckets");
    let of_intake = buckets
        .iter()
        .find(|found| found["bucket"] == bucket)
        .expect("the bucket");
    let count = |name: &str| of_intake[name].as_u64().expect("a count");
    assert_eq!(of_intake["how"], "counted");
    assert_eq!(
        count("objects") + count("noncurrent_versions") + count("delete_markers"),
        2 * KEYS as u64
    );
    assert_eq!(count("delete_markers"), 600);
    assert_eq!(count("noncurrent_versions"), KEYS as u64);
    assert_eq!((count("objects"), count("open_uploads")), (650, 50));
    assert_eq!(count("bytes"), 7 * (2 * KEYS as u64 - 600));
    assert!(
        destroyed.stderr.contains(&format!("emptied s3://{bucket} in ")),
        "{}",
        destroyed.stderr
    );
    assert!(
        destroyed
            .stderr
            .contains(": 2500 objects deleted, 50 unfinished uploads aborted"),
        "{}",
        destroyed.stderr
    );
    assert_eq!(document["succeeded"], true);
    lab.aws(async |aws| {
        let head = aws.s3.head_bucket().bucket(&bucket).send().await;
        assert!(head.is_err(), "the bucket is there");
    });
}

/// A log is told at the beginning, now and then, and at the end: not of each call.
#[test]
fn a_log_is_not_flooded() {
    let endpoint = lab(Script::new(), "empty");
    endpoint.world(|world| world.services.objects_a_page = Some(1));
    fill(&endpoint, 15);
    endpoint.rescript(|script| script.fault(On::action("DeleteObjects"), Fault::Late(Duration::from_millis(200))));
    let destroyed = test(&endpoint).args(["destroy", "lab.yaml", "--yes"]).run();
    let lines: Vec<&str> = destroyed.stderr.lines().filter(|line| line.contains("s3://")).collect();
    assert!(lines.len() < 15, "{lines:#?}");
    assert_eq!(lines[0], format!("emptying s3://{BUCKET}: 0 of 15 objects deleted"));
    assert!(
        lines[lines.len() - 1].starts_with(&format!("✓ emptied s3://{BUCKET} in ")),
        "{lines:#?}"
    );
}

/// In a terminal: a bar, how many objects a second, and how long it will still take.
#[test]
fn a_terminal_shows_a_bar_that_fits() {
    let whole = Regex::new(r" emptying s3://lab-\S+  \d+ of 16 objects, \d+/s, \S.* left").expect("a pattern");
    for columns in [60, 120] {
        // One stack alone, so that nothing else is redrawn.
        let intake = stack("intake").tag("qfleet:on-destroy", "empty").body(INTAKE);
        let slowly = Fault::Late(Duration::from_millis(1500));
        let endpoint = Endpoint::serve(
            Script::new()
                .existing(intake)
                .fault(On::action("DeleteObjects"), slowly),
        );
        endpoint.world(|world| world.services.objects_a_page = Some(1));
        fill(&endpoint, 16);
        let destroy = test(&endpoint).args(["destroy", "lab.yaml", "--yes", "--color", "never"]);
        let (code, said) = in_a_terminal(&destroy, columns, &[]);
        assert_eq!(code, 0, "{said}");
        let shown = without_control(&said);
        let live: Vec<&str> = shown
            .split(['\r', '\n'])
            .filter(|line| line.contains(" emptying s3://"))
            .collect();
        assert!(live.iter().any(|line| line.starts_with("████")), "a bar: {live:#?}");
        for line in &live {
            assert!(
                line.trim_end().chars().count() <= columns.into(),
                "wider than {columns}: {line:?}"
            );
        }
        assert_eq!(
            live.iter().any(|line| whole.is_match(line)),
            columns == 120,
            "{live:#?}"
        );
    }
}
