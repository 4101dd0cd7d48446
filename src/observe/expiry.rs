//! When an environment expires: its parameter, read, and in words.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::AwsCli;
use crate::deployed::expiry_parameter;

/// When an environment expires.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Expiry {
    pub at: Timestamp,
    /// How long it has left; negative when it is past its time.
    pub seconds_left: i64,
}

impl Expiry {
    pub fn new(at: Timestamp, now: Timestamp) -> Expiry {
        Expiry {
            at,
            seconds_left: at.as_second() - now.as_second(),
        }
    }

    /// As in "expires in 7h 59m (2026-01-02 10:00Z)".
    pub fn text(&self) -> String {
        let at = self.at.strftime("%Y-%m-%d %H:%MZ");
        let ago = if self.seconds_left < 0 { " ago" } else { "" };
        format!("{}{ago} ({at})", self.length())
    }

    /// How long until then, or since: `7h 59m`, and from two days on `9d 03h`.
    pub fn length(&self) -> String {
        let minutes = self.seconds_left.unsigned_abs() / 60;
        let hours = minutes / 60;
        match hours {
            0..48 => format!("{hours}h {:02}m", minutes % 60),
            _ => format!("{}d {:02}h", hours / 24, hours % 24),
        }
    }
}

/// When an environment expires, as its parameter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    At(Timestamp),
    /// It can't be read: what is there.
    Unreadable(String),
}

impl Recorded {
    /// From the value of the parameter.
    pub fn read(value: &str) -> Recorded {
        match value.trim().parse() {
            Ok(at) => Recorded::At(at),
            Err(_) => Recorded::Unreadable(value.to_owned()),
        }
    }

    /// Whether it is past, which it is from that second on.
    pub fn is_past(&self, now: Timestamp) -> bool {
        matches!(self, Recorded::At(at) if *at <= now)
    }
}

/// Why it isn't known when an environment expires, and how to mend that. `cli`: goes where the environment is.
pub fn unreadable(environment: &str, cli: &AwsCli, value: &str) -> String {
    format!(
        "{} says {value:?}, which is no time; {}",
        expiry_parameter(environment),
        correction(environment, cli)
    )
}

/// How to correct an expiry that can't be read.
pub fn correction(environment: &str, cli: &AwsCli) -> String {
    format!(
        "correct it, as in 2026-01-02T15:00:00Z: {}",
        cli.command(&format!(
            "ssm put-parameter --overwrite --name {} --value …",
            expiry_parameter(environment)
        ))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_told_in_days() {
        let minute = 60;
        let shown = [
            0,
            59 * minute,
            479 * minute,
            -90 * minute,
            2879 * minute,
            2880 * minute,
            9000 * 3600,
        ];
        let shown = shown.map(|seconds_left| {
            let at = Timestamp::UNIX_EPOCH;
            Expiry { at, seconds_left }.length()
        });
        assert_eq!(
            shown,
            ["0h 00m", "0h 59m", "7h 59m", "1h 30m", "47h 59m", "2d 00h", "375d 00h"]
        );
    }
}
