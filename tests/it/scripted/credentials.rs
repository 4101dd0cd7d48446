//! Where credentials come from, and what is said and done when nothing comes. How long it is waited for is tested on a
//! clock that stands still, beside the code.

use std::net::TcpListener;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Test, lives, wait_until};

const CONFIG: &str = "\
[profile keys]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = secret
[profile role]
role_arn = arn:aws:iam::111122223333:role/deploy
source_profile = keys
[profile program]
credential_process = sh -c 'sleep 600 & echo $! $$ > started; wait'
";

fn list(args: &[&str]) -> Test {
    Test::new()
        .file("home/.aws/config", CONFIG)
        .env("AWS_REGION", "us-east-2")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .args(["list"])
        .args(args.iter().copied())
}

fn start(test: &Test) -> Child {
    let mut command = test.command();
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("qfleet runs")
}

fn ends(mut child: Child, by: Signal, what: &str) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    kill(pid, by).expect("signalled");
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(130), "{what}");
}

#[test]
fn a_profile_that_does_not_exist_is_named() {
    let there = "there are ";
    list(&["--profile", "nope"])
        .status(2)
        .stderr_contains("error: the AWS configuration files have no profile `nope`\n")
        .stderr_contains(there)
        .run();
    list(&[])
        .env("AWS_PROFILE", "nope")
        .status(2)
        .stderr_contains("no profile `nope`")
        .run();
    Test::new()
        .env("AWS_REGION", "us-east-2")
        .args(["list", "--profile", "nope"])
        .status(2)
        .stderr_contains("there are no profiles at all")
        .run();
}

/// A server that takes connections and says nothing: the instance's, the container's, and STS.
#[test]
fn a_signal_ends_the_wait_for_a_service_that_gives_no_credentials() {
    for (variable, path, args) in [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "", [].as_slice()),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/credentials", &[]),
        ("AWS_ENDPOINT_URL_STS", "", &["--profile", "role"]),
    ] {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}{path}", silent.local_addr().expect("its address"));
        let test = list(args).env("AWS_EC2_METADATA_DISABLED", "false").env(variable, url);
        let child = start(&test);
        let _connection = silent.accept().expect("it asks");
        ends(child, Signal::SIGTERM, variable);
    }
}

#[test]
fn a_signal_ends_a_program_that_gives_no_credentials_too() {
    let test = list(&["--profile", "program"]);
    let child = start(&test);
    let started = test.path("started");
    let mut said = String::new();
    wait_until("it is started", || {
        said = std::fs::read_to_string(&started).unwrap_or_default();
        said.ends_with('\n')
    });
    let pids: Vec<i32> = said.split_ascii_whitespace().flat_map(str::parse).collect();
    assert_eq!(pids.len(), 2);
    ends(child, Signal::SIGINT, "credential_process");
    // What was told to end is somebody else's to bury, who may take a moment.
    wait_until("it has ended", || !pids.iter().any(|pid| lives(*pid)));
}
