//! What `-v`, `-vv` and `--log-file` tell of the calls.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::in_a_terminal;
use crate::lab;

const ID: &str = "[0-9a-zA-Z-]+";

#[test]
fn v_names_each_call_once_it_is_over() {
    let script = Script::new().fault(On::action("DescribeStacks").numbers(1..=1), Fault::throttling());
    let endpoint = Endpoint::serve(script);
    let listed = lab::at(&endpoint)
        .args(["list", "-v"])
        .env("AWS_REGION", "us-east-2")
        .run();
    let calls: Vec<&str> = listed.stderr.lines().filter(|line| line.contains("(call ")).collect();
    let is = |pattern: &str| {
        let pattern = regex::Regex::new(&format!("^  {pattern}$")).expect("a pattern");
        assert!(
            calls.iter().any(|line| pattern.is_match(line)),
            "{pattern}: {}",
            listed.stderr
        );
    };
    is(&format!(
        "CloudFormation DescribeStacks \\(call \\d+\\): 200 in \\d+ ms, request {ID}, 2 attempts"
    ));
    assert_eq!(
        calls.len(),
        endpoint.world(|world| world.calls.len()) - 1,
        "{}",
        listed.stderr
    );
    assert!(!listed.stderr.contains("attempt 1"), "{}", listed.stderr);
}

#[test]
fn vv_names_each_attempt_why_it_is_tried_again_and_what_it_is_about() {
    let script = Script::new().fault(On::action("DescribeStacks").numbers(1..=1), Fault::throttling());
    let endpoint = Endpoint::serve(script);
    let to = format!("to {}, region us-east-2", endpoint.url());
    lab::at(&endpoint)
        .args(["status", "lab.yaml", "-vv", "--output", "json"])
        .stderr_contains("  credentials: the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n")
        .stderr_contains(format!("attempt 1) {to}"))
        .stderr_contains("attempt 1): 400 Throttling in ")
        .stderr_contains(format!("attempt 2) {to}"))
        .run();
    lab::at(&endpoint)
        .args(["deploy", "lab.yaml", "--yes", "-vv"])
        .stderr_contains(format!("{to}, StackName lab-work, ChangeSetName qfleet-"))
        .stderr_contains(", bucket ")
        .stderr_contains("  EC2 DescribeInstanceTypeOfferings (call ")
        .stderr_contains(", id 2 ")
        .run();
}

/// What is asked for as JSON stays one document, and an error has its causes with the call.
#[test]
fn causes_are_told_with_the_call_that_failed() {
    let failed = lab::with_file(lab::LAB)
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .args(["status", "lab.yaml", "-v", "--output", "json"])
        .status(1)
        .stderr_contains(": no answer in ")
        .stderr_contains("    because: http://127.0.0.1:9 can't be reached: Connection refused")
        .run();
    assert_eq!(failed.json()["error"]["exit_code"], 1);
}

#[test]
fn a_log_file_gets_everything_and_is_appended_to() {
    let endpoint = Endpoint::serve(Script::new());
    let list = |test: crate::harness::Test| test.args(["list", "--log-file", "qfleet.log"]);
    let first = list(lab::at(&endpoint).env("AWS_REGION", "us-east-2")).stderr("").run();
    let log = first.read("qfleet.log");
    assert!(
        log.lines()
            .all(|line| regex::Regex::new(r"^20\d\d-\d\d-\d\dT[\d:]+\.\d{3}Z ")
                .expect("a time")
                .is_match(line)),
        "{log}"
    );
    assert!(
        log.contains(&format!("Z qfleet {} begins: list\n", env!("CARGO_PKG_VERSION"))),
        "{log}"
    );
    assert!(log.contains(" (call 1, attempt 1) to http://"), "{log}");
    assert!(log.ends_with("Z ends with exit code 0\n"), "{log}");
    let mode = fs::metadata(first.path("qfleet.log"))
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = list(first.then()).run();
    let both = second.read("qfleet.log");
    assert!(both.starts_with(&log) && both.len() > log.len(), "{both}");
    let failed = second
        .then()
        .args(["outputs", "nothing", "--log-file", "qfleet.log"])
        .status(2)
        .run();
    let last = failed.read("qfleet.log");
    assert!(
        last.contains(" ends with exit code 2: no environment `nothing`"),
        "{last}"
    );
}

#[test]
fn a_log_file_that_cannot_be_written_is_refused_before_anything() {
    let endpoint = Endpoint::serve(Script::new());
    lab::at(&endpoint)
        .args(["deploy", "lab.yaml", "--yes", "--log-file", "no-folder/qfleet.log"])
        .status(2)
        .stderr_contains("error: --log-file no-folder/qfleet.log can't be written: No such file or directory")
        .stderr_contains("help: name a file that you may write to")
        .run();
    assert_eq!(endpoint.world(|world| world.calls.len()), 0);
}

/// AWS repeats a request that it can't verify, headers and all.
#[test]
fn what_aws_repeats_of_a_request_is_not_shown() {
    // As CloudFormation says it; the form is that of the general reference's troubleshooting of Signature Version 4
    // (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
    let message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                   Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String \
                   for this request should have been\n'POST\n/\n\nhost:cloudformation.us-east-2.amazonaws.com\n\
                   x-amz-security-token:IQoJb3JpZ2luX2VjEXAMPLETOKEN\n'";
    let refused = Fault::refuse(403, "SignatureDoesNotMatch", message);
    let endpoint = Endpoint::serve(Script::new().fault(On::action("DescribeStacks"), refused));
    lab::at(&endpoint)
        .env("AWS_REGION", "us-east-2")
        .args(["list", "-vv"])
        .status(1)
        .stderr_contains("403 SignatureDoesNotMatch in ")
        .stderr_lacks("IQoJ")
        .stderr_lacks("Canonical")
        .run();
}

/// Lines go above what is redrawn, and wait while a question is asked.
#[test]
fn lines_and_progress_do_not_tear_each_other() {
    let endpoint = Endpoint::serve(Script::new());
    let test = lab::at(&endpoint).args(["deploy", "lab.yaml", "-vv"]);
    let (code, said) = in_a_terminal(&test, 250, &[("[y/N]", "y\n")]);
    assert_eq!(code, 0, "{said}");
    let said = crate::harness::without_control(&said);
    let calls: Vec<&str> = said
        .split(['\n', '\r'])
        .filter(|line| line.contains("(call "))
        .collect();
    assert!(calls.len() > 20, "{said}");
    let whole =
        regex::Regex::new(r"^  [A-Z][A-Za-z0-9 ]+ \(call \d+(, attempt \d+\) to http://|, attempt \d+\): |\): )")
            .expect("a pattern");
    for line in calls {
        assert!(whole.is_match(line) && !line.contains("[y/N]"), "{line:?}\n{said}");
        assert_eq!(line.matches("(call ").count(), 1, "{line:?}");
    }
}
