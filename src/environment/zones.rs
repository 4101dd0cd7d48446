//! `zones: all`, or `zones: [us-east-2a, us-east-2b]`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::patterns;

/// `all`, or a list of zone names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zones {
    /// Every zone in which the default VPC has a subnet and the instance types are offered.
    All,
    /// These zones.
    Named(Vec<String>),
}

impl<'de> Deserialize<'de> for Zones {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(word) if word == "all" => Ok(Zones::All),
            list @ serde_json::Value::Array(_) => serde_json::from_value(list)
                .map(Zones::Named)
                .map_err(de::Error::custom),
            _ => Err(de::Error::custom("expected `all` or a list of zone names")),
        }
    }
}

impl Serialize for Zones {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Zones::All => serializer.serialize_str("all"),
            Zones::Named(names) => names.serialize(serializer),
        }
    }
}

impl JsonSchema for Zones {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Zones".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // One schema, not `anyOf`: `pattern` speaks of strings only, `items` of arrays only.
        json_schema!({
            "type": ["string", "array"],
            "pattern": patterns::ALL_ZONES,
            "items": { "type": "string", "pattern": patterns::ZONE },
            "minItems": 1,
            "uniqueItems": true,
            "examples": ["all", ["us-east-2a", "us-east-2b"]]
        })
    }
}
