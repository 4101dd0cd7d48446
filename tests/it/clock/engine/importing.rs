//! Kept queues taken into a new stack, step by step.

use qfleet::cloud::cloudformation::change_set::{Action, OnFailure};
use qfleet::engine::operation::OnInterrupt;
use qfleet::engine::outcome::Outcome;
use qfleet::engine::plan::StackAction;
use qfleet::engine::plan::decide::Recover;
use qfleet::engine::recover::{self, Skip};

use super::*;
use crate::endpoint::{Existing, Fault, On, Verb, World};

const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-work";

/// An environment that was destroyed and kept its data.
async fn kept(script: Script) -> Rig {
    let mut rig = Rig::of(blueprint(&LAB.replace("on_destroy: empty", "on_destroy: keep")), script);
    rig.deploy().await.well();
    rig.again().destroy().await.well();
    assert!(has_the_queue(&rig), "it was kept");
    rig.again();
    rig
}

fn has_the_queue(rig: &Rig) -> bool {
    let in_stack = |world: &mut World| {
        let mut resources = world
            .stacks
            .iter()
            .filter(|stack| stack.is_there())
            .flat_map(|stack| &stack.resources);
        resources.any(|resource| resource.physical_id.as_deref() == Some(QUEUE))
    };
    rig.endpoint
        .world(|world| world.kept.contains_key(QUEUE) || in_stack(world))
}

/// Interrupted right after the import: the stack has no tags yet.
async fn interrupted_after_the_import(rig: &Rig) {
    let imported = |endpoint: &Endpoint| endpoint.status("lab-work").as_deref() == Some("IMPORT_COMPLETE");
    let (_, _) = futures_util::future::join(rig.deploy(), rig.interrupt_when(imported)).await;
    assert_eq!(rig.status("work").as_deref(), Some("IMPORT_COMPLETE"));
}

#[tokio::test(start_paused = true)]
async fn a_deploy_goes_on_from_what_was_imported() {
    let mut rig = kept(Script::new().change_sets_take(Duration::from_secs(3))).await;
    interrupted_after_the_import(&rig).await;
    let ran = rig.again().deploy().await.well();
    assert!(matches!(ran.outcome("work"), Outcome::Done { .. }));
    rig.is_deployed();
    assert!(has_the_queue(&rig));
}

