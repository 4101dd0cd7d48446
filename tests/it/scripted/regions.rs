//! Two regions against AWS's documented answers: the bucket that uploads are copied to is in the other one.

use crate::deployed::stack;
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::Test;
use crate::lab;

const THERE: &str = "lab-111122223333-us-west-2";

fn endpoint(keeps_versions: bool, fault: Option<Fault>) -> Endpoint {
    let intake = stack("intake").output("ReplicatesTo", &format!("arn:aws:s3:::{THERE}"));
    let mut script = Script::new().existing(intake);
    if let Some(fault) = fault {
        script = script.fault(On::action("GetBucketVersioning"), fault);
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
    let ready = endpoint(true, None);
    let said = status(&ready).run().json();
    assert_eq!(
        said["replication"],
        serde_json::json!({"bucket": THERE, "destination": "ready"}),
        "{said:#}"
    );
    let asked = ready.calls("GetBucketVersioning");
    let regions: Vec<&str> = asked.iter().map(|call| call.region.as_str()).collect();
    assert_eq!((ready.calls("HeadBucket").len(), regions), (1, vec!["us-west-2"]));
    let denied = Fault::refuse(403, "AccessDenied", "Access Denied");
    for (endpoint, destination) in [
        (endpoint(false, None), "unversioned"),
        (endpoint(true, Some(denied)), "denied"),
    ] {
        let said = status(&endpoint).run().json();
        assert_eq!(said["replication"]["destination"], destination, "{said:#}");
        let findings = said["findings"].as_array().expect("findings");
        assert!(findings.iter().any(|one| one["id"] == "replication-broken"), "{said:#}");
    }
    let gone = endpoint(true, None);
    gone.world(|world| world.services.delete_bucket(THERE));
    assert_eq!(status(&gone).run().json()["replication"]["destination"], "missing");
}
