//! `qfleet backfill`: what was in the bucket before, told as S3 would have told it.

use std::collections::BTreeSet;

use crate::deployed::{BUCKET, Emulated, QUEUE, intake, interrupted, lab, serve, stage, test, uploads_in};
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::in_a_terminal;

fn bodies(endpoint: &Endpoint) -> Vec<String> {
    endpoint.world(|world| world.services.queues.bodies(QUEUE))
}

/// An endpoint whose bucket holds objects under these keys, three to a page of a listing.
fn holding(script: Script, keys: &[String]) -> Endpoint {
    let endpoint = lab(script);
    endpoint.world(|world| {
        world.services.objects_a_page = Some(3);
        for key in keys {
            world.services.put_object(BUCKET, key, "content");
        }
    });
    endpoint
}

#[test]
fn a_worker_reads_of_every_object_that_is_there_now() {
    let lab = Emulated::deploy();
    let names = [
        "plain.txt",
        "with space.txt",
        "plus+sign.txt",
        "percent%20.txt",
        "emoji-🚚.txt",
        "folder/ümläut&a=b;c.txt",
    ];
    lab.aws(async |aws| {
        let put = async |key: &str, body: &'static [u8]| {
            let put = aws
                .s3
                .put_object()
                .bucket(&lab.bucket)
                .key(key)
                .body(body.to_vec().into());
            put.send().await.unwrap_or_else(|error| panic!("{key}: {error:?}"));
        };
        for name in names {
            put(&format!("uploads/{name}"), b"first").await;
        }
        put("uploads/plain.txt", b"overwritten").await;
        put("uploads/deleted.txt", b"x").await;
        put("processed/done.txt", b"x").await;
        let delete = aws.s3.delete_object().bucket(&lab.bucket).key("uploads/deleted.txt");
        delete.send().await.expect("deleted");
    });
    // The stage is there already, so S3's own events came, too.
    lab.wait_for(&lab.queue, names.len() + 2);
    lab.purge(&lab.queue);

    let unconfirmed = lab.run(&["backfill", "lab.yaml", "work"]).status(4);
    let unconfirmed = unconfirmed.stdout_contains("6 objects (36 B) under s3://").run();
    assert!(
        unconfirmed.stderr.contains("Send 6 messages to lab-work"),
        "{}",
        unconfirmed.stderr
    );
    let dry = lab.run(&["backfill", "lab.yaml", "work", "--dry-run", "--output", "json"]);
    let dry = dry.run().json();
    assert_eq!(
        (&dry["objects"], &dry["object_bytes"]),
        (&6.into(), &36.into()),
        "{dry}"
    );
    assert_eq!(lab.depth(&lab.queue), (0, 0), "nothing was sent");

    let sent = lab.run(&["backfill", "lab.yaml", "work", "--yes", "--output", "json"]);
    let sent = sent.run().json();
    assert_eq!(
        (&sent["messages"], &sent["succeeded"]),
        (&6.into(), &true.into()),
        "{sent}"
    );
    let events = lab.take(&lab.queue, 6);
    let events: Vec<&str> = events.iter().map(|event| event.body().expect("a body")).collect();
    let expected: BTreeSet<(String, String)> = names
        .iter()
        .map(|name| (lab.bucket.clone(), format!("uploads/{name}")))
        .collect();
    assert_eq!(uploads_in(events.iter().copied()), expected);

    let overwritten = events
        .iter()
        .find(|event| event.contains("plain.txt"))
        .expect("its event");
    let event: serde_json::Value = serde_json::from_str(overwritten).expect("JSON");
    let head = lab.aws(async |aws| {
        let head = aws.s3.head_object().bucket(&lab.bucket).key("uploads/plain.txt");
        head.send().await.expect("it is there")
    });
    let object = &event["Records"][0]["s3"]["object"];
    assert_eq!(
        object["versionId"],
        head.version_id().expect("the current one"),
        "{event}"
    );
    assert_eq!(object["eTag"], head.e_tag().expect("one").trim_matches('"'), "{event}");
    assert_eq!(object["size"], 11, "{event}");
    let at: jiff::Timestamp = event["Records"][0]["eventTime"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a time");
    assert_eq!(at.as_second(), head.last_modified().expect("a time").secs(), "{event}");
}

