//! The environment's own VPC.

use std::collections::BTreeMap;

use super::{Parts, ZONES};
use crate::blueprint::{Stack, Value, ZonesWanted, contexts};
use crate::environment::problem::Problem;
use crate::environment::{Network, Stage};

/// The subnets of a network of the environment's own, each in a zone of its own.
const SUBNETS: u32 = 2;

impl Parts<'_> {
    /// A VPC, if any stage asks for one.
    pub fn network(&self) -> Option<Result<Stack, Problem>> {
        let asked = self.environment.stages.iter().filter(|stage| is_wanted(stage));
        let types = asked.filter_map(|stage| Some(stage.workers.instances.as_ref()?.types.clone()));
        let mut offering: Vec<Vec<String>> = types.collect();
        offering.sort();
        offering.dedup();
        (!offering.is_empty()).then(|| {
            let wanted = ZonesWanted {
                offering,
                subnets: Some(SUBNETS),
            };
            let context = contexts::Network {
                environment: &self.environment.name,
                zone_count: SUBNETS,
                zones_wanted: wanted.to_string(),
            };
            let parameters = BTreeMap::from([(ZONES.to_owned(), Value::Zones(wanted))]);
            self.stack("network", "network.yaml.j2", &context, parameters, self.on_destroy())
        })
    }
}

/// Whether a stage asks for a VPC.
pub(in crate::blueprint) fn is_wanted(stage: &Stage) -> bool {
    let instances = stage.workers.instances.as_ref();
    instances.is_some_and(|instances| instances.network == Some(Network::Create))
}
