//! Where was looked, and whether anything was found there. Where nobody chose the region, nothing found proves nothing: what
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
    /// The other region in which its local fleet runs, where that is known.
    #[serde(skip)]
    pub fleet_in: Option<String>,
}

impl Looked {
    /// Where `cloud` works.
    pub fn new(cloud: &Cloud, found: bool) -> Looked {
        Looked {
            region_from: cloud.region_from.clone(),
            found,
            local: cloud.local,
            fleet_in: None,
        }
    }

    /// Whether nothing was found, in a region that nobody chose. What a variable or a profile that was named says is chosen:
    /// whoever deployed with it and destroys with it works in the same one.
    pub fn proves_nothing(&self) -> bool {
        !self.found && self.region_from.is_guess()
    }

    /// What to know, and to do, where nothing was found in a region that nobody named for this environment or this command.
    pub fn elsewhere(&self, region: &str) -> Option<String> {
        let from = &self.region_from;
        if let Some(there) = self.fleet_in.as_ref().filter(|_| !self.found) {
            return Some(format!(
                "Its local fleet runs in {there}: look there with --region {there}"
            ));
        }
        let what = match from {
            _ if self.found || from.is_named() => return None,
            RegionFrom::Emulator => {
                format!("{region} is only the region that {from} has by default: it may be in another one")
            }
            _ if from.is_guess() => format!("{region} is only a default, from {from}: no other was looked in"),
            _ => format!("Only {region} was looked in, because {from} names it"),
        };
        let all = match self.local {
            true => "",
            false => "; `qfleet list --all-regions` looks in all of them",
        };
        Some(format!("{what}. Name the right one with --region{all}"))
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
    fn only_where_nobody_chose_the_region_does_nothing_prove_nothing() {
        let looked = |region_from: RegionFrom, found| Looked {
            local: region_from == RegionFrom::Emulator,
            region_from,
            found,
            fleet_in: None,
        };
        let of = |region_from, found| looked(region_from, found).elsewhere("us-east-1");
        let named = [RegionFrom::Option, RegionFrom::File, RegionFrom::AllRegions];
        for from in named {
            assert_eq!(of(from.clone(), false), None);
            assert!(!looked(from.clone(), false).proves_nothing());
            let only = looked(from.clone(), false).by_file_alone("us-east-1");
            assert_eq!(only.is_some(), from == RegionFrom::File);
            assert_eq!(looked(from, true).by_file_alone("us-east-1"), None);
        }
        let chosen = [RegionFrom::Variable("AWS_REGION"), RegionFrom::Profile("work".into())];
        for (from, named) in chosen.into_iter().zip(["AWS_REGION", "the profile `work`"]) {
            assert!(!looked(from.clone(), false).proves_nothing());
            assert_eq!(
                of(from, false),
                Some(format!(
                    "Only us-east-1 was looked in, because {named} names it. Name the right one with --region; `qfleet list \
                     --all-regions` looks in all of them"
                ))
            );
        }
        let guessed = RegionFrom::DefaultProfile("default".into());
        for from in [guessed.clone(), RegionFrom::Instance, RegionFrom::Emulator] {
            assert!(looked(from.clone(), false).proves_nothing());
            assert!(!looked(from.clone(), true).proves_nothing());
            assert_eq!(of(from, true), None);
        }
        assert_eq!(
            of(guessed, false).as_deref(),
            Some(
                "us-east-1 is only a default, from the profile `default`: no other was looked in. Name the right one with \
                 --region; `qfleet list --all-regions` looks in all of them"
            )
        );
        assert_eq!(
            of(RegionFrom::Emulator, false).as_deref(),
            Some(
                "us-east-1 is only the region that the local emulator has by default: it may be in another one. Name the \
                 right one with --region"
            )
        );
        let known = Looked {
            fleet_in: Some("us-east-2".into()),
            ..looked(RegionFrom::Option, false)
        };
        let there = "Its local fleet runs in us-east-2: look there with --region us-east-2";
        assert_eq!(known.elsewhere("us-east-1").as_deref(), Some(there));
    }
}
