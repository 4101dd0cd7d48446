//! Rights that nothing uses. Which ones are used, `tests/calls.txt` says: what every command called in a run of all tests.

use std::collections::BTreeSet;
use std::fs;

use qfleet::permissions::{Purpose, actions};

use crate::endpoint::rights::purposes;

/// A line for each command, as the harness names it, and each action that it called. CONTRIBUTING.md says how to write it anew.
const CALLED: &str = include_str!("../../../calls.txt");

/// What is needed without being a call of its own, by whom, and where that stands.
const NO_CALL: [(&[Purpose], &[&str], &str); 3] = [
    // Change sets carry tags.
    (
        &Purpose::ALL,
        &["cloudformation:TagResource", "cloudformation:UntagResource"],
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html",
    ),
    // SQS asks who starts a move for the rights to do it by hand.
    (
        &[Purpose::Dlq],
        &["sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"],
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html",
    ),
    // "you must always specify the s3:DeleteObject permission", also to delete versions.
    (
        &TAKE_DOWN,
        &["s3:DeleteObject"],
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html",
    ),
];

/// What is called only against the emulator, whose calls aren't written down, or where a test would need much: which of the
/// sources calls it, by what.
const NOT_SEEN: [(&[Purpose], &[&str], &str, &str); 8] = [
    (
        &[Purpose::Plan, Purpose::Deploy],
        &["s3:GetBucketVersioning"],
        "src/engine/plan/replication.rs",
        ".destination(",
    ),
    (
        &[Purpose::Deploy],
        &["ssm:DeleteParameter"],
        "src/engine/deploy/bring_up.rs",
        ".delete_parameter(",
    ),
    // Of a bucket that has too much in it to be counted.
    (
        &TAKE_DOWN,
        &["cloudwatch:GetMetricData"],
        "src/observe/data.rs",
        ".metric_data(",
    ),
    (
        &TAKE_DOWN,
        &["elasticloadbalancing:DescribeListeners"],
        "src/cloud/presence.rs",
        ".has_listener(",
    ),
    (
        &TAKE_DOWN,
        &[
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTargetGroups",
        ],
        "src/cloud/presence.rs",
        ".has_target_group(",
    ),
    (
        &[Purpose::Reap],
        &["account:ListRegions"],
        "src/commands/reap.rs",
        "every_region(",
    ),
    (
        &[Purpose::Send],
        &["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"],
        "src/jobs/replies.rs",
        ".show_messages_in(",
    ),
    (
        &[Purpose::Dlq],
        &["sqs:ChangeMessageVisibility"],
        "src/jobs/sample.rs",
        ".show_messages(",
    ),
];

/// What only a link that is handed out does, with the rights of who signed it.
const SIGNED: (Purpose, &str) = (Purpose::Files, "s3:PutObject");

/// Commands that do the same work, by the same code.
const TAKE_DOWN: [Purpose; 3] = [Purpose::Destroy, Purpose::Prune, Purpose::Reap];

/// Rights of each purpose that no call in these lines uses: `deploy s3:PutObject`. What the engine calls in memory, `-`, may be
/// anybody's.
fn unused(lines: &str) -> BTreeSet<String> {
    let called: BTreeSet<(&str, &str)> = lines.lines().filter_map(|line| line.split_once(' ')).collect();
    let in_memory = |action: &str| called.contains(&("-", action));
    let mut unused = BTreeSet::new();
    for purpose in Purpose::ALL {
        let is_called = |action: &str| {
            called.iter().any(|(by, known)| {
                let by = purposes(by).unwrap_or_default();
                let takes_down = by.iter().any(|by| TAKE_DOWN.contains(by)) && TAKE_DOWN.contains(&purpose);
                // What is put back is looked for first.
                let looks = purpose == Purpose::Revert && by.contains(&Purpose::Drift);
                let alike = takes_down || looks;
                *known == action && (by.contains(&purpose) || alike)
            })
        };
        for action in actions(purpose) {
            let no_call = NO_CALL
                .iter()
                .any(|(whose, known, _)| whose.contains(&purpose) && known.contains(&action));
            let not_seen = NOT_SEEN
                .iter()
                .any(|(whose, known, ..)| whose.contains(&purpose) && known.contains(&action));
            let is_told = no_call || not_seen || SIGNED == (purpose, action);
            if !is_told && !is_called(action) && !in_memory(action) {
                unused.insert(format!("{}: {action}", purpose.name()));
            }
        }
    }
    unused
}

/// The sources still call what no recording shows.
#[test]
fn what_is_not_seen_is_called() {
    for (_, actions, file, call) in NOT_SEEN {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(path).expect("a source file");
        assert!(text.contains(call), "{file} calls {call} no more, for {actions:?}");
    }
}

#[test]
fn no_right_is_named_that_nothing_uses() {
    assert_eq!(unused(CALLED), BTreeSet::new());
}

#[test]
fn a_right_that_nothing_uses_is_noticed() {
    let all: BTreeSet<String> = Purpose::ALL
        .into_iter()
        .flat_map(|purpose| {
            actions(purpose)
                .into_iter()
                .map(move |action| format!("{} {action}", purpose.name()))
        })
        .collect();
    let lines = |left_out: &str| {
        let kept = all.iter().filter(|line| *line != left_out);
        // The harness names ways of using a command.
        let named = kept.map(|line| {
            let line = line.replacen("dlq ", "dlq-sample ", 1);
            let line = line.replacen("revert ", "drift-revert ", 1);
            line.replacen("prune ", "deploy-prune ", 1)
        });
        named.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(unused(&lines("")), BTreeSet::new());
    assert_eq!(
        unused(&lines("status cloudwatch:GetMetricData")),
        BTreeSet::from(["status: cloudwatch:GetMetricData".to_owned()])
    );
}
