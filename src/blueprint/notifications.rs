//! What a bucket that is there already tells an environment: notifications of its own among those of others.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::contexts::IntakeTopic;
use super::{Placement, names, outputs};
use crate::environment::Environment;
use crate::environment::routes::Files;

/// What each of them tells of.
pub const EVENT: &str = "s3:ObjectCreated:*";

/// A notification that an environment needs: which files, and the topic that is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Rule {
    /// Its id in the bucket; where somebody else's has that one, `-2` or so is put behind it.
    pub id: String,
    /// ARN of the topic.
    pub topic: String,
    /// As S3 has it: `=` is `%3D`.
    pub prefix: String,
    /// Whatever the keys end in, where it is empty.
    pub suffix: String,
}

impl Rule {
    /// Whether a key can begin and end as this asks and as the other one does.
    pub fn overlaps(&self, prefix: &str, suffix: &str) -> bool {
        let files = |prefix: &str, suffix: &str| Files {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        };
        files(&self.prefix, &self.suffix).overlaps(&files(prefix, suffix))
    }
}

/// All that an environment needs of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notifications {
    pub bucket: String,
    /// What ids of this environment's begin with. An environment of the same name in another region can't be at the same
    /// bucket: "The Amazon SNS topic must be in the same AWS Region as the Amazon S3 bucket"
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ways-to-add-notification-config-to-bucket.html>).
    ids: String,
    /// ARN of the environment's topic. In the local emulator, there are others of this name with `-2` or so behind it.
    topic: String,
    pub rules: Vec<Rule>,
    /// Parts whose workers have no policies but the environment's, as a file says it: they may use no key of a customer's.
    pub without_policies: Vec<String>,
}

/// Names of topics, and of each the prefixes and suffixes: the output of a stack has no room for whole rules.
type Written = BTreeMap<String, BTreeMap<String, Vec<String>>>;

impl Notifications {
    /// Of a file's environment.
    pub(super) fn of(environment: &Environment, placement: &Placement, bucket: &str, topics: &[IntakeTopic]) -> Self {
        let Placement { account, region, .. } = placement;
        let mut notifications = Notifications::none(&environment.name, account, region, bucket);
        notifications.without_policies = without_policies(environment);
        for topic in topics {
            let arn = names::topic_arn(account, region, &topic.name);
            for files in &topic.files {
                notifications.add(&arn, &files.prefix, files.suffix.as_deref().unwrap_or_default());
            }
        }
        notifications
    }

    /// As it was deployed, by the outputs of its `intake`; none where the bucket is the environment's own.
    ///
    /// # Errors
    /// That they can't be read.
    pub fn deployed(
        environment: &str,
        account: &str,
        region: &str,
        outputs: &BTreeMap<String, String>,
    ) -> Result<Option<Notifications>, String> {
        let Some(mut notifications) = Notifications::taken_out_as_deployed(environment, account, region, outputs)
        else {
            return Ok(None);
        };
        let name = outputs::NOTIFICATIONS;
        let unreadable = |why: &str| {
            let stack = names::stack(environment, "intake");
            format!("what {stack} says of it can't be read: its output {name} {why}; `qfleet deploy` writes it again")
        };
        let written = outputs.get(name).ok_or_else(|| unreadable("isn't there"))?;
        let written: Written =
            serde_json::from_str(written).map_err(|error| unreadable(&format!("is none: {error}")))?;
        for (topic, prefixes) in written {
            let arn = names::topic_arn(account, region, &topic);
            for (prefix, suffixes) in prefixes {
                for suffix in suffixes {
                    notifications.add(&arn, &prefix, &suffix);
                }
            }
        }
        Ok(Some(notifications))
    }

    /// Of the bucket that was deployed: nothing is told any more.
    pub fn taken_out_as_deployed(
        environment: &str,
        account: &str,
        region: &str,
        outputs: &BTreeMap<String, String>,
    ) -> Option<Notifications> {
        let bucket = outputs.get(outputs::EXISTING_BUCKET)?;
        Some(Notifications::none(environment, account, region, bucket))
    }

    /// For the output of a stack.
    pub(super) fn write(&self) -> String {
        let mut written = Written::new();
        for rule in &self.rules {
            let topic = rule.topic.rsplit(':').next().unwrap_or_default();
            let prefixes = written.entry(topic.to_owned()).or_default();
            prefixes
                .entry(rule.prefix.clone())
                .or_default()
                .push(rule.suffix.clone());
        }
        serde_json::json!(written).to_string()
    }

