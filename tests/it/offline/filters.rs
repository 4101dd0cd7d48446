//! `only`: which files reach which stage, by what the rendered templates tell S3 and SNS.

mod policy;

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use qfleet::blueprint::quoting::key_in_events;
use qfleet::blueprint::{self, Placement, template};
use qfleet::environment::{Environment, Only, advise, parse};
use serde_json::{Value, json};

use policy::delivers;

/// Requests and answers of AWS, from LocalStack's tests that were validated there
/// (`tests/aws/services/sns/test_sns_filter_policy.py` and its snapshot, Apache-2.0): a policy, what was delivered, and what
/// wasn't.
fn recorded() -> Vec<(Value, Vec<Value>, Vec<Value>)> {
    let event = |name: &str, key: &str| json!({"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": {"object": {"key": key, "size": 17}}}]});
    let (auto, home) = ("auto-insurance-2314.xml", "home-insurance-2314.xml");
    let nested = json!({"Records": [
        {"eventName": "ObjectCreated:Put", "s3": {"object": [[{"key": auto, "size": 17}]]}},
        {"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": home, "size": 17}}},
    ]});
    let cpu = |detail: Value| json!({"metricName": "CPUUtilization", "detail": detail});
    let cloudwatch = json!({"scope": "Service", "source": "aws.cloudwatch"});
    vec![
        (
            json!({"Records": {
                "s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "ObjectCreated:"}],
            }}),
            vec![nested, event("ObjectCreated:Put", auto)],
            vec![event("ObjectRemoved:Delete", auto), event("ObjectCreated:Put", home)],
        ),
        (
            json!({
                "$or": [{"metricName": ["CPUUtilization", "ReadLatency"]}, {"namespace": ["AWS/EC2", "AWS/ES"]}],
                "detail": {
                    "scope": ["Service"],
                    "$or": [{"source": ["aws.cloudwatch"]}, {"type": ["CloudWatch Alarm State Change"]}],
                },
            }),
            vec![
                cpu(cloudwatch.clone()),
                cpu(json!({"scope": "Service", "type": "CloudWatch Alarm State Change"})),
                json!({"metricName": "ReadLatency", "detail": cloudwatch}),
                json!({"namespace": "AWS/EC2", "detail": cloudwatch}),
                json!({"namespace": "AWS/ES", "detail": cloudwatch}),
            ],
            vec![
                cpu(json!({"scope": "aws.cloudwatch", "type": "CloudWatch Alarm State Change"})),
                cpu(json!({"scope": "Service", "type": "CPUUtilization"})),
                cpu(json!({"type": "CloudWatch Alarm State Change"})),
                cpu(json!({"scope": "Service"})),
                json!({"metricName": "CPUUtilization", "scope": "Service"}),
            ],
        ),
        (
            json!({
                "object": {"key": [{"prefix": "auto-"}, "hardcodedvalue"], "nested_key": [{"exists": false}]},
                "test": [{"exists": false}],
            }),
            vec![
                json!({"object": {"key": "auto-test"}}),
                json!({"object": {"key": "hardcodedvalue"}}),
            ],
            vec![
                json!({"object": {"key": "test-auto"}}),
                json!({"object": {"key": "auto-test"}, "test": "just-exists"}),
                json!({"object": {"key": "auto-test", "nested_key": "just-exists"}}),
                json!({"object": {"test": "auto-test"}}),
                json!({"test": "auto-test"}),
                json!("Regular string message"),
            ],
        ),
        (
            json!({"headers": {"route-to": ["queue1"]}}),
            vec![
                json!({"headers": {"route-to": ["queue1"]}}),
                json!({"headers": {"route-to": ["queue1", "queue2"]}}),
            ],
            vec![
                json!({"headers": {"route-to": ["queue3"]}}),
                json!({"headers": {"route-to": ["queue2"]}}),
            ],
        ),
    ]
}

