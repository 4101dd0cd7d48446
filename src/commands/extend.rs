//! `qfleet extend ENV 2h`

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::global::Global;
use super::named::Named;
use crate::cloud::Cloud;
use crate::deployed::{Deployed, expiry_parameter};
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::observe::status::Expiry;
use crate::report;

/// As long as a lifetime may be.
const MOST: Duration = Duration::days(365);

/// Arguments of `extend`.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    after_help = "\
It counts from the expiry that the environment has now; from now, when that is past. Nothing else changes: no stack is \
touched, and a later deploy doesn't move the expiry back. An environment without a `lifetime` never expires, and is \
refused.

Examples:
  qfleet extend lab 2h
  qfleet extend --name lab 1d              where the environment file is lost

Exit codes: 0 moved; 1 it could not be read or written; 2 bad file or usage; 4 refused (not deployed, or it has no \
lifetime)."
)]
pub struct Extend {
    #[command(flatten)]
    which: Named,
    /// How much later it expires: `2h`, `1d`, `1h 30m`
    #[arg(value_name = "LENGTH")]
    by: Duration,
}

/// An expiry that was moved.
#[derive(Debug, Serialize)]
struct Moved {
    environment: String,
    account: String,
    region: String,
    from: Expiry,
    expires: Expiry,
}

impl Extend {
    /// Moves it.
    pub fn run(self, global: &Global) -> Result<()> {
        if !(1..=MOST.as_secs()).contains(&self.by.as_secs()) {
            return Err(Error::usage(format!(
                "an expiry can be moved by 1s to {MOST}, not by {}",
                self.by
            )));
        }
        let meant = self.which.find()?;
        global.block_on(async {
            let cloud = global.connect(meant.file.as_ref()).await?;
            let moved = self.extend(&cloud, &meant.name, Timestamp::now()).await?;
            report::document(global.output, &moved, || {
                let was = if moved.from.seconds_left < 0 {
                    "expired"
                } else {
                    "was to expire in"
                };
                let (name, from, to) = (&moved.environment, moved.from.text(), moved.expires.text());
                format!("{name} {was} {from}\n{name} expires in {to}\n")
            });
            Ok(())
        })
    }

    async fn extend(&self, cloud: &Cloud, name: &str, now: Timestamp) -> Result<Moved> {
        if Deployed::find(cloud, name).await?.stacks.is_empty() {
            let place = format!("in account {}, {}", cloud.account, cloud.region);
            return Err(Error::refused(format!("{name} is not deployed {place}")));
        }
        let parameter = expiry_parameter(name);
        let Some(kept) = cloud.parameter(&parameter).await? else {
            return Err(Error::refused(format!("{name} has no lifetime: it never expires"))
                .with_help("give it one in its file (`lifetime: 8h`), and deploy it"));
        };
        let from: Timestamp = kept.trim().parse().map_err(|_| {
            Error::refused(format!("when {name} expires can't be read: {parameter} says {kept:?}")).with_help(format!(
                "correct it, as in 2026-01-02T15:00:00Z: aws ssm put-parameter --overwrite --name {parameter} --value …"
            ))
        })?;
        let to = later(from, self.by, now)?;
        cloud.put_parameter(&parameter, &format!("{to:.0}")).await?;
        Ok(Moved {
            environment: name.to_owned(),
            account: cloud.account.clone(),
            region: cloud.region.clone(),
            from: Expiry::new(from, now),
            expires: Expiry::new(to, now),
        })
    }
}

/// From an expiry, or from now when that is past.
fn later(from: Timestamp, by: Duration, now: Timestamp) -> Result<Timestamp> {
    let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
    from.max(now)
        .checked_add(SignedDuration::from_secs(seconds))
        .map_err(|error| Error::usage(format!("{by} is too long: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_the_expiry_and_from_now_when_that_is_past() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let now = at("2026-01-02T10:00:00Z");
        for (from, to) in [
            ("2026-01-02T12:00:00Z", "2026-01-02T14:00:00Z"),
            ("2026-01-02T10:00:00Z", "2026-01-02T12:00:00Z"),
            ("2026-01-02T09:00:00Z", "2026-01-02T12:00:00Z"),
            ("2025-01-02T09:00:00Z", "2026-01-02T12:00:00Z"),
        ] {
            assert_eq!(
                later(at(from), Duration::hours(2), now).expect("in time"),
                at(to),
                "{from}"
            );
        }
        let too_long = later(Timestamp::MAX, Duration::hours(2), now).expect_err("no such instant");
        assert_eq!(too_long.exit_code(), 2);
    }
}
