//! In which regions of the local emulator is looked, where nobody names one: in its default one, and in those of local fleets.

use std::collections::BTreeSet;

use crate::cloud::{Cloud, RegionFrom};
use crate::deployed::Deployed;
use crate::error::Result;
use crate::local::fleet;

/// The regions of local fleets beside that of `cloud`; none where somebody named that one.
///
/// # Errors
/// When the user's state folder can't be read.
pub(super) fn others(cloud: &Cloud) -> Result<BTreeSet<String>> {
    if cloud.region_from != RegionFrom::Emulator {
        return Ok(BTreeSet::new());
    }
    let mut others = fleet::regions()?;
    others.remove(&cloud.region);
    Ok(others)
}

/// The region of the environment of this name: where its local fleet runs, or else the first of those regions that has it. None
/// where that is the one of `cloud`, or somebody named that one.
///
/// # Errors
/// When the user's state folder can't be read, or the emulator doesn't answer.
pub(super) async fn of(cloud: &Cloud, name: &str) -> Result<Option<String>> {
    if cloud.region_from != RegionFrom::Emulator {
        return Ok(None);
    }
    if let Some(runs) = fleet::find(name)? {
        return Ok(Some(runs.address.region));
    }
    let ran_in = fleet::region(name)?;
    let others = others(cloud)?;
    // What a fleet ran in last may have ended with an emulator.
    if !others.is_empty() {
        for region in ran_in.iter().chain([&cloud.region]).chain(&others) {
            let there = Deployed::find(&cloud.in_region(region), name).await?;
            if !there.stacks.is_empty() {
                return Ok(Some(region.clone()).filter(|region| *region != cloud.region));
            }
        }
    }
    Ok(ran_in)
}
