//! What a plan says of values: from what to what a property changes, and where inside it; parameters, and tags.

use crate::endpoint::{Endpoint, Script};
use crate::harness::Output;
use crate::lab::{self, LAB};

const IMAGE: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";

fn deployed(endpoint: &Endpoint) -> Output {
    lab::at(endpoint).args(["deploy", "lab.yaml", "--yes"]).run()
}

/// What the plan says of this file, in one of its forms.
fn plan(there: &Output, file: &str, form: &str) -> Output {
    let run = there.then().file("lab.yaml", file);
    run.args(["plan", "lab.yaml", "--output", form]).run()
}

#[test]
fn a_property_is_told_with_its_values_and_a_list_or_an_object_with_the_place_in_it() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    let file = LAB
        .replace("max: 3", "max: 5")
        .replace("seconds_per_message: 1", "seconds_per_message: 2");
    let text = plan(&there, &file, "text").stdout;
    assert!(text.contains("      MaxSize: 3 → 5\n"), "{text}");
    for place in [
        "TargetTrackingConfiguration/TargetValue: 600 → 300",
        // A text of its own, in which there is JSON.
        "DashboardBody/widgets/4/properties/annotations/horizontal/0/value: 600 → 300",
    ] {
        assert!(text.contains(&format!("      {place}\n")), "{text}");
    }
    let markdown = plan(&there, &file, "markdown").stdout;
    assert!(markdown.contains("MaxSize: `3` → `5`"), "{markdown}");
    let json = plan(&there, &file, "json").json();
    let work = json["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .find(|stack| stack["part"] == "work");
    let changes = work.expect("work")["changes"].as_array().expect("changes");
    let group = changes
        .iter()
        .find(|change| change["logical_id"] == "Group")
        .expect("the group");
    let size = serde_json::json!({"path": "/Properties/MaxSize", "before": "3", "after": "5", "replacement": "no"});
    assert!(
        group["properties"].as_array().expect("a list").contains(&size),
        "{group:#}"
    );
}

#[test]
fn a_changed_tag_is_told_once_however_many_resources_have_it() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    let file = format!(
        "{}tags: {{team: media}}\n",
        LAB.replace("visibility_timeout: 2m", "visibility_timeout: 3m")
    );
    let text = plan(&there, &file, "text").stdout;
    assert_eq!(text.matches("team").count(), 1, "{text}");
    let line = text
        .lines()
        .find(|line| line.starts_with("Tags change on "))
        .expect("a line");
    assert!(line.ends_with(" resources of 4 stacks: team: (none) → media"), "{text}");
    assert!(text.contains("lab-dashboard update\n    only tags change\n"), "{text}");
    let refers = "lab-intake update\n  ~ BucketPolicy: only refers to what changes\n";
    assert!(text.contains(refers), "{text}");
    // What AWS can't say before is said to be open.
    assert!(text.contains("AWS::SNS::Subscription  may be REPLACED"), "{text}");
    assert!(text.contains("VisibilityTimeout: 120 → 180"), "{text}");
    assert!(!text.contains("LogGroup"), "it is tagged, and nothing else: {text}");
    let markdown = plan(&there, &file, "markdown").stdout;
    assert!(markdown.contains(" of 4 stacks: team: (none) → `media`"), "{markdown}");
    assert!(!markdown.contains("LogGroup"), "{markdown}");
    let json = plan(&there, &file, "json").json();
    let tags = serde_json::json!([{"name": "team", "after": "media"}]);
    for stack in json["stacks"].as_array().expect("stacks") {
        assert_eq!(stack["changed_tags"], tags, "{stack:#}");
    }
}

#[test]
fn an_image_behind_a_name_is_a_changed_parameter() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    endpoint.world(|world| world.services.set_parameter(IMAGE, "ami-0aaaaaaaaaaaaaaa1"));
    let text = plan(&there, LAB, "text").stdout;
    let line = text
        .lines()
        .find(|line| line.starts_with("  ~ parameter "))
        .unwrap_or_default();
    assert!(
        line.contains(": ami-") && line.ends_with(" → ami-0aaaaaaaaaaaaaaa1"),
        "{text}"
    );
}

/// A role of the user's own, whose policy allows this.
fn role(action: &str) -> String {
    format!(
        "Resources:\n  Admin:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {{Statement: [{{Effect: \
         Allow, Principal: '*', Action: 'sts:AssumeRole'}}]}}\n      ManagedPolicyArns: \
         ['arn:aws:iam::aws:policy/AdministratorAccess']\n      Policies:\n        - PolicyName: own\n          PolicyDocument:\n            \
         Statement:\n              - Effect: Allow\n                Resource: '*'\n                Action: [{action}]\n"
    )
}

#[test]
fn what_a_new_stage_holds_and_what_a_new_role_may_do_is_told_whole() {
    let endpoint = Endpoint::serve(Script::new());
    let file = format!("{LAB}extras:\n  - name: own\n    template: own.yaml\n");
    let many = "'s3:GetObject', 's3:ListBucket', 's3:PutObject', 's3:DeleteObject', 's3:GetObjectVersion'";
    let there = lab::with_file_at(&endpoint, &file).file("own.yaml", role(many));
    let text = there.args(["plan", "lab.yaml"]).run().stdout;
    for line in [
        "    1 to 3 instances of ",
        "    queue: visibility_timeout 2m, max_receives ",
        "    fed by new files\n",
        "      AssumeRolePolicyDocument: Allow sts:AssumeRole to anybody (*)\n",
        "      ManagedPolicyArns: arn:aws:iam::aws:policy/AdministratorAccess\n",
        "      Policies: own: Allow s3:GetObject, s3:ListBucket, s3:PutObject, s3:DeleteObject, s3:GetObjectVersion on *\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::with_file_at(&endpoint, &file).file("own.yaml", role("'s3:GetObject'"));
    let there = there.args(["deploy", "lab.yaml", "--yes"]).run();
    let plan = |form: &str| {
        let run = there.then().file("lab.yaml", &file).file("own.yaml", role(many));
        run.args(["plan", "lab.yaml", "--output", form]).run().stdout
    };
    for form in ["text", "markdown"] {
        let said = plan(form);
        assert!(
            said.contains("s3:GetObjectVersion") && !said.contains("Long values"),
            "{said}"
        );
    }
}

#[test]
fn other_types_are_told_in_the_words_of_the_file() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    let types = |of: &str| {
        let start = LAB.find("types: [").expect("types");
        let end = LAB[start..].find(']').expect("their end") + start;
        let one = &LAB[start + "types: [".len()..end];
        (
            one.to_owned(),
            LAB.replace(&LAB[start..=end], &format!("types: [{one}, {of}]")),
        )
    };
    let (one, file) = types("t3.small, t3.medium");
    let text = plan(&there, &file, "text").stdout;
    let line = format!("      types: {one} → {one}, t3.small, t3.medium\n");
    assert!(text.contains(&line) && !text.contains("Overrides"), "{text}");
    let markdown = plan(&there, &file, "markdown").stdout;
    assert!(
        markdown.contains(&format!("types: `{one}` → `{one}, t3.small, t3.medium`")),
        "{markdown}"
    );
}

#[test]
fn data_that_is_not_kept_any_more_is_pointed_out() {
    let endpoint = Endpoint::serve(Script::new());
    let with = |word: &str| LAB.replace("on_destroy: empty", &format!("on_destroy: {word}"));
    let there = lab::with_file_at(&endpoint, &with("keep"))
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    let text = plan(&there, &with("empty"), "text").stdout;
    assert!(text.contains("careful: from now on a destroy deletes "), "{text}");
}
