//! `qfleet send`: on the emulator what arrives, on the scriptable endpoint what fails.

mod messages;
mod replies;

use std::collections::{BTreeMap, BTreeSet};

use crate::deployed::{BUCKET, Emulated, interrupted, lab, serve, stack, stage, test, uploads_in};
use crate::endpoint::{Endpoint, Existing, Fault, On, Script};
use crate::harness::{Test, in_a_terminal};

const MIB: usize = 1 << 20;

/// Names that trip others up, a file without content, one that goes in parts and one that just doesn't.
fn odd_files() -> BTreeMap<&'static str, Vec<u8>> {
    let bytes = |length: usize| (0..length).map(|n| (n % 251) as u8).collect();
    BTreeMap::from([
        ("with space.txt", bytes(10)),
        ("plus+sign.txt", bytes(11)),
        ("percent%20.txt", bytes(12)),
        ("quote'and\"double.txt", bytes(13)),
        ("emoji-🚚.txt", bytes(14)),
        ("folder/in folder/ümläut&a=b;c.txt", bytes(15)),
        ("folder/empty", Vec::new()),
        ("in-parts.bin", bytes(20 * MIB + 1)),
        ("in-one-piece.bin", bytes(16 * MIB - 1)),
    ])
}

fn object(lab: &Emulated, key: &str) -> Vec<u8> {
    lab.aws(async |aws| {
        let got = aws.s3.get_object().bucket(&lab.bucket).key(key).send().await;
        let body = got.unwrap_or_else(|error| panic!("{key}: {error:?}")).body;
        body.collect().await.expect("bytes").to_vec()
    })
}

#[test]
fn files_arrive_byte_for_byte_and_each_is_an_event() {
    let lab = Emulated::deploy();
    let files = odd_files();
    let mut send = lab.run(&["send", "lab.yaml", "files", "one.txt", "--output", "json"]);
    for (name, bytes) in &files {
        send = send.file(&format!("files/{name}"), bytes);
    }
    let report = send.file("one.txt", "named by itself").run().json();

    let total: usize = files.values().map(Vec::len).sum::<usize>() + 15;
    assert_eq!(report["succeeded"], true, "{report}");
    assert_eq!(report["files"], files.len() + 1, "{report}");
    assert_eq!(report["bytes"], total, "{report}");
    assert_eq!(report["bucket"], lab.bucket, "{report}");
    assert_eq!(report["prefix"], "uploads/", "{report}");
    for (name, bytes) in &files {
        assert!(
            object(&lab, &format!("uploads/{name}")) == *bytes,
            "{name} arrived changed"
        );
    }
    assert_eq!(object(&lab, "uploads/one.txt"), b"named by itself");

    let events = lab.take(&lab.queue, files.len() + 1);
    let told = uploads_in(events.iter().map(|event| event.body().expect("a body")));
    let mut expected: BTreeSet<(String, String)> = files
        .keys()
        .map(|name| (lab.bucket.clone(), format!("uploads/{name}")))
        .collect();
    expected.insert((lab.bucket.clone(), "uploads/one.txt".into()));
    assert_eq!(told, expected);
}

#[test]
fn repetitions_are_events_of_their_own() {
    let lab = Emulated::deploy();
    lab.run(&["send", "lab.yaml", "files", "--repeat", "12", "--prefix", "batch 7/"])
        .file("files/a.txt", "a")
        .file("files/02/a.txt", "b")
        .stdout_contains("sent 24 files (24 B) to s3://")
        .run();
    let events = lab.take(&lab.queue, 24);
    let told = uploads_in(events.iter().map(|event| event.body().expect("a body")));
    assert_eq!(told.len(), 24, "keys that differ");
    for key in ["01/a.txt", "02/a.txt", "12/02/a.txt"] {
        let key = format!("uploads/batch 7/{key}");
        assert!(told.contains(&(lab.bucket.clone(), key.clone())), "{key}: {told:#?}");
    }
}

#[test]
fn without_permission_it_ends_soon_and_says_what_is_missing() {
    let denied = Fault::refuse(403, "AccessDenied", "not authorized to perform: s3:PutObject");
    let endpoint = lab(Script::new().fault(On::action("PutObject"), denied));
    let sent = test(&endpoint)
        .args(["send", "lab.yaml", "a.txt", "--repeat", "500"])
        .file("a.txt", "a")
        .status(1)
        .stderr_contains("a.txt: PutObject failed: not authorized to perform: s3:PutObject")
        .run();
    assert!(sent.stdout.contains("sent 0 files"), "{}", sent.stdout);
    let calls = endpoint.calls("PutObject").len();
    assert!(calls <= 32, "{calls} requests that could not succeed");
}

