//! Of stacks, and of the environment as a whole.

use super::*;

#[test]
fn every_status_of_a_stack_and_the_way_out() {
    for known in StackStatus::ALL {
        let word = known.as_str();
        let found = found(&status(vec![stack("move", word)], Vec::new()));
        let expected = match word {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" | "DELETE_COMPLETE" => None,
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => Some(("stack-stuck", "qfleet deploy lab.yaml")),
            "CREATE_FAILED" | "UPDATE_FAILED" | "UPDATE_ROLLBACK_FAILED" => {
                Some(("stack-stuck", "qfleet recover lab.yaml"))
            }
            "DELETE_FAILED" => Some(("stack-stuck", "qfleet destroy lab.yaml")),
            "IMPORT_ROLLBACK_FAILED" => Some(("stack-stuck", "qfleet events --failed lab.yaml")),
            "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => {
                Some(("update-rolled-back", "qfleet events --failed --since 7d lab.yaml"))
            }
            "REVIEW_IN_PROGRESS" => Some(("stack-in-review", "qfleet deploy lab.yaml")),
            _ => Some(("operation-running", "qfleet events --follow lab.yaml")),
        };
        let said = found
            .first()
            .map(|finding| (finding.id, finding.command.as_deref().unwrap_or_default()));
        assert_eq!(said, expected, "{word}");
        let severity = found.first().map(|finding| finding.severity);
        let expected = expected.map(|(id, _)| match id {
            "stack-stuck" => Severity::Critical,
            "update-rolled-back" => Severity::Warning,
            _ => Severity::Note,
        });
        assert_eq!(severity, expected, "{word}");
    }
    let unknown = found(&status(vec![stack("move", "NEW_WORD")], Vec::new()));
    only(&unknown, "stack-status-unknown", Severity::Warning);
    let mut failed = stack("move", "UPDATE_ROLLBACK_FAILED");
    failed.reason = Some("the queue is gone".into());
    let found = found(&status(vec![failed], Vec::new()));
    assert!(
        found[0].meaning.ends_with(": the queue is gone"),
        "{}",
        found[0].meaning
    );
    assert_eq!(found[0].stack.as_deref(), Some("lab-move"));
}

#[test]
fn why_a_stack_could_not_be_made_is_in_its_events() {
    let words = by_file().with("--local".into());
    let action = |status: &Status| of(status, &words, &AwsCli::new("us-east-2"))[0].action.clone();
    let mut status = status(vec![stack("move", "ROLLBACK_COMPLETE")], Vec::new());
    let why = "`qfleet events lab.yaml --failed --since 7d --local` says why";
    assert!(action(&status).starts_with(why), "{}", action(&status));
    // One that is gone again.
    status.stacks = vec![stack("intake", "CREATE_COMPLETE")];
    status.missing = vec!["lab-move".into()];
    assert!(action(&status).ends_with(why), "{}", action(&status));
}

#[test]
fn drift_as_last_known_is_worth_a_note() {
    let of = |word: &str| {
        let mut drifted = stack("move", "CREATE_COMPLETE");
        drifted.drift = KnownDrift {
            status: word.into(),
            checked_at: Some(at(-60)),
        };
        found(&status(vec![drifted], Vec::new()))
    };
    only(&of("DRIFTED"), "stack-drifted", Severity::Note);
    nothing(&of("IN_SYNC"));
}

#[test]
fn a_lab_that_is_past_its_lifetime() {
    let of = |seconds: i64| {
        let mut status = status(vec![stack("move", "CREATE_COMPLETE")], Vec::new());
        status.expires = Some(Expiry {
            at: at(0),
            seconds_left: seconds,
        });
        found(&status)
    };
    only(&of(0), "lab-expired", Severity::Warning);
    assert_eq!(of(0)[0].command.as_deref(), Some("qfleet destroy lab.yaml"));
    nothing(&of(1));
}

#[test]
fn what_is_not_deployed() {
    only(
        &found(&status(Vec::new(), Vec::new())),
        "not-deployed",
        Severity::Warning,
    );
}

#[test]
fn a_stack_that_is_missing_is_critical_unless_others_are_on_their_way() {
    let with = |state: &str| Status {
        missing: vec!["lab-dashboard".into()],
        ..status(vec![stack("move", state)], vec![stage()])
    };
    let still = found(&with("UPDATE_COMPLETE"));
    only(&still, "stack-missing", Severity::Critical);
    assert_eq!(still[0].command.as_deref(), Some("qfleet deploy lab.yaml"));
    let coming = found(&with("UPDATE_IN_PROGRESS"));
    let severities: Vec<Severity> = coming.iter().map(|finding| finding.severity).collect();
    assert!(severities.iter().all(|severity| !severity.counts()), "{coming:#?}");
}

#[test]
fn a_stack_that_left_the_file_is_a_warning_with_what_it_holds() {
    let status = Status {
        surplus: vec![
            SurplusStack {
                part: "move".into(),
                stack: "lab-move".into(),
                bucket: None,
            },
            SurplusStack {
                part: "intake".into(),
                stack: "lab-intake".into(),
                bucket: Some("lab-1".into()),
            },
        ],
        ..status(vec![stack("move", "UPDATE_COMPLETE")], vec![stage()])
    };
    let found = found(&status);
    let ids: Vec<(&str, Severity)> = found.iter().map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(ids, [("stack-not-in-file", Severity::Warning); 2]);
    assert!(
        found[0].meaning.contains("messages in its queue"),
        "{}",
        found[0].meaning
    );
    assert!(
        found[1].meaning.ends_with("with the bucket lab-1"),
        "{}",
        found[1].meaning
    );
}

/// `destroy` would take the others, too.
#[test]
fn a_stack_that_left_the_file_and_is_half_deleted_goes_alone() {
    let status = Status {
        surplus: vec![SurplusStack {
            part: "move".into(),
            stack: "lab-move".into(),
            bucket: None,
        }],
        ..status(vec![stack("move", "DELETE_FAILED")], vec![stage()])
    };
    let found = found(&status);
    let commands: Vec<Option<&str>> = found.iter().map(|finding| finding.command.as_deref()).collect();
    assert_eq!(commands, [Some("qfleet deploy lab.yaml --prune"); 2], "{found:#?}");
}
