//! `qfleet doctor`: each check passed, failed and unknown, by what AWS says.

mod quotas;
mod rights;
mod wrong;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::{Test, in_a_terminal, without_control};
use crate::lab::{self, LAB};

const IMAGE: &str = "ami-0123456789abcdef0";

fn doctor(endpoint: &Endpoint, file: &str) -> Test {
    lab::with_file_at(endpoint, file).args(["doctor", "lab.yaml"])
}

/// The document, where a check fails or not.
fn document(script: Script, file: &str, status: i32) -> Value {
    let endpoint = Endpoint::serve(script);
    doctor(&endpoint, file)
        .args(["--output", "json"])
        .status(status)
        .run()
        .json()
}

/// The checks of a topic.
fn of<'a>(document: &'a Value, topic: &str) -> Vec<&'a Value> {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().filter(|check| check["check"] == topic).collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[test]
fn a_lab_that_can_be_deployed_passes_and_says_what_it_rests_on() {
    let endpoint = Endpoint::serve(Script::new().series("usage_0", &[(1, 12.0)]));
    let run = doctor(&endpoint, LAB).args(["--verbose"]).run();
    for line in [
        "  passed    clock: as AWS's\n",
        "  passed    credentials: from the environment (AWS_ACCESS_KEY_ID); they have no end\n",
        "  passed    account: 111122223333; user/somebody\n",
        "  passed    region: us-east-2, from the environment file\n",
        "  passed    rights: IAM's simulation allows the ",
        "  passed    network work: the default VPC vpc-default has subnets in us-east-2a, us-east-2b, us-east-2c, with a way \
         out\n",
        "  passed    types work: t3.micro: offered in us-east-2a, us-east-2b, us-east-2c\n",
        "  passed    quota L-1216C47A: vCPUs of on-demand instances (Standard: A, C, D, H, I, M, R, T, Z): 6 needed, \
         1000 allowed, 12 in use\n",
        "  passed    quota L-CDE20ADC: Auto Scaling groups: 1 needed, 500 allowed, 3 in use\n",
        "  passed    quota L-0485CB21: stacks: 4 needed, 2000 allowed, 0 in use\n",
        "  passed    quota L-DC2B2D3D: S3 buckets: 2 needed, 1000 allowed, 0 in use\n",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{}", run.stdout);
    }
    let image = format!("  passed    image work: {IMAGE} (/aws/service/ami-amazon-linux-latest/");
    assert!(run.stdout.contains(&image), "{}", run.stdout);
    assert!(
        !run.stdout.contains("failed") && !run.stdout.contains("unknown"),
        "{}",
        run.stdout
    );
    // Never a credential, whatever is asked for.
    for said in [run.stdout, run.stderr] {
        assert!(!said.contains("AKIAEXAMPLE") && !said.contains("secret"), "{said}");
    }
}

#[test]
fn credentials_that_aws_refuses_fail_and_nothing_else_is_said_of_the_account() {
    for (code, message) in [
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        ("ExpiredToken", "The security token included in the request is expired"),
    ] {
        let script = Script::new().fault(On::action("GetCallerIdentity"), Fault::refuse(403, code, message));
        let document = document(script, LAB, 1);
        let credentials = of(&document, "credentials")[0];
        assert_eq!(text(credentials, "outcome"), "failed");
        assert!(text(credentials, "what").contains(message), "{credentials:#}");
        assert_eq!(
            text(of(&document, "clock")[0], "outcome"),
            "passed",
            "a refusal has a date, too"
        );
        for topic in ["account", "rights", "network", "types", "image", "quota"] {
            let check = of(&document, topic)[0];
            assert_eq!(text(check, "outcome"), "unknown", "{check:#}");
            assert!(
                text(check, "what").contains("AWS doesn't take the credentials"),
                "{check:#}"
            );
        }
    }
}

/// In such a region AWS says of good credentials what it says of bad ones.
#[test]
fn a_region_that_is_not_enabled_fails_and_not_the_credentials() {
    let refused = Fault::refuse(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    );
    let there = On::action("GetCallerIdentity").region("ap-east-1");
    let file = LAB.replace("us-east-2", "ap-east-1");
    let document = document(Script::new().fault(there, refused), &file, 1);
    let outcome = |topic| text(of(&document, topic)[0], "outcome");
    let outcomes = ["credentials", "account", "region", "rights"].map(outcome);
    assert_eq!(outcomes, ["passed", "passed", "failed", "unknown"], "{document:#}");
    assert_eq!(document["outcome"], "failed");
    let region = of(&document, "region")[0];
    assert_eq!(
        text(region, "what"),
        "ap-east-1, from the environment file: the account has not enabled it"
    );
    let command = text(&region["mend"], "command");
    assert_eq!(command, "aws account enable-region --region-name ap-east-1");
}

#[test]
fn a_region_that_is_not_known_fails_with_the_one_that_was_meant() {
    let run = lab::at(&Endpoint::serve(Script::new())).args(["doctor", "--region", "us-esat-2"]);
    run.status(1)
        .stdout_contains("region: us-esat-2, from --region: qfleet knows no such region")
        .stdout_contains("did you mean us-east-2?")
        .run();
}

#[test]
fn a_session_in_a_role_says_whose_it_is() {
    let script = Script::new().caller("assumed-role/pipeline/run-1");
    let document = document(script, LAB, 0);
    let account = of(&document, "account")[0];
    assert!(
        text(account, "what").ends_with("; assumed-role/pipeline/run-1"),
        "{account:#}"
    );
    assert_eq!(document["account"], "111122223333");
}

