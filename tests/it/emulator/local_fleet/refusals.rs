//! What a local fleet can't run, said.

use std::path::Path;

use crate::emulator::local_fleet::place::{Place, Plan};
use crate::harness::Test;

#[test]
fn what_cannot_be_run_is_said_before_anything_is_touched() {
    let file = Plan::new("bad", 1, 1).file(Path::new("/dev/null"));
    let refused = |args: &[&str], message: &str| {
        Test::new()
            .file("fleet.yaml", &file)
            .executable("program/run", "#!/bin/sh\n")
            .args(["local"])
            .args(args.iter().copied())
            .status(2)
            .stderr_contains(message)
            .run();
    };
    let elsewhere = ["--endpoint-url", "https://autoscaling.us-east-2.amazonaws.com"];
    refused(&["up", "fleet.yaml", elsewhere[0], elsewhere[1]], "is not http://");
    refused(&["down", elsewhere[0], elsewhere[1]], "is not http://");
    refused(
        &["up", "fleet.yaml", "--endpoint-url", "http://10.0.0.1:4566"],
        "is another machine's",
    );
    refused(&["up", "fleet.yaml", "--profile", "production"], "never reaches AWS");
    refused(&["up", "fleet.yaml", "--output", "json"], "--output jsonl");
    refused(&["up", "fleet.yaml", "--speed", "0"], "--speed");
    refused(&["up", "fleet.yaml", "--speed", "101"], "--speed");
    refused(&["up", "nowhere"], "no environment `nowhere`");
    refused(&["down", "nowhere"], "no environment `nowhere`");
    refused(&["up"], "<ENV>");
}

#[test]
fn without_an_emulator_or_its_program_it_says_what_is_missing() {
    let file = Plan::new("bare", 1, 1).file(Path::new("/dev/null"));
    let up = |test: Test| {
        test.file("fleet.yaml", &file)
            .executable("program/run", "#!/bin/sh\n")
            .args(["local", "up", "fleet.yaml"])
            .status(1)
            .stdout("")
    };
    up(Test::new())
        .env("QFLEET_MINISTACK", "/nowhere/ministack")
        .stderr_contains("/nowhere/ministack, which is no program")
        .run();
}

#[test]
fn a_python_that_lacks_what_a_program_asks_for_is_said_before_anything_is_deployed() {
    let file = Plan::new("lacks", 1, 1).file(Path::new("/dev/null"));
    let (_, stage) = file.split_once("stages:\n").expect("a stage");
    let other = stage
        .replace("name: work", "name: other")
        .replace("\"program\"", "\"other program\"");
    Test::new()
        .file("fleet.yaml", format!("{file}{other}"))
        .executable("other program/run", "#!/bin/sh\nexec python3 worker.py\n")
        .file(
            "other program/requirements.txt",
            "no-such-package-of-ours==1.0\nnor-this-one\n",
        )
        .executable("program/run", "#!/bin/sh\nexec python3 worker.py\n")
        .file(
            "program/requirements.txt",
            "boto3==1.43.106\nno-such-package-of-ours==1.0\n",
        )
        .args(["local", "up", "fleet.yaml"])
        .emulated()
        .status(4)
        .stdout("")
        .stderr_contains("the python3 that workers find on the PATH, lacks no-such-package-of-ours, nor-this-one\n")
        .stderr_contains("/python/bin/pip install -r program/requirements.txt -r 'other program/requirements.txt'\n")
        .stderr_contains("/python/bin:\"$PATH\" qfleet local up fleet.yaml --local --endpoint-url http://127.0.0.1:")
        .run();
}

#[test]
fn a_program_that_is_missing_or_has_no_run_is_said() {
    let place = Place::new(Plan::new("program", 1, 1));
    let deployed = place
        .qfleet(&["deploy", "fleet.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    let uri = deployed["outputs"]["work"]["Program"]
        .as_str()
        .expect("a program")
        .to_owned();
    let (bucket, key) = uri.trim_start_matches("s3://").split_once('/').expect("an address");
    let up = |message: &str| {
        let failed = place
            .qfleet(&["local", "up", "fleet.yaml"])
            .status(1)
            .stdout("")
            .stderr_contains(message);
        failed.run();
        let detached = place
            .qfleet(&["local", "up", "fleet.yaml", "--detach"])
            .status(1)
            .stderr_contains(message);
        detached.stdout("").run();
    };
    place.aws(async |aws| {
        // An archive without an entry: nothing but zeros.
        let empty = tar_gz();
        aws.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(empty.into())
            .send()
            .await
            .expect("put");
    });
    up(&format!("the program {uri} has no `run`"));
    place.aws(async |aws| {
        aws.s3
            .delete_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .expect("deleted")
    });
    up(&format!("the program {uri} is not in its bucket"));
    assert!(!place.fleet_path("instances").exists(), "an instance was launched");
}

/// An archive without an entry.
fn tar_gz() -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&[0; 1024]).expect("writes");
    gzip.finish().expect("finishes")
}
