//! Delivery against AWS's documented answers: a distribution that takes its time, that somebody changed, that is left.

use std::time::Duration;

use serde_json::{Value, json};

use crate::deployed::{interrupted, stack, test};
use crate::endpoint::cloudfront::{distribution, origin_accesses};
use crate::endpoint::{Endpoint, Existing, Fault, On, Script, Verb};
use crate::harness::{Output, Test};
use crate::lab::{LAB, with_file_at};

const ID: &str = "E1EXAMPLE";
const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
const ORIGIN_ACCESS: &str = "AWS::CloudFront::OriginAccessControl";

fn with_delivery() -> String {
    LAB.replace("stages:", "delivery: {}\nstages:")
}

fn deployed(url: &str) -> Existing {
    stack("delivery")
        .tag("qfleet:on-destroy", "empty")
        .output("Url", url)
        .output("DistributionId", ID)
        .output("DistributionDomainName", "d1.cloudfront.net")
}

/// An environment of a stage alone.
fn without_delivery(script: Script) -> Endpoint {
    Endpoint::serve(script.existing(stack("work").tag("qfleet:on-destroy", "empty")))
}

fn status(endpoint: &Endpoint) -> Test {
    test(endpoint)
        .env("AWS_REGION", "us-east-2")
        .args(["status", "--name", "lab"])
}

fn findings(document: &Value) -> Vec<&str> {
    let all = document["findings"].as_array().expect("findings").iter();
    all.filter_map(|finding| finding["id"].as_str()).collect()
}

#[test]
fn deploy_waits_and_says_that_cloudfront_takes_minutes() {
    let slow = Script::new().takes("lab-delivery", "Distribution", Duration::from_secs(2));
    let endpoint = Endpoint::serve(slow);
    let there = with_file_at(&endpoint, &with_delivery());
    let done = there.args(["deploy", "lab.yaml", "--yes"]).run();
    let said = "CloudFront brings a distribution, and each change of it, to all its places: that takes some minutes";
    assert!(done.stdout.contains(said), "{}", done.stdout);
    let begun = "lab-delivery: Distribution CREATE_IN_PROGRESS: CloudFront brings it to all its places, which takes some minutes";
    assert!(done.stderr.contains(begun), "{}", done.stderr);
    assert_eq!(done.stderr.matches("brings it to all").count(), 1, "{}", done.stderr);
    assert_eq!(endpoint.status("lab-delivery").as_deref(), Some("CREATE_COMPLETE"));
    assert!(
        done.stdout.contains(".cloudfront.net\n"),
        "its address: {}",
        done.stdout
    );
    // It changes in place, and is there all the time.
    let changed = there_is(
        &done,
        &with_delivery().replace("delivery: {}", "delivery: {key_groups: [0123-4567]}"),
    );
    let plan = changed.args(["plan", "lab.yaml"]).run().stdout;
    let line = |line: &str| line.contains("~ Distribution ");
    assert!(plan.lines().any(line) && plan.contains(said), "{plan}");
    assert!(!plan.contains("REPLACED"), "{plan}");
}

fn there_is(there: &Output, text: &str) -> Test {
    there.then().file("lab.yaml", text)
}

fn deploy(endpoint: &Endpoint) -> Output {
    with_file_at(endpoint, &with_delivery())
        .args(["deploy", "lab.yaml", "--yes"])
        .run()
}

/// The stack of delivery alone.
const BODY: &str = "\
Resources:
  OriginAccess:
    Type: AWS::CloudFront::OriginAccessControl
    Properties: {OriginAccessControlConfig: {Name: lab-us-east-2}}
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties: {DistributionConfig: {Enabled: true, Comment: !Ref OriginAccess}}
";

fn there(script: Script) -> Endpoint {
    Endpoint::serve(script.existing(deployed("https://d1.cloudfront.net").body(BODY)))
}

fn destroy(endpoint: &Endpoint) -> Test {
    let destroy = test(endpoint).env("AWS_REGION", "us-east-2");
    destroy.args(["destroy", "--name", "lab", "--yes"])
}

