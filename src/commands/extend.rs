//! `qfleet extend ENV 2h`

use clap::builder::styling::Styles;
use clap::{Arg, Args, Command};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::global::Global;
use super::name_option::{NameOption, nobody_named};
use super::named::Named;
use crate::cloud::Cloud;
use crate::deployed::address::Address;
use crate::deployed::{Deployed, expiry_parameter};
use crate::environment::units::Duration;
use crate::error::{Error, Result};
use crate::observe::expiry::{Expiry, correction};
use crate::report;

/// As long as a lifetime may be.
const MOST: Duration = Duration::days(365);

/// Arguments of `extend`.
#[derive(Debug, Args)]
#[command(
    override_usage = "qfleet extend [OPTIONS] <ENV> <LENGTH>\n       qfleet extend [OPTIONS] --name <NAME> <LENGTH>",
    after_help = "\
It counts from the environment's present expiry, or from now when that is past. Nothing else changes: no stack is \
touched, and a later deploy doesn't move the expiry back. An environment without a `lifetime` never expires, and is \
refused.

Examples:
  qfleet extend lab 2h
  qfleet extend --name lab 1d              where the environment file is lost

Exit codes: 0 moved; 1 it is not deployed, or its expiry could not be read or written; 2 bad file or usage; 4 refused \
(it has no lifetime)."
)]
pub struct Extend {
    // The last word is the length. What clap has for that, `allow_missing_positional`, takes the first word for the length
    // as soon as an option follows it: `extend lab --local 2h`.
    /// Environment file, or the bare name of one in stacks/; with --name it may be left out
    #[arg(value_name = "ENV")]
    first: Option<String>,
    /// How much later it expires: `2h`, `1d`, `1h 30m`
    #[arg(value_name = "LENGTH")]
    second: Option<String>,
    #[command(flatten)]
    name: NameOption,
}

/// Its command line with a help that says which word may be left out: for clap that is the second one, which is the length
/// where there are two.
pub(super) fn explained(command: Command) -> Command {
    let heading = Styles::styled();
    let heading = heading.get_header();
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{heading}Arguments:{heading:#}\n  <ENV>     Environment file, \
         or the bare name of one\n            in stacks/; with --name it may be left out\n  <LENGTH>  How much later it expires: `2h`, `1d`, \
         `1h 30m`\n\n{{all-args}}{{after-help}}"
    );
    let hidden = |arg: Arg| match arg.is_positional() {
        true => arg.hide(true),
        false => arg,
    };
    command.mut_args(hidden).help_template(template)
}

/// An expiry that was moved.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Moved {
    #[serde(flatten)]
    address: Address,
    from: Expiry,
    expires: Expiry,
}

impl Extend {
    pub fn run(self, global: &Global) -> Result<()> {
        let (which, by) = self.words()?;
        if !(1..=MOST.as_secs()).contains(&by.as_secs()) {
            return Err(
                Error::usage(format!("an expiry can be moved by 1s to {MOST}, not by {by}"))
                    .with_help("an environment that stays longer needs no `lifetime` in its file"),
            );
        }
        let meant = which.find()?;
        global.run(None, async |interrupt| {
            let look = async {
                let cloud = global.connect_to(&meant).await?;
                let from = expiry(&cloud, &meant.name, &global.deploy(&meant)).await?;
                Ok::<_, Error>((cloud, from))
            };
            let (cloud, from) = interrupt.unless_stopped(look).await?;
            let moved = extend(&cloud, &meant.name, from, by, Timestamp::now()).await?;
            report::document(global.output, &moved, || {
                let was = if moved.from.seconds_left < 0 {
                    "expired"
                } else {
                    "was to expire in"
                };
                let (name, from, to) = (&moved.address.environment, moved.from.text(), moved.expires.text());
                format!("{name} {was} {from}\n{name} expires in {to}\n")
            });
            Ok(())
        })
    }

    /// Which environment, and by how much: the last word is the length.
    fn words(&self) -> Result<(Named, Duration)> {
        let length = |text: &str| text.parse::<Duration>().map_err(Error::usage);
        let given = self.name.given()?;
        let Some(first) = &self.first else {
            return Err(match given {
                Some(given) => without_length(&given.name, &format!("--name {}", given.name)),
                None => Error::usage("neither an environment was named nor by how much it is to live longer")
                    .with_help("as in: qfleet extend lab 2h"),
            });
        };
        if let Some(by) = &self.second {
            return Ok((Named::new(Some(first), &self.name), length(by)?));
        }
        let named = given.is_some();
        match length(first) {
            Ok(by) if named => Ok((Named::new(None, &self.name), by)),
            Ok(_) => Err(nobody_named()),
            Err(error) if named => Err(error
                .with_help("the last word is by how much longer it is to live, as in: qfleet extend --name lab 2h")),
            Err(_) => Err(without_length(first, first)),
        }
    }
}

/// `words`: how the environment is named in a command.
fn without_length(environment: &str, words: &str) -> Error {
    Error::usage(format!("by how much {environment} is to live longer wasn't said"))
        .with_help(format!("as in: qfleet extend {words} 2h"))
}

async fn expiry(cloud: &Cloud, name: &str, deploy: &str) -> Result<Timestamp> {
    Deployed::require(cloud, name, deploy).await?;
    let parameter = expiry_parameter(name);
    let Some(kept) = cloud.parameter(&parameter).await? else {
        return Err(Error::refused(format!("{name} has no lifetime: it never expires"))
            .with_help("give it one in its file (`lifetime: 8h`), and deploy it"));
    };
    kept.trim().parse().map_err(|_| {
        Error::refused(format!("when {name} expires can't be read: {parameter} says {kept:?}"))
            .with_help(correction(name, &cloud.cli()))
    })
}

async fn extend(cloud: &Cloud, name: &str, from: Timestamp, by: Duration, now: Timestamp) -> Result<Moved> {
    let to = later(from, by, now)?;
    let parameter = expiry_parameter(name);
    cloud.put_parameter(&parameter, &format!("{to:.0}")).await?;
    Ok(Moved {
        address: Address::new(cloud, name),
        from: Expiry::new(from, now),
        expires: Expiry::new(to, now),
    })
}

/// From an expiry, or from now when that is past.
fn later(from: Timestamp, by: Duration, now: Timestamp) -> Result<Timestamp> {
    let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
    from.max(now)
        .checked_add(SignedDuration::from_secs(seconds))
        .map_err(|error| Error::usage(format!("{by} is too long: {error}")).with_help("as in: 2h, 8h, 3d"))
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
