//! Availability Zones: instances are spread over them evenly
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html>).

/// The zones to play: the group's when it has several, else three of its region. (The emulator keeps one that is none of
/// the region's.)
pub(super) fn zones(of_group: &[String], region: &str) -> Vec<String> {
    if of_group.len() > 1 {
        return of_group.to_vec();
    }
    ["a", "b", "c"]
        .iter()
        .map(|letter| format!("{region}{letter}"))
        .collect()
}

/// Where the next instance goes: to the zone with the fewest, the first of several.
pub(super) fn to_launch_in<'a>(zones: &'a [String], taken: &[&str]) -> &'a str {
    zones
        .iter()
        .min_by_key(|zone| count(taken, zone))
        .map_or("", String::as_str)
}

/// Where an instance is taken from: the zone with the most. The last of several, so that zones that filled up from the
/// first empty from the last.
pub(super) fn to_shrink<'a>(taken: &[&'a str]) -> Option<&'a str> {
    let mut names: Vec<&str> = taken.to_vec();
    names.sort_unstable();
    names.into_iter().max_by_key(|zone| count(taken, zone))
}

fn count(taken: &[&str], zone: &str) -> usize {
    taken.iter().filter(|taken| **taken == zone).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_zone_is_none_to_choose_from() {
        let three = ["us-east-2a", "us-east-2b", "us-east-2c"];
        assert_eq!(zones(&["us-east-1a".into()], "us-east-2"), three);
        assert_eq!(zones(&[], "us-east-2"), three);
        let two = ["x".to_owned(), "y".to_owned()];
        assert_eq!(zones(&two, "us-east-2"), two);
    }

    #[test]
    fn instances_spread_and_leave_evenly() {
        let zones = zones(&[], "z");
        let mut taken: Vec<&str> = Vec::new();
        for _ in 0..7 {
            taken.push(to_launch_in(&zones, &taken));
        }
        assert_eq!(taken, ["za", "zb", "zc", "za", "zb", "zc", "za"]);
        for left in (1..7).rev() {
            let from = to_shrink(&taken).expect("a zone");
            let place = taken.iter().position(|zone| *zone == from).expect("is taken");
            taken.remove(place);
            let counts = zones.iter().map(|zone| count(&taken, zone));
            let (most, least) = (counts.clone().max(), counts.min());
            assert!(
                most.zip(least).is_some_and(|(most, least)| most - least <= 1),
                "{left}: {taken:?}"
            );
        }
        assert_eq!(to_shrink(&[]), None);
    }
}
