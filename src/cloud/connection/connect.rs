//! From flags, environment variables and profiles to a [`Cloud`], as every AWS tool does it; or to the local emulator,
//! without reading any of them.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, load};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use aws_types::os_shim_internal::{Env, Fs};

use crate::cloud::connection::calls::{Calls, OnCall, Told};
use crate::cloud::connection::certificates;
use crate::cloud::connection::limiter::Limiter;
use crate::cloud::connection::region::{self, RegionFrom};
use crate::cloud::connection::sending::{Watching, default_http_client};
use crate::cloud::connection::source::Source;
use crate::cloud::connection::time_limits::{TimeLimits, timeouts};
use crate::cloud::{AwsCli, Cloud, explain};
use crate::error::{Error, Reason, Result};

/// Where to connect to.
#[derive(Debug, Clone, Default)]
pub struct Connect {
    /// The region, and what named it; without it, the AWS defaults chain's.
    pub region: Option<(String, RegionFrom)>,
    /// An endpoint for every service.
    pub endpoint_url: Option<String>,
    pub credentials: Credentials,
    /// The only account that may be touched.
    pub account: Option<String>,
    /// How long a service is waited for that gives credentials; none for as long as makes sense.
    pub patience: Option<Duration>,
    /// Told of each call.
    pub on_call: Option<OnCall>,
}

#[derive(Debug, Clone)]
pub enum Credentials {
    /// The AWS defaults chain, with a profile when one is named.
    Chain { profile: Option<String> },
    /// The local emulator takes a twelve-digit key id for the account.
    Local { account: String },
}

impl Default for Credentials {
    fn default() -> Self {
        Credentials::Chain { profile: None }
    }
}

impl Connect {
    /// Connects, and learns which account this is.
    ///
    /// # Errors
    /// Usage when there's no region; a refusal when the account isn't the one that may be touched; a failure when
    /// there are no credentials or AWS can't be reached.
    pub async fn connect(self) -> Result<Cloud> {
        self.connect_unidentified().await?.identified(None).await
    }

    /// Connects without asking whose credentials these are: for a command whose first answers say so by themselves, and
    /// which would wait for one more before it asks anything.
    ///
    /// # Errors
    /// Usage when there's no region.
    pub async fn connect_unidentified(self) -> Result<Unidentified> {
        let wanted = self.account.clone();
        let cloud = match self.credentials.clone() {
            Credentials::Chain { profile } => self.connect_to_aws(profile).await?,
            Credentials::Local { account } => self.connect_to_emulator(account),
        };
        Ok(Unidentified { cloud, wanted })
    }

