//! Two regions against AWS's documented answers: the bucket that uploads are copied to is in the other one.

use crate::deployed::{BUCKET, intake};
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::Test;
use crate::lab;

const THERE: &str = "lab-111122223333-us-west-2";

const ROLE: &str = "lab-intake-ReplicationRole-1A2B3C";

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>
fn rule(status: &str, role: &str) -> String {
    format!(
        "<ReplicationConfiguration><Role>arn:aws:iam::111122223333:role/{role}</Role><Rule><ID>uploads</ID>\
         <Status>{status}</Status><Priority>1</Priority><Filter><Prefix>uploads/</Prefix></Filter>\
         <DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>\
         <Destination><Bucket>arn:aws:s3:::{THERE}</Bucket></Destination></Rule></ReplicationConfiguration>"
    )
}

/// `set`: by what S3 copies.
fn endpoint(keeps_versions: bool, fault: Option<(&str, Fault)>, set: &str) -> Endpoint {
    let role = format!("Resources:\n  ReplicationRole: {{Type: 'AWS::IAM::Role', Properties: {{RoleName: {ROLE}}}}}\n");
    let intake = intake()
        .body(&role)
        .output("ReplicatesTo", &format!("arn:aws:s3:::{THERE}"));
    let mut script = Script::new().existing(intake).says("GetBucketReplication", BUCKET, set);
    if let Some((action, fault)) = fault {
        script = script.fault(On::action(action), fault);
    }
    let endpoint = Endpoint::serve(script);
    endpoint.world(|world| {
        let bucket = world.services.make_bucket(THERE);
        bucket.keeps_versions = keeps_versions;
        bucket.region = Some("us-west-2".into());
    });
    endpoint
}

fn status(endpoint: &Endpoint) -> Test {
    let test = lab::at(endpoint).env("AWS_REGION", "us-east-2");
    test.args(["status", "--name", "lab", "--output", "json"])
}

#[test]
fn status_asks_about_the_bucket_where_it_is() {
    let ready = endpoint(true, None, &rule("Enabled", ROLE));
    let said = status(&ready).run().json();
    assert_eq!(
        said["replication"],
        serde_json::json!({"bucket": THERE, "destination": "ready", "rule": "as_deployed"}),
        "{said:#}"
    );
    let asked = ready.calls("GetBucketVersioning");
    let regions: Vec<&str> = asked.iter().map(|call| call.region.as_str()).collect();
    assert_eq!((ready.calls("HeadBucket").len(), regions), (1, vec!["us-west-2"]));
    let denied = Fault::refuse(403, "AccessDenied", "Access Denied");
    for (endpoint, destination) in [
        (endpoint(false, None, &rule("Enabled", ROLE)), "unversioned"),
        (
            endpoint(true, Some(("GetBucketVersioning", denied)), &rule("Enabled", ROLE)),
            "denied",
        ),
    ] {
        let said = status(&endpoint).run().json();
        assert_eq!(said["replication"]["destination"], destination, "{said:#}");
        let findings = said["findings"].as_array().expect("findings");
        assert!(findings.iter().any(|one| one["id"] == "replication-broken"), "{said:#}");
    }
    let gone = endpoint(true, None, &rule("Enabled", ROLE));
    gone.world(|world| world.services.delete_bucket(THERE));
    assert_eq!(status(&gone).run().json()["replication"]["destination"], "missing");
}

#[test]
fn status_looks_at_the_rule_by_which_s3_copies() {
    let findings = |said: &serde_json::Value| said["findings"].as_array().expect("findings").clone();
    for (set, rule, words) in [
        (rule("Disabled", ROLE), "disabled", "is disabled"),
        (
            rule("Enabled", "lab-intake-ReplicationRole-OLD"),
            "other_role",
            "isn't its stack's",
        ),
        (
            rule("Enabled", ROLE).replace(THERE, "elsewhere"),
            "missing",
            "has no rule for that",
        ),
    ] {
        let said = status(&endpoint(true, None, &set)).run().json();
        assert_eq!(said["replication"]["rule"], rule, "{said:#}");
        let found = findings(&said);
        let found = found
            .iter()
            .find(|one| one["id"] == "replication-broken")
            .expect("found");
        assert!(
            found["meaning"].as_str().is_some_and(|text| text.contains(words)),
            "{found:#}"
        );
        assert_eq!(found["command"], "qfleet drift --name lab --part intake --revert");
    }
    // Without the permission to read it, nobody knows.
    let denied = || {
        let denied = Fault::refuse(403, "AccessDenied", "Access Denied");
        endpoint(true, Some(("GetBucketReplication", denied)), &rule("Enabled", ROLE))
    };
    let denied = denied();
    let said = status(&denied).run().json();
    assert_eq!(said["replication"]["rule"], "unknown", "{said:#}");
    let text = lab::at(&denied)
        .env("AWS_REGION", "us-east-2")
        .args(["status", "--name", "lab"]);
    text.stdout_contains("it isn't known whether uploads are copied to")
        .run();
}
