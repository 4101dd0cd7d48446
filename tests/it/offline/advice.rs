//! What is advised about a good environment file. The whole of some messages is in `snapshots/`.

use std::path::Path;

use miette::{GraphicalTheme, Severity};
use qfleet::environment::problem::Problems;
use qfleet::environment::{advise, parse};
use qfleet::report::problems;

use crate::offline::environment::{GOOD, capacity, shown, with};

#[test]
fn advice() {
    let text = GOOD
        .replace("max_receives: 5, retention: 4d", "max_receives: 1, retention: 14d")
        .replace("visibility_timeout: 2m", "visibility_timeout: 5s")
        .replace("lifetime: 8h", "protect: true\nlifetime: 8h")
        .replace(
            "zones: all",
            "zones: [us-east-2a]\n        spot: true\n        drain_timeout: 30s",
        )
        .replace(
            "seconds_per_message: 10",
            "seconds_per_message: 60\n      count_in_flight: false\n      messages_at_once: 1000",
        )
        .replace("acceptable_latency: 5m", "acceptable_latency: 2m")
        .replace("max: 4", "max: 400");
    let environment = parse(Path::new("stacks/lab.yaml"), text).unwrap();
    let advice = Problems::new(environment.source.clone(), advise(&environment));
    insta::assert_snapshot!(problems::text(
        &advice,
        Severity::Advice,
        GraphicalTheme::unicode_nocolor()
    ));
}

/// Until its root device is named, which shows that somebody knows what the image has.
#[test]
fn advice_about_an_image_of_ones_own() {
    let advice = |image: &str| {
        let environment = parse(Path::new("stacks/lab.yaml"), with("zones: all", image)).unwrap();
        Problems::new(environment.source.clone(), advise(&environment))
    };
    let own = advice("image: /images/worker");
    insta::assert_snapshot!(problems::text(
        &own,
        Severity::Advice,
        GraphicalTheme::unicode_nocolor()
    ));
    let ubuntu = "/aws/service/canonical/ubuntu/server/24.04/stable/20260101/arm64/hvm/ebs-gp3/ami-id";
    let brings = |settings: &str| {
        let text = GOOD.replace(
            "program: ../examples/mover",
            &format!("image: /images/worker{settings}"),
        );
        let environment = parse(Path::new("stacks/lab.yaml"), text).unwrap();
        let advice = advise(&environment);
        assert_eq!(advice.len(), 1, "{advice:?}");
        advice[0].help.clone().unwrap_or_default()
    };
    assert!(brings("").contains("with the settings that cloud-init writes to /etc/qfleet/worker.env"));
    assert!(brings("\n        settings: none").contains("know its queue"));
    for image in [
        "image: ubuntu-24.04",
        "image: /images/worker\n        root_device: /dev/xvda",
        &format!("image: {ubuntu}"),
    ] {
        assert!(advice(image).list.is_empty(), "{image}");
    }
}

#[test]
fn advice_about_one_thing_each() {
    let stage = |name: &str, more: &str| {
        format!(
            "  - {{name: {name}, {more} workers: {{instances: {{program: ../p, types: [t4g.small], min: 1, max: 1}}}}}}\n"
        )
    };
    let head = "name: lab\nbucket: {on_destroy: empty}\nstages:\n";
    let without_a_bucket = |says: &str| format!("name: lab\n{says}\nstages:\n") + &stage("a", "");
    let scaling = |latency: &str| with("acceptable_latency: 5m", latency);
    let unscaled = |text: &str| text[..text.find("    scaling:").expect("scaling")].to_owned();
    for (text, pointer) in [
        (with("lifetime: 8h", ""), "/bucket/on_destroy"),
        (with("on_destroy: empty", "on_destroy: keep"), "/bucket/on_destroy"),
        (with("lifetime: 8h", "lifetime: 8h\nprotect: true"), "/protect"),
        (without_a_bucket("lifetime: 8h"), "/on_destroy"),
        (without_a_bucket("on_destroy: empty"), "/on_destroy"),
        (with("    from: bucket\n", ""), "/bucket"),
        (
            head.replace("name", "lifetime: 1d\nname") + &stage("a", "from: bucket,") + &stage("b", "from: bucket,"),
            "/stages/1/from",
        ),
        (with("min: 2", "min: 4"), "/stages/0/scaling"),
        (with("min: 2", "min: 0"), "/stages/0/scaling/acceptable_latency"),
        (
            scaling("acceptable_latency: 4m"),
            "/stages/0/scaling/acceptable_latency",
        ),
        (
            scaling("acceptable_latency: 4d"),
            "/stages/0/scaling/acceptable_latency",
        ),
        (
            with("visibility_timeout: 2m", "visibility_timeout: 6m"),
            "/stages/0/queue/visibility_timeout",
        ),
        (
            with("visibility_timeout: 2m", "visibility_timeout: 9s"),
            "/stages/0/queue/visibility_timeout",
        ),
        (with("retention: 4d", "retention: 9m"), "/stages/0/queue/retention"),
        (with("retention: 4d", "retention: 14d"), "/stages/0/queue/retention"),
        (with("zones: all", "spot: true"), "/stages/0/workers/instances/types"),
        (
            with(
                "types: [t4g.small]",
                "types: [t4g.small, t4g.medium]\n        spot: true\n        on_demand_base: 4",
            ),
            "/stages/0/workers/instances/on_demand_base",
        ),
        (unscaled(GOOD), "/stages/0/workers/instances/max"),
        (unscaled(&with("min: 2", "min: 0")), "/stages/0/workers/instances/min"),
        (
            with(
                "seconds_per_message: 10",
                "messages_per_instance: 10\n      messages_at_once: 11",
            ),
            "/stages/0/scaling/messages_per_instance",
        ),
        (
            capacity(r#"{cron: "0 18 * * *", max: 0, min: 0}"#),
            "/stages/0/workers/instances/capacity",
        ),
        (
            capacity(r#"{cron: "0 18 * * *", max: 3}"#),
            "/stages/0/workers/instances/capacity",
        ),
        // Over a weekend and a night, longer than messages are kept.
        (
            with("retention: 4d", "retention: 2d").replace(
                "zones: all",
                r#"capacity: [{cron: "0 18 * * FRI", min: 0, max: 0}, {cron: "0 8 * * MON"}]"#,
            ),
            "/stages/0/workers/instances/capacity",
        ),
        (
            capacity(r#"{cron: "0 18 1 * MON", min: 1}, {cron: "0 8 * * *"}"#),
            "/stages/0/workers/instances/capacity/0/cron",
        ),
        (
            unscaled(&capacity(r#"{cron: "0 8 * * *", min: 0}, {cron: "0 18 * * *"}"#)),
            "/stages/0/workers/instances/capacity/0/cron",
        ),
        (
            with("zones: all", "vpc: vpc-01234567\n        subnets: [subnet-01234567]"),
            "/stages/0/workers/instances/subnets",
        ),
        (
            with(
                "zones: all",
                "environment: {DB_PASSWORD: hunter2, TOKENIZER: words, TOKEN_URL: 'https://a'}",
            ),
            "/stages/0/workers/instances/environment/DB_PASSWORD",
        ),
    ] {
        let environment = parse(Path::new("lab.yaml"), text.clone()).unwrap_or_else(|p| panic!("{}{text}", shown(&p)));
        let advice = advise(&environment);
        let pointers: Vec<&str> = advice.iter().map(|advice| advice.pointer.as_str()).collect();
        assert_eq!(pointers, [pointer], "{text}{advice:?}");
    }
}
