//! What is said about a stage whose workers are a Lambda function: at its key, and once.

use std::path::Path;

use qfleet::environment::{Active, Environment, Throughput, advise, parse};

const GOOD: &str = "\
name: lab
region: us-east-2
stages:
  - name: move
    queue: {visibility_timeout: 3m, max_receives: 5}
    workers:
      lambda: {program: ../p, handler: app.handler, runtime: python3.13, timeout: 30s}
    scaling: {acceptable_latency: 5m, seconds_per_message: 2}
";

fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replace(old, new)
}

fn lambda(more: &str) -> String {
    with("timeout: 30s}", &format!("timeout: 30s, {more}}}"))
}

fn read(text: &str) -> Result<Environment, Vec<(String, String)>> {
    parse(Path::new("lab.yaml"), text.to_owned()).map_err(|problems| {
        let all = problems.list.iter();
        all.map(|problem| (problem.pointer.clone(), problem.message.clone()))
            .collect()
    })
}

#[test]
fn a_good_one_has_the_defaults_and_needs_no_advice() {
    let environment = read(GOOD).expect("is good");
    let function = environment.stages[0].workers.lambda.as_ref().expect("a function");
    let shown = serde_json::json!(function);
    for (key, value) in [
        ("architecture", "arm64".into()),
        ("memory", "256 MiB".into()),
        ("batch", 5.into()),
        ("batch_window", "0s".into()),
        ("max_concurrency", serde_json::Value::from(20)),
        ("log_retention", "30d".into()),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert!(advise(&environment).is_empty(), "{:?}", advise(&environment));
}

#[test]
fn what_the_concurrency_allows_is_known_from_the_work_or_else_from_the_timeout() {
    let throughput = |text: &str| {
        let environment = read(text).expect("is good");
        let stage = &environment.stages[0];
        let function = stage.workers.lambda.as_ref().expect("a function");
        function.throughput(stage.scaling.as_ref())
    };
    // 20 runs at the same time, each of which does one after the other.
    let as_said = Throughput::AsSaid {
        a_second: 10.0,
        seconds_per_message: 2.0,
    };
    assert_eq!(throughput(GOOD), as_said);
    // 60 runs of 5 messages take 30 s at most.
    let text = lambda("max_concurrency: 60").replace(", seconds_per_message: 2", "");
    assert_eq!(throughput(&text), Throughput::AtWorst { a_second: 10.0 });
}

#[test]
fn a_bare_number_of_memory_is_taken_for_mib() {
    let problems = parse(Path::new("lab.yaml"), lambda("memory: 64")).expect_err("it has no unit");
    assert_eq!(problems.list[0].help.as_deref(), Some("write `64 MiB`"));
}

#[test]
fn what_lambda_would_refuse_is_refused_at_its_place() {
    let at = "/stages/0/workers/lambda";
    let instances = "workers:\n      instances: {program: ../p, types: [t4g.small]}\n";
    for (text, pointer, says) in [
        (
            lambda("memory: 64 MiB"),
            format!("{at}/memory"),
            "from 128 MiB to 10 GiB",
        ),
        (
            lambda("memory: 11 GiB"),
            format!("{at}/memory"),
            "from 128 MiB to 10 GiB",
        ),
        (
            with("timeout: 30s", "timeout: 16m").replace("visibility_timeout: 3m", "visibility_timeout: 2h"),
            format!("{at}/timeout"),
            "from 1s to 15m",
        ),
        (lambda("batch: 11"), format!("{at}/batch"), "needs a `batch_window`"),
        (lambda("batch: 10001"), format!("{at}/batch"), "1 to 10000"),
        (
            lambda("batch_window: 6m"),
            format!("{at}/batch_window"),
            "from 0s to 5m",
        ),
        (
            lambda("max_concurrency: 1"),
            format!("{at}/max_concurrency"),
            "2 to 1000",
        ),
        (
            lambda("architecture: x86"),
            format!("{at}/architecture"),
            "`arm64` or `x86_64`",
        ),
        (
            lambda("log_retention: 2d"),
            format!("{at}/log_retention"),
            "CloudWatch Logs",
        ),
        (
            with("app.handler", "handler"),
            format!("{at}/handler"),
            "no handler for python3.13",
        ),
        (with("../p", "~/p"), format!("{at}/program"), "`~`"),
        (
            with("python3.13", "Python 3"),
            format!("{at}/runtime"),
            "a Lambda runtime",
        ),
        (
            lambda("environment: {AWS_LAMBDA_EXEC_WRAPPER: x}"),
            format!("{at}/environment/AWS_LAMBDA_EXEC_WRAPPER"),
            "reserved",
        ),
        (
            lambda("environment: {AWS_REGION: x}"),
            format!("{at}/environment/AWS_REGION"),
            "reserved",
        ),
        (
            lambda("environment: {_X: x}"),
            format!("{at}/environment/_X"),
            "takes no variable",
        ),
        (
            lambda("environment: {QFLEET_STAGE: x}"),
            format!("{at}/environment/QFLEET_STAGE"),
            "come from qfleet",
        ),
        (
            with("visibility_timeout: 3m", "visibility_timeout: 29s"),
            "/stages/0/queue/visibility_timeout".into(),
            "Lambda refuses that",
        ),
        (
            with("visibility_timeout: 3m, ", "").replace("timeout: 30s", "timeout: 6m"),
            format!("{at}/timeout"),
            "`visibility_timeout` is 5m",
        ),
        (
            with("seconds_per_message: 2", "messages_per_instance: 2"),
            "/stages/0/scaling/messages_per_instance".into(),
            "is for instances",
        ),
        (
            with("seconds_per_message: 2", "messages_at_once: 2"),
            "/stages/0/scaling/messages_at_once".into(),
            "is for instances",
        ),
        (
            with("seconds_per_message: 2", "count_in_flight: false"),
            "/stages/0/scaling/count_in_flight".into(),
            "is for instances",
        ),
        (
            with("workers:\n", instances),
            "/stages/0/workers".into(),
            "doesn't say which is at work",
        ),
        (
            with("workers:\n", "workers:\n      active: instances\n"),
            "/stages/0/workers/active".into(),
            "`workers` has no `instances`",
        ),
        (
            with("workers:\n", "workers:\n      active: both\n"),
            "/stages/0/workers/active".into(),
            "`both`",
        ),
        (
            with(
                "workers:\n",
                &instances.replace("workers:\n", "workers:\n      active: instances\n"),
            )
            .replace("visibility_timeout: 3m", "visibility_timeout: 29s"),
            "/stages/0/queue/visibility_timeout".into(),
            "Lambda refuses that",
        ),
        (
            with(
                "    workers:\n      lambda: {program: ../p, handler: app.handler, runtime: python3.13, timeout: 30s}\n",
                "    workers: {}\n",
            ),
            "/stages/0/workers".into(),
            "nothing that drains the queue",
        ),
        (lambda("types: [t4g.small]"), format!("{at}/types"), "unknown key"),
    ] {
        let problems = read(&text).expect_err(&text);
        assert_eq!(problems.len(), 1, "{text}{problems:?}");
        assert_eq!(problems[0].0, pointer, "{text}{problems:?}");
        assert!(problems[0].1.contains(says), "{says}: {problems:?}");
    }
}

#[test]
fn advice_about_one_thing_each() {
    for (text, pointer, says) in [
        (
            with("visibility_timeout: 3m", "visibility_timeout: 2m"),
            "/stages/0/queue/visibility_timeout",
            "AWS recommends six times the function's `timeout`, and the `batch_window`: 3m",
        ),
        (
            lambda("batch_window: 1m"),
            "/stages/0/queue/visibility_timeout",
            "the `batch_window`: 4m",
        ),
        (
            with("max_receives: 5", "max_receives: 4"),
            "/stages/0/queue/max_receives",
            "AWS recommends at least 5",
        ),
        (
            with("seconds_per_message: 2", "seconds_per_message: 7"),
            "/stages/0/workers/lambda/timeout",
            "`batch` smaller",
        ),
        (
            with("acceptable_latency: 5m", "acceptable_latency: 4d"),
            "/stages/0/scaling/acceptable_latency",
            "well above",
        ),
        (
            lambda("batch: 1000, batch_window: 1s, max_concurrency: 121")
                .replace("visibility_timeout: 3m", "visibility_timeout: 4m")
                .replace(", seconds_per_message: 2", ""),
            "/stages/0/workers/lambda/max_concurrency",
            "120,000",
        ),
    ] {
        let advice = advise(&read(&text).unwrap_or_else(|problems| panic!("{text}{problems:?}")));
        assert_eq!(advice.len(), 1, "{text}{advice:?}");
        assert_eq!(advice[0].pointer, pointer, "{text}{advice:?}");
        let help = advice[0].help.as_deref().unwrap_or_default();
        assert!(help.contains(says), "{says}: {help}");
    }
}

#[test]
fn two_kinds_may_be_described_and_one_or_none_is_at_work() {
    let instances = "workers:\n      instances: {program: ../p, types: [t4g.small]}\n";
    for (active, expected) in [
        ("instances", Active::Instances),
        ("lambda", Active::Lambda),
        ("none", Active::None),
    ] {
        let text = with("workers:\n", &format!("{instances}      active: {active}\n"));
        // What means nothing to a function is for the instances, whoever is at work.
        let text = text.replace("seconds_per_message: 2", "messages_per_instance: 2");
        let environment = read(&text).unwrap_or_else(|problems| panic!("{text}{problems:?}"));
        assert_eq!(environment.stages[0].workers.active(), expected);
        assert!(advise(&environment).is_empty(), "{:?}", advise(&environment));
    }
    for (active, expected) in [
        ("", Active::Lambda),
        ("active: lambda", Active::Lambda),
        ("active: none", Active::None),
    ] {
        let environment = read(&with("workers:\n", &format!("workers:\n      {active}\n"))).expect("is good");
        assert_eq!(environment.stages[0].workers.active(), expected);
    }
}
