//! Templates of one's own where AWS refuses, replaces and keeps: a database that a stage writes to.

use serde_json::Value;

use crate::endpoint::{Drifted, Endpoint, Existing, Script, Verb};
use crate::harness::{Output, Test};
use crate::lab::with_file_at;

const FILE: &str = "\
name: lab
region: us-east-2
dashboard: false
extras:
  - name: db
    template: own/db.yaml
    gives: [Endpoint]
    parameters: {User: worker}
stages:
  - name: work
    workers:
      instances:
        program: program
        types: [t3.micro]
        min: 1
        max: 3
        environment: {HOST: '${db.Endpoint}'}
";

const TEMPLATE: &str = "\
Parameters:
  User: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      Engine: mysql
      DBInstanceClass: db.t2.small
      AllocatedStorage: '20'
      MasterUsername: !Ref User
      ManageMasterUserPassword: true
Outputs:
  Endpoint:
    Value: !GetAtt Database.Endpoint.Address
";

/// Of its stack when it can't be made, as CloudFormation said it (<https://github.com/aws-cloudformation/cfn-lint/issues/4048>).
const UNSUPPORTED: &str = "Resource handler returned message: \"RDS does not support creating a DB instance with the following \
combination: DBInstanceClass=db.t2.small, Engine=mysql, EngineVersion=8.0.39, LicenseModel=general-public-license. For supported \
combinations of instance class and database engine version, see the documentation. (Service: Rds, Status Code: 400, Request ID: \
b3d19f56-de1f-4e0d-bb0d-e3542107d159) (SDK Attempt Count: 1)\" (RequestToken: 94df6532-b0ab-64e9-e748-29e5f0cc0081, \
HandlerErrorCode: InvalidRequest)";

/// [`TEMPLATE`], with attributes of the database.
fn template(attributes: &str) -> String {
    let of_type = "    Type: AWS::RDS::DBInstance\n";
    TEMPLATE.replace(of_type, &format!("{of_type}{attributes}"))
}

fn with(endpoint: &Endpoint, template: &str) -> Test {
    with_file_at(endpoint, FILE).file("own/db.yaml", template)
}

fn deploy(endpoint: &Endpoint, template: &str) -> Output {
    with(endpoint, template).args(["deploy", "lab.yaml", "--yes"]).run()
}

/// The name of the database, as RDS has it.
fn database(endpoint: &Endpoint) -> String {
    endpoint.world(|world| {
        let stack = world.find("lab-db").expect("its stack");
        let resource = world.stacks[stack].resource("Database").expect("the database");
        resource.physical_id.clone().expect("a name")
    })
}

#[test]
fn one_that_cannot_be_made_is_told_with_its_real_reason_and_its_line_in_the_users_file() {
    let script = Script::new().fails("lab-db", "Database", Verb::Create, UNSUPPORTED);
    let endpoint = Endpoint::serve(script);
    let failed = with(&endpoint, TEMPLATE)
        .args(["deploy", "lab.yaml", "--yes"])
        .status(1)
        .run();
    let (_, summary) = failed.stderr.split_once("error: ").expect("a summary");
    let line = TEMPLATE.lines().position(|line| line == "  Database:").expect("it") + 1;
    let said = [
        "creating lab-db failed",
        "cause: Database (AWS::RDS::DBInstance) CREATE_FAILED",
        &format!("own/db.yaml:{line}"),
        UNSUPPORTED,
        "lab-work was not begun: `db` comes before it and failed on Database\n",
    ];
    let places: Vec<Option<usize>> = said.iter().map(|words| summary.find(words)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?} {summary}"
    );
    assert_eq!(endpoint.status("lab-work"), None);

    let failed = failed
        .then()
        .args(["deploy", "lab.yaml", "--yes", "--output", "json"])
        .status(1)
        .run();
    let document = failed.json();
    let mut stacks = document["stacks"].as_array().expect("stacks").iter();
    let db = stacks.find(|stack| stack["part"] == "db").expect("the extra");
    let cause = &db["cause"];
    assert_eq!(
        (
            &cause["template_file"],
            &cause["template_line"],
            &cause["root"]["reason"]
        ),
        (&"own/db.yaml".into(), &line.into(), &UNSUPPORTED.into())
    );
}

