//! Any valid stage, with workers of both kinds.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::duration;
use crate::environment::units::{Duration, Size};
use crate::environment::*;

pub fn stage() -> impl Strategy<Value = Stage> {
    let queue = || {
        (duration(1, 43200), 1..=1000_u32, duration(60, 14 * 86400)).prop_map(
            |(visibility_timeout, max_receives, retention)| Queue {
                visibility_timeout,
                max_receives,
                retention,
            },
        )
    };
    let target = prop_oneof![
        (1..=60_000_u32).prop_map(|milliseconds| (Some(f64::from(milliseconds) / 1000.0), None)),
        (1..=1_000_000_u32).prop_map(|messages| (None, Some(messages))),
    ];
    let scaling = (duration(60, 86400), target, 1..=1000_u32, any::<bool>()).prop_map(
        |(acceptable_latency, (seconds_per_message, messages_per_instance), messages_at_once, count_in_flight)| {
            Scaling {
                acceptable_latency,
                seconds_per_message,
                messages_per_instance,
                messages_at_once,
                count_in_flight,
            }
        },
    );
    let of_group = (queue(), instances(), option::of(scaling))
        .prop_map(|(queue, instances, scaling)| Stage {
            name: String::new(),
            from: None,
            only: None,
            queue,
            replies: false,
            schedules: Vec::new(),
            workers: Workers {
                instances: Some(instances),
                lambda: None,
                active: None,
            },
            scaling,
        })
        .boxed();
    let active = select(vec![Active::Instances, Active::Lambda, Active::None]);
    let of_both = (of_group.clone(), lambda(), active).prop_map(|(mut stage, lambda, active)| {
        stage.queue.visibility_timeout = stage.queue.visibility_timeout.max(lambda.timeout);
        (stage.workers.lambda, stage.workers.active) = (Some(lambda), Some(active));
        stage
    });
    let scaling =
        (duration(60, 86400), option::of(1..=60_000_u32)).prop_map(|(acceptable_latency, milliseconds)| Scaling {
            acceptable_latency,
            seconds_per_message: milliseconds.map(|milliseconds| f64::from(milliseconds) / 1000.0),
            messages_per_instance: None,
            messages_at_once: 1,
            count_in_flight: true,
        });
    let of_function = (queue(), lambda(), option::of(scaling)).prop_map(|(queue, lambda, scaling)| Stage {
        name: String::new(),
        from: None,
        only: None,
        queue: Queue {
            visibility_timeout: queue.visibility_timeout.max(lambda.timeout),
            ..queue
        },
        replies: false,
        schedules: Vec::new(),
        workers: Workers {
            instances: None,
            lambda: Some(lambda),
            active: None,
        },
        scaling,
    });
    let of_any_workers = prop_oneof![3 => of_group, 1 => of_function, 1 => of_both];
    let schedules = vec(schedule(), 0..3);
    (of_any_workers, any::<bool>(), schedules).prop_map(|(stage, replies, schedules)| Stage {
        replies,
        schedules,
        ..stage
    })
}

fn schedule() -> impl Strategy<Value = JobSchedule> {
    let cron = select(vec![
        "0 3 * * *",
        "*/5 8-18 * * MON-FRI",
        "0 0 1,15 * *",
        "30 4 * JAN 7",
    ]);
    let time_zone = select(vec!["UTC", "Europe/Berlin", "America/New_York"]);
    (cron, time_zone, "[\\PC&&[^\u{2028}\u{2029}]]{1,60}").prop_map(|(cron, time_zone, body)| JobSchedule {
        cron: cron.into(),
        time_zone: time_zone.into(),
        body: format!("{{{body}}}"),
    })
}

fn lambda() -> impl Strategy<Value = Lambda> {
    let of = select(vec![
        ("python3.13", "app.handler"),
        ("nodejs22.x", "src/index.handler"),
        ("provided.al2023", "bootstrap"),
    ]);
    let architecture = select(vec![Architecture::Arm64, Architecture::X86_64]);
    let batches = prop_oneof![(1..=10_u32, duration(0, 300)), (11..=10_000_u32, duration(1, 300)),];
    let variables = btree_map("[A-PR-Z][A-Z0-9_]{2,10}", "[\\PC&&[^\u{2028}\u{2029}]]{0,40}", 0..4);
    (
        of,
        architecture,
        128..=10_240_u64,
        duration(1, 900),
        batches,
        2..=1000_u32,
        variables,
    )
        .prop_map(
            |(
                (runtime, handler),
                architecture,
                memory,
                timeout,
                (batch, batch_window),
                max_concurrency,
                environment,
            )| {
                Lambda {
                    program: "../program".into(),
                    handler: handler.into(),
                    runtime: runtime.into(),
                    architecture,
                    memory: Size::mib(memory),
                    timeout,
                    batch,
                    batch_window,
                    max_concurrency,
                    environment,
                    secrets: BTreeMap::from([("API_KEY".into(), Secret("/app/key".into()))]),
                    log_retention: Duration::days(30),
                    policies: Vec::new(),
                }
            },
        )
}

