//! All environments of an account, found by the tags of their stacks. What is asked grows with the pages of the answers,
//! not with the number of environments.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join3;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::expiry::{Expiry, Recorded, unreadable};
use super::local_fleet;
use crate::blueprint::tags::ENVIRONMENT;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError, RegionFrom};
use crate::deployed::looked::Looked;
use crate::deployed::stage::Stage;
use crate::deployed::{Deployed, DeployedStack, PARAMETERS, expiry_parameter};

/// How many regions are asked at once.
const REGIONS_AT_ONCE: usize = 8;

/// The environments of an account.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Listing {
    pub account: String,
    /// The region that was asked; none when several were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(flatten)]
    pub looked: Looked,
    /// When this was read.
    pub at: Timestamp,
    /// By region and name.
    pub environments: Vec<Environment>,
    /// What could not be read.
    pub unknown: Vec<Unknown>,
}

/// An environment in short.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Environment {
    pub environment: String,
    pub region: String,
    /// The status of the stack that is worst off.
    pub state: StackStatus,
    /// What its stacks hold, in the order of their making.
    pub parts: Vec<String>,
    /// Those of them that are stages.
    pub stages: Vec<String>,
    /// When its first stack was made.
    pub created_at: Option<Timestamp>,
    /// How long ago that is, in seconds.
    pub age_seconds: Option<i64>,
    /// When it expires, if it does.
    pub expires: Option<Expiry>,
    /// Whether that could be read; `unknown` says why not.
    #[serde(skip)]
    pub expiry_is_known: bool,
    /// The instances of all its groups; none when they can't be known.
    pub instances: Option<Instances>,
    /// Those of its stages that Lambda functions work on.
    pub functions: Vec<String>,
    /// Those of its stages that nobody works on, as their file says.
    pub paused: Vec<String>,
    /// Whether it stands by in this region: nobody is to work on any stage there.
    pub stands_by: bool,
    /// What is to be looked into, as far as a listing knows it; `status` knows more.
    pub attention: Vec<Attention>,
}

/// What is to be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// What was done last to a stack failed.
    Failed,
    /// What was done last to a stack was taken back.
    RolledBack,
    /// It is past its time.
    Expired,
    /// It is past its time, and protected: `reap` leaves it alone.
    ExpiredProtected,
    /// Nobody works or is about to, and somebody should.
    NoWorkers,
    /// The supervisor of its local fleet was killed, and workers run on.
    NoSupervisor,
}

/// Instances of all groups of an environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Instances {
    pub in_service: usize,
    /// How many there should be.
    pub desired: i64,
    /// Those that come into service.
    #[serde(skip)]
    pub starting: usize,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unknown {
    pub region: String,
    /// What, and why.
    pub unknown: String,
}

/// The environments of one region, or the only one that is meant. `now` is the wall clock.
///
/// # Errors
/// When its stacks can't be listed; everything else that can't be read is said in `unknown`.
pub async fn region(cloud: &Cloud, only: Option<&str>, now: Timestamp) -> Result<Listing, CloudError> {
    let mut listing = Listing {
        account: cloud.account.clone(),
        region: Some(cloud.region.clone()),
        looked: Looked::new(cloud, false),
        at: now,
        environments: Vec::new(),
        unknown: Vec::new(),
    };
    let mut note = |error: CloudError| {
        listing.unknown.push(Unknown {
            region: cloud.region.clone(),
            unknown: error.to_string(),
        });
    };
    let (found, expiries, groups) = join3(
        Deployed::all(cloud),
        cloud.parameters_under(PARAMETERS),
        cloud.groups_tagged(ENVIRONMENT),
    )
    .await;
    let mut found = found?;
    found.retain(|deployed| only.is_none_or(|only| deployed.address.environment == only));
    let expiries = expiries.map_err(&mut note).ok();
    let groups = match groups {
        Ok(groups) => rest(cloud, &found, groups).await,
        Err(error) => Err(error),
    };
    let groups = groups.map_err(&mut note).ok();
    for deployed in &found {
        let kept = expiries
            .as_ref()
            .and_then(|expiries| expiries.get(&expiry_parameter(&deployed.address.environment)));
        if let Some(Recorded::Unreadable(value)) = kept.map(|kept| Recorded::read(kept)) {
            listing.unknown.push(Unknown {
                region: cloud.region.clone(),
                unknown: unreadable(&deployed.address.environment, &cloud.cli(), &value),
            });
        }
    }
    listing.environments = found
        .iter()
        .map(|deployed| environment(cloud, deployed, expiries.as_ref(), groups.as_deref(), now))
        .collect();
    listing.looked.found = !listing.environments.is_empty();
    Ok(listing)
}

