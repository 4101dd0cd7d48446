//! A pipeline that runs the same job again: after success, after a failure, and after it was stopped half-way.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{changed, digest, executed, expect, folder, with};
use crate::deployed::signalled;
use crate::endpoint::{Endpoint, Script, Verb};
use crate::lab::LAB;

#[test]
fn after_success_there_is_nothing_to_do() {
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, LAB);
    let approved = digest(&there, &[]);
    expect(&there, &approved).run();
    let before = executed(&endpoint);
    expect(&there, &approved).stdout_contains("Nothing to do").run();
    // A second change is not what was approved.
    with(&there, &changed());
    expect(&there, &approved).status(4).run();
    assert_eq!(executed(&endpoint), before);
}

/// Some stacks are there by then, and what others get from them is known: it is still what was approved.
#[test]
fn after_an_interruption_the_rest_is_done() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-work", "LogGroup", Duration::from_secs(3)));
    let there = folder(&endpoint, LAB);
    let approved = digest(&there, &[]);
    let run = expect(&there, &approved).args(["--on-interrupt", "cancel"]);
    let (code, _, said) = signalled(&run, &endpoint, Signal::SIGTERM, |endpoint| {
        endpoint.status("lab-work").as_deref() == Some("CREATE_IN_PROGRESS")
    });
    assert_ne!(code, 0, "{said}");
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(endpoint.status("lab-work"), None, "it was taken back");

    // What is there by now was approved, and what isn't there yet must be as it was approved.
    with(&there, &changed());
    let run = expect(&there, &approved).status(4);
    run.stderr_contains("lab-work: its template is not the one that was approved")
        .run();
    with(&there, LAB);
    expect(&there, &approved).run();
    let complete = ["artifacts", "intake", "work", "dashboard"].map(|part| endpoint.status(&format!("lab-{part}")));
    assert!(
        complete
            .iter()
            .all(|status| status.as_deref() == Some("CREATE_COMPLETE")),
        "{complete:?}"
    );
}

#[test]
fn after_a_failed_create_the_rest_is_done() {
    let script = Script::new().fails_times("lab-work", "LogGroup", Verb::Create, "not today", 1);
    let endpoint = Endpoint::serve(script);
    let there = folder(&endpoint, LAB);
    let approved = digest(&there, &[]);
    let failed = expect(&there, &approved).status(1);
    failed
        .stderr_contains("help: what is done stays. Mend the cause, then: qfleet deploy lab.yaml --expect v1:")
        .stderr_contains("the whole story: qfleet events --name lab --region us-east-2 --failed\n")
        .run();
    // As it says.
    let events = there
        .then()
        .args(["events", "--name", "lab", "--region", "us-east-2", "--failed"]);
    events
        .stdout_contains("lab-work: LogGroup CREATE_FAILED: not today")
        .run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("ROLLBACK_COMPLETE"));
    expect(&there, &approved).stdout_contains("delete, then create").run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn after_a_failed_update_the_rest_is_done() {
    let endpoint = Endpoint::serve(Script::new());
    let there = super::deployed(&endpoint);
    let tagged = format!("{}tags: {{team: media}}\n", changed());
    with(&there, &tagged);
    endpoint.rescript(|_| Script::new().fails_times("lab-work", "Queue", Verb::Update, "not today", 1));
    let approved = digest(&there, &[]);
    assert_eq!(super::subjects(&approved), ["artifacts", "dashboard", "intake", "work"]);
    expect(&there, &approved).status(1).run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
    expect(&there, &approved).run();
    assert_eq!(endpoint.status("lab-work").as_deref(), Some("UPDATE_COMPLETE"));
    assert_eq!(endpoint.status("lab-dashboard").as_deref(), Some("UPDATE_COMPLETE"));
}

/// Outputs a name, and takes one.
fn first(name: &str) -> String {
    format!("Resources:\n  Told: {{Type: AWS::SNS::Topic}}\nOutputs:\n  Name: {{Value: {name}}}\n")
}