pub fn instances() -> impl Strategy<Value = Instances> {
    let types = prop_oneof![
        subsequence(vec!["t4g.small", "m7g.large", "c8gn.2xlarge"], 1..=3),
        subsequence(vec!["t3.micro", "m7i-flex.large", "u7i-12tb.224xlarge"], 1..=3),
    ];
    let image = select(vec![
        "al2023",
        "ubuntu-24.04",
        "ami-0123456789abcdef0",
        "/team/images/worker",
        "/team/images/ready",
    ]);
    let place = prop_oneof![
        Just((None, None, None, None)),
        Just((Some(Zones::All), None, None, None)),
        subsequence(vec!["us-east-2a", "us-east-2b", "us-east-2c"], 1..=3).prop_map(|names| (
            Some(Zones::Named(names.into_iter().map(str::to_owned).collect())),
            None,
            None,
            None
        )),
        Just((
            None,
            Some("vpc-01234567".to_owned()),
            Some(vec!["subnet-01234567".to_owned()]),
            None
        )),
        Just((None, None, None, Some(Network::Create))),
    ];
    let variables = btree_map("[A-PR-Z_][A-Z0-9_]{0,10}", "[\\PC&&[^\u{2028}\u{2029}]]{0,40}", 0..4);
    let times = (
        duration(0, 7200),
        duration(60, 3600),
        duration(30, 7200),
        select(vec![1, 3, 30, 365, 3653]).prop_map(Duration::days),
        (8..=16384_u64).prop_map(Size::gib),
    );
    (
        (
            "[A-Za-z0-9_./][A-Za-z0-9_./ äö'\"#:-]{0,30}",
            variables,
            types,
            image,
            0..=20_u32,
            1..=20_u32,
        ),
        (place, times, option::of(0..=20_u32), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(
                (program, environment, types, image, min, more),
                (
                    (zones, vpc, subnets, network),
                    (warmup, start_timeout, drain_timeout, log_retention, volume),
                    spot,
                    session_manager,
                    policy,
                ),
            )| Instances {
                settings: (image.ends_with("ready") && environment.is_empty()).then_some(Settings::Nowhere),
                program: Some(program).filter(|_| !image.ends_with("ready")),
                environment,
                secrets: match session_manager && !image.ends_with("ready") {
                    true => BTreeMap::from([("DB_PASSWORD".into(), Secret("/app/db".into()))]),
                    false => BTreeMap::new(),
                },
                types: types.into_iter().map(str::to_owned).collect(),
                image: image.to_owned(),
                root_device: image.starts_with("ami-").then(|| "/dev/sda1".to_owned()),
                min,
                max: min + more,
                // Of few: what they come to is worked out, which takes its time.
                capacity: match session_manager && policy && spot.is_some() {
                    true => vec![
                        Capacity {
                            cron: "0 18 * * MON-FRI".into(),
                            time_zone: "Europe/Berlin".into(),
                            min: Some(0),
                            max: Some(0),
                        },
                        Capacity {
                            cron: "0 8 * * 1-5".into(),
                            time_zone: "UTC".into(),
                            min: None,
                            max: None,
                        },
                    ],
                    false => Vec::new(),
                },
                zones,
                vpc,
                subnets,
                security_groups: match network {
                    None if policy => vec!["sg-0123456789abcdef0".into()],
                    _ => Vec::new(),
                },
                network,
                spot: spot.is_some(),
                on_demand_base: spot.unwrap_or_default(),
                volume,
                warmup,
                start_timeout,
                drain_timeout: Some(drain_timeout).filter(|_| session_manager),
                log_retention,
                session_manager,
                policies: if policy {
                    vec!["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".into()]
                } else {
                    Vec::new()
                },
            },
        )
}
