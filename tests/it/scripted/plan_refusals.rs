//! Why a plan can't be deployed: all reasons at once, and what allows each.

use serde_json::Value;

use crate::endpoint::{Endpoint, Script};
use crate::harness::Output;
use crate::lab::{self, LAB};

/// A template with a queue of this name.
fn queue(name: &str) -> String {
    format!("Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {{QueueName: {name}}}\n")
}

/// Two stacks of one's own, each with a queue that gets another name now.
fn renamed(endpoint: &Endpoint) -> Output {
    let file = format!("{LAB}extras:\n  - name: one\n    template: one.yaml\n  - name: two\n    template: two.yaml\n");
    let first = lab::with_file_at(endpoint, &file)
        .file("one.yaml", queue("lab-a"))
        .file("two.yaml", queue("lab-b"));
    let first = first.args(["deploy", "lab.yaml", "--yes"]).run();
    let then = first
        .then()
        .file("one.yaml", queue("lab-c"))
        .file("two.yaml", queue("lab-d"));
    then.args(["schema"]).run()
}

#[test]
fn all_that_would_be_lost_is_told_at_once_with_what_allows_it() {
    let endpoint = Endpoint::serve(Script::new());
    let there = renamed(&endpoint);
    let plan = |options: &[&str], status: i32| there.then().args(["plan", "lab.yaml"]).args(options).status(status);
    plan(&[], 4)
        .stderr_contains("error: it can't be deployed like this, for 2 reasons:\n  lab-one would replace ")
        .stderr_contains("\n  lab-two would replace ")
        .stderr_contains("help: if all of that is meant: --allow-replace one.Jobs --allow-replace two.Jobs")
        .run();
    // A plain name could mean either: it allows none.
    plan(&["--allow-replace", "Jobs"], 4)
        .stderr_contains("lab-one would replace ")
        .stderr_contains("lab-two would replace ")
        .run();
    plan(&["--allow-replace", "one.Jobs", "--allow-replace", "Jobs"], 4)
        .stderr_contains("error: lab-two would replace ")
        .stderr_contains("help: several stacks would lose a Jobs. if that is meant: --allow-replace two.Jobs")
        .run();
    let json = plan(&["--output", "json"], 4).run().json();
    let deploy = there.then().args(["deploy", "lab.yaml", "--yes", "--output", "json"]);
    let of_deploy = deploy.status(4).run().json();
    assert_eq!(of_deploy["refusals"], json["refusals"]);
    assert_eq!(of_deploy["error"]["exit_code"], 4);
    assert_eq!(of_deploy["error"]["reason"], "data_loss");
    assert_eq!(json["error"], of_deploy["error"]);
    let names: Vec<&Value> = json["refusals"]
        .as_array()
        .expect("refusals")
        .iter()
        .map(|refusal| &refusal["allow_replace"])
        .collect();
    assert_eq!(names, ["one.Jobs", "two.Jobs"]);
    let markdown = plan(&["--output", "markdown"], 4).run().stdout;
    let bullets = markdown
        .lines()
        .filter(|line| line.starts_with("- lab-") && line.contains("--allow-replace "));
    assert_eq!(bullets.count(), 2, "{markdown}");

    let run = there
        .then()
        .args(["deploy", "lab.yaml", "--yes", "--allow-replace", "one.Jobs"]);
    run.status(4).stderr_contains("error: lab-two would replace ").run();
    assert_eq!(endpoint.status("lab-one").as_deref(), Some("CREATE_COMPLETE"));
    let both = ["--allow-replace", "one.Jobs", "--allow-replace", "two.Jobs"];
    plan(&both, 0).run();
    there.then().args(["deploy", "lab.yaml", "--yes"]).args(both).run();
    assert_eq!(endpoint.status("lab-two").as_deref(), Some("UPDATE_COMPLETE"));
}

/// That a stack is well is no reason why CloudFormation can't be asked about it.
#[test]
fn a_status_that_is_no_reason_does_not_stand_before_one() {
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    endpoint.world(|world| {
        let intake = world.find("lab-intake").expect("it is there");
        world.start_delete(intake, None, Vec::new(), false);
    });
    endpoint.wait_until("it is gone", |world| world.find("lab-intake").is_none());
    there
        .then()
        .args(["plan", "lab.yaml"])
        .stdout_contains("    what it needs from `intake` isn't known yet, so CloudFormation can't be asked\n")
        .stdout_lacks("CREATE_COMPLETE")
        .run();
}

/// Where only one stack is deployed, or has the name, the name alone is enough.
#[test]
fn a_plain_name_is_enough_where_it_can_mean_one_only() {
    let endpoint = Endpoint::serve(Script::new());
    let there = renamed(&endpoint);
    let plan = there.then().args(["plan", "lab.yaml", "--only", "one"]);
    plan.status(4)
        .stderr_contains("help: if that is meant: --allow-replace Jobs\n")
        .run();
    let deploy = there.then().args(["deploy", "lab.yaml", "--yes", "--only", "one"]);
    deploy.args(["--allow-replace", "Jobs"]).run();
    assert_eq!(endpoint.status("lab-one").as_deref(), Some("UPDATE_COMPLETE"));
}