#[tokio::test(start_paused = true)]
async fn a_destroy_finds_what_was_only_imported_and_keeps_it() {
    let mut rig = kept(Script::new().change_sets_take(Duration::from_secs(3))).await;
    interrupted_after_the_import(&rig).await;
    rig.again().destroy().await.well();
    assert_eq!(rig.status("work"), None);
    assert!(has_the_queue(&rig));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// A new stack whose import failed holds nothing, and shows no tags by which the next deploy would know it.
#[tokio::test(start_paused = true)]
async fn an_import_that_fails_leaves_the_queues_and_no_stack() {
    let mut rig = kept(Script::new()).await;
    rig.endpoint
        .rescript(|script| script.fails_times("lab-work", "Queue", Verb::Create, "no permission", 1));
    let ran = rig.deploy().await;
    let failure = ran.failure("work");
    assert!(
        failure.message.contains("importing into lab-work failed"),
        "{failure:#?}"
    );
    assert_eq!(rig.status("work"), None);
    assert!(has_the_queue(&rig));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_is_imported_and_leaves_nothing_behind() {
    let rig = kept(Script::new()).await;
    let plan = rig.plan().await.expect("a plan");
    let work = plan
        .stacks
        .iter()
        .find(|stack| stack.part == "work")
        .expect("the stage");
    let imported = work.changes.iter().filter(|change| change.action == Action::Import);
    let imported: Vec<&str> = imported.map(|change| change.logical_id.as_str()).collect();
    assert_eq!(imported, ["Queue", "DeadLetterQueue"]);
    assert_eq!((rig.endpoint.stacks(), rig.endpoint.change_sets()), (vec![], vec![]));
    assert!(has_the_queue(&rig));
}

/// Deleting it could take the bucket along.
#[tokio::test(start_paused = true)]
async fn a_create_that_takes_in_a_bucket_is_not_cancelled() {
    let mut rig = kept(Script::new()).await;
    rig.endpoint
        .rescript(|script| script.takes("lab-intake", "BucketPolicy", Duration::from_secs(60)));
    rig.waiting.on_interrupt = OnInterrupt::Cancel;
    let begun = |endpoint: &Endpoint| endpoint.status("lab-intake").as_deref() == Some("CREATE_IN_PROGRESS");
    let (ran, _) = futures_util::future::join(rig.deploy(), rig.interrupt_when(begun)).await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_IN_PROGRESS"));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// The stack holds nothing but what it takes in: deleting it half way is no way back.
#[tokio::test(start_paused = true)]
async fn an_import_is_not_cancelled() {
    let mut rig = kept(Script::new()).await;
    rig.endpoint
        .rescript(|script| script.takes("lab-work", "Queue", Duration::from_secs(10)));
    rig.waiting.on_interrupt = OnInterrupt::Cancel;
    let deletes = rig.endpoint.calls("DeleteStack").len();
    let begun = |endpoint: &Endpoint| endpoint.status("lab-work").as_deref() == Some("IMPORT_IN_PROGRESS");
    let (ran, _) = futures_util::future::join(rig.deploy(), rig.interrupt_when(begun)).await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!(rig.status("work").as_deref(), Some("IMPORT_COMPLETE"));
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), deletes);
    assert!(has_the_queue(&rig));
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// It was never complete: nobody says what cancelling its update makes of the bucket that it took in.
#[tokio::test(start_paused = true)]
async fn an_update_of_a_create_that_took_in_a_bucket_is_not_cancelled_either() {
    let mut rig = kept(Script::new()).await;
    rig.endpoint.rescript(|script| {
        let script = script.fails_times("lab-intake", "BucketPolicy", Verb::Create, "not today", 1);
        script.takes("lab-intake", "BucketPolicy", Duration::from_secs(60))
    });
    rig.deploy().await;
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_FAILED"));
    rig.again().waiting.on_interrupt = OnInterrupt::Cancel;
    let begun = |endpoint: &Endpoint| endpoint.status("lab-intake").as_deref() == Some("UPDATE_IN_PROGRESS");
    let (ran, _) = futures_util::future::join(rig.deploy(), rig.interrupt_when(begun)).await;
    assert_eq!(ran.exit_code(), 130);
    assert_eq!(rig.status("intake").as_deref(), Some("UPDATE_IN_PROGRESS"));
    assert_eq!(rig.endpoint.calls("CancelUpdateStack").len(), 0);
    rig.again().deploy().await.well();
    rig.is_deployed();
}

/// While somebody is asked, another deploy goes on with the failed create, and takes data in.
#[tokio::test(start_paused = true)]
async fn a_create_that_took_in_data_since_the_question_is_not_taken_back() {
    let mut rig = Rig::new(Script::new().fails("lab-intake", "BucketPolicy", Verb::Create, "not today"));
    rig.options.manner.on_failure = Some(OnFailure::Keep);
    rig.deploy().await;
    assert_eq!(rig.status("intake").as_deref(), Some("CREATE_FAILED"));
    let deployed = Deployed::find(&rig.cloud, "lab").await.expect("found");
    let stuck = recover::find(&rig.cloud, &deployed, Skip::These(&[]))
        .await
        .expect("looked");
    assert_eq!(
        stuck.iter().map(|stack| stack.action).collect::<Vec<_>>(),
        [Recover::TakeBack]
    );
    rig.endpoint.world(|world| {
        let intake = world.find("lab-intake").expect("it is there");
        world.event(intake, "Bucket", "IMPORT_COMPLETE", None);
    });
    let ran = rig
        .tell(async |context| (Ok(recover::recover(context, "lab", &stuck).await), Ok(())))
        .await;
    let failure = ran.failure("intake");
    assert!(
        failure.message.contains("it took in data that was kept"),
        "{failure:#?}"
    );
    assert_eq!(rig.endpoint.calls("RollbackStack").len(), 0);
    // What is as it was is taken back.
    rig.endpoint.world(|world| {
        let intake = world.find("lab-intake").expect("it is there");
        world.stacks[intake]
            .events
            .retain(|event| event.status != "IMPORT_COMPLETE");
    });
    let again = rig
        .tell(async |context| (Ok(recover::recover(context, "lab", &stuck).await), Ok(())))
        .await;
    again.well();
    assert_eq!(rig.status("intake"), None);
    // What is gone isn't.
    let gone = rig
        .tell(async |context| (Ok(recover::recover(context, "lab", &stuck).await), Ok(())))
        .await;
    let failure = gone.failure("intake");
    assert!(failure.message.contains("nothing was done to it"), "{failure:#?}");
    assert_eq!(rig.endpoint.calls("RollbackStack").len(), 1);
}

/// The bucket is there when it is looked for, and gone when CloudFormation looks: it would be made anew, and empty.
#[tokio::test(start_paused = true)]
async fn what_would_not_be_taken_in_after_all_is_refused() {
    let keeps = blueprint(&LAB.replace("on_destroy: empty", "on_destroy: keep"));
    let rig = Rig::of(keeps, Script::new());
    let bucket = "lab-111122223333-us-east-2";
    rig.endpoint.world(|world| {
        world.services.make_bucket(bucket);
    });
    let ran = rig.deploy().await;
    assert_eq!(ran.exit_code(), 4, "{:?}", ran.result);
    let said = ran.result.as_ref().expect_err("a refusal").to_string();
    assert!(said.contains(&format!("would not take in {bucket}")), "{said}");
    assert_eq!(rig.endpoint.calls("ExecuteChangeSet").len(), 0);
    assert_eq!((rig.endpoint.stacks(), rig.endpoint.change_sets()), (vec![], vec![]));
}

/// What failed to be made takes no import.
#[tokio::test(start_paused = true)]
async fn queues_are_not_taken_into_a_create_that_failed_without_them() {
    let failed = Existing::new("lab-work", "CREATE_FAILED")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work")
        .tag("qfleet:on-destroy", "keep")
        .body("Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n");
    let keeps = blueprint(&LAB.replace("on_destroy: empty", "on_destroy: keep"));
    let rig = Rig::of(keeps, Script::new().existing(failed)).only(&["work"]);
    rig.endpoint
        .world(|world| world.kept.insert(QUEUE.into(), "AWS::SQS::Queue".into()));
    let plan = rig.plan().await.expect("a plan");
    let work = &plan.stacks[0];
    assert_eq!(work.action, StackAction::Refused, "{work:#?}");
    let note = work.note.clone().unwrap_or_default();
    assert!(note.contains(QUEUE) && note.contains("qfleet destroy"), "{note}");
    assert_eq!(rig.endpoint.calls("CreateChangeSet").len(), 0);
}

/// [`LAB`] with its data kept, with a queue for replies or without.
fn keeping(replies: bool) -> Blueprint {
    let file = LAB.replace("on_destroy: empty", "on_destroy: keep");
    match replies {
        true => blueprint(&file.replace("    from: bucket\n", "    from: bucket\n    replies: true\n")),
        false => blueprint(&file),
    }
}

const REPLIES: [&str; 2] = ["ReplyQueue", "ReplyDeadLetterQueue"];

/// An environment whose stage had queues for replies, and has lost them.
async fn without_replies(keeps: bool, script: Script) -> Rig {
    let with = |replies| match keeps {
        true => keeping(replies),
        false => blueprint(&match replies {
            true => LAB.replace("    from: bucket\n", "    from: bucket\n    replies: true\n"),
            false => LAB.to_owned(),
        }),
    };
    let mut rig = Rig::of(with(true), script);
    rig.deploy().await.well();
    rig.again().blueprint = with(false);
    rig.options.allow_replace = REPLIES.map(str::to_owned).to_vec();
    rig.deploy().await.well();
    rig.again().blueprint = with(true);
    rig.options.allow_replace.clear();
    rig
}

/// The stage's queues, by their names in the template.
fn queues(rig: &Rig) -> Vec<String> {
    rig.endpoint.world(|world| {
        let work = world.find("lab-work").expect("it is there");
        let resources = world.stacks[work].resources.iter();
        let queues = resources.filter(|resource| resource.kind == "AWS::SQS::Queue" && resource.physical_id.is_some());
        queues.map(|queue| queue.id.clone()).collect()
    })
}

fn kept_queues(rig: &Rig) -> usize {
    rig.endpoint
        .world(|world| world.kept.values().filter(|kind| *kind == "AWS::SQS::Queue").count())
}

#[tokio::test(start_paused = true)]
async fn queues_for_replies_that_were_kept_are_taken_in_again_by_an_update() {
    let mut rig = without_replies(true, Script::new()).await;
    assert_eq!((queues(&rig).len(), kept_queues(&rig)), (2, 2));

    let plan = rig.plan().await.expect("a plan");
    let work = plan
        .stacks
        .iter()
        .find(|stack| stack.part == "work")
        .expect("the stage");
    assert_eq!(work.action, StackAction::Update, "{work:#?}");
    let of = |action: Action| -> Vec<&str> {
        let changes = work.changes.iter().filter(|change| change.action == action);
        changes.map(|change| change.logical_id.as_str()).collect()
    };
    assert_eq!(of(Action::Import), REPLIES);
    assert!(of(Action::Add).contains(&"ReplyQueuePolicy"), "{:?}", work.changes);
    assert!(of(Action::Remove).is_empty(), "{:?}", work.changes);
    assert_eq!((rig.endpoint.change_sets(), kept_queues(&rig)), (vec![], 2));

    rig.again().deploy().await.well();
    rig.is_deployed();
    assert_eq!((queues(&rig).len(), kept_queues(&rig)), (4, 0));
    rig.again();
    let plan = rig.plan().await.expect("a plan");
    assert!(!plan.changes_anything(), "nothing is left to do");
}

/// "Update, create or delete operations cannot be executed during import operations."
#[tokio::test(start_paused = true)]
async fn an_import_beside_an_image_that_has_changed_is_refused_with_a_way_out() {
    let rig = without_replies(true, Script::new()).await;
    let image = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    rig.endpoint
        .world(|world| world.services.set_parameter(image, "ami-0fedcba9876543210"));
    let plan = rig.plan().await.expect("a plan");
    let refusal = refusal(&plan, &rig.blueprint, &[]).expect("a refusal").to_string();
    assert!(refusal.contains("lab-work-replies can't be taken into it") || refusal.contains("lab-work-replies-dlq"));
    assert!(
        refusal.contains("Deploy it without what needs") && refusal.contains("LaunchTemplate"),
        "{refusal}"
    );
    assert_eq!((rig.endpoint.change_sets(), kept_queues(&rig)), (vec![], 2));
}

/// It isn't made by the import: that one fails is no reason to delete it.
#[tokio::test(start_paused = true)]
async fn an_import_into_a_stack_that_is_there_leaves_it_when_it_fails() {
    let mut rig = without_replies(true, Script::new()).await;
    rig.endpoint
        .rescript(|script| script.fails_times("lab-work", "ReplyQueue", Verb::Create, "no permission", 1));
    let ran = rig.deploy().await;
    let failure = ran.failure("work");
    assert!(
        failure.message.contains("importing into lab-work failed"),
        "{failure:#?}"
    );
    assert_eq!(rig.status("work").as_deref(), Some("IMPORT_ROLLBACK_COMPLETE"));
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
    assert_eq!((queues(&rig).len(), kept_queues(&rig)), (2, 2));
    rig.again().deploy().await.well();
    rig.is_deployed();
    assert_eq!((queues(&rig).len(), kept_queues(&rig)), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn queues_for_replies_are_taken_in_with_the_others_by_a_new_stack() {
    let mut rig = Rig::of(keeping(true), Script::new());
    rig.deploy().await.well();
    rig.again().destroy().await.well();
    assert_eq!(kept_queues(&rig), 4);
    rig.again().deploy().await.well();
    rig.is_deployed();
    assert_eq!((queues(&rig).len(), kept_queues(&rig)), (4, 0));
}

/// "QueueDeletedRecently: You must wait 60 seconds after deleting a queue before you can create another with the same name."
#[tokio::test(start_paused = true)]
async fn queues_that_an_update_deleted_a_moment_ago_are_waited_for() {
    let rig = without_replies(false, Script::new()).await;
    assert_eq!((queues(&rig).len(), kept_queues(&rig)), (2, 0));
    let ran = rig.deploy().await.well();
    let said = ran
        .told
        .iter()
        .any(|(_, event)| matches!(event, Event::Warning { message } if message.contains("gives a queue's name back")));
    assert!(said, "{:#?}", ran.told);
    assert!(
        ran.ended - ran.began > Duration::from_secs(50),
        "{:?}",
        ran.ended - ran.began
    );
    assert_eq!(queues(&rig).len(), 4);
    // Later there is nothing to wait for.
    let mut rig = without_replies(false, Script::new()).await;
    rig.again().wall = Some(|| jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24));
    let ran = rig.deploy().await.well();
    assert!(
        ran.ended - ran.began < Duration::from_secs(50),
        "{:?}",
        ran.ended - ran.began
    );
}

/// "As part of the import operation, you cannot modify or add [RoleArn]": what comes after it is done by the role.
#[tokio::test(start_paused = true)]
async fn a_role_takes_no_part_in_the_import() {
    let mut rig = kept(Script::new()).await;
    rig.options.manner.role_arn = Some("arn:aws:iam::111122223333:role/deployer".into());
    rig.deploy().await.well();
    rig.is_deployed();
    assert!(has_the_queue(&rig));
}

/// Nothing was done: neither the change set stays behind, nor the stack that was made to hold it.
#[tokio::test(start_paused = true)]
async fn an_import_that_is_denied_leaves_nothing_behind() {
    let mut rig = kept(Script::new()).await;
    denied_or_void(&rig, Fault::access_denied("ExecuteChangeSet"));
    let ran = rig.deploy().await;
    assert!(
        ran.failure("work").message.contains("not authorized"),
        "{:#?}",
        ran.result
    );
    assert_eq!((rig.status("work"), rig.endpoint.change_sets()), (None, vec![]));
    assert!(has_the_queue(&rig));
    rig.again().deploy().await.well();
    assert!(has_the_queue(&rig));
}

/// Neither where requests were too many for minutes.
#[tokio::test(start_paused = true)]
async fn an_import_that_is_throttled_for_good_leaves_nothing_behind() {
    let rig = kept(Script::new()).await;
    let executes = On::action("ExecuteChangeSet").numbers(3..=u32::MAX);
    rig.endpoint
        .rescript(|script| script.fault(executes, Fault::throttling()));
    let ran = rig.deploy().await;
    assert!(
        ran.failure("work").message.contains("Rate exceeded"),
        "{:#?}",
        ran.result
    );
    assert_eq!((rig.status("work"), rig.endpoint.change_sets()), (None, vec![]));
    assert!(has_the_queue(&rig));
}

#[tokio::test(start_paused = true)]
async fn an_import_that_somebody_else_threw_away_is_planned_again() {
    let rig = kept(Script::new()).await;
    denied_or_void(
        &rig,
        Fault::refuse(404, "ChangeSetNotFound", "ChangeSet [arn] does not exist"),
    );
    rig.deploy().await.well();
    rig.is_deployed();
    assert!(has_the_queue(&rig));
}

/// The third request to execute a change set fails so: the first two are of the artifacts and the intake.
fn denied_or_void(rig: &Rig, fault: Fault) {
    let third = On::action("ExecuteChangeSet").numbers(3..=3);
    rig.endpoint.rescript(|script| script.fault(third, fault));
}
