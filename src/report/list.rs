//! A listing of environments, for people.

use std::fmt::Write;

use super::plain;
use super::status::color;
use super::style::{BAD, CAREFUL, STRONG, paint, sign};
use crate::deployed::looked::Looked;
use crate::observe::expiry::Expiry;
use crate::observe::list::{Attention, Environment, Listing};

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
        out += &elsewhere(&listing.looked, listing.region.as_deref());
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

/// What to know where nothing was found in a region that nobody named.
pub(super) fn elsewhere(looked: &Looked, region: Option<&str>) -> String {
    let elsewhere = region.and_then(|region| looked.elsewhere(region));
    elsewhere.map_or(String::new(), |elsewhere| format!("{elsewhere}.\n"))
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
    let looks = environments.iter().any(|environment| !environment.attention.is_empty());
    let mut rows = Vec::new();
    for environment in environments {
        let needs = |what| environment.attention.contains(&what);
        let mark = match (looks, environment.attention.is_empty()) {
            (false, _) => String::new(),
            (true, false) => sign(BAD, "!", "attention:") + " ",
            // In line with the others.
            (true, true) if plain::is() => String::new(),
            (true, true) => "  ".to_owned(),
        };
        let expires = match &environment.expires {
            Some(expires) if expires.seconds_left > 0 => format!("in {}", to_the_minute(expires)),
            Some(expires) => {
                let stays = if needs(Attention::ExpiredProtected) {
                    ", protected"
                } else {
                    ""
                };
                paint(BAD, format!("expired {} ago{stays}", to_the_minute(expires)))
            }
            None if environment.expiry_is_known => "never".to_owned(),
            None => "?".to_owned(),
        };
        let (stages, paused) = (environment.stages.len(), environment.paused.len());
        let without_instances = environment.functions.len() + paused;
        let instances = match environment.instances {
            // It has none, and shouldn't.
            Some(_) if without_instances > 0 && without_instances == stages => "-".to_owned(),
            Some(instances) => {
                let counts = format!("{} of {}", instances.in_service, instances.desired);
                match () {
                    () if needs(Attention::NoSupervisor) => paint(BAD, counts + ", no supervisor"),
                    () if needs(Attention::NoWorkers) => paint(BAD, counts),
                    () => counts,
                }
            }
            None => "?".to_owned(),
        };
        let mut row = vec![
            mark + &paint(STRONG, &environment.environment),
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

/// Whoever has a lab wants to know it to the minute: `25m`, `1h 40m`, and from two days on `9d 03h`. Of one that is long past,
/// the days say enough.
fn to_the_minute(expires: &Expiry) -> String {
    match expires.seconds_left {
        -3599..3600 | ..-172_800 => length(expires.seconds_left),
        _ => expires.length(),
    }
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
    fn an_expiry_is_told_to_the_minute() {
        let of = |seconds_left| {
            let at = jiff::Timestamp::UNIX_EPOCH;
            to_the_minute(&Expiry { at, seconds_left })
        };
        let shown = [
            40,
            25 * 60,
            100 * 60,
            -3599,
            -90 * 60,
            9 * 86_400 + 3 * 3600,
            -9 * 86_400 - 3600,
        ]
        .map(of);
        assert_eq!(shown, ["40s", "25m", "1h 40m", "59m", "1h 30m", "9d 03h", "9d"]);
    }

    #[test]
    fn a_length_in_its_largest_unit() {
        let shown = [0, 59, 60, 3599, 3600, 172_799, 172_800, -90].map(length);
        assert_eq!(shown, ["0s", "59s", "1m", "59m", "1h", "47h", "2d", "1m"]);
    }
}