    async fn connect_to_aws(self, profile: Option<String>) -> Result<Cloud> {
        certificates::look(self.endpoint_url.as_deref())?;
        let named = profile.clone();
        let source = find_source(profile.as_deref()).await?.at_most(self.patience);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(retries())
            .timeout_config(timeouts());
        let found = match self.region {
            Some(named) => Some(named),
            None => region::find(profile.as_deref()).await,
        };
        let (region, region_from) = found.ok_or_else(|| {
            Error::usage("no region")
                .with_help("name one in the environment file (`region: us-east-2`), with --region, or in AWS_REGION")
        })?;
        loader = loader.region(Region::new(region.clone()));
        if let Some(profile) = profile {
            let credentials = credentials_of(&profile, Some(Region::new(region.clone())));
            loader = loader.profile_name(profile).credentials_provider(credentials);
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = source.bound(watched(loader.load().await), self.on_call).await;
        let cloud = Cloud::new(&config, String::new(), (region, region_from), false, self.on_call);
        Ok(cloud.with_cli(AwsCli {
            endpoint_url: self.endpoint_url,
            profile: named,
            ..AwsCli::default()
        }))
    }

    /// Reads no profiles, and of the environment variables only those for the region: fixed credentials that mean nothing
    /// to AWS, and a client that knows no proxy. The SDK's own would send everything to the one that `HTTP_PROXY` names, off
    /// this machine.
    fn connect_to_emulator(self, account: String) -> Cloud {
        let (region, region_from) = self
            .region
            .or_else(|| region::of_variables(&Env::real()))
            .unwrap_or_else(|| ("us-east-1".into(), RegionFrom::Emulator));
        if let Some(on_call) = self.on_call {
            on_call(&Told::Credentials {
                from: "fixed ones for the emulator, which mean nothing to AWS",
                until: None,
            });
        }
        let http_client = aws_smithy_http_client::Builder::new().build_http();
        let config = fixed(&account, &region, http_client, self.endpoint_url.clone());
        let emulated = Some(account.clone());
        Cloud::new(&config, account, (region, region_from), true, self.on_call).with_cli(AwsCli {
            endpoint_url: self.endpoint_url,
            emulated,
            ..AwsCli::default()
        })
    }
}

/// Credentials of a profile that an option names. The SDK's own chain takes the environment's keys first, whatever profile is
/// named, and so may work in another account; for the AWS CLI an option goes before the environment
/// (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html>).
fn credentials_of(profile: &str, region: Option<Region>) -> CredentialsProviderChain {
    let config = ProviderConfig::without_region()
        .with_region(region)
        .with_retry_config(retries())
        .with_timeout_config(timeouts());
    let profile = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(profile)
        .build();
    let container = EcsCredentialsProvider::builder().configure(&config).build();
    let instance = ImdsCredentialsProvider::builder().configure(&config).build();
    CredentialsProviderChain::first_try("Profile", profile)
        .or_else("EcsContainer", container)
        .or_else("Ec2InstanceMetadata", instance)
}

/// Where credentials will come from, when the profile that is asked for exists. The SDK would say that it found no
/// credentials, and nothing of it.
async fn find_source(named: Option<&str>) -> Result<Source> {
    let from_environment = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let wanted = named.map(str::to_owned).or(from_environment);
    // A file that can't be read is told of by whoever needs it.
    let Ok(known) = load(&Fs::real(), &Env::real(), &Default::default(), None).await else {
        return Ok(Source::default());
    };
    let wanted = match wanted {
        Some(wanted) if wanted != "default" && known.get_profile(&wanted).is_none() => wanted,
        wanted => {
            let profile = wanted.as_deref().unwrap_or("default");
            return Ok(Source::find(&known, profile, named.is_some(), &Env::real()));
        }
    };
    let names: Vec<&str> = known.profiles().collect();
    let there = match names.as_slice() {
        [] => "there are no profiles at all".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Err(
        Error::usage(format!("the AWS configuration files have no profile `{wanted}`")).with_help(format!(
            "{there}; --profile, or AWS_PROFILE, names one of ~/.aws/config and ~/.aws/credentials"
        )),
    )
}

/// Reads nothing of the machine's. An emulator takes a twelve-digit key id for the account.
fn fixed(
    account: &str,
    region: &str,
    http_client: impl HttpClient + 'static,
    endpoint_url: Option<String>,
) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client)
        .region(Region::new(region.to_owned()))
        .credentials_provider(aws_sdk_sts::config::SharedCredentialsProvider::new(
            // The secret that the emulator takes for everybody's: it checks what links are signed with.
            aws_sdk_sts::config::Credentials::new(account, "test", None, None, "qfleet-local"),
        ))
        .retry_config(retries())
        .timeout_config(timeouts());
    config.set_endpoint_url(endpoint_url);
    watched(config.build())
}

/// With all that is sent watched by us, instead of by the SDK.
fn watched(config: SdkConfig) -> SdkConfig {
    let Some(http_client) = config.http_client().or_else(default_http_client) else {
        return config;
    };
    let downloads = StalledStreamProtectionConfig::enabled().upload_enabled(false).build();
    let config = config.into_builder().http_client(Watching(http_client));
    config.stalled_stream_protection(downloads).build()
}

/// An account of which only the credentials are known. It may be read from, but nothing may be changed in it.
#[derive(Debug)]
pub struct Unidentified {
    cloud: Cloud,
    /// The only account that may be touched.
    wanted: Option<String>,
}

impl Unidentified {
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// The same in the region of a local fleet.
    pub fn of_local_fleet(self, region: &str) -> Unidentified {
        let mut cloud = self.cloud.in_region(region);
        cloud.region_from = RegionFrom::LocalFleet;
        Unidentified { cloud, ..self }
    }

    /// For who only reads, and says himself whose credentials these are.
    pub fn into_cloud(self) -> Cloud {
        self.cloud
    }

    /// Once the account is known: by the ARN of something that is in it, or else by asking.
    ///
    /// # Errors
    /// A refusal when the account isn't the one that may be touched; a failure when there are no credentials or AWS can't
    /// be reached.
    pub async fn identified(self, arn: Option<&str>) -> Result<Cloud> {
        let Unidentified { mut cloud, wanted } = self;
        if cloud.local {
            return Ok(cloud);
        }
        cloud.account = match arn.and_then(account_of) {
            Some(account) => account.to_owned(),
            None => {
                let identity = cloud
                    .sts
                    .get_caller_identity()
                    .send()
                    .await
                    .map_err(|error| explain("GetCallerIdentity", error))?;
                identity.account().unwrap_or_default().to_owned()
            }
        };
        match wanted {
            Some(wanted) if wanted != cloud.account => Err(Error::refused(format!(
                "these credentials belong to account {}, but the environment file allows only {wanted}",
                cloud.account
            ))
            .because(Reason::WrongAccount)
            .with_help("choose the right profile (--profile, AWS_PROFILE), or correct `account` in the file")),
            _ => Ok(cloud),
        }
    }
}

