//! What carries the environment's tag, or a name that its stacks give: what was in no stack any more, or in none ever.
//! A listing says where to look; whether it is there is asked afterwards.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::join;
use serde_json::Value;

use super::delivery;
use super::names::{TARGET_TRACKING, alarm_belongs, belongs, topic_belongs};
use super::{Row, Subject, Thing};
use crate::blueprint::tags::{ENVIRONMENT, PART};
use crate::blueprint::{Placement, names};
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, expiry_parameter};
use crate::environment::Delivery;

/// The policy in each role, which names what its bearer may use; by what is in the role's name.
const POLICIES: [(&str, &str); 2] = [("-ScheduleRole-", "send"), ("-ReplicationRole-", "replicate")];
/// That of all others: workers, and the web tier.
const WORKER_POLICY: &str = "worker";
const BUCKET: &str = "AWS::S3::Bucket";
const TABLE: &str = "AWS::DynamoDB::Table";

/// What was found, each perhaps several times, and the searches that failed.
pub async fn search(cloud: &Cloud, subject: &Subject) -> (Vec<Thing>, Vec<Row>) {
    let stacks = stacks(cloud, &subject.environment).await;
    let mut parts = parts(subject);
    if let Ok(stacks) = &stacks {
        // What somebody else's stack of such a name holds is somebody else's.
        parts.retain(|part| !stacks.others.contains(&names::stack(&subject.environment, part)));
    }
    let look = Look {
        cloud,
        environment: &subject.environment,
        parts,
    };
    let prefix = format!("{}-", subject.environment);
    let (exactly, tagged, distributions, groups, queues, topics, subscriptions) = join!(
        look.exactly(subject),
        look.tagged(),
        delivery::find(cloud, look.environment),
        cloud.groups_with_tag(ENVIRONMENT, &subject.environment),
        look.queues(),
        look.topics(),
        cloud.all_subscriptions(),
    );
    let tracking = format!("{TARGET_TRACKING}{prefix}");
    let (roles, alarms, log_groups) = join!(
        cloud.roles_named(&prefix, policy_of),
        cloud.alarms_named(&tracking),
        look.log_groups(subject),
    );
    let mut found = Found {
        things: exactly.0,
        unknown: exactly.1,
        prefix: &prefix,
    };
    let parts = &look.parts;
    let environment = look.environment;
    found.add("AWS::CloudFormation::Stack", stacks.map(|stacks| stacks.ours), |_| true);
    found.things(tagged);
    // Who may not ask CloudFront has made nothing there, as far as the stacks say that were read.
    let parts_read = &subject.known.parts;
    let had_none = !parts_read.is_empty() && !parts_read.iter().any(|part| part == Delivery::PART);
    for (resource_type, ids) in [
        (delivery::DISTRIBUTION, distributions.0),
        (delivery::ORIGIN_ACCESS, distributions.1),
    ] {
        let name = names::origin_access(&subject.environment, &cloud.region);
        match ids {
            Err(error) if had_none && error.is_denied() => {}
            ids => found.named(resource_type, &name, ids),
        }
    }
    let groups = groups.map(|all| {
        let ours = all
            .into_iter()
            .filter(|group| look.is_of_stacks(&group.tags) || belongs(&group.name, environment, parts));
        ours.map(|group| group.name).collect()
    });
    found.add("AWS::AutoScaling::AutoScalingGroup", groups, |_| true);
    found.add("AWS::SQS::Queue", queues, |_| true);
    // A topic that is gone says nothing any more: its name does. One that is there may be somebody else's.
    let others = topics.as_ref().map(|topics| topics.others.clone()).unwrap_or_default();
    found.add("AWS::SNS::Topic", topics.map(|topics| topics.ours), |_| true);
    let subscriptions = subscriptions.map(|all| {
        let ours = all
            .into_iter()
            .filter(|(_, topic)| topic_belongs(topic, environment, parts) && !others.contains(topic));
        ours.map(|(arn, _)| arn).collect()
    });
    found.add("AWS::SNS::Subscription", subscriptions, |_| true);
    let roles = roles.map(|all| {
        let here = all
            .into_iter()
            .filter(|role| names_ours(role.policy.as_deref(), cloud, environment));
        here.map(|role| role.name).collect()
    });
    found.add("AWS::IAM::Role", roles, |name| belongs(name, environment, parts));
    // Auto Scaling's carry no tags. Those of the stacks do, and so do their log groups.
    let alarms = alarms.map(|all| {
        let ours = all.into_iter().filter(|alarm| alarm_belongs(alarm, environment, parts));
        ours.map(|alarm| alarm.name).collect()
    });
    found.add("AWS::CloudWatch::Alarm", alarms, |_| true);
    found.add("AWS::Logs::LogGroup", log_groups, |_| true);
    (found.things, found.unknown)
}

