//! Templates of the user's own: what they are given, who gets what they give, and what is said of a bad one.

mod names;
mod web_tier;

use serde_json::{Value, json};

use qfleet::blueprint::template;

use crate::harness::{Output, Test};
use crate::lab::with_file;

const FILE: &str = "\
name: lab
region: us-east-2
bucket: {on_destroy: empty}
dashboard: false
extras:
  - name: db
    template: own/db.yaml
    needs: [network, intake]
    gives: [Endpoint, Group, SecretArn]
    parameters: {Class: small, Feed: '${work.QueueUrl}'}
stages:
  - name: work
    workers:
      instances: {program: program, types: [t4g.small], network: create}
  - name: use
    workers:
      active: instances
      instances:
        program: program
        types: [t4g.small]
        network: create
        environment: {HOST: '${db.Endpoint}', TEXT: '$${db.Endpoint}', HOME: '${HOME}'}
        secrets: {LOGIN: '${db.SecretArn}', OTHER: /app/other}
        security_groups: [db.Group]
      lambda:
        program: program
        handler: app.handler
        runtime: python3.13
        environment: {HOST: '${db.Endpoint}', TEXT: '$${db.Endpoint}'}
        secrets: {LOGIN: '${db.SecretArn}'}
";

const TEMPLATE: &str = "\
Parameters:
  VpcId: {Type: 'AWS::EC2::VPC::Id'}
  SubnetIds: {Type: 'List<AWS::EC2::Subnet::Id>'}
  BucketName: {Type: String}
  Feed: {Type: String}
  Class: {Type: String, AllowedValues: [small, large]}
  Size: {Type: Number, Default: 20}
  Image: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /own/image}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: !Sub 'of ${BucketName}', VpcId: !Ref VpcId}
Outputs:
  Endpoint: {Value: !Join [',', !Ref SubnetIds]}
  Group: {Value: !GetAtt Group.GroupId}
  SecretArn: {Value: !Sub '${Class}${Size}${Image}${Feed}'}
";

/// [`FILE`] and [`TEMPLATE`] with some words of them replaced.
fn changed(file: &[(&str, &str)], own: &[(&str, &str)]) -> Test {
    let change = |text: &str, changes: &[(&str, &str)]| {
        changes.iter().fold(text.to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "{old}");
            text.replacen(old, new, 1)
        })
    };
    with_file(&change(FILE, file))
        .file("own/db.yaml", change(TEMPLATE, own))
        .file("program/app.py", "def handler(event, context): pass\n")
}

fn render(test: Test) -> Output {
    test.args(["render", "lab.yaml", "--account", "111122223333", "--output", "json"])
        .run()
}

fn part(rendered: &Output, part: &str) -> Value {
    let all = rendered.json();
    let mut stacks = all["stacks"].as_array().expect("stacks").iter();
    stacks.find(|stack| stack["part"] == part).expect("the part").clone()
}

fn refused(file: &[(&str, &str)], own: &[(&str, &str)], says: &[&str]) {
    says.iter()
        .fold(changed(file, own), |test, says| test.stderr_contains(*says))
        .args(["check", "lab.yaml"])
        .status(2)
        .run();
}