/// The endpoint refuses as CloudFormation does: `Requires capabilities : [CAPABILITY_NAMED_IAM]`
/// (<https://github.com/envato/stack_master/issues/138>). What a macro makes isn't known, and may be a role with a name. That
/// there are macros is acknowledged, too: the API says that change sets don't need it
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>), users that they do
/// (<https://github.com/awslabs/aws-deployment-framework/issues/98>).
#[test]
fn what_cloudformation_wants_acknowledged_is_passed_and_said_where_a_template_needs_it() {
    let role = "  Reader:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}\n";
    let with_role = |more: &str| TEMPLATE.replace("  Topic:\n", &format!("{role}{more}  Topic:\n"));
    let expanded = format!("Transform: AWS::LanguageExtensions\n{TEMPLATE}");
    for (template, wanted) in [
        (TEMPLATE.to_owned(), vec![]),
        (with_role(""), vec!["CAPABILITY_IAM"]),
        (with_role("      RoleName: reader\n"), vec!["CAPABILITY_NAMED_IAM"]),
        (expanded, vec!["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]),
    ] {
        let endpoint = Endpoint::serve(Script::new());
        let planned = with(&endpoint, &template).args(["plan", "lab.yaml"]).run();
        let words = "your template makes roles or policies, or may: the deploy acknowledges that to CloudFormation";
        let said: String = planned.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said.contains(words), !wanted.is_empty(), "{}", planned.stdout);
        planned.then().args(["deploy", "lab.yaml", "--yes"]).run();
        let calls = endpoint.calls("CreateChangeSet");
        let of_extra: Vec<_> = calls
            .iter()
            .filter(|call| call.stack.as_deref() == Some("lab-db"))
            .collect();
        assert!(!of_extra.is_empty());
        for call in of_extra {
            assert_eq!(call.input.texts("Capabilities"), wanted, "{template}");
        }
    }
}

#[test]
fn a_database_that_would_be_replaced_is_named_with_what_becomes_of_the_old_one() {
    for (attributes, shown, says) in [
        (
            "",
            "REPLACED: made anew, the old one is deleted\n",
            ", and what is in it would be lost",
        ),
        (
            "    UpdateReplacePolicy: Snapshot\n",
            "REPLACED: made anew, the old one is deleted after a last snapshot\n",
            " by an empty one: of what is in it, a last snapshot stays, which is billed",
        ),
        (
            "    UpdateReplacePolicy: Retain\n",
            "REPLACED: made anew, the old one is left, and no stack has it\n",
            " by an empty one: the old one stays with what is in it and is billed on, and no stack has it any more",
        ),
    ] {
        let endpoint = Endpoint::serve(Script::new());
        let there = deploy(&endpoint, &template(attributes));
        let executed = endpoint.calls("ExecuteChangeSet").len();
        let name = database(&endpoint);
        let renamed = || {
            there
                .then()
                .file("lab.yaml", FILE.replace("User: worker", "User: other"))
        };
        let refusal = format!("lab-db would replace {name} (AWS::RDS::DBInstance){says}");
        let planned = renamed().args(["plan", "lab.yaml"]).status(4);
        let planned = planned.stdout_contains(shown).stderr_contains(&refusal).run();
        assert!(
            planned.stdout.contains("MasterUsername: worker → other  (replaces)"),
            "{}",
            planned.stdout
        );
        let refused = renamed().args(["deploy", "lab.yaml", "--yes"]).status(4);
        refused
            .stderr_contains(&refusal)
            .stderr_contains("if that is meant: --allow-replace Database")
            .run();
        assert_eq!(
            (endpoint.calls("ExecuteChangeSet").len(), database(&endpoint)),
            (executed, name.clone())
        );
        let meant = ["deploy", "lab.yaml", "--yes", "--allow-replace", "Database"];
        renamed().args(meant).run();
        assert_ne!(database(&endpoint), name);
    }
}

#[test]
fn one_that_the_template_drops_is_left_where_its_policy_says_so() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deploy(&endpoint, &template("    DeletionPolicy: Retain\n"));
    let name = database(&endpoint);
    let (head, rest) = TEMPLATE.split_once("  Database:\n").expect("it");
    let (_, outputs) = rest.split_once("Outputs:\n").expect("outputs");
    let outputs = outputs.replace("!GetAtt Database.Endpoint.Address", "!Ref Topic");
    let without =
        format!("{head}Outputs:\n{outputs}").replace("User: {Type: String}", "User: {Type: String, Default: a}");
    let refused = there
        .then()
        .file("own/db.yaml", without)
        .args(["plan", "lab.yaml"])
        .status(4);
    refused
        .stdout_contains("LEFT as it is: no stack has it any more")
        .stderr_contains(format!(
            "lab-db would let go of {name} (AWS::RDS::DBInstance): it stays with what is in it and is billed on"
        ))
        .run();
}

