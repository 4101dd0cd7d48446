//! Each resource asked for itself: is it there?

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::{Fate, Known, Patience, Row, Subject, Thing, delivery, removal, thing};
use crate::cloud::cloudformation::holder::Holder;
use crate::cloud::cloudformation::stacks::{DeletedStack, StackResource};
use crate::cloud::presence::{Presence, State};
use crate::cloud::{Cloud, CloudError};

/// What CloudFormation says of the deletion of resources, by stack and physical id: `DELETE_COMPLETE`, `DELETE_SKIPPED`.
/// It says so for 90 days, to who asks by the stack's ARN
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html>).
pub type Fates = BTreeMap<(String, String), String>;

/// Reads it for all stacks that there were. It is evidence beside a read, so one that fails is none.
pub async fn fates(cloud: &Cloud, known: &Known) -> Fates {
    let of_stacks = known.stacks.iter().map(|id| cloud.all_stack_resources(id));
    fates_in(join_all(of_stacks).await)
}

/// The same of queues that are in no stack now: how the last stack of each one's stage ended. It says which were kept, and
/// which SQS only hasn't forgotten yet.
pub async fn fates_of_queues(cloud: &Cloud, queues: &[&Thing]) -> Fates {
    let stack_of = |queue: &&Thing| {
        let name = thing::name(&queue.resource_type, &queue.id);
        name.strip_suffix("-dlq").unwrap_or(name).to_owned()
    };
    let names: BTreeSet<String> = queues.iter().map(stack_of).collect();
    if names.is_empty() {
        return Fates::new();
    }
    let mut newest: BTreeMap<String, DeletedStack> = BTreeMap::new();
    let deleted = cloud.deleted_stacks().await.unwrap_or_default().into_iter();
    for stack in deleted.filter(|stack| names.contains(&stack.name)) {
        if newest.get(&stack.name).is_none_or(|known| known.at < stack.at) {
            newest.insert(stack.name.clone(), stack);
        }
    }
    let of_stacks = newest.values().map(|stack| cloud.all_stack_resources(&stack.id));
    fates_in(join_all(of_stacks).await)
}

fn fates_in(all: Vec<Result<Vec<StackResource>, CloudError>>) -> Fates {
    let all = all.into_iter().flatten().flatten();
    all.map(|resource| ((resource.resource_type, resource.physical_id), resource.status))
        .collect()
}

/// Asks for a resource, again and again while it is on its way out.
pub async fn confirm(cloud: &Cloud, subject: &Subject, fates: &Fates, thing: Thing, patience: Patience) -> Row {
    let said = fates
        .get(&(thing.resource_type.clone(), thing.id.clone()))
        .map(String::as_str);
    let key = thing.key();
    let is_to_stay = subject.kept.contains(&key) || subject.abandoned.contains(&key) || said == Some("DELETE_SKIPPED");
    let began = Instant::now();
    let seen = loop {
        let seen = cloud.presence(&thing.resource_type, &thing.id).await;
        let passes = match &seen {
            Ok(Some(Presence {
                state: State::Going(_), ..
            })) => true,
            // Reads lag, too: where it was deleted for certain, and where a queue's stack is gone.
            Ok(Some(Presence {
                state: State::There, ..
            })) => {
                let was_in_a_stack = thing.resource_type == "AWS::SQS::Queue" && thing.stack.is_some();
                !is_to_stay && (said == Some("DELETE_COMPLETE") || was_in_a_stack)
            }
            _ => false,
        };
        if !passes || began.elapsed() + patience.pause > patience.limit {
            break seen;
        }
        sleep(patience.pause).await;
    };
    let mut row = judge(subject, said, &thing, seen);
    if matches!(row.fate, Fate::LeftOver | Fate::Abandoned | Fate::Kept) {
        let is_gone = |id: &String| subject.known.stacks.contains(id);
        // Only what is nobody's is to be removed: a name, or a tag, may be another stack's, too.
        match cloud.holder(&thing.resource_type, &thing.id).await {
            // What was kept may have been taken in again.
            Holder::Stack { name, id } if !is_gone(&id) => {
                if row.fate != Fate::Kept {
                    row.fate = Fate::Unknown;
                }
                row.reason = Some(format!("it is in the stack {name}"));
            }
            Holder::Unknown(_) if row.fate == Fate::Kept => {}
            Holder::Unknown(why) => row.reason = Some(format!("whether a stack holds it can't be known: {why}")),
            _ => {
                let command = removal::command(&thing.resource_type, &thing.id, &cloud.cli());
                row.remove_with = Some(command);
            }
        }
        if row.reason.is_none() {
            row.reason = delivery::cost(&thing.resource_type).map(str::to_owned);
        }
    }
    row
}

