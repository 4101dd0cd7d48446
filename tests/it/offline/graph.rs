//! `qfleet graph`: that each arrow is in the templates, and each permission in the picture; Mermaid; SVG; the pages'
//! pictures.

mod arrows;
mod deployed;
mod drawn;
mod pages;

use qfleet::blueprint::graph::{Graph, Kind, Node};
use qfleet::blueprint::{self, graph};
use qfleet::report::graph::mermaid;

use arrows::faults;

use crate::harness::Test;
use crate::lab::with_file;
use crate::offline::options::together::PAIRS;
use crate::offline::shipped::{SHIPPED, loaded, shipped};

#[test]
fn every_arrow_is_in_the_templates_and_every_permission_in_the_picture() {
    for name in SHIPPED {
        for local in [false, true] {
            assert_eq!(faults(&shipped(name, local)), [""; 0], "{name}");
        }
    }
    for (number, (_, blueprint)) in PAIRS.iter().enumerate() {
        assert_eq!(
            faults(blueprint),
            [""; 0],
            "pair {number}: {}",
            blueprint.parts.join(", ")
        );
    }
}

/// The test of the arrows sees an arrow that nothing allows, and a permission without an arrow.
#[test]
fn a_wrong_picture_is_noticed() {
    let blueprint = shipped("replies", false);
    let graph = graph::of(&blueprint);
    for missing in 0..graph.arrows.len() {
        let mut less = graph.clone();
        let arrow = less.arrows.remove(missing);
        assert_ne!(arrows::faults_of(&blueprint, &less), [""; 0], "without {arrow:?}");
    }
    let ids: Vec<&String> = graph.nodes.iter().map(|node| &node.id).collect();
    for (from, to) in ids.iter().flat_map(|from| ids.iter().map(move |to| (*from, *to))) {
        let mut more = graph.clone();
        if from == to || graph.arrows.iter().any(|arrow| (&arrow.from, &arrow.to) == (from, to)) {
            continue;
        }
        let mut made_up = graph.arrows[0].clone();
        (made_up.from, made_up.to) = (from.clone(), to.clone());
        more.arrows.push(made_up);
        assert_ne!(arrows::faults_of(&blueprint, &more), [""; 0], "{from} to {to}");
    }
}

fn kinds(graph: &Graph) -> Vec<(&str, Kind)> {
    graph.nodes.iter().map(|node| (node.id.as_str(), node.kind)).collect()
}

fn node<'a>(graph: &'a Graph, id: &str) -> &'a Node {
    let found = graph.nodes.iter().find(|node| node.id == id);
    found.unwrap_or_else(|| panic!("no {id} among {:?}", kinds(graph)))
}

fn has_arrow(graph: &Graph, from: &str, to: &str) -> bool {
    graph.arrows.iter().any(|arrow| arrow.from == from && arrow.to == to)
}

#[test]
fn a_file_goes_from_left_to_right() {
    let graph = graph::of(&shipped("lab", false));
    for (from, to) in [
        ("intake.bucket", "intake.topic"),
        ("intake.topic", "move.queue"),
        ("move.queue", "move.instances"),
        ("move.queue", "move.dead-letters"),
        ("intake.bucket", "move.instances"),
        ("move.instances", "intake.processed"),
    ] {
        assert!(has_arrow(&graph, from, to), "{from} to {to}: {:?}", graph.arrows);
    }
    assert_eq!(graph.arrows.len(), 6);
    assert_eq!(node(&graph, "move.instances").details, ["2–4 × t4g.small"]);
    assert_eq!(node(&graph, "intake.bucket").title, "uploads/");
}

#[test]
fn each_stack_is_in_the_picture() {
    for name in SHIPPED {
        let blueprint = shipped(name, false);
        let graph = graph::of(&blueprint);
        for stack in &blueprint.stacks {
            let is_there = graph.nodes.iter().any(|node| node.stack.as_ref() == Some(&stack.name));
            assert!(is_there, "{name}: {}", stack.name);
        }
        assert_eq!(graph.stacks.len(), blueprint.stacks.len());
    }
}

#[test]
fn who_is_not_at_work_is_told_from_who_is() {
    let mut environment = loaded("switch");
    let idle = |environment: &_| {
        let blueprint = crate::offline::shipped::rendered(environment, "us-east-2", false);
        let graph = graph::of(&blueprint);
        (node(&graph, "move.instances").idle, node(&graph, "move.function").idle)
    };
    assert_eq!(idle(&environment), (false, true));
    environment.stages[0].workers.active = Some(qfleet::environment::Active::Lambda);
    assert_eq!(idle(&environment), (true, false));
    environment.stages[0].workers.active = Some(qfleet::environment::Active::None);
    assert_eq!(idle(&environment), (true, true));
}

/// A template that nobody has seen before: its types are shown, and who uses what it puts out.
#[test]
fn a_stack_of_somebody_elses_is_a_box_with_its_types() {
    let mut blueprint = shipped("lab", false);
    let work = blueprint
        .stacks
        .iter()
        .position(|stack| stack.part == "move")
        .expect("a stage");
    let mut extra = blueprint.stacks[work].clone();
    extra.part = "db".into();
    extra.name = "photo-lab-db".into();
    extra.active = None;
    extra.parameters.clear();
    extra.body = "
Resources:
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x}}
  Instance: {Type: AWS::RDS::DBInstance, Properties: {VPCSecurityGroups: [!GetAtt Group.GroupId]}}
  Own: {Type: Custom::Thing}
  Files: {Type: AWS::S3::Bucket, Properties: {CorsConfiguration: {CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ['*']}]}}}
  Told: {Type: AWS::SNS::Topic}
  Mail: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Told, Protocol: email, Endpoint: ops@example.com}}
