//! The regions that AWS has, as far as this version knows.

use super::nearest::nearest;

/// All regions of all partitions. A test holds it against botocore's.
const REGIONS: &str = include_str!("regions.txt");

pub fn all() -> impl Iterator<Item = &'static str> {
    REGIONS.lines()
}

pub fn is_known(region: &str) -> bool {
    all().any(|known| known == region)
}

/// The one that this was probably meant to be.
pub fn meant(region: &str) -> Option<&'static str> {
    nearest(region, all())
}
