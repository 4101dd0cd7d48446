//! The plan of a stack that needs something which the same deploy adds or changes: what would be changed, replaced and rolled in
//! it is told, also where CloudFormation can't be asked about it yet.

use serde_json::Value;

use crate::endpoint::{Endpoint, Script, ScriptedGroup};
use crate::harness::Output;
use crate::lab::{self, LAB};

const SECOND: &str = "  - name: second\n    template: second.yaml\n";

/// A queue of this name; what it is tagged with comes from elsewhere.
fn second(name: &str) -> String {
    format!(
        "Parameters: {{Told: {{Type: String, Default: nothing}}}}\nResources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    \
         Properties:\n      QueueName: {name}\n      Tags: [{{Key: told, Value: !Ref Told}}]\n"
    )
}

/// The lab with three instances and a queue of one's own; and now the file of it that adds another stack, from which both take
/// something. The queue has this name by then.
fn with_one_more(endpoint: &Endpoint, queue: &str) -> Output {
    let before = format!("{LAB}extras:\n{SECOND}");
    let there = lab::with_file_at(endpoint, &before).file("second.yaml", second("lab-a"));
    let there = there.args(["deploy", "lab.yaml", "--yes"]).run();
    let group = endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        let group = world.stacks[stack].resource("Group").expect("it");
        group.physical_id.clone().expect("a name")
    });
    endpoint.rescript(|script| {
        script.group(ScriptedGroup::new(&group, &["us-east-2a:i-1", "us-east-2b:i-2", "us-east-2c:i-3"]).sizes(1, 3, 3))
    });
    let work = LAB
        .replace("visibility_timeout: 2m", "visibility_timeout: 3m")
        .replace("max: 3}", "max: 3, environment: {TOLD: \"${first.Name}\"}}");
    let first = "  - name: first\n    template: first.yaml\n    gives: [Name]\n";
    let file = format!("{work}extras:\n{first}{SECOND}    parameters: {{Told: \"${{first.Name}}\"}}\n");
    there
        .then()
        .file("lab.yaml", &file)
        .file("second.yaml", second(queue))
        .file(
            "first.yaml",
            "Resources:\n  Topic: {Type: AWS::SNS::Topic}\nOutputs:\n  Name: {Value: told}\n",
        )
        .args(["schema"])
        .run()
}

fn of<'a>(plan: &'a Value, part: &str) -> &'a Value {
    let mut stacks = plan["stacks"].as_array().into_iter().flatten();
    stacks.find(|stack| stack["part"] == part).expect("the stack")
}

