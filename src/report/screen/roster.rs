//! The instances of all stages in an order that stays, so that one sees one die and another come up in its place.

use jiff::{SignedDuration, Timestamp};

use crate::cloud::autoscaling::groups::Instance;
use crate::observe::status::StageState;

/// How long an instance that is gone is still shown.
const REMEMBERED: SignedDuration = SignedDuration::from_secs(20);

/// The instances that were seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roster(Vec<Seen>);

/// An instance that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    stage: String,
    /// As it was when it was seen last.
    pub instance: Instance,
    /// Since when it is no longer there.
    pub gone: Option<Timestamp>,
}

impl Roster {
    /// Takes note of how the stages are at `now`. Of a stage whose group can't be read, nothing is known to have
    /// changed.
    pub fn see(&mut self, stages: &[StageState], now: Timestamp) {
        for stage in stages {
            let Some(group) = stage.group() else { continue };
            for seen in self.0.iter_mut().filter(|seen| seen.stage == stage.stage) {
                match group.instances.iter().find(|there| there.id == seen.instance.id) {
                    Some(there) => {
                        seen.instance = there.clone();
                        seen.gone = None;
                    }
                    None => {
                        seen.gone.get_or_insert(now);
                    }
                }
            }
            for there in &group.instances {
                let is_known = |seen: &Seen| seen.stage == stage.stage && seen.instance.id == there.id;
                if !self.0.iter().any(is_known) {
                    self.0.push(Seen {
                        stage: stage.stage.clone(),
                        instance: there.clone(),
                        gone: None,
                    });
                }
            }
        }
        self.0.retain(|seen| {
            let forgotten = seen.gone.is_some_and(|gone| now.duration_since(gone) > REMEMBERED);
            !forgotten && stages.iter().any(|stage| stage.stage == seen.stage)
        });
    }

    /// The instances of a stage by zone, each zone's in the order in which they came.
    pub fn zones(&self, stage: &str) -> Vec<(&str, Vec<&Seen>)> {
        let mut zones: Vec<(&str, Vec<&Seen>)> = Vec::new();
        for seen in self.0.iter().filter(|seen| seen.stage == stage) {
            match zones.iter_mut().find(|(zone, _)| *zone == seen.instance.zone) {
                Some((_, there)) => there.push(seen),
                None => zones.push((&seen.instance.zone, vec![seen])),
            }
        }
        zones.sort_by_key(|(zone, _)| *zone);
        zones
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, stage};
    use super::*;
    use crate::observe::instances::Instances;

    fn ids<'a>(roster: &'a Roster, stage: &str) -> Vec<(&'a str, Vec<(&'a str, bool)>)> {
        let of = |seen: &&'a Seen| (seen.instance.id.as_str(), seen.gone.is_some());
        let zones = roster.zones(stage).into_iter();
        zones
            .map(|(zone, there)| (zone, there.iter().map(of).collect()))
            .collect()
    }

    #[test]
    fn an_instance_keeps_its_place_and_one_that_is_gone_is_shown_for_a_while() {
        let mut roster = Roster::default();
        roster.see(
            &[stage("move", &["b:2:InService", "a:1:InService", "a:3:Pending"])],
            at(0),
        );
        assert_eq!(
            ids(&roster, "move"),
            [("a", vec![("1", false), ("3", false)]), ("b", vec![("2", false)])]
        );
        roster.see(
            &[stage("move", &["a:4:Pending", "a:3:InService", "b:2:InService"])],
            at(2),
        );
        let with_ghost = vec![("1", true), ("3", false), ("4", false)];
        assert_eq!(ids(&roster, "move"), [("a", with_ghost), ("b", vec![("2", false)])]);
        roster.see(
            &[stage("move", &["a:4:InService", "a:3:InService", "b:2:InService"])],
            at(22),
        );
        assert_eq!(ids(&roster, "move")[0].1.len(), 3, "20 s are not over");
        roster.see(
            &[stage("move", &["a:4:InService", "a:3:InService", "b:2:InService"])],
            at(23),
        );
        assert_eq!(ids(&roster, "move")[0].1, [("3", false), ("4", false)]);
    }

    #[test]
    fn what_cannot_be_read_is_not_gone() {
        let mut roster = Roster::default();
        roster.see(&[stage("move", &["a:1:InService"])], at(0));
        let mut unknown = stage("move", &[]);
        unknown.instances = Some(Instances::default());
        roster.see(&[unknown], at(60));
        assert_eq!(ids(&roster, "move"), [("a", vec![("1", false)])]);
        roster.see(&[], at(62));
        assert!(ids(&roster, "move").is_empty(), "a stage that is no more");
    }
}
