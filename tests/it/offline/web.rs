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
    resources_of(&file(web))
}

fn resources_of(file: &str) -> Map<String, Value> {
    let args = ["render", "lab.yaml", "--account", "111122223333", "--output", "json"];
    let all = with_file(file).args(args).run().json();
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
            "SeeOwnHealth",
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
fn it_may_read_results_by_their_keys_and_only_where_there_are_any() {
    let of = |results: &str| {
        let file = file("  feeds: [work]\n").replace("stages:", &format!("{results}stages:"));
        let all = with_file(&file)
            .args(["render", "lab.yaml", "--account", "111122223333", "--output", "json"])
            .run()
            .json();
        let stacks = all["stacks"].as_array().expect("stacks").clone();
        let web = stacks.into_iter().find(|stack| stack["part"] == "web");
        let web = web.expect("the web tier");
        let template = template::read(web["template"].as_str().expect("a template")).expect("a template");
        (web, Value::Object(template))
    };
    let (web, template) = of("results: {ttl: 30d}\n");
    let statements = &template["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let statements = statements.as_array().expect("statements").iter();
    let found: Vec<&Value> = statements.filter(|one| one.to_string().contains("dynamodb")).collect();
    let wanted = json!({
        "Sid": "SeeResults",
        "Effect": "Allow",
        "Action": "dynamodb:BatchGetItem",
        "Resource": {"Ref": "ResultsTableArn"},
    });
    assert_eq!(found, [&wanted]);
    let told = template["Outputs"]["WorkerEnvironment"]["Value"].to_string();
    assert!(told.contains("QFLEET_RESULTS_TABLE=${ResultsTable}"), "{told}");
    assert_eq!(
        web["parameters"]["ResultsTableArn"],
        json!({"output": {"part": "results", "key": "TableArn"}})
    );
    let (_, without) = of("");
    let without = without.to_string().to_lowercase();
    assert!(
        !without.contains("dynamodb") && !without.contains("qfleet_results"),
        "{without}"
    );
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
    assert_eq!(
        everybody["HttpListener"]["Properties"]["DefaultActions"][0]["Type"],
        "forward"
    );
    assert!(everybody.get("HttpsListener").is_none());

    let https =
        resources("  clients: [203.0.113.0/24]\n  certificate: 'arn:aws:acm:us-east-2:111122223333:certificate/6f'\n");
    let named = |port: u32| (json!("203.0.113.0/24"), json!(port), json!(port));
    assert_eq!(ingress(&https, "LoadBalancerSecurityGroup"), [named(80), named(443)]);
    let listener = &https["HttpsListener"]["Properties"];
    assert_eq!(
        (&listener["Protocol"], &listener["Port"]),
        (&json!("HTTPS"), &json!(443))
    );
    assert!(
        listener["SslPolicy"]
            .as_str()
            .is_some_and(|policy| policy.contains("TLS13-1-2"))
    );
    let redirect = &https["HttpListener"]["Properties"]["DefaultActions"];
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

/// What has one port before an update has the same one after it: a certificate comes and goes without two listeners on one.
#[test]
fn each_port_is_one_resources() {
    let certificate = "  certificate: 'arn:aws:acm:us-east-2:111122223333:certificate/6f'\n";
    for web in ["", certificate] {
        let resources = resources(web);
        let of_type = |resource: &&Value| resource["Type"] == "AWS::ElasticLoadBalancingV2::Listener";
        assert_eq!(
            resources.values().filter(of_type).count(),
            if web.is_empty() { 1 } else { 2 }
        );
        assert_eq!(resources["HttpListener"]["Properties"]["Port"], 80);
        for waiting in ["Group", "RequestScaling"] {
            if let Some(waiting) = resources.get(waiting) {
                assert_eq!(waiting["DependsOn"], "HttpListener");
            }
        }
        if let Some(https) = resources.get("HttpsListener") {
            assert_eq!(https["Properties"]["Port"], 443);
            assert_eq!(resources["HttpListener"]["DependsOn"], "HttpsListener");
        }
    }
}

#[test]
fn a_spot_instance_may_leave_its_target_group_and_no_other() {
    let statements = |web: &str| {
        let role = resources(web)["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].clone();
        role.as_array().expect("statements").clone()
    };
    let leaves = |one: &Value| one["Action"] == "elasticloadbalancing:DeregisterTargets";
    assert!(!statements("").iter().any(leaves), "nobody takes it back");
    let file = file("").replacen("web:\n  instances: {", "web:\n  instances: {spot: true, ", 1);
    let resources = resources_of(&file);
    let role = &resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let of_spot: Vec<&Value> = role
        .as_array()
        .expect("statements")
        .iter()
        .filter(|one| leaves(one))
        .collect();
    assert_eq!(of_spot.len(), 1);
    assert_eq!(of_spot[0]["Resource"], json!({"Ref": "TargetGroup"}));
}

#[test]
fn an_instance_that_starts_as_long_as_it_may_rings_no_alarm() {
    let periods = |start: &str| {
        let file = file("").replacen(
            "web:\n  instances: {",
            &format!("web:\n  instances: {{start_timeout: {start}, "),
            1,
        );
        let all = with_file(&file)
            .args(["render", "lab.yaml", "--account", "111122223333", "--output", "json"])
            .run()
            .json();
        let stacks = all["stacks"].as_array().expect("stacks").clone();
        let web = stacks
            .into_iter()
            .find(|stack| stack["part"] == "web")
            .expect("the web tier");
        let template = template::read(web["template"].as_str().expect("a template")).expect("a template");
        template["Resources"]["UnhealthyTargetsAlarm"]["Properties"]["EvaluationPeriods"].clone()
    };
    assert_eq!((periods("2m"), periods("20m")), (json!(5), json!(21)));
}

#[test]
fn who_may_reach_it_and_who_may_read_along_are_advice_of_their_own() {
    let said = |web: &str| {
        let ran = test(web).args(["check", "lab.yaml"]).run();
        ran.stdout + &ran.stderr
    };
    let (open, readable) = ("everybody on the internet can reach the web tier", "is not encrypted");
    let has = |web: &str| (said(web).contains(open), said(web).contains(readable));
    let certificate = "  certificate: 'arn:aws:acm:us-east-2:111122223333:certificate/6f'\n";
    let clients = "  clients: [203.0.113.0/24]\n";
    assert_eq!(has(""), (true, true));
    assert_eq!(has(clients), (false, true));
    assert_eq!(has(certificate), (true, false));
    assert_eq!(has(&format!("{clients}{certificate}")), (false, false));
}

#[test]
fn keys_at_other_values_are_in_its_template() {
    let arn = "arn:aws:acm:us-east-2:111122223333:certificate/6f";
    let keys = format!(
        "  port: 9000\n  health: /up\n  requests_per_instance: 77\n  certificate: '{arn}'\n  subnets: [subnet-0123456a, \
         subnet-0123456b]\n"
    );
    let text = file(&keys).replacen(
        "web:\n  instances: {",
        "web:\n  instances: {vpc: vpc-01234567, subnets: [subnet-0123456c], ",
        1,
    );
    let args = ["render", "lab.yaml", "--account", "111122223333", "--output", "json"];
    let all = with_file(&text).args(args).run().json();
    let mut stacks = all["stacks"].as_array().expect("stacks").iter();
    let web = stacks.find(|stack| stack["part"] == "web").expect("the web tier");
    let body = Value::Object(template::read(web["template"].as_str().expect("text")).expect("a template"));
    let at = |place: &str| {
        let found = body.pointer(&format!("/Resources/{place}"));
        found.cloned().unwrap_or_else(|| panic!("{place}"))
    };
    assert_eq!(at("TargetGroup/Properties/Port"), 9000);
    assert_eq!(at("TargetGroup/Properties/HealthCheckPath"), "/up");
    assert_eq!(
        at("RequestScaling/Properties/TargetTrackingConfiguration/TargetValue"),
        77
    );
    assert_eq!(
        at("HttpsListener/Properties/Certificates/0/CertificateArn"),
        json!({"Ref": "CertificateArn"})
    );
    assert_eq!(
        at("LoadBalancer/Properties/Subnets"),
        json!({"Ref": "LoadBalancerSubnetIds"})
    );
    assert_eq!(web["parameters"]["CertificateArn"], json!({"literal": arn}));
    assert_eq!(
        web["parameters"]["LoadBalancerSubnetIds"],
        json!({"literal": "subnet-0123456a,subnet-0123456b"})
    );
    assert!(body["Outputs"]["WorkerEnvironment"].to_string().contains("PORT=9000"));
}
