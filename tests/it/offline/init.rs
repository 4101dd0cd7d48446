//! `qfleet init`

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Aws, Output, Test, account, emulator, tools_path};

mod asks;

const FILES: [&str; 7] = [
    "stacks/photo-lab.yaml",
    "worker/run",
    "worker/install",
    "worker/worker.py",
    "worker/work.py",
    "worker/requirements.txt",
    ".github/workflows/qfleet.yaml",
];

#[test]
fn a_start_is_written() {
    let output = Test::new()
        .args(["init", "photos", "--name", "photo-lab"])
        .stdout_contains("wrote photos/stacks/photo-lab.yaml\n")
        .stdout_contains("cd photos\n")
        .stdout_contains("qfleet deploy photo-lab --local")
        .stderr("")
        .run();
    for file in FILES {
        let path = output.path("photos").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(!text.contains("NAME"), "{file} has an unfilled NAME");
        let executable = path.metadata().expect("there").permissions().mode() & 0o111 != 0;
        assert_eq!(executable, matches!(file, "worker/run" | "worker/install"), "{file}");
    }
    assert!(
        output
            .read("photos/stacks/photo-lab.yaml")
            .contains("\nname: photo-lab\n")
    );
    assert!(
        output
            .read("photos/.github/workflows/qfleet.yaml")
            .contains("stacks/photo-lab.yaml")
    );
}

#[test]
fn nothing_is_overwritten() {
    let output = Test::new()
        .file("worker/run", "mine")
        .args(["init", "--name", "photo-lab", "--output", "json"])
        .run();
    assert_eq!(output.read("worker/run"), "mine");
    let files = output.json();
    let kept: Vec<_> = files
        .as_array()
        .expect("a list")
        .iter()
        .filter(|file| file["written"] == false)
        .collect();
    assert_eq!(kept.len(), 1, "{files}");
    assert_eq!(kept[0]["path"], "./worker/run");

    // A link that leads nowhere is somebody's, too.
    fs::remove_file(output.path("worker/install")).expect("removed");
    std::os::unix::fs::symlink("/nonexistent/file", output.path("worker/install")).expect("a link");
    let again = output
        .then()
        .args(["init", "--name", "photo-lab"])
        .stdout_contains("kept  ./worker/run (it was there)\n")
        .stdout_lacks("wrote")
        .run();
    assert_eq!(again.read("worker/run"), "mine");
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    Test::new()
        .file("photos", "a file")
        .args(["init", "photos"])
        .status(1)
        .stderr_contains("cannot write photos/stacks/lab.yaml")
        .run();
}

#[test]
fn names_are_checked_before_anything_is_written() {
    for bad in [
        "x",
        "Photo",
        "photo_lab",
        "photo--lab",
        "-photo",
        "photo-",
        "1photo",
        "../up",
        "",
        &"a".repeat(25),
    ] {
        let output = Test::new()
            .args(["init", &format!("--name={bad}")])
            .status(2)
            .stderr_contains("lower-case letters")
            .run();
        assert_eq!(fs::read_dir(output.folder()).expect("the folder").count(), 0, "{bad:?}");
    }
}

/// What options say, in each combination: what is written is right, and nobody asks.
#[test]
fn every_combination_is_an_environment_that_can_be_deployed() {
    let sources = [
        &["--from", "new-bucket"][..],
        &["--from", "existing-bucket"],
        &["--bucket", "team-archive"],
        &["--from", "messages"],
    ];
    let mut linted = 0;
    for workers in ["instances", "lambda"] {
        for source in sources {
            for stays in [&["--protect"][..], &["--lifetime", "2h"]] {
                for pipeline in ["github", "none"] {
                    for alerts in [
                        &[][..],
                        &["--alerts", "ops@example.com", "--max", "7", "--region", "eu-west-1"],
                    ] {
                        let all = [
                            &["init", "a folder", "--workers", workers, "--pipeline", pipeline],
                            source,
                            stays,
                            alerts,
                        ];
                        let written = Test::new().args(all.concat()).stderr("").run();
                        let file = written.path("a folder/stacks/lab.yaml");
                        let environment =
                            qfleet::environment::load(&file).unwrap_or_else(|wrong| panic!("{all:?}: {wrong:?}"));
                        assert_eq!(environment.protect, stays.len() == 1, "{all:?}");
                        assert_eq!(
                            environment.region.as_deref(),
                            (!alerts.is_empty()).then_some("eu-west-1"),
                            "{all:?}"
                        );
                        let bucket = environment.bucket.as_ref();
                        let existing = bucket.and_then(|bucket| bucket.existing.as_deref());
                        assert_eq!(existing, (source[0] == "--bucket").then_some("team-archive"), "{all:?}");
                        assert_eq!(bucket.is_none(), source[1] == "messages", "{all:?}");
                        let is_there = |path: &str| written.path("a folder").join(path).exists();
                        assert_eq!(is_there("worker/run"), workers == "instances", "{all:?}");
                        assert_eq!(is_there("worker/handler.py"), workers == "lambda", "{all:?}");
                        assert_eq!(
                            is_there(".github/workflows/qfleet.yaml"),
                            pipeline == "github",
                            "{all:?}"
                        );
                        assert!(is_there("worker/work.py"), "{all:?}");
                        let text = written.read("a folder/stacks/lab.yaml");
                        assert!(
                            !text.contains("{{") && !text.contains("{%") && !text.contains("\n\n\n"),
                            "{text}"
                        );
                        // cfn-lint takes seconds: once for each kind and source.
                        let with_lint = stays.len() == 1 && pipeline == "none" && !alerts.is_empty();
                        linted += usize::from(with_lint);
                        let path = if with_lint { tools_path() } else { "/nowhere".into() };
                        let check = written
                            .then()
                            .env("PATH", path)
                            .args(["check", "a folder/stacks/lab.yaml"]);
                        check
                            .stdout_contains("checked, no errors\n")
                            .stdout_lacks("advice")
                            .run();
                    }
                }
            }
        }
    }
    assert_eq!(linted, 8);
}

