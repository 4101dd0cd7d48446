//! Data that is to stay: where that can't be had, nothing is deleted.

use qfleet::cloud::cloudformation::holder::Holder;
use qfleet::cloud::cloudformation::stack_status::StackStatus;
use qfleet::engine::destroy::keep;
use qfleet::observe::leftovers::{self, Known, Patience, Receipt, Subject};

use super::*;
use crate::endpoint::{Existing, Fault, Happening, Obstacles, On, ScriptedGroup, Verb, World};

const QUEUE: &str = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-work}\n";

/// A stage's queue, which its template would delete.
fn stage(on_destroy: &str, body: &str) -> Existing {
    Existing::new("lab-work", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work")
        .tag("qfleet:on-destroy", on_destroy)
        .body(body)
}

/// It fails with this, leaves no change set behind, and the stack is as it was.
#[track_caller]
fn is_refused(rig: &Rig, ran: &Ran, why: &str) {
    let failure = ran.failure("work");
    assert!(failure.message.contains(why), "{failure:#?}");
    for action in ["DeleteStack", "ExecuteChangeSet"] {
        assert_eq!(rig.endpoint.calls(action).len(), 0, "{action}");
    }
    assert_eq!(rig.endpoint.change_sets(), [] as [&str; 0]);
    assert!(rig.status("work").is_some());
}

/// The template was deployed by somebody else, and CloudFormation goes by it.
#[tokio::test(start_paused = true)]
async fn data_that_the_template_would_delete_is_not_deleted() {
    let rig = Rig::new(Script::new().existing(stage("keep", QUEUE)));
    let ran = rig.destroy().await;
    is_refused(&rig, &ran, "its deployed template would delete Queue");
    let help = ran.failure("work").help.clone().unwrap_or_default();
    assert!(help.contains("`on_destroy: keep`"), "{help}");
}

/// Somebody changed the template by hand. What is said to stay, stays.
#[tokio::test(start_paused = true)]
async fn a_template_that_keeps_half_of_the_data_or_cannot_be_read_is_refused() {
    let half = "  Dead:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Retain\n    Properties: {QueueName: dead}\n";
    let half = format!("{QUEUE}{half}");
    let unreadable = "Resources:\n  - not: [closed\n".to_owned();
    for (on_destroy, body, why) in [
        (
            "empty",
            &half,
            "its deployed template keeps Dead, but would delete Queue",
        ),
        (
            "keep",
            &half,
            "its data is to stay, but its deployed template would delete Queue",
        ),
        ("empty", &unreadable, "its deployed template can't be read"),
        ("keep", &unreadable, "its deployed template can't be read"),
    ] {
        let rig = Rig::new(Script::new().existing(stage(on_destroy, QUEUE)));
        rig.endpoint.world(|world| {
            let work = world.find("lab-work").expect("it is there");
            let template = world.stacks[work].definition.template.as_mut().expect("a template");
            template.body.clone_from(body);
        });
        let deployed = Deployed::find(&rig.cloud, "lab").await.expect("found");
        let refused = keep::mark(&rig.cloud, deployed).await.expect_err(why);
        assert!(refused.to_string().contains(why), "{refused}");
        is_refused(&rig, &rig.destroy().await, why);
    }
}

/// Somebody else keeps the data while this destroy, which was to delete it, waits for that update.
#[tokio::test(start_paused = true)]
async fn data_that_what_is_waited_for_keeps_is_not_deleted() {
    let update = Happening::Operation {
        stack: "lab-work".into(),
        during: "UPDATE_IN_PROGRESS".into(),
        takes: Duration::from_secs(60),
        then: "UPDATE_COMPLETE".into(),
    };
    let script = Script::new().existing(stage("empty", QUEUE));
    let rig = Rig::new(script.at(Duration::ZERO, update));
    let keeps = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        rig.endpoint.world(|world| {
            let work = world.find("lab-work").expect("it is there");
            let template = world.stacks[work].definition.template.as_mut().expect("a template");
            template.body = template
                .body
                .replace("    Properties", "    DeletionPolicy: Retain\n    Properties");
        });
    };
    let (ran, ()) = futures_util::future::join(rig.destroy(), keeps).await;
    is_refused(&rig, &ran, "keeps its data now, which was to go");
    assert_eq!(rig.status("work").as_deref(), Some("UPDATE_COMPLETE"));
}

