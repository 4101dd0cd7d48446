//! Where was looked, and whether anything was found there. Where nobody named the region, nothing found proves nothing: what
//! is looked for may be in another one.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::{Cloud, RegionFrom};

/// What is said of a look beside the account and the region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Looked {
    /// What named the region.
    pub region_from: RegionFrom,
    /// Whether anything that was asked for was found there.
    pub found: bool,
    /// Whether that was the local emulator.
    #[serde(skip)]
    pub local: bool,
}

impl Looked {
    /// Where `cloud` works.
    pub fn new(cloud: &Cloud, found: bool) -> Looked {
        Looked {
            region_from: cloud.region_from.clone(),
            found,
            local: cloud.local,
        }
    }

    /// Whether nothing was found, in a region that nobody named.
    pub fn proves_nothing(&self) -> bool {
        !self.found && self.region_from.is_default()
    }

    /// What to know, and to do, where it proves nothing.
    pub fn elsewhere(&self, region: &str) -> Option<String> {
        let from = &self.region_from;
        let what = match from {
            _ if !self.proves_nothing() => return None,
            RegionFrom::Emulator => format!("{region} is only the region that {from} has by default"),
            _ => format!("{region} is only a default, from {from}"),
        };
        let all = match self.local {
            true => "",
            false => "; `qfleet list --all-regions` looks in all of them",
        };
        Some(format!(
            "{what}: no other was looked in. Name the right one with --region{all}"
        ))
    }

    /// What to know where nothing was found in the region of the file, which may have been another one when it was deployed.
    pub fn by_file_alone(&self, region: &str) -> Option<String> {
        let by_file = !self.found && self.region_from == RegionFrom::File;
        by_file.then(|| {
            format!(
                "Only {region} was looked in, because the file names it. If it was deployed while the file named another \
                 region, it is still there: name that one with --region"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_nobody_named_the_region_does_nothing_prove_nothing() {
        let looked = |region_from: RegionFrom, found| Looked {
            local: region_from == RegionFrom::Emulator,
            region_from,
            found,
        };
        let of = |region_from, found| looked(region_from, found).elsewhere("us-east-1");
        let named = [RegionFrom::Option, RegionFrom::File, RegionFrom::AllRegions];
        for from in named {
            assert_eq!(of(from.clone(), false), None);
            let only = looked(from.clone(), false).by_file_alone("us-east-1");
            assert_eq!(only.is_some(), from == RegionFrom::File);
            assert_eq!(looked(from, true).by_file_alone("us-east-1"), None);
        }
        let by_default = RegionFrom::Profile("work".into());
        assert_eq!(of(by_default.clone(), true), None);
        assert_eq!(
            of(by_default, false).as_deref(),
            Some(
                "us-east-1 is only a default, from the profile `work`: no other was looked in. Name the right one with \
                 --region; `qfleet list --all-regions` looks in all of them"
            )
        );
        assert_eq!(
            of(RegionFrom::Emulator, false).as_deref(),
            Some(
                "us-east-1 is only the region that the local emulator has by default: no other was looked in. Name the \
                 right one with --region"
            )
        );
    }
}
