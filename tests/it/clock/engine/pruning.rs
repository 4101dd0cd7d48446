//! Stacks that the file doesn't have any more, pruned: what is asked again before they go, their order, and the proof.

use qfleet::deployed::address::Address;
use qfleet::engine::destroy::prune::Pruning;
use qfleet::engine::plan::surplus::Surplus;
use qfleet::observe::leftovers::{Fate, Receipt};

use super::*;
use crate::endpoint::{Existing, Fault, On};

const QUEUE: &str = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: lab-old}\n";

fn part(part: &str, body: &str) -> Existing {
    Existing::new(&format!("lab-{part}"), "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", part)
        .tag("qfleet:on-destroy", "empty")
        .body(body)
}

/// The stage `old`, which the file doesn't have any more, beside one that it has.
fn with_old() -> Rig {
    let work = QUEUE.replace("lab-old", "lab-work");
    let script = Script::new().existing(part("old", QUEUE)).existing(part("work", &work));
    Rig::new(script.takes("lab-old", "Queue", Duration::from_secs(10)))
}

/// Prunes what isn't in [`LAB`]. The first thing happens once that was shown, the other one while a stack is deleted.
async fn prune(rig: &Rig, shown: impl FnOnce(&Endpoint), deleting: impl FnOnce(&Endpoint)) -> Report {
    let address = || Address::new(&rig.cloud, "lab");
    let mut plan = Plan {
        address: address(),
        stacks: Vec::new(),
        existing_buckets: Vec::new(),
        surplus: Surplus::find(&rig.cloud, &rig.blueprint, true, rig.now()).await,
        prunes: true,
        outputs: BTreeMap::new(),
        expires: None,
        first_made: None,
        expiry_stays: None,
    };
    let (_folder, environment) = load(LAB);
    let pruning = Pruning::prepare(&rig.cloud, &environment, &mut plan, false, rig.now()).await;
    let (pruning, refused) = pruning.expect("AWS answers");
    assert_eq!(refused, None);
    let pruning = pruning.expect("something goes");
    shown(&rig.endpoint);
    let meanwhile = async {
        while rig.endpoint.calls("DeleteStack").is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        deleting(&rig.endpoint);
        std::future::pending().await
    };
    let ran = rig.tell(async |context| {
        let mut report = Report::new(address(), Vec::new());
        tokio::select! {
            () = pruning.carry_out(context, None, &[], jiff::Timestamp::now, &mut report) => {}
            () = meanwhile => {}
        }
        (Ok(report), Ok(()))
    });
    ran.await.result.expect("a report")
}

