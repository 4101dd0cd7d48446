//! Spot instances that EC2 takes back: announced two minutes ahead, and then no hook holds them
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::causes;
use super::super::instance::Interruption;
use super::super::pace::Now;
use super::{Group, Refusal};

/// From the notice to the end, in the fleet's time.
const NOTICE: Duration = Duration::from_secs(120);

impl Group {
    /// EC2 announces that it takes an instance back. Returns when it does; the same time when it is told again.
    pub fn announce_interruption(&mut self, id: &str, now: Now) -> Result<Timestamp, Refusal> {
        let left = self.pace.real(NOTICE);
        let place = self.place(id).filter(|place| self.instances[*place].counts());
        let place = place.ok_or(Refusal::Unknown)?;
        let interruption = *self.instances[place].interruption.get_or_insert_with(|| Interruption {
            at: now.at + left,
            wall: SignedDuration::try_from(left)
                .ok()
                .and_then(|left| now.wall.checked_add(left).ok())
                .unwrap_or(now.wall),
        });
        self.tell_to_end(place, now);
        Ok(interruption.wall)
    }

    pub(super) fn is_due(&self, place: usize, now: Now) -> bool {
        let instance = &self.instances[place];
        let is_due = instance
            .interruption
            .is_some_and(|interruption| now.at >= interruption.at);
        is_due && !instance.is_shut_down()
    }

    /// Its time is up: it is shut down, and replaced unless it was to go anyway.
    pub(super) fn take_back(&mut self, place: usize, now: Now) {
        if self.instances[place].counts() {
            self.unhealthy += 1;
            let mut activity = self.begin_leaving(place, causes::health_check(now.wall), now);
            activity.status_message = Some(causes::TAKEN_BACK.to_owned());
            self.instances[place].activity = Some(activity);
        }
        self.proceed(place, now);
    }
}