#[test]
fn one_file_that_fails_does_not_stop_the_others() {
    let script = Script::new().fault(
        On::action("PutObject").numbers(2..=2),
        Fault::refuse(400, "InvalidRequest", "no"),
    );
    let endpoint = lab(script);
    let mut send = test(&endpoint).args(["send", "lab.yaml", "files", "--output", "jsonl"]);
    for number in 0..5 {
        send = send.file(&format!("files/{number}.txt"), "x");
    }
    let lines = send.status(1).run().json_lines();
    let events = |name: &str| lines.iter().filter(|line| line["event"] == name).count();
    assert_eq!(events("jobs_started"), 1, "{lines:#?}");
    assert_eq!(events("file_sent"), 4, "{lines:#?}");
    assert_eq!(events("not_sent"), 1, "{lines:#?}");
    let result = &lines.last().expect("a result")["result"];
    assert_eq!(
        (&result["files"], &result["not_sent"]),
        (&4.into(), &0.into()),
        "{result}"
    );
    assert_eq!(endpoint.world(|world| world.services.keys(BUCKET)).len(), 4);
}

#[test]
fn throttling_and_lost_connections_are_survived() {
    let script = Script::new()
        .fault(
            On::action("PutObject").numbers(1..=1),
            Fault::refuse(503, "SlowDown", "Please reduce your request rate."),
        )
        .fault(On::action("PutObject").numbers(3..=3), Fault::Cut)
        .fault(On::action("UploadPart").numbers(1..=1), Fault::internal_failure())
        .fault(On::action("UploadPart").numbers(3..=3), Fault::Cut);
    let endpoint = lab(script);
    let large: Vec<u8> = (0..20 * MIB).map(|n| (n % 249) as u8).collect();
    test(&endpoint)
        .args(["send", "lab.yaml", "files"])
        .file("files/a.txt", "a")
        .file("files/b.txt", "b")
        .file("files/large.bin", &large)
        .run();
    let object = |key: &str| {
        endpoint
            .world(|world| world.services.object(BUCKET, key))
            .expect("it is there")
    };
    assert_eq!(object("uploads/a.txt"), "a");
    assert_eq!(object("uploads/b.txt"), "b");
    assert!(object("uploads/large.bin") == large, "arrived changed");
    let parts = endpoint.calls("UploadPart");
    assert_eq!(parts.len(), 5, "three parts, two of them twice");
}

#[test]
fn of_an_upload_in_parts_that_fails_nothing_stays() {
    let script = Script::new().fault(
        On::action("UploadPart").numbers(2..=2),
        Fault::refuse(403, "AccessDenied", "no"),
    );
    let endpoint = lab(script);
    test(&endpoint)
        .args(["send", "lab.yaml", "large.bin"])
        .file("large.bin", vec![7; 20 * MIB])
        .status(1)
        .stderr_contains("large.bin: UploadPart failed: no")
        .run();
    assert_eq!(endpoint.calls("AbortMultipartUpload").len(), 1);
    assert_eq!(endpoint.calls("CompleteMultipartUpload").len(), 0);
    assert!(endpoint.world(|world| world.services.multiparts.open()).is_empty());
}

#[test]
fn interrupted_it_says_how_much_went_and_leaves_no_parts() {
    let script = Script::new()
        .fault(On::action("UploadPart").numbers(2..=2), Fault::Stall)
        .fault(On::action("PutObject").numbers(2..=2), Fault::StallAfterEffect);
    let endpoint = lab(script);
    let send = test(&endpoint)
        .args(["send", "lab.yaml", "files", "--output", "json"])
        .file("files/a.txt", "a")
        .file("files/b.txt", "b")
        .file("files/large.bin", vec![7; 20 * MIB]);
    let (code, said, _) = interrupted(&send, &endpoint, |endpoint| {
        endpoint.calls("UploadPart").len() == 3 && endpoint.calls("PutObject").len() == 2
    });
    assert_eq!(code, 130);
    let report: serde_json::Value = serde_json::from_str(&said).expect("one document");
    assert_eq!(report["files"], 1, "{report}");
    assert_eq!(report["not_sent"], 1, "the large one: {report}");
    assert_eq!(report["unknown"].as_array().map(Vec::len), Some(1), "{report}");
    assert_eq!(report["failed"], serde_json::json!([]), "{report}");
    assert!(endpoint.world(|world| world.services.multiparts.open()).is_empty());
}

/// The second would go after 1000 s.
#[test]
fn there_are_never_more_than_the_rate_allows() {
    let endpoint = lab(Script::new());
    let send = test(&endpoint)
        .args(["send", "lab.yaml", "a.txt", "--repeat", "9", "--rate", "0.001"])
        .file("a.txt", "a");
    let (code, said, _) = interrupted(&send, &endpoint, |endpoint| {
        !endpoint.world(|world| world.services.keys(BUCKET)).is_empty()
    });
    assert_eq!(code, 130);
    assert!(
        said.starts_with("sent 1 file (1 B)") && said.contains("8 files: not sent"),
        "{said}"
    );
    assert_eq!(endpoint.calls("PutObject").len(), 1);
}

