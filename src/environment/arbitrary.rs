//! Any valid environment, for property tests.

mod delivery;
mod extras;
mod stage;
mod web;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::units::{Duration, KeptFor};
use super::*;

/// Environments that load without a problem.
pub fn environment() -> impl Strategy<Value = Environment> {
    without_extras().prop_flat_map(extras::added)
}

fn without_extras() -> impl Strategy<Value = Environment> {
    let name = "[a-z][a-z0-9]{1,9}(-[a-z0-9]{1,6}){0,2}";
    let head = (
        name.prop_filter("reserved by S3, or the artifacts bucket's", |name| {
            !name.ends_with("-artifacts") && !name.starts_with("sthree")
        }),
        option::of(select(vec![
            "us-east-2",
            "eu-central-1",
            "ap-northeast-3",
            "us-gov-west-1",
            "cn-north-1",
        ])),
        option::of("[0-9]{12}"),
        btree_map("t[a-z0-9_.:/=+@-]{0,20}", "[A-Za-z0-9äß_.:/=+@-]{1,20}", 0..5),
        any::<bool>(),
        option::of(duration(600, 86400)),
        option::of(bucket()),
        option::of(results()),
        any::<bool>(),
        option::of(alerts()),
        select(vec![Vec::new(), vec!["us-west-2"], vec!["us-east-2", "cn-north-1"]]),
    );
    let tail = (option::of(web::web()), option::of(delivery::delivery()));
    (head, vec(stage::stage(), 1..5), tail).prop_map(
        |(
            (name, region, account, tags, protect, lifetime, bucket, results, dashboard, mut alerts, standby),
            stages,
            (mut web, mut delivery),
        )| {
            if let (Some(Alerts { topic: Some(topic), .. }), Some(region)) = (&mut alerts, region) {
                *topic = topic.replace("us-east-2", region);
            }
            if let (
                Some(Web {
                    certificate: Some(arn), ..
                }),
                Some(region),
            ) = (&mut web, region)
            {
                *arn = arn.replace("us-east-2", region);
            }
            // What it hands out, and from where.
            delivery = delivery.filter(|_| {
                let spelled =
                    |bucket: &Bucket| bucket.existing.is_none() && !bucket.processed.contains(['+', '=', '@']);
                bucket.as_ref().is_some_and(spelled) && region.is_none_or(super::delivery::delivers_from)
            });
            if let (
                Some(Delivery {
                    certificate: Some(arn), ..
                }),
                Some(account),
            ) = (&mut delivery, &account)
            {
                *arn = arn.replace("111122223333", account);
            }
            let mut environment = Environment {
                name,
                region: region.map(str::to_owned),
                account,
                tags,
                standby: standby.into_iter().map(str::to_owned).collect(),
                protect,
                lifetime,
                on_destroy: bucket.is_none().then_some(OnDestroy::Empty).filter(|_| protect),
                bucket,
                results,
                extras: Vec::new(),
                stages,
                web,
                delivery,
                alerts,
                dashboard,
                drift: super::Drift::default(),
                source: Arc::default(),
            };
            if let Some(web) = &mut environment.web {
                // Of those that there are.
                web.feeds.truncate(environment.stages.len());
            }
            let any = environment.stages[0].queue.max_receives;
            for i in 0..environment.stages.len() {
                environment.stages[i].name = format!("s{i}");
                // Feeders come first, so no circle is made.
                environment.stages[i].from = match (i % 3, environment.bucket.is_some()) {
                    (0, true) => Some("bucket".into()),
                    (1, _) => Some(format!("s{}", i - 1)),
                    _ => None,
                };
                environment.stages[i].only = match (environment.stages[i].from.as_deref(), &environment.bucket) {
                    (Some("bucket"), Some(bucket)) => only(i, &bucket.uploads, any),
                    _ => None,
                };
                let instances = environment.stages[i].workers.instances.as_mut();
                if let (Some(Zones::Named(zones)), Some(region)) = (
                    instances.and_then(|instances| instances.zones.as_mut()),
                    &environment.region,
                ) {
                    zones
                        .iter_mut()
                        .for_each(|zone| *zone = format!("{region}{}", &zone[zone.len() - 1..]));
                }
            }
            environment
        },
    )
}

