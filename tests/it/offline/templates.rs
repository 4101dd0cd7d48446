//! The templates that are rendered.

use std::collections::BTreeSet;
use std::fs;

use qfleet::blueprint::{self, Blueprint, Placement, lint};
use qfleet::environment::{self, Stage};
use serde_json::Value;

use crate::offline::shipped::{SHIPPED, loaded, rendered, shipped, shipped_in};

/// The scripts in the user data have tests of their own, and change with each change of theirs.
fn without_the_scripts(template: &str) -> String {
    // The lines between the marks that the shell sees.
    let packed = template
        .split_once("| tar -xz -C /opt/qfleet\n                - |\n")
        .and_then(|(_, rest)| rest.split_once("                - END_OF_SCRIPTS"));
    match packed {
        Some((packed, _)) => template.replace(packed, "                  (templates/worker)\n"),
        None => template.to_owned(),
    }
}

#[test]
fn templates_of_the_shipped_files() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter("END_[0-9a-f]{16}", "END_(hash)");
    settings.bind(|| {
        for name in SHIPPED {
            for stack in shipped(name, false).stacks {
                insta::assert_snapshot!(format!("template-{}", stack.name), without_the_scripts(&stack.body));
            }
        }
    });
}

#[test]
fn stacks_of_the_shipped_files() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // A program's hash changes with the program.
    settings.add_filter("[0-9a-f]{64}", "(hash)");
    settings.bind(|| {
        for name in SHIPPED {
            let stacks = shipped(name, false).stacks;
            insta::assert_json_snapshot!(format!("stacks-{name}"), stacks);
        }
    });
}

#[test]
fn our_own_checks_find_nothing_in_the_shipped_files() {
    for name in SHIPPED {
        for local in [false, true] {
            assert_eq!(lint::lint(&shipped(name, local)), []);
        }
    }
}

#[test]
fn a_dashboard_is_json_once_cloudformation_has_filled_it_in() {
    let scaled = SHIPPED.map(loaded);
    let mut mixed = loaded("production");
    mixed.stages[0].scaling = None;
    let mut fixed = mixed.clone();
    fixed.stages[1].scaling = None;
    for environment in scaled.into_iter().chain([mixed, fixed]) {
        let blueprint = rendered(&environment, "us-east-2", false);
        let dashboard = blueprint
            .stacks
            .iter()
            .find(|stack| stack.part == "dashboard")
            .expect("a dashboard");
        let template = blueprint::template::read(&dashboard.body).expect("a template");
        let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
        let mut json = body[0].as_str().expect("a text").replace("${AWS::Region}", "us-east-2");
        for (variable, value) in body[1].as_object().expect("variables") {
            json = json.replace(&format!("${{{variable}}}"), value.as_str().expect("a text"));
        }
        for parameter in dashboard.parameters.keys() {
            json = json.replace(&format!("${{{parameter}}}"), "group");
        }
        assert!(!json.contains("${"), "{json}");
        let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
        // A heading and the queue's two widgets. A group has one, and one more when it scales; a function has three.
        let of = |stage: &Stage| match (&stage.workers.instances, &stage.scaling) {
            (Some(_), None) => 4,
            (Some(_), Some(_)) => 5,
            (None, _) => 6,
        };
        // A heading and two widgets of the table.
        let of_results = if environment.results.is_some() { 3 } else { 0 };
        // The web tier has a heading and four.
        let of_web = if environment.web.is_some() { 5 } else { 0 };
        // Delivery has a heading and three.
        let of_delivery = if environment.delivery.is_some() { 4 } else { 0 };
        let expected = 1 + environment.stages.iter().map(of).sum::<usize>() + of_results + of_web + of_delivery;
        assert_eq!(json["widgets"].as_array().map(Vec::len), Some(expected), "{json}");
    }
}

