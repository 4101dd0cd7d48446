//! Whether instance types are there where instances would be.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Check, Mend, Read, Topic};
use super::groups::{Group, Place, alike};
use super::network::Places;
use super::patience::within;
use crate::cloud::Cloud;
use crate::cloud::ec2::InstanceType;

/// The subnets of a network of the environment's own are in as many zones.
const OF_CREATED: usize = 2;

/// What EC2 says of the types of a file.
pub(super) struct Types {
    /// The zones that offer each.
    offered: Read<BTreeMap<String, BTreeSet<String>>>,
    pub known: Read<BTreeMap<String, InstanceType>>,
}

impl Types {
    /// Nothing where there are no groups.
    pub async fn read(cloud: &Cloud, groups: &[Group<'_>]) -> Option<Types> {
        let types: BTreeSet<String> = groups.iter().flat_map(Group::types).collect();
        if types.is_empty() {
            return None;
        }
        let asked = (cloud.zones_that_offer(&types), cloud.instance_types(&types));
        let (offered, known) = tokio::join!(within(asked.0), within(asked.1));
        Some(Types { offered, known })
    }

    /// A check for each list of types in each place.
    pub fn checks(&self, groups: &[Group<'_>], places: &Places, region: &str) -> Vec<Check> {
        let kinds = alike(groups, |group| {
            (group.instances.types.clone(), group.place(), group.fewest_zones())
        });
        let all = kinds.into_iter();
        all.map(|(names, group)| self.check(group, places, region).about(&names))
            .collect()
    }

    fn check(&self, group: &Group<'_>, places: &Places, region: &str) -> Check {
        let offered = match &self.offered {
            Ok(offered) => offered,
            Err(unread) => return Check::unread(Topic::Types, unread),
        };
        let types = group.types();
        let listed = group.instances.types.join(", ");
        let look = |one: &str| {
            format!(
                "aws ec2 describe-instance-type-offerings --location-type availability-zone --filters \
                 Name=instance-type,Values={one} --region {region}"
            )
        };
        let absent: Vec<&str> = types
            .iter()
            .filter(|one| !offered.contains_key(*one))
            .map(String::as_str)
            .collect();
        if let Some(one) = absent.first() {
            return Check::failed(
                Topic::Types,
                format!("{} isn't offered in {region}", absent.join(", ")),
                Mend::new("name other `types`, or another region; this lists the zones that offer one")
                    .command(look(one)),
            );
        }
        // Not a Local Zone, which has neither the prices nor the services.
        let is_regular = |zone: &&String| zone.strip_prefix(region).is_some_and(|letter| letter.len() == 1);
        let everywhere: BTreeSet<String> = offered.values().flatten().filter(is_regular).cloned().collect();
        let place = group.place();
        let (zones, fewest, each) = match (&place, places.zones(&place)) {
            (Place::Created, _) => (everywhere, OF_CREATED, false),
            (Place::Default(None), Some(zones)) => (zones, group.fewest_zones(), false),
            // These are the file's: there instances would be launched, whatever is offered.
            (_, Some(zones)) => (zones, group.fewest_zones(), true),
            (_, None) => {
                return Check::unknown(
                    Topic::Types,
                    format!("{listed}: which zones count isn't known, as the network isn't"),
                    Mend::new("mend what keeps `network` from being known"),
                );
            }
        };
        let offers = |zone: &&String| {
            types
                .iter()
                .any(|one| offered.get(one).is_some_and(|in_zones| in_zones.contains(*zone)))
        };
        let (good, bad): (Vec<&String>, Vec<&String>) = zones.iter().partition(offers);
        let joined = |zones: &[&String]| zones.iter().map(|zone| zone.as_str()).collect::<Vec<_>>().join(", ");
        let one = group.instances.types.first().map_or("", String::as_str);
        if each && !bad.is_empty() {
            return Check::failed(
                Topic::Types,
                format!("{listed}: not offered in {}, which the file names", joined(&bad)),
                Mend::new("name zones or subnets elsewhere, or other `types`").command(look(one)),
            );
        }
        if good.len() < fewest {
            let found = match good.as_slice() {
                [] => "no zone".to_owned(),
                some => format!("only {}", joined(some)),
            };
            let needs = if fewest == 1 { "" } else { ", and two zones are needed" };
            return Check::failed(
                Topic::Types,
                format!("{listed}: {found} of the network offers it{needs}"),
                Mend::new("name other `types`, or more of them; or say `network: create`").command(look(one)),
            );
        }
        Check::passed(Topic::Types, format!("{listed}: offered in {}", joined(&good)))
    }
}
