//! Auto Scaling groups as a test says that they are from the beginning on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::draining::Obstacles;
use super::script::Script;

/// A group from the beginning on, and how its instances live.
#[derive(Debug, Clone)]
pub struct ScriptedGroup {
    pub(super) name: String,
    pub(super) min: usize,
    pub(super) desired: usize,
    pub(super) max: usize,
    /// Zone, id and lifecycle state.
    pub(super) instances: Vec<(String, String, String)>,
    /// How long a worker drains, and how long an instance comes up.
    pub(super) drains: Duration,
    pub(super) comes_up: Duration,
    pub(super) obstacles: Obstacles,
    /// How many batches of new instances start; those after never signal.
    batches_that_start: Option<usize>,
    pub(super) tagged: bool,
    /// Its own tags, beside those of its stack.
    pub(super) tags: BTreeMap<String, String>,
    pub(super) did_not_start: bool,
    /// Whether it launches instances of several types.
    pub(super) mixed: bool,
    pub(super) suspended: Vec<String>,
    /// The launch template's version, and those of instances that run another one.
    pub(super) version: String,
    version_before: String,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) protected: Vec<String>,
    pub(super) unhealthy: Vec<String>,
    /// Name, type and alarms.
    pub(super) policies: Vec<(String, String, Vec<String>)>,
    /// Status, reason, and how much is done.
    pub(super) refresh: Option<(String, Option<String>, u32)>,
}

/// Something that Auto Scaling did before the beginning.
#[derive(Debug, Clone)]
pub struct ScriptedActivity {
    pub group: &'static str,
    pub description: &'static str,
    pub cause: &'static str,
    pub status: &'static str,
    pub message: Option<&'static str>,
    pub ago: Duration,
}

impl ScriptedGroup {
    /// A group with these instances in service, `zone:id` each.
    pub fn new(name: &str, instances: &[&str]) -> Self {
        let in_service = |text: &&str| {
            let (zone, id) = text.split_once(':').expect("zone:id");
            (zone.to_owned(), id.to_owned(), "InService".to_owned())
        };
        ScriptedGroup {
            name: name.into(),
            min: 1,
            desired: instances.len(),
            max: instances.len().max(4),
            instances: instances.iter().map(in_service).collect(),
            drains: Duration::from_millis(300),
            comes_up: Duration::from_millis(600),
            obstacles: Obstacles::default(),
            batches_that_start: None,
            tagged: true,
            tags: BTreeMap::new(),
            did_not_start: false,
            mixed: false,
            suspended: Vec::new(),
            version: "1".into(),
            version_before: "1".into(),
            versions: BTreeMap::new(),
            protected: Vec::new(),
            unhealthy: Vec::new(),
            policies: Vec::new(),
            refresh: None,
        }
    }

    /// Without the tags of its stack.
    pub fn untagged(mut self) -> Self {
        self.tagged = false;
        self
    }

