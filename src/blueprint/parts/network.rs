//! The environment's own VPC.

use std::collections::BTreeMap;

use super::{Parts, ZONES};
use crate::blueprint::{Stack, Value, ZonesWanted, contexts};
use crate::environment::problem::Problem;
use crate::environment::{Environment, Instances, Network};

/// The subnets of a network of the environment's own, each in a zone of its own.
const SUBNETS: u32 = 2;

impl Parts<'_> {
    /// A VPC, if any group of instances asks for one.
    pub fn network(&self) -> Option<Result<Stack, Problem>> {
        let mut offering: Vec<Vec<String>> = asked(self.environment)
            .map(|instances| instances.types.clone())
            .collect();
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

/// Whether any group of instances asks for a VPC.
pub(in crate::blueprint) fn is_wanted(environment: &Environment) -> bool {
    asked(environment).next().is_some()
}

fn asked(environment: &Environment) -> impl Iterator<Item = &Instances> {
    let all = environment.instances().map(|(_, instances)| instances);
    all.filter(|instances| instances.network == Some(Network::Create))
}
