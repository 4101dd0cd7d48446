//! A listing of environments, for people.

use std::fmt::Write;

use super::status::color;
use super::style::{BAD, CAREFUL, STRONG, paint};
use crate::observe::list::{Environment, Listing};

/// The listing as text, `only` of the environment that is meant; with the region of each where there may be several.
pub fn text(listing: &Listing, only: Option<&str>) -> String {
    let mut out = String::new();
    if listing.environments.is_empty() {
        let what = match listing.unknown.is_empty() {
            true => "is deployed",
            false => "was found",
        };
        let _ = writeln!(
            out,
            "{} {what} in {}",
            none(only),
            place(&listing.account, listing.region.as_deref())
        );
    } else {
        out += &table(&listing.environments, listing.region.is_none());
    }
    for unknown in &listing.unknown {
        let word = paint(CAREFUL, "unknown:");
        let _ = writeln!(out, "{word} {}: {}", unknown.region, unknown.unknown);
    }
    out
}

/// What there is none of.
pub(super) fn none(only: Option<&str>) -> String {
    only.map_or("no environment".to_owned(), |name| format!("no environment {name}"))
}

/// Where was looked: one region is named, so that nobody takes it for all.
pub(super) fn place(account: &str, region: Option<&str>) -> String {
    match region {
        Some(region) => format!("account {account}, {region}"),
        None => format!("account {account}, all regions"),
    }
}

fn table(environments: &[Environment], regions: bool) -> String {
    let mut headings = vec!["environment", "state", "stages", "age", "expires", "instances"];
    if regions {
        headings.insert(1, "region");
    }
    let mut rows = Vec::new();
    for environment in environments {
        let expires = match &environment.expires {
            Some(expires) if expires.seconds_left > 0 => format!("in {}", length(expires.seconds_left)),
            Some(expires) => paint(BAD, format!("{} ago", length(expires.seconds_left))),
            None if environment.expiry_is_known => "never".to_owned(),
            None => "?".to_owned(),
        };
        let (stages, paused) = (environment.stages.len(), environment.paused.len());
        let without_instances = environment.functions.len() + paused;
        let instances = match environment.instances {
            // It has none, and shouldn't.
            Some(_) if without_instances > 0 && without_instances == stages => "-".to_owned(),
            Some(instances) => format!("{} of {}", instances.in_service, instances.desired),
            None => "?".to_owned(),
        };
        let mut row = vec![
            paint(STRONG, &environment.environment),
            paint(color(&environment.state), &environment.state),
            match paused {
                _ if environment.stands_by => format!("{stages} ({})", paint(CAREFUL, "stands by")),
                0 => stages.to_string(),
                some => format!("{stages} ({})", paint(CAREFUL, format!("{some} paused"))),
            },
            environment.age_seconds.map_or("?".to_owned(), length),
            expires,
            instances,
        ];
        if regions {
            row.insert(1, environment.region.clone());
        }
        rows.push(row);
    }
    super::table::text(&headings, &rows, super::width())
}

/// `5m`, `3h`, `12d`: the largest unit says enough.
fn length(seconds: i64) -> String {
    match seconds.unsigned_abs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_in_its_largest_unit() {
        let shown = [0, 59, 60, 3599, 3600, 172_799, 172_800, -90].map(length);
        assert_eq!(shown, ["0s", "59s", "1m", "59m", "1h", "47h", "2d", "1m"]);
    }
}