fn policy_of(role: &str) -> &'static str {
    let known = POLICIES.iter().find(|(part, _)| role.contains(part));
    known.map_or(WORKER_POLICY, |(_, policy)| policy)
}

/// Whether a role's policy names queues or buckets of this environment, which tells whose it is. Roles belong to no region,
/// and an environment of the same name may be in another one.
fn names_ours(policy: Option<&str>, cloud: &Cloud, environment: &str) -> bool {
    let Some(policy) = policy else { return false };
    let Cloud { account, region, .. } = cloud;
    let queues = format!("%3A{region}%3A{account}%3A{environment}-");
    // The bucket itself, which the role for copies may read the rules of; or programs in the bucket for these. Not files in the
    // first one: the role for copies in the other region may put some there.
    let buckets = ["", "artifacts-"].map(|kind| {
        let end = if kind.is_empty() { "%22" } else { "%2F" };
        format!("%3As3%3A%3A%3A{environment}-{kind}{account}-{region}{end}")
    });
    // "Policies returned by this operation are URL-encoded" (GetRolePolicy): `%3A` is a colon.
    [queues].iter().chain(&buckets).any(|ours| policy.contains(ours))
}

/// Stacks that are there.
struct Stacks {
    /// ARNs of the environment's own.
    ours: Vec<String>,
    /// Names of all others.
    others: BTreeSet<String>,
}

async fn stacks(cloud: &Cloud, environment: &str) -> Result<Stacks, CloudError> {
    let there = cloud.stacks().await?;
    let ours = Deployed::among(cloud, environment, there.clone())
        .await?
        .stacks
        .into_iter();
    let ours: Vec<String> = ours.map(|found| found.stack.id).collect();
    let there = there
        .into_iter()
        .filter(|stack| stack.status != StackStatus::DeleteComplete);
    let others = there.filter(|stack| !ours.contains(&stack.id)).map(|stack| stack.name);
    Ok(Stacks {
        others: others.collect(),
        ours,
    })
}