#[test]
fn a_stage_that_replies_shows_the_replies_that_nobody_has_fetched() {
    let shows = |name: &str| {
        let blueprint = shipped(name, false);
        let mut stacks = blueprint.stacks.into_iter();
        let dashboard = stacks.find(|stack| stack.part == "dashboard").expect("a dashboard");
        let template = blueprint::template::read(&dashboard.body).expect("a template");
        let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
        let text = body[0].as_str().expect("a text").to_owned();
        (
            text.contains(r#""QueueName", ${ReplyQueue1}"#),
            body[1]["ReplyQueue1"].clone(),
        )
    };
    let stage = loaded("replies").stages[0].name.clone();
    let queue = format!("\"{}-{stage}-replies\"", loaded("replies").name);
    assert_eq!(shows("replies"), (true, queue.into()));
    assert_eq!(shows("lab"), (false, Value::Null));
}

#[test]
fn the_parts_are_known_without_rendering() {
    for name in SHIPPED {
        let blueprint = shipped(name, false);
        let rendered: BTreeSet<&String> = blueprint.stacks.iter().map(|stack| &stack.part).collect();
        assert_eq!(blueprint.parts.iter().collect::<BTreeSet<&String>>(), rendered);
    }
}

/// What AWS holds for the whole account, not for a region: two environments of one name meet there.
#[test]
fn what_belongs_to_the_account_is_called_otherwise_in_another_region() {
    const OF_THE_ACCOUNT: [(&str, &str); 6] = [
        ("AWS::CloudFront::OriginAccessControl", "OriginAccessControlConfig/Name"),
        ("AWS::CloudWatch::Dashboard", "DashboardName"),
        ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
        ("AWS::IAM::Role", "RoleName"),
        ("AWS::S3::Bucket", "BucketName"),
    ];
    for name in SHIPPED {
        let names = |region: &str| {
            let blueprint = shipped_in(name, region, false);
            let templates = blueprint
                .stacks
                .iter()
                .map(|stack| blueprint::template::read(&stack.body));
            let resources = templates.flat_map(|template| {
                let resources = template.expect("a template")["Resources"].clone();
                resources
                    .as_object()
                    .expect("resources")
                    .values()
                    .cloned()
                    .collect::<Vec<_>>()
            });
            let named = resources.filter_map(|resource| {
                let (_, name) = OF_THE_ACCOUNT
                    .iter()
                    .find(|(of_type, _)| resource["Type"] == *of_type)?;
                // Without one, CloudFormation makes it up.
                let name = resource["Properties"].pointer(&format!("/{name}"))?;
                Some(name.as_str().expect("literal").to_owned())
            });
            named.collect::<BTreeSet<String>>()
        };
        let (here, there) = (names("us-east-2"), names("eu-west-1"));
        assert!(here.len() >= 2, "{here:?}");
        assert!(here.is_disjoint(&there), "{here:?} {there:?}");
    }
}

#[test]
fn local_templates_differ_in_what_the_emulator_lacks_and_in_nothing_else() {
    let (aws, local) = (shipped("production", false), shipped("production", true));
    for (aws, local) in aws.stacks.iter().zip(&local.stacks) {
        if aws.part == "fingerprint" {
            assert!(!aws.body.contains("EMULATOR"));
            assert!(aws.body.contains("Expression: IF(running < 1, visible, 0)"));
            assert!(local.body.contains("ONLY FOR THE LOCAL EMULATOR"));
            assert!(!local.body.contains("IF(running < 1"));
        } else {
            // The emulator's filters don't look into S3's events.
            let filter = |line: &&str| line.contains("FilterPolicy") || line.contains("# Asks of the event's key");
            let lines = |body: &str, filters: bool| -> Vec<String> {
                let lines = body.lines().filter(|line| filters || !filter(line));
                lines.map(str::to_owned).collect()
            };
            assert_eq!(lines(&aws.body, false), lines(&local.body, true));
        }
    }
}

/// `=` in a filter means nothing to S3, `%3D` does; everything that looks at keys has the prefix as it is.
#[test]
fn a_prefix_is_encoded_in_the_filter_alone() {
    let file = "name: lab\nregion: us-east-2\nbucket: {uploads: day=1/in+out@x/}\nstages:\n  - name: work\n    from: bucket\n    \
                workers:\n      instances: {program: program, types: [t3.micro], min: 1, max: 1}\n";
    for (local, filter) in [(false, "day%3D1/in%2Bout%40x/"), (true, "day=1/in+out@x/")] {
        let blueprint = of_file(file, local);
        let body = |part: &str| {
            let found = blueprint.stacks.iter().find(|stack| stack.part == part);
            blueprint::template::read(&found.expect("a part").body).expect("a template")
        };
        let intake = body("intake");
        let rules = &intake["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["TopicConfigurations"][0]
            ["Filter"]["S3Key"]["Rules"];
        assert_eq!(rules[0]["Value"], filter);
        assert_eq!(intake["Outputs"]["UploadsPrefix"]["Value"], "day=1/in+out@x/");
        assert_eq!(intake["Outputs"]["ProcessedPrefix"]["Value"], "processed/");
        let mut work = body("work");
        let subscription = work["Resources"]["Subscription"]["Properties"]
            .as_object_mut()
            .expect("one");
        let asked = subscription
            .remove("FilterPolicy")
            .map(|policy| policy["Records"]["s3"]["object"]["key"][0].clone());
        assert_eq!(asked, (!local).then(|| serde_json::json!({"prefix": filter})));
        let work = serde_json::Value::Object(work).to_string();
        assert!(work.contains("day=1/in+out@x/") && !work.contains("%3D"), "{work}");
    }
}

#[test]
fn old_versions_expire_where_there_are_any_or_the_file_asks_for_it() {
    let expires = |bucket: &str| {
        let file = format!(
            "name: lab\nregion: us-east-2\nbucket: {{{bucket}}}\nstages:\n  - name: work\n    workers:\n      instances: \
             {{program: program, types: [t3.micro], min: 1, max: 1}}\n"
        );
        let blueprint = of_file(&file, false);
        let intake = blueprint.stacks.iter().find(|stack| stack.part == "intake");
        let template = blueprint::template::read(&intake.expect("the part").body).expect("a template");
        let rules = &template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"];
        let found = rules
            .as_array()
            .expect("rules")
            .iter()
            .find(|rule| rule["Id"] == "old-versions")
            .cloned();
        found.map(|rule| {
            (
                rule["NoncurrentVersionExpiration"]["NoncurrentDays"].clone(),
                rule["ExpiredObjectDeleteMarker"].clone(),
            )
        })
    };
    let days = |days: u64| Some((Value::from(days), Value::from(true)));
    assert_eq!(expires("versioning: true"), days(30));
    assert_eq!(expires("versioning: true, old_versions: 90d"), days(90));
    assert_eq!(expires("versioning: true, old_versions: forever"), None);
    // S3 keeps those that are there when versioning is suspended
    // (https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html).
    assert_eq!(expires("versioning: false, old_versions: 90d"), days(90));
    assert_eq!(expires("versioning: false, old_versions: forever"), None);
    // Whoever switched it on by hand keeps what the file says nothing of.
    assert_eq!(expires("versioning: false"), None);
}

/// The blueprint of an environment file with a program beside it.
fn of_file(text: &str, local: bool) -> Blueprint {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("program")).expect("a folder");
    fs::write(path("program/run"), "#!/bin/sh\nexec sleep 1\n").expect("a program");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path("program/run"), fs::Permissions::from_mode(0o755)).expect("executable");
    }
    fs::write(path("lab.yaml"), text).expect("a file");
    let environment = environment::load(&path("lab.yaml")).unwrap_or_else(|problems| panic!("{problems:?}"));
    let placement = Placement {
        account: "111122223333".into(),
        region: "us-east-2".into(),
        local,
    };
    blueprint::render(&environment, &placement).unwrap_or_else(|problems| panic!("{problems:?}"))
}
