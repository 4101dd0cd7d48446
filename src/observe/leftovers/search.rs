//! What carries the environment's tag, or a name that its stacks give: what was in no stack any more, or in none ever.
//! A listing says where to look; whether it is there is asked afterwards.

use std::collections::BTreeSet;

use futures_util::join;

use super::names::{TARGET_TRACKING, alarm_belongs, belongs, log_group_belongs, topic_belongs};
use super::{Row, Subject, Thing};
use crate::blueprint::tags::{ENVIRONMENT, PART};
use crate::blueprint::{Placement, names};
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, expiry_parameter};

/// Parts that an environment may have without the name of a stage.
const PARTS: [&str; 4] = ["artifacts", "network", "intake", "dashboard"];
/// The policy in each worker's role, which names what its workers may use.
const WORKER_POLICY: &str = "worker";

/// What was found, each perhaps several times, and the searches that failed.
pub async fn search(cloud: &Cloud, subject: &Subject) -> (Vec<Thing>, Vec<Row>) {
    let look = Look {
        cloud,
        environment: &subject.environment,
        parts: parts(subject),
    };
    let prefix = format!("{}-", subject.environment);
    let (stacks, tagged, groups, queues, topics, subscriptions) = join!(
        look.stacks(),
        look.tagged(),
        cloud.groups_with_tag(ENVIRONMENT, &subject.environment),
        look.queues(),
        cloud.topics(),
        cloud.all_subscriptions(),
    );
    let functions = format!("/aws/lambda/{prefix}");
    let tracking = format!("{TARGET_TRACKING}{prefix}");
    let (roles, log_groups, of_functions, alarms, of_tracking) = join!(
        cloud.roles_named(&prefix, WORKER_POLICY),
        cloud.log_groups(&prefix),
        cloud.log_groups(&functions),
        cloud.alarms_named(&prefix),
        cloud.alarms_named(&tracking),
    );
    let mut found = Found {
        things: look.exactly(),
        unknown: Vec::new(),
        prefix: &prefix,
    };
    let parts = &look.parts;
    let environment = look.environment;
    found.add("AWS::CloudFormation::Stack", stacks, |_| true);
    found.things(tagged);
    let groups = groups.map(|all| {
        let ours = all
            .into_iter()
            .filter(|(name, is_tagged)| *is_tagged || belongs(name, environment, parts));
        ours.map(|(name, _)| name).collect()
    });
    found.add("AWS::AutoScaling::AutoScalingGroup", groups, |_| true);
    found.add("AWS::SQS::Queue", queues, |_| true);
    found.add("AWS::SNS::Topic", topics, |arn| topic_belongs(arn, environment, parts));
    let subscriptions = subscriptions.map(|all| {
        let ours = all
            .into_iter()
            .filter(|(_, topic)| topic_belongs(topic, environment, parts));
        ours.map(|(arn, _)| arn).collect()
    });
    found.add("AWS::SNS::Subscription", subscriptions, |_| true);
    let roles = roles.map(|all| {
        let here = all
            .into_iter()
            .filter(|role| is_of_region(role.policy.as_deref(), cloud));
        here.map(|role| role.name).collect()
    });
    found.add("AWS::IAM::Role", roles, |name| belongs(name, environment, parts));
    for log_groups in [log_groups, of_functions] {
        found.add("AWS::Logs::LogGroup", log_groups, |name| {
            log_group_belongs(name, environment, parts)
        });
    }
    for alarms in [alarms, of_tracking] {
        found.add("AWS::CloudWatch::Alarm", alarms, |name| {
            alarm_belongs(name, environment, parts)
        });
    }
    (found.things, found.unknown)
}

/// Roles belong to no region, and an environment of the same name may be in another one: what its workers may use says
/// where they are.
fn is_of_region(policy: Option<&str>, cloud: &Cloud) -> bool {
    let Some(policy) = policy else { return false };
    // As IAM encodes it: `%3A` is a colon.
    let here = format!("%3A{}%3A{}%3A", cloud.region, cloud.account);
    policy.contains(&here) || policy.contains(&here.replace("%3A", ":"))
}

