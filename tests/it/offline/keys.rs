//! Keys at values other than their defaults: what the templates hold of each, and what is said on the line of a bad one.

use std::collections::BTreeMap;

use qfleet::blueprint::template;
use serde_json::{Value, json};

use crate::harness::Test;
use crate::lab::with_file;

const TOPIC: &str = "arn:aws:sns:us-east-2:111122223333:ops";

/// Both kinds of workers, and none of these keys has its default.
const BOTH: &str = "\
name: lab
region: us-east-2
bucket: {on_destroy: empty}
alerts: {topic: 'arn:aws:sns:us-east-2:111122223333:ops'}
stages:
  - name: work
    from: bucket
    queue: {visibility_timeout: 2h}
    workers:
      active: lambda
      instances:
        program: program
        types: [t3.micro]
        security_groups: [sg-01234567, sg-0123456789abcdef0]
        log_retention: 7d
      lambda:
        program: code
        handler: src/made.handler
        runtime: nodejs22.x
        architecture: x86_64
        memory: 2 GiB
        timeout: 11m
        batch: 700
        batch_window: 40s
        max_concurrency: 33
        log_retention: 90d
        policies: ['arn:aws:iam::aws:policy/AmazonTextractFullAccess', 'arn:aws:iam::111122223333:policy/team/Read']
    scaling: {seconds_per_message: 11}
";

/// What it makes is the handler's file: without it, or for another processor, the program isn't packed.
const BUILD: &str = "\
#!/bin/sh
set -eu
test \"$QFLEET_RUNTIME $QFLEET_ARCHITECTURE\" = 'nodejs22.x x86_64'
mkdir src
echo 'export const handler = () => {}' >src/made.mjs
";

/// [`BOTH`] with some words of it replaced.
fn both(changes: &[(&str, &str)]) -> Test {
    let file = changes.iter().fold(BOTH.to_owned(), |file, (old, new)| {
        assert_eq!(file.matches(old).count(), 1, "{old}");
        file.replace(old, new)
    });
    with_file(&file).executable("code/build", BUILD)
}

/// Each part's stack, with its template read.
fn rendered(test: Test) -> BTreeMap<String, Value> {
    let args = ["render", "lab.yaml", "--account", "111122223333", "--output", "json"];
    let all = test.args(args).run().json();
    let stacks = all["stacks"].as_array().unwrap_or_else(|| panic!("{all:#}")).iter();
    stacks
        .map(|stack| {
            let mut stack = stack.clone();
            let body = stack["template"].as_str().expect("a template");
            stack["template"] = template::read(body).expect("a template").into();
            (stack["part"].as_str().expect("a part").to_owned(), stack)
        })
        .collect()
}

