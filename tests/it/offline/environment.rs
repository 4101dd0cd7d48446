//! What people see of a bad environment file. The whole of each message is in `snapshots/`.

use std::path::Path;

use assert_cmd::Command;
use miette::{GraphicalTheme, Severity};
use qfleet::environment::problem::Problems;
use qfleet::environment::{advise, load, parse};
use qfleet::report::problems;

pub(super) const GOOD: &str = r#"name: photo-lab
region: us-east-2
account: "111122223333"
tags: {team: media}
lifetime: 8h

bucket:
  uploads: uploads/
  processed: processed/
  on_destroy: empty

stages:
  - name: move
    from: bucket
    queue: {visibility_timeout: 2m, max_receives: 5, retention: 4d}
    workers:
      instances:
        program: ../examples/mover
        types: [t4g.small]
        min: 2
        max: 4
        zones: all
    scaling:
      acceptable_latency: 5m
      seconds_per_message: 10
"#;

const ARN: &str = "arn:aws:secretsmanager:us-east-2:111122223333:secret:app/db-AbC123";

/// The good file with one thing in it changed.
pub(super) fn with(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    GOOD.replace(old, new)
}

/// The good file with a web tier.
fn web(keys: &str) -> String {
    format!("{GOOD}web:\n  {keys}\n")
}

/// The good file with these bounds at set times.
pub(super) fn capacity(entries: &str) -> String {
    with("zones: all", &format!("capacity: [{entries}]"))
}

pub(super) fn shown(problems: &Problems) -> String {
    problems::text(problems, Severity::Error, GraphicalTheme::unicode_nocolor())
}

fn problems_of(text: &str) -> String {
    match parse(Path::new("stacks/lab.yaml"), text.to_owned()) {
        Ok(_) => "no problem".to_owned(),
        Err(problems) => shown(&problems),
    }
}

#[test]
fn a_lifetime_may_be_as_short_as_a_lesson_needs_it() {
    let of = |lifetime: &str| problems_of(&with("lifetime: 8h", &format!("lifetime: {lifetime}")));
    assert_eq!(of("1m"), "no problem");
    assert!(of("59s").contains("`lifetime` must be from 1m to 365d, not 59s"));
}

macro_rules! refused {
    ($($name:ident: $text:expr;)*) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(stringify!($name), problems_of(&$text));
            }
        )*
    };
}

