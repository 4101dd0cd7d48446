//! `qfleet files` against the scriptable endpoint.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::deployed::{BUCKET, REGION, lab, test};
use crate::endpoint::{Endpoint, Fault, On, Script};

fn with_files(keys: &[&str]) -> Endpoint {
    let endpoint = lab(Script::new());
    endpoint.world(|world| {
        for key in keys {
            world.services.put_object(BUCKET, key, "12345");
        }
    });
    endpoint
}

#[test]
fn what_waits_and_what_is_done_is_counted_over_pages() {
    let endpoint = with_files(&[
        "uploads/",
        "uploads/a b+c%🚚\u{1}.txt",
        "processed/1",
        "processed/2",
        "processed/3",
        "elsewhere/x",
    ]);
    endpoint.world(|world| world.services.objects_a_page = Some(2));
    // What a console makes to show a folder has no bytes.
    endpoint.world(|world| world.services.put_object(BUCKET, "uploads/", ""));
    let counted = test(&endpoint).args(["files", "lab.yaml"]).stderr("").run();
    let lines: Vec<&str> = counted.stdout.lines().map(str::trim).collect();
    assert_eq!(lines[1], "uploaded   1 file (5 B) under uploads/", "{}", counted.stdout);
    assert!(
        lines[2].starts_with("newest: uploads/a b+c%🚚\\u{1}.txt (5 B), "),
        "{}",
        lines[2]
    );
    assert_eq!(
        lines[3], "processed  3 files (15 B) under processed/",
        "{}",
        counted.stdout
    );
    let json = counted
        .then()
        .args(["files", "lab.yaml", "--output", "json"])
        .run()
        .json();
    assert_eq!(json["bucket"], BUCKET);
    assert_eq!(json["waiting"]["objects"], 1);
    assert_eq!(json["waiting"]["newest"]["key"], "uploads/a b+c%🚚\u{1}.txt");
    assert_eq!(json["processed"]["bytes"], 15);
    assert_eq!(json["processed"]["newest"]["modified"], "2026-01-02T03:04:05Z");
}

#[test]
fn a_link_names_the_key_and_ends_when_it_should() {
    let key = "processed/a b+c&d=1?x#%🚚.txt";
    let endpoint = with_files(&[key]);
    let link = |args: &[&str]| {
        test(&endpoint)
            .args(["files", "lab.yaml", "--link"])
            .args(args.iter().copied())
    };
    let url = link(&[key, "--for", "10m"]).stderr("").run().stdout;
    let encoded = "processed/a%20b%2Bc%26d%3D1%3Fx%23%25%F0%9F%9A%9A.txt?";
    assert!(url.contains(&format!("/{BUCKET}/{encoded}")), "{url}");
    assert!(url.contains("X-Amz-Expires=600"), "{url}");
    assert!(
        url.contains("X-Amz-SignedHeaders=host&"),
        "a browser sends no other: {url}"
    );
    let json = link(&[key, "--output", "json"]).run().json();
    assert_eq!(json["key"], key);
    assert!(json["expires"].is_string(), "{json}");

    // Those of a role that was assumed don't say when they end.
    let temporary = link(&[key, "--output", "json"]).env("AWS_SESSION_TOKEN", "token");
    let temporary = temporary
        .stderr_contains("the link ends with the credentials")
        .run()
        .json();
    assert_eq!(temporary["expires"], serde_json::Value::Null);
    assert!(
        temporary["url"]
            .as_str()
            .is_some_and(|url| url.contains("X-Amz-Security-Token=token"))
    );

    link(&["processed/not-there"])
        .status(1)
        .stdout("")
        .stderr_contains("there is no \"processed/not-there\" in s3://")
        .run();
    for length in ["8d", "0s"] {
        link(&[key, "--for", length])
            .status(2)
            .stderr_contains("a link lasts for 1s to 7d")
            .run();
    }
}

