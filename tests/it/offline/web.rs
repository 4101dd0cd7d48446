//! What the web tier may do, and who may reach it: read from the rendered template.

use qfleet::blueprint::template;
use serde_json::{Map, Value, json};

use crate::harness::Test;
use crate::lab::with_file;

fn file(web: &str) -> String {
    format!(
        "name: lab\nregion: us-east-2\nbucket: {{uploads: in/}}\nstages:\n{}web:\n  instances: {{program: program, types: \
         [t3.micro]}}\n{web}",
        ["work", "other"].map(|name| format!(
            "  - {{name: {name}, workers: {{instances: {{program: program, types: [t3.micro], min: 1, max: 1}}}}}}\n"
        )).concat()
    )
}

fn test(web: &str) -> Test {
    with_file(&file(web)).file("lab.yaml", file(web))
}

fn resources(web: &str) -> Map<String, Value> {
    let all = test(web)
        .args(["render", "lab.yaml", "--account", "111122223333", "--output", "json"])
        .run()
        .json();
    let stacks = all["stacks"].as_array().expect("stacks");
    let web = stacks
        .iter()
        .find(|stack| stack["part"] == "web")
        .expect("the web tier");
    let template = template::read(web["template"].as_str().expect("a template")).expect("a template");
    template["Resources"].as_object().expect("resources").clone()
}

#[test]
fn its_role_reaches_what_it_feeds_and_the_uploads_and_nothing_else() {
    let resources = resources("  feeds: [work]\n");
    let statements = &resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let statements = statements.as_array().expect("statements");
    let of = |sid: &str| statements.iter().find(|one| one["Sid"] == sid).expect(sid);
    let mut sids: Vec<&str> = statements.iter().filter_map(|one| one["Sid"].as_str()).collect();
    sids.sort_unstable();
    assert_eq!(
        sids,
        [
            "FetchProgram",
            "FindOwnGroup",
            "MakeUploadLinks",
            "SeeWhichFilesThereAre",
            "SendJobs",
            "SignalDeployment",
            "TellGroupThatWorkIsDone",
            "TellWhyItDidNotStart",
            "WriteLogs"
        ]
    );
    assert_eq!(of("SendJobs")["Resource"], json!([{"Ref": "QueueArn1"}]));
    let links = of("MakeUploadLinks");
    assert_eq!(links["Action"], "s3:PutObject");
    let key = links["Resource"]["Fn::Join"][1].as_array().expect("a list").last();
    assert_eq!(key, Some(&json!("in/*")));
    let list = of("SeeWhichFilesThereAre");
    assert_eq!(list["Action"], "s3:ListBucket");
    assert_eq!(
        list["Condition"]["StringLike"]["s3:prefix"],
        json!(["in/*", "processed/*"])
    );
    // What takes or reads anything of queues and files.
    let text = Value::from(statements.clone()).to_string();
    for action in [
        "ReceiveMessage",
        "DeleteMessage",
        "DeleteObject",
        "GetObjectVersion",
        "sqs:*",
        "s3:*",
    ] {
        assert!(!text.contains(action), "{action} in {text}");
    }
}

#[test]
fn the_load_balancer_is_reached_by_whom_the_file_names_and_its_instances_by_it_alone() {
    let ingress = |resources: &Map<String, Value>, of: &str| {
        let rules = resources[of]["Properties"]["SecurityGroupIngress"]
            .as_array()
            .expect("rules")
            .clone();
        let of_rule = |rule: &Value| (rule["CidrIp"].clone(), rule["FromPort"].clone(), rule["ToPort"].clone());
        rules.iter().map(of_rule).collect::<Vec<_>>()
    };
    let everybody = resources("  port: 9000\n");
    let any = (json!("0.0.0.0/0"), json!(80), json!(80));
    assert_eq!(ingress(&everybody, "LoadBalancerSecurityGroup"), [any]);
    assert_eq!(
        ingress(&everybody, "SecurityGroup"),
        [(Value::Null, json!(9000), json!(9000))]
    );
    assert_eq!(
        everybody["SecurityGroup"]["Properties"]["SecurityGroupIngress"][0]["SourceSecurityGroupId"],
        json!({"Ref": "LoadBalancerSecurityGroup"})
    );
    assert_eq!(everybody["Listener"]["Properties"]["Protocol"], "HTTP");

    let https =
        resources("  clients: [203.0.113.0/24]\n  certificate: 'arn:aws:acm:us-east-2:111122223333:certificate/6f'\n");
    let named = |port: u32| (json!("203.0.113.0/24"), json!(port), json!(port));
    assert_eq!(ingress(&https, "LoadBalancerSecurityGroup"), [named(80), named(443)]);
    let listener = &https["Listener"]["Properties"];
    assert_eq!(
        (&listener["Protocol"], &listener["Port"]),
        (&json!("HTTPS"), &json!(443))
    );
    assert!(
        listener["SslPolicy"]
            .as_str()
            .is_some_and(|policy| policy.contains("TLS13-1-2"))
    );
    let redirect = &https["RedirectListener"]["Properties"]["DefaultActions"];
    assert_eq!(redirect[0]["RedirectConfig"]["Protocol"], "HTTPS");
    assert_eq!(
        redirect.as_array().map(Vec::len),
        Some(1),
        "HTTP is answered by nothing else"
    );
}

#[test]
fn variables_that_have_no_room_are_refused_at_their_key() {
    let long = file("").replace(
        "types: [t3.micro]}\n",
        &format!("types: [t3.micro], environment: {{LONG: {}}}}}\n", "x".repeat(4080)),
    );
    with_file(&long)
        .args(["render", "lab.yaml", "--account", "111122223333"])
        .status(2)
        .stderr_contains("lab.yaml:8:65: `environment` has 4086 bytes")
        .stderr_contains("bytes, and there is room for")
        .run();
}

#[test]
fn a_certificate_of_another_region_is_refused_before_anything_is_made() {
    let elsewhere = "  certificate: 'arn:aws:acm:eu-west-1:111122223333:certificate/6f'\n";
    test(elsewhere)
        .args(["render", "lab.yaml", "--account", "111122223333"])
        .status(2)
        .stderr_contains("the certificate is in `eu-west-1`, and the load balancer is in `us-east-2`")
        .run();
}
