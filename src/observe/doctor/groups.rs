//! The groups of instances that a file describes, and where each is put.

use std::collections::BTreeSet;

use crate::environment::{Active, Environment, Instances, Network, Zones};

/// The web tier's name, beside those of stages.
pub(super) const WEB: &str = "web";

/// Where instances are put.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The default VPC: in these zones, or in all that offer a type.
    Default(Option<Vec<String>>),
    Subnets {
        vpc: String,
        subnets: Vec<String>,
    },
    /// A network of the environment's own.
    Created,
}

/// A group of instances.
pub(super) struct Group<'a> {
    /// Its stage, or `web`.
    pub name: &'a str,
    pub instances: &'a Instances,
    /// Whether it is what works now.
    pub is_active: bool,
}

impl Group<'_> {
    pub fn place(&self) -> Place {
        let instances = self.instances;
        if instances.network == Some(Network::Create) {
            return Place::Created;
        }
        match (&instances.vpc, &instances.subnets) {
            (Some(vpc), Some(subnets)) => Place::Subnets {
                vpc: vpc.clone(),
                subnets: subnets.clone(),
            },
            _ => Place::Default(match &instances.zones {
                Some(Zones::Named(zones)) => Some(zones.clone()),
                Some(Zones::All) | None => None,
            }),
        }
    }

    pub fn types(&self) -> BTreeSet<String> {
        self.instances.types.iter().cloned().collect()
    }

    /// A load balancer's zones are two or more
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>).
    pub fn fewest_zones(&self) -> usize {
        if self.name == WEB { 2 } else { 1 }
    }
}

/// All of a file, in its order.
pub(super) fn of(environment: &Environment) -> Vec<Group<'_>> {
    let stages = environment.stages.iter().filter_map(|stage| {
        Some(Group {
            name: &stage.name,
            instances: stage.workers.instances.as_ref()?,
            is_active: stage.workers.active() == Active::Instances,
        })
    });
    let web = environment.web.iter().map(|web| Group {
        name: WEB,
        instances: &web.instances,
        is_active: true,
    });
    stages.chain(web).collect()
}

/// The names of those that are alike in something, each kind once: `work, web`.
pub(super) fn alike<'a, K: Ord>(
    groups: &'a [Group<'a>],
    kind: impl Fn(&Group<'_>) -> K,
) -> Vec<(String, &'a Group<'a>)> {
    let mut seen: BTreeSet<K> = BTreeSet::new();
    let firsts = groups.iter().filter(|group| seen.insert(kind(group)));
    let firsts: Vec<&Group<'_>> = firsts.collect();
    let named = firsts.into_iter().map(|first| {
        let same = groups.iter().filter(|group| kind(group) == kind(first));
        let names: Vec<&str> = same.map(|group| group.name).collect();
        (names.join(", "), first)
    });
    named.collect()
}
