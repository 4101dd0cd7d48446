//! Calls to the Auto Scaling API, answered.

use super::super::autoscaling::{Answer, Asked, Call, Listed};
use super::super::group::Refusal;
use super::{Member, Supervisor};

impl Supervisor {
    /// A call to the Auto Scaling API.
    pub(super) fn answer(&mut self, (call, reply): Asked) {
        let now = self.now();
        let answer = match call {
            Call::Instances(ids) => Ok(Answer::Instances(self.listed(&ids))),
            Call::Complete(waiting) => {
                let done = self.member_of(&waiting.id, Some(&waiting.group));
                done.ok_or(Refusal::NotWaiting)
                    .and_then(|member| member.group.complete(&waiting.id, &waiting.hook, now))
                    .map(|()| Answer::Done)
            }
            Call::Heartbeat(waiting) => {
                let done = self.member_of(&waiting.id, Some(&waiting.group));
                done.ok_or(Refusal::NotWaiting)
                    // The worker's time is its watcher's to keep, as on an instance.
                    .and_then(|member| member.group.waiting(&waiting.id, &waiting.hook))
                    .map(|_| Answer::Done)
            }
            Call::Terminate { id, decrement } => {
                let member = self.member_of(&id, None).ok_or(Refusal::Unknown);
                member
                    .and_then(|member| member.group.terminate(&id, decrement, now))
                    .map(Answer::Begun)
            }
            Call::Interrupt(id) => {
                let member = self.member_of(&id, None).ok_or(Refusal::Unknown);
                let announced = member.and_then(|member| member.group.announce_interruption(&id, now));
                if let Ok(at) = announced {
                    self.note(format!("EC2 takes {id} back at {at:.0}, as if it were a spot instance"));
                }
                announced.map(Answer::Interrupted)
            }
        };
        // Who asked may have gone away meanwhile.
        let _ = reply.send(answer);
    }

    fn member_of(&mut self, id: &str, group: Option<&str>) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| group.is_none_or(|name| name == member.group.name) && member.group.instance(id).is_some())
    }

    fn listed(&self, ids: &[String]) -> Vec<Listed> {
        let of_group = |member: &Member| {
            let (group, instance_type) = (member.group.name.clone(), member.stage.facts.instance_type.clone());
            let wanted = member
                .group
                .instances
                .iter()
                .filter(|one| ids.is_empty() || ids.contains(&one.id));
            wanted
                .map(|instance| Listed {
                    id: instance.id.clone(),
                    group: group.clone(),
                    zone: instance.zone.clone(),
                    instance_type: instance_type.clone(),
                    lifecycle_state: instance.state.as_str(),
                })
                .collect::<Vec<_>>()
        };
        self.members.iter().flat_map(of_group).collect()
    }
}