refused! {
    account_without_quotes: with("\"111122223333\"", "011122223333");
    aliases: with("on_destroy: empty", "<<: &a {on_destroy: empty}\n  versioning: *a");
    block_text_of_several_lines: with("program: ../examples/mover", "program: |\n          ../examples\n          mover");
    brackets_left_open: with("types: [t4g.small]", "types: [t4g.small");
    browsers: with("on_destroy: empty", "on_destroy: empty\n  browsers: ['*', 'https://*.example.com', 'http://app.example.com', 'https://App.example.com/', 'https://app.example.com:443', 'https://1.2.3', 'http://localhost:99999', 'https://app.example.com', 'https://app.example.com', app]");
    bucket_that_is_not_there: with("bucket:\n  uploads: uploads/\n  processed: processed/\n  on_destroy: empty\n", "");
    capacity_at_one_time_twice: capacity(r#"{cron: "0 8 * * 1-5", max: 3}, {cron: "0 8 1 * *", min: 0, max: 0}"#);
    capacity_beyond_the_groups: capacity(r#"{cron: "0 8 * * *", max: 5}, {cron: "0 9 * * *", min: 5}, {cron: "0 10 * * *", max: 1}, {cron: "0 11 * * *", min: 3, max: 2}"#);
    capacity_never: capacity(r#"{cron: "0 8 31 2 *", min: 3}"#);
    capacity_of_no_cron: capacity(r#"{cron: "0 25 * * *"}, {cron: "@daily"}, {cron: "0 8 * * FRI-MON"}, {cron: "0 8 L * *"}, {cron: "0 0 8 * * *"}"#);
    capacity_of_no_time_zone: capacity(r#"{cron: "0 8 * * *", time_zone: Berlin}, {cron: "0 9 * * *", time_zone: europe/berlin}, {cron: "0 10 * * *", time_zone: Europe/Berln}, {cron: "0 11 * * *", time_zone: Mars}"#);
    control_characters: with("uploads/\n", "up\u{7f}loads/\u{85}\n");
    count_out_of_range: with("max_receives: 5", "max_receives: 0");
    deeply_nested: "[".repeat(100_000);
    deeply_nested_blocks: (0..30).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
    on_destroy_beside_a_bucket: with("on_destroy: empty", "on_destroy: empty\non_destroy: keep");
    duplicate_keys: with("on_destroy: empty", "on_destroy: empty\n  uploads: other/");
    duration_as_number: with("visibility_timeout: 2m", "visibility_timeout: 120");
    duration_of_nothing: with("visibility_timeout: 2m", "visibility_timeout: 0s");
    duration_out_of_range: with("visibility_timeout: 2m", "visibility_timeout: 13h");
    broken_in_a_list: with("    from: bucket", "   from: bucket");
    broken_by_a_colon: with("name: photo-lab", "name: photo: lab");
    broken_by_a_missing_colon: with("lifetime: 8h", "lifetime 8h");
    broken_by_a_quote: with("on_destroy: empty", "on_destroy: 'empty");
    broken_in_a_mapping: with("        types: [t4g.small]", "       types: [t4g.small]");
    empty_file: "";
    empty_value: with("region: us-east-2", "region:");
    environment_variables: with("min: 2", "environment: {1ST: a, QFLEET_QUEUE: b, AWS_REGION: eu-west-1, FINE: \"$(id)\"}\n        min: 2");
    escaped_control_characters: with("../examples/mover", "\"../examples\\n/mover\"");
    file_of_comments: "# name: photo-lab\n---\n";
    infinity: with("seconds_per_message: 10", "seconds_per_message: .inf");
    root_device_of_a_known_image: with("zones: all", "image: ubuntu-24.04\n        root_device: /dev/xvda");
    program_that_is_missing: with("        program: ../examples/mover\n", "");
    secrets_of_an_image: with(
        "program: ../examples/mover\n",
        "image: ami-0123456789abcdef0\n        secrets: {PASSWORD: /app/db}\n",
    );
    settings_beside_a_program: with("zones: all", "settings: none");
    settings_that_nobody_gets: with(
        "program: ../examples/mover\n",
        "image: ami-0123456789abcdef0\n        settings: none\n        environment: {MODE: fast}\n",
    );
    root_device_that_is_no_device: with("zones: all", "image: ami-0123456789abcdef0\n        root_device: sda1");
    instance_types: with("[t4g.small]", "[t4g.small, t4g.smal, m5.large, mac2.metal, t4g.small]");
    jinja_that_is_not_quoted: with("name: photo-lab", "name: {{ name }}");
    list_that_is_a_mapping: "name: photo-lab\nstages:\n  move:\n    workers: {}\n";
    log_retention: with("min: 2", "log_retention: 10d\n        min: 2");
    min_above_max: with("min: 2", "min: 7");
    min_above_the_default_max: with("min: 2\n        max: 4", "min: 20");
    missing_keys: "region: us-east-2\nstages:\n  - name: move\n  - workers: {instances: {types: [t4g.small]}}\n";
    names: with("name: photo-lab", "name: Photo_Lab");
    network_and_vpc: with("zones: all", "network: create\n        vpc: vpc-01234567\n        zones: all");
    no_mapping: "just some text\n";
    old_versions_in_hours: with("on_destroy: empty", "versioning: true\n  old_versions: 36h");
    results_for_minutes: with("lifetime: 8h", "results: {ttl: 30m}");
    results_for_a_number: with("lifetime: 8h", "results: {ttl: 30, table: mine}");
    old_versions_for_a_number: with("on_destroy: empty", "versioning: true\n  old_versions: 30");
    overlapping_prefixes: with("processed: processed/", "processed: uploads/done/");
    region_misspelt: with("region: us-east-2", "region: us-easst-2");
    standby: with("region: us-east-2", "region: us-east-2\nstandby: [us-west-2, us-wset-2, us-west-2, af-central-7]");
    copies_without_versions: with("on_destroy: empty", "on_destroy: empty\n  replicate_to: arn:aws:s3:::other-bucket");
    copies_to_no_arn: with("on_destroy: empty", "on_destroy: empty\n  versioning: true\n  replicate_to: other-bucket");
    region_that_may_be_new: with("region: us-east-2", "region: af-central-7");
    reserved_names: with("name: move", "name: intake");
    on_demand_base_without_spot: with("max: 4", "max: 4\n        on_demand_base: 1");
    alerts_for_nobody: with("lifetime: 8h", "alerts: {}");
    alerts_for_two: with("lifetime: 8h", "alerts: {email: ops@example.com, topic: 'arn:aws:sns:us-east-2:111122223333:ops'}");
    alerts_to_what_is_no_mailbox: with("lifetime: 8h", "alerts: {email: ops at example.com}");
    alerts_to_a_fifo_topic: with("lifetime: 8h", "alerts: {topic: 'arn:aws:sns:us-east-2:111122223333:ops.fifo'}");
    secrets: with("min: 2", &format!("environment: {{TWICE: a}}\n        secrets: {{TWICE: /app/a, QFLEET_X: /app/a, AWS_TOKEN: /app/a, 1ST: /app/a, GOOD: /app/a, OWN: /aws/a, OTHER: '{ARN}'}}\n        min: 2"));
    secrets_that_are_not_kept_anywhere: with("min: 2", "secrets: {A: hunter2, B: 'arn:aws:secretsmanager:us-east-2:111122223333:secret:app/db', C: /app/}\n        min: 2");
    scaling_without_a_target: with("      seconds_per_message: 10\n", "");
    scaling_with_two_targets: with("seconds_per_message: 10", "seconds_per_message: 10\n      messages_per_instance: 30");
    security_groups: with("zones: all", "security_groups: [sg-01234567, sg-web, sg-01234567]");
    security_groups_of_a_new_network: with("zones: all", "network: create\n        security_groups: [sg-01234567]");
    second_document: format!("{GOOD}---\nname: other\n");
    stages_in_a_circle: "name: lab\nstages:\n".to_owned()
        + &["a", "b", "c"].iter().zip(["c", "a", "b"]).map(|(name, from)| format!(
            "  - {{name: {name}, from: {from}, workers: {{instances: {{program: ../p, types: [t4g.small], min: 1, max: 1}}}}}}\n"
        )).collect::<String>();
    schedules: with("from: bucket", "from: bucket\n    schedules: [{cron: '0 3 1 * MON', body: x}, {cron: '0 3 31 2 *', body: x}, {cron: '0 24 * * *', body: x}, {cron: '0 3 * * *', time_zone: europe/berlin, body: x}, {cron: '0 3 * * *', body: ''}, {cron: '0 3 * * *', body: \"a\\eb\"}, {cron: rate(5), body: x}, {cron: '0 3 * * *'}]");
    stages_called_like_queues_for_replies: "name: lab\nstages:\n".to_owned()
        + &[("a", true), ("a-replies", false), ("a-replies-dlq", false), ("b", false), ("b-replies", true)].iter().map(|(name, replies)| format!(
            "  - {{name: {name}, replies: {replies}, workers: {{instances: {{program: ../p, types: [t4g.small], min: 1, max: 1}}}}}}\n"
        )).collect::<String>();
    stage_called_like_a_dead_letter_queue: "name: lab\nstages:\n".to_owned()
        + &["a", "a-dlq", "a"].iter().map(|name| format!(
            "  - {{name: {name}, workers: {{instances: {{program: ../p, types: [t4g.small], min: 1, max: 1}}}}}}\n"
        )).collect::<String>();
    tab_in_the_indentation: with("  on_destroy: empty", "\ton_destroy: empty");
    tags: with("{team: media}", "{team: média, Team: x, \"aws:cost\": a, \"a,b\": \"c;d\", empty: \"\", n: 0123}");
    tags_of_cloudformation: with("region: us-east-2", "region: !Ref AWS::Region");
    target_that_nothing_can_meet: with("acceptable_latency: 5m", "acceptable_latency: 5s");
    unknown_key: with("visibility_timeout", "visiblityTimeout");
    unknown_key_of_another_place: with("    from: bucket", "    min: 3\n    from: bucket");
    unknown_key_like_nothing: with("    from: bucket", "    flavour: sweet\n    from: bucket");
    unknown_stage: with("from: bucket", "from: bukcet");
    unknown_word: with("on_destroy: empty", "on_destroy: emtpy");
    volume: with("min: 2", "volume: 4 GiB\n        min: 2");
    volume_as_number: with("min: 2", "volume: 20\n        min: 2");
    vpc_without_subnets: with("zones: all", "vpc: vpc-01234567");
    web_that_nobody_would_answer_for: web("instances: {image: ami-0123456789abcdef0, root_device: /dev/xvda, types: [t4g.small], start_timeout: 90s, min: 0, zones: [us-east-2a]}");
    web_told_what_it_is_told_anyway: web("instances: {program: ../p, types: [t4g.small], environment: {PORT: \"80\"}, secrets: {PORT: /app/port}}\n  port: 80");
    web_that_feeds_nobody: web("instances: {program: ../p, types: [t4g.small]}\n  feeds: [mvoe, bucket, move, move]");
    web_for_everybody_written_otherwise: web("instances: {program: ../p, types: [t4g.small]}\n  clients: [everybody, 10.0.0.0/33, 10.0.0.0/8, 10.0.0.0/8]\n  health: health?x=1\n  certificate: cert.pem");
    web_in_one_subnet: web("instances: {program: ../p, types: [t4g.small], vpc: vpc-01234567, subnets: [subnet-01234567]}");
    web_with_subnets_of_no_vpc: web("instances: {program: ../p, types: [t4g.small]}\n  subnets: [subnet-01234567, subnet-01234567]");
    web_asleep_at_night: web("instances: {program: ../p, types: [t4g.small], min: 2, max: 4, capacity: [{cron: '0 18 * * *', min: 0}]}");
    stage_that_feeds_itself: with("from: bucket", "from: move");
    delivery_from_a_bucket_of_somebody_else: with("  on_destroy: empty\n", "  existing: their-files\ndelivery: {}\n");
    prefixes_with_steps: with("uploads: uploads/\n  processed: processed/", "uploads: ./uploads/\n  processed: a/../processed/");
    list_as_a_key: with("lifetime: 8h", "[lifetime]: 8h");
    more_tags_than_aws_takes: with("{team: media}", &format!("{{{}}}", (0..41).map(|n| format!("t{n}: x")).collect::<Vec<_>>().join(", ")));
    zones_named_twice: with("zones: all", "zones: [us-east-2a, us-east-2b, us-east-2a]");
    subnets_named_twice: with("zones: all", "vpc: vpc-01234567\n        subnets: [subnet-01234567, subnet-89abcdef, subnet-01234567]");
    yes_for_true: with("lifetime: 8h", "protect: yes");
    zones_of_another_region: with("zones: all", "zones: [us-east-2a, eu-west-1b]");
    zones_misspelt: with("zones: all", "zones: al");

    everything_at_once: "\
name: Photo_Lab
region: us-east-2
account: 011122223333
tags: {team: media, \"aws:x\": y, n: 5}
protect: yes
lifetime: 8
bucket:
  uploads: uploads/
  processed: uploads/done/
  on_destroy: emtpy
stages:
  - name: move
    from: mvoe
    queue: {visiblity_timeout: 2m, max_receives: five, retention: 40d}
    workers:
      instances:
        types: [t4g.small, m5.large]
        min: 20
        visibility_timeout: 4
    scaling:
      acceptable_latency: 5m
      messages_at_once: 0
  - name: bucket
    from: move
    worker:
";
}

#[test]
fn the_good_file_is_good() {
    let environment = parse(Path::new("lab.yaml"), GOOD.to_owned()).unwrap();
    let instances = environment.stages[0].workers.instances.as_ref();
    assert_eq!(instances.map(|instances| instances.max), Some(4));
    assert!(advise(&environment).is_empty());
    for (text, why) in [
        (format!("\u{feff}{GOOD}"), "a byte order mark"),
        (GOOD.replace('\n', "\r\n"), "Windows line ends"),
        (format!("%YAML 1.2\n---\n{GOOD}...\n"), "a directive"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.yaml");
        std::fs::write(&path, text).unwrap();
        assert!(load(&path).is_ok(), "{why}");
    }
}

#[test]
fn scalars_are_those_of_yaml_1_2() {
    for (written, text) in [
        ("++0", Some("++0")),
        ("0x-1", Some("0x-1")),
        ("yes", Some("yes")),
        ("1_000", Some("1_000")),
        ("2026-01-01", Some("2026-01-01")),
        ("1:30", Some("1:30")),
        ("'012'", Some("012")),
        ("0x1f", None),
        ("1e3", None),
        ("012", None),
        ("+1", None),
        ("true", None),
        ("~", None),
    ] {
        let read = parse(
            Path::new("lab.yaml"),
            with("{team: media}", &format!("{{team: {written}}}")),
        );
        // Those that are no text to YAML are refused, and so is a tag that isn't one to AWS.
        let tag = read.ok().map(|environment| environment.tags["team"].clone());
        assert_eq!(tag.as_deref(), text, "{written}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.yaml");
    let mut all = String::new();
    let mut see = |what: &str| {
        let problems = load(&path).unwrap_err();
        all.push_str(&format!("{what}:\n{}", shown(&problems)));
    };
    see("missing");
    for (what, bytes) in [
        ("Latin-1", b"name: lab\ntags: {town: M\xfcnchen}\n".to_vec()),
        ("UTF-16", b"\xff\xfen\0a\0m\0e\0".to_vec()),
        ("large", vec![b'#'; 2 << 20]),
        ("binary", vec![0; 3]),
    ] {
        std::fs::write(&path, bytes).unwrap();
        see(what);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    see("folder");
    insta::with_settings!({filters => vec![(r"/\S+/lab.yaml", "…/lab.yaml")]}, {
        insta::assert_snapshot!(all);
    });
}

#[test]
fn the_program_says_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.yaml");
    std::fs::write(&path, with("on_destroy: empty", "on_destroy: emtpy")).unwrap();
    let run = |output: &str| {
        let mut command = Command::cargo_bin("qfleet").unwrap();
        command.args(["render", "--output", output]).arg(&path);
        command.assert().code(2).get_output().clone()
    };

    let text = run("text");
    assert!(text.stdout.is_empty());
    let text = String::from_utf8(text.stderr).unwrap();
    assert!(
        text.contains("lab.yaml:10:15]") && text.contains("did you mean `empty`?"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "colours where there's no terminal: {text}");

    for output in ["json", "jsonl"] {
        let json = run(output);
        let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        let problem = &document["problems"][0];
        assert_eq!(
            (&problem["line"], &problem["column"], &problem["path"]),
            (&10.into(), &15.into(), &"bucket.on_destroy".into())
        );
        assert_eq!(problem["pointer"], "/bucket/on_destroy");
        assert_eq!(problem["file"], path.to_str().unwrap());
        assert_eq!(
            problem["message"],
            "`on_destroy` must be `keep` or `empty`, not `emtpy`"
        );
    }
}

#[test]
fn of_many_problems_the_first_are_shown_and_the_others_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.yaml");
    let keys: String = (0..25).map(|n| format!("wrong{n}: 1\n")).collect();
    std::fs::write(&path, GOOD.to_owned() + &keys).unwrap();
    let check = |output: &str| {
        let mut command = Command::cargo_bin("qfleet").unwrap();
        command.args(["check", "--output", output]).arg(&path);
        command.assert().code(2).get_output().clone()
    };
    let text = String::from_utf8(check("text").stderr).unwrap();
    assert!(
        text.contains("unknown key `wrong19`") && !text.contains("unknown key `wrong20`"),
        "{text}"
    );
    assert!(
        text.contains("… and 5 more") && text.contains("error: 25 problems in "),
        "{text}"
    );
    let document: serde_json::Value = serde_json::from_slice(&check("json").stdout).unwrap();
    assert_eq!(document["problems"].as_array().map(Vec::len), Some(20));
    assert_eq!(document["more_problems"], 5);
}

/// AWS's own list, which botocore brings, and `make tools` with it. Where this fails, botocore is newer: put its regions
/// into src/environment/regions.txt.
#[test]
fn the_regions_are_those_that_aws_lists() {
    let libraries = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/lib");
    let python = std::fs::read_dir(libraries).unwrap().next().unwrap().unwrap().path();
    let listed = std::fs::read_to_string(python.join("site-packages/botocore/data/partitions.json")).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let of = |partition: &serde_json::Value| partition["regions"].as_object().unwrap().keys().cloned().collect();
    let partitions = listed["partitions"].as_array().unwrap();
    let mut regions: Vec<String> = partitions.iter().flat_map::<Vec<String>, _>(of).collect();
    // Pseudo-regions of services that are in no region.
    regions.retain(|region| !region.ends_with("-global"));
    regions.sort();
    assert_eq!(
        include_str!("../../../src/environment/regions.txt")
            .lines()
            .collect::<Vec<_>>(),
        regions
    );
}

/// The names that are longest with what the file allows, in the region whose name is longest.
#[test]
fn the_longest_names_fit_everywhere() {
    let longest = |letters: usize| "n".repeat(letters);
    let (name, stage) = (longest(24), longest(20));
    let text = with("name: photo-lab", &format!("name: {name}")).replace("name: move", &format!("name: {stage}"));
    let environment = parse(Path::new("lab.yaml"), text.replace("us-east-2", "us-isof-south-1")).unwrap();
    let region = environment.region.clone().unwrap();
    assert!(format!("{name}-artifacts-111122223333-{region}").len() <= 63, "S3");
    assert!(format!("{name}-111122223333-{region}").len() <= 63, "S3");
    assert!(format!("{name}-{stage}-dlq").len() <= 80, "SQS");
    assert!(format!("{name}-{stage}").len() <= 128, "CloudFormation");
    for (old, new) in [
        ("name: photo-lab", format!("name: {}", longest(25))),
        ("name: move", format!("name: {}", longest(21))),
        ("region: us-east-2", "region: us-isof-souths-1".to_owned()),
    ] {
        assert!(parse(Path::new("lab.yaml"), with(old, &new)).is_err(), "{new}");
    }
}