/// A stack with a group that takes a minute to drain, and two buckets with an object each.
fn with_buckets() -> Rig {
    let body = "Resources:\n  Group:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    Properties: {AutoScalingGroupName: \
                lab-work-group}\n  First:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: first}\n  Second:\n    \
                Type: AWS::S3::Bucket\n    Properties: {BucketName: second}\n";
    let drains = Duration::from_secs(60);
    let group = ScriptedGroup::new("lab-work-group", &["us-east-2a:i-1"]).takes(drains, drains);
    let group = group.obstacles(Obstacles {
        hook: Some(90),
        ..Obstacles::default()
    });
    let rig = Rig::new(Script::new().existing(stage("empty", body)).group(group));
    rig.endpoint.world(|world| {
        for bucket in ["first", "second"] {
            world.services.put_object(bucket, "a", "content");
        }
    });
    rig
}

fn objects(rig: &Rig) -> [usize; 2] {
    rig.endpoint
        .world(|world| ["first", "second"].map(|bucket| world.services.keys(bucket).len()))
}

/// What a deploy with `on_destroy: keep` changes.
fn keeps(world: &mut World) {
    let work = world.find("lab-work").expect("it is there");
    let definition = &mut world.stacks[work].definition;
    definition.tags.insert("qfleet:on-destroy".into(), "keep".into());
    let template = definition.template.as_mut().expect("a template");
    template.body = template
        .body
        .replace("    Properties", "    DeletionPolicy: Retain\n    Properties");
}

/// The destroy, and what somebody else does once this has been called.
async fn once_called(rig: &Rig, action: &str, happens: impl FnOnce(&mut World)) -> Ran {
    let meanwhile = async {
        while rig.endpoint.calls(action).is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rig.endpoint.world(happens);
    };
    futures_util::future::join(rig.destroy(), meanwhile).await.0
}