fn parts(subject: &Subject) -> BTreeSet<String> {
    let fixed = names::PARTS.iter().map(|part| (*part).to_owned());
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
    /// What has a name that is known beforehand, and says itself that it is this environment's: anybody can have given that
    /// name. And what can't be asked that.
    async fn exactly(&self, subject: &Subject) -> (Vec<Thing>, Vec<Row>) {
        let placement = Placement {
            account: self.cloud.account.clone(),
            region: self.cloud.region.clone(),
            local: self.cloud.local,
        };
        let of_parts = [
            ("intake", BUCKET, names::bucket(self.environment, &placement)),
            (
                "artifacts",
                BUCKET,
                names::artifacts_bucket(self.environment, &placement),
            ),
            ("results", TABLE, names::table(self.environment)),
            (
                "dashboard",
                "AWS::CloudWatch::Dashboard",
                names::dashboard(self.environment, &placement.region),
            ),
        ];
        let mut things = vec![Thing::new("AWS::SSM::Parameter", expiry_parameter(self.environment))];
        let mut unknown = Vec::new();
        for (_, resource_type, id) in of_parts.into_iter().filter(|(part, ..)| self.parts.contains(*part)) {
            let thing = Thing::new(resource_type, &id);
            let is_in_a_stack = subject.known.things.iter().any(|known| known.key() == thing.key());
            if is_in_a_stack || subject.is_others(resource_type, &id) {
                // It is looked for already, or nobody's to look for.
                continue;
            }
            let says_so = match resource_type {
                // The local emulator hands no tags to buckets.
                BUCKET if self.cloud.local => Ok(true),
                BUCKET => {
                    let tag = self.cloud.bucket_tag(&id, ENVIRONMENT).await;
                    tag.map(|tag| tag.as_deref() == Some(self.environment))
                }
                TABLE => {
                    let tag = self.cloud.table_tag(&id, ENVIRONMENT).await;
                    tag.map(|tag| tag.as_deref() == Some(self.environment))
                }
                _ => {
                    let body = self.cloud.dashboard_body(&id).await;
                    body.map(|body| body.is_some_and(|body| has_title(&body, self.environment)))
                }
            };
            match says_so {
                Ok(true) => things.push(thing),
                Ok(false) => {}
                Err(error) => unknown.push(Row::unknown(resource_type, &id, error)),
            }
        }
        (things, unknown)
    }

    /// Whether tags are those that a stack of this environment hands on. CloudFormation adds the stack's name: with copied
    /// tags, it is another one's
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>).
    fn is_of_stacks(&self, tags: &BTreeMap<String, String>) -> bool {
        let stack = tags.get("aws:cloudformation:stack-name");
        let part = stack.and_then(|stack| stack.strip_prefix(self.environment)?.strip_prefix('-'));
        tags.get(ENVIRONMENT).map(String::as_str) == Some(self.environment)
            && (stack.is_none() || part.is_some() && part == tags.get(PART).map(String::as_str))
    }

    /// What carries its tag. A snapshot, an image or a key that a user tagged so isn't of this environment's stacks: those
    /// have a part, too.
    async fn tagged(&self) -> Result<Vec<Thing>, CloudError> {
        let tagged = self.cloud.tagged(ENVIRONMENT, self.environment).await?;
        let mut things = Vec::new();
        for tagged in tagged
            .into_iter()
            .filter(|tagged| tagged.tags.contains_key(PART) && self.is_of_stacks(&tagged.tags))
        {
            let mut thing = Thing::of_arn(&tagged.arn);
            if thing.resource_type == delivery::DISTRIBUTION {
                // These are in no region, and looked for on their own.
                continue;
            }
            if thing.resource_type == "AWS::SQS::Queue"
                && let Some(url) = self.cloud.queue_url(&thing.id).await?
            {
                thing.id = url;
            }
            things.push(thing);
        }
        Ok(things)
    }

    /// URLs of the queues that carry its tag. A name alone says little: `photo-lab-2-move` may be a stage of `photo-lab` or
    /// one of `photo-lab-2`.
    async fn queues(&self) -> Result<Vec<String>, CloudError> {
        let mut ours = Vec::new();
        for url in self.cloud.queues_named(&format!("{}-", self.environment)).await? {
            if self.cloud.queue_tag(&url, ENVIRONMENT).await?.as_deref() == Some(self.environment) {
                ours.push(url);
            }
        }
        Ok(ours)
    }

    /// Log groups that Lambda itself made for functions of its stacks, as for one that somebody told to log elsewhere. They
    /// have no tags, and the name alone says little
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html>).
    async fn log_groups(&self, subject: &Subject) -> Result<Vec<String>, CloudError> {
        let things = subject.known.things.iter();
        let functions = things.filter(|thing| thing.resource_type == "AWS::Lambda::Function");
        let mut ours = Vec::new();
        for function in functions {
            let name = format!("/aws/lambda/{}", function.id);
            let named = self.cloud.log_groups(&name).await?;
            ours.extend(named.into_iter().filter(|found| *found == name));
        }
        Ok(ours)
    }

    /// All topics. Its own are those that CloudFormation named, and the one that tells of uploads, when they carry its tag.
    async fn topics(&self) -> Result<Topics, CloudError> {
        let mut topics = Topics::default();
        for arn in self.cloud.topics().await? {
            let name = arn.rsplit(':').next().unwrap_or_default();
            let tells_of_uploads = self.parts.contains("intake") && name == names::topic(self.environment);
            if (tells_of_uploads || belongs(name, self.environment, &self.parts))
                && self.cloud.topic_tag(&arn, ENVIRONMENT).await?.as_deref() == Some(self.environment)
            {
                topics.ours.push(arn);
            } else {
                topics.others.insert(arn);
            }
        }
        Ok(topics)
    }
}

/// ARNs of the topics that are there.
#[derive(Default)]
struct Topics {
    ours: Vec<String>,
    others: BTreeSet<String>,
}

/// Whether a dashboard is this environment's, by what it shows on top.
fn has_title(body: &str, environment: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let title = names::dashboard_title(environment);
    let mut widgets = body["widgets"].as_array().into_iter().flatten();
    widgets.any(|widget| widget["properties"]["markdown"] == title.as_str())
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

    /// The same of a search for one name.
    fn named(&mut self, resource_type: &str, name: &str, listed: Result<Vec<String>, CloudError>) {
        match listed {
            Ok(ids) => self.things.extend(ids.iter().map(|id| Thing::new(resource_type, id))),
            Err(error) => self.unknown.push(Row::unknown(resource_type, name, error)),
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
