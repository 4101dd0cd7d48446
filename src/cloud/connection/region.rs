//! Which region AWS's defaults chain names, and where it stands
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html>).

use std::fmt;
use std::time::Duration;

use aws_config::imds::region::ImdsRegionProvider;
use aws_config::profile::{ProfileSet, load};
use aws_config::provider_config::ProviderConfig;
use aws_types::os_shim_internal::{Env, Fs};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::timeout;

/// A metadata service that doesn't answer in this time isn't there.
const OF_INSTANCE: Duration = Duration::from_secs(3);

/// What named a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegionFrom {
    /// `--region`.
    Option,
    /// The environment file.
    File,
    /// `--all-regions`: it is one of the account's.
    AllRegions,
    /// This environment variable.
    Variable(&'static str),
    /// The profile of this name: the one that was named, or one that it takes its credentials from.
    Profile(String),
    /// The same, where no profile was named and `default` was taken.
    DefaultProfile(String),
    /// The metadata service of the instance.
    Instance,
    /// The record of the environment's local fleet, or of several.
    LocalFleet,
    /// Nobody: the local emulator has a region of its own.
    Emulator,
}

impl RegionFrom {
    /// Whether it was said of this environment, or for this command.
    pub fn is_named(&self) -> bool {
        matches!(self, RegionFrom::Option | RegionFrom::File | RegionFrom::AllRegions)
    }

    /// Whether nobody chose it, not even for all that runs here: then it says nothing of where an environment is.
    pub fn is_guess(&self) -> bool {
        matches!(
            self,
            RegionFrom::DefaultProfile(_) | RegionFrom::Instance | RegionFrom::Emulator
        )
    }
}

/// `AWS_REGION`, "the profile `work`"
impl fmt::Display for RegionFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegionFrom::Option => f.write_str("--region"),
            RegionFrom::File => f.write_str("the environment file"),
            RegionFrom::AllRegions => f.write_str("--all-regions"),
            RegionFrom::Variable(name) => f.write_str(name),
            RegionFrom::Profile(name) | RegionFrom::DefaultProfile(name) => write!(f, "the profile `{name}`"),
            RegionFrom::Instance => f.write_str("the instance's metadata service"),
            RegionFrom::LocalFleet => f.write_str("the record of its local fleet"),
            RegionFrom::Emulator => f.write_str("the local emulator"),
        }
    }
}

/// The region that AWS's defaults chain finds, for a profile or none.
pub async fn find(profile: Option<&str>) -> Option<(String, RegionFrom)> {
    let (fs, env) = (Fs::real(), Env::real());
    if let Some(found) = configured(&fs, &env, profile).await {
        return Some(found);
    }
    let chain = ImdsRegionProvider::builder()
        .configure(&ProviderConfig::without_region())
        .build();
    let found = timeout(OF_INSTANCE, chain.region()).await.ok().flatten()?;
    Some((found.to_string(), RegionFrom::Instance))
}

/// The same by environment variables and configuration files alone. Nobody is asked over the network, so that of an EC2
/// instance without either isn't known.
pub async fn region_by_default(profile: Option<String>) -> Option<String> {
    let found = configured(&Fs::real(), &Env::real(), profile.as_deref()).await;
    found.map(|(region, _)| region)
}

/// That of the environment variables.
pub fn of_variables(env: &Env) -> Option<(String, RegionFrom)> {
    let mut names = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
    names.find_map(|name| Some((variable(env, name)?, RegionFrom::Variable(name))))
}

fn variable(env: &Env, name: &str) -> Option<String> {
    env.get(name).ok().filter(|value| !value.is_empty())
}

async fn configured(fs: &Fs, env: &Env, profile: Option<&str>) -> Option<(String, RegionFrom)> {
    if let Some(found) = of_variables(env) {
        return Some(found);
    }
    let named = profile.map(str::to_owned).or_else(|| variable(env, "AWS_PROFILE"));
    let profiles = load(fs, env, &Default::default(), None).await.ok()?;
    Some(match named {
        Some(name) => {
            let (region, of) = of_profile(&profiles, &name)?;
            (region, RegionFrom::Profile(of))
        }
        None => {
            let (region, of) = of_profile(&profiles, "default")?;
            (region, RegionFrom::DefaultProfile(of))
        }
    })
}

/// Its own, or else that of the profile whose credentials it uses, as the SDK takes it; with the name of that which has it.
fn of_profile(profiles: &ProfileSet, name: &str) -> Option<(String, String)> {
    let mut seen = Vec::new();
    let mut name = name;
    while !seen.contains(&name) {
        seen.push(name);
        let profile = profiles.get_profile(name)?;
        if let Some(region) = profile.get("region") {
            return Some((region.to_owned(), name.to_owned()));
        }
        name = profile.get("source_profile")?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = us-east-2\n[profile far]\nregion = eu-north-1\n[profile without]\n\
                          [profile role]\nsource_profile = far\n[profile itself]\nsource_profile = itself\n";

    #[tokio::test]
    async fn variables_go_before_profiles_and_each_is_named() {
        let of = |name: &str| RegionFrom::Profile(name.to_owned());
        let fs = Fs::from_slice(&[("/home/me/.aws/config", CONFIG)]);
        for (variables, profile, wanted) in [
            (
                &[][..],
                None,
                Some(("us-east-2", RegionFrom::DefaultProfile("default".into()))),
            ),
            (&[], Some("default"), Some(("us-east-2", of("default")))),
            (&[], Some("far"), Some(("eu-north-1", of("far")))),
            (&[], Some("without"), None),
            (&[], Some("role"), Some(("eu-north-1", of("far")))),
            (&[], Some("itself"), None),
            (&[("AWS_PROFILE", "far")], None, Some(("eu-north-1", of("far")))),
            (
                &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "us-west-1")],
                Some("far"),
                Some(("us-west-1", RegionFrom::Variable("AWS_DEFAULT_REGION"))),
            ),
        ] {
            let mut all = vec![("HOME", "/home/me")];
            all.extend(variables);
            let found = configured(&fs, &Env::from_slice(&all), profile).await;
            let wanted = wanted.map(|(region, from): (&str, _)| (region.to_owned(), from));
            assert_eq!(found, wanted, "{variables:?}, {profile:?}");
        }
    }
}
