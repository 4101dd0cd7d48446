//! What the emulator says meanwhile: groups that somebody changed, deploys, and its silence.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::super::group::Shape;
use super::super::sources::Stage;
use super::super::{causes, program};
use super::{DRAIN, SHORT_DRAIN, Supervisor, patiently};
use crate::cloud::CloudError;
use crate::error::Error;

/// How long the emulator may be silent.
const SILENCE: Duration = Duration::from_secs(10);
/// Everything is read again this often: who has deployed waits to see it, however fast the fleet's minutes pass.
const AGAIN: Duration = Duration::from_secs(5);

impl Supervisor {
    /// A look at the groups: whether they are there, and whether somebody changed what they should be like.
    pub(super) async fn look(&mut self) {
        if self.end.is_some() {
            return;
        }
        let names: Vec<String> = self.members.iter().map(|member| member.group.name.clone()).collect();
        let groups = match patiently(self.cloud.scaling_groups(&names)).await {
            Ok(groups) => groups,
            Err(error) => return self.silent(&error),
        };
        if !names.is_empty() {
            self.silent = None;
        }
        let now = self.now();
        let is_gone = |name: &String| !groups.iter().any(|group| group.name == *name);
        if names.iter().any(is_gone) || self.fetching.is_any_over() || self.read.elapsed() >= AGAIN {
            self.read_again().await;
        }
        for place in 0..self.members.len() {
            let own = &self.members[place].group;
            let Some(found) = groups.iter().find(|group| group.name == own.name) else {
                continue;
            };
            let is_other = (found.min, found.max) != (own.shape.min, own.shape.max);
            let stays = is_other && self.keeps_schedule(place, (found.min, found.max)).await;
            let member = &mut self.members[place];
            if !stays && (found.min, found.max) != (member.group.shape.min, member.group.shape.max) {
                let shape = Shape {
                    min: found.min,
                    max: found.max,
                    ..member.group.shape.clone()
                };
                member.group.reshape(shape, now);
            }
            if member.told.is_some_and(|told| told != found.desired) {
                // An update of the stack sets the emulator's group back to its minimum, which Auto Scaling doesn't do,
                // and leaves the list of instances alone, which SetDesiredCapacity doesn't do.
                if found.instances.len() == found.desired as usize {
                    member.group.request(found.desired, now);
                }
                member.told = None;
            }
        }
    }

    /// Everything is read again, so that a deploy is followed.
    async fn read_again(&mut self) {
        self.read = Instant::now();
        let stages = match patiently(self.sources.read(&self.cloud, &self.environment)).await {
            Ok(stages) => stages,
            Err(error) => return self.silent(&error),
        };
        self.silent = None;
        let now = self.now();
        for member in &mut self.members {
            if !member.gone && !stages.iter().any(|stage| stage.group.name == member.group.name) {
                member.gone = true;
                let cause = causes::end("its Auto Scaling group was deleted", now.wall);
                // Where others take over, the queue is there still: workers finish, as in the group's hook.
                let drain = match self.sources.has(&member.stage.name) {
                    true => member.stage.hook.as_ref().map_or(DRAIN, |hook| hook.heartbeat_timeout),
                    false => SHORT_DRAIN,
                };
                member.group.end(&cause, drain, now);
            }
        }
        let wanted: BTreeSet<String> = stages.iter().map(|stage| stage.outputs.program.clone()).collect();
        self.fetching.keep(|uri| wanted.contains(uri)).await;
        for stage in stages {
            if let Some(place) = self
                .members
                .iter()
                .position(|member| member.group.name == stage.group.name)
            {
                self.follow(place, stage).await;
            } else if let Some(program) = self.fetched(&stage).await {
                let name = stage.name.clone();
                if let Err(error) = program.and_then(|program| self.join(stage, program)) {
                    self.note_once(format!("{name} can't be run: {error}"));
                }
            }
        }
        let mut programs: Vec<PathBuf> = self.around.values().map(|around| around.program.clone()).collect();
        programs.extend(self.members.iter().map(|member| member.program.clone()));
        programs.extend(self.fetching.places(&self.home.programs()));
        program::forget_others(&self.home.programs(), &programs);
    }

    async fn follow(&mut self, place: usize, stage: Stage) {
        let now = self.now();
        let mut shape = self.shape(&stage);
        if stage.outputs.version() != self.members[place].group.shape.version {
            // The old one goes on until the new one is ready, and after a failure until a deploy has put that right.
            match self.fetched(&stage).await {
                Some(Ok(program)) => self.members[place].program = program,
                fetched => {
                    if let Some(Err(error)) = fetched {
                        self.note_once(error.to_string());
                    }
                    shape.version.clone_from(&self.members[place].group.shape.version);
                }
            }
        }
        let member = &mut self.members[place];
        member.scaling.follow(&stage);
        let is_taken = shape.version == stage.outputs.version();
        member.group.reshape(shape, now);
        if is_taken {
            member.stage = stage;
        }
    }

    /// The emulator didn't answer.
    pub(super) fn silent(&mut self, error: &CloudError) {
        let since = *self.silent.get_or_insert_with(Instant::now);
        if since.elapsed() < SILENCE {
            return;
        }
        let failure = Error::failed(format!("the local emulator doesn't answer any more: {error}"))
            .with_help("everything that was deployed to it is gone when it was stopped: deploy again");
        self.end_all("the local emulator is gone", SHORT_DRAIN, Err(failure));
    }

    /// Tells the emulator how large the groups are. The ids of the instances that it then lists are used for ours.
    pub(super) async fn tell_capacities(&mut self) {
        if self.end.is_some() || self.silent.is_some() {
            return;
        }
        for place in 0..self.members.len() {
            let member = &self.members[place];
            let (name, desired) = (member.group.name.clone(), member.group.desired);
            if member.gone || member.told == Some(desired) {
                continue;
            }
            let told = async {
                self.cloud.set_desired_capacity(&name, desired).await?;
                self.cloud.scaling_groups(std::slice::from_ref(&name)).await
            };
            match patiently(told).await {
                Ok(groups) => {
                    let listed = groups.first().map(|group| group.instances.clone()).unwrap_or_default();
                    self.ids.offer(&listed);
                    self.members[place].told = Some(desired);
                }
                Err(error) => self.silent(&error),
            }
        }
    }
}