/// `arn:partition:service:region:account:resource`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).
fn account_of(arn: &str) -> Option<&str> {
    let account = arn.strip_prefix("arn:")?.split(':').nth(3)?;
    (!account.is_empty()).then_some(account)
}

impl Cloud {
    /// The same account in another one of its regions, with limits of its own.
    pub fn in_region(&self, region: &str) -> Cloud {
        let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        Cloud::new(
            &config,
            self.account.clone(),
            (region.to_owned(), RegionFrom::AllRegions),
            self.local,
            self.on_call,
        )
        .with_cli(self.cli.clone())
    }

    fn with_cli(self, cli: AwsCli) -> Cloud {
        Cloud { cli, ..self }
    }

    /// Where the local emulator answers; none on AWS.
    pub fn local_endpoint(&self) -> Option<&str> {
        self.config.endpoint_url().filter(|_| self.local)
    }

    /// An account whose answers come from this HTTP client, wherever it has them from: nothing of the machine's
    /// configuration is read. A client in memory keeps all waiting on tokio's clock, which can then be paused.
    pub fn over(http_client: SharedHttpClient, account: &str, region: &str) -> Cloud {
        let config = fixed(account, region, http_client, Some("http://in.memory".into()));
        let region = (region.to_owned(), RegionFrom::Option);
        Cloud::new(&config, account.to_owned(), region, false, None)
    }

    fn new(
        config: &SdkConfig,
        account: String,
        (region, region_from): (String, RegionFrom),
        local: bool,
        on_call: Option<OnCall>,
    ) -> Cloud {
        // Emulators know buckets by path only.
        let path_style = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
        let limiter = if local {
            Limiter::unlimited()
        } else {
            Limiter::default()
        };
        let partition = retry_partition();
        macro_rules! client {
            ($service:ident $(, $setting:ident($value:expr))*) => {
                $service::Client::from_conf(
                    $service::config::Builder::from(config)
                        .retry_partition(partition.clone())
                        .interceptor(Calls { on_call, region: region.clone(), limiter: limiter.clone() })
                        .interceptor(TimeLimits::default())
                        $(.$setting($value))*
                        .build(),
                )
            };
        }
        Cloud {
            account,
            local,
            accounts: client!(aws_sdk_account),
            cloudcontrol: client!(aws_sdk_cloudcontrol),
            cloudformation: client!(aws_sdk_cloudformation),
            cloudfront: client!(aws_sdk_cloudfront),
            autoscaling: client!(aws_sdk_autoscaling),
            cloudwatch: client!(aws_sdk_cloudwatch),
            dynamodb: client!(aws_sdk_dynamodb),
            iam: client!(aws_sdk_iam),
            lambda: client!(aws_sdk_lambda),
            load_balancing: client!(aws_sdk_elasticloadbalancingv2),
            logs: client!(aws_sdk_cloudwatchlogs),
            s3: client!(aws_sdk_s3, force_path_style(path_style)),
            secrets_manager: client!(aws_sdk_secretsmanager),
            sns: client!(aws_sdk_sns),
            sqs: client!(aws_sdk_sqs),
            ssm: client!(aws_sdk_ssm),
            sts: client!(aws_sdk_sts),
            tagging: client!(aws_sdk_resourcegroupstagging),
            limiter: limiter.clone(),
            ec2_answers: Default::default(),
            cli: AwsCli::default(),
            config: config.clone(),
            on_call,
            region,
            region_from,
        }
    }
}

/// The SDK would give up retrying for good after some thirty retries in the life of the process: a deploy makes calls for
/// an hour. Attempts and their spacing are bounded all the same, and reads by the limiter.
pub(in crate::cloud) fn retry_partition() -> RetryPartition {
    RetryPartition::custom("qfleet")
        .token_bucket(TokenBucket::unlimited())
        .build()
}

/// CloudFormation's account-wide limits are low: many attempts, spread out.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(8)
        .with_max_backoff(Duration::from_secs(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_whose_it_is() {
        let of = account_of("arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/lab-move/0000");
        assert_eq!(of, Some("111122223333"));
        for without in ["arn:aws:s3:::lab", "lab-move", "", "arn:aws"] {
            assert_eq!(account_of(without), None, "{without}");
        }
    }
}