/// Without a policy, CloudFormation takes a snapshot of an instance in no cluster
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>).
#[test]
fn what_stays_of_a_database_and_is_billed_is_named_before_and_after_a_destroy() {
    let snapshot = (
        "deleted, after a last snapshot, which stays and is billed",
        Some("a snapshot of "),
    );
    for (attributes, (before, left)) in [
        ("", snapshot),
        ("    DeletionPolicy: Snapshot\n", snapshot),
        (
            "    DeletionPolicy: Retain\n",
            ("it stays, and is billed as before", Some("")),
        ),
        ("    DeletionPolicy: Delete\n", ("deleted, with no copy", None)),
    ] {
        let endpoint = Endpoint::serve(Script::new());
        let there = deploy(&endpoint, &template(attributes));
        let name = database(&endpoint);
        // The file may be lost: its template is in the stack.
        let gone = there
            .then()
            .args(["destroy", "--name", "lab", "--region", "us-east-2", "--yes"])
            .run();
        let said: String = gone.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = said.find(&format!("{name} (AWS::RDS::DBInstance): {before}"));
        assert!(told.is_some(), "{attributes}: {}", gone.stdout);
        let after = left.map(|what| format!("left over: {what}{name} (AWS::RDS::DBInstance) is billed "));
        match after.map(|words| said.find(&words)) {
            Some(place) => assert!(place > told, "{attributes}: {}", gone.stdout),
            None => assert!(!said.contains("left over: "), "{}", gone.stdout),
        }
        assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    }
}

#[test]
fn an_extra_that_is_gone_while_something_of_it_is_used_is_refused_on_its_line() {
    let (head, rest) = FILE.split_once("extras:\n").expect("extras");
    let (_, stages) = rest.split_once("stages:\n").expect("stages");
    let check = |file: String| {
        with_file_at(&Endpoint::serve(Script::new()), &file)
            .file("own/db.yaml", TEMPLATE)
            .file("own/other.yaml", "Resources:\n  Topic: {Type: 'AWS::SNS::Topic'}\n")
            .args(["check", "lab.yaml"])
    };
    let other = format!("{head}extras:\n  - {{name: other, template: own/other.yaml}}\nstages:\n{stages}");
    let refused = check(other).status(2).stderr_contains("there is no extra `db`");
    refused.stderr_contains("lab.yaml:14:").run();
    // The last one of the file: of a variable, that is a text again.
    let none = format!("{head}stages:\n{stages}");
    check(none.clone())
        .stdout_contains("the program gets the text `${db.Endpoint}` as it is: the file has no `extras`")
        .stdout_contains("lab.yaml:12:")
        .run();
    for used in ["secrets: {LOGIN: '${db.Secret}'}", "security_groups: [db.Group]"] {
        let file = none.replace("environment: {HOST: '${db.Endpoint}'}", used);
        let refused = check(file).status(2).stderr_contains("there is no extra `db`");
        refused
            .stderr_contains("this file has no `extras`")
            .stderr_contains("lab.yaml:12:")
            .run();
    }
}

#[test]
fn what_somebody_changed_of_it_is_found_and_named_with_its_stack() {
    let body = template("    DeletionPolicy: Retain\n");
    let line = body
        .lines()
        .position(|line| line.contains("DBInstanceClass"))
        .expect("it")
        + 1;
    let stack = Existing::new("lab-db", "UPDATE_COMPLETE")
        .body(&body.replace("!Ref User", "worker"))
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "db")
        .tag("qfleet:template", "own");
    let changed = Drifted::new("lab-db", "Database", "MODIFIED")
        .properties(
            r#"{"DBInstanceClass":"db.t2.small"}"#,
            r#"{"DBInstanceClass":"db.r8g.4xlarge"}"#,
        )
        .difference("/DBInstanceClass", "db.t2.small", "db.r8g.4xlarge", "NOT_EQUAL");
    let topic = Drifted::new("lab-db", "Topic", "IN_SYNC");
    let endpoint = Endpoint::serve(Script::new().existing(stack).drifted(changed).drifted(topic));
    let looked = with(&endpoint, &body)
        .args(["drift", "lab.yaml", "--output", "json"])
        .run()
        .json();
    let mut stacks = looked["stacks"].as_array().expect("stacks").iter();
    let db = stacks
        .find(|stack| stack["stack"] == "lab-db")
        .unwrap_or_else(|| panic!("{looked:#}"));
    let resources = db["resources"].as_array().expect("resources");
    let database: Vec<&Value> = resources.iter().filter(|one| one["logical_id"] == "Database").collect();
    let [database] = database.as_slice() else {
        panic!("{db:#}")
    };
    let difference = &database["differences"][0];
    assert_eq!(
        (&difference["property"], &difference["line"]),
        (&"DBInstanceClass".into(), &line.into()),
        "{looked:#}"
    );
    assert_eq!(looked["verdict"], "drifted");
    with(&endpoint, &body)
        .args(["drift", "lab.yaml"])
        .stdout_contains("lab-db")
        .stdout_contains("db.r8g.4xlarge")
        .run();
}
