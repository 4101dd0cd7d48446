//! What a test says beforehand, or while it runs: how long things take, what fails, what others do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::auto_scaling::ScriptedGroup;
use super::faults::{Fault, On, Rule};

/// What happens. Every method gives the script back, so that it reads as one sentence.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) resources_take: Duration,
    pub(super) takes: BTreeMap<(String, String), Duration>,
    pub(super) chatter: BTreeMap<(String, String), u32>,
    pub(super) failures: Vec<Failure>,
    pub(super) untold: BTreeSet<(String, String)>,
    pub(super) begun: BTreeSet<(String, String)>,
    pub(super) change_sets_take: Duration,
    pub(super) stale_reads: u32,
    pub(super) stale_share: Option<super::stale::Share>,
    pub(super) early_templates: BTreeMap<String, String>,
    pub(super) page: usize,
    pub(super) existing: Vec<Existing>,
    pub(super) happenings: Vec<(Duration, Happening)>,
    pub(super) outputs: BTreeMap<(String, String), String>,
    pub(super) invalid: Vec<Invalid>,
    pub(super) unreadable: BTreeMap<(String, String), String>,
    pub(super) groups: Vec<ScriptedGroup>,
    pub(super) mapping: Option<super::mappings::ScriptedMapping>,
    pub(super) function: super::functions::ScriptedFunction,
    pub(super) mapping_tags: serde_json::Map<String, serde_json::Value>,
    pub(super) subscribed: Vec<super::users::Subscribed>,
    pub(super) activities: Vec<super::auto_scaling::ScriptedActivity>,
    /// Name, state and reason.
    pub(super) alarms: Vec<[String; 3]>,
    /// Topic, the queue's ARN, and whether it was confirmed.
    pub(super) subscriptions: Vec<(String, String, bool)>,
    /// Name and opt-in status.
    pub(super) regions: Vec<(String, String)>,
    /// Instance types, and the zones that offer them; those that aren't in here are offered in all.
    pub(super) offered: BTreeMap<String, Vec<String>>,
    /// Zones in which the default VPC has a subnet.
    pub(super) default_zones: Vec<String>,
    /// Whether a listing of all stacks says which are protected.
    pub(super) listings_tell_protection: bool,
    pub(super) series: BTreeMap<String, Vec<(i64, f64)>>,
    pub(super) rules: Vec<Rule>,
    pub(super) rates: BTreeMap<String, usize>,
    pub(super) describe_events: DescribeEvents,
    pub(super) said: BTreeMap<(String, String), super::said::Said>,
    pub(super) left: Vec<super::left::Left>,
    pub(super) listed: Vec<(String, String, BTreeMap<String, String>)>,
    pub(super) tagged: BTreeMap<String, String>,
    pub(super) drifted: Vec<super::drift::Drifted>,
    pub(super) detections_take: Duration,
    pub(super) detections_fail: BTreeMap<String, String>,
    pub(super) forward_to: Option<String>,
    pub(super) expects_complaints: bool,
    pub(super) takes_metrics_of_aws: bool,
    pub(super) logs: Vec<super::logs::ScriptedLog>,
    pub(super) empty_log_pages: usize,
    pub(super) without_log_groups: BTreeSet<String>,
    pub(super) taking: Option<Taking>,
}

/// How what is put into S3 is taken, byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// So many bytes, then nothing any more.
    Stops(u64),
    /// So many bytes a second.
    Slowly(u64),
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Update,
    Delete,
    /// Back to what it was before an update that failed.
    Restore,
}

/// A resource that fails.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub stack: String,
    pub resource: String,
    pub verb: Verb,
    pub reason: String,
    /// How often; `None`: always.
    pub times: Option<u32>,
}

/// A change set that early validation refuses.
#[derive(Debug, Clone)]
pub(super) struct Invalid {
    pub stack: String,
    pub resource: String,
    pub path: String,
    pub reason: String,
}

/// How DescribeEvents answers: it is newer than the rest, and not everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribeEvents {
    Answers,
    Empty,
    UnknownAction,
}

/// A stack that is there from the beginning.
#[derive(Debug, Clone)]
pub struct Existing {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) body: String,
    pub(super) protected: bool,
    pub(super) reason: Option<String>,
    pub(super) drift: Option<(String, Duration)>,
    pub(super) resource_statuses: BTreeMap<String, (String, String)>,
    pub(super) ends: Option<(Duration, String)>,
    pub(super) events: usize,
}

/// What somebody else does.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Starts an operation: the stack is in the status `during`, and after `takes` in the status `then`.
    Operation {
        stack: String,
        during: String,
        takes: Duration,
        then: String,
    },
    /// Deletes a stack.
    Delete { stack: String },
}

