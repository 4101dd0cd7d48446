//! Bounds at set times, by the fleet's clock: what Auto Scaling's scheduled actions do, which the emulator only keeps.

use super::super::causes;
use super::super::group::Shape;
use super::super::state::clock;
use super::{Supervisor, patiently};
use crate::cloud::autoscaling::bounds::Bounds;

impl Supervisor {
    /// Sets the bounds whose time has come since the fleet was started; those that were in force before are not known, as
    /// on AWS of a group that has just been made.
    pub(super) async fn follow_schedules(&mut self) {
        if self.end.is_some() || self.silent.is_some() {
            return;
        }
        let now = self.now();
        let clock = clock(self.started, self.pace.speed, now.wall);
        for place in 0..self.members.len() {
            let member = &self.members[place];
            let since = member.scheduled.as_ref().map_or(self.started, |last| last.at);
            let last = member.stage.outputs.schedule.last(clock);
            let Some(change) = last.filter(|last| last.at > since && !member.gone) else {
                continue;
            };
            let (name, stage) = (member.group.name.clone(), member.stage.name.clone());
            let (min, max) = (change.min, change.max);
            if let Err(error) = patiently(self.cloud.put_bounds(&name, bounds(min, max))).await {
                return self.silent(&error);
            }
            self.note(format!(
                "{stage}: its schedule gives it {min} to {max} instances ({} by the fleet's clock)",
                change.when()
            ));
            let member = &mut self.members[place];
            let shape = Shape {
                min,
                max,
                ..member.group.shape.clone()
            };
            let cause = causes::schedule(&change, (member.group.shape.min, member.group.shape.max), now.wall);
            member.group.schedule(shape, cause);
            member.scheduled = Some(change);
        }
    }

    /// An update of the stack gives the emulator's group its template's bounds again, which CloudFormation doesn't do where
    /// the template has `IgnoreUnmodifiedGroupSizeProperties`. Whether that was it: then they are put back.
    pub(super) async fn keeps_schedule(&mut self, place: usize, found: (u32, u32)) -> bool {
        let member = &self.members[place];
        let Some(last) = member
            .scheduled
            .as_ref()
            .filter(|_| member.stage.facts.bounds == Some(found))
        else {
            return false;
        };
        let (name, bounds) = (member.group.name.clone(), bounds(last.min, last.max));
        if let Err(error) = patiently(self.cloud.put_bounds(&name, bounds)).await {
            self.silent(&error);
        }
        true
    }
}

fn bounds(min: u32, max: u32) -> Bounds {
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    Bounds {
        min: number(min),
        max: number(max),
    }
}