#[test]
fn destroy_says_before_and_while_it_goes_on_why_it_takes_long() {
    let slow = Script::new().takes("lab-delivery", "Distribution", Duration::from_secs(2));
    let endpoint = there(slow);
    let destroyed = destroy(&endpoint).run();
    let before = "CloudFront disables the distribution everywhere before it is deleted, which takes some minutes.\n";
    assert!(destroyed.stdout.contains(before), "{}", destroyed.stdout);
    let begun = "lab-delivery: Distribution DELETE_IN_PROGRESS: CloudFront first disables it everywhere, which takes some minutes";
    assert!(destroyed.stderr.contains(begun), "{}", destroyed.stderr);
    for row in [
        "deleted    AWS::CloudFront::Distribution  E",
        "deleted    AWS::CloudFront::OriginAccessControl  E",
        "lab: nothing is left over",
    ] {
        assert!(destroyed.stdout.contains(row), "{row}: {}", destroyed.stdout);
    }
    assert_eq!(endpoint.stacks(), [] as [&str; 0]);
    // Without it, nobody hears of CloudFront.
    let other = destroy(&without_delivery(Script::new())).run();
    assert!(!(other.stdout + &other.stderr).contains("CloudFront"));
}

#[test]
fn a_destroy_that_was_interrupted_is_taken_up_again() {
    let endpoint = there(Script::new().takes("lab-delivery", "Distribution", Duration::from_secs(6)));
    let goes = |endpoint: &Endpoint| endpoint.status("lab-delivery").as_deref() == Some("DELETE_IN_PROGRESS");
    let (code, stdout, stderr) = interrupted(&destroy(&endpoint), &endpoint, goes);
    assert_eq!(code, 130, "{stdout}{stderr}");
    let said = "lab-delivery goes on in CloudFormation";
    assert!(stderr.contains(said), "{stdout}{stderr}");
    let again = destroy(&endpoint).run();
    assert!(again.stdout.contains("nothing is left over"), "{}", again.stdout);
    assert_eq!(
        endpoint.calls("DeleteStack").len(),
        1,
        "it is waited for, not asked for again"
    );
}

#[test]
fn a_distribution_that_cannot_be_deleted_is_named_with_its_cause() {
    let reason = "Resource handler returned message: \"Invalid request provided: The distribution you are trying to delete has \
                  not been disabled.\"";
    let endpoint = there(Script::new().fails("lab-delivery", "Distribution", Verb::Delete, reason));
    let failed = destroy(&endpoint).status(1).run();
    assert!(failed.stderr.contains("has not been disabled"), "{}", failed.stderr);
    assert_eq!(endpoint.status("lab-delivery").as_deref(), Some("DELETE_FAILED"));
}

#[test]
fn status_finds_what_somebody_did_to_it() {
    let (given, own) = ("https://d1.cloudfront.net", "https://files.example.com");
    for (url, said, finds, shows) in [
        (
            given,
            Some(distribution(ID, "Deployed", true, &[])),
            None,
            "state     enabled; distribution E1EXAMPLE\n",
        ),
        (
            given,
            Some(distribution(ID, "InProgress", true, &[])),
            None,
            "enabled, which is on its way to all places (InProgress)",
        ),
        (
            given,
            Some(distribution(ID, "Deployed", false, &[])),
            Some("delivery-disabled"),
            "state     disabled",
        ),
        (
            own,
            Some(distribution(ID, "Deployed", true, &["files.example.com"])),
            None,
            "dns       point its name to d1.cloudfront.net\n",
        ),
        (
            own,
            Some(distribution(ID, "Deployed", true, &[])),
            Some("delivery-name-gone"),
            "files.example.com",
        ),
        (given, None, Some("delivery-gone"), "state     gone"),
    ] {
        let script = Script::new().existing(deployed(url));
        let script = match &said {
            Some(said) => script.says("GetDistribution", ID, said.as_str()),
            None => script,
        };
        let endpoint = Endpoint::serve(script);
        let document = status(&endpoint).args(["--output", "json"]).run().json();
        assert_eq!(
            findings(&document),
            finds.into_iter().collect::<Vec<_>>(),
            "{document:#}"
        );
        assert_eq!(document["delivery"]["url"], url);
        let shown = status(&endpoint).run().stdout;
        assert!(shown.contains(url) && shown.contains(shows), "{shows}\n{shown}");
    }
}