impl Script {
    /// Everything works, and quickly: a resource takes 20 ms.
    pub fn new() -> Self {
        Script {
            account: "111122223333".into(),
            region: "us-east-2".into(),
            resources_take: Duration::from_millis(20),
            takes: BTreeMap::new(),
            chatter: BTreeMap::new(),
            failures: Vec::new(),
            untold: BTreeSet::new(),
            begun: BTreeSet::new(),
            change_sets_take: Duration::from_millis(20),
            stale_reads: 0,
            stale_share: None,
            early_templates: BTreeMap::new(),
            page: 100,
            existing: Vec::new(),
            happenings: Vec::new(),
            outputs: BTreeMap::new(),
            invalid: Vec::new(),
            unreadable: BTreeMap::new(),
            groups: Vec::new(),
            mapping: None,
            function: super::functions::ScriptedFunction::default(),
            mapping_tags: serde_json::Map::new(),
            subscribed: Vec::new(),
            activities: Vec::new(),
            alarms: Vec::new(),
            subscriptions: Vec::new(),
            regions: Vec::new(),
            offered: BTreeMap::new(),
            default_zones: ["us-east-2a", "us-east-2b", "us-east-2c"].map(str::to_owned).into(),
            listings_tell_protection: true,
            series: BTreeMap::new(),
            rules: Vec::new(),
            rates: BTreeMap::new(),
            describe_events: DescribeEvents::Answers,
            said: BTreeMap::new(),
            left: Vec::new(),
            listed: Vec::new(),
            tagged: BTreeMap::new(),
            drifted: Vec::new(),
            detections_take: Duration::ZERO,
            detections_fail: BTreeMap::new(),
            forward_to: None,
            expects_complaints: false,
            takes_metrics_of_aws: false,
            logs: Vec::new(),
            empty_log_pages: 0,
            without_log_groups: BTreeSet::new(),
            taking: None,
        }
    }

    /// Whose credentials these are.
    pub fn account(mut self, account: &str) -> Self {
        self.account = account.into();
        self
    }

    /// How long a resource takes, unless [`Script::takes`] says otherwise.
    pub fn resources_take(mut self, each: Duration) -> Self {
        self.resources_take = each;
        self
    }

    /// How long this resource takes.
    pub fn takes(mut self, stack: &str, resource: &str, time: Duration) -> Self {
        self.takes.insert((stack.into(), resource.into()), time);
        self
    }

    /// So many more events while this resource is in progress.
    pub fn chatter(mut self, stack: &str, resource: &str, events: u32) -> Self {
        self.chatter.insert((stack.into(), resource.into()), events);
        self
    }

    /// How long a change set is CREATE_PENDING and CREATE_IN_PROGRESS, together.
    pub fn change_sets_take(mut self, time: Duration) -> Self {
        self.change_sets_take = time;
        self
    }

    /// The resource fails each time.
    pub fn fails(self, stack: &str, resource: &str, verb: Verb, reason: &str) -> Self {
        self.failure(stack, resource, verb, reason, None)
    }