#[test]
fn policies_let_through_what_aws_did() {
    for (policy, delivered, kept) in recorded() {
        for (messages, expected) in [(delivered, true), (kept, false)] {
            for message in messages {
                assert_eq!(delivers(&policy, &message), Ok(expected), "{policy}: {message}");
            }
        }
    }
    let too_many = json!({
        "key_a": {"key_b": {"key_c": ["1", "2", "3", "4"]}},
        "key_d": {"key_e": ["1", "2", "3"]},
        "key_f": ["1", "2", "3"],
    });
    assert_eq!(
        delivers(&too_many, &json!({})),
        Err("Filter policy is too complex".into())
    );
    let both = json!({"key": [{"prefix": "a"}], "$or": [{"key": [{"suffix": "b"}]}, {"key": [{"suffix": "c"}]}]});
    assert!(delivers(&both, &json!({})).is_err(), "nobody knows what it means");
}

fn text(stages: &[Option<Only>]) -> String {
    let mut text = "name: lab\nregion: us-east-2\nbucket: {uploads: up=1/}\nstages:\n".to_owned();
    for (i, only) in stages.iter().enumerate() {
        text += &format!("  - name: s{i}\n    from: bucket\n    workers: {{active: none}}\n");
        if let Some(only) = only {
            text += &format!("    only: {}\n", json!(only));
        }
    }
    // The least that can work.
    let workers = "workers: {instances: {image: ami-0123456789abcdef0, types: [t4g.small], min: 1, max: 1}}";
    text.replace("workers: {active: none}", workers)
}

fn read(stages: &[Option<Only>]) -> Result<Environment, Vec<(String, String)>> {
    parse(Path::new("lab.yaml"), text(stages)).map_err(|problems| {
        let all = problems.list.iter();
        all.map(|problem| (problem.pointer.clone(), problem.message.clone()))
            .collect()
    })
}

fn only(prefix: Option<&str>, suffix: &[&str]) -> Option<Only> {
    Some(Only {
        prefix: prefix.map(str::to_owned),
        suffix: suffix.iter().map(|suffix| (*suffix).to_owned()).collect(),
    })
}

/// What the templates tell S3 and SNS.
struct Rendered {
    /// Notifications of the bucket: the topic's logical id, the prefix, the suffix.
    told: Vec<(String, String, String)>,
    /// Of each stage: the logical id of its topic, and the properties of its subscription.
    subscriptions: Vec<(String, Value)>,
}

fn rendered(environment: &Environment, local: bool) -> Rendered {
    let placement = Placement {
        account: "111122223333".into(),
        region: "us-east-2".into(),
        local,
    };
    let blueprint = blueprint::render(environment, &placement).unwrap_or_else(|problems| panic!("{problems:?}"));
    let stack = |part: &str| {
        blueprint
            .stacks
            .iter()
            .find(|stack| stack.part == part)
            .expect("a stack")
    };
    let resources = |part: &str| template::read(&stack(part).body).expect("a template")["Resources"].clone();
    let bucket = resources("intake")["Bucket"]["Properties"].clone();
    let all = bucket["NotificationConfiguration"]["TopicConfigurations"]
        .as_array()
        .expect("a list");
    let told = all.iter().map(|one| {
        let rule = |name: &str| {
            let rules = one["Filter"]["S3Key"]["Rules"].as_array().expect("rules");
            let rule = rules.iter().find(|rule| rule["Name"] == name);
            rule.map_or("", |rule| rule["Value"].as_str().expect("text")).to_owned()
        };
        let topic = one["Topic"]["Ref"].as_str().expect("an id").to_owned();
        (topic, rule("prefix"), rule("suffix"))
    });
    let subscriptions = environment.stages.iter().map(|stage| {
        let blueprint::Value::Output { key, .. } = &stack(&stage.name).parameters["TopicArn"] else {
            panic!("an output of intake");
        };
        let subscription = resources(&stage.name)["Subscription"]["Properties"].clone();
        (key.replace("Arn", ""), subscription)
    });
    Rendered {
        told: told.collect(),
        subscriptions: subscriptions.collect(),
    }
}