#[test]
fn bad_input_is_refused_before_anything_is_asked_or_sent() {
    let endpoint = lab(Script::new());
    let refused = |test: Test, args: &[&str], part: &str| {
        test.args(["send", "lab.yaml"])
            .args(args)
            .status(2)
            .stderr_contains(part)
            .run();
    };
    let there = || test(&endpoint).file("a/1", "x").file("b/1", "y");
    refused(there(), &["missing"], "missing: No such file");
    refused(there(), &["a", "b"], "would get the same key");
    refused(there(), &["-"], "standard input can't be uploaded");
    refused(there(), &["a", "--lines"], "--stage");
    refused(there(), &["a", "--rate", "0"], "from 0.001");
    refused(
        there(),
        &["a", "--repeat", "0"],
        "a whole number from 1 to 1000000 is expected",
    );
    refused(there(), &["a", "--prefix", "../up"], "`..`");
    refused(there(), &["a", "-", "--stage", "work"], "beside files");
    refused(there().stdin(""), &["-", "--stage", "work"], "is empty");
    refused(there().file("a/2", b"\xff"), &["a", "--stage", "work"], "not UTF-8");
    // Whoever names a wrong stage is told so, whatever is in the files.
    refused(
        there().file("a/2", b"\xff"),
        &["a", "--stage", "wrok"],
        "lab has no stage `wrok`",
    );
    refused(there().file("a/2", "\u{7}"), &["a", "--stage", "work"], "doesn't take");
    refused(
        there().file("large", "x".repeat(MIB + 1)),
        &["large", "--stage", "work"],
        "1 MiB",
    );
    assert!(endpoint.world(|world| world.calls.is_empty()), "nobody was asked");

    let long = "n".repeat(250);
    let path = format!("files/{long}/{long}/{long}/{long}/x");
    refused(
        there().file(&path, "x"),
        &["files", "--prefix", "0123456789a/"],
        "longer than 1024 bytes",
    );
    assert_eq!(endpoint.calls("PutObject").len(), 0);
}

#[test]
fn where_jobs_can_not_go_it_says_where_they_can() {
    let send =
        |endpoint: &Endpoint, args: &[&str]| test(endpoint).file("a", "x").args(["send", "lab.yaml", "a"]).args(args);
    let empty = serve(Script::new());
    send(&empty, &[])
        .status(1)
        .stderr_contains("lab is not deployed in account 111122223333, us-east-2")
        .run();
    let bucketless = serve(Script::new().existing(stage("one")).existing(stage("two")));
    send(&bucketless, &[])
        .status(2)
        .stderr_contains("lab has no bucket")
        .stderr_contains("--stage; its stages: one, two")
        .run();
    send(&bucketless, &["--stage", "tow"])
        .status(2)
        .stderr_contains("lab has no stage `tow`")
        .stderr_contains("its stages: one, two")
        .run();
    let older = serve(Script::new().existing(stack("intake").output("BucketName", BUCKET)));
    send(&older, &[])
        .status(1)
        .stderr_contains("lab-intake is CREATE_COMPLETE and doesn't say where files go")
        .stderr_contains("qfleet deploy")
        .run();
    let coming = Existing::new("lab-work", "CREATE_IN_PROGRESS")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work");
    let coming = serve(Script::new().existing(coming).existing(stack("dashboard")));
    send(&coming, &["--stage", "work"])
        .status(1)
        .stderr_contains("lab-work is CREATE_IN_PROGRESS and doesn't say its queues")
        .run();
    send(&coming, &["--stage", "dashboard"])
        .status(2)
        .stderr_contains("lab has no stage `dashboard`")
        .run();
    for endpoint in [&empty, &bucketless, &older, &coming] {
        assert_eq!(
            endpoint.calls("PutObject").len() + endpoint.calls("SendMessageBatch").len(),
            0
        );
    }
}

#[test]
fn a_terminal_shows_a_bar_and_a_pipe_none() {
    let endpoint = lab(Script::new());
    let send = |color: &str| {
        test(&endpoint)
            .args(["send", "lab.yaml", "a.txt", "--repeat", "3", "--color", color])
            .file("a.txt", "a")
    };
    let (code, said) = in_a_terminal(&send("never"), 80, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("uploading 3 files (3 B) to s3://"), "{said}");
    assert!(said.contains("3 of 3 files, 3 B of 3 B"), "{said}");
    let piped = send("auto").run();
    assert_eq!(piped.stderr.lines().count(), 1, "{}", piped.stderr);
    for text in [&piped.stdout, &piped.stderr] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}