/// The account in each region that it has. Where these can't be read, that is unknown, and this region is left.
pub async fn every_region(cloud: &Cloud) -> (Vec<Cloud>, Vec<Unknown>) {
    match cloud.regions().await {
        Ok(regions) => (
            regions.iter().map(|region| cloud.in_region(region)).collect(),
            Vec::new(),
        ),
        Err(error) => {
            let unknown = Unknown {
                region: cloud.region.clone(),
                unknown: format!("which other regions there are: {error}"),
            };
            (vec![cloud.clone()], vec![unknown])
        }
    }
}

/// A listing together with what is in other regions. Where nothing is there, it stays as it was.
pub async fn with_regions(
    cloud: &Cloud,
    listing: Listing,
    others: BTreeSet<String>,
    only: Option<&str>,
    now: Timestamp,
) -> Listing {
    let clouds = others.iter().map(|region| cloud.in_region(region)).collect();
    let (found, unknown) = of_regions(clouds, only, now).await;
    if found.is_empty() && unknown.is_empty() {
        return listing;
    }
    let mut all = listing;
    all.environments.extend(found);
    all.environments
        .sort_by(|one, other| (&one.region, &one.environment).cmp(&(&other.region, &other.environment)));
    all.unknown.extend(unknown);
    Listing {
        region: None,
        looked: Looked {
            region_from: RegionFrom::LocalFleet,
            local: cloud.local,
            fleet_in: None,
            found: !all.environments.is_empty(),
        },
        ..all
    }
}

async fn of_regions(clouds: Vec<Cloud>, only: Option<&str>, now: Timestamp) -> (Vec<Environment>, Vec<Unknown>) {
    let listings = clouds.into_iter().map(|cloud| async move {
        let listing = region(&cloud, only, now).await;
        (cloud.region, listing)
    });
    let listings: Vec<_> = stream::iter(listings).buffered(REGIONS_AT_ONCE).collect().await;
    let (mut environments, mut unknown) = (Vec::new(), Vec::new());
    for (region, listing) in listings {
        match listing {
            Ok(listing) => {
                environments.extend(listing.environments);
                unknown.extend(listing.unknown);
            }
            Err(error) => unknown.push(Unknown {
                region,
                unknown: error.to_string(),
            }),
        }
    }
    (environments, unknown)
}

/// The environments of every region that the account has, or those of the only name that is meant. A region that can't be asked is unknown. `now` is the wall
/// clock.
pub async fn all_regions(cloud: &Cloud, only: Option<&str>, now: Timestamp) -> Listing {
    let (clouds, mut unknown) = every_region(cloud).await;
    let (environments, unread) = of_regions(clouds, only, now).await;
    unknown.extend(unread);
    Listing {
        account: cloud.account.clone(),
        region: None,
        looked: Looked {
            region_from: RegionFrom::AllRegions,
            local: cloud.local,
            fleet_in: None,
            found: !environments.is_empty(),
        },
        at: now,
        environments,
        unknown,
    }
}

/// The groups that stages name and that carry no tag: stacks hand theirs on, but the emulator's don't, and anybody can
/// take a tag away. None, as a rule.
async fn rest(cloud: &Cloud, found: &[Deployed], mut groups: Vec<Group>) -> Result<Vec<Group>, CloudError> {
    let stages: Vec<Stage> = found.iter().flat_map(Stage::all).collect();
    let missing: Vec<String> = stages
        .iter()
        .filter_map(Stage::group)
        .filter(|name| !groups.iter().any(|group| group.name == *name))
        .map(str::to_owned)
        .collect();
    groups.extend(cloud.groups(&missing).await?);
    Ok(groups)
}

