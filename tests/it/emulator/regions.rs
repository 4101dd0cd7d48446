//! One name in two regions of an account, on the emulator: one goes, and the other is as it was; one stands by, and takes
//! over.

use std::time::{Duration, Instant};

use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, DeleteMarkerReplication, DeleteMarkerReplicationStatus,
    Destination, ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus,
};
use tokio::task::block_in_place;

use crate::harness::{Aws, Output, Test, account, emulator};

const REGIONS: [&str; 2] = ["us-east-2", "us-west-2"];
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn an_environment_of_the_same_name_in_another_region_is_not_touched() {
    let account = account();
    let file = |region: &str| {
        let account = format!("account: \"{account}\"");
        crate::lab::LAB.replace("region: us-east-2", &format!("region: {region}\n{account}"))
    };
    let [here, there] = REGIONS.map(|region| {
        let test = crate::lab::with_file(&file(region));
        test.args(["deploy", "lab.yaml", "--yes"]).emulated().run()
    });
    let run = |in_region: &Output, args: &[&str]| -> Test { in_region.then().args(args).emulated() };
    let destroyed = run(&here, &["destroy", "lab.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    assert_eq!(destroyed["receipt"]["clean"], true, "{destroyed:#}");
    run(&there, &["plan", "lab.yaml", "--exit-code"]).run();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let has_dashboard = |region: &str| {
        let get = Aws::new(&account, region).cloudwatch.get_dashboard();
        let got = runtime.block_on(get.dashboard_name(format!("lab-{region}")).send());
        got.is_ok()
    };
    assert!(!has_dashboard(REGIONS[0]));
    assert!(has_dashboard(REGIONS[1]));
    // And the second one leaves nothing, either.
    let destroyed = run(&there, &["destroy", "lab.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    assert_eq!(destroyed["receipt"]["clean"], true, "{destroyed:#}");
}

#[test]
fn a_destroy_in_a_region_that_nobody_named_says_where_it_is() {
    let account = account();
    let file = crate::lab::LAB.replace("region: us-east-2", &format!("account: \"{account}\""));
    let test = crate::lab::with_file(&file).args(["deploy", "lab.yaml", "--yes", "--region", "eu-west-1"]);
    let there = test.emulated().run();
    let destroy = || there.then().args(["destroy", "lab.yaml", "--yes"]).emulated();
    let elsewhere = destroy().status(1).stderr_contains("it is in eu-west-1");
    elsewhere.stderr_contains("name the region: --region eu-west-1").run();
    destroy()
        .args(["--region", "eu-west-1"])
        .stdout_contains("nothing is left over")
        .run();
    // Destroyed twice is destroyed.
    destroy().stdout_contains("lab is gone already, or never was").run();
}

/// A file's text for both regions. Each test gives it a name of its own: the emulator mixes up functions of one name, though
/// they are in different accounts.
fn twin(account: &str, standby: &str) -> String {
    let mover = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover");
    format!(
        "name: twin\naccount: \"{account}\"\nstandby: [{standby}]\nlifetime: 1h\nbucket: {{on_destroy: empty, versioning: \
         true}}\nstages:\n  - name: move\n    from: bucket\n    queue: {{visibility_timeout: 30m}}\n    schedules: [{{cron: \"0 3 * * *\", body: '{{}}'}}]\n    \
         workers:\n      lambda: {{program: {mover:?}, handler: mover.function.handler, runtime: python3.13, timeout: 5m}}\n"
    )
}

/// The rule that the template has.
pub async fn replicate(aws: &Aws, from: &str, to: &str) {
    let on = ReplicationRuleStatus::Enabled;
    let markers = DeleteMarkerReplicationStatus::Enabled;
    let destination = Destination::builder().bucket(format!("arn:aws:s3:::{to}")).build();
    let rule = ReplicationRule::builder().status(on).priority(1).id("uploads");
    let rule = rule.filter(ReplicationRuleFilter::builder().prefix("uploads/").build());
    let rule = rule.delete_marker_replication(DeleteMarkerReplication::builder().status(markers).build());
    let rule = rule
        .destination(destination.expect("a destination"))
        .build()
        .expect("a rule");
    let role = "arn:aws:iam::111122223333:role/replication";
    let all = ReplicationConfiguration::builder().role(role).rules(rule).build();
    let put = aws.s3.put_bucket_replication().bucket(from);
    let put = put.replication_configuration(all.expect("a configuration"));
    put.send().await.expect("is put");
}

/// The environment in one of its regions.
struct There {
    test: Output,
    region: &'static str,
    aws: Aws,
    bucket: String,
    queue: String,
}

impl There {
    fn deploy(account: &str, region: &'static str) -> There {
        There::deploy_file(account, region, twin(account, REGIONS[1]))
    }

    fn deploy_file(account: &str, region: &'static str, file: String) -> There {
        let test = Test::new().file("twin.yaml", file);
        let args = ["deploy", "twin.yaml", "--yes", "--region", region, "--output", "json"];
        let test = block_in_place(|| test.args(args).emulated().run());
        let deployed = test.json();
        let output = |part: &str, key: &str| deployed["outputs"][part][key].as_str().expect("an output").to_owned();
        There {
            region,
            aws: Aws::new(account, region),
            bucket: output("intake", "BucketName"),
            queue: output("move", "QueueUrl"),
            test,
        }
    }

    /// With the file of the test's folder, or another one's text.
    fn run(&self, file: Option<String>, args: &[&str]) -> Output {
        let test = self.test.then().args(["--region", self.region]).args(args).emulated();
        let test = match file {
            Some(text) => test.file("twin.yaml", text),
            None => test,
        };
        block_in_place(|| test.run())
    }

    async fn put(&self, key: &str) {
        let put = self.aws.s3.put_object().bucket(&self.bucket).key(key);
        put.body(key.to_owned().into_bytes().into())
            .send()
            .await
            .expect("is put");
    }

    async fn has(&self, key: &str) -> bool {
        self.aws
            .s3
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .is_ok()
    }

    /// Messages that wait or are worked on.
    async fn messages(&self) -> u32 {
        use aws_sdk_sqs::types::QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
        };
        let asked = self.aws.sqs.get_queue_attributes().queue_url(&self.queue);
        let asked = asked.attribute_names(ApproximateNumberOfMessages);
        let asked = asked.attribute_names(ApproximateNumberOfMessagesNotVisible);
        let answer = asked.send().await.expect("an answer").attributes.unwrap_or_default();
        answer
            .values()
            .map(|count| count.parse::<u32>().expect("a number"))
            .sum()
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn(&There) -> bool) {
        let began = Instant::now();
        while !is_so(self).await {
            assert!(began.elapsed() < PATIENCE, "{what} didn't come in {}", self.region);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_that_stands_by_takes_over_and_either_goes_without_the_other() {
    let account = account();
    let [first, second] = REGIONS.map(|region| There::deploy(&account, region));

    // The first one works. Copies of its files come to the second one as S3's replication would make them: there they wait,
    // and the one that is done here goes over there, too.
    for there in [&first, &second] {
        there.put("uploads/done.txt").await;
    }
    first
        .until("the work", async |first| first.has("processed/done.txt").await)
        .await;
    let marker = second
        .aws
        .s3
        .delete_object()
        .bucket(&second.bucket)
        .key("uploads/done.txt");
    marker.send().await.expect("a delete marker");
    second.put("uploads/late.txt").await;
    second
        .until("messages", async |second| second.messages().await == 2)
        .await;
    let status = second.run(None, &["status", "twin.yaml", "--output", "json"]).json();
    assert_eq!(status["stands_by"], true, "{status:#}");
    assert_eq!(status["stages"][0]["paused"]["of_files"], true, "{status:#}");
    assert_eq!(status["stages"][0]["schedules"][0]["disabled"], true, "{status:#}");
    let shown = second.run(None, &["status", "twin.yaml"]).stdout;
    assert!(shown.contains("us-west-2 stands by\n"), "{shown}");
    assert!(shown.contains("0 3 * * * UTC: disabled, as it stands by"), "{shown}");
    assert!(!first.run(None, &["status", "twin.yaml"]).stdout.contains("stands by"));
    let list = Test::new()
        .args(["list", "--region", second.region, "--output", "json"])
        .env("AWS_ENDPOINT_URL", emulator())
        .env("AWS_ACCESS_KEY_ID", &account)
        .env("AWS_SECRET_ACCESS_KEY", "test");
    let listing = block_in_place(|| list.run()).json();
    assert_eq!(listing["environments"][0]["stands_by"], true, "{listing:#}");
    second.run(None, &["drift", "twin.yaml", "--fail"]);

    // They swap.
    let swapped = || Some(twin(&account, REGIONS[0]));
    let plan = second.run(swapped(), &["plan", "twin.yaml"]).stdout;
    assert!(
        plan.contains("the pause ends: the function takes the messages that wait"),
        "{plan}"
    );
    let plan = first.run(swapped(), &["plan", "twin.yaml"]).stdout;
    assert!(
        plan.contains("it stands by, as the file says of this region: nobody works here, and its schedule is disabled"),
        "{plan}"
    );
    for there in [&second, &first] {
        there.run(swapped(), &["deploy", "twin.yaml", "--yes"]);
    }
    second
        .until("its work", async |second| second.messages().await == 0)
        .await;
    assert!(second.has("processed/late.txt").await);
    assert!(!second.has("processed/done.txt").await, "it was done in the first one");
    let status = second.run(None, &["status", "twin.yaml", "--output", "json"]).json();
    assert_eq!(status["stages"][0]["dead_letters"]["visible"], 0, "{status:#}");
    first.put("uploads/now.txt").await;
    first
        .until("a message", async |first| first.messages().await == 1)
        .await;

    // Either goes without the other.
    first.run(None, &["destroy", "twin.yaml", "--yes"]);
    second.run(None, &["plan", "twin.yaml", "--exit-code"]);
    assert!(second.has("processed/late.txt").await);
    let said = second.run(None, &["destroy", "twin.yaml", "--yes"]).stdout;
    assert!(said.contains("nothing is left over"), "{said}");
}

/// With `replicate_to`, so that the second one's bucket must be there first. The emulator copies what S3 would, but only when
/// S3 is told so, not by CloudFormation: the test hands S3 the rule of the template.
#[tokio::test(flavor = "multi_thread")]
async fn what_destroy_deletes_in_one_region_stays_in_the_other() {
    let account = account();
    let file = || {
        let to = format!("replicate_to: \"arn:aws:s3:::pair-{account}-{}\"", REGIONS[1]);
        let file = twin(&account, REGIONS[1]).replace("name: twin", "name: pair");
        file.replace("versioning: true", &format!("versioning: true, {to}"))
    };
    let deploy = |region: &'static str| {
        let args = ["deploy", "twin.yaml", "--yes", "--region", region];
        Test::new().file("twin.yaml", file()).args(args).emulated()
    };
    let refused = |is: &str| {
        let said = block_in_place(|| deploy(REGIONS[0]).status(4).run()).stderr;
        let expected = format!("the bucket pair-{account}-us-west-2, which uploads are to be copied to, {is}");
        assert!(
            said.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(&expected),
            "{said}"
        );
    };
    refused("isn't there: deploy the region that stands by first");
    let aws = Aws::new(&account, REGIONS[1]);
    let name = format!("pair-{account}-{}", REGIONS[1]);
    let there = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::UsWest2);
    let create = aws.s3.create_bucket().bucket(&name);
    let created = create.create_bucket_configuration(there.build()).send().await;
    created.expect("a bucket");
    refused("keeps no versions: deploy the region that stands by first");
    aws.s3.delete_bucket().bucket(&name).send().await.expect("is deleted");

    let second = There::deploy_file(&account, REGIONS[1], file());
    let first = There::deploy_file(&account, REGIONS[0], file());
    let status = first.run(None, &["status", "twin.yaml"]).stdout;
    assert!(status.contains(&format!("uploads are copied to {name}\n")), "{status}");
    replicate(&first.aws, &first.bucket, &second.bucket).await;
    first.put("uploads/a.txt").await;
    second
        .until("a copy", async |second| second.has("uploads/a.txt").await)
        .await;
    // It is worked on and moved away: over there, too.
    first
        .until("the work", async |first| first.has("processed/a.txt").await)
        .await;
    second
        .until("the end of the copy", async |second| !second.has("uploads/a.txt").await)
        .await;
    // Nobody works on the next one.
    let paused = file().replace("workers:\n", "workers:\n      active: none\n");
    first.run(Some(paused), &["deploy", "twin.yaml", "--yes"]);
    first.put("uploads/b.txt").await;
    second
        .until("a copy", async |second| second.has("uploads/b.txt").await)
        .await;

    let destroyed = first.run(None, &["destroy", "twin.yaml", "--yes"]).stdout;
    assert!(destroyed.contains("nothing is left over"), "{destroyed}");
    assert!(
        second.has("uploads/b.txt").await,
        "what destroy deletes isn't deleted over there"
    );
    second.run(None, &["destroy", "twin.yaml", "--yes"]);
}