#[test]
fn without_a_file_it_looks_at_what_needs_none() {
    let endpoint = Endpoint::serve(Script::new());
    let run = lab::at(&endpoint).env("AWS_REGION", "us-east-2").args(["doctor"]).run();
    for part in [
        "region: us-east-2, from AWS_REGION\n",
        "any environment\n  passed    network: the default VPC vpc-default",
        "not looked at: rights, types, image, secrets, quota: it takes an environment file to say what is needed\n",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    assert!(endpoint.calls("GetServiceQuota").is_empty());
    lab::at(&endpoint)
        .args(["doctor", "--name", "bob"])
        .status(2)
        .stderr_contains("no file is given")
        .run();
}

/// As long as a command may take to end, and far less than calls are otherwise tried.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn without_credentials_it_ends_soon_and_says_what_it_could_not_look_at() {
    let began = Instant::now();
    let run = lab::with_file(LAB).args(["doctor", "lab.yaml"]).status(1).run();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    for part in [
        ": neither the environment nor a profile has any",
        "  passed    region: us-east-2, from the environment file\n",
        "  unknown   quota: not looked at: there are no credentials to ask with\n",
        "            → mend that, and ask again\n",
        "  unknown   clock: ",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    assert!(run.stderr.is_empty(), "{}", run.stderr);
}

#[test]
fn a_profile_that_is_not_there_is_told_as_every_command_tells_it() {
    let run = lab::with_file(LAB)
        .args(["doctor", "lab.yaml", "--profile", "nope"])
        .status(1)
        .run();
    let said = "credentials: the AWS configuration files have no profile `nope`\n";
    assert!(run.stdout.contains(said), "{}", run.stdout);
}

/// Nobody listens: nothing is known, which is no reason to deploy.
#[test]
fn without_a_network_it_ends_soon_and_has_failed() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", closed.local_addr().expect("its address"));
    drop(closed);
    let began = Instant::now();
    let run = lab::with_file(LAB)
        .env("AWS_ENDPOINT_URL", &url)
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .args(["doctor", "lab.yaml"])
        .status(1)
        .run();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let said = format!("  failed    account: AWS gave no answer: GetCallerIdentity failed: {url} can't be reached");
    assert!(run.stdout.contains(&said), "{}", run.stdout);
    let of_others = "  unknown   network: not looked at: AWS gave no answer\n";
    assert!(run.stdout.contains(of_others), "{}", run.stdout);
}

#[test]
fn on_the_emulator_it_looks_at_this_machine_alone_and_calls_nobody() {
    let run = lab::with_file(LAB).args(["doctor", "lab.yaml", "--output", "json"]);
    let document = run.emulated().run().json();
    let topics: Vec<&str> = document["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|check| text(check, "check"))
        .collect();
    assert_eq!(topics, ["qfleet", "python", "cfn_lint", "emulator"]);
    let emulator = of(&document, "emulator")[0];
    assert!(text(emulator, "what").starts_with("ministack 1."), "{emulator:#}");
    assert_eq!(document["skipped"].as_array().map(Vec::len), Some(10));

    let run = lab::with_file(LAB)
        .env("QFLEET_MINISTACK", "/nowhere/ministack")
        .env("QFLEET_CFN_LINT", "/nowhere/cfn-lint")
        .args(["doctor", "lab.yaml", "--local"])
        .status(1)
        .run();
    for part in [
        "  failed    emulator: QFLEET_MINISTACK names /nowhere/ministack, which is no program\n",
        "  unknown   cfn-lint: cfn-lint isn't found: ",
        "              qfleet local install\n",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    // On AWS nobody needs it.
    let endpoint = Endpoint::serve(Script::new());
    doctor(&endpoint, LAB)
        .env("QFLEET_MINISTACK", "/nowhere/ministack")
        .stdout_contains("which is no program: only --local needs it")
        .run();
}

#[test]
fn workers_in_python_that_lack_something_here_fail_before_they_are_run() {
    let run = lab::with_file(LAB)
        .executable("program/run", "#!/bin/sh\nexec python3 worker.py\n")
        .file("program/requirements.txt", "no-such-package-anywhere\n")
        .args(["doctor", "lab.yaml", "--local"])
        .status(1)
        .run();
    assert!(run.stdout.contains("failed    python: "), "{}", run.stdout);
    assert!(run.stdout.contains("lacks no-such-package-anywhere"), "{}", run.stdout);
}

/// Commands and addresses are there to be copied, and stay whole.
#[test]
fn lines_fit_the_terminal() {
    let script = || {
        Script::new()
            .default_zones(&[])
            .quota("L-1216C47A", 5)
            .fault(On::action("DescribeImages"), Fault::access_denied("DescribeImages"))
    };
    for columns in [60, 80, 200] {
        let endpoint = Endpoint::serve(script());
        let (code, said) = in_a_terminal(&doctor(&endpoint, LAB), columns, &[]);
        assert_eq!(code, 1);
        let said = without_control(&said);
        assert!(
            said.contains("this machine") && said.contains("environment lab"),
            "{said}"
        );
        for line in said.lines() {
            let is_whole = ["aws ", "https://", "pip ", "/aws/service/"]
                .iter()
                .any(|begin| line.contains(begin));
            assert!(
                is_whole || line.trim_end().chars().count() <= usize::from(columns),
                "{columns}: {line:?}"
            );
        }
    }
}
