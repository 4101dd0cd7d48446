//! Every row of the table, by hand; and the table for readers, generated.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::*;

#[path = "../../../../tests/it/harness/generated.rs"]
mod generated;

const HISTORIES: [History; 3] = [History::NeverComplete, History::TookIn, History::WasComplete];

/// status, history, deploy, destroy, recover. Written down from what CloudFormation allows in each status, not
/// from the code.
const ROWS: &str = "
-                                            any    create    nothing  nothing
REVIEW_IN_PROGRESS                           any    create    delete   nothing
CREATE_IN_PROGRESS                           any    attach    attach   attach
CREATE_COMPLETE                              any    update    delete   nothing
CREATE_FAILED                                never  update    delete   take-back
CREATE_FAILED                                took   update    delete   refuse
CREATE_FAILED                                was    update    delete   rollback
ROLLBACK_IN_PROGRESS                         any    attach    attach   attach
ROLLBACK_COMPLETE                            never  recreate  delete   nothing
ROLLBACK_COMPLETE                            took   recreate  delete   nothing
ROLLBACK_COMPLETE                            was    refuse    delete   refuse
ROLLBACK_FAILED                              never  recreate  delete   nothing
ROLLBACK_FAILED                              took   refuse    delete   refuse
ROLLBACK_FAILED                              was    refuse    delete   refuse
UPDATE_IN_PROGRESS                           any    attach    attach   attach
UPDATE_COMPLETE_CLEANUP_IN_PROGRESS          any    attach    attach   attach
UPDATE_COMPLETE                              any    update    delete   nothing
UPDATE_FAILED                                never  update    delete   take-back
UPDATE_FAILED                                took   update    delete   refuse
UPDATE_FAILED                                was    update    delete   rollback
UPDATE_ROLLBACK_IN_PROGRESS                  any    attach    attach   attach
UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS any    attach    attach   attach
UPDATE_ROLLBACK_COMPLETE                     any    update    delete   nothing
UPDATE_ROLLBACK_FAILED                       any    refuse    delete   continue
DELETE_IN_PROGRESS                           any    attach    attach   attach
DELETE_COMPLETE                              any    create    nothing  nothing
DELETE_FAILED                                any    refuse    delete   refuse
IMPORT_IN_PROGRESS                           any    attach    attach   attach
IMPORT_COMPLETE                              any    update    delete   nothing
IMPORT_ROLLBACK_IN_PROGRESS                  any    attach    attach   attach
IMPORT_ROLLBACK_COMPLETE                     any    update    delete   nothing
IMPORT_ROLLBACK_FAILED                       any    refuse    delete   refuse
SOMETHING_NEW                                any    refuse    refuse   refuse
";

/// Every status, that of a stack that isn't there, and one that isn't known.
fn statuses() -> Vec<Option<StackStatus>> {
    let known = StackStatus::ALL.iter().cloned().map(Some);
    std::iter::once(None)
        .chain(known)
        .chain([Some(StackStatus::from("SOMETHING_NEW"))])
        .collect()
}

/// What the verbs do, each in a word.
fn words(status: Option<&StackStatus>, history: History) -> [&'static str; 3] {
    [
        match deploy(status, history) {
            Deploy::Create => "create",
            Deploy::Update => "update",
            Deploy::Recreate => "recreate",
            Deploy::Attach => "attach",
            Deploy::Refuse(_) => "refuse",
        },
        match destroy(status) {
            Destroy::Nothing => "nothing",
            Destroy::Delete => "delete",
            Destroy::Attach => "attach",
            Destroy::Refuse(_) => "refuse",
        },
        match recover(status, history) {
            Recover::Nothing => "nothing",
            Recover::Continue => "continue",
            Recover::Rollback => "rollback",
            Recover::TakeBack => "take-back",
            Recover::Attach => "attach",
            Recover::Refuse(_) => "refuse",
        },
    ]
}