#[test]
fn throttled_reads_are_made_again_and_denied_ones_are_unknown() {
    let known = || {
        Script::new().existing(deployed("https://d1.cloudfront.net")).says(
            "GetDistribution",
            ID,
            distribution(ID, "Deployed", true, &[]).as_str(),
        )
    };
    let slow = Fault::refuse(400, "Throttling", "Rate exceeded");
    let endpoint = Endpoint::serve(known().fault(On::action("GetDistribution").numbers(1..=2), slow));
    let document = status(&endpoint).args(["--output", "json"]).run().json();
    assert_eq!(document["delivery"]["state"]["status"], "Deployed", "{document:#}");
    assert_eq!(endpoint.calls("GetDistribution").len(), 3);
    let denied = Fault::access_denied("GetDistribution");
    let endpoint = Endpoint::serve(known().fault(On::action("GetDistribution"), denied));
    let document = status(&endpoint).args(["--output", "json"]).run().json();
    let unknown = document["unknown"].to_string();
    assert!(
        unknown.contains("delivery: ") && unknown.contains("GetDistribution"),
        "{unknown}"
    );
    assert_eq!(findings(&document), [] as [&str; 0], "what isn't known is no finding");
}

/// An environment that never had CloudFront, and a role that never needed it.
#[test]
fn who_may_not_ask_cloudfront_is_told_only_where_there_was_delivery() {
    let denied = |script: Script| {
        let fault = Fault::access_denied("ListOriginAccessControls");
        script.fault(On::action("ListOriginAccessControls"), fault)
    };
    let without = without_delivery(denied(Script::new()));
    let said = receipt(&without, 0);
    assert_eq!(
        (of_cloudfront(&said), &said["complete"]),
        (Vec::new(), &json!(true)),
        "{said:#}"
    );
    let with = there(denied(Script::new()));
    let destroyed = destroy(&with).args(["--output", "json"]).run().json();
    let said = &destroyed["receipt"];
    assert!(
        of_cloudfront(said).contains(&(ORIGIN_ACCESS, "lab-us-east-2", "unknown")),
        "{said:#}"
    );
    assert_eq!(said["complete"], false);
}

fn receipt(endpoint: &Endpoint, code: i32) -> Value {
    let destroy = test(endpoint).args(["destroy", "lab.yaml", "--yes", "--output", "json"]);
    destroy.status(code).run().json()["receipt"].clone()
}

fn of_cloudfront(receipt: &Value) -> Vec<(&str, &str, &str)> {
    let rows = receipt["resources"].as_array().expect("rows").iter();
    rows.filter(|row| {
        row["resource_type"]
            .as_str()
            .is_some_and(|of| of.starts_with("AWS::CloudFront::"))
    })
    .map(|row| {
        let of = |key: &str| row[key].as_str().unwrap_or_default();
        (of("resource_type"), of("name"), of("fate"))
    })
    .collect()
}

