//! Where an environment would go, without asking AWS.

use crate::blueprint::Placement;
use crate::environment::Environment;
use crate::error::{Error, Result};

use super::Global;
use super::global::warn_of_unknown;

/// What stands where no region is known, and nothing in the file says which one is meant.
const NO_REGION: &str = "us-east-1";

/// A placement that needs no AWS, and what had to be made up for it.
pub struct Offline {
    pub placement: Placement,
    /// For the user to know: what stands in the templates because nothing better was known.
    pub notes: Vec<String>,
    /// Whether nobody says, and nothing in the file shows, which region is meant.
    pub is_anywhere: bool,
}

/// Account and region from the command line, the file and the environment variables of AWS's tools.
///
/// # Errors
/// Usage, when the command line names another account than the file.
pub fn offline(environment: &Environment, global: &Global, account: Option<String>) -> Result<Offline> {
    if let (Some(asked), Some(only)) = (&account, &environment.account)
        && asked != only
    {
        return Err(
            Error::usage(format!("--account {asked} is not the account of the file, {only}"))
                .with_help("leave --account out, or change `account` in the file"),
        );
    }
    let mut notes = Vec::new();
    let account = account.or_else(|| environment.account.clone()).unwrap_or_else(|| {
        if !global.local {
            notes.push(format!(
                "no account is known: names hold {}; give --account, or `account` in the file",
                Placement::NO_ACCOUNT
            ));
        }
        Placement::NO_ACCOUNT.to_owned()
    });
    let mut is_anywhere = false;
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region = global
        .region
        .clone()
        .or_else(|| environment.region.clone())
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|| {
            // Alarms act on a topic of their own region only, and secrets are read in the workers' region.
            let of_arns = environment.region_of_arns();
            is_anywhere = of_arns.is_none();
            let region = of_arns.unwrap_or(NO_REGION);
            notes.push(format!(
                "no region is known: names hold {region}; give --region, or `region` in the file"
            ));
            region.to_owned()
        });
    warn_of_unknown(&region);
    let placement = Placement {
        account,
        region,
        local: global.local,
    };
    Ok(Offline {
        placement,
        notes,
        is_anywhere,
    })
}

/// An account id on the command line.
pub fn account_id(text: &str) -> std::result::Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account id is twelve digits".to_owned())
    }
}