Outputs:
  SecurityGroupId: {Value: !GetAtt Group.GroupId}
"
    .into();
    let stage = &mut blueprint.stacks[work];
    stage.body = stage.body.replace(
        "SecurityGroupIds: [!GetAtt SecurityGroup.GroupId]",
        "SecurityGroupIds: [!GetAtt SecurityGroup.GroupId, !Ref Db]",
    );
    let output = blueprint::Value::Output {
        part: "db".into(),
        key: "SecurityGroupId".into(),
    };
    stage.parameters.insert("Db".into(), output);
    blueprint.stacks.insert(work, extra);

    let graph = graph::of(&blueprint);
    let db = node(&graph, "db.stack");
    assert_eq!(db.details[..3], ["EC2 SecurityGroup", "RDS DBInstance", "Custom Thing"]);
    // Whom its bucket and its topic are for isn't known.
    let ids: Vec<&str> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
    let others = ids.iter().filter(|id| id.starts_with("db.")).collect::<Vec<_>>();
    assert_eq!(others, [&"db.stack"]);
    assert!(!mermaid(&graph).contains("subgraph stack_db"), "one box");
    assert!(has_arrow(&graph, "move.instances", "db.stack"), "{:?}", graph.arrows);
    assert_eq!(faults(&blueprint), [""; 0]);
}

/// No arrow shows them.
#[test]
fn what_a_role_may_do_besides_is_said_at_its_bearer() {
    let file = |more: &str| {
        format!(
            "name: lab\nregion: us-east-2\nstages:\n  - {{name: work, workers: {{instances: {{program: program, types: [t3.micro], \
             min: 1, max: 1, spot: true{more}}}}}}}\n"
        )
    };
    let details = |more: &str| {
        let drawn = with_file(&file(more))
            .args(["graph", "lab.yaml", "--output", "json"])
            .run()
            .json();
        let nodes = drawn["nodes"].as_array().expect("nodes").clone();
        let node = nodes
            .into_iter()
            .find(|node| node["id"] == "work.instances")
            .expect("it");
        node["details"].clone()
    };
    let plain = details("");
    let more = ", policies: ['arn:aws:iam::aws:policy/AdministratorAccess'], secrets: {A: /app/a, B: /app/b}";
    let told = details(more);
    let mut expected = plain.as_array().expect("a list").clone();
    expected.insert(1, "reads 2 secrets".into());
    expected.insert(1, "and AdministratorAccess".into());
    assert_eq!(told, serde_json::Value::from(expected));
    with_file(&file(more))
        .args(["graph", "lab.yaml"])
        .stdout_contains("and AdministratorAccess")
        .run();
}

#[test]
fn which_region_it_is_of_is_said_where_that_matters() {
    let file = "name: lab\nstandby: [us-west-2]\nstages:\n  - {name: work, workers: {instances: {program: program, types: \
                [t3.micro], min: 1, max: 1}}}\n";
    let graph = |file: &str, args: &[&str]| {
        let test = with_file(file).file("lab.yaml", file).args(["graph", "lab.yaml"]);
        test.args(args.iter().copied()).run()
    };
    let drawn = graph(file, &[]);
    assert!(drawn.stderr.contains("no region is known"), "{}", drawn.stderr);
    assert!(drawn.stdout.contains("  accTitle: lab\n"), "{}", drawn.stdout);
    let there = graph(file, &["--region", "us-west-2"]);
    assert!(!there.stderr.contains("no region is known"), "{}", there.stderr);
    assert!(
        there.stdout.contains("  accTitle: lab, stands by in us-west-2\n"),
        "{}",
        there.stdout
    );
    let there = graph(file, &["--region", "us-west-2", "--format", "svg"]);
    assert!(
        there.stdout.contains(">lab, stands by in us-west-2</title>"),
        "{}",
        there.stdout
    );
    let alone = graph(&file.replace("standby: [us-west-2]\n", ""), &[]);
    assert_eq!(alone.stderr, "");
}

#[test]
fn json_names_why_an_arrow_is_there() {
    let said = Test::new()
        .args([
            "graph",
            concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/lab.yaml"),
            "--output",
            "json",
        ])
        .run()
        .stdout;
    let graph: serde_json::Value = serde_json::from_str(&said).expect("one JSON document");
    let arrows = graph["arrows"].as_array().expect("arrows");
    let takes = arrows
        .iter()
        .find(|arrow| arrow["to"] == "move.instances" && arrow["from"] == "move.queue");
    let takes = takes.unwrap_or_else(|| panic!("{said}"));
    let why = serde_json::json!([{"stack": "photo-lab-move", "resource": "Role", "property": "Policies", "statement": "ReceiveJobs"}]);
    assert_eq!(takes["evidence"], why);
}

#[test]
fn a_bad_file_is_shown_as_every_command_shows_it() {
    Test::new()
        .file("stacks/lab.yaml", "name: lab\nstagse: []\n")
        .args(["graph", "lab"])
        .status(2)
        .stderr_contains("stages")
        .run();
}