#[test]
fn each_key_of_a_function_is_in_its_template() {
    let stacks = rendered(both(&[]));
    let work = &stacks["work"];
    let alarm = |name: &str, metric: &str| {
        [
            (format!("Resources/{name}/Properties/Namespace"), json!("AWS/Lambda")),
            (format!("Resources/{name}/Properties/MetricName"), json!(metric)),
            (
                format!("Resources/{name}/Properties/Dimensions"),
                json!([{"Name": "FunctionName", "Value": {"Ref": "Function"}}]),
            ),
            (
                format!("Resources/{name}/Properties/AlarmActions"),
                json!([{"Ref": "AlertsTopicArn"}]),
            ),
            (format!("Outputs/{name}Name/Value"), json!({"Ref": name})),
        ]
    };
    let keys = [
        ("Function/Properties/Handler", json!("src/made.handler")),
        ("Function/Properties/Runtime", json!("nodejs22.x")),
        ("Function/Properties/Architectures", json!(["x86_64"])),
        ("Function/Properties/MemorySize", json!(2048)),
        ("Function/Properties/Timeout", json!(660)),
        ("Mapping/Properties/BatchSize", json!(700)),
        ("Mapping/Properties/MaximumBatchingWindowInSeconds", json!(40)),
        ("Mapping/Properties/ScalingConfig", json!({"MaximumConcurrency": 33})),
        (
            "FunctionRole/Properties/ManagedPolicyArns",
            json!([
                "arn:aws:iam::aws:policy/AmazonTextractFullAccess",
                "arn:aws:iam::111122223333:policy/team/Read"
            ]),
        ),
        (
            "LaunchTemplate/Properties/LaunchTemplateData/SecurityGroupIds",
            json!([{"Fn::GetAtt": ["SecurityGroup", "GroupId"]}, "sg-01234567", "sg-0123456789abcdef0"]),
        ),
    ];
    let keys = keys.map(|(property, value)| (format!("Resources/{property}"), value));
    let errors = alarm("FunctionErrorsAlarm", "Errors");
    let throttles = alarm("FunctionThrottlesAlarm", "Throttles");
    let expected: BTreeMap<String, Value> = keys.into_iter().chain(errors).chain(throttles).collect();
    let found = expected.keys().map(|place| {
        let value = work["template"].pointer(&format!("/{place}"));
        (place.clone(), value.cloned().unwrap_or_default())
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(work["parameters"]["AlertsTopicArn"], json!({"literal": TOPIC}));

    let dashboard = stacks["dashboard"]["template"].to_string();
    let line = r#"\"annotations\": {\"horizontal\": [{\"label\": \"most\", \"value\": 33}]}"#;
    assert!(dashboard.contains(line), "{dashboard}");
    let says = "work: 33 runs at the same time do up to 3.0 messages a second, at 11 s each\n";
    both(&[]).args(["check", "lab.yaml"]).stdout_contains(says).run();
}

#[test]
fn pages_of_these_origins_may_post_and_do_nothing_else() {
    let cors = |browsers: &str| {
        let file = format!("bucket: {{on_destroy: empty{browsers}}}");
        let intake = rendered(both(&[("bucket: {on_destroy: empty}", &file)])).remove("intake");
        let template = intake.expect("the bucket's stack")["template"].clone();
        template["Resources"]["Bucket"]["Properties"]["CorsConfiguration"].clone()
    };
    assert_eq!(cors(""), Value::Null);
    let rule = json!({
        "AllowedMethods": ["POST"],
        "AllowedOrigins": ["https://app.example.com", "http://localhost:3000"],
        "MaxAge": 3600,
    });
    assert_eq!(
        cors(", browsers: ['https://app.example.com', 'http://localhost:3000']"),
        json!({"CorsRules": [rule]})
    );
}

#[test]
fn a_functions_alarms_need_somebody_to_tell_and_a_function_at_work() {
    let nobody = format!("alerts: {{topic: '{TOPIC}'}}\n");
    for change in [(nobody.as_str(), ""), ("active: lambda", "active: instances")] {
        let work = rendered(both(&[change])).remove("work").expect("the stage");
        let template = work["template"].to_string();
        assert!(template.contains("\"FunctionRole\""), "{template}");
        for name in ["FunctionErrorsAlarm", "FunctionThrottlesAlarm"] {
            assert!(!template.contains(name), "{change:?}: {name}");
        }
    }
}

/// They have one log group.
#[test]
fn logs_are_kept_for_the_longer_time_of_both_kinds() {
    for (of_instances, of_function, days) in [("7d", "90d", 90), ("60d", "14d", 60), ("3d", "1d", 3)] {
        let changes = [
            ("log_retention: 7d", format!("log_retention: {of_instances}")),
            ("log_retention: 90d", format!("log_retention: {of_function}")),
        ];
        let changes = changes.each_ref().map(|(old, new)| (*old, new.as_str()));
        let work = &rendered(both(&changes))["work"];
        let kept = &work["template"]["Resources"]["LogGroup"]["Properties"]["RetentionInDays"];
        assert_eq!(kept, days, "{of_instances} and {of_function}");
    }
}

/// Of a file in which each comment is what is said about its line.
fn refused(file: &str) {
    let expected: Vec<(u64, &str)> = (1..)
        .zip(file.lines())
        .filter_map(|(number, line)| Some((number, line.split_once(" # ")?.1)))
        .collect();
    assert!(expected.len() > 5, "{file}");
    let test = with_file(file).args(["check", "lab.yaml", "--output", "json"]);
    let said = test.status(2).run().json();
    assert_eq!(said["more_problems"], Value::Null, "{said:#}");
    let problems = said["problems"].as_array().unwrap_or_else(|| panic!("{said:#}"));
    let found = problems.iter().map(|problem| {
        let message = problem["message"].as_str().expect("a message");
        (problem["line"].as_u64().expect("a line"), message)
    });
    let mut found: Vec<(u64, &str)> = found.collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{said:#}");
}

/// What a list of so many entries holds.
fn list(length: usize, entry: fn(usize) -> String) -> String {
    (0..length).map(entry).collect::<Vec<_>>().join(", ")
}

fn times(length: usize) -> String {
    list(length, |n| format!("{{cron: '{n} 8 * * *', min: 1}}"))
}

fn groups(length: usize) -> String {
    list(length, |n| format!("sg-012345{n:02}"))
}

fn policies(length: usize) -> String {
    list(length, |n| format!("'arn:aws:iam::aws:policy/Policy{n}'"))
}

#[test]
fn bad_values_of_instances_are_refused_on_their_lines() {
    let (times, groups, policies) = (times(21), groups(16), policies(9));
    refused(&format!(
        "\
name: lab
stages:
  - name: low
    workers:
      instances:
        program: ~/program # `~` is not expanded here
        types: [t4g.small]
        image: al2024 # `image` must be `al2023`, `ubuntu-24.04`, an AMI (`ami-…`), or the path of an SSM parameter (`/…`), not `al2024`
        settings: all # `settings` must be `none`, not `all`
        capacity:
          - {{cron: '0 8 * * *', min: 10001}} # `min` must be a whole number from 0 to 10000, not `10001`
          - {{cron: '0 9 * * *', max: 10001}} # `max` must be a whole number from 0 to 10000, not `10001`
        spot: true
        on_demand_base: 10001 # `on_demand_base` must be a whole number from 0 to 10000, not `10001`
        warmup: 121m # `warmup` must be from 0s to 2h, not 2h 1m
        start_timeout: 59s # `start_timeout` must be from 1m to 1h, not 59s
        drain_timeout: 29s # `drain_timeout` must be from 30s to 2h, not 29s
    scaling: {{messages_per_instance: 0}} # `messages_per_instance` must be a whole number from 1 to 1000000, not `0`
  - name: high
    workers:
      instances:
        program: program
        types: [t4g.small]
        capacity: [{times}] # `capacity` must be a list of at most 20, not a list of 21
        security_groups: [{groups}] # `security_groups` must be a list of at most 15, not a list of 16
        policies: [{policies}] # `policies` must be a list of at most 8, not a list of 9
        start_timeout: 61m # `start_timeout` must be from 1m to 1h, not 1h 1m
        drain_timeout: 121m # `drain_timeout` must be from 30s to 2h, not 2h 1m
    scaling: {{messages_per_instance: 1000001}} # `messages_per_instance` must be a whole number from 1 to 1000000, not `1000001`
"
    ));
}

#[test]
fn bad_values_around_the_fleet_are_refused_on_their_lines() {
    let clients = list(21, |n| format!("10.0.{n}.0/24"));
    let regions = list(21, |n| format!("us-east-{}", n % 10));
    let suffixes = list(21, |n| format!(".a{n}"));
    let times = list(21, |n| format!("{{cron: '{n} 3 * * *', body: x}}"));
    refused(&format!(
        "\
name: lab
standby: [{regions}] # `standby` must be a list of at most 20, not a list of 21
results: {{ttl: 36501d}} # `ttl` must be from 1h to 36500d, not 36501d
bucket: {{}}
stages:
  - name: a
    from: bucket
    only: {{prefix: uploads/img}} # `prefix` must be a key prefix that ends in `/`, such as `uploads/`, of letters, digits and `. _ = + @ -`, at most 200 characters, not `uploads/img`
    schedules: [{times}] # `schedules` must be a list of at most 20, not a list of 21
    workers: {{instances: {{program: program, types: [t3.micro]}}}}
  - name: b
    from: bucket
    only: {{suffix: [{suffixes}]}} # `suffix` must be a list of at most 20, not a list of 21
    workers: {{instances: {{program: program, types: [t3.micro]}}}}
web:
  instances: {{program: program, types: [t3.micro], vpc: vpc-01234567, subnets: [subnet-0123456c]}}
  subnets: [subnet-0123456a] # `subnets` must be a list of 2 to 20, not a list of 1
  clients: [{clients}] # `clients` must be a list of at most 20, not a list of 21
  requests_per_instance: 0 # `requests_per_instance` must be a whole number from 1 to 1000000, not `0`
delivery:
  domain: files.example.com
  certificate: cert.pem # `certificate` must be the ARN of a certificate of ACM (`arn:aws:acm:…:certificate/…`), at most 400 characters, not `cert.pem`
"
    ));
}

#[test]
fn bad_values_of_a_function_are_refused_on_their_lines() {
    let policies = policies(9);
    refused(&format!(
        "\
name: lab
stages:
  - name: one
    workers:
      lambda:
        program: program
        handler: app handler # `handler` must be a handler without spaces, such as `mover.function.handler`, at most 128 characters, not `app handler`
        runtime: python3.13
        policies:
          - AmazonS3ReadOnlyAccess # `policies[0]` must be the ARN of a managed policy (`arn:aws:iam::…:policy/…`), not `AmazonS3ReadOnlyAccess`
        environment: {{TWICE: a}}
        secrets:
          1ST: /app/a # `1ST` can't be the name of an environment variable
          AWS_TOKEN: /app/a # `AWS_TOKEN` would be a setting of AWS's SDKs
          GOOD: /app/a
          OWN: /aws/a # `/aws/a` is none of your parameters
          QFLEET_X: /app/a # variables that start with `QFLEET_` come from qfleet
          TWICE: /app/a # `TWICE` is in `environment`, too
  - name: two
    workers:
      lambda:
        program: program
        handler: app.handler
        runtime: python3.13
        policies: [{policies}] # `policies` must be a list of at most 8, not a list of 9
"
    ));
}

#[test]
fn the_least_and_the_most_are_good() {
    let (times, groups, policies) = (times(20), groups(15), policies(8));
    let file = format!(
        "\
name: lab
region: us-east-2
stages:
  - name: least
    workers:
      instances: {{program: program, types: [t4g.small], warmup: 0s, start_timeout: 1m, drain_timeout: 30s}}
    scaling: {{messages_per_instance: 1}}
  - name: most
    workers:
      instances:
        program: program
        types: [t4g.small]
        max: 10000
        capacity: [{times}]
        spot: true
        on_demand_base: 10000
        security_groups: [{groups}]
        policies: [{policies}]
        warmup: 2h
        start_timeout: 1h
        drain_timeout: 2h
    scaling: {{messages_per_instance: 1000000}}
  - name: night
    workers:
      instances:
        program: program
        types: [t4g.small]
        max: 10000
        capacity: [{{cron: '0 8 * * *', min: 10000, max: 10000}}, {{cron: '0 9 * * *', min: 0, max: 0}}]
"
    );
    with_file(&file).args(["render", "lab.yaml"]).run();
}

/// Before anything is built for it. The file alone is good: the list of runtimes is in the schema of AWS's resource.
#[test]
fn a_runtime_that_lambda_does_not_know_is_refused_with_those_of_its_language() {
    for (runtime, help) in [
        ("nodejs23.x", "nodejs20.x, nodejs22.x"),
        (
            "rust1.90",
            "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
        ),
    ] {
        let test = both(&[("runtime: nodejs22.x", &format!("runtime: {runtime}"))]);
        let said = test
            .args(["check", "lab.yaml", "--output", "json"])
            .status(2)
            .run()
            .json();
        let problems = said["problems"].as_array().unwrap_or_else(|| panic!("{said:#}"));
        assert_eq!(problems.len(), 1, "{said:#}");
        let problem = &problems[0];
        assert_eq!(problem["message"], format!("`{runtime}` is not a runtime of Lambda"));
        assert_eq!(
            (&problem["line"], &problem["path"]),
            (&json!(19), &json!("stages[0].workers.lambda.runtime"))
        );
        assert!(
            problem["help"].as_str().is_some_and(|said| said.contains(help)),
            "{said:#}"
        );
    }
}
