//! What a test says beforehand, or while it runs: how long things take, what fails, what others do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::existing::Existing;
use super::failures::{Failure, Invalid};
use super::faults::{Fault, On, Rule};
use super::scripted_group::{ScriptedActivity, ScriptedGroup};

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
    pub(super) originals: BTreeMap<String, String>,
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
    pub(super) activities: Vec<ScriptedActivity>,
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
    /// Names of load balancers, and targets by target group, that aren't in a stack.
    pub(super) balancers: Vec<String>,
    pub(super) targets: BTreeMap<String, Vec<super::load_balancers::ScriptedTarget>>,
    /// Subnets by id: zone and VPC.
    pub(super) subnets: BTreeMap<String, (String, String)>,
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
    pub(super) limits: super::limits::Limits,
    pub(super) simulated: super::simulation::Simulated,
    /// Who calls, behind the account in the ARN.
    pub(super) caller: String,
    /// So many seconds is AWS's clock ahead of this machine's.
    pub(super) clock_ahead: i64,
    pub(super) ec2: super::ec2::OfEc2,
}

/// How what is put into S3 is taken, byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// So many bytes, then nothing any more.
    Stops(u64),
    /// So many bytes a second.
    Slowly(u64),
}

/// How DescribeEvents answers: it is newer than the rest, and not everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribeEvents {
    Answers,
    Empty,
    UnknownAction,
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
            originals: BTreeMap::new(),
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
            balancers: Vec::new(),
            targets: BTreeMap::new(),
            subnets: BTreeMap::new(),
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
            limits: super::limits::Limits::default(),
            simulated: super::simulation::Simulated::default(),
            caller: "user/somebody".into(),
            clock_ahead: 0,
            ec2: super::ec2::OfEc2::default(),
        }
    }

    /// Whose credentials these are.
    pub fn account(mut self, account: &str) -> Self {
        self.account = account.into();
        self
    }

    /// Who calls: the end of the ARN, as `assumed-role/admin/somebody`.
    pub fn caller(mut self, caller: &str) -> Self {
        self.caller = caller.into();
        self
    }

    /// AWS's clock is so many seconds ahead of this machine's.
    pub fn clock_ahead(mut self, seconds: i64) -> Self {
        self.clock_ahead = seconds;
        self
    }

    /// Where they work.
    pub fn region(mut self, region: &str) -> Self {
        self.region = region.into();
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

    /// How many items a page of an answer holds.
    pub fn page(mut self, items: usize) -> Self {
        self.page = items;
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

    /// Objects that are put are taken so.
    pub fn taking(mut self, taking: Taking) -> Self {
        self.taking = Some(taking);
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

    /// A subnet that isn't the default VPC's own.
    pub fn subnet(mut self, id: &str, zone: &str, vpc: &str) -> Self {
        self.subnets.insert(id.into(), (zone.into(), vpc.into()));
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
}
