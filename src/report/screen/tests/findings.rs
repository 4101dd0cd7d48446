//! Findings, above the stages.

use super::*;
use crate::observe::finding::{Finding, Severity};

#[test]
fn what_is_to_be_looked_into_is_counted_and_the_worst_of_it_named() {
    let with = |severities: &[Severity]| {
        let mut snapshot = busy();
        let finding = |severity: &Severity| Finding {
            id: "dead-letters",
            severity: *severity,
            stage: Some("move".into()),
            stack: None,
            meaning: "3 messages wait".into(),
            action: String::new(),
            command: None,
        };
        snapshot.status.findings = severities.iter().map(finding).collect();
        drawn(&mut view(snapshot), 80, 24)
    };
    let shown = with(&[Severity::Critical, Severity::Warning, Severity::Note]);
    assert!(
        shown.contains("findings  1 critical, 1 warning, 1 note: move: 3 messages wait"),
        "{shown}"
    );
    assert!(!with(&[Severity::Note]).contains("findings"));
    assert!(!with(&[]).contains("findings"));
    // That it isn't deployed yet is said already.
    let mut before = snapshot(Phase::NotDeployed, Vec::new(), Vec::new());
    before.status.findings = vec![Finding {
        id: "not-deployed",
        severity: Severity::Warning,
        stage: None,
        stack: None,
        meaning: "it is not deployed".into(),
        action: String::new(),
        command: None,
    }];
    assert!(!drawn(&mut view(before), 80, 24).contains("findings"));
}

#[test]
fn what_to_do_about_the_worst_of_it_stays_on_a_small_screen() {
    let with = |command: Option<&str>, width, height| {
        let mut snapshot = busy();
        snapshot.status.findings = vec![Finding {
            id: "dead-letters",
            severity: Severity::Critical,
            stage: Some("move".into()),
            stack: None,
            meaning: "3 dead letters".into(),
            action: "look at them".into(),
            command: command.map(str::to_owned),
        }];
        drawn(&mut view(snapshot), width, height)
    };
    for size in [(80, 24), (60, 20), (120, 40), (200, 50)] {
        let shown = with(Some("qfleet dlq sample lab move"), size.0, size.1);
        assert!(shown.contains("        → qfleet dlq sample lab move "), "{shown}");
        assert!(shown.contains("3 dead letters"), "{shown}");
    }
    let shown = with(None, 80, 24);
    assert!(shown.contains("        → look at them "), "{shown}");
}

/// A finding longer than a row.
fn long_findings() -> Snapshot {
    let mut snapshot = busy();
    snapshot.status.stages.truncate(1);
    let finding = |stage: &str| Finding {
        id: "backlog-growing-at-max",
        severity: Severity::Critical,
        stage: Some(stage.into()),
        stack: None,
        meaning: "the backlog grows (304 per instance, target 60) and the fleet is at its most, 6 instances".into(),
        action: "raise `max` in the environment file and deploy, or make a message take less time".into(),
        command: None,
    };
    snapshot.status.findings = vec![finding("move"), finding("resize")];
    snapshot
}

#[test]
fn a_finding_is_wrapped_where_there_is_room_and_says_where_it_is_cut() {
    let shown = |width, height| drawn(&mut view(long_findings()), width, height);
    let cut = shown(60, 16);
    assert!(
        cut.contains("│findings  2 critical: move: the backlog grows (304 per inst…│"),
        "{cut}"
    );
    let wrapped = shown(80, 24);
    assert!(
        wrapped.contains("│findings  2 critical: move: the backlog grows (304 per instance, target 60) and │"),
        "{wrapped}"
    );
    assert!(
        wrapped.contains("│          the fleet is at its most, 6 instances "),
        "{wrapped}"
    );
    assert!(!wrapped.contains("resize: "), "{wrapped}");
    let roomy = shown(120, 40);
    assert!(
        roomy.contains("│          raise `max` in the environment file and deploy"),
        "{roomy}"
    );
    assert!(roomy.contains("│          resize: the backlog grows"), "{roomy}");
}

#[test]
fn a_small_screen_says_why_a_worker_ended_and_what_to_do_and_no_path_that_is_cut() {
    let mut snapshot = busy();
    snapshot.status.stages.truncate(1);
    let path = format!("/home/{}/worker.log", "someone/".repeat(12));
    snapshot.status.findings = vec![Finding {
        id: "launches-fail",
        severity: Severity::Critical,
        stage: Some("move".into()),
        stack: None,
        meaning: format!("an instance doesn't come into service: exit status: 3\nits log is {path}"),
        action: "see what the worker says, mend the program, then deploy".into(),
        command: Some("qfleet logs crash --stage move --local".into()),
    }];
    let shown = drawn(&mut view(snapshot.clone()), 80, 24);
    assert!(shown.contains("an instance doesn't come into service: exit"), "{shown}");
    assert!(shown.contains("→ qfleet logs crash --stage move --local"), "{shown}");
    assert!(!shown.contains("someone/"), "{shown}");
    let roomy = drawn(&mut view(snapshot), 120, 40);
    assert!(roomy.contains("someone/"), "{roomy}");
}
