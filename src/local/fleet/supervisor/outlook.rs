//! What stands around the instances is told of them: each one's metadata, and the web tier's balancer.

use super::super::metadata::Outlook;
use super::super::state::LifecycleState;
use super::Supervisor;

impl Supervisor {
    pub(super) fn tell_outlook(&self) {
        for instance in self.members.iter().flat_map(|member| &member.group.instances) {
            if let Some(metadata) = self
                .around
                .get(&instance.id)
                .and_then(|around| around.metadata.as_ref())
            {
                metadata.set_outlook(Outlook {
                    terminating: !instance.counts(),
                    interruption: instance.interruption.map(|interruption| interruption.wall),
                });
            }
        }
        for member in &self.members {
            let Some(balancer) = &member.balancer else { continue };
            let in_service = member.group.instances.iter();
            let in_service = in_service.filter(|one| one.state == LifecycleState::InService && one.pid().is_some());
            let ports = in_service.filter_map(|instance| self.around.get(&instance.id)?.port);
            balancer.set_targets(ports.collect());
        }
    }
}