/// What a read says of a resource, beside what CloudFormation said.
fn judge(subject: &Subject, said: Option<&str>, thing: &Thing, seen: Result<Option<Presence>, CloudError>) -> Row {
    let key = thing.key();
    let was_kept = subject.kept.contains(&key) || said == Some("DELETE_SKIPPED");
    let was_given_up = subject.abandoned.contains(&key);
    let row = |fate, evidence: Option<&str>, reason: Option<String>| Row {
        resource_type: thing.resource_type.clone(),
        name: thing.id.clone(),
        stack: thing.stack.clone(),
        fate,
        evidence: evidence.map(str::to_owned),
        reason,
        remove_with: None,
    };
    let stays = |evidence: Option<&str>, reason: Option<String>| {
        if was_given_up {
            row(Fate::Abandoned, evidence, reason)
        } else if was_kept {
            row(Fate::Kept, evidence, reason)
        } else if holds_data(subject, thing) {
            let why = "no stack holds it: an earlier destroy kept it, or it was made since";
            row(Fate::Kept, evidence, Some(reason.unwrap_or_else(|| why.to_owned())))
        } else {
            row(Fate::LeftOver, evidence, reason)
        }
    };
    // What CloudFormation said is worth something where nobody else can be asked.
    let without_a_read = |reason: Option<String>| match said {
        Some("DELETE_COMPLETE") => row(Fate::Deleted, Some("CloudFormation DELETE_COMPLETE"), reason),
        Some("DELETE_SKIPPED") => stays(Some("CloudFormation DELETE_SKIPPED"), reason),
        _ if thing.stack.is_some() && !was_kept && !was_given_up && reason.is_none() => {
            row(Fate::Deleted, Some("its stack is gone"), None)
        }
        _ => row(
            Fate::Unknown,
            None,
            Some(reason.unwrap_or_else(|| NOBODY_TO_ASK.to_owned())),
        ),
    };
    match seen {
        Ok(Some(Presence { state, operation })) => match state {
            State::Gone if was_kept => row(
                Fate::Unknown,
                Some(operation),
                Some("it was to stay, and isn't there".to_owned()),
            ),
            State::Gone => row(Fate::Deleted, Some(operation), None),
            State::Going(word) => stays(Some(operation), Some(format!("it is {word} still"))),
            State::There => stays(Some(operation), None),
        },
        Ok(None) => without_a_read(None),
        Err(error) => without_a_read(Some(error.to_string())),
    }
}

const NOBODY_TO_ASK: &str = "qfleet can't ask about resources of this type";