#[tokio::test(start_paused = true)]
async fn data_that_is_to_stay_since_workers_began_to_drain_stays() {
    let rig = with_buckets();
    let ran = once_called(&rig, "UpdateAutoScalingGroup", keeps).await;
    is_refused(&rig, &ran, "keeps its data now, which was to go");
    let help = ran.failure("work").help.clone().unwrap_or_default();
    assert!(
        help.contains("it shows what stays; its workers are gone until the next `qfleet deploy`"),
        "{help}"
    );
    assert!(ran.took() > Duration::from_secs(55), "{:?}", ran.took());
    assert_eq!(objects(&rig), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn protection_that_comes_while_workers_drain_holds() {
    let rig = with_buckets();
    let protects = |world: &mut World| {
        let work = world.find("lab-work").expect("it is there");
        world.stacks[work].protected = true;
    };
    let ran = once_called(&rig, "UpdateAutoScalingGroup", protects).await;
    is_refused(&rig, &ran, "lab-work is protected");
    assert_eq!(objects(&rig), [1, 1]);
}

/// Only what took workers away says so, and only of a stack that stays as it was.
#[tokio::test(start_paused = true)]
async fn workers_that_are_there_still_are_not_said_to_be_gone() {
    let late = |script: Script| script.fault(On::action("DeleteObjects"), Fault::Late(Duration::from_secs(10)));
    let protects = |world: &mut World| {
        let work = world.find("lab-work").expect("it is there");
        world.stacks[work].protected = true;
    };
    let help = |ran: &Ran| ran.failure("work").help.clone().unwrap_or_default();
    // A stack without a group; and the emulator, where groups are left as they are.
    let body = "Resources:\n  First:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: first}\n";
    let without = Rig::new(Script::new().existing(stage("empty", body)));
    without
        .endpoint
        .world(|world| world.services.put_object("first", "a", "content"));
    let mut emulated = with_buckets();
    emulated.cloud.local = true;
    for rig in [without, emulated] {
        rig.endpoint.rescript(late);
        let ran = once_called(&rig, "DeleteObjects", protects).await;
        is_refused(&rig, &ran, "lab-work is protected");
        assert!(!help(&ran).contains("workers are gone"), "{}", help(&ran));
    }
    let rig = with_buckets();
    rig.endpoint
        .rescript(|script| script.fails("lab-work", "Second", Verb::Delete, "not today"));
    let ran = rig.destroy().await;
    assert_eq!(ran.failure("work").status, Some(StackStatus::DeleteFailed));
    assert!(!help(&ran).contains("workers are gone"), "{}", help(&ran));
}

/// Once its tags name another environment, it belongs to somebody else.
#[tokio::test(start_paused = true)]
async fn a_stack_that_is_handed_over_while_workers_drain_stays() {
    let rig = with_buckets();
    let hands_over = |world: &mut World| {
        let work = world.find("lab-work").expect("it is there");
        let tags = &mut world.stacks[work].definition.tags;
        tags.insert("qfleet:environment".into(), "payroll".into());
    };
    let ran = once_called(&rig, "UpdateAutoScalingGroup", hands_over).await;
    is_refused(&rig, &ran, "lab-work had other tags when this command began");
    assert_eq!(objects(&rig), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn it_is_looked_at_again_before_each_bucket_and_before_the_deletion() {
    // While the first bucket is emptied; while the second one is.
    for (call, left) in [(1_u32, [0, 1]), (2, [0, 0])] {
        let rig = with_buckets();
        let late = On::action("DeleteObjects").numbers(call..=call);
        rig.endpoint
            .rescript(|script| script.fault(late, Fault::Late(Duration::from_secs(10))));
        let meanwhile = async {
            while rig.endpoint.calls("DeleteObjects").len() < call as usize {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            rig.endpoint.world(keeps);
        };
        let (ran, ()) = futures_util::future::join(rig.destroy(), meanwhile).await;
        is_refused(&rig, &ran, "keeps its data now, which was to go");
        assert_eq!(objects(&rig), left, "{call}");
    }
}

/// It left the stack meanwhile, and another stack may have it.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_not_the_stacks_any_more_is_not_emptied() {
    let rig = with_buckets();
    let leaves = |world: &mut World| {
        let work = world.find("lab-work").expect("it is there");
        world.stacks[work].resources.retain(|resource| resource.id != "Second");
    };
    once_called(&rig, "UpdateAutoScalingGroup", leaves).await.well();
    assert_eq!(objects(&rig), [0, 1]);
}

/// With `--force`, and what happens while somebody is asked about that.
async fn destroy_by_force(rig: &Rig, meanwhile: impl Fn(&mut World) + Sync) -> Ran {
    rig.tell(async |context| {
        let deployed = Deployed::find(&rig.cloud, "lab").await.expect("found");
        let approve = |_: &str, _: &[_]| {
            rig.endpoint.world(|world| meanwhile(world));
            true
        };
        let report = qfleet::engine::destroy::destroy(Teardown {
            context,
            deployed: &deployed,
            role_arn: None,
            no_drain: false,
            spares: None,
            lifted: Lifted::default(),
            force: true,
            approve: &approve,
            objects: &BTreeMap::new(),
            now: jiff::Timestamp::now,
        })
        .await;
        (Ok(report), Ok(()))
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn protection_that_comes_while_force_is_asked_about_holds() {
    let rig = Rig::new(Script::new().existing(stage("empty", QUEUE)).fails(
        "lab-work",
        "Queue",
        Verb::Delete,
        "in use",
    ));
    let ran = destroy_by_force(&rig, |world| {
        let work = world.find("lab-work").expect("it is there");
        world.stacks[work].protected = true;
    })
    .await;
    let failure = ran.failure("work");
    assert!(failure.message.contains("somebody switched"), "{failure:#?}");
    let deletes = rig.endpoint.calls("DeleteStack");
    assert!(deletes.iter().all(|call| call.input.text("DeletionMode").is_none()));
    assert_eq!(rig.status("work").as_deref(), Some("DELETE_FAILED"));
}

/// A stack whose second bucket failed to be created: it carries the name of one that was there before.
fn with_an_unmade_bucket() -> Rig {
    let body = "Resources:\n  Made:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: first}\n  Unmade:\n    Type: \
                AWS::S3::Bucket\n    Properties: {BucketName: second}\n";
    let failed = Existing::new("lab-work", "CREATE_FAILED")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "work")
        .tag("qfleet:on-destroy", "empty")
        .resource("Unmade", "CREATE_FAILED", "second already exists")
        .body(body);
    let rig = Rig::new(Script::new().existing(failed));
    rig.endpoint.world(|world| {
        for bucket in ["first", "second"] {
            world.services.put_object(bucket, "a", "content");
        }
    });
    rig
}

/// Nothing that is done between attempts mends it, so there are no more of them than for anything else; and it was never
/// the stack's to be given up.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_failed_to_be_created_is_not_given_up_either() {
    let rig = with_an_unmade_bucket();
    let ran = destroy_by_force(&rig, |_| {}).await.well();
    assert_eq!(rig.status("work"), None);
    let deletes = rig.endpoint.calls("DeleteStack");
    let modes: Vec<_> = deletes.iter().map(|call| call.input.text("DeletionMode")).collect();
    assert_eq!(modes, [None, None, Some("FORCE_DELETE_STACK")]);
    assert!(ran.report().abandoned.is_empty(), "{:#?}", ran.report().abandoned);
    assert_eq!(objects(&rig), [0, 1]);
}

/// What is left of it.
async fn look(rig: &Rig, known: Known) -> Receipt {
    let subject = Subject {
        environment: "lab".into(),
        known,
        ..Subject::default()
    };
    let patience = Patience {
        limit: Duration::ZERO,
        pause: Duration::from_secs(1),
    };
    leftovers::look(&rig.cloud, &subject, patience, jiff::Timestamp::UNIX_EPOCH).await
}

/// Nor is it looked for afterwards, as if it had been the environment's.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_failed_to_be_created_is_not_left_over() {
    let rig = with_an_unmade_bucket();
    let deployed = Deployed::find(&rig.cloud, "lab").await.expect("found");
    let receipt = look(&rig, Known::read(&rig.cloud, &deployed).await).await;
    let buckets = receipt
        .resources
        .iter()
        .filter(|row| row.resource_type == "AWS::S3::Bucket");
    let buckets: Vec<&str> = buckets.map(|row| row.name.as_str()).collect();
    assert_eq!(buckets, ["first"], "{receipt:#?}");
}

/// A read of who holds it comes too early, and still tells of the stack that went.
#[tokio::test(start_paused = true)]
async fn what_only_a_stack_that_is_gone_holds_can_be_removed() {
    let rig = with_an_unmade_bucket();
    let deployed = Deployed::find(&rig.cloud, "lab").await.expect("found");
    let receipt = look(&rig, Known::read(&rig.cloud, &deployed).await).await;
    let bucket = receipt
        .resources
        .iter()
        .find(|row| row.name == "first")
        .expect("the bucket");
    assert_eq!(bucket.fate, leftovers::Fate::LeftOver, "{bucket:#?}");
    assert!(bucket.remove_with.is_some(), "{bucket:#?}");
}

/// The emulator is asked otherwise: it doesn't look for physical ids.
#[tokio::test(start_paused = true)]
async fn a_stack_on_the_emulator_holds_what_it_made() {
    let mut rig = Rig::new(Script::new().existing(stage("empty", QUEUE)));
    rig.cloud.local = true;
    let holder = rig
        .cloud
        .holder("AWS::SQS::Queue", "http://localhost:4566/111122223333/lab-work")
        .await;
    assert!(
        matches!(&holder, Holder::Stack { name, .. } if name == "lab-work"),
        "{holder:?}"
    );
    for (of_type, id) in [("AWS::SQS::Queue", "lab-other"), ("AWS::SNS::Topic", "lab-work")] {
        assert_eq!(rig.cloud.holder(of_type, id).await, Holder::Nobody, "{of_type} {id}");
    }
}

/// Its creation failed, and it carries the name of one that was there before. CloudFormation can't delete what isn't empty,
/// and even then it isn't emptied: not in another attempt, nor by another destroy.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_failed_to_be_created_is_not_emptied() {
    let mut rig = with_an_unmade_bucket();
    for _ in 0..2 {
        let ran = rig.again().destroy().await;
        let failure = ran.failure("work");
        assert_eq!(failure.status, Some(StackStatus::DeleteFailed), "{failure:#?}");
        assert_eq!(objects(&rig), [0, 1]);
        let said = ran
            .warnings()
            .iter()
            .filter(|said| said.contains("is left as it is"))
            .count();
        assert_eq!(said, 1, "{:?}", ran.warnings());
    }
}

/// Its tags say nothing of that. A read that comes too early knows no template: that isn't one which keeps nothing.
#[tokio::test(start_paused = true)]
async fn what_a_template_keeps_is_kept_though_its_read_is_early() {
    let body = "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Retain\n    Properties: {BucketName: \
                first}\n";
    let early = Fault::refuse(400, "ValidationError", "Stack with id lab-work does not exist");
    let reads = On::action("GetTemplate").until(Duration::from_secs(10));
    let rig = Rig::new(Script::new().existing(stage("empty", body)).fault(reads, early));
    rig.endpoint
        .world(|world| world.services.put_object("first", "a", "content"));
    let ran = rig.destroy().await;
    is_refused(&rig, &ran, "keeps its data now, which was to go");
    assert_eq!(objects(&rig), [1, 0]);
}
