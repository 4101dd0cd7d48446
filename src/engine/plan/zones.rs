//! The place that a stack is put in: zones that offer its instance types, and subnets of the default VPC in them, chosen
//! when it is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::{Stack, Value, ZonesWanted, template};
use crate::cloud::Cloud;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::cloud::ec2::Subnet;
use crate::error::{Error, Result};

/// A load balancer's zones are two or more
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>).
const FEWEST_SUBNETS: usize = 2;

/// What was chosen.
#[derive(Default)]
pub(in crate::engine) struct Chosen {
    /// By parameter, lists separated by commas; nothing where the stack's file names it all.
    pub values: BTreeMap<String, String>,
    /// Why they may be the wrong ones.
    pub warning: Option<String>,
}

/// The zones and subnets of a stack.
///
/// # Errors
/// A refusal when too few zones offer what is wanted, or there is no default VPC. Failures of AWS.
pub(in crate::engine) async fn choose(
    cloud: &Cloud,
    stack: &Stack,
    found: Option<&StackDescription>,
    deployed: Option<&str>,
) -> Result<Chosen> {
    let mut chosen = Chosen::default();
    for (name, value) in &stack.parameters {
        let wanted = match value {
            Value::Zones(wanted) | Value::DefaultSubnets(wanted) => Some(wanted),
            Value::DefaultVpc => None,
            _ => continue,
        };
        let pinned = found.and_then(|found| found.parameters.get(name));
        let stays = || wanted.is_none_or(|wanted| stays(name, wanted, &stack.body, deployed));
        if let Some(pinned) = pinned.filter(|pinned| !pinned.value.is_empty() && stays()) {
            chosen.values.insert(name.clone(), pinned.value.clone());
            continue;
        }
        let text = match value {
            Value::DefaultVpc => default_subnets(cloud).await?[0].vpc.clone(),
            Value::DefaultSubnets(wanted) => {
                let all = default_subnets(cloud).await?;
                let (zones, warning) = match cloud.local {
                    true => (all.iter().map(|subnet| subnet.zone.clone()).collect(), None),
                    false => zones(cloud, wanted).await?,
                };
                chosen.warning = warning.or(chosen.warning);
                subnets_in(cloud, wanted, all, &zones)?.join(",")
            }
            _ => {
                let Some(wanted) = wanted else { continue };
                let (mut zones, warning) = zones(cloud, wanted).await?;
                chosen.warning = warning.or(chosen.warning);
                if let Some(count) = wanted.subnets {
                    zones.truncate(count as usize);
                }
                zones.sort();
                zones.join(",")
            }
        };
        chosen.values.insert(name.clone(), text);
    }
    Ok(chosen)
}

/// Zones that offer what is wanted, the best first; and why they may not.
async fn zones(cloud: &Cloud, wanted: &ZonesWanted) -> Result<(Vec<String>, Option<String>)> {
    if cloud.local {
        // The emulator offers nothing, and launches nothing.
        return Ok((usual(cloud), None));
    }
    if let Some(zones) = that_offer(cloud, wanted).await? {
        return Ok((zones, None));
    }
    let zones = unchecked(cloud, wanted).await?;
    let warning = "this endpoint doesn't say which zones offer the instance types: taken without that check are";
    let warning = format!("{warning} {}", zones.join(", "));
    Ok((zones, Some(warning)))
}

/// The default VPC's subnets, of which there is at least one.
async fn default_subnets(cloud: &Cloud) -> Result<Vec<Subnet>> {
    let all = cloud.default_subnets().await?;
    match all.is_empty() {
        false => Ok(all),
        true => Err(
            Error::refused(format!("there is no default VPC with subnets in {}", cloud.region)).with_help(
                "name `vpc` and `subnets` in `instances`; or `network: create` for a VPC of the \
                 environment's own",
            ),
        ),
    }
}

/// The ids of those in these zones, in the order of the zones' names.
fn subnets_in(cloud: &Cloud, wanted: &ZonesWanted, mut all: Vec<Subnet>, zones: &[String]) -> Result<Vec<String>> {
    all.retain(|subnet| zones.contains(&subnet.zone));
    all.sort_by(|one, other| one.zone.cmp(&other.zone));
    if all.len() >= FEWEST_SUBNETS || wanted.offering.is_empty() {
        return Ok(all.into_iter().map(|subnet| subnet.id).collect());
    }
    Err(Error::refused(format!(
        "a load balancer needs subnets in {FEWEST_SUBNETS} zones, and the default VPC of {} has {} in {wanted}",
        cloud.region,
        all.len()
    ))
    .with_help("name other `types`, or more of them; or `network: create` for a VPC of the environment's own"))
}