/// Data that was in none of the stacks that went now, and is called as this environment's is.
fn holds_data(subject: &Subject, thing: &Thing) -> bool {
    let artifacts = format!("{}-artifacts-", subject.environment);
    match thing.resource_type.as_str() {
        "AWS::SQS::Queue" | "AWS::DynamoDB::Table" => thing.stack.is_none(),
        "AWS::S3::Bucket" => thing.stack.is_none() && !thing.id.starts_with(&artifacts),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";

    fn thing(resource_type: &str, id: &str, stack: Option<&str>) -> Thing {
        Thing {
            stack: stack.map(str::to_owned),
            ..Thing::new(resource_type, id)
        }
    }

    fn seen(state: State) -> Result<Option<Presence>, CloudError> {
        let operation = "Read";
        Ok(Some(Presence { state, operation }))
    }

    fn denied() -> Result<Option<Presence>, CloudError> {
        Err(CloudError {
            operation: "Read",
            code: Some("AccessDenied".into()),
            message: "no".into(),
        })
    }

    fn key(thing: &Thing) -> std::collections::BTreeSet<(String, String)> {
        [thing.key()].into()
    }

    #[test]
    fn what_is_there_is_left_over_unless_it_was_to_stay() {
        let role = thing("AWS::IAM::Role", "lab-work-Role-1", Some("lab-work"));
        let nobody = Subject::default();
        let kept = Subject {
            kept: key(&role),
            ..Subject::default()
        };
        let given_up = Subject {
            abandoned: key(&role),
            ..Subject::default()
        };
        let going = || State::Going("leaving".into());
        for (subject, said, seen, fate) in [
            (&nobody, None, seen(State::There), Fate::LeftOver),
            (&nobody, Some("DELETE_COMPLETE"), seen(State::There), Fate::LeftOver),
            (&nobody, Some("DELETE_SKIPPED"), seen(State::There), Fate::Kept),
            (&nobody, None, seen(going()), Fate::LeftOver),
            (&nobody, None, seen(State::Gone), Fate::Deleted),
            (&nobody, Some("DELETE_FAILED"), seen(State::Gone), Fate::Deleted),
            (&kept, None, seen(State::There), Fate::Kept),
            (&kept, None, seen(State::Gone), Fate::Unknown),
            (&given_up, None, seen(State::There), Fate::Abandoned),
            (&given_up, None, seen(State::Gone), Fate::Deleted),
        ] {
            let row = judge(subject, said, &role, seen.clone());
            assert_eq!(row.fate, fate, "{said:?} {seen:?}");
            assert_eq!(row.evidence.as_deref(), Some("Read"));
        }
    }

    #[test]
    fn where_nobody_can_be_asked_cloudformations_word_counts_and_nothing_else() {
        let policy = thing("AWS::SQS::QueuePolicy", "lab-work-QueuePolicy-1", Some("lab-work"));
        let nobody = Subject::default();
        let of = |said, seen| {
            let row = judge(&nobody, said, &policy, seen);
            (row.fate, row.evidence)
        };
        let deleted = Some("CloudFormation DELETE_COMPLETE".to_owned());
        assert_eq!(of(Some("DELETE_COMPLETE"), Ok(None)), (Fate::Deleted, deleted.clone()));
        assert_eq!(of(Some("DELETE_COMPLETE"), denied()), (Fate::Deleted, deleted));
        assert_eq!(of(Some("DELETE_SKIPPED"), denied()).0, Fate::Kept);
        assert_eq!(of(None, Ok(None)), (Fate::Deleted, Some("its stack is gone".into())));
        assert_eq!(of(None, denied()), (Fate::Unknown, None));
        let stray = thing("lambda", "arn:aws:lambda:::x", None);
        assert_eq!(judge(&nobody, None, &stray, Ok(None)).fate, Fate::Unknown);
    }

    #[test]
    fn data_that_no_stack_holds_is_taken_for_kept() {
        let subject = Subject {
            environment: "lab".into(),
            ..Subject::default()
        };
        for (resource_type, id, stack, fate) in [
            ("AWS::SQS::Queue", QUEUE, None, Fate::Kept),
            ("AWS::SQS::Queue", QUEUE, Some("lab-work"), Fate::LeftOver),
            ("AWS::S3::Bucket", "lab-111122223333-us-east-2", None, Fate::Kept),
            ("AWS::DynamoDB::Table", "lab-results", None, Fate::Kept),
            (
                "AWS::DynamoDB::Table",
                "lab-results",
                Some("lab-results"),
                Fate::LeftOver,
            ),
            (
                "AWS::S3::Bucket",
                "lab-artifacts-111122223333-us-east-2",
                None,
                Fate::LeftOver,
            ),
            (
                "AWS::SNS::Topic",
                "arn:aws:sns:us-east-2:111122223333:lab-intake-Topic-1",
                None,
                Fate::LeftOver,
            ),
        ] {
            let row = judge(&subject, None, &thing(resource_type, id, stack), seen(State::There));
            assert_eq!(row.fate, fate, "{id} {stack:?}");
        }
    }
}