fn parts(subject: &Subject) -> BTreeSet<String> {
    let fixed = PARTS.iter().map(|part| (*part).to_owned());
    fixed
        .chain(subject.known.parts.iter().cloned())
        .chain(subject.stages.iter().cloned())
        .collect()
}

struct Look<'a> {
    cloud: &'a Cloud,
    environment: &'a str,
    parts: BTreeSet<String>,
}

impl Look<'_> {
    /// What has names that are known beforehand.
    fn exactly(&self) -> Vec<Thing> {
        let placement = Placement {
            account: self.cloud.account.clone(),
            region: self.cloud.region.clone(),
            local: self.cloud.local,
        };
        vec![
            Thing::new("AWS::S3::Bucket", names::bucket(self.environment, &placement)),
            Thing::new("AWS::S3::Bucket", names::artifacts_bucket(self.environment, &placement)),
            Thing::new("AWS::CloudWatch::Dashboard", self.environment),
            Thing::new("AWS::SSM::Parameter", expiry_parameter(self.environment)),
        ]
    }

    /// ARNs of its stacks.
    async fn stacks(&self) -> Result<Vec<String>, CloudError> {
        let found = Deployed::find(self.cloud, self.environment).await?;
        Ok(found.stacks.into_iter().map(|found| found.stack.id).collect())
    }

    /// What carries its tag. A snapshot, an image or a key that a user tagged so isn't of this environment's stacks: those
    /// have a part, too.
    async fn tagged(&self) -> Result<Vec<Thing>, CloudError> {
        let tagged = self.cloud.tagged(ENVIRONMENT, self.environment).await?;
        let mut things = Vec::new();
        for tagged in tagged.into_iter().filter(|tagged| tagged.tags.contains_key(PART)) {
            let mut thing = Thing::of_arn(&tagged.arn);
            if thing.resource_type == "AWS::SQS::Queue"
                && let Some(url) = self.cloud.queue_url(&thing.id).await?
            {
                thing.id = url;
            }
            things.push(thing);
        }
        Ok(things)
    }

    /// URLs of the queues of its stages. `photo-lab-2-move` may be a stage of `photo-lab` or one of `photo-lab-2`: a
    /// queue whose stage isn't known says itself whose it is, and without a tag it is nobody's.
    async fn queues(&self) -> Result<Vec<String>, CloudError> {
        let mut ours = Vec::new();
        for url in self.cloud.queues_named(&format!("{}-", self.environment)).await? {
            let name = url.rsplit('/').next().unwrap_or_default();
            let is_known = self.parts.iter().any(|part| {
                name == names::queue(self.environment, part) || name == names::dead_letter_queue(self.environment, part)
            });
            if is_known || self.cloud.queue_tag(&url, ENVIRONMENT).await?.as_deref() == Some(self.environment) {
                ours.push(url);
            }
        }
        Ok(ours)
    }
}

struct Found<'a> {
    things: Vec<Thing>,
    unknown: Vec<Row>,
    prefix: &'a str,
}

impl Found<'_> {
    fn add(&mut self, resource_type: &str, listed: Result<Vec<String>, CloudError>, is_ours: impl Fn(&str) -> bool) {
        match listed {
            Ok(ids) => {
                let ours = ids.into_iter().filter(|id| is_ours(id));
                self.things.extend(ours.map(|id| Thing::new(resource_type, id)));
            }
            Err(error) => self
                .unknown
                .push(Row::unknown(resource_type, &format!("{}*", self.prefix), error)),
        }
    }

    fn things(&mut self, listed: Result<Vec<Thing>, CloudError>) {
        match listed {
            Ok(things) => self.things.extend(things),
            Err(error) => {
                let what = format!("everything with the tag {ENVIRONMENT}");
                self.unknown.push(Row::unknown("any", &what, error));
            }
        }
    }
}