#[test]
fn what_is_not_known_stands_in_the_file_as_a_comment_and_is_named() {
    let written = Test::new()
        .args(["init", "--from", "existing-bucket"])
        .stdout_contains("The bucket's name isn't known yet.")
        .run();
    let text = written.read("stacks/lab.yaml");
    assert!(text.contains("  # existing: team-archive\n"), "{text}");
    let known = text.replace("  # existing: team-archive", "  existing: their-files");
    fs::write(written.path("stacks/lab.yaml"), known).expect("written");
    let environment = qfleet::environment::load(&written.path("stacks/lab.yaml")).expect("right");
    assert_eq!(
        environment.bucket.and_then(|bucket| bucket.existing).as_deref(),
        Some("their-files")
    );
}

#[test]
fn the_region_is_that_of_the_aws_configuration() {
    let region = |test: Test| test.args(["init", "--defaults"]).run().read("stacks/lab.yaml");
    let has = |text: &str, region: &str| text.contains(&format!("\nregion: {region}\n"));
    assert!(has(&region(Test::new().env("AWS_REGION", "eu-west-1")), "eu-west-1"));
    let files = || {
        Test::new().file(
            "home/.aws/config",
            "[default]\nregion = eu-north-1\n[profile other]\nregion = sa-east-1\n",
        )
    };
    assert!(has(&region(files()), "eu-north-1"));
    assert!(has(&region(files().args(["--profile", "other"])), "sa-east-1"));
    assert!(has(&region(files().args(["--region", "ap-south-1"])), "ap-south-1"));
    assert!(region(Test::new()).contains("\n# region: us-east-2\n"));
}

#[test]
fn options_that_make_no_environment_are_refused_before_anything_is_written() {
    for (args, why) in [
        (&["--region", "Mars"][..], "must be an AWS region"),
        (&["--bucket", "My_Bucket"], "must be the name of a bucket"),
        (&["--alerts", "nobody"], "must be an e-mail address"),
        (&["--lifetime", "1m"], "lifetime"),
        (&["--max", "0"], "max"),
        (&["--workers", "lambda", "--max", "1"], "max_concurrency"),
        (&["--from", "messages", "--bucket", "b-1"], "--bucket names a bucket"),
        (&["--protect", "--lifetime", "8h"], "cannot be used with"),
        (&["--workers", "people"], "possible values: instances, lambda"),
    ] {
        let refused = Test::new()
            .args(["init"])
            .args(args.iter().copied())
            .status(2)
            .stderr_contains(why)
            .run();
        assert_eq!(
            fs::read_dir(refused.folder()).expect("the folder").count(),
            0,
            "{args:?}"
        );
    }
}

#[test]
fn names_that_yaml_takes_for_something_else_are_names() {
    for name in ["null", "no", "true", "on"] {
        let written = Test::new().args(["init", "--name", name]).run();
        let file = written.path("stacks").join(name).with_extension("yaml");
        assert_eq!(qfleet::environment::load(&file).expect("right").name, name);
    }
}

#[test]
fn a_pipeline_below_the_top_of_a_repository_is_said_to_be_astray() {
    let repository = || Test::new().file(".git/HEAD", "ref: refs/heads/main\n");
    repository()
        .args(["init", "--defaults"])
        .stdout_lacks("repository")
        .run();
    repository()
        .args(["init", "fleets/a b", "--defaults"])
        .stdout_contains("move .github/workflows/qfleet.yaml to it, and write fleets/a b/ before stacks/ in it.")
        .stdout_contains("  cd 'fleets/a b'\n")
        .run();
}