#[test]
fn all_pages_of_a_listing_count_whatever_the_keys() {
    let mut keys: Vec<String> = (0..25).map(|n| format!("uploads/{n:02} +%\u{1}&é.txt")).collect();
    let endpoint = holding(Script::new(), &keys);
    endpoint.world(|world| world.services.put_object(BUCKET, "processed/x", "not watched"));
    test(&endpoint)
        .args(["backfill", "lab.yaml", "work", "--yes"])
        .stdout_contains("25 objects (175 B)")
        .stdout_contains("sent 25 messages")
        .run();
    let told = bodies(&endpoint);
    let told = uploads_in(told.iter().map(String::as_str));
    let mut told: Vec<String> = told.into_iter().map(|(_, key)| key).collect();
    told.sort();
    keys.sort();
    assert_eq!(told, keys);
    assert_eq!(
        endpoint.calls("SendMessageBatch").len(),
        3,
        "ten to a request, whatever a page holds"
    );
}

#[test]
fn nothing_there_is_nothing_to_do() {
    let endpoint = holding(Script::new(), &[]);
    test(&endpoint)
        .args(["backfill", "lab.yaml", "work"])
        .stdout_contains("0 objects")
        .run();
    assert_eq!(endpoint.calls("SendMessageBatch").len(), 0);
}

#[test]
fn a_listing_that_breaks_off_is_a_failure() {
    let keys: Vec<String> = (0..9).map(|n| format!("uploads/{n}")).collect();
    // Three pages to count, and the second of those to send.
    let script = Script::new().fault(
        On::action("ListObjectVersions").numbers(5..=5),
        Fault::refuse(403, "AccessDenied", "no more"),
    );
    let endpoint = holding(script, &keys);
    let sent = test(&endpoint)
        .args(["backfill", "lab.yaml", "work", "--yes", "--output", "json"])
        .status(1)
        .stderr_contains("ListObjectVersions failed: no more")
        .run()
        .json();
    assert_eq!(sent["succeeded"], false, "{sent}");
    assert_eq!((&sent["messages"], &sent["not_sent"]), (&3.into(), &6.into()), "{sent}");
    assert_eq!(bodies(&endpoint).len(), 3);
}

#[test]
fn interrupted_it_says_how_many_went() {
    let keys: Vec<String> = (0..30).map(|n| format!("uploads/{n}")).collect();
    let endpoint = holding(Script::new(), &keys);
    let backfill = test(&endpoint).args(["backfill", "lab.yaml", "work", "--yes", "--rate", "0.01"]);
    let (code, said, _) = interrupted(&backfill, &endpoint, |endpoint| !bodies(endpoint).is_empty());
    assert_eq!(code, 130);
    assert!(
        said.contains("sent 1 message (") && said.contains("29 messages: not sent"),
        "{said}"
    );
    assert_eq!(bodies(&endpoint).len(), 1);
}

#[test]
fn only_stages_that_the_bucket_feeds_are_told() {
    let fed = || stage("work").parameter("TopicArn", "arn");
    let endpoint = serve(Script::new().existing(intake()).existing(fed()).existing(stage("next")));
    let backfill = |stage: &str| test(&endpoint).args(["backfill", "lab.yaml", stage, "--yes"]).status(2);
    backfill("next")
        .stderr_contains("the bucket doesn't feed the stage `next`")
        .stderr_contains("stages that it feeds: work")
        .run();
    backfill("nxt")
        .stderr_contains("lab has no stage `nxt`")
        .stderr_contains("its stages: next, work")
        .run();
    assert_eq!(endpoint.calls("ListObjectVersions").len(), 0);
}

#[test]
fn who_does_not_agree_sends_nothing() {
    let endpoint = holding(Script::new(), &["uploads/a".to_owned()]);
    let asked = test(&endpoint).args(["backfill", "lab.yaml", "work"]);
    let (code, said) = in_a_terminal(&asked, 200, &[("[y/N]", "n\n")]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("not confirmed: nothing was sent"), "{said}");
    assert_eq!(bodies(&endpoint), Vec::<String>::new());
}

#[test]
fn an_environment_without_a_stage_is_to_be_deployed_first() {
    let endpoint = serve(Script::new().existing(intake()));
    test(&endpoint)
        .args(["dlq", "sample", "lab.yaml"])
        .status(1)
        .stderr_contains("error: lab has no stage yet")
        .stderr_contains("help: deploy it first: qfleet deploy lab.yaml")
        .run();
}
