//! The state that other commands read.

use super::super::instance_folder::InstanceFolder;
use super::super::state::{FleetState, GroupState, InstanceState};
use super::{Supervisor, own_pid};
use crate::deployed::address::Address;

impl Supervisor {
    /// The state, for other commands.
    pub(super) fn write(&mut self) {
        let state = self.state();
        if self.written.as_ref() != Some(&state) {
            match self.home.write_state(&state) {
                Ok(()) => self.written = Some(state),
                Err(error) => self.note_once(error.to_string()),
            }
        }
    }

    fn state(&self) -> FleetState {
        let instances = self.home.instances();
        FleetState {
            address: Address::new(&self.cloud, &self.environment),
            pid: own_pid(),
            started: self.started,
            speed: self.pace.speed,
            endpoint: self.peek.endpoint.clone(),
            autoscaling_endpoint: self.endpoint.url.clone(),
            groups: self
                .members
                .iter()
                .map(|member| GroupState {
                    stage: member.stage.name.clone(),
                    group: member.group.name.clone(),
                    min: member.group.shape.min,
                    desired: member.group.desired,
                    max: member.group.shape.max,
                    target: member.scaling.target(),
                    instances: member
                        .group
                        .instances
                        .iter()
                        .map(|instance| InstanceState {
                            id: instance.id.clone(),
                            zone: instance.zone.clone(),
                            lifecycle_state: instance.state,
                            pid: instance.pid(),
                            started: instance.launched,
                            version: instance.version.clone(),
                            log: InstanceFolder::of(&instances, &instance.id).log(),
                            spot_notice: instance.interruption.map(|interruption| interruption.wall),
                        })
                        .collect(),
                    history: member.scaling.history.iter().copied().collect(),
                    lacks: member.lacks.clone(),
                    url: member.balancer.as_ref().map(|balancer| balancer.url.clone()),
                })
                .collect(),
        }
    }
}