/// As the emulator does, which has only some of the parameters that AWS has for images.
#[test]
fn an_endpoint_on_this_machine_that_lacks_an_image_may_be_meant_as_local() {
    let endpoint = Endpoint::serve(Script::new());
    let file = LAB.replace("types: [t3.micro]", "image: /mine, types: [t3.micro]");
    let deploy = || {
        lab::with_file_at(&endpoint, &file)
            .args(["deploy", "lab.yaml", "--yes"])
            .status(1)
    };
    let why = "lab-work: Unable to fetch parameters [/mine] from parameter store for this account.";
    deploy().stderr_contains(why).stderr_lacks("--local").run();
    deploy()
        .args(["--endpoint-url", endpoint.url()])
        .stderr_contains(why)
        .stderr_contains("where it is the local emulator, say --local, too")
        .run();
}

/// A digest is as long as a plan has stacks.
#[test]
fn a_digest_in_a_file_makes_the_command_short() {
    let endpoint = Endpoint::serve(Script::new());
    let plan = lab::at(&endpoint).args(["plan", "lab.yaml"]);
    let there = plan
        .stdout_contains("refuse anything else:\n  qfleet deploy lab.yaml --expect v1:")
        .run();
    let plan = || there.then().args(["plan", "lab.yaml", "--digest-file", "a digest"]);
    plan()
        .stdout_contains("\n  qfleet deploy lab.yaml --expect \"$(cat 'a digest')\"\n")
        .run();
    // Whoever reads it beside a pull request has no such file.
    plan()
        .args(["--output", "markdown"])
        .stdout_contains("\nqfleet deploy lab.yaml --expect v1:")
        .run();
}

#[test]
fn a_plan_while_an_operation_runs_leaves_no_digest_behind() {
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    let plan = || there.then().args(["plan", "lab.yaml", "--digest-file", "digest"]);
    let digest = there.folder().join("digest");
    plan().run();
    assert!(digest.is_file());
    there
        .then()
        .args(["plan", "lab.yaml", "--digest-file", "/dev/full"])
        .status(1)
        .stderr_contains("error: cannot write /dev/full: ")
        .stderr_contains("help: plan again with a --digest-file that can be written; nothing was changed")
        .run();
    endpoint.world(|world| {
        let stack = world.find("lab-work").expect("the stack");
        world.stacks[stack].status = "UPDATE_IN_PROGRESS".into();
    });
    plan()
        .status(4)
        .stderr_contains("error: digest was not written: an operation is running on lab-work")
        .stderr_contains("help: plan again when it has ended; --wait waits for that")
        .run();
    assert!(!digest.exists(), "nor is the one of the plan before it there");
    // Without a file for it, it is only looked.
    there
        .then()
        .args(["plan", "lab.yaml"])
        .stdout_contains("lab-work busy")
        .run();
    // What stands in the way of writing it is no plan's fault.
    std::fs::create_dir(&digest).expect("a folder");
    plan().status(2).run();
}

#[test]
fn where_no_digest_can_be_written_is_known_before_anything_is_asked() {
    let endpoint = Endpoint::serve(Script::new());
    for path in ["none/digest", "."] {
        lab::at(&endpoint)
            .args(["plan", "lab.yaml", "--digest-file", path])
            .status(2)
            .stderr_contains(format!("error: --digest-file {path} can't be written: "))
            .stderr_contains("help: name a file in a folder that is there and that you may write to")
            .run();
    }
    assert!(endpoint.world(|world| world.calls.is_empty()), "something was asked");
    // What is no file is left there.
    let there = lab::at(&endpoint);
    let pipe = there.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let read = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe)
    });
    let planned = there.args(["plan", "lab.yaml", "--digest-file", "pipe"]).run();
    assert!(planned.path("pipe").exists(), "the pipe is gone");
    let digest = read.join().expect("it ends").expect("a text");
    assert!(digest.starts_with("v1:"), "{digest}");
}

#[test]
fn what_goes_on_without_being_waited_for_is_named() {
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::at(&endpoint).args(["deploy", "lab.yaml", "--yes"]).run();
    let file = LAB.replace("visibility_timeout: 2m", "visibility_timeout: 3m");
    let deploy = there
        .then()
        .file("lab.yaml", file)
        .args(["deploy", "lab.yaml", "--yes"]);
    let run = deploy
        .args(["--no-wait", "--output", "json", "--only", "work"])
        .stderr_contains("updating lab-work goes on in CloudFormation, and is not waited for (as told)\n")
        .args(["--on-interrupt", "wait"])
        .stderr_contains(
            "to pick it up again: qfleet deploy lab.yaml --only work --yes --on-interrupt wait --output json\n",
        )
        .run();
    let done = run.json();
    assert_eq!(done["goes_on"], serde_json::json!(["lab-work"]), "{done:#}");
    assert_eq!(done["not_begun"], serde_json::Value::Null, "{done:#}");
}
