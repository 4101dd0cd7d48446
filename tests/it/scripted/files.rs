//! `qfleet files` against the scriptable endpoint.

use std::fs;

use crate::deployed::{BUCKET, lab, test};
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
    assert_eq!(lines[1], "waiting    1 file (5 B) under uploads/", "{}", counted.stdout);
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