/// What most regions have.
fn usual(cloud: &Cloud) -> Vec<String> {
    ["a", "b", "c"].map(|letter| format!("{}{letter}", cloud.region)).into()
}

/// The zones of an endpoint that can't say what they offer: an emulator that is used without `--local`.
async fn unchecked(cloud: &Cloud, wanted: &ZonesWanted) -> Result<Vec<String>> {
    let zones = match cloud.default_zones().await {
        Ok(zones) => zones.into_iter().collect(),
        Err(error) if error.is_unknown_operation() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let enough = zones.len() >= wanted.subnets.unwrap_or(1) as usize;
    Ok(if enough { zones } else { usual(cloud) })
}

/// Zones that were chosen once stay: subnets can't be moved, and a group is rolled when its zones change. Only for other
/// instance types a group's are chosen again.
fn stays(parameter: &str, wanted: &ZonesWanted, body: &str, deployed: Option<&str>) -> bool {
    let types = |body: &str| Some(template::read(body).ok()?.get("Parameters")?[parameter]["Description"].clone());
    wanted.subnets.is_some()
        || wanted.offering.is_empty()
        || deployed.is_some_and(|deployed| deployed == body || types(deployed) == types(body))
}

/// The zones that offer most come first; none where that can't be asked.
async fn that_offer(cloud: &Cloud, wanted: &ZonesWanted) -> Result<Option<Vec<String>>> {
    if wanted.offering.is_empty() {
        // An extra's, which wants no instances.
        return Ok(Some(cloud.default_zones().await?.into_iter().collect()));
    }
    let types: BTreeSet<String> = wanted.offering.iter().flatten().cloned().collect();
    let offered = match cloud.zones_that_offer(&types).await {
        Err(error) if error.is_unknown_operation() => return Ok(None),
        offered => offered?,
    };
    let mut zones = ranked(wanted, &offered);
    // Not a Local Zone, which has neither the prices nor the services.
    zones.retain(|zone| zone.strip_prefix(&cloud.region).is_some_and(|letter| letter.len() == 1));
    if wanted.subnets.is_none() {
        let own = cloud.default_zones().await?;
        zones.retain(|zone| own.contains(zone));
    }
    let needs = wanted.subnets.unwrap_or(1) as usize;
    if zones.len() >= needs {
        return Ok(Some(zones));
    }
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    let types = types.join(", ");
    Err(match wanted.subnets {
        Some(_) => Error::refused(format!(
            "only {} of the zones of {} offer {types}, and the network needs {needs}",
            zones.len(),
            cloud.region
        ))
        .with_help("name other `types`, or more of them; or another region"),
        None => Error::refused(format!(
            "the default VPC of {} has no subnet in a zone that offers {types}",
            cloud.region
        ))
        .with_help("name other `types`, or more of them; or `network: create` for a VPC of the environment's own"),
    })
}

/// Zones that offer at least one type of each list; those that offer most of them first, else by name.
fn ranked(wanted: &ZonesWanted, offered: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let all: BTreeSet<&String> = offered.values().flatten().collect();
    let offers = |zone: &String, of_type: &String| offered.get(of_type).is_some_and(|zones| zones.contains(zone));
    let mut zones: Vec<(usize, &String)> = all
        .into_iter()
        .filter(|zone| {
            wanted
                .offering
                .iter()
                .all(|types| types.iter().any(|one| offers(zone, one)))
        })
        .map(|zone| {
            let count = wanted.offering.iter().flatten().filter(|one| offers(zone, one)).count();
            (count, zone)
        })
        .collect();
    zones.sort_by(|(many, zone), (more, other)| more.cmp(many).then(zone.cmp(other)));
    zones.into_iter().map(|(_, zone)| zone.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_must_offer_something_of_each_and_the_most_is_best() {
        let offered = [("a1.large", "cd"), ("b1.large", "abd"), ("c1.large", "abd")];
        let offered = offered.map(|(of_type, zones)| (of_type.to_owned(), zones.chars().map(String::from).collect()));
        let offered = BTreeMap::from(offered);
        let of = |offering: &[&[&str]]| {
            let list = |types: &&[&str]| types.iter().map(|one| (*one).to_owned()).collect();
            let wanted = ZonesWanted {
                offering: offering.iter().map(list).collect(),
                subnets: None,
            };
            ranked(&wanted, &offered).concat()
        };
        assert_eq!(of(&[&["a1.large"]]), "cd");
        assert_eq!(of(&[&["a1.large", "b1.large"]]), "dabc");
        assert_eq!(of(&[&["a1.large"], &["b1.large", "c1.large"]]), "d");
        assert_eq!(of(&[&["z1.large"]]), "");
    }
}