/// The names of the resources that came to this.
fn of_fate(receipt: &Receipt, fate: Fate) -> Vec<&str> {
    let rows = receipt.resources.iter().filter(|row| row.fate == fate);
    rows.map(|row| row.name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_may_be_used_by_others_by_now_stays() {
    let rig = with_old();
    let denied = |endpoint: &Endpoint| {
        let resources = On::action("ListStackResources").stack("lab-old").numbers(1..=1);
        endpoint.rescript(|script| script.fault(resources, Fault::access_denied("ListStackResources")));
    };
    let report = prune(&rig, denied, |_| ()).await;
    assert!(!report.succeeded, "{report:#?}");
    assert_eq!(rig.endpoint.calls("DeleteStack").len(), 0);
}

/// Its tags say nothing of it.
#[tokio::test(start_paused = true)]
async fn a_stack_that_imports_from_another_one_goes_first() {
    let exports = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\nOutputs:\n  Topic:\n    Value: !Ref Topic\n    Export: \
                   {Name: lab-topic}\n";
    let imports = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {KmsMasterKeyId: !ImportValue \
                   lab-topic}\n";
    let exports = part("old", exports).output("Topic", "arn:aws:sns:us-east-2:111122223333:topic");
    let script = Script::new().existing(exports).existing(part("older", imports));
    let rig = Rig::new(script.takes("lab-older", "Queue", Duration::from_secs(10)));
    let report = prune(&rig, |_| (), |_| ()).await;
    assert!(report.succeeded, "{report:#?}");
    let deleted = rig
        .endpoint
        .calls("DeleteStack")
        .into_iter()
        .filter_map(|call| call.stack);
    assert_eq!(deleted.collect::<Vec<_>>(), ["lab-older", "lab-old"]);
}

/// CloudFormation says it, too, to who may ask.
#[tokio::test(start_paused = true)]
async fn what_was_kept_is_no_leftover_though_cloudformation_cannot_be_asked() {
    let kept = QUEUE.replace("    Properties", "    DeletionPolicy: Retain\n    Properties");
    let rig = Rig::new(Script::new().existing(part("old", &kept)));
    let denied = |endpoint: &Endpoint| {
        let denied = Fault::access_denied("ListStackResources");
        endpoint.rescript(|script| script.fault(On::action("ListStackResources"), denied));
    };
    let report = prune(&rig, |_| (), denied).await;
    let receipt = report.pruned.expect("a receipt");
    let queue = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-old";
    assert_eq!(of_fate(&receipt, Fate::Kept), [queue], "{receipt:#?}");
}

/// A listing that comes too early still has the stack that went: it isn't one that stays.
#[tokio::test(start_paused = true)]
async fn what_went_is_proven_though_a_listing_is_early() {
    let rig = with_old();
    let early = |endpoint: &Endpoint| {
        endpoint.rescript(|script| script.stale_reads_of("DescribeStacks", Duration::from_secs(60)))
    };
    let report = prune(&rig, |_| (), early).await;
    let receipt = report.pruned.expect("a receipt");
    // The stack and its queue.
    assert_eq!(of_fate(&receipt, Fate::Deleted).len(), 2, "{receipt:#?}");
}

/// Another pipeline still has the stage in its file. What its stack holds, under the same names, is none of what went.
#[tokio::test(start_paused = true)]
async fn a_stack_that_another_pipeline_made_again_is_none_of_what_went() {
    let rig = with_old();
    let again = async {
        while rig.endpoint.status("lab-old").is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rig.endpoint.world(|world| world.add_existing(&part("old", QUEUE)));
    };
    let (report, ()) = tokio::join!(prune(&rig, |_| (), |_| ()), again);
    assert_eq!(rig.status("old").as_deref(), Some("CREATE_COMPLETE"));
    let receipt = report.pruned.expect("a receipt");
    assert!(receipt.clean && receipt.complete, "{receipt:#?}");
    let [row] = receipt.resources.as_slice() else {
        panic!("more than the stack that went: {receipt:#?}");
    };
    assert_eq!(
        (row.resource_type.as_str(), row.fate),
        ("AWS::CloudFormation::Stack", Fate::Deleted)
    );
}

/// Nobody can say then whether what was found is of them.
#[tokio::test(start_paused = true)]
async fn where_the_stacks_that_stay_cannot_be_listed_the_proof_is_not_complete() {
    let rig = with_old();
    let denied = |endpoint: &Endpoint| {
        let first = On::action("DescribeStacks").lists().numbers(1..=1);
        endpoint.rescript(|script| script.fault(first, Fault::access_denied("DescribeStacks")));
    };
    let report = prune(&rig, |_| (), denied).await;
    let receipt = report.pruned.expect("a receipt");
    assert_eq!(of_fate(&receipt, Fate::Unknown), ["lab-*"], "{receipt:#?}");
    assert!(receipt.clean && !receipt.complete, "{receipt:#?}");
}

/// It is the environment's, of which most stays.
#[tokio::test(start_paused = true)]
async fn the_expiry_is_none_of_what_is_left() {
    let rig = with_old();
    let expiry = "/qfleet/lab/expires";
    rig.endpoint
        .world(|world| world.services.set_parameter(expiry, "2030-01-01T00:00:00Z"));
    let report = prune(&rig, |_| (), |_| ()).await;
    let receipt = report.pruned.expect("a receipt");
    assert!(receipt.clean && receipt.complete, "{receipt:#?}");
    assert!(receipt.resources.iter().all(|row| row.name != expiry), "{receipt:#?}");
}