    /// What this resource fails with is told by DescribeEvents alone, as the failures of hooks are; the events of the
    /// stack only say that it failed
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html>).
    pub fn untold(mut self, stack: &str, resource: &str) -> Self {
        self.untold.insert((stack.into(), resource.into()));
        self
    }

    /// When this resource fails to be created, it has begun to be: it has a physical id, and the rollback deletes it
    /// (localstack/localstack tests/aws/services/cloudformation/api/test_stacks.snapshot.json, test_blocked_stack_deletion).
    pub fn begun(mut self, stack: &str, resource: &str) -> Self {
        self.begun.insert((stack.into(), resource.into()));
        self
    }

    /// The resource fails so many times, then no more.
    pub fn fails_times(self, stack: &str, resource: &str, verb: Verb, reason: &str, times: u32) -> Self {
        self.failure(stack, resource, verb, reason, Some(times))
    }

    fn failure(mut self, stack: &str, resource: &str, verb: Verb, reason: &str, times: Option<u32>) -> Self {
        self.failures.push(Failure {
            stack: stack.into(),
            resource: resource.into(),
            verb,
            reason: reason.into(),
            times,
        });
        self
    }

    /// After an operation was started, so many reads of the stack and its events still show it as it was before.
    pub fn stale_reads(mut self, reads: u32) -> Self {
        self.stale_reads = reads;
        self
    }

    /// So many of a hundred reads show stacks as they were, at most so long ago: also when they weren't there yet.
    pub fn stale_share(mut self, of_a_hundred: u64, oldest: Duration) -> Self {
        self.stale_share = Some(super::stale::Share {
            of_a_hundred,
            oldest,
            only: None,
        });
        self
    }

    /// The same of all reads of one action, and of no others.
    pub fn stale_reads_of(mut self, action: &'static str, oldest: Duration) -> Self {
        self.stale_share = Some(super::stale::Share {
            of_a_hundred: 100,
            oldest,
            only: Some(action),
        });
        self
    }

    /// Reads of this stack's template still give this one: they come too early, as those of `stale.rs`. That
    /// this read does, too, is our assumption: nothing says that it is consistent.
    pub fn early_template(mut self, stack: &str, body: &str) -> Self {
        self.early_templates.insert(stack.to_owned(), body.to_owned());
        self
    }

    /// How many items a page of an answer holds.
    pub fn page(mut self, items: usize) -> Self {
        self.page = items;
        self
    }

    /// A stack that is there from the beginning.
    pub fn existing(mut self, stack: Existing) -> Self {
        self.existing.push(stack);
        self
    }

    /// Somebody else does something, so long after the start.
    pub fn at(mut self, time: Duration, happening: Happening) -> Self {
        self.happenings.push((time, happening));
        self
    }

    /// An output's value from the stack's next operation on, whatever its template says.
    pub fn output(mut self, stack: &str, key: &str, value: &str) -> Self {
        self.outputs.insert((stack.into(), key.into()), value.into());
        self
    }

    /// Change sets of the stack fail early validation.
    pub fn invalid(mut self, stack: &str, resource: &str, path: &str, reason: &str) -> Self {
        self.invalid.push(Invalid {
            stack: stack.into(),
            resource: resource.into(),
            path: path.into(),
            reason: reason.into(),
        });
        self
    }

    /// Read with values, change sets leave this resource out and say why in a warning
    /// (<https://github.com/aws/aws-cdk-cli/issues/1780>).
    pub fn unreadable(mut self, stack: &str, resource: &str, why: &str) -> Self {
        self.unreadable.insert((stack.into(), resource.into()), why.into());
        self
    }

    /// An Auto Scaling group that is there from the beginning.
    pub fn group(mut self, group: ScriptedGroup) -> Self {
        self.groups.push(group);
        self
    }

    /// Objects that are put are taken so.
    pub fn taking(mut self, taking: Taking) -> Self {
        self.taking = Some(taking);
        self
    }

    /// None of the groups that are there.
    pub fn without_groups(mut self) -> Self {
        self.groups.clear();
        self
    }

    /// A group has so many instances in service now.
    pub fn resize(mut self, name: &str, instances: usize) -> Self {
        let found = self.groups.iter_mut().find(|group| group.name == name);
        found.expect("the group").resize(instances);
        self
    }

    /// What functions in stacks are like. Without it they work.
    pub fn function(mut self, function: super::functions::ScriptedFunction) -> Self {
        self.function = function;
        self
    }

    /// What event source mappings in stacks are like. Without it there are none, whatever stacks say.
    pub fn mapping(mut self, mapping: super::mappings::ScriptedMapping) -> Self {
        self.mapping = Some(mapping);
        self
    }

    /// A subscription that no stack made.
    pub fn subscribed(mut self, topic: &str, arn: &str, protocol: &str, endpoint: &str) -> Self {
        self.subscribed.push(super::users::Subscribed {
            topic: topic.into(),
            arn: arn.into(),
            protocol: protocol.into(),
            endpoint: endpoint.into(),
        });
        self
    }

    /// Something that Auto Scaling did before the beginning; the last one is the newest.
    pub fn activity(mut self, activity: super::auto_scaling::ScriptedActivity) -> Self {
        self.activities.push(activity);
        self
    }

    /// An alarm in a state.
    pub fn alarm(mut self, name: &str, state: &str, reason: &str) -> Self {
        self.alarms.push([name, state, reason].map(str::to_owned));
        self
    }

    /// A subscription of a queue to a topic.
    pub fn subscription(mut self, topic: &str, queue_arn: &str, confirmed: bool) -> Self {
        self.subscriptions.push((topic.into(), queue_arn.into(), confirmed));
        self
    }

    /// An instance type is offered in these zones only.
    pub fn offers(mut self, of_type: &str, zones: &[&str]) -> Self {
        let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        self.offered.insert(of_type.into(), zones);
        self
    }

    /// The default VPC has subnets in these zones only.
    pub fn default_zones(mut self, zones: &[&str]) -> Self {
        self.default_zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        self
    }

    /// A region of the account, and its opt-in status.
    pub fn a_region(mut self, name: &str, status: &str) -> Self {
        self.regions.push((name.into(), status.into()));
        self
    }

    /// Listings of all stacks leave termination protection out, as they did until 2023.
    pub fn listings_leave_protection_out(mut self) -> Self {
        self.listings_tell_protection = false;
        self
    }

    /// What CloudWatch answers to the query of this id: (minutes ago, value), oldest first.
    pub fn series(mut self, id: &str, points: &[(i64, f64)]) -> Self {
        self.series.insert(id.into(), points.to_vec());
        self
    }

    /// Calls that go wrong.
    pub fn fault(mut self, on: On, fault: Fault) -> Self {
        self.rules.push(Rule::new(on, fault));
        self
    }

    /// More calls of this action in one second are throttled.
    pub fn at_most(mut self, action: &str, calls_a_second: usize) -> Self {
        self.rates.insert(action.into(), calls_a_second);
        self
    }

    /// How DescribeEvents answers.
    pub fn describe_events(mut self, how: DescribeEvents) -> Self {
        self.describe_events = how;
        self
    }

    /// What drift detection says of a resource; it didn't look at any other.
    pub fn drifted(mut self, resource: super::drift::Drifted) -> Self {
        self.drifted.push(resource);
        self
    }

    /// How long a drift detection is DETECTION_IN_PROGRESS.
    pub fn detections_take(mut self, time: Duration) -> Self {
        self.detections_take = time;
        self
    }

    /// Drift detections of the stack end with DETECTION_FAILED.
    pub fn detection_fails(mut self, stack: &str, reason: &str) -> Self {
        self.detections_fail.insert(stack.into(), reason.into());
        self
    }

    /// Everything but CloudFormation and STS goes to this emulator (`http://127.0.0.1:…`). Resources that the simulated
    /// CloudFormation makes aren't there: a test makes those that it needs.
    pub fn forward_to(mut self, endpoint: &str) -> Self {
        self.forward_to = Some(endpoint.into());
        self
    }

    /// It plays the emulator, which is told what it doesn't measure itself; AWS refuses namespaces that begin with `AWS/`
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>).
    pub fn takes_metrics_of_aws(mut self) -> Self {
        self.takes_metrics_of_aws = true;
        self
    }

    /// The test sends requests that break the service model, and looks at the complaints itself.
    pub fn expects_complaints(mut self) -> Self {
        self.expects_complaints = true;
        self
    }

    pub(super) fn time_of(&self, stack: &str, resource: &str) -> Duration {
        let key = (stack.to_owned(), resource.to_owned());
        self.takes.get(&key).copied().unwrap_or(self.resources_take)
    }

    /// Why the resource fails now, if it does. Counts.
    pub(super) fn failure_of(&mut self, stack: &str, resource: &str, verb: Verb) -> Option<String> {
        let failure = self.failures.iter_mut().find(|failure| {
            failure.stack == stack && failure.resource == resource && failure.verb == verb && failure.times != Some(0)
        })?;
        if let Some(times) = &mut failure.times {
            *times -= 1;
        }
        Some(failure.reason.clone())
    }
}

