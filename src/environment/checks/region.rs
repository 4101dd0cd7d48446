//! The region, and those in which an environment stands by: ones that AWS has, as far as this version knows.

use super::Checks;
use crate::environment::known_regions::{is_known, meant};
use crate::environment::problem::Problem;

pub(super) fn check(checks: &mut Checks) {
    let environment = checks.environment;
    if let Some(region) = &environment.region {
        known(checks, "/region", region);
    }
    for (i, region) in environment.standby.iter().enumerate() {
        let at = format!("/standby/{i}");
        if environment.standby[..i].contains(region) {
            let problem = Problem::new(&at, format!("`{region}` is in the list already")).help("name each region once");
            checks.note(problem, &["/standby"]);
        } else {
            known(checks, &at, region);
        }
    }
}

fn known(checks: &mut Checks, at: &str, region: &str) {
    if is_known(region) {
        return;
    }
    let newer = match at {
        "/region" => {
            format!("if it is newer than this version of qfleet, leave `region` out and give `--region {region}`")
        }
        _ => "if it is newer than this version of qfleet, deploy another file there, with `active: none`".to_owned(),
    };
    let help = match meant(region) {
        Some(meant) => format!("did you mean `{meant}`? Or, {newer}"),
        None => newer,
    };
    let problem = Problem::new(at, format!("qfleet knows no region `{region}`")).help(help);
    checks.note(problem, &[]);
}
