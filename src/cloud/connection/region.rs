//! The region that this machine is set up for.

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;

/// The region that AWS's own tools would use, by environment variables and configuration files. Nobody is asked over the
/// network, so that of an EC2 instance without either isn't known.
pub async fn region_by_default(profile: Option<String>) -> Option<String> {
    let from_environment = EnvironmentVariableRegionProvider::new().region().await;
    if let Some(region) = from_environment {
        return Some(region.to_string());
    }
    let builder = ProfileFileRegionProvider::builder();
    let builder = match profile {
        Some(profile) => builder.profile_name(profile),
        None => builder,
    };
    builder.build().region().await.map(|region| region.to_string())
}
