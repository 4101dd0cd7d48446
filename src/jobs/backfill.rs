//! Objects that were in the bucket before a stage was: an event for each, as S3 would have sent it.

use std::collections::VecDeque;

use futures_util::stream::{Stream, try_unfold};
use serde_json::{Value, json};

use super::Failed;
use super::destinations::Intake;
use super::messages::Job;
use crate::blueprint::names;
use crate::blueprint::quoting::key_in_events;
use crate::cloud::s3::listing::Object;
use crate::cloud::s3::versions::Marker;
use crate::cloud::sqs::messages::Message;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::address::Address;

/// What lies under the watched prefix, of what the stage gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Counts the objects that the stage gets.
///
/// # Errors
/// When they can't be listed.
pub async fn count(cloud: &Cloud, intake: &Intake) -> Result<Found, CloudError> {
    let mut found = Found::default();
    let mut next = Some(Marker::default());
    while let Some(from) = next {
        let page = cloud.objects(&intake.bucket, &intake.prefix, from).await?;
        for object in page.entries.iter().filter(|object| intake.only.takes(&object.key)) {
            found.objects += 1;
            found.bytes += object.bytes;
        }
        next = page.next;
    }
    Ok(found)
}

/// An event for each object that the stage gets, listed as they are needed.
pub fn events(cloud: &Cloud, address: &Address, intake: &Intake) -> impl Stream<Item = Result<Job, Failed>> {
    let beginning = (VecDeque::new(), Some(Marker::default()));
    try_unfold(beginning, async |(mut page, mut next): (VecDeque<Object>, _)| {
        loop {
            if let Some(object) = page.pop_front() {
                let job = Job {
                    message: Message::new(event(address, &intake.bucket, &object).to_string()),
                    name: object.key,
                };
                return Ok(Some((job, (page, next))));
            }
            let Some(from) = next else { return Ok(None) };
            let listed = cloud.objects(&intake.bucket, &intake.prefix, from).await;
            let listed = listed.map_err(|error| Failed {
                what: format!("s3://{}/{}", intake.bucket, intake.prefix),
                message: error.to_string(),
            })?;
            let taken = listed
                .entries
                .into_iter()
                .filter(|object| intake.only.takes(&object.key));
            (page, next) = (taken.collect(), listed.next);
        }
    })
}

/// The event of an object's creation
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>). There is no
/// `sequencer`: only S3 knows the order of its events. Later versions than 2.1 only add fields, so their readers read
/// this one, too.
fn event(address: &Address, bucket: &str, object: &Object) -> Value {
    let mut described = json!({
        "key": key_in_events(&object.key),
        "size": object.bytes,
        "eTag": object.e_tag,
    });
    if let Some(version) = &object.version {
        described["versionId"] = version.as_str().into();
    }
    let at = object.modified.unwrap_or_default();
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": address.region,
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": address.account },
        "requestParameters": {},
        "responseElements": {},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "qfleet-backfill",
            "bucket": {
                "name": bucket,
                "ownerIdentity": { "principalId": address.account },
                "arn": format!("arn:{}:s3:::{bucket}", names::partition(&address.region)),
            },
            "object": described,
        },
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_s3_does_it() {
        let key = "uploads/with space/plus+percent%20&=ümläut🚚.txt";
        let encoded = key_in_events(key);
        assert_eq!(
            encoded,
            "uploads/with+space/plus%2Bpercent%2520%26%3D%C3%BCml%C3%A4ut%F0%9F%9A%9A.txt"
        );
        let decoded = form_urlencoded::parse(encoded.as_bytes()).next();
        assert_eq!(decoded.expect("one").0, key);
    }

    #[test]
    fn an_event_has_what_s3_documents() {
        let address = Address {
            environment: "lab".into(),
            account: "111122223333".into(),
            region: "us-gov-west-1".into(),
        };
        let mut object = Object {
            key: "uploads/a b.txt".into(),
            bytes: 7,
            e_tag: "0123".into(),
            version: Some("v1".into()),
            modified: Some("2026-01-02T03:04:05.678Z".parse().expect("a time")),
        };
        let event = event(&address, "lab-bucket", &object);
        let record = &event["Records"][0];
        assert_eq!(record["eventTime"], "2026-01-02T03:04:05.678Z");
        assert_eq!(record["eventName"], "ObjectCreated:Put");
        assert_eq!(record["awsRegion"], "us-gov-west-1");
        assert_eq!(record["s3"]["bucket"]["arn"], "arn:aws-us-gov:s3:::lab-bucket");
        assert_eq!(
            record["s3"]["object"],
            json!({"key": "uploads/a+b.txt", "size": 7, "eTag": "0123", "versionId": "v1"})
        );
        object.version = None;
        let event = super::event(&address, "lab-bucket", &object);
        assert!(
            event["Records"][0]["s3"]["object"].get("versionId").is_none(),
            "{event}"
        );
    }
}
