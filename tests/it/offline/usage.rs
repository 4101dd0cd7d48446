//! What the command line can't mean: exit code 2 before anything is asked, what is wrong, and what would be right.

use crate::lab;

/// With a bucket, and an account of its own.
const FILE: &str = "\
name: lab
region: us-east-2
account: '111122223333'
bucket: {on_destroy: empty}
stages:
  - name: work
    from: bucket
    workers:
      instances: {program: program, types: [t3.micro], min: 1, max: 3}
    scaling: {seconds_per_message: 1}
";

/// So nothing is asked of AWS: nobody listens there, and there are no credentials.
const NOWHERE: &str = "http://127.0.0.1:9";

#[test]
fn what_cannot_be_meant_is_refused_with_what_would_be_right() {
    let no_bucket = FILE
        .replace("bucket: {on_destroy: empty}\n", "")
        .replace("    from: bucket\n", "");
    for (file, args, error, help) in [
        (
            FILE,
            &["deploy", "lab.yaml", "--prune", "--no-wait"][..],
            "--prune comes after the rest is deployed, and --no-wait doesn't wait for that",
            "",
        ),
        (
            FILE,
            &["events", "lab.yaml", "--follow", "--output", "json"],
            "--follow has no end, and --output json is one document",
            "use --output jsonl",
        ),
        (
            FILE,
            &["logs", "lab.yaml", "--follow", "--output", "json"],
            "--follow has no end, and --output json is one document",
            "use --output jsonl",
        ),
        (
            FILE,
            &["status", "lab.yaml", "--watch", "--output", "json"],
            "--watch has no end, and --output json is one document",
            "use --output jsonl",
        ),
        (
            FILE,
            &["local", "up", "lab.yaml", "--output", "json"],
            "a fleet in the foreground has no end, and --output json is one document",
            "",
        ),
        (
            FILE,
            &["extend", "lab.yaml", "0s"],
            "an expiry can be moved by 1s to ",
            "an environment that stays longer needs no `lifetime`",
        ),
        (
            FILE,
            &["extend", "lab.yaml"],
            "by how much lab.yaml is to live longer wasn't said",
            "as in: qfleet extend lab.yaml 2h",
        ),
        (
            FILE,
            &["files", "lab.yaml", "--link", "processed/a", "--for", "8d"],
            "--for 8d: a link lasts for 1s to 7d",
            "as in: --for 2h",
        ),
        (
            FILE,
            &["files", "lab.yaml", "--upload-link", "uploads/a", "--max-size", "6GiB"],
            "what is uploaded with a link has from 1 B to 5 GiB",
            "as in: --max-size 100MiB",
        ),
        (
            FILE,
            &["files", "lab.yaml", "--upload-link", "uploads/"],
            "\"uploads/\" names a folder",
            "give the whole key of a file",
        ),
        (
            no_bucket.as_str(),
            &["files", "lab.yaml"],
            "lab has no bucket, and so no files",
            "give it one in its file (`bucket: {}`), and deploy it",
        ),
        (
            FILE,
            &["local", "up", "lab.yaml", "--profile", "team"],
            "--profile names an account of AWS, and this command never reaches AWS",
            "",
        ),
        (
            FILE,
            &["kill-worker", "lab.yaml", "--crash", "--yes"],
            "--crash works with --local only",
            "--drain is what Auto Scaling offers",
        ),
        (
            FILE,
            &["kill-worker", "lab.yaml", "--spot", "--yes"],
            "--spot works with --local only",
            "AWS Fault Injection Service can have it done",
        ),
        (
            FILE,
            &["list", "--all-regions", "--region", "us-east-2"],
            "--all-regions and --region can't be used together",
            "leave one of them out",
        ),
        (
            FILE,
            &["list", "--all-regions", "--local"],
            "the local emulator has no accounts of that kind",
            "leave --all-regions out",
        ),
        (
            FILE,
            &["render", "lab.yaml", "--account", "444455556666"],
            "--account 444455556666 is not the account of the file, 111122223333",
            "leave --account out",
        ),
        (
            FILE,
            &["results", "lab.yaml", "--job", "uploads/a", "--state", "done"],
            "of one job, all stages are shown, whatever their state",
            "leave out --state and --stage, or --job",
        ),
        (
            FILE,
            &["send", "lab.yaml", "-"],
            "standard input can't be uploaded: a file has a name",
            "write it to a file first",
        ),
        (
            FILE,
            &["logs", "lab.yaml", "--since", "10000000d"],
            "--since 10000000d is longer ago than any time that can be told",
            "as in: --since 2h",
        ),
        (
            FILE,
            &["doctor", "--name", "anna"],
            "--name stands in place of the name in a file, and no file is given",
            "give the file, too, or leave --name out",
        ),
        (
            FILE,
            &["status", "lab.yaml", "--output", "markdown"],
            "this command has no --output markdown",
            "",
        ),
    ] {
        lab::with_file(file)
            .env("AWS_ENDPOINT_URL", NOWHERE)
            .args(args.iter().copied())
            .status(2)
            .stderr_contains(error)
            .stderr_contains(format!("  help: {help}"))
            .run();
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    lab::with_file(FILE)
        .file("taken", "a file")
        .args(["render", "lab.yaml", "--out", "taken"])
        .status(1)
        .stderr_contains("error: cannot write taken: ")
        .stderr_contains("help: name a folder that you may write to, with --out")
        .run();
    lab::with_file(FILE)
        .file("taken", "a file")
        .args(["init", "taken"])
        .status(1)
        .stderr_contains("error: cannot write taken")
        .stderr_contains("help: name a folder that you may write to")
        .run();
    lab::with_file(FILE)
        .file("taken", "a file")
        .args(["man", "taken/pages"])
        .status(1)
        .stderr_contains("error: cannot write taken/pages: ")
        .run();
}

#[test]
fn a_variable_that_holds_no_name_is_refused() {
    lab::with_file(FILE)
        .env("QFLEET_NAME", "Anna_B")
        .args(["render", "lab.yaml"])
        .status(2)
        .stderr_contains("error: QFLEET_NAME is \"Anna_B\", which can't be an environment's name: ")
        .stderr_contains("help: give the variable another value, or unset it")
        .run();
}

#[test]
fn no_region_says_where_one_is_given() {
    lab::with_file(&FILE.replace("region: us-east-2\n", ""))
        .env("AWS_ENDPOINT_URL", NOWHERE)
        .args(["status", "lab.yaml"])
        .status(2)
        .stderr_contains("error: no region\n")
        .stderr_contains(
            "help: name one in the environment file (`region: us-east-2`), with --region, or in AWS_REGION",
        )
        .run();
}

#[test]
fn doctor_says_where_no_emulator_answers() {
    let doctor = lab::with_file(FILE).args(["doctor", "lab.yaml", "--local", "--endpoint-url", NOWHERE]);
    doctor
        .status(1)
        .stdout_contains(format!("no emulator answers at {NOWHERE}"))
        .stdout_contains("start it there, or leave --endpoint-url out to use qfleet's own")
        .run();
}

/// The SDK would say it as Rust prints its requests, once it calls.
#[test]
fn an_endpoint_that_is_no_url_is_refused_before_any_call() {
    for (url, why) in [
        ("127.0.0.1:9", "it is no URL: it must begin with http:// or https://"),
        ("localhost:4566", "it is no URL: it must begin with http:// or https://"),
        ("foo", "it is no URL: it must begin with http:// or https://"),
        ("", "it is no URL: it must begin with http:// or https://"),
        ("http://", "it is no URL: empty host"),
        ("https://127.0.0.1:99999", "it is no URL: invalid port number"),
    ] {
        for local in [&[][..], &["--local"]] {
            lab::with_file(FILE)
                .args(["status", "lab.yaml", "--endpoint-url", url])
                .args(local.iter().copied())
                .status(2)
                .stdout("")
                .stderr_contains(format!("invalid value '{url}' for '--endpoint-url <URL>': {why}"))
                .run();
        }
    }
}

/// In words of its own: the parser's are "invalid digit found in string".
#[test]
fn a_bad_number_or_length_is_told_what_is_expected_with_an_example() {
    let number = |most: &str, example: &str| format!("a whole number from 1 to {most} is expected, as in {example}");
    let length = "it is written as in 90s, 15m, 8h, 2d or 1h 30m".to_owned();
    for (args, said) in [
        (&["init", "--max", "x"][..], number("1000", "4")),
        (&["deploy", "lab.yaml", "--concurrency", "0"], number("1000", "8")),
        (&["results", "lab.yaml", "--limit", "many"], number("10000", "50")),
        (&["dlq", "sample", "lab.yaml", "--count", "x"], number("100", "5")),
        (&["dlq", "redrive", "lab.yaml", "--max-rate", "x"], number("500", "50")),
        (&["send", "lab.yaml", "a", "--repeat", "x"], number("1000000", "100")),
        (
            &["status", "lab.yaml", "--watch", "--interval", "x"],
            number("3600", "10"),
        ),
        (&["local", "up", "lab.yaml", "--speed", "x"], number("100", "40")),
        (&["local", "start", "--port", "x"], number("65535", "4566")),
        (&["iam", "lab.yaml", "--document", "x"], number("1000", "2")),
        (
            &["send", "lab.yaml", "a", "--rate", "x"],
            "a number from 0.001 to 100000 is expected, as in 5 or 0.5".to_owned(),
        ),
        (&["destroy", "lab.yaml", "--timeout", "x"], length.clone()),
        (&["events", "lab.yaml", "--since", "x"], length.clone()),
        (&["init", "--lifetime", "x"], length.clone()),
    ] {
        let run = lab::with_file(FILE).args(args.iter().copied()).status(2);
        run.stderr_contains(said).stderr_lacks("invalid digit").run();
    }
}

#[test]
fn a_subcommand_that_is_none_is_told_what_there_is() {
    for (args, tip) in [
        (
            &["dlq", "list", "lab.yaml"][..],
            "tip: `qfleet dlq` has sample, redrive, purge\n",
        ),
        // The value of an option isn't the command.
        (
            &["--profile", "local", "dlq", "list"],
            "tip: `qfleet dlq` has sample, redrive, purge\n",
        ),
        (
            &["local", "begin"],
            "tip: `qfleet local` has start, stop, status, up, down, ",
        ),
        // It is one of another command.
        (&["up", "lab"], "tip: a similar subcommand exists: 'local up'\n"),
        (&["redrive", "lab"], "tip: a similar subcommand exists: 'dlq redrive'\n"),
        (&["stauts"], "tip: a similar subcommand exists: 'status'\n"),
        (
            &["destory", "lab.yaml"],
            "tip: a similar subcommand exists: 'destroy'\n",
        ),
    ] {
        let run = lab::with_file(FILE).args(args.iter().copied()).status(2).stdout("");
        run.stderr_contains("error: unrecognized subcommand")
            .stderr_contains(tip)
            .run();
    }
    lab::with_file(FILE)
        .args(["nothing"])
        .status(2)
        .stderr_lacks("tip:")
        .run();
}

/// What is deployed is found by its name: a file that is being edited need not be in the way.
#[test]
fn a_broken_file_is_no_hindrance_to_what_is_about_what_is_deployed() {
    for command in ["status", "destroy", "events"] {
        lab::with_file("name: 7\n")
            .args([command, "lab.yaml"])
            .status(2)
            .stderr_contains("help: by `--name NAME` instead of the file, this command works, too")
            .run();
    }
    lab::with_file("name: 7\n")
        .args(["status", "lab.yaml", "--name", "bob"])
        .status(2)
        .stderr_contains("help: without the file, by `--name bob` alone, this command works, too")
        .run();
    for command in ["check", "plan", "deploy", "render"] {
        lab::with_file("name: 7\n")
            .args([command, "lab.yaml"])
            .status(2)
            .stderr_lacks("by `--name")
            .run();
    }
}

/// Programs read JSON, also where the command line can't be read.
#[test]
fn a_wrong_command_line_is_told_in_the_form_that_was_asked_for() {
    for (args, message, help) in [
        (
            &["plan", "--output", "json"][..],
            "the following required arguments were not provided:\n  <ENV>",
            "Usage: qfleet plan ",
        ),
        (
            &["plan", "lab.yaml", "--exit-cod", "--output=json"],
            "unexpected argument '--exit-cod' found",
            "a similar argument exists: '--exit-code'",
        ),
        // That of another command.
        (
            &["plan", "lab.yaml", "--fail", "--output=json"],
            "unexpected argument '--fail' found",
            "`qfleet plan` has --exit-code for that",
        ),
        (
            &["drift", "lab.yaml", "--exit-code", "--output=json"],
            "unexpected argument '--exit-code' found",
            "`qfleet drift` has --fail for that",
        ),
        (
            &["plan", "lab.yaml", "--expect=v1", "--output=json"],
            "unexpected argument '--expect' found",
            "`qfleet deploy` has --expect",
        ),
        (
            &["status", "lab.yaml", "--drain", "--output=json"],
            "unexpected argument '--drain' found",
            "`qfleet kill-worker` has --drain",
        ),
        (
            &["deploy", "lab.yaml", "--output", "jsonl", "--region", "Ohio"],
            "invalid value 'Ohio' for '--region <REGION>': a region of AWS is meant, such as us-east-2",
            "",
        ),
        (
            &["destroy", "lab.yaml", "--output", "json", "--role-arn", "deploys"],
            "invalid value 'deploys' for '--role-arn <ARN>': the ARN of a role is meant, such as \
             arn:aws:iam::111122223333:role/deploys",
            "",
        ),
    ] {
        let run = lab::with_file(FILE)
            .env("AWS_ENDPOINT_URL", NOWHERE)
            .args(args.iter().copied());
        let first = message.lines().next().unwrap_or_default();
        let said = run.status(2).stderr_contains(format!("error: {first}")).run();
        let error = &said.json()["error"];
        assert_eq!(
            (error["message"].as_str(), error["exit_code"].as_u64()),
            (Some(message), Some(2)),
            "{error:#}"
        );
        assert!(error["help"].as_str().unwrap_or_default().contains(help), "{error:#}");
    }
    // What was asked for is no error.
    let help = lab::with_file(FILE).args(["plan", "--help", "--output", "json"]).run();
    assert!(help.stdout.contains("Usage: qfleet plan"), "{}", help.stdout);
}
