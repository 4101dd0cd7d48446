//! The bucket from which instances boot, and CloudFormation reads long templates: who plans writes nothing there that a deploy
//! uses, and a deploy doesn't trust what lies there.

use crate::endpoint::Endpoint;
use crate::endpoint::Script;
use crate::harness::Output;
use crate::lab::{self, LAB, with_file_at};

fn bucket(endpoint: &Endpoint) -> String {
    let names = endpoint.world(|world| world.services.bucket_names());
    let found = names.into_iter().find(|name| name.starts_with("lab-artifacts"));
    found.expect("the bucket for programs")
}

/// The keys under a prefix.
fn keys(endpoint: &Endpoint, prefix: &str) -> Vec<String> {
    let bucket = bucket(endpoint);
    let all = endpoint.world(|world| world.services.keys(&bucket));
    all.into_iter().filter(|key| key.starts_with(prefix)).collect()
}

fn object(endpoint: &Endpoint, key: &str) -> Option<Vec<u8>> {
    let bucket = bucket(endpoint);
    endpoint.world(|world| world.services.object(&bucket, key).map(|bytes| bytes.to_vec()))
}

fn puts(endpoint: &Endpoint) -> usize {
    endpoint.calls("PutObject").len()
}

#[test]
fn a_program_that_somebody_else_put_under_its_name_is_replaced() {
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    let [key] = &keys(&endpoint, "programs/")[..] else {
        panic!("there is one program");
    };
    let packed = object(&endpoint, key).expect("the program");
    let deploy = |most: u32| {
        let file = LAB.replace("max: 3", &format!("max: {most}"));
        let test = there.then().file("lab.yaml", file);
        test.args(["deploy", "lab.yaml", "--yes"]).run();
    };
    let once = puts(&endpoint);
    deploy(4);
    assert_eq!(puts(&endpoint), once, "what is there already is not put again");
    let bucket = bucket(&endpoint);
    endpoint.world(|world| world.services.put_object(&bucket, key, "somebody else's"));
    deploy(5);
    assert_eq!(object(&endpoint, key), Some(packed));
    assert_eq!(puts(&endpoint), once + 1);
}

const FILE: &str = "\
name: lab
region: us-east-2
dashboard: false
extras:
  - {name: db, template: db.yaml}
stages:
  - name: work
    workers: {instances: {program: program, types: [t3.micro], min: 1, max: 1}}
";

fn long(what: &str) -> String {
    let resources = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:";
    format!("#{}\n{resources} {{DisplayName: {what}}}\n", "x".repeat(52_000))
}

/// Where CloudFormation read templates since so many calls.
fn urls(endpoint: &Endpoint, since: usize) -> Vec<String> {
    let calls = endpoint.calls("CreateChangeSet");
    let urls = calls[since..].iter().filter_map(|call| call.input.text("TemplateURL"));
    urls.map(str::to_owned).collect()
}

#[test]
fn a_long_template_of_a_plan_goes_to_a_folder_of_its_own_and_a_deploy_uses_none_of_it() {
    let endpoint = Endpoint::serve(Script::new());
    let there = with_file_at(&endpoint, FILE)
        .file("db.yaml", long("one"))
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    let run = |verb: &[&str]| -> Output {
        let test = there.then().file("db.yaml", long("two")).args([verb[0], "lab.yaml"]);
        test.args(&verb[1..]).run()
    };
    let (asked, written) = (endpoint.calls("CreateChangeSet").len(), puts(&endpoint));
    run(&["plan"]);
    let [url] = &urls(&endpoint, asked)[..] else {
        panic!("the plan asked for one change set");
    };
    assert!(url.contains("/templates/plan/"), "{url}");
    let put = endpoint.calls("PutObject");
    let folder = format!("/{}/templates/plan/", bucket(&endpoint));
    assert!(put.len() > written);
    let elsewhere: Vec<&str> = put[written..].iter().map(|call| call.path.as_str()).collect();
    assert!(elsewhere.iter().all(|path| path.starts_with(&folder)), "{elsewhere:?}");

    // Who may plan may put anything there.
    let bucket = bucket(&endpoint);
    for key in keys(&endpoint, "templates/plan/") {
        endpoint.world(|world| world.services.put_object(&bucket, &key, "Resources: {}"));
    }
    let asked = endpoint.calls("CreateChangeSet").len();
    run(&["deploy", "--yes"]);
    let [url] = &urls(&endpoint, asked)[..] else {
        panic!("the deploy asked for one change set");
    };
    assert!(url.contains("/templates/deploy/"), "{url}");
    assert_eq!(endpoint.world(|world| world.services.object_at(url)), Some(long("two")));
}
