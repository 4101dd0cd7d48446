//! Workers that are a Lambda function.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Duration, Size};
use super::{Architecture, Scaling, Secret, patterns};

/// A Lambda function that gets the queue's messages in batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lambda {
    /// A folder with the function's code; relative to this file. An executable `build` in it puts the dependencies there,
    /// in a copy of the folder.
    #[schemars(regex(pattern = patterns::SOMETHING), length(max = 1000), example = "../examples/mover")]
    pub program: String,
    /// What Lambda calls, as the runtime names it: for Python a module and a function, with dots between.
    #[schemars(regex(pattern = patterns::HANDLER), length(max = 128), example = "mover.function.handler")]
    pub handler: String,
    /// Lambda's name of the language and its version.
    #[schemars(regex(pattern = patterns::RUNTIME), example = "python3.13")]
    pub runtime: String,
    /// The processors that it runs on. `build` must get dependencies for them.
    #[serde(default)]
    pub architecture: Architecture,
    /// Memory of each run, and CPU in proportion to it: 128 MiB to 10 GiB.
    #[schemars(extend("x-unit" = " MiB", "examples" = ["256 MiB", "1 GiB"]))]
    #[serde(default = "quarter_gib")]
    pub memory: Size,
    /// How long one run may take, for all messages of its batch: 1s to 15m.
    #[serde(default = "half_a_minute")]
    pub timeout: Duration,
    /// The most messages in one run: 10, or 10,000 with a `batch_window`.
    #[schemars(range(min = 1, max = 10000))]
    #[serde(default = "five")]
    pub batch: u32,
    /// How long Lambda gathers messages until a batch is full, at most 5m.
    #[serde(default = "at_once")]
    pub batch_window: Duration,
    /// How many runs there may be at the same time.
    #[schemars(range(min = 2, max = 1000))]
    #[serde(default = "twenty")]
    pub max_concurrency: u32,
    /// Environment variables for the function; with `secrets` and qfleet's own, 4096 bytes in all. No secrets: they can be read in the function's
    /// configuration. In a file with `extras`, a whole value `${db.Endpoint}` is what the extra `db` gives.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Secrets for the function, each by the name of an environment variable: the path of an SSM parameter (`/app/db`),
    /// the whole ARN of a Secrets Manager secret, or one that an extra gives (`${db.SecretArn}`). The function reads them itself, when it starts.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// How long logs are kept, in whole days that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, …
    #[serde(default = "month")]
    pub log_retention: Duration,
    /// ARNs of managed policies that the function needs beyond its queue, its prefixes and its logs.
    #[schemars(
        length(max = 8),
        inner(regex(pattern = patterns::POLICY))
    )]
    #[serde(default)]
    pub policies: Vec<String>,
}

impl Lambda {
    /// "Set the queue's visibility timeout to at least six times your function timeout, plus the value of
    /// MaximumBatchingWindowInSeconds" (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>).
    pub fn recommended_visibility_timeout(&self) -> Duration {
        Duration::seconds(self.timeout.as_secs().saturating_mul(6) + self.batch_window.as_secs())
    }
}

/// How many messages a second a function can do at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Throughput {
    /// As many, at so many seconds a message, one after the other.
    AsSaid { a_second: f64, seconds_per_message: f64 },
    /// As many at least, where each run takes all of its time for a full batch.
    AtWorst { a_second: f64 },
}

impl Lambda {
    /// What `max_concurrency` allows.
    pub fn throughput(&self, scaling: Option<&Scaling>) -> Throughput {
        let runs = f64::from(self.max_concurrency);
        match scaling.and_then(|scaling| scaling.seconds_per_message) {
            Some(seconds) => Throughput::AsSaid {
                a_second: runs / seconds,
                seconds_per_message: seconds,
            },
            None => Throughput::AtWorst {
                a_second: runs * f64::from(self.batch) / self.timeout.as_secs().max(1) as f64,
            },
        }
    }
}

fn quarter_gib() -> Size {
    Size::mib(256)
}

fn half_a_minute() -> Duration {
    Duration::seconds(30)
}

fn five() -> u32 {
    5
}

fn at_once() -> Duration {
    Duration::seconds(0)
}

fn twenty() -> u32 {
    20
}

fn month() -> Duration {
    Duration::days(30)
}
