//! Which environment it is, and where: what results say first.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cloud::Cloud;

/// An environment in an account and a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    pub environment: String,
    /// The account's twelve digits.
    pub account: String,
    pub region: String,
}

impl Address {
    /// Of the environment of this name, where `cloud` works.
    pub fn new(cloud: &Cloud, environment: &str) -> Address {
        Address {
            environment: environment.to_owned(),
            account: cloud.account.clone(),
            region: cloud.region.clone(),
        }
    }

    /// `account 111122223333, us-east-2`
    pub fn place(&self) -> String {
        format!("account {}, {}", self.account, self.region)
    }

    /// Says that there is no such environment.
    pub fn not_deployed(&self) -> String {
        format!("{} is not deployed in {}", self.environment, self.place())
    }
}

/// `lab in account 111122223333, us-east-2`
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.environment, self.place())
    }
}