#[test]
fn every_row_is_as_written_down() {
    let rows: Vec<Vec<&str>> = ROWS
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<&str>| !row.is_empty())
        .collect();
    let mut used = BTreeSet::new();
    for status in statuses() {
        for history in HISTORIES {
            let name = status.as_ref().map_or("-", StackStatus::as_str);
            let kind = match history {
                History::NeverComplete => "never",
                History::TookIn => "took",
                History::WasComplete => "was",
            };
            let fits = |row: &&Vec<&str>| row[0] == name && (row[1] == "any" || row[1] == kind);
            let fitting: Vec<&Vec<&str>> = rows.iter().filter(fits).collect();
            assert_eq!(fitting.len(), 1, "{name} {kind}: one row");
            assert_eq!(fitting[0][2..], words(status.as_ref(), history), "{name} {kind}");
            used.insert(fitting[0].clone());
        }
    }
    assert_eq!(used.len(), rows.len(), "no row is about nothing");
}

#[test]
fn history_is_asked_for_exactly_where_it_makes_a_difference() {
    for status in StackStatus::ALL {
        let differs = HISTORIES
            .iter()
            .any(|history| words(Some(status), *history) != words(Some(status), HISTORIES[0]));
        assert_eq!(History::matters(status), differs, "{status}");
    }
}

#[test]
fn a_refusal_to_deploy_names_the_command_that_helps() {
    let refusal = |status: StackStatus| match deploy(Some(&status), History::WasComplete) {
        Deploy::Refuse(why) => why,
        other => panic!("{status}: {other:?}"),
    };
    assert!(refusal(UpdateRollbackFailed).contains("qfleet recover"));
    assert!(refusal(DeleteFailed).contains("qfleet destroy"));
    assert!(refusal(RollbackComplete).contains("qfleet destroy"));
}

/// What a cell of the table for readers says.
fn cells(status: Option<&StackStatus>, history: History) -> [String; 4] {
    let refuses = |why: &str| format!("refuses (4): {why}");
    [
        match deploy(status, history) {
            Deploy::Create => "shows a create".into(),
            Deploy::Update => "shows what changes".into(),
            Deploy::Recreate => "shows that it is made anew".into(),
            Deploy::Attach => "says that it is busy".into(),
            Deploy::Refuse(_) => "shows why `deploy` would refuse, and exits with 4".into(),
        },
        match deploy(status, history) {
            Deploy::Create => "creates it".into(),
            Deploy::Update => "updates it".into(),
            Deploy::Recreate => "asks, deletes it and creates it anew".into(),
            Deploy::Attach => "waits for the end, then goes on; with `--no-attach` refuses (4)".into(),
            Deploy::Refuse(why) => refuses(why),
        },
        match destroy(status) {
            Destroy::Nothing => "nothing".into(),
            Destroy::Delete => "asks, deletes it".into(),
            Destroy::Attach => "waits for the end, then goes on".into(),
            Destroy::Refuse(why) => refuses(why),
        },
        match recover(status, history) {
            Recover::Nothing => "nothing".into(),
            Recover::Continue => "shows what blocks it, asks, lets the rollback go on".into(),
            Recover::Rollback => "shows what failed, asks, rolls back to what it was".into(),
            Recover::TakeBack => "shows what failed, asks, takes the create back; nothing of it stays".into(),
            Recover::Attach => "waits for the end, then goes on".into(),
            Recover::Refuse(why) => refuses(why),
        },
    ]
}

const HEAD: &str = "\
# Commands and the states of a stack

What each command does with a stack in each state that CloudFormation knows. (4) is the exit code.

| status | `plan` | `deploy` | `destroy` | `recover` |
|---|---|---|---|---|
";

fn table() -> String {
    let mut table = String::from(HEAD);
    for status in statuses() {
        let name = match &status {
            None => "no such stack".to_owned(),
            Some(Unknown(_)) => "a status that is newer than this qfleet".to_owned(),
            Some(status) => format!("`{status}`"),
        };
        let [never, took, was] = HISTORIES.map(|history| cells(status.as_ref(), history).join(" | "));
        if never == was {
            let _ = writeln!(table, "| {name} | {never} |");
        } else {
            let _ = writeln!(table, "| {name}, never was complete | {never} |");
            if took != never {
                let _ = writeln!(
                    table,
                    "| {name}, took kept data in and was not complete since | {took} |"
                );
            }
            let _ = writeln!(table, "| {name}, was complete once | {was} |");
        }
    }
    table
}

#[test]
fn the_table_for_readers_is_up_to_date() {
    generated::is_current("docs/states.md", &table());
}
