//! Where credentials come from, and what is said and done when nothing comes. How long it is waited for is tested on a
//! clock that stands still, beside the code.

use std::io::{BufRead, BufReader};
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
[profile sso]
sso_session = admin
sso_account_id = 111122223333
sso_role_name = deploy
[sso-session admin]
sso_region = us-east-2
sso_start_url = https://d-92671207e4.awsapps.com/start
[profile old-sso]
sso_region = us-east-2
sso_start_url = https://d-92671207e4.awsapps.com/start
sso_account_id = 111122223333
sso_role_name = deploy
";

/// Where `aws sso login` leaves its token: the name is the SHA-1 of a session's name, or of a profile's start URL
/// (aws-config, `src/sso/cache.rs`, `determine_correct_cache_filenames`).
const OF_SESSION: &str = "home/.aws/sso/cache/d033e22ae348aeb5660fc2140aec35850c4da997.json";
const OF_START_URL: &str = "home/.aws/sso/cache/13f9d35043871d073ab260e020f0ffde092cb14b.json";
const TOKEN: &str = r#"{"accessToken": "token", "expiresAt": "2100-01-01T00:00:00Z"}"#;
/// One that IAM Identity Center gives another one for.
const EXPIRED: &str = r#"{"accessToken": "token", "expiresAt": "2020-01-01T00:00:00Z", "refreshToken": "again",
    "clientId": "client", "clientSecret": "secret", "registrationExpiresAt": "2100-01-01T00:00:00Z"}"#;

fn list(args: &[&str]) -> Test {
    Test::new()
        .file("home/.aws/config", CONFIG)
        .file(OF_SESSION, TOKEN)
        .file(OF_START_URL, TOKEN)
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

/// A service that gives credentials: how it is said where it is, for which profile, and what it is called when qfleet
/// gives it up.
type Service = (&'static str, &'static str, &'static [&'static str], &'static str);
const SERVICES: [Service; 4] = [
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "/credentials",
        &[],
        "from the container's endpoint, AWS_CONTAINER_CREDENTIALS_…_URI: ",
    ),
    (
        "AWS_ENDPOINT_URL_STS",
        "",
        &["--profile", "role"],
        "within 25 s from STS, for arn:aws:iam::111122223333:role/deploy of the profile `role`",
    ),
    (
        "AWS_ENDPOINT_URL_SSO",
        "",
        &["--profile", "sso"],
        "within 25 s from IAM Identity Center, for the profile `sso`",
    ),
    (
        "AWS_ENDPOINT_URL_SSO",
        "",
        &["--profile", "old-sso"],
        "within 25 s from IAM Identity Center, for the profile `old-sso`",
    ),
];
const INSTANCE: Service = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "", &[], "");
const REFRESH: Service = (
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "",
    &["--profile", "sso"],
    "within 25 s from IAM Identity Center, for the profile `sso`",
);

/// With a server that takes connections and says nothing.
fn silent((variable, path, args, _): Service) -> (TcpListener, Test) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}{path}", silent.local_addr().expect("its address"));
    let test = list(args).env("AWS_EC2_METADATA_DISABLED", "false").env(variable, url);
    let is_refresh = variable == REFRESH.0;
    (
        silent,
        if is_refresh {
            test.file(OF_SESSION, EXPIRED)
        } else {
            test
        },
    )
}

#[test]
fn a_signal_ends_the_wait_for_a_service_that_gives_no_credentials() {
    for service in SERVICES.into_iter().chain([INSTANCE, REFRESH]) {
        let (silent, test) = silent(service);
        let child = start(&test);
        let _connection = silent.accept().expect("it asks");
        ends(child, Signal::SIGTERM, service.0);
    }
}

/// It takes 25 seconds, so only `make soak` waits for it.
#[test]
fn a_service_that_gives_no_credentials_is_given_up_and_named() {
    if std::env::var_os("QFLEET_EVERY_CALL").is_none() {
        return;
    }
    std::thread::scope(|scope| {
        for service in SERVICES.into_iter().chain([REFRESH]) {
            scope.spawn(move || {
                let (_silent, test) = silent(service);
                let why = format!("no credentials came {}", service.3);
                test.status(1).stderr_contains(&why).run();
            });
        }
    });
}

/// The SDK itself gives this one up.
#[test]
fn a_container_that_gives_no_credentials_is_named() {
    list(&[])
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/credentials")
        .status(1)
        .stderr_contains("no credentials came from the container's endpoint, AWS_CONTAINER_CREDENTIALS_…_URI: ")
        .stderr_contains("help: `aws sts get-caller-identity` asks the same source: see there why it gives none")
        .run();
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

/// As with the AWS CLI: whoever names a profile means its account, whatever keys a shell still has.
#[test]
fn a_profile_that_an_option_names_goes_before_the_keys_of_the_environment() {
    for (args, signed_with) in [
        (&["--profile", "keys"][..], "AKIAIOSFODNN7EXAMPLE"),
        (&[], "AKIAI44QH8DHBEXAMPLE"),
    ] {
        let service = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", service.local_addr().expect("its address"));
        let test = list(args)
            .env("AWS_ENDPOINT_URL", url)
            .env("AWS_ACCESS_KEY_ID", "AKIAI44QH8DHBEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        let child = start(&test);
        let (request, _) = service.accept().expect("it asks");
        let mut lines = BufReader::new(request).lines().map_while(Result::ok);
        let signature = lines.find(|line| line.to_lowercase().starts_with("authorization:"));
        let signature = signature.expect("a signature");
        assert!(signature.contains(&format!("Credential={signed_with}/")), "{signature}");
        ends(child, Signal::SIGTERM, signed_with);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_machine_without_certificates_says_so() {
    Test::new()
        .env("AWS_ACCESS_KEY_ID", "AKIAI44QH8DHBEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("SSL_CERT_FILE", "/nonexistent")
        .args(["list", "--region", "us-east-2"])
        .status(1)
        .stderr_contains("error: there are no CA certificates where SSL_CERT_FILE says\n")
        .stderr_contains("`ca-certificates`")
        .run();
}