/// The stages that get a file with this key, as AWS does it.
fn on_aws(rendered: &Rendered, key: &str) -> Vec<bool> {
    let encoded = key_in_events(key);
    let tells = |(_, prefix, suffix): &&(String, String, String)| {
        encoded.starts_with(prefix.as_str()) && encoded.ends_with(suffix.as_str())
    };
    let of_key = rendered.told.iter().filter(tells).count();
    assert!(of_key <= 1, "S3 refuses rules that overlap: {:?}", rendered.told);
    let event = json!({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": encoded}}}]});
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent"});
    let gets = |(topic, properties): &(String, Value)| {
        assert_eq!(topic, "Topic");
        // CloudFormation can change a filter, but fails when it is to take one away: there is one always.
        let policy = properties.get("FilterPolicy").expect("a filter");
        assert_eq!(properties["FilterPolicyScope"], "MessageBody");
        assert_eq!(
            delivers(policy, &test),
            Ok(false),
            "no worker could do anything with it"
        );
        of_key == 1 && delivers(policy, &event).unwrap_or_else(|why| panic!("{why}: {policy}"))
    };
    rendered.subscriptions.iter().map(gets).collect()
}

/// The same locally: by a topic of each stage.
fn locally(rendered: &Rendered, key: &str) -> Vec<bool> {
    let gets = |(topic, properties): &(String, Value)| {
        assert!(properties.get("FilterPolicy").is_none());
        let tells = |(of, prefix, suffix): &&(String, String, String)| {
            of == topic && key.starts_with(prefix.as_str()) && key.ends_with(suffix.as_str())
        };
        rendered.told.iter().filter(tells).count() == 1
    };
    rendered.subscriptions.iter().map(gets).collect()
}

const KEYS: [&str; 14] = [
    "up=1/a.png",
    "up=1/img/a.png",
    "up=1/img/a.PNG",
    "up=1/img/a b+c=d.png",
    "up=1/img/ümläut 🚚.jpg",
    "up=1/img/raw+x/a.png",
    "up=1/img/raw+x/a_s.jpg",
    "up=1/img/a.jpg",
    "up=1/imgs/a.jpg",
    "up=1/video/a.mp4",
    "up=1/img/png",
    "up=1/img/",
    "up=1/.png",
    "other/img/a.png",
];

fn as_wanted(stages: &[Option<Only>], key: &str) -> Vec<bool> {
    let takes = |only: &Option<Only>| key.starts_with("up=1/") && only.as_ref().is_none_or(|only| only.takes(key));
    stages.iter().map(takes).collect()
}

fn any_only() -> impl Strategy<Value = Option<Only>> {
    let prefixes = [
        None,
        Some("up=1/"),
        Some("up=1/img/"),
        Some("up=1/img/raw+x/"),
        Some("up=1/video/"),
    ];
    let suffixes = vec![".png", ".jpg", "_s.jpg", ".mp4", ".PNG"];
    let some =
        (select(prefixes.to_vec()), subsequence(suffixes, 0..3)).prop_map(|(prefix, suffix)| only(prefix, &suffix));
    prop_oneof![1 => Just(None), 6 => some]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever stages ask for: each gets just that, or `check` says which can't.
    #[test]
    fn a_stage_gets_what_it_asks_for_and_nothing_else(stages in proptest::collection::vec(any_only(), 1..4)) {
        if let Ok(environment) = read(&stages) {
            let (aws, local) = (rendered(&environment, false), rendered(&environment, true));
            for key in KEYS {
                let wanted = as_wanted(&stages, key);
                prop_assert_eq!(on_aws(&aws, key), wanted.clone(), "{} on AWS", key);
                prop_assert_eq!(locally(&local, key), wanted, "{} locally", key);
            }
        }
    }
}

#[test]
fn what_both_ends_of_a_key_are_asked_for_is_asked_of_the_bucket_and_of_the_topic() {
    let cases = [
        // The bucket tells of the pictures only, so that their ends say enough.
        vec![only(Some("up=1/img/"), &[".png", ".jpg"])],
        // By their ends where these tell them apart, else by their beginnings.
        vec![only(Some("up=1/img/"), &[".png"]), only(Some("up=1/video/"), &[".mp4"])],
        vec![only(Some("up=1/img/"), &[".png"]), only(Some("up=1/video/"), &[".png"])],
        // The second gets a part of what the first gets.
        vec![only(None, &[".png", ".jpg"]), only(Some("up=1/img/"), &[".mp4"])],
    ];
    for stages in cases {
        let environment = read(&stages).unwrap_or_else(|problems| panic!("{stages:?}: {problems:?}"));
        let aws = rendered(&environment, false);
        for key in KEYS {
            assert_eq!(on_aws(&aws, key), as_wanted(&stages, key), "{stages:?}: {key}");
        }
        let everything = aws.told.iter().any(|(_, _, suffix)| suffix.is_empty());
        assert!(!everything, "{stages:?}");
    }
    // Without need, stages can come and go while the bucket stays as it is.
    let simple = read(&[None, only(None, &[".png"]), only(Some("up=1/img/"), &[])]).expect("is good");
    assert_eq!(
        rendered(&simple, false).told,
        [("Topic".into(), "up%3D1/".into(), String::new())]
    );
}

#[test]
fn what_cannot_be_or_means_nothing_is_said_where_it_stands() {
    let first = |stages: &[Option<Only>]| read(stages).expect_err("is bad").remove(0);
    let cases = [
        (vec![only(None, &[])], "/stages/0/only", "neither `prefix` nor `suffix`"),
        (
            vec![only(Some("img/"), &[])],
            "/stages/0/only/prefix",
            "the stage would get no file",
        ),
        (
            vec![only(Some("up=1/../img/"), &[])],
            "/stages/0/only/prefix",
            "step `.` or `..`",
        ),
        (
            vec![only(None, &[".png", ".png"])],
            "/stages/0/only/suffix/1",
            "`.png` is there twice",
        ),
        (
            vec![only(None, &["_s.jpg", ".jpg"])],
            "/stages/0/only/suffix/0",
            "ends in `.jpg`, too",
        ),
        (vec![only(None, &["png"])], "/stages/0/only/suffix/0", "begins with `.`"),
        (vec![only(None, &[""])], "/stages/0/only/suffix/0", ""),
        (
            vec![None, only(Some("up=1/img/"), &[".png"])],
            "/stages/1/only",
            "`s1` would get `up=1/img/…`, too",
        ),
    ];
    for (stages, pointer, message) in cases {
        let (at, said) = first(&stages);
        assert!(at == pointer && said.contains(message), "{stages:?}: {at}: {said}");
    }
    let unfed = text(&[only(None, &[".png"])]).replace("    from: bucket\n", "");
    let problems = parse(Path::new("lab.yaml"), unfed).expect_err("is bad");
    assert!(
        problems.list[0].message.contains("the bucket doesn't feed"),
        "{problems:?}"
    );
    let many = |stage: usize| {
        let suffixes: Vec<String> = (0..20).map(|n| format!(".{stage}x{n:02}")).collect();
        Some(Only {
            prefix: Some(format!("up=1/{stage}/")),
            suffix: suffixes,
        })
    };
    assert!(read(&[many(0), many(1), many(2), many(3), many(4)]).is_ok());
    let (_, said) = first(&(0..6).map(many).collect::<Vec<_>>());
    assert!(said.contains("120 notifications"), "{said}");
}

#[test]
fn files_that_two_stages_get_or_none_are_advice() {
    let advice = |stages: &[Option<Only>]| -> Vec<String> {
        let environment = read(stages).unwrap_or_else(|problems| panic!("{stages:?}: {problems:?}"));
        let all = advise(&environment)
            .into_iter()
            .filter(|one| !one.pointer.contains("workers"));
        all.filter(|one| one.pointer.contains("stages"))
            .map(|one| format!("{}: {}", one.pointer, one.message))
            .collect()
    };
    let apart = [only(None, &[".png"]), only(None, &[".mp4"])];
    let none = "no stage gets the other files under `up=1/`: nothing happens to them";
    assert_eq!(advice(&apart), [format!("/stages/1/only: {none}")]);
    let shared = advice(&[only(Some("up=1/img/"), &[]), only(None, &[".png"])]);
    assert_eq!(
        shared[0],
        "/stages/1/only: `s0` and `s1` both get files such as `up=1/img/….png`"
    );
    let all = advice(&[only(None, &[".png"]), None]);
    assert_eq!(
        all,
        ["/stages/1/from: `s0` and `s1` both get files such as `up=1/….png`"]
    );
}