#[test]
fn a_link_ends_with_its_credentials() {
    let endpoint = with_files(&["processed/a"]);
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(30);
    let process = format!(
        "#!/bin/sh\necho x >>\"$HOME/asked\"\necho '{{\"Version\": 1, \"AccessKeyId\": \"ASIAEXAMPLE\", \"SecretAccessKey\": \
         \"secret\", \"SessionToken\": \"token\", \"Expiration\": \"{end:.0}\"}}'\n"
    );
    // Keys of the environment would go first.
    let run = test(&endpoint)
        .env("AWS_ACCESS_KEY_ID", "")
        .executable("credentials", &process);
    let program = run.path("credentials");
    let config = format!(
        "[profile temporary]\nregion = us-east-2\ncredential_process = {}\n",
        program.display()
    );
    let done = run
        .file("home/.aws/config", config)
        .args([
            "files",
            "lab.yaml",
            "--profile",
            "temporary",
            "--link",
            "processed/a",
            "--output",
            "json",
        ])
        .stderr_contains("the credentials that it was signed with are temporary")
        .run();
    let json = done.json();
    let expires: jiff::Timestamp = json["expires"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(expires.as_second(), end.as_second());
    let url = json["url"].as_str().expect("a link");
    assert!(url.contains("X-Amz-Credential=ASIAEXAMPLE"), "{url}");
    let asked = fs::read_to_string(done.path("home/asked")).expect("it was asked");
    assert_eq!(asked, "x\n", "a person may have to type a code each time");
}

#[test]
fn an_upload_link_is_a_form_for_one_key() {
    let key = "uploads/it's a \"cat\"; b,c.jpg";
    let endpoint = with_files(&[]);
    let link = |args: &[&str]| {
        test(&endpoint)
            .args(["files", "lab.yaml", "--upload-link"])
            .args(args.iter().copied())
    };
    let made = link(&[key, "--for", "10m", "--max-size", "20MiB", "--output", "json"]).stderr("");
    let made = made.env("AWS_SESSION_TOKEN", "").run().json();
    assert_eq!(made["url"], format!("{}/{BUCKET}/", endpoint.url()), "{made:#}");
    assert_eq!(made["max_size"], 20 << 20);
    let fields = made["fields"].as_object().expect("fields");
    assert_eq!(fields["key"], key);
    let policy = BASE64_STANDARD
        .decode(fields["policy"].as_str().expect("a policy"))
        .expect("base64");
    let policy: Value = serde_json::from_slice(&policy).expect("JSON");
    assert_eq!(
        policy["expiration"].as_str().map(seconds),
        made["expires"].as_str().map(seconds)
    );
    let is_signed = |name: &&String| !matches!(name.as_str(), "policy" | "x-amz-signature");
    let conditions = fields.keys().filter(is_signed).map(|name| json!({name: fields[name]}));
    let mut expected: Vec<Value> = conditions.collect();
    expected.push(json!({"bucket": BUCKET}));
    expected.push(json!(["content-length-range", 0, 20 << 20]));
    let mut found = policy["conditions"].as_array().expect("conditions").clone();
    for all in [&mut expected, &mut found] {
        all.sort_by_key(Value::to_string);
    }
    assert_eq!(found, expected);
    let scope = fields["x-amz-credential"].as_str().expect("a scope");
    assert!(
        scope.starts_with("AKIAEXAMPLE/") && scope.ends_with("/us-east-2/s3/aws4_request"),
        "{scope}"
    );

    // What is shown is words for a shell, and what curl reads of them is the same form.
    let shown = link(&[key]).stderr("").run().stdout;
    let words = shlex::split(&shown).expect("words");
    assert_eq!(
        words[..2],
        ["curl".to_owned(), format!("{}/{BUCKET}/", endpoint.url())],
        "{shown}"
    );
    assert!(words.contains(&format!("key={key}")), "{shown}");
    assert_eq!(
        words[words.len() - 2..],
        ["-F", r#"file=@"./it's a \"cat\"; b,c.jpg""#],
        "{shown}"
    );

    // Those of a role that was assumed: their token is a field, and under the policy.
    let temporary = link(&["uploads/cat.jpg", "--output", "json"]).env("AWS_SESSION_TOKEN", "token");
    let temporary = temporary
        .stderr_contains("the link ends with the credentials")
        .run()
        .json();
    assert_eq!(temporary["expires"], Value::Null);
    assert_eq!(temporary["fields"]["x-amz-security-token"], "token");
    let policy = BASE64_STANDARD.decode(temporary["fields"]["policy"].as_str().expect("a policy"));
    let policy = String::from_utf8(policy.expect("base64")).expect("UTF-8");
    assert!(policy.contains(r#"{"x-amz-security-token":"token"}"#), "{policy}");
}

/// When that is, without fractions.
fn seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().expect("a time").as_second()
}

#[test]
fn no_upload_link_is_made_for_what_would_be_no_job() {
    let endpoint = with_files(&["uploads/there"]);
    let link = |args: &[&str]| {
        test(&endpoint)
            .args(["files", "lab.yaml", "--upload-link"])
            .args(args.iter().copied())
            .stdout("")
    };
    for (args, said) in [
        (
            &["processed/cat.jpg"][..],
            "isn't under uploads/: a file there would never be a job",
        ),
        (&["uploads/"], "names a folder"),
        (&["uploads/${filename}"], "has a `$`"),
        (&["uploads/a\nb"], "has control characters"),
        (&["uploads/a", "--for", "8d"], "a link lasts for 1s to 7d"),
        (&["uploads/a", "--max-size", "6GiB"], "from 1 B to 5 GiB"),
        (&["uploads/a", "--max-size", "0B"], "from 1 B to 5 GiB"),
        (&["uploads/a", "--link", "uploads/a"], "cannot be used with"),
    ] {
        link(args).status(2).stderr_contains(said).run();
    }
    let long = format!("uploads/{}", "x".repeat(1017));
    link(&[&long]).status(2).stderr_contains("longer than 1024 bytes").run();
    let there = test(&endpoint).args(["files", "lab.yaml", "--upload-link", "uploads/there"]);
    there
        .stderr_contains("uploads/there is there already: what is uploaded takes its place")
        .run();
}

#[test]
fn a_file_is_whole_or_not_there_and_never_overwrites_another() {
    let endpoint = with_files(&["processed/x/a b.txt"]);
    let get = ["files", "lab.yaml", "--get", "processed/x/a b.txt"];
    let got = test(&endpoint).args(get).stdout("a b.txt (5 B)\n").run();
    assert_eq!(fs::read(got.path("a b.txt")).expect("it is there"), b"12345");
    fs::write(got.path("a b.txt"), "mine").expect("writes");
    got.then()
        .args(get)
        .status(4)
        .stderr_contains("a b.txt is there already: nothing was overwritten")
        .run();
    assert_eq!(fs::read(got.path("a b.txt")).expect("it is there"), b"mine");
    fs::create_dir(got.path("folder")).expect("a folder");
    let json = got
        .then()
        .args(get)
        .args(["--to", "folder", "--output", "json"])
        .run()
        .json();
    assert_eq!(json["path"], "folder/a b.txt");
    assert_eq!(json["bytes"], 5);
    got.then()
        .args(["files", "lab.yaml", "--get", "processed/no"])
        .status(1)
        .stderr_contains("there is no \"processed/no\"")
        .run();

    // A file is where its folder should be.
    got.then()
        .args(get)
        .args(["--to", "a b.txt/there.txt"])
        .status(1)
        .stderr_contains("error: cannot write a b.txt/there.txt: ")
        .stderr_contains("help: name a path that you may write to, with --to")
        .run();

    endpoint.rescript(|script| script.fault(On::action("GetObject"), Fault::CutInBody));
    got.then().args(get).args(["--to", "cut.txt"]).status(1).run();
    let left = fs::read_dir(got.path(".")).expect("a folder");
    let left: Vec<String> = left
        .map(|one| one.expect("one").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.contains("cut") || name.starts_with(".qfleet")),
        "{left:?}"
    );
}

/// A stack that an earlier qfleet made.
#[test]
fn a_bucket_whose_stack_does_not_say_where_files_go_that_are_done() {
    let endpoint = lab(Script::new());
    let run = test(&endpoint).args(["files", "--name", "lab", "--region", REGION]);
    fs::remove_file(run.path("lab.yaml")).expect("the file was there");
    run.status(1)
        .stderr_contains("error: lab doesn't say where files go that are done")
        .stderr_contains("help: give its file, which says so")
        .run();
}
