//! One of the fleet's minutes: queues are asked, metrics put, policies heard.

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::super::event::FleetEvent;
use super::super::scaling::{self, AUTO_SCALING, SQS, Seen};
use super::{Supervisor, patiently};
use crate::autoscaling::series::Minute;
use crate::cloud::sqs::queues::QueueDepth;

impl Supervisor {
    /// One of the fleet's minutes: queues are asked, metrics put, policies heard.
    pub(super) async fn minute(&mut self) {
        // While the emulator is silent, `look` alone asks whether it answers again.
        if self.end.is_some() || self.silent.is_some() {
            return;
        }
        self.follow_schedules().await;
        let minute: Minute = self.pace.second(self.began.elapsed()) / 60;
        let wall = Timestamp::now();
        let of_members = self.members.iter().map(|member| {
            let queues = &member.stage.outputs.queues;
            try_join_all(queues.iter().map(|queue| self.cloud.queue_depth(&queue.url)))
        });
        // A minute without an answer is a gap, as in CloudWatch.
        let depths = match patiently(try_join_all(of_members)).await {
            Ok(depths) => depths,
            Err(error) => return self.silent(&error),
        };
        let (mut of_queues, mut of_groups) = (Vec::new(), Vec::new());
        let mut seen = Vec::new();
        for (member, depths) in self.members.iter().zip(depths) {
            of_groups.extend(scaling::of_group(&member.group));
            seen.push(depths.first().copied().flatten());
            for (queue, depth) in member.stage.outputs.queues.iter().zip(depths) {
                let Some(depth) = depth else { continue };
                let age_seconds = self.ages.seconds(&self.peek, queue, depth, wall).await;
                of_queues.extend(scaling::of_queue(&queue.name, &Seen { depth, age_seconds }));
            }
        }
        scaling::record(&mut self.metrics, SQS, &of_queues, minute);
        scaling::record(&mut self.metrics, AUTO_SCALING, &of_groups, minute);
        let put = async {
            self.cloud.put_metrics(SQS, &of_queues, wall).await?;
            self.cloud.put_metrics(AUTO_SCALING, &of_groups, wall).await
        };
        if let Err(error) = patiently(put).await {
            self.note_once(format!("metrics can't be put: {error}"));
        }
        for (place, depth) in seen.into_iter().enumerate() {
            if let Some(depth) = depth {
                self.scale(place, depth, minute);
            }
        }
        for around in self.around.values() {
            around.place.trim_log();
        }
    }

    fn scale(&mut self, place: usize, depth: QueueDepth, minute: Minute) {
        let now = self.now();
        let member = &mut self.members[place];
        let decision = member.scaling.decide(&member.group, &self.metrics, minute, self.pace);
        member.scaling.remember(&member.group, depth, &decision, now.wall);
        let said = member.scaling.history.back().map(|minute| FleetEvent::Minute {
            stage: member.stage.name.clone(),
            minute: *minute,
            target: member.scaling.target(),
            desired: member.group.desired,
        });
        if let (Some(desired), Some(cause)) = (decision.desired, &decision.cause) {
            member.group.scale(desired, cause, now);
        }
        if let Some(event) = said {
            self.tell.tell(event);
        }
        for problem in scaling::problems(&decision).collect::<Vec<_>>() {
            self.note_once(problem);
        }
    }
}