#[test]
fn a_template_is_sent_as_it_is_and_gets_what_it_needs() {
    let rendered = render(changed(&[], &[]));
    let db = part(&rendered, "db");
    assert_eq!(db["template"], TEMPLATE);
    assert_eq!(
        db["parameters"],
        json!({
            "VpcId": {"output": {"part": "network", "key": "VpcId"}},
            "SubnetIds": {"output": {"part": "network", "key": "SubnetIds"}},
            "BucketName": {"output": {"part": "intake", "key": "BucketName"}},
            "Feed": {"output": {"part": "work", "key": "QueueUrl"}},
            "Class": {"literal": "small"},
            "Size": {"default": "20"},
            "Image": {"ssm": "/own/image"},
        })
    );
    assert_eq!(db["needs"], json!(["intake", "network", "work"]));
    assert_eq!(db["tags"]["qfleet:needs"], "intake network work");
    assert_eq!(db["tags"]["qfleet:template"], "own");
    let parts: Vec<Value> = rendered.json()["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .map(|stack| stack["part"].clone())
        .collect();
    assert_eq!(parts, ["artifacts", "network", "intake", "work", "db", "use"]);
}

#[test]
fn workers_are_told_what_it_gives_and_may_read_that_secret_alone() {
    let used = part(&render(changed(&[], &[])), "use");
    let given = |key: &str| json!({"output": {"part": "db", "key": key}});
    assert_eq!(used["parameters"]["ExtraOutput1"], given("Endpoint"));
    assert_eq!(used["parameters"]["ExtraOutput2"], given("Group"));
    assert_eq!(used["parameters"]["ExtraOutput3"], given("SecretArn"));
    assert!(used["needs"].as_array().expect("parts").contains(&json!("db")));
    let read = template::read(used["template"].as_str().expect("a template")).expect("a template");
    let template = Value::Object(read);
    let resources = &template["Resources"];
    let launch = &resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"];
    assert_eq!(launch["SecurityGroupIds"][1], json!({"Ref": "ExtraOutput2"}));
    let told = template["Outputs"]["WorkerEnvironment"]["Value"]["Fn::Join"][1]
        .as_array()
        .expect("lines");
    let quoted = json!({"Fn::Join": ["'\"'\"'", {"Fn::Split": ["'", {"Ref": "ExtraOutput1"}]}]});
    assert!(
        told.contains(&json!({"Fn::Join": ["", ["HOST='", quoted, "'"]]})),
        "{told:#?}"
    );
    let places = ["QFLEET_SECRETS=\"", "LOGIN=", "", " OTHER=", "/app/other", "\""];
    let mut places = places.map(Value::from);
    places[2] = json!({"Ref": "ExtraOutput3"});
    assert!(told.contains(&json!({"Fn::Join": ["", places]})), "{told:#?}");
    // A sign less, quoted for the file.
    assert!(told.contains(&json!("TEXT=\"\\${db.Endpoint}\"")), "{told:#?}");
    assert!(told.contains(&json!("HOME=\"\\${HOME}\"")), "{told:#?}");

    let variables = &resources["Function"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["HOST"], json!({"Ref": "ExtraOutput1"}));
    assert_eq!(variables["TEXT"], "${db.Endpoint}");
    assert_eq!(
        variables["QFLEET_SECRETS"],
        json!({"Fn::Join": ["", ["LOGIN=", {"Ref": "ExtraOutput3"}]]})
    );
    for role in ["Role", "FunctionRole"] {
        let statements = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
            .as_array()
            .expect("statements");
        let of = |sid: &str| statements.iter().find(|one| one["Sid"] == sid).expect(sid);
        assert_eq!(of("ReadSecrets")["Resource"], json!([{"Ref": "ExtraOutput3"}]));
        let context = &of("DecryptSecrets")["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"];
        assert_eq!(*context, json!([{"Ref": "ExtraOutput3"}]));
    }
}

#[test]
fn json_is_as_good_and_a_network_is_where_the_instances_are() {
    let own = "{\n\t\"Parameters\": {\"VpcId\": {\"Type\": \"String\"}, \"SubnetIds\": {\"Type\": \"CommaDelimitedList\"}},\n\
               \t\"Resources\": {\"A\": {\"Type\": \"AWS::IAM::Role\", \"Properties\": {\"RoleName\": \"x\"}}}}";
    let with = |place: &str| {
        let file = format!(
            "name: lab\nregion: us-east-2\ndashboard: false\ntags: {{équipe: média}}\nextras: [{{name: own, template: own.json, \
             needs: [network]}}]\nstages: [{{name: a, workers: {{instances: {{program: program, types: [t4g.small]{place}}}}}}}]\n"
        );
        let rendered = render(with_file(&file).file("own.json", own));
        part(&rendered, "own")
    };
    let default = with("");
    assert_eq!(default["template"], own, "a comment would make it no JSON");
    assert_eq!(
        (&default["makes_roles"], &default["names_roles"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(default["parameters"]["VpcId"], "default_vpc");
    assert_eq!(
        default["parameters"]["SubnetIds"],
        json!({"default_subnets": {"offering": []}})
    );
    let named = with(", vpc: vpc-01234567, subnets: [subnet-01234567, subnet-76543210]");
    assert_eq!(named["parameters"]["VpcId"], json!({"literal": "vpc-01234567"}));
    assert_eq!(
        named["parameters"]["SubnetIds"],
        json!({"literal": "subnet-01234567,subnet-76543210"})
    );
}

#[test]
fn a_file_without_extras_means_what_it_meant() {
    let file = "name: lab\nregion: us-east-2\ndashboard: false\nstages: [{name: a, workers: {lambda: {program: program, \
                handler: app.handler, runtime: python3.13, environment: {ONE: '${a.B}', TWO: '$${a.B}'}}}}]\n";
    let rendered = render(with_file(file).file("program/app.py", "def handler(event, context): pass\n"));
    let stage = part(&rendered, "a");
    let read = template::read(stage["template"].as_str().expect("a template")).expect("a template");
    let variables = &read["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
    assert_eq!(
        (&variables["ONE"], &variables["TWO"]),
        (&json!("${a.B}"), &json!("$${a.B}"))
    );
}

#[test]
fn what_is_wrong_in_the_file_is_said_on_its_line() {
    let of_file: [(&str, &str, &[&str]); 17] = [
        (
            "name: db",
            "name: web",
            &["`web` can't be the name of an extra", "lab.yaml:6:11"],
        ),
        (
            "name: db",
            "name: work",
            &["a stage is called `work` already", "lab.yaml:6:11"],
        ),
        (
            "[network, intake]",
            "[network, intakes]",
            &["this file has no part `intakes`", "did you mean `intake`?"],
        ),
        (
            "[network, intake]",
            "[network, db]",
            &["the extra `db` can't need itself", "lab.yaml:8:22"],
        ),
        ("[network, intake]", "[network, dashboard]", &["comes after the extras"]),
        (
            "[network, intake]",
            "[network]",
            &[
                "the parameter `BucketName` of own/db.yaml has no value",
                "add `artifacts` or `intake` to `needs`",
            ],
        ),
        (
            "[network, intake]",
            "[network, intake, use]",
            &[
                "circle: `db` needs `use` (in its `needs`), `use` needs `db`",
                "(`${db.Endpoint}`)",
                "lab.yaml:8:30",
            ],
        ),
        (
            "[Endpoint,",
            "[Endpoint, Endpoin,",
            &["own/db.yaml has no output `Endpoin`", "lab.yaml:9:23", "did you mean"],
        ),
        ("Class: small", "Class: 5", &["`Class` must be text", "\"5\""]),
        (
            "Class: small",
            "Class: medium",
            &["`Class` can't be `medium`", "small, large"],
        ),
        (
            "Class: small",
            "Klass: small",
            &["own/db.yaml has no parameter `Klass`", "did you mean `Class`?"],
        ),
        (
            "'${work.QueueUrl}'",
            "'${work.QueueURL}'",
            &["`work` puts out no `QueueURL`"],
        ),
        ("'${work.QueueUrl}'", "'x-${work.QueueUrl}'", &["no errors"]),
        (
            "HOST: '${db.Endpoint}'",
            "HOST: '${dbs.Endpoint}'",
            &["there is no extra `dbs`", "did you mean `db`?", "$${dbs.Endpoint}"],
        ),
        (
            "HOST: '${db.Endpoint}'",
            "HOST: '${db.Port}'",
            &["the extra `db` doesn't give `Port`"],
        ),
        (
            "HOST: '${db.Endpoint}'",
            "HOST: 'x${db.Endpoint}'",
            &["only where it is the whole value", "$${db.Endpoint}"],
        ),
        (
            "[db.Group]",
            "[db.Groups]",
            &["the extra `db` doesn't give `Groups`", "did you mean `Group`?"],
        ),
    ];
    for (old, new, says) in of_file {
        match says {
            ["no errors"] => _ = render(changed(&[(old, new)], &[])),
            says => refused(&[(old, new)], &[], says),
        }
    }
    let nowhere = [("own/db.yaml", "own/dp.yaml")];
    refused(&nowhere, &[], &["own/dp.yaml is not there", "lab.yaml:7:15"]);
    let secrets = [("LOGIN: '${db.SecretArn}'", "LOGIN: '${x.SecretArn}'")];
    refused(&secrets, &[], &["there is no extra `x`"]);
    let several = [
        ("network: create}", "vpc: vpc-01234567, subnets: [subnet-01234567]}"),
        ("        network: create\n", ""),
    ];
    refused(&several, &[], &["aren't all in the same subnets", "lab.yaml:8:13"]);
    let two = [("needs: [network, intake]", "needs: [network, intake, artifacts]")];
    refused(
        &two,
        &[],
        &[
            "`BucketName` could come from `intake` or `artifacts`",
            "${intake.BucketName}",
        ],
    );
}

#[test]
fn what_is_wrong_in_a_template_is_said_on_its_line() {
    refused(
        &[],
        &[("Type: Number", "Type: [Number")],
        &["own/db.yaml:7:", "not YAML"],
    );
    refused(
        &[],
        &[("Resources:", "Things:")],
        &["the template has no `Resources`", "own/db.yaml:1:1"],
    );
    refused(
        &[],
        &[("AllowedValues", "NoEcho: true, AllowedValues")],
        &["`Class` is a secret (`NoEcho`)", "lab.yaml:10:25"],
    );
    let of_ssm = [(
        "Feed: {Type: String}",
        "Feed: {Type: 'AWS::SSM::Parameter::Value<String>'}",
    )];
    refused(&[], &of_ssm, &["can't be the path of an SSM parameter"]);
    let comment = format!("#{}\nParameters:", "x".repeat(1_000_000));
    refused(&[], &[("Parameters:", &comment)], &["CloudFormation takes 1000000"]);
    for nested in ["AWS::CloudFormation::Stack", "AWS::Serverless::Application"] {
        let nested = format!("  N: {{Type: '{nested}'}}\n  Group:\n");
        refused(&[], &[("  Group:\n", &nested)], &["makes the nested stack N"]);
    }
    // What a part puts out can be read by all who read stacks.
    refused(
        &[],
        &[("Feed: {Type: String", "Feed: {NoEcho: true, Type: String")],
        &["`Feed` is a secret (`NoEcho`), and `work.QueueUrl` can be read"],
    );
    refused(
        &[],
        &[("BucketName: {Type: String", "BucketName: {NoEcho: true, Type: String")],
        &["and `intake.BucketName` can be read", "lab.yaml:8:"],
    );
    let json = changed(&[("own/db.yaml", "own/db.json")], &[]).file("own/db.json", "{\n \"Resources\": {},,\n}\n");
    json.args(["check", "lab.yaml"])
        .status(2)
        .stderr_contains("own/db.json:2:")
        .run();
}

#[test]
fn what_holds_data_and_has_no_policy_is_advice() {
    let table = |policy: &str| {
        let of = format!("  Keep: {{Type: 'AWS::EFS::FileSystem'{policy}}}\n  Group:\n");
        changed(&[], &[("  Group:\n", &of)]).args(["check", "lab.yaml"])
    };
    let advice = "`destroy` deletes Keep, which this template makes, with all its data";
    table("").stdout_contains(advice).run();
    table(", DeletionPolicy: Delete").stdout_lacks(advice).run();
}

#[test]
fn what_two_regions_would_share_or_do_twice_is_advice() {
    let more = "  Readers: {Type: 'AWS::IAM::Group', Properties: {GroupName: reader}}
  Named: {Type: 'AWS::IAM::Group', Properties: {GroupName: !Sub 'reader-${AWS::Region}'}}
  Files: {Type: 'AWS::EFS::FileSystem', DeletionPolicy: Retain}
  Rule: {Type: 'AWS::Events::Rule', Properties: {ScheduleExpression: rate(1 hour)}}
  Group:\n";
    let check = |file: &[(&str, &str)]| {
        changed(file, &[("  Group:\n", more)])
            .args(["check", "lab.yaml"])
            .run()
            .stdout
    };
    let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = flat(check(&[("region: us-east-2", "standby: [us-west-2]")]));
    for words in [
        "the names of Readers are taken: no two regions can have them",
        "us-west-2 gets Files of `db`, too: empty, and billed",
        "Rule of `db` begins its work in us-west-2, too",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!flat(check(&[])).contains("us-west-2"));
}

#[test]
fn what_cfn_lint_finds_is_on_its_line_of_the_file() {
    // What the real one says of a misspelt property, in its form.
    let fake = r#"#!/bin/sh
for path; do case $path in */lab-db.yaml) own=$path ;; esac; done
printf '[{"Filename": "%s", "Level": "Error", "Message": "wrong", "Rule": {"Id": "E3002"},
  "Location": {"Start": {"LineNumber": 12, "ColumnNumber": 18}, "Path": ["Resources", "Group"]}}]' "$own"
"#;
    let test = changed(&[], &[]).executable("cfn-lint", fake);
    let path = test.path("cfn-lint");
    test.env("QFLEET_CFN_LINT", path)
        .args(["check", "lab.yaml"])
        .status(2)
        .stdout_contains("lab-db Resources/Group (own/db.yaml:12): wrong (E3002)")
        .run();
}

#[test]
fn a_template_too_long_to_be_sent_needs_a_bucket() {
    let long = format!("{TEMPLATE}# {}\n", "x".repeat(51_200));
    // There is one, as there are programs.
    let rendered = render(changed(&[], &[]).file("own/db.yaml", &long));
    assert_eq!(part(&rendered, "db")["template"], long.as_str());
    let alone = "name: lab\nregion: us-east-2\nextras: [{name: own, template: own.yaml}]\nstages: [{name: a, workers: {instances: \
                 {image: ami-01234567, types: [t4g.small]}}}]\n";
    let own = format!(
        "Resources: {{A: {{Type: 'AWS::SNS::Topic'}}}}\n# {}\n",
        "x".repeat(51_200)
    );
    with_file(alone)
        .file("own.yaml", own)
        .args(["check", "lab.yaml"])
        .status(2)
        .stderr_contains("longer ones than 51200 go by the bucket for programs")
        .stderr_contains("lab.yaml:3:")
        .run();
}
