//! The environment files in stacks/, and their stacks.

use std::path::Path;

use qfleet::blueprint::{self, Blueprint, Placement};
use qfleet::environment::{self, Environment};

/// The environment files in stacks/.
pub const SHIPPED: [&str; 15] = [
    "database",
    "class",
    "delivery",
    "existing",
    "lab",
    "office-hours",
    "production",
    "results",
    "lambda",
    "renditions",
    "replies",
    "secrets",
    "switch",
    "two-regions",
    "web",
];

/// The blueprint of an environment file in stacks/.
pub fn shipped(name: &str, local: bool) -> Blueprint {
    shipped_in(name, "us-east-2", local)
}

pub fn shipped_in(name: &str, region: &str, local: bool) -> Blueprint {
    rendered(&loaded(name), region, local)
}

/// An environment file in stacks/.
pub fn loaded(name: &str) -> Environment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("stacks")
        .join(name)
        .with_extension("yaml");
    environment::load(&path).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub fn rendered(environment: &Environment, region: &str, local: bool) -> Blueprint {
    let placement = Placement {
        account: "111122223333".into(),
        region: region.into(),
        local,
    };
    blueprint::render(environment, &placement).unwrap_or_else(|problems| panic!("{problems:?}"))
}