#[test]
fn what_changes_and_what_rolls_is_told() {
    let endpoint = Endpoint::serve(Script::new());
    let there = with_one_more(&endpoint, "lab-a");
    let plan = there.then().args(["plan", "lab.yaml", "--output", "json"]).run().json();
    let work = of(&plan, "work");
    assert_eq!(work["source"], "template", "{work:#}");
    assert_eq!(work["rolls_instances"], 3, "{work:#}");
    let changed = work["changes"].as_array().expect("changes").iter();
    let timeout = changed
        .flat_map(|change| change["properties"].as_array().into_iter().flatten())
        .find(|property| property["path"] == "/Properties/VisibilityTimeout")
        .unwrap_or_else(|| panic!("{work:#}"));
    assert_eq!((&timeout["before"], &timeout["after"]), (&"120".into(), &"180".into()));
    assert!(plan["digest"].is_string(), "{plan:#}");

    let text = there.then().args(["plan", "lab.yaml"]).run().stdout;
    for line in [
        "what it needs from `first` isn't known yet, so CloudFormation can't be asked",
        "VisibilityTimeout: 120 → 180",
        "Tags/0/Value: nothing → (known after the deploy)",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    assert!(!text.contains("REPLACED"), "{text}");
    let deploy = there.then().args(["deploy", "lab.yaml", "--yes"]).run();
    deploy
        .then()
        .args(["plan", "lab.yaml"])
        .stdout_contains("Nothing to do")
        .run();
}

#[test]
fn what_would_be_lost_is_refused_before_anything_is_done_and_done_where_it_is_allowed() {
    let endpoint = Endpoint::serve(Script::new());
    let there = with_one_more(&endpoint, "lab-b");
    let before = endpoint.calls("ExecuteChangeSet").len();
    there
        .then()
        .args(["plan", "lab.yaml"])
        .status(4)
        .stdout_contains("REPLACED: made anew, the old one is deleted")
        .stderr_contains("error: lab-second would replace Jobs (AWS::SQS::Queue), and what is in it would be lost")
        .stderr_contains("help: if that is meant: --allow-replace Jobs")
        .run();
    there.then().args(["deploy", "lab.yaml", "--yes"]).status(4).run();
    assert_eq!(endpoint.calls("ExecuteChangeSet").len(), before);
    assert_eq!(endpoint.status("lab-first"), None);

    let allowed = ["--allow-replace", "Jobs"];
    let plan = there
        .then()
        .args(["plan", "lab.yaml", "--output", "json"])
        .args(allowed);
    let digest = plan.run().json()["digest"].as_str().expect("a digest").to_owned();
    // What CloudFormation says then is what was shown.
    let deploy = there.then().args(["deploy", "lab.yaml", "--expect", &digest]);
    deploy.args(allowed).run();
    assert_eq!(endpoint.status("lab-second").as_deref(), Some("UPDATE_COMPLETE"));
}

/// Outputs the topic's own name, or what is written there.
fn first(topic: &str, value: &str) -> String {
    format!(
        "Resources:\n  Topic: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {topic}}}}}\nOutputs:\n  Name: {{Value: {value}}}\n"
    )
}

/// A topic and a queue whose names come from the first, with what the first is at first; and the first as it is to be.
fn fed(endpoint: &Endpoint, kind: &str, before: &str, after: &str) -> Output {
    let property = kind.rsplit("::").next().unwrap_or_default();
    let second = format!(
        "Parameters: {{Told: {{Type: String}}}}\nResources:\n  It: {{Type: {kind}, Properties: {{{property}Name: !Ref Told}}}}\n"
    );
    let work = LAB.replace("max: 3}", "max: 3, environment: {TOLD: \"${first.Name}\"}}");
    let extras = "  - name: first\n    template: first.yaml\n    gives: [Name]\n";
    let file = format!("{work}extras:\n{extras}{SECOND}    parameters: {{Told: \"${{first.Name}}\"}}\n");
    let there = lab::with_file_at(endpoint, &file)
        .file("second.yaml", second)
        .file("first.yaml", before);
    let there = there.args(["deploy", "lab.yaml", "--yes"]).run();
    there.then().file("first.yaml", after).args(["schema"]).run()
}

/// What a template says in plain words is known before: CloudFormation is asked with it.
#[test]
fn what_follows_from_another_value_of_an_output_is_told_and_done_as_approved() {
    let endpoint = Endpoint::serve(Script::new());
    let there = fed(
        &endpoint,
        "AWS::SNS::Topic",
        &first("a", "lab-one"),
        &first("a", "lab-two"),
    );
    let plan = there.then().args(["plan", "lab.yaml", "--output", "json"]).run().json();
    let second = of(&plan, "second");
    assert_eq!(
        (&second["source"], &second["action"]),
        (&"changeset".into(), &"update".into())
    );
    assert_eq!(second["changes"][0]["replacement"], "yes", "{second:#}");
    assert_eq!(of(&plan, "work")["action"], "update", "{plan:#}");
    let digest = plan["digest"].as_str().expect("a digest");
    there.then().args(["deploy", "lab.yaml", "--expect", digest]).run();
    let status = |stack: &str| endpoint.status(stack).unwrap_or_default();
    assert_eq!(
        ["lab-first", "lab-second", "lab-work"].map(status),
        ["UPDATE_COMPLETE"; 3]
    );
}

#[test]
fn what_would_be_lost_by_another_value_of_an_output_is_refused_before_anything_is_done() {
    for (before, after) in [
        ("lab-one", "lab-two"),
        ("!GetAtt Topic.TopicName", "!GetAtt Topic.TopicName"),
    ] {
        let endpoint = Endpoint::serve(Script::new());
        // The name of the topic is another one, and where it is told, so is that of the queue.
        let there = fed(&endpoint, "AWS::SQS::Queue", &first("a", before), &first("b", after));
        let executed = endpoint.calls("ExecuteChangeSet").len();
        let run = there.then().args(["deploy", "lab.yaml", "--yes"]).status(4);
        run.stderr_contains("help: if that is meant: --allow-replace It").run();
        assert_eq!(endpoint.calls("ExecuteChangeSet").len(), executed, "{after}");
    }
}

#[test]
fn what_takes_an_output_that_is_known_only_then_is_marked_and_its_instances_roll() {
    let endpoint = Endpoint::serve(Script::new());
    let told = "!GetAtt Topic.TopicName";
    let there = fed(&endpoint, "AWS::SNS::Topic", &first("a", told), &first("b", told));
    let group = endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        let group = world.stacks[stack].resource("Group").expect("it");
        group.physical_id.clone().expect("a name")
    });
    endpoint.rescript(|script| script.group(ScriptedGroup::new(&group, &["us-east-2a:i-1"]).sizes(1, 3, 1)));
    let plan = there.then().args(["plan", "lab.yaml", "--output", "json"]).run().json();
    let work = of(&plan, "work");
    assert_eq!(
        (&work["source"], &work["rolls_instances"]),
        (&"template".into(), &1.into())
    );
    assert_eq!(of(&plan, "second")["changes"][0]["replacement"], "maybe", "{plan:#}");
    let text = there.then().args(["plan", "lab.yaml"]).run().stdout;
    assert!(text.contains("what it needs from `first` isn't known yet"), "{text}");
    let digest = plan["digest"].as_str().expect("a digest");
    there.then().args(["deploy", "lab.yaml", "--expect", digest]).run();
    assert_eq!(endpoint.status("lab-second").as_deref(), Some("UPDATE_COMPLETE"));
}
