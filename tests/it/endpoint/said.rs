//! What other services say of resources when they are asked: answers that a test writes down in the shape of the API's
//! page, by action and by what is asked about. Of what nobody wrote down they say that it isn't there.

use serde_json::Value;

use super::calls::{Call, Service};
use super::model::Model;
use super::query::Refusal;
use super::script::Script;
use super::world::World;
use super::xml::Fields;

/// An answer.
#[derive(Debug, Clone)]
pub enum Said {
    /// Of the query protocol: what is inside of `<ActionResult>`.
    Fields(Fields),
    /// Of SQS and CloudWatch.
    Json(Value),
    /// Of S3 and CloudFront: a whole body.
    Body(String),
    Refusal(Refusal),
}

impl From<Fields> for Said {
    fn from(fields: Fields) -> Self {
        Said::Fields(fields)
    }
}

impl From<Value> for Said {
    fn from(value: Value) -> Self {
        Said::Json(value)
    }
}

impl From<&str> for Said {
    fn from(body: &str) -> Self {
        Said::Body(body.to_owned())
    }
}

impl From<Refusal> for Said {
    fn from(refusal: Refusal) -> Self {
        Said::Refusal(refusal)
    }
}

impl Script {
    /// What a service answers to an action about something: a queue's URL, a topic's or a subscription's ARN, a bucket,
    /// a role (`role/policy` for one of its policies), a group, an alarm, a distribution; `…#marker` for a further page. Said again, it
    /// is what is said from then on.
    pub fn says(mut self, action: &str, about: &str, said: impl Into<Said>) -> Self {
        self.said.insert((action.to_owned(), about.to_owned()), said.into());
        self
    }
}

impl World {
    /// What is said to a call, if somebody wrote it down, or it is about what isn't in a stack.
    pub fn said(&mut self, call: &Call) -> Option<Said> {
        self.written(call).or_else(|| self.left_says(call))
    }

    fn written(&mut self, call: &Call) -> Option<Said> {
        let about = subject(call)?;
        if let Some(said) = self.script.said.get(&(call.action.clone(), about.clone())) {
            return Some(said.clone());
        }
        let is_known = |script: &Script| script.said.keys().any(|(_, known)| *known == about);
        match call.service {
            // A bucket of which anything was written down is there; the rest of it isn't set.
            Service::S3 if is_known(&self.script) => unset(&call.action),
            _ => None,
        }
    }

    /// Actions of SNS and IAM are checked against the service model, and answered with what was written down.
    pub fn told(&mut self, call: &Call) -> Result<Fields, Refusal> {
        let (model, missing) = match call.service {
            // <https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html#API_GetTopicAttributes_Errors>
            Service::Sns => {
                let what = if call.action.contains("Subscription") {
                    "Subscription"
                } else {
                    "Topic"
                };
                (
                    Model::sns(),
                    Refusal::new(404, "NotFound", format!("{what} does not exist")),
                )
            }
            // <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html#API_GetRole_Errors>
            _ => (Model::iam(), Refusal::new(404, "NoSuchEntity", "It cannot be found.")),
        };
        let wrong = model.complaints(&call.action, &call.input);
        if !wrong.is_empty() || !model.knows(&call.action) {
            self.complaints.push(format!("{}: {}", call.action, wrong.join("; ")));
            return Err(Refusal::validation(wrong.join("; ")));
        }
        match self.said(call) {
            Some(Said::Fields(fields)) => Ok(fields),
            Some(Said::Refusal(refusal)) => Err(refusal),
            _ => Err(missing),
        }
    }
}

/// What a call is about.
fn subject(call: &Call) -> Option<String> {
    let named = |name: &str| call.input.text(name).map(str::to_owned);
    let about = match call.service {
        Service::Sns => named("TopicArn").or_else(|| named("SubscriptionArn"))?,
        Service::Iam => match (named("RoleName")?, named("PolicyName")) {
            (role, Some(policy)) => format!("{role}/{policy}"),
            (role, None) => role,
        },
        Service::AutoScaling => named("AutoScalingGroupNames.member.1").or_else(|| named("AutoScalingGroupName"))?,
        Service::Sqs => {
            let input: Value = serde_json::from_slice(&call.body).ok()?;
            input["QueueUrl"].as_str()?.to_owned()
        }
        Service::CloudWatch => {
            let input = super::cbor::decode(&call.body)?;
            input["AlarmNames"][0].as_str()?.to_owned()
        }
        Service::CloudFront => super::cloudfront::subject(call),
        Service::S3 => {
            let path = call.path.trim_start_matches('/');
            path.split(['/', '?']).next()?.to_owned()
        }
        _ => return None,
    };
    Some(match named("Marker") {
        Some(marker) => format!("{about}#{marker}"),
        None => about,
    })
}

/// What S3 answers when a configuration isn't set
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
fn unset(action: &str) -> Option<Said> {
    let (code, message) = match action {
        "GetBucketEncryption" => (
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        ),
        "GetBucketCors" => ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        "GetBucketOwnershipControls" => (
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        ),
        // localstack/localstack tests/aws/services/cloudformation/resources/test_s3.snapshot.json, test_bucketpolicy.
        "GetBucketPolicy" => ("NoSuchBucketPolicy", "The bucket policy does not exist"),
        "GetPublicAccessBlock" => (
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
        "GetBucketVersioning" => return Some(Said::from("<VersioningConfiguration/>")),
        "GetBucketNotificationConfiguration" => return Some(Said::from("<NotificationConfiguration/>")),
        _ => return None,
    };
    Some(Said::from(Refusal::new(404, code, message)))
}

/// A map of texts, as the query protocol writes it: the attributes of a topic or of a subscription.
pub fn attributes(pairs: &[(&str, &str)]) -> Fields {
    let entries = pairs.iter().fold(Fields::new(), |entries, (key, value)| {
        entries.fields("entry", Fields::new().text("key", key).text("value", value))
    });
    Fields::new().fields("Attributes", entries)
}
