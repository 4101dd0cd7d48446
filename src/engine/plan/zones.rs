//! The zones that a stack is put in: those that offer its instance types, chosen when it is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::{Stack, Value, ZonesWanted, template};
use crate::cloud::Cloud;
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::error::{Error, Result};

/// The template's parameter that carries them.
const PARAMETER: &str = "Zones";

/// Zones that were chosen.
#[derive(Default)]
pub(in crate::engine) struct Chosen {
    /// The zones, separated by commas; none when the stack's file names them, or it needs none.
    pub zones: Option<String>,
    /// Why they may be the wrong ones.
    pub warning: Option<String>,
}

/// The zones of a stack.
///
/// # Errors
/// A refusal when too few zones offer what is wanted. Failures of AWS.
pub(in crate::engine) async fn choose(
    cloud: &Cloud,
    stack: &Stack,
    found: Option<&StackDescription>,
    deployed: Option<&str>,
) -> Result<Chosen> {
    let Some(Value::Zones(wanted)) = stack.parameters.get(PARAMETER) else {
        return Ok(Chosen::default());
    };
    let pinned = found.and_then(|found| found.parameters.get(PARAMETER));
    if let Some(pinned) = pinned.filter(|pinned| !pinned.value.is_empty())
        && stays(wanted, &stack.body, deployed)
    {
        return Ok(Chosen {
            zones: Some(pinned.value.clone()),
            warning: None,
        });
    }
    let (mut zones, warning) = if cloud.local {
        // The emulator offers nothing, and launches nothing.
        (usual(cloud), None)
    } else {
        match that_offer(cloud, wanted).await? {
            Some(zones) => (zones, None),
            None => {
                let zones = unchecked(cloud, wanted).await?;
                let warning =
                    "this endpoint doesn't say which zones offer the instance types: taken without that check are";
                let warning = format!("{warning} {}", zones.join(", "));
                (zones, Some(warning))
            }
        }
    };
    if let Some(count) = wanted.subnets {
        zones.truncate(count as usize);
    }
    zones.sort();
    Ok(Chosen {
        zones: Some(zones.join(",")),
        warning,
    })
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
fn stays(wanted: &ZonesWanted, body: &str, deployed: Option<&str>) -> bool {
    let types = |body: &str| Some(template::read(body).ok()?.get("Parameters")?[PARAMETER]["Description"].clone());
    wanted.subnets.is_some() || deployed.is_some_and(|deployed| deployed == body || types(deployed) == types(body))
}

/// The zones that offer most come first; none where that can't be asked.
async fn that_offer(cloud: &Cloud, wanted: &ZonesWanted) -> Result<Option<Vec<String>>> {
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
