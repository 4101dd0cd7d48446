//! The region: one that AWS has, as far as this version knows.

use super::Checks;
use crate::environment::nearest::nearest;
use crate::environment::problem::Problem;

/// All regions of all partitions. A test holds it against botocore's.
const REGIONS: &str = include_str!("../regions.txt");

pub(super) fn check(checks: &mut Checks) {
    let Some(region) = &checks.environment.region else {
        return;
    };
    if REGIONS.lines().any(|known| known == region) {
        return;
    }
    let newer = format!("if it is newer than this version of qfleet, leave `region` out and give `--region {region}`");
    let help = match nearest(region, REGIONS.lines()) {
        Some(meant) => format!("did you mean `{meant}`? Or, {newer}"),
        None => newer,
    };
    let problem = Problem::new("/region", format!("qfleet knows no region `{region}`")).help(help);
    checks.note(problem, &[]);
}