/// Any text, with what means something to YAML, to templates, to CloudFormation or to a shell more often than not.
pub fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "it's",
            "\"",
            "a\nb",
            "{{ name }}",
            "{% raw %}",
            "!Ref X",
            "${AWS::Region}",
            "${",
            "$(id)",
            "`id`",
            "*",
            "&a",
            "- x",
            "a: b",
            "a #b",
            "yes",
            "null",
            "~",
            "0123",
            "1e3",
            "0x10",
            ".5",
            "1_000",
            "2026-01-01",
            "",
            " ",
            "\t",
            "\u{85}",
            "\u{2028}",
            "\u{7f}",
            "\u{0}",
            "\\",
            "%",
            "@",
            "|",
            ">",
            "[",
            "{",
            "]",
            "}",
            ",",
            "?",
            ":",
            "=",
            "<<",
            "---",
            "...",
        ])
        .prop_map(str::to_owned),
        ".{0,30}",
        any::<String>(),
    ]
}

fn duration(least: u64, most: u64) -> impl Strategy<Value = Duration> {
    (least..=most).prop_map(Duration::seconds)
}

/// What a stage gets of the files, so that stages can be told apart. Chosen by a number that is the same for all of them.
fn only(stage: usize, uploads: &str, any: u32) -> Option<Only> {
    let prefix = Some(format!("{uploads}of=s{stage}/"));
    let suffix = vec![".png".to_owned(), "_small.jpg".to_owned()];
    match any % 4 {
        0 => None,
        1 => Some(Only { prefix: None, suffix }),
        2 => Some(Only {
            prefix,
            suffix: Vec::new(),
        }),
        _ => Some(Only { prefix, suffix }),
    }
}

fn alerts() -> impl Strategy<Value = Alerts> {
    prop_oneof![
        "[a-z][a-z0-9._%+-]{0,20}@[a-z0-9-]{1,10}\\.[a-z]{2,6}".prop_map(|email| Alerts {
            email: Some(email),
            topic: None,
        }),
        "[A-Za-z0-9_-]{1,20}".prop_map(|name| Alerts {
            email: None,
            topic: Some(format!("arn:aws:sns:us-east-2:111122223333:{name}")),
        }),
    ]
}

fn bucket() -> impl Strategy<Value = Bucket> {
    let on_destroy = prop_oneof![Just(OnDestroy::Keep), Just(OnDestroy::Empty)];
    (
        "in[a-z0-9]{0,5}(/[a-z0-9=+@_]{1,5}){0,2}/",
        "out[a-z]{0,5}/",
        on_destroy,
        any::<bool>(),
        prop_oneof![
            Just(KeptFor::Forever),
            (1..=36500_u64).prop_map(|days| KeptFor::Time(Duration::days(days)))
        ],
        option::of("[a-z][a-z0-9]{2,9}([.-][a-z0-9]{1,6}){0,2}"),
        select(vec![
            &[][..],
            &["https://app.example.com"],
            &[
                "https://xn--mnchen-3ya.example:8443",
                "http://localhost:3000",
                "http://127.0.0.1",
            ],
        ]),
        option::of("arn:aws(-cn)?:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    )
        .prop_map(
            |(uploads, processed, on_destroy, versioning, old_versions, existing, browsers, to)| Bucket {
                replicate_to: to.filter(|_| versioning && existing.is_none()),
                uploads,
                processed,
                on_destroy,
                versioning: versioning && existing.is_none(),
                old_versions: match existing {
                    Some(_) => None,
                    None => Some(old_versions),
                },
                browsers: match existing {
                    Some(_) => Vec::new(),
                    None => browsers.iter().map(|&origin| origin.to_owned()).collect(),
                },
                existing,
            },
        )
}

fn results() -> impl Strategy<Value = Results> {
    let ttl = prop_oneof![
        Just(KeptFor::Forever),
        (3600..=36500 * 86400_u64).prop_map(|seconds| KeptFor::Time(Duration::seconds(seconds)))
    ];
    ttl.prop_map(|ttl| Results { ttl })
}

/// Text of the characters that mean something in YAML.
pub fn any_text() -> impl Strategy<Value = String> {
    "[-a-z:#&*!|>'\"%@`{}\\[\\],?\\\\ \t\r\n0-9é\u{85}]{0,200}"
}

/// A valid file in which something is overwritten in a few places.
pub fn spoilt() -> impl Strategy<Value = String> {
    let edits = vec((any::<prop::sample::Index>(), 0..4_usize, hostile()), 1..6);
    (environment(), edits).prop_map(|(environment, edits)| {
        let mut text = serde_yaml::to_string(&environment).unwrap_or_default();
        for (at, length, with) in edits {
            let mut start = at.index(text.len() + 1);
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            let mut boundaries = (start..=text.len()).filter(|i| text.is_char_boundary(*i));
            let end = boundaries.nth(length).unwrap_or(text.len());
            text.replace_range(start..end, &with);
        }
        text
    })
}
