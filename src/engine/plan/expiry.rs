//! An end that a deploy leaves where it is, though the file says another `lifetime` by now.

use jiff::{SignedDuration, Timestamp, Unit};
use schemars::JsonSchema;
use serde::Serialize;

use super::Plan;
use crate::environment::Environment;
use crate::environment::units::Duration;
use crate::observe::expiry::{Expiry, Recorded};

/// From noting when an environment expires to the first of its stacks: what is built and uploaded takes no longer.
const UNTIL_THE_FIRST_STACK: i64 = 900;

/// When it expires, where that isn't what the file's `lifetime` says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExpiryStays {
    #[serde(flatten)]
    pub at: Expiry,
    /// When it would, had the file said so at its first deploy.
    pub by_file: Timestamp,
}

impl ExpiryStays {
    /// Of a plan; none where the end is the file's, or there is none yet.
    pub fn of(plan: &Plan, environment: &Environment, now: Timestamp) -> Option<ExpiryStays> {
        let Recorded::At(at) = Recorded::read(plan.expires.as_ref()?) else {
            return None;
        };
        let lifetime = i64::try_from(environment.lifetime?.as_secs()).ok()?;
        let by_file = plan.first_made?.checked_add(SignedDuration::from_secs(lifetime)).ok()?;
        let is_other = at.duration_since(by_file).as_secs().abs() > UNTIL_THE_FIRST_STACK;
        is_other.then(|| ExpiryStays {
            at: Expiry::new(at, now),
            by_file,
        })
    }

    /// How much longer it would live by the file, to the minute; none where that is no longer.
    pub fn longer(&self) -> Option<Duration> {
        // What is past is extended from now on.
        let past = SignedDuration::from_secs(self.at.seconds_left.min(0));
        let from = self.at.at - past;
        let longer = self.by_file.duration_since(from).round(Unit::Minute).ok()?;
        let minutes = u64::try_from(longer.as_mins()).ok()?;
        (minutes > 0).then(|| Duration::minutes(minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_past_would_be_extended_from_now_on() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let longer = |now: &str, by_file: &str| {
            let stays = ExpiryStays {
                at: Expiry::new(at("2026-01-02T10:00:00Z"), at(now)),
                by_file: at(by_file),
            };
            stays.longer().map(|longer| longer.to_string())
        };
        assert_eq!(
            longer("2026-01-02T09:00:00Z", "2026-01-02T12:00:20Z").as_deref(),
            Some("2h")
        );
        // The first stack may be made within the second in which the end was noted.
        assert_eq!(
            longer("2026-01-02T11:00:00Z", "2026-01-02T11:59:59Z").as_deref(),
            Some("1h")
        );
        assert_eq!(longer("2026-01-02T11:00:00Z", "2026-01-02T10:30:00Z"), None);
        assert_eq!(longer("2026-01-02T09:00:00Z", "2026-01-02T09:30:00Z"), None);
    }
}
