//! Workers that are an Auto Scaling group of instances.

use std::collections::BTreeMap;

use super::image::image;
use super::{Parts, Place, ZONES, output};
use crate::blueprint::rolling_update::{self, RollingUpdate};
use crate::blueprint::{Artifact, InService, Value, ZonesWanted, contexts, names, outputs, program, quoting};
use crate::environment::advice::COLD_REACTION_FLOOR;
use crate::environment::given::Given;
use crate::environment::problem::Problem;
use crate::environment::units::Duration;
use crate::environment::{Instances, Network, Zones};

/// How long the watcher needs, beside the worker's own time: to see that the instance waits in its hook, to tell the
/// worker, and to complete the hook afterwards (`templates/worker/watch.sh`).
const WATCHER_SECONDS: u64 = 15;
/// As long as the first message may take to wake a group that sleeps.
const NOBODY_WORKS_MINUTES: u64 = COLD_REACTION_FLOOR.as_secs() / 60;
/// A lifecycle hook's `HeartbeatTimeout` is two hours at most; the watcher's heartbeats keep it open for longer.
const LONGEST_HEARTBEAT: u64 = 7200;
/// `PauseTime` is an hour at most.
const LONGEST_PAUSE: u64 = 3600;

impl Parts<'_> {
    /// Its program; none where the image brings the worker.
    pub(super) fn instances_program(
        &self,
        place: Place<'_>,
        instances: &Instances,
    ) -> Result<Option<Artifact>, Vec<Problem>> {
        self.program(&self.environment.stages[place.index].name, &pointer(place), instances)
    }

    /// The program of the instances of a part.
    pub(super) fn program(
        &self,
        part: &str,
        pointer: &str,
        instances: &Instances,
    ) -> Result<Option<Artifact>, Vec<Problem>> {
        let Some(program) = &instances.program else {
            return Ok(None);
        };
        let folder = self.environment.program_folder(program);
        let program = program::pack(&folder, &format!("{pointer}/program"))?;
        Ok(Some(Artifact {
            stage: part.to_owned(),
            key: format!("programs/{part}/{}.tar.gz", program.hash),
            bytes: program.archive,
        }))
    }

    /// What a deploy of them waits for, where nothing signals.
    pub(super) fn in_service(&self, instances: &Instances) -> Option<InService> {
        // The emulator's groups have no instances.
        (instances.program.is_none() && !self.placement.local).then(|| InService {
            at_least: fewest(instances),
            within_seconds: instances.start_timeout.as_secs(),
        })
    }

    /// Ends the here-documents with settings, and stands in none of them.
    pub(super) fn end_mark(&self, part: &str, instances: &Instances) -> String {
        let prefixes = self.environment.bucket.iter();
        let prefixes = prefixes.flat_map(|bucket| [bucket.uploads.as_str(), &bucket.processed]);
        let variables = instances.environment.iter();
        let variables = variables.flat_map(|(name, value)| [name.as_str(), value]);
        let secrets = instances.secrets.iter();
        let secrets = secrets.flat_map(|(name, secret)| [name.as_str(), &secret.0]);
        let names = [self.environment.name.as_str(), part].into_iter();
        quoting::end_mark(names.chain(prefixes).chain(variables).chain(secrets))
    }

    /// What its instances are given.
    pub(super) fn instance_parameters(
        &self,
        place: Place<'_>,
        instances: &Instances,
        are_active: bool,
    ) -> Result<BTreeMap<String, Value>, Problem> {
        let mut parameters = BTreeMap::from([(
            "ImageId".to_owned(),
            image(instances, self.placement.local, &pointer(place))?,
        )]);
        let mut add = |name: &str, value| parameters.insert(name.to_owned(), value);
        if instances.network == Some(Network::Create) {
            add("VpcId", output("network", outputs::VPC));
        } else if let Some(vpc) = &instances.vpc {
            add("VpcId", Value::Literal(vpc.clone()));
        }
        if !are_active {
            return Ok(parameters);
        }
        // What the group alone needs.
        add(
            rolling_update::PARAMETER,
            Value::InService(RollingUpdate::of(instances).keeps(0)),
        );
        if instances.network == Some(Network::Create) {
            add("SubnetIds", output("network", outputs::SUBNETS));
        } else if let Some(subnets) = &instances.subnets {
            add("SubnetIds", Value::Literal(subnets.join(",")));
        } else if let Some(wanted) = default_zones(instances) {
            add(ZONES, Value::Zones(wanted));
        }
        Ok(parameters)
    }

    pub(super) fn instance_context<'b>(
        &'b self,
        place: Place<'_>,
        instances: &'b Instances,
    ) -> contexts::Instances<'b> {
        let stage = &self.environment.stages[place.index];
        let used = self.environment.used_by_stage(place.index);
        let instance_name = names::stack(&self.environment.name, &stage.name);
        self.group_context(instance_name, self.end_mark(&stage.name, instances), &used, instances)
    }

    /// With what the whole part uses of extras.
    pub(super) fn group_context<'b>(
        &'b self,
        instance_name: String,
        end_mark: String,
        used: &[Given<'_>],
        instances: &'b Instances,
    ) -> contexts::Instances<'b> {
        contexts::Instances {
            security_groups: self.security_groups(&instances.security_groups, used),
            variables: self.variables(&instances.environment, used),
            secrets: self.secrets(&instances.secrets, used),
            ..context(instance_name, end_mark, instances)
        }
    }
}

