//! Which region AWS's defaults chain names, and where it stands
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html>).

use std::time::Duration;

use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::profile::load;
use aws_types::os_shim_internal::{Env, Fs};
use tokio::time::timeout;

/// A metadata service that doesn't answer in this time isn't there.
const OF_INSTANCE: Duration = Duration::from_secs(3);

/// What named a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionFrom {
    /// `--region`.
    Option,
    /// The environment file.
    File,
    /// This environment variable.
    Variable(&'static str),
    /// The profile of this name.
    Profile(String),
    /// The metadata service of the instance.
    Instance,
}

/// The region that AWS's defaults chain finds, for a profile or none.
pub async fn find(profile: Option<&str>) -> Option<(String, RegionFrom)> {
    let (fs, env) = (Fs::real(), Env::real());
    if let Some(found) = configured(&fs, &env, profile).await {
        return Some(found);
    }
    let chain = DefaultRegionChain::builder().build();
    let found = timeout(OF_INSTANCE, chain.region()).await.ok().flatten()?;
    Some((found.to_string(), RegionFrom::Instance))
}

/// The same by environment variables and configuration files alone. Nobody is asked over the network, so that of an EC2
/// instance without either isn't known.
pub async fn region_by_default(profile: Option<String>) -> Option<String> {
    let found = configured(&Fs::real(), &Env::real(), profile.as_deref()).await;
    found.map(|(region, _)| region)
}

async fn configured(fs: &Fs, env: &Env, profile: Option<&str>) -> Option<(String, RegionFrom)> {
    let variable = |name| env.get(name).ok().filter(|value| !value.is_empty());
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = variable(name) {
            return Some((region, RegionFrom::Variable(name)));
        }
    }
    let named = profile.map(str::to_owned).or_else(|| variable("AWS_PROFILE"));
    let name = named.unwrap_or_else(|| "default".to_owned());
    let profiles = load(fs, env, &Default::default(), None).await.ok()?;
    let region = profiles.get_profile(&name)?.get("region")?.to_owned();
    Some((region, RegionFrom::Profile(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = us-east-2\n[profile far]\nregion = eu-north-1\n[profile without]\n";

    #[tokio::test]
    async fn variables_go_before_profiles_and_each_is_named() {
        let of = |name: &str| RegionFrom::Profile(name.to_owned());
        let fs = Fs::from_slice(&[("/home/me/.aws/config", CONFIG)]);
        for (variables, profile, wanted) in [
            (&[][..], None, Some(("us-east-2", of("default")))),
            (&[], Some("far"), Some(("eu-north-1", of("far")))),
            (&[], Some("without"), None),
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