/// What `init` writes is no sketch: it checks, deploys, works on a file, and goes again.
#[tokio::test]
async fn what_is_written_works() {
    let account = account();
    let written = Test::new().args(["init", "--name", "photo-lab"]).run();
    let file = written.path("stacks/photo-lab.yaml");
    let text = written.read("stacks/photo-lab.yaml");
    let named = text.replace("# account: \"111122223333\"", &format!("account: \"{account}\""));
    assert_ne!(text, named, "the file has lost its example of an account");
    fs::write(&file, named.replace("# region: us-east-2", "region: us-east-2")).expect("written");

    written
        .then()
        .args(["check", "photo-lab"])
        .stdout_lacks("warning")
        .run();
    // A stage more, which hears of what the first one did.
    let more = "  - name: next\n    from: work\n    workers:\n      instances: {program: ../worker, types: [t4g.small], \
                min: 1, max: 1}\n";
    fs::write(&file, written.read("stacks/photo-lab.yaml") + more).expect("written");
    written.then().args(["deploy", "photo-lab", "--yes"]).emulated().run();
    let outputs = written
        .then()
        .args(["outputs", "photo-lab", "--output", "json"])
        .emulated()
        .run()
        .json();
    let bucket = outputs["outputs"]["intake"]["BucketName"]
        .as_str()
        .expect("a bucket")
        .to_owned();
    let settings = outputs["outputs"]["work"]["WorkerEnvironment"]
        .as_str()
        .expect("settings");

    let aws = Aws::new(&account, "us-east-2");
    let upload = aws
        .s3
        .put_object()
        .bucket(&bucket)
        .key("uploads/a b+c.txt")
        .body(b"12345".to_vec().into());
    upload.send().await.expect("uploaded");
    let mut worker = Worker::start(&written, settings, &account);
    let result = loop {
        let result = aws
            .s3
            .get_object()
            .bucket(&bucket)
            .key("processed/a b+c.txt.json")
            .send()
            .await;
        match result {
            Ok(found) => break found.body.collect().await.expect("its content").into_bytes(),
            Err(_) => worker.must_still_run(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let result: serde_json::Value = serde_json::from_slice(&result).expect("JSON");
    assert_eq!(result["file"], "uploads/a b+c.txt");
    assert_eq!(result["bytes"], 5);
    assert_eq!(
        result["sha256"],
        "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    );
    let next = outputs["outputs"]["next"]["QueueUrl"].as_str().expect("a queue");
    let received = aws.sqs.receive_message().queue_url(next).wait_time_seconds(10).send();
    let received = received.await.expect("an answer");
    let event: serde_json::Value = serde_json::from_str(received.messages()[0].body().expect("a body")).expect("JSON");
    assert_eq!(event["Records"][0]["s3"]["bucket"]["name"], bucket.as_str());
    assert_eq!(event["Records"][0]["s3"]["object"]["key"], "processed/a+b%2Bc.txt.json");
    worker.must_end_when_asked();

    written.then().args(["destroy", "photo-lab", "--yes"]).emulated().run();
    let stacks = aws.cloudformation.describe_stacks().send().await.expect("an answer");
    assert!(stacks.stacks().is_empty(), "{stacks:?}");
}

/// The written worker, run as systemd would run it.
struct Worker {
    process: Child,
    log: std::path::PathBuf,
    deadline: Instant,
}

impl Worker {
    fn start(written: &Output, settings: &str, account: &str) -> Self {
        let log = written.path("worker.log");
        let output = fs::File::create(&log).expect("a log");
        let mut command = Command::new(written.path("worker/run"));
        command.env_clear().env("PATH", tools_path());
        for line in settings.lines() {
            let (name, value) = line.split_once('=').expect("NAME=value");
            command.env(name, value.trim_matches('"'));
        }
        let process = command
            .env("AWS_ENDPOINT_URL", emulator())
            .env("AWS_ACCESS_KEY_ID", account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("WORKER_WAIT_SECONDS", "1")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a handle"))
            .stderr(output)
            .spawn()
            .expect("the worker runs");
        Worker {
            process,
            log,
            deadline: Instant::now() + Duration::from_secs(60),
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn must_still_run(&mut self) {
        let ended = self.process.try_wait().expect("a child");
        assert!(ended.is_none(), "the worker ended with {ended:?}:\n{}", self.said());
        assert!(
            Instant::now() < self.deadline,
            "the worker did nothing in a minute:\n{}",
            self.said()
        );
    }

    fn must_end_when_asked(&mut self) {
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status()
            .expect("kill");
        assert!(asked.success());
        let ended = self.process.wait().expect("its end");
        assert!(ended.success(), "the worker ended with {ended}:\n{}", self.said());
        assert!(self.said().ends_with("INFO stopped\n"), "{}", self.said());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
