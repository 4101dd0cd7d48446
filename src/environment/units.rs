//! Humane units: `2m`, `4d`, `20 GiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::patterns;

/// A length of time in whole seconds, written like `90s`, `2m`, `8h`, `4d` or `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(u64);

impl Duration {
    /// So many seconds.
    pub const fn seconds(n: u64) -> Self {
        Duration(n)
    }
    /// So many minutes.
    pub const fn minutes(n: u64) -> Self {
        Duration(n * 60)
    }
    /// So many hours.
    pub const fn hours(n: u64) -> Self {
        Duration(n * 3600)
    }
    /// So many days.
    pub const fn days(n: u64) -> Self {
        Duration(n * 86400)
    }
    /// In seconds.
    pub const fn as_secs(self) -> u64 {
        self.0
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = humantime::parse_duration(text)
            .map_err(|_| format!("`{text}` is not a length of time: it is written as in 90s, 15m, 8h, 2d or 1h 30m"))?;
        if parsed.subsec_nanos() != 0 {
            return Err(format!("`{text}` is not a whole number of seconds"));
        }
        Ok(Duration(parsed.as_secs()))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not humantime's own form, which turns 30d into "30days" and 31d into "1month 13h 26m 24s".
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        let mut first = true;
        for (unit, length) in [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)] {
            if rest >= length {
                if !first {
                    f.write_str(" ")?;
                }
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
                first = false;
            }
        }
        Ok(())
    }
}

/// How long something is kept: a length of time, or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptFor {
    /// So long.
    Time(Duration),
    /// Until somebody deletes it.
    Forever,
}

impl FromStr for KeptFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "forever" => Ok(KeptFor::Forever),
            length => length.parse().map(KeptFor::Time),
        }
    }
}

impl fmt::Display for KeptFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeptFor::Time(length) => length.fmt(f),
            KeptFor::Forever => f.write_str("forever"),
        }
    }
}

/// A size in bytes, written like `20 GiB` or `8 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// So many GiB.
    pub const fn gib(n: u64) -> Self {
        Size(n << 30)
    }
    /// So many MiB.
    pub const fn mib(n: u64) -> Self {
        Size(n << 20)
    }
    /// So many bytes.
    pub const fn bytes(n: u64) -> Self {
        Size(n)
    }
    /// In bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
    /// In whole GiB, rounded up, as EBS counts.
    pub const fn as_gib(self) -> u64 {
        self.0.div_ceil(1 << 30)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<bytesize::ByteSize>()
            .map(|size| Size(size.as_u64()))
            .map_err(|e| format!("`{text}` is not a size ({e})"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Exactly, so that what is written can be read again; bytesize rounds, and says "20.0 GiB".
        for (unit, length) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)] {
            if self.0 >= length && self.0.is_multiple_of(length) {
                return write!(f, "{} {unit}", self.0 / length);
            }
        }
        write!(f, "{} B", self.0)
    }
}

macro_rules! written_as_text {
    ($type:ident, $pattern:expr, $unit:literal, $examples:tt, $description:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern,
                    "x-unit": $unit, "examples": $examples, "description": $description })
            }
        }
    };
}

// `x-unit` is what somebody who writes a bare number probably means.
written_as_text!(
    Duration,
    patterns::DURATION,
    "s",
    ["90s", "2m", "8h", "4d"],
    "A length of time: a number and `s`, `m`, `h` or `d`."
);
written_as_text!(
    KeptFor,
    patterns::KEPT_FOR,
    "d",
    ["30d", "forever"],
    "A length of time, or `forever`."
);
written_as_text!(
    Size,
    patterns::SIZE,
    " GiB",
    ["8 GiB", "20 GiB"],
    "A size: a number and `MiB`, `GiB` or `TiB`."
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_and_written_the_way_people_say_them() {
        for (text, seconds, shown) in [
            ("0s", 0, "0s"),
            ("90s", 90, "1m 30s"),
            ("2m", 120, "2m"),
            ("1h30m", 5400, "1h 30m"),
            ("1 h 30 m", 5400, "1h 30m"),
            ("30d", 30 * 86400, "30d"),
        ] {
            let read: Duration = text.parse().expect(text);
            assert_eq!((read.as_secs(), read.to_string().as_str()), (seconds, shown), "{text}");
        }
        for text in ["", "5", "-1s", "100ms", "soon"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn everything_that_matches_the_pattern_is_read(
            time in patterns::DURATION.trim_matches(['^', '$']),
            kept in patterns::KEPT_FOR.trim_matches(['^', '$']),
            size in patterns::SIZE.trim_matches(['^', '$']),
        ) {
            let read: Duration = time.parse().map_err(TestCaseError::fail)?;
            prop_assert_eq!(read.to_string().parse::<Duration>(), Ok(read));
            let read: KeptFor = kept.parse().map_err(TestCaseError::fail)?;
            prop_assert_eq!(read.to_string().parse::<KeptFor>(), Ok(read));
            let read: Size = size.parse().map_err(TestCaseError::fail)?;
            prop_assert_eq!(read.to_string().parse::<Size>(), Ok(read));
        }
    }
}