#[test]
fn what_is_left_of_it_is_found_in_the_one_region_where_its_tags_are_seen() {
    let arn = |id: &str| format!("arn:aws:cloudfront::111122223333:distribution/{id}");
    let tags = |region: &'static str| [("qfleet:part", "delivery"), ("qfleet:region", region)];
    let named = |id, name, of| (id, name, of);
    let here = "lab in us-east-2, deployed by qfleet";
    let script = Script::new()
        .left(DISTRIBUTION, "ELEFT")
        .listed_with("lab", &arn("ELEFT"), &tags("us-east-2"))
        // That of an environment of the same name elsewhere, which is well.
        .left(DISTRIBUTION, "EOTHER")
        .listed_with("lab", &arn("EOTHER"), &tags("eu-west-1"))
        // One that somebody tagged alike.
        .left(DISTRIBUTION, "EBYHAND")
        .listed("lab", &arn("EBYHAND"))
        .left(ORIGIN_ACCESS, "ACCESS")
        .left(ORIGIN_ACCESS, "THEIRS")
        .says(
            "ListOriginAccessControls",
            "",
            origin_accesses(
                &[named("OTHER", "lab-eu-west-1", "lab in eu-west-1, deployed by qfleet")],
                Some("OTHER"),
            )
            .as_str(),
        )
        .says(
            "ListOriginAccessControls",
            "OTHER",
            origin_accesses(
                &[
                    named("ACCESS", "lab-us-east-2", here),
                    named("THEIRS", "lab-us-east-2", "Ours"),
                ],
                None,
            )
            .as_str(),
        );
    let endpoint = without_delivery(script);
    let receipt = receipt(&endpoint, 1);
    assert_eq!(
        of_cloudfront(&receipt),
        [
            (DISTRIBUTION, "ELEFT", "left_over"),
            (ORIGIN_ACCESS, "ACCESS", "left_over")
        ],
        "{receipt:#}"
    );
    let mut rows = receipt["resources"].as_array().expect("rows").iter();
    let row = rows.find(|row| row["name"] == "ELEFT").expect("it");
    assert_eq!(row["reason"], "it costs nothing as long as nobody asks it for a file");
    assert_eq!(
        row["remove_with"],
        "aws cloudcontrol delete-resource --type-name AWS::CloudFront::Distribution --identifier ELEFT --region us-east-2"
    );
    let regions: Vec<String> = endpoint
        .calls("GetResources")
        .iter()
        .map(|call| call.region.clone())
        .collect();
    assert!(
        regions.contains(&"us-east-1".to_owned()) && regions.contains(&"us-east-2".to_owned()),
        "{regions:?}"
    );
}

/// In us-east-1 the one listing shows both the environment's own things and every distribution.
#[test]
fn in_us_east_1_a_neighbours_distribution_is_not_taken_for_its_own() {
    let arn = "arn:aws:cloudfront::111122223333:distribution/EOTHER";
    let script = Script::new()
        .region("us-east-1")
        .left(DISTRIBUTION, "EOTHER")
        .listed_with(
            "lab",
            arn,
            &[("qfleet:part", "delivery"), ("qfleet:region", "us-east-2")],
        );
    let endpoint = without_delivery(script);
    let destroy = test(&endpoint).env("AWS_REGION", "us-east-1");
    let destroyed = destroy
        .args(["destroy", "--name", "lab", "--yes", "--output", "json"])
        .run()
        .json();
    assert_eq!(of_cloudfront(&destroyed["receipt"]), [], "{destroyed:#}");
}

#[test]
fn without_the_key_the_bucket_is_closed_and_prune_deletes_what_is_left() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deploy(&endpoint);
    let without = || there_is(&there, LAB);
    let policy = || {
        endpoint.world(|world| {
            let stack = world
                .stacks
                .iter()
                .find(|stack| stack.name == "lab-intake")
                .expect("it");
            stack.resource("BucketPolicy").expect("a policy").properties.to_string()
        })
    };
    assert!(policy().contains("cloudfront.amazonaws.com"));
    let done = without().args(["deploy", "lab.yaml", "--yes"]).run();
    assert!(!policy().contains("cloudfront"), "{}", policy());
    let said = done.stdout.clone() + &done.stderr;
    assert!(said.contains("lab-delivery") && said.contains("--prune"), "{said}");
    assert!(endpoint.stacks().contains(&"lab-delivery".to_owned()));
    without().args(["deploy", "lab.yaml", "--yes", "--prune"]).run();
    assert!(!endpoint.stacks().contains(&"lab-delivery".to_owned()));
}

#[test]
fn a_name_that_is_on_another_distribution_fails_with_what_cloudfront_says() {
    let taken = "One or more of the CNAMEs you provided are already associated with a different resource.";
    let endpoint = Endpoint::serve(Script::new().fails("lab-delivery", "Distribution", Verb::Create, taken));
    let failed = with_file_at(&endpoint, &with_delivery())
        .args(["deploy", "lab.yaml", "--yes"])
        .status(1)
        .run();
    assert!(
        failed.stderr.contains(taken) || failed.stdout.contains(taken),
        "{}{}",
        failed.stdout,
        failed.stderr
    );
    let said = failed.stdout + &failed.stderr;
    assert!(
        said.contains("another distribution answers for this `domain`"),
        "{said}"
    );
}
