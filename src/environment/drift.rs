//! What `qfleet drift` lets differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;

/// What `drift` does with differences.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Properties that may differ from what was deployed; each says why.
    #[schemars(length(max = 100))]
    #[serde(default)]
    pub ignore: Vec<DriftIgnore>,
}

/// A property that may differ from what was deployed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DriftIgnore {
    /// The resource, by its name in the template (`qfleet render` shows them): `Group` of any stack, or `move.Group` of
    /// the part `move`.
    #[schemars(regex(pattern = patterns::RESOURCE), length(max = 300), example = "move.Group")]
    pub resource: String,
    /// The property, with everything in it. A resource that is gone is never ignored.
    #[schemars(regex(pattern = patterns::PROPERTY), length(max = 300), example = "RedrivePolicy/maxReceiveCount")]
    pub property: String,
    /// Why it may differ; shown wherever it does.
    #[schemars(regex(pattern = patterns::SOMETHING), length(max = 300), example = "raised by hand for the sale")]
    pub reason: String,
}