    fn add(&mut self, topic: &str, prefix: &str, suffix: &str) {
        self.rules.push(Rule {
            id: format!("{}{}", self.ids, short_hash(&[topic, prefix, suffix])),
            topic: topic.to_owned(),
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        });
        self.rules.sort();
    }

    fn none(environment: &str, account: &str, region: &str, bucket: &str) -> Notifications {
        Notifications {
            bucket: bucket.to_owned(),
            ids: format!("qfleet-{environment}-"),
            topic: names::topic_arn(account, region, &names::topic(environment)),
            rules: Vec::new(),
            without_policies: Vec::new(),
        }
    }

    /// Whether a notification of this id to this destination is one of the environment's. The id alone says little: the
    /// environment may be called `lab`, and another one `lab-two`; somebody may have copied it.
    pub fn are_ours(&self, id: &str, destination: &str) -> bool {
        id.starts_with(&self.ids) && self.is_our_topic(destination)
    }

    /// Whether this is a topic of the environment.
    pub fn is_our_topic(&self, arn: &str) -> bool {
        arn.strip_prefix(&self.topic).is_some_and(|rest| {
            let number = rest.strip_prefix('-').unwrap_or_default();
            rest.is_empty() || !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    }
}

fn without_policies(environment: &Environment) -> Vec<String> {
    let of_stages = environment.stages.iter().filter(|stage| {
        let instances = stage.workers.instances.as_ref().map(|instances| &instances.policies);
        let lambda = stage.workers.lambda.as_ref().map(|lambda| &lambda.policies);
        instances.into_iter().chain(lambda).any(Vec::is_empty)
    });
    let of_web = environment.web.iter().filter(|web| web.instances.policies.is_empty());
    let names = of_stages.map(|stage| stage.name.clone());
    names.chain(of_web.map(|_| "web".to_owned())).collect()
}

/// The same rule has the same id in every run, so that another one never takes its place.
fn short_hash(texts: &[&str]) -> String {
    let hash = Sha256::digest(texts.join("\n").as_bytes());
    hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deployed_is_read_or_said_to_be_unreadable() {
        let of = |written: Option<&str>| {
            let mut outputs = BTreeMap::from([(outputs::EXISTING_BUCKET.to_owned(), "files".to_owned())]);
            outputs.extend(written.map(|text| (outputs::NOTIFICATIONS.to_owned(), text.to_owned())));
            Notifications::deployed("lab", "111122223333", "us-east-2", &outputs)
        };
        let read = of(Some(r#"{"lab-uploads":{"in/":[""]}}"#))
            .expect("rules")
            .expect("a bucket");
        assert_eq!((read.bucket.as_str(), read.rules.len()), ("files", 1));
        for bad in [None, Some(""), Some(r#"{"lab-uploads":"in/"}"#)] {
            let error = of(bad).expect_err("unreadable");
            assert!(
                error.contains("lab-intake") && error.contains("output Notifications"),
                "{error}"
            );
        }
        let none = Notifications::deployed("lab", "111122223333", "us-east-2", &BTreeMap::new());
        assert_eq!(none, Ok(None));
    }

    #[test]
    fn ours_are_those_with_an_id_of_ours_to_a_topic_of_ours() {
        let ours = Notifications::none("lab", "111122223333", "us-east-2", "files");
        let topic = |name: &str| format!("arn:aws:sns:us-east-2:111122223333:{name}");
        for (id, destination, are_ours) in [
            ("qfleet-lab-1a2b3c4d", topic("lab-uploads"), true),
            ("qfleet-lab-1a2b3c4d-2", topic("lab-uploads"), true),
            ("qfleet-lab-1a2b3c4d", topic("lab-uploads-3"), true),
            ("somebody's", topic("lab-uploads"), false),
            ("qfleet-lab-1a2b3c4d", topic("other"), false),
            // Of the environment `lab-two`.
            ("qfleet-lab-two-1a2b3c4d", topic("lab-two-uploads"), false),
            ("qfleet-lab-1a2b3c4d", topic("lab-uploads-two"), false),
            ("qfleet-lab-1a2b3c4d", topic("lab-uploads-"), false),
            (
                "qfleet-lab-1a2b3c4d",
                topic("lab-uploads").replace("us-east-2", "eu-central-1"),
                false,
            ),
            (
                "qfleet-lab-1a2b3c4d",
                topic("lab-uploads").replace("1111", "9999"),
                false,
            ),
        ] {
            assert_eq!(ours.are_ours(id, &destination), are_ours, "{id} {destination}");
        }
    }
}