fn pointer(place: Place<'_>) -> String {
    format!("/stages/{}/workers/instances", place.index)
}

/// What is said of them without a look at the rest of the file.
fn context(instance_name: String, end_mark: String, instances: &Instances) -> contexts::Instances<'_> {
    let drains_for = instances.drains_for().map(Duration::as_secs);
    contexts::Instances {
        instance_name,
        instance_types: &instances.types,
        mixed: instances.types.len() > 1 || instances.spot,
        spot: instances.spot,
        on_demand_base: instances.on_demand_base,
        security_groups: Vec::new(),
        image_from_ssm: !instances.image.starts_with("ami-"),
        root_device: instances.root_device(),
        program: instances.program.is_some(),
        settings: instances.settings.is_none(),
        own_subnets: instances.vpc.is_some() || instances.network.is_some(),
        zones: match &instances.zones {
            Some(Zones::Named(names)) => names,
            Some(Zones::All) | None => &[],
        },
        zones_wanted: default_zones(instances).map(|wanted| wanted.to_string()),
        min: instances.min,
        max: instances.max,
        capacity_text: instances.schedule().write(),
        capacity: instances.schedule().0,
        may_be_empty: instances.may_be_empty(),
        min_in_service: RollingUpdate::of(instances).keeps(0),
        batch_size: RollingUpdate::of(instances).batch_size,
        pause: iso8601(match instances.program {
            Some(_) => instances.start_timeout.as_secs(),
            None => instances.warmup.as_secs().min(LONGEST_PAUSE),
        }),
        warmup_seconds: instances.warmup.as_secs(),
        // Twice the alarm's three minutes, and some for what it looks at beyond them when data is missing.
        wake_warmup_seconds: instances.warmup.as_secs().max(600),
        nobody_works_minutes: NOBODY_WORKS_MINUTES.max(instances.start_timeout.as_secs().div_ceil(60)),
        drain_seconds: drains_for,
        hook_seconds: (drains_for.unwrap_or_default() + WATCHER_SECONDS).min(LONGEST_HEARTBEAT),
        volume_gib: instances.volume.as_gib(),
        session_manager: instances.session_manager,
        end_mark,
        variables: Vec::new(),
        secrets: contexts::Secrets::default(),
        managed_policies: &instances.policies,
    }
}

/// Whatever time of the day it is.
fn fewest(instances: &Instances) -> u32 {
    let scheduled = instances.schedule().0.into_iter().map(|entry| entry.min);
    scheduled.fold(instances.min, u32::min)
}

/// The zones of the default VPC, for instances that run there and name none.
pub(super) fn default_zones(instances: &Instances) -> Option<ZonesWanted> {
    let elsewhere = instances.network.is_some() || instances.vpc.is_some();
    let named = matches!(instances.zones, Some(Zones::Named(_)));
    (!elsewhere && !named).then(|| ZonesWanted {
        offering: vec![instances.types.clone()],
        subnets: None,
    })
}

/// `PT1H30M`: a duration as CloudFormation reads it.
fn iso8601(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::from("PT");
    for (count, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text == "PT" {
        text.push_str("0S");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_cloudformation_reads_them() {
        assert_eq!(iso8601(0), "PT0S");
        assert_eq!(iso8601(90), "PT1M30S");
        assert_eq!(iso8601(900), "PT15M");
        assert_eq!(iso8601(3600), "PT1H");
        assert_eq!(iso8601(43_261), "PT12H1M1S");
    }
}
