//! A bucket that is there already: what the templates hold then, and what can't stand beside it.

use qfleet::blueprint::template;
use serde_json::{Value, json};

use crate::lab::{LAB, with_file};

fn file(bucket: &str) -> String {
    LAB.replace("bucket: {on_destroy: empty}", &format!("bucket: {{existing: their-files{bucket}}}"))
}

fn intake(file: &str, local: bool) -> Value {
    let mut args = vec!["render", "lab.yaml", "--account", "111122223333", "--output", "json"];
    if local {
        args.push("--local");
    }
    let all = with_file(file).args(args).run().json();
    let stacks = all["stacks"].as_array().expect("stacks");
    let intake = stacks.iter().find(|stack| stack["part"] == "intake").expect("an intake");
    Value::Object(template::read(intake["template"].as_str().expect("a template")).expect("a template"))
}

#[test]
fn the_stack_holds_the_topic_and_lets_that_bucket_publish() {
    let intake = intake(&file(", uploads: day=1/in/"), false);
    let resources: Vec<&String> = intake["Resources"].as_object().expect("resources").keys().collect();
    assert_eq!(resources, ["Topic", "TopicPolicy"]);
    let statement = &intake["Resources"]["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"][0];
    assert_eq!(
        statement["Condition"],
        json!({
            "ArnLike": {"aws:SourceArn": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::", "their-files"]]}},
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        })
    );
    let output = |name: &str| &intake["Outputs"][name]["Value"];
    assert_eq!((output("BucketName"), output("ExistingBucket")), (&json!("their-files"), &json!("their-files")));
    assert_eq!((output("UploadsPrefix"), output("ProcessedPrefix")), (&json!("day=1/in/"), &json!("processed/")));
    assert_eq!(output("TopicArn"), &json!({"Ref": "Topic"}));
    // As S3's filters have them.
    assert_eq!(output("Notifications"), &json!(r#"{"lab-uploads":{"day%3D1/in/":[""]}}"#));
}

#[test]
fn what_the_stages_want_is_what_it_is_to_tell() {
    let only = "from: bucket\n    only: {prefix: uploads/img/, suffix: [.png, .jpg]}\n";
    let alone = file("").replace("from: bucket\n", only);
    let output = |local| intake(&alone, local)["Outputs"]["Notifications"]["Value"].as_str().expect("text").to_owned();
    assert_eq!(output(false), r#"{"lab-uploads":{"uploads/":[""]}}"#, "the subscription asks the rest");
    // The emulator's filters can't: the stage has a topic of its own there.
    let local: Value = serde_json::from_str(&output(true)).expect("JSON");
    assert_eq!(
        local,
        json!({"lab-uploads": {"uploads/": [""]}, "lab-uploads-1": {"uploads/img/": [".png", ".jpg"]}})
    );
}

/// What it is to tell stands in an output of a stack.
#[test]
fn more_than_an_output_holds_can_not_be_told() {
    let suffixes: Vec<String> = (0..20).map(|n| format!(".{}{n:02}", "k".repeat(45))).collect();
    let stage = |n: usize| {
        format!(
            "  - name: s{n}\n    from: bucket\n    only: {{prefix: uploads/{}{n}/, suffix: [{}]}}\n    workers:\n      \
             instances: {{program: program, types: [t3.micro], min: 1, max: 1}}\n",
            "p".repeat(180),
            suffixes.join(", ")
        )
    };
    let many = |count| {
        let stages: String = (0..count).map(stage).collect();
        with_file(&format!("name: lab\nregion: us-east-2\nbucket: {{existing: their-files}}\nstages:\n{stages}"))
    };
    many(1).args(["check", "lab.yaml"]).run();
    let refused = many(4).args(["check", "lab.yaml"]).status(2);
    refused
        .stderr_contains("what is to be added to the bucket's notifications takes ")
        .stderr_contains("name fewer prefixes and suffixes in `only`")
        .run();
}

#[test]
fn what_would_change_the_bucket_is_refused_on_its_line() {
    for (bucket, key) in [
        (", versioning: true", "versioning"),
        (", versioning: false, old_versions: 9d", "old_versions"),
        (", browsers: ['https://app.example.com']", "browsers"),
        (", replicate_to: 'arn:aws:s3:::their-copies'", "replicate_to"),
    ] {
        let checked = with_file(&file(bucket)).args(["check", "lab.yaml"]).status(2);
        checked
            .stderr_contains(&format!("`{key}` can't be set of their-files, which is there already"))
            .stderr_contains("lab.yaml:3:")
            .run();
    }
    let delivered = format!("{}delivery: {{}}\n", file(""));
    let checked = with_file(&delivered).args(["check", "lab.yaml"]).status(2);
    checked
        .stderr_contains("`delivery` would change the policy of their-files, which is there already")
        .stderr_contains("lab.yaml:11:")
        .run();
    let artifacts = file("").replace("their-files", "lab-artifacts-111122223333-us-east-2");
    let checked = with_file(&artifacts).args(["check", "lab.yaml"]).status(2);
    checked.stderr_contains("is called as the bucket for the programs of `lab`").run();
    for name in ["aaa.0", "a.b.c", "my-files.2026", "0a--b"] {
        with_file(&file("").replace("their-files", &format!("'{name}'"))).args(["check", "lab.yaml"]).run();
    }
    for name in ["Upper-Case", "a..b", "-a", "a-.", "aa-", "ab", "s3://files", "a_b"] {
        let checked = with_file(&file("").replace("their-files", &format!("'{name}'"))).args(["check", "lab.yaml"]);
        checked.status(2).stderr_contains("lab.yaml:3:").run();
    }
    // It concerns queues and results.
    let said = with_file(&file(", on_destroy: empty").replace("lifetime: 8h\n", "")).args(["check", "lab.yaml"]).run().stdout;
    assert!(!said.contains("every file in the bucket"), "{said}");
}