fn environment(
    cloud: &Cloud,
    deployed: &Deployed,
    expiries: Option<&BTreeMap<String, String>>,
    groups: Option<&[Group]>,
    now: Timestamp,
) -> Environment {
    let stages = Stage::all(deployed);
    let created_at = deployed.stacks.iter().filter_map(|found| found.stack.created).min();
    let kept = expiries.and_then(|expiries| expiries.get(&expiry_parameter(&deployed.address.environment)));
    let (expires, is_known) = match kept.map(|kept| Recorded::read(kept)) {
        Some(Recorded::At(at)) => (Some(at), true),
        Some(Recorded::Unreadable(_)) => (None, false),
        None => (None, expiries.is_some()),
    };
    let worst = deployed
        .stacks
        .iter()
        .map(|found| &found.stack.status)
        .max_by_key(|status| badness(status));
    let named = |which: fn(&Stage) -> bool| -> Vec<String> {
        let which = stages.iter().filter(|stage| which(stage));
        which.map(|stage| stage.name.clone()).collect()
    };
    let state = worst.cloned().unwrap_or(StackStatus::ReviewInProgress);
    let instances = instances(cloud, &deployed.address.environment, &stages, groups);
    let name = &deployed.address.environment;
    let orphans = local_fleet::orphans(cloud, name);
    let is_protected = |found: &DeployedStack| found.tags.protect || found.stack.protected == Some(true);
    let is_protected = deployed.stacks.iter().any(is_protected);
    let is_past = expires.is_some_and(|at| at <= now);
    // On the emulator nobody works until somebody starts a local fleet.
    let has_fleet = || !cloud.local || local_fleet::find(cloud, name).is_ok_and(|fleet| fleet.is_some());
    let is_idle = state.is_well()
        && instances.is_some_and(|all| all.in_service == 0 && all.starting == 0 && all.desired > 0)
        && has_fleet();
    let attention = [
        (badness(&state) == 4, Attention::Failed),
        (badness(&state) == 2, Attention::RolledBack),
        (is_past && !is_protected, Attention::Expired),
        (is_past && is_protected, Attention::ExpiredProtected),
        (is_idle, Attention::NoWorkers),
        (orphans.is_some(), Attention::NoSupervisor),
    ];
    Environment {
        attention: attention.iter().filter(|(is, _)| *is).map(|(_, what)| *what).collect(),
        environment: deployed.address.environment.clone(),
        region: cloud.region.clone(),
        state,
        parts: deployed.stacks.iter().map(|found| found.part.clone()).collect(),
        instances,
        functions: named(|stage| stage.function().is_some()),
        paused: named(|stage| stage.paused.is_some()),
        stands_by: !stages.is_empty() && stages.iter().all(Stage::stands_by),
        stages: named(|_| true),
        created_at,
        age_seconds: created_at.map(|at| now.as_second() - at.as_second()),
        expires: expires.map(|at| Expiry::new(at, now)),
        expiry_is_known: is_known,
    }
}

/// Of the groups that a local fleet plays, it is asked.
fn instances(cloud: &Cloud, environment: &str, stages: &[Stage], groups: Option<&[Group]>) -> Option<Instances> {
    let fleet = local_fleet::find(cloud, environment).ok().flatten();
    let mut all = Instances::default();
    for name in stages.iter().filter_map(Stage::group) {
        let played = fleet.as_ref().and_then(|fleet| local_fleet::group_of(fleet, name));
        let group = match played {
            Some(group) => Some(local_fleet::group(group)),
            None => {
                let found = groups?.iter().find(|group| group.name == name).cloned();
                found.map(|group| local_fleet::not_played(cloud, environment, group))
            }
        };
        if let Some(group) = group {
            all.in_service += group.in_service();
            let states = group.instances.iter().map(|instance| &instance.lifecycle_state);
            all.starting += states.filter(|state| state.starts_with("Pending")).count();
            all.desired += i64::from(group.desired);
        }
    }
    Some(all)
}

/// The higher, the worse.
fn badness(status: &StackStatus) -> u8 {
    use StackStatus::*;
    match status {
        status if status.is_well() => 0,
        ReviewInProgress => 1,
        UpdateRollbackComplete | ImportRollbackComplete => 2,
        status if status.is_in_progress() => 3,
        // Failed, or not known.
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_worse_than_what_is_done_and_that_worse_than_what_is_well() {
        let order = [
            &["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"][..],
            &["REVIEW_IN_PROGRESS"],
            &["UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"],
            &["UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"],
            &[
                "ROLLBACK_COMPLETE",
                "UPDATE_ROLLBACK_FAILED",
                "DELETE_FAILED",
                "NEW_WORD",
            ],
        ];
        for (level, words) in (0_u8..).zip(order) {
            for word in words {
                assert_eq!(badness(&StackStatus::from(*word)), level, "{word}");
            }
        }
    }
}