fn second(property: &str) -> String {
    format!(
        "Parameters: {{Name: {{Type: String}}}}\nResources:\n  Told:\n    Type: AWS::SNS::Topic\n    Properties: \
         {{{property}: !Ref Name}}\n"
    )
}

const FIRST: &str = "  - name: first\n    template: first.yaml\n    gives: [Name]\n";
const SECOND: &str = "  - name: second\n    template: second.yaml\n    parameters:\n";

/// A stack gets something from one that isn't there yet: only once it is there, CloudFormation says what that changes.
#[test]
fn what_follows_from_a_stack_that_is_there_by_now_is_done_too() {
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, &format!("{LAB}extras:\n{SECOND}      Name: plain\n"));
    let there = there
        .then()
        .file("first.yaml", first("told"))
        .file("second.yaml", second("DisplayName"));
    let there = there.args(["deploy", "lab.yaml", "--yes"]).run();
    with(
        &there,
        &format!("{LAB}extras:\n{FIRST}{SECOND}      Name: ${{first.Name}}\n"),
    );
    let approved = digest(&there, &[]);
    assert_eq!(super::subjects(&approved), ["first", "second"]);
    endpoint.rescript(|_| Script::new().fails_times("lab-second", "Told", Verb::Update, "not today", 1));
    let failed = expect(&there, &approved).status(1).run();
    let status = |stack: &str| endpoint.status(stack).unwrap_or_default();
    assert_eq!(status("lab-first"), "CREATE_COMPLETE", "{}", failed.stderr);
    assert_eq!(status("lab-second"), "UPDATE_ROLLBACK_COMPLETE", "{}", failed.stderr);
    expect(&there, &approved).run();
    assert_eq!(status("lab-second"), "UPDATE_COMPLETE");
}

/// A stack gets another name from one that is changed before it, and whose template says nothing of that: it turns out only
/// then that something would be made anew, which nobody has approved.
#[test]
fn what_would_be_lost_though_the_plan_could_not_show_it_is_refused_and_approved_by_the_next_plan() {
    let file = format!("{LAB}extras:\n{FIRST}{SECOND}      Name: ${{first.Name}}\n");
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, &file);
    let run = there
        .then()
        .file("first.yaml", first("lab-one"))
        .file("second.yaml", second("TopicName"));
    let there = run.args(["deploy", "lab.yaml", "--yes"]).run();
    let other = first("lab-one").replace("SNS::Topic}", "SNS::Topic, Properties: {DisplayName: other}}");
    let there = there.then().file("first.yaml", other).args(["schema"]).run();
    endpoint.rescript(|script| script.output("lab-first", "Name", "lab-two"));
    let approved = digest(&there, &[]);
    assert_eq!(super::subjects(&approved), ["first"]);
    let refused = expect(&there, &approved).args(["--yes"]).status(4);
    let refused = refused
        .stderr_contains("lab-second: it would lose what the plan did not show (Told)")
        .run();
    let status = |stack: &str| endpoint.status(stack).unwrap_or_default();
    assert_eq!(status("lab-first"), "UPDATE_COMPLETE", "{}", refused.stderr);
    assert_eq!(status("lab-second"), "CREATE_COMPLETE", "{}", refused.stderr);
    let again = expect(&there, &approved).status(4);
    again
        .stderr_contains("lab-second: nothing was to be done to it, and now something would be")
        .run();
    let now = digest(&there, &[]);
    expect(&there, &now).run();
    assert_eq!(status("lab-second"), "UPDATE_COMPLETE");
}

/// Both have the same approval, and one is faster.
#[test]
fn two_at_once() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-intake", "Topic", Duration::from_secs(1)));
    let there = folder(&endpoint, LAB);
    let approved = digest(&there, &[]);
    let runs = [expect(&there, &approved).spawn(), expect(&there, &approved).spawn()];
    for run in runs {
        let ended = run.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{said}");
    }
    let complete = ["artifacts", "intake", "work", "dashboard"].map(|part| endpoint.status(&format!("lab-{part}")));
    assert!(
        complete
            .iter()
            .all(|status| status.as_deref() == Some("CREATE_COMPLETE")),
        "{complete:?}"
    );
}