    /// With a mixed instances policy, which names the launch template then
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_MixedInstancesPolicy.html>).
    pub fn mixed(mut self) -> Self {
        self.mixed = true;
        self
    }

    /// Its bounds, and how many instances it wants.
    pub fn sizes(mut self, min: usize, desired: usize, max: usize) -> Self {
        (self.min, self.desired, self.max) = (min, desired, max);
        self
    }

    /// A process that it was told not to do.
    pub fn suspended(mut self, process: &str) -> Self {
        self.suspended.push(process.into());
        self
    }

    /// An instance that was launched from another version of the launch template.
    pub fn launched_from(mut self, instance: &str, version: &str) -> Self {
        self.versions.insert(instance.into(), version.into());
        self
    }

    /// The version of the launch template.
    pub fn version(mut self, version: &str) -> Self {
        self.version = version.into();
        self
    }

    /// An instance that scaling in leaves alone.
    pub fn protects(mut self, instance: &str) -> Self {
        self.protected.push(instance.into());
        self
    }

    /// An instance that isn't well.
    pub fn unhealthy(mut self, instance: &str) -> Self {
        self.unhealthy.push(instance.into());
        self
    }

    /// A scaling policy of a type, and its alarms.
    pub fn policy(mut self, name: &str, kind: &str, alarms: &[&str]) -> Self {
        let alarms = alarms.iter().map(|alarm| (*alarm).to_owned()).collect();
        self.policies.push((name.into(), kind.into(), alarms));
        self
    }

    /// An instance refresh.
    pub fn refresh(mut self, status: &str, reason: Option<&str>, done: u32) -> Self {
        self.refresh = Some((status.into(), reason.map(str::to_owned), done));
        self
    }

    /// One more instance, in another state than in service.
    pub fn and(mut self, zone: &str, id: &str, state: &str) -> Self {
        self.instances.push((zone.into(), id.into(), state.into()));
        self
    }

    /// After so many batches of a rolling update, workers don't start any more; those of the version before do.
    pub fn starts(mut self, batches: usize) -> Self {
        self.batches_that_start = Some(batches);
        self
    }

    pub(super) fn resize(&mut self, instances: usize) {
        self.instances.truncate(instances);
        for number in self.instances.len()..instances {
            let id = format!("i-more-{number}");
            self.instances.push(("us-east-2a".into(), id, "InService".into()));
        }
        self.desired = instances;
    }

    /// Instances are launched from another version of the launch template from now on.
    pub(super) fn launch(&mut self, version: u64) {
        for (_, id, _) in &self.instances {
            self.versions.entry(id.clone()).or_insert(self.version.clone());
        }
        self.version_before = std::mem::replace(&mut self.version, version.to_string());
    }

    /// As before the last [`ScriptedGroup::launch`].
    pub(super) fn launch_as_before(&mut self) {
        for (_, id, _) in &self.instances {
            self.versions.entry(id.clone()).or_insert(self.version.clone());
        }
        self.version = self.version_before.clone();
    }

    /// Instances that don't match what the group launches now, the oldest first.
    pub(super) fn obsolete(&self) -> Vec<String> {
        let stay = self
            .instances
            .iter()
            .filter(|(_, _, state)| !state.starts_with("Terminat"));
        let others = stay.filter(|(_, id, _)| self.versions.get(id).is_some_and(|version| *version != self.version));
        others.map(|(_, id, _)| id.clone()).collect()
    }

    /// Whether the next batch of so many instances is one whose workers don't start. Counts.
    pub(super) fn fails_to_start(&mut self, count: usize) -> bool {
        match &mut self.batches_that_start {
            Some(0) if count > 0 => {
                // What is launched by the rollback starts again.
                self.batches_that_start = None;
                true
            }
            Some(left) if count > 0 => {
                *left -= 1;
                false
            }
            _ => false,
        }
    }

    /// Its stack made it, and gave it up: its instances didn't start in time.
    pub fn did_not_start(mut self) -> Self {
        self.did_not_start = true;
        self
    }

    /// What stands in the way of its deletion.
    pub fn obstacles(mut self, obstacles: Obstacles) -> Self {
        self.obstacles = obstacles;
        self
    }

    /// How long a worker drains, and how long an instance comes up.
    pub fn takes(mut self, drains: Duration, comes_up: Duration) -> Self {
        self.drains = drains;
        self.comes_up = comes_up;
        self
    }
}

impl Script {
    /// An Auto Scaling group that is there from the beginning.
    pub fn group(mut self, group: ScriptedGroup) -> Self {
        // There is one of a name.
        self.groups.retain(|known| known.name != group.name);
        self.groups.push(group);
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

    /// Something that Auto Scaling did before the beginning; the last one is the newest.
    pub fn activity(mut self, activity: ScriptedActivity) -> Self {
        self.activities.push(activity);
        self
    }
}