impl Existing {
    /// A stack with one queue.
    pub fn new(name: &str, status: &str) -> Self {
        Existing {
            name: name.into(),
            status: status.into(),
            tags: BTreeMap::new(),
            parameters: BTreeMap::new(),
            outputs: BTreeMap::new(),
            body: "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n".into(),
            protected: false,
            reason: None,
            drift: None,
            resource_statuses: BTreeMap::new(),
            ends: None,
            events: 0,
        }
    }

    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    pub fn parameter(mut self, key: &str, value: &str) -> Self {
        self.parameters.insert(key.into(), value.into());
        self
    }

    pub fn output(mut self, key: &str, value: &str) -> Self {
        self.outputs.insert(key.into(), value.into());
        self
    }

    pub fn body(mut self, template: &str) -> Self {
        self.body = template.into();
        self
    }

    /// In another status.
    pub fn status(mut self, status: &str) -> Self {
        self.status = status.into();
        self
    }

    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// Why it is in its status.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// What a drift detection found so long before the beginning.
    pub fn drift(mut self, status: &str, ago: Duration) -> Self {
        self.drift = Some((status.into(), ago));
        self
    }

    /// A resource in another status than a stack in this status usually has.
    pub fn resource(mut self, id: &str, status: &str, reason: &str) -> Self {
        self.resource_statuses.insert(id.into(), (status.into(), reason.into()));
        self
    }

    /// What runs at the beginning ends so long after it, in this status.
    pub fn ends(mut self, after: Duration, status: &str) -> Self {
        self.ends = Some((after, status.into()));
        self
    }

    /// So many events from earlier operations.
    pub fn events(mut self, events: usize) -> Self {
        self.events = events;
        self
    }
}
