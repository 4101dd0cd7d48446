//! Where credentials come from, waited for no longer than makes sense.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::profile::ProfileSet;
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};
use aws_types::os_shim_internal::Env;
use tokio::time::{Instant, timeout};

use crate::cloud::connection::calls::{OnCall, Told};
use crate::cloud::connection::no_credentials::{HalfAPair, IMDS, NothingCame};

/// A service that gives credentials.
const SERVICE: Duration = Duration::from_secs(25);
/// STS, for a role whose name is blank: it refuses at once, where it can be reached.
const OF_NO_ROLE: Duration = Duration::from_secs(5);
/// Who is asked for a web identity of the environment's.
const OF_TOKEN: &str = "STS, for the token of AWS_WEB_IDENTITY_TOKEN_FILE";
/// A program may have to ask a person for a code.
const PROGRAM: Duration = Duration::from_secs(120);
/// They are fetched again within an attempt of the call that needs them, which has ten seconds.
const AGAIN: Duration = Duration::from_secs(9);

/// The first ones are handed out again: to whoever asks for the credentials themselves, which a program that asks a
/// person for a code must not be run for once more. Those that say when they end, until so long before it.
const SOON: Duration = Duration::from_secs(60);
/// The others for so long: somebody may write new ones into a file.
const FIRST: Duration = Duration::from_secs(15);

/// Whose answer is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cloud) struct Source {
    name: String,
    limit: Duration,
    /// The profile that somebody logs in with, at IAM Identity Center.
    login: Option<String>,
    /// What the environment has of a key pair, where that isn't both.
    half: Option<HalfAPair>,
}

impl Default for Source {
    fn default() -> Self {
        Source::service("the sources that the AWS configuration names".into())
    }
}

impl Source {
    fn service(name: String) -> Source {
        Source {
            name,
            limit: SERVICE,
            login: None,
            half: None,
        }
    }

    /// The first of the SDK's chain that is configured
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>). `is_named`: by an option, which
    /// goes before the environment.
    pub fn find(profiles: &ProfileSet, profile: &str, is_named: bool, env: &Env) -> Source {
        // An option goes before the environment's keys, half or whole.
        let half = HalfAPair::find(env).filter(|_| !is_named);
        let first = Source::first(profiles, profile, is_named, env);
        Source { half, ..first }
    }

    fn first(profiles: &ProfileSet, profile: &str, is_named: bool, env: &Env) -> Source {
        let has = |name: &str| env.get(name).is_ok_and(|value| !value.is_empty());
        let is_half = HalfAPair::find(env).is_some_and(|pair| !pair.is_of_token());
        let keys_first = !is_named && has("AWS_ACCESS_KEY_ID") && !is_half;
        if !keys_first && let Some(source) = of_profile(profiles, profile) {
            return source;
        }
        if !is_named && has("AWS_WEB_IDENTITY_TOKEN_FILE") {
            let is_blank = env.get("AWS_ROLE_ARN").is_ok_and(|role| role.trim().is_empty());
            return Source {
                limit: if is_blank { OF_NO_ROLE } else { SERVICE },
                ..Source::service(OF_TOKEN.into())
            };
        }
        if has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || has("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            return Source::service("the container's endpoint, AWS_CONTAINER_CREDENTIALS_…_URI".into());
        }
        Source::service(IMDS.into())
    }

    /// The same for who won't wait for a service any longer than this. A program may still ask a person.
    pub fn at_most(self, patience: Option<Duration>) -> Source {
        let limit = match patience {
            Some(patience) if self.limit < PROGRAM => self.limit.min(patience),
            _ => self.limit,
        };
        Source { limit, ..self }
    }

    /// The same configuration, with credentials that are waited for no longer than makes sense: the first ones now, so
    /// that they don't use up the time of a call.
    pub async fn bound(self, config: SdkConfig, on_call: Option<OnCall>) -> SdkConfig {
        let Some(chain) = config.credentials_provider() else {
            return config;
        };
        let first = self.within(self.limit, chain.provide_credentials()).await;
        if let (Some(on_call), Ok(credentials)) = (on_call, &first) {
            let until = credentials.expiry().and_then(|end| jiff::Timestamp::try_from(end).ok());
            on_call(&Told::Credentials {
                from: &origin(credentials),
                until: until.map(|until| format!("{until:.0}")),
            });
        }
        let bounded = Bounded {
            source: self,
            chain,
            first: Mutex::new(Some(first)),
            was_given: AtomicBool::new(false),
            since: Instant::now(),
        };
        let config = config.into_builder();
        config
            .credentials_provider(SharedCredentialsProvider::new(bounded))
            .build()
    }

    async fn within(&self, limit: Duration, credentials: impl Future<Output = Result>) -> Result {
        let of_token = self.half.filter(|pair| pair.is_of_token() && self.name == OF_TOKEN);
        let nothing_came = match timeout(limit, credentials).await {
            Err(_) => match of_token {
                Some(pair) => NothingCame::Half {
                    pair,
                    cause: CredentialsError::provider_timed_out(limit),
                },
                None => NothingCame::InTime {
                    name: self.name.clone(),
                    limit,
                },
            },
            Ok(Ok(credentials)) => return Ok(credentials),
            Ok(Err(error)) => match (
                NothingCame::because(&self.name, self.login.as_deref(), error)?,
                self.half,
            ) {
                (NothingCame::Nowhere { cause }, Some(pair)) => NothingCame::Half { pair, cause },
                (NothingCame::AtAll { cause, .. }, Some(pair)) if of_token.is_some() => {
                    NothingCame::Half { pair, cause }
                }
                (nothing_came, _) => nothing_came,
            },
        };
        Err(CredentialsError::provider_error(nothing_came))
    }
}

/// Where credentials came from, as the SDK notes it of them.
fn origin(credentials: &Credentials) -> String {
    let features = credentials.get_property::<Vec<Feature>>();
    let mut named: Vec<&str> = features.into_iter().flatten().filter_map(of_feature).collect();
    named.dedup();
    match named.is_empty() {
        true => "a source that the SDK doesn't name".to_owned(),
        false => named.join(", then "),
    }
}

fn of_feature(feature: &Feature) -> Option<&'static str> {
    Some(match feature {
        Feature::CredentialsEnvVars => "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        Feature::CredentialsProfile => "a profile of the AWS configuration files",
        Feature::CredentialsStsAssumeRole => "a role that STS gave (AssumeRole)",
        Feature::CredentialsProfileStsWebIdToken
        | Feature::CredentialsEnvVarsStsWebIdToken
        | Feature::CredentialsStsAssumeRoleWebId => "a role that STS gave for a web identity token",
        Feature::CredentialsSso | Feature::CredentialsProfileSso => "IAM Identity Center",
        Feature::CredentialsLogin | Feature::CredentialsProfileLogin => "`aws login`",
        Feature::CredentialsProcess | Feature::CredentialsProfileProcess => "a `credential_process`",
        Feature::CredentialsHttp => "the container's endpoint",
        Feature::CredentialsImds => IMDS,
        _ => return None,
    })
}

/// What a profile gets its credentials from, when that can take time; its own, or those of the profile that it names.
fn of_profile(profiles: &ProfileSet, name: &str) -> Option<Source> {
    let profile = profiles.get_profile(name)?;
    if let Some(role) = profile.get("role_arn") {
        let first = profile.get("source_profile").filter(|source| *source != name);
        let before = first.and_then(|source| of_profile(profiles, source));
        let sts = format!("STS, for {role} of the profile `{name}`");
        return Some(match before {
            Some(before) => Source {
                name: format!("{}, or {sts}", before.name),
                limit: before.limit + SERVICE,
                ..before
            },
            None => Source::service(sts),
        });
    }
    if profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some() {
        return Some(Source {
            login: Some(name.to_owned()),
            ..Source::service(format!("IAM Identity Center, for the profile `{name}`"))
        });
    }
    profile.get("credential_process").map(|_| Source {
        // Its arguments may hold secrets.
        limit: PROGRAM,
        ..Source::service(format!("the `credential_process` of the profile `{name}`"))
    })
}

/// The first credentials, and later ones, of a chain that may never give any.
#[derive(Debug)]
struct Bounded {
    source: Source,
    chain: SharedCredentialsProvider,
    first: Mutex<Option<Result>>,
    was_given: AtomicBool,
    /// When they came.
    since: Instant,
}

impl Bounded {
    fn first(&self) -> Option<Result> {
        let mut first = self.first.lock().ok()?;
        let is_good = |credentials: &Credentials| match credentials.expiry() {
            // By the wall clock: a machine may have slept meanwhile.
            Some(end) => end > SystemTime::now() + SOON,
            None => self.since.elapsed() < FIRST,
        };
        match &*first {
            Some(Ok(credentials)) if is_good(credentials) => {
                self.was_given.store(true, Ordering::Relaxed);
                Some(Ok(credentials.clone()))
            }
            _ => first.take().filter(|_| !self.was_given.load(Ordering::Relaxed)),
        }
    }
}

impl ProvideCredentials for Bounded {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.first() {
            Some(first) => future::ProvideCredentials::ready(first),
            None => future::ProvideCredentials::new(self.source.within(AGAIN, self.chain.provide_credentials())),
        }
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.chain.fallback_on_interrupt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::connection::no_credentials::{is_about_credentials, why_none};
    use aws_config::profile::load;
    use aws_types::os_shim_internal::Fs;

    const CONFIG: &str = "\
[default]
region = us-east-2
[profile program]
credential_process = get --password secret
[profile role]
role_arn = arn:aws:iam::111122223333:role/deploy
source_profile = program
[profile of-instance]
role_arn = arn:aws:iam::111122223333:role/deploy
credential_source = Ec2InstanceMetadata
[profile sso]
sso_session = company
[profile itself]
role_arn = arn:aws:iam::111122223333:role/deploy
source_profile = itself
[sso-session company]
sso_region = us-east-2
";

    #[tokio::test]
    async fn the_source_is_named_without_what_may_be_secret() {
        let container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/token");
        let keys = [
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        for (profile, is_named, variables, name, seconds) in [
            ("default", false, &[][..], "the instance's metadata service (IMDS)", 25),
            (
                "default",
                false,
                &[container],
                "the container's endpoint, AWS_CONTAINER_CREDENTIALS_…_URI",
                25,
            ),
            (
                "program",
                false,
                &[],
                "the `credential_process` of the profile `program`",
                120,
            ),
            // Half a pair is none.
            (
                "program",
                false,
                &keys[..1],
                "the `credential_process` of the profile `program`",
                120,
            ),
            (
                "program",
                true,
                &keys,
                "the `credential_process` of the profile `program`",
                120,
            ),
            ("program", false, &keys, "the instance's metadata service (IMDS)", 25),
            (
                "role",
                false,
                &[],
                "the `credential_process` of the profile `program`, or STS, for arn:aws:iam::111122223333:role/deploy of \
                 the profile `role`",
                145,
            ),
            (
                "of-instance",
                false,
                &[],
                "STS, for arn:aws:iam::111122223333:role/deploy of the profile `of-instance`",
                25,
            ),
            ("sso", false, &[], "IAM Identity Center, for the profile `sso`", 25),
            (
                "itself",
                false,
                &[],
                "STS, for arn:aws:iam::111122223333:role/deploy of the profile `itself`",
                25,
            ),
        ] {
            let fs = Fs::from_slice(&[("/home/me/.aws/config", CONFIG)]);
            let mut all = vec![("HOME", "/home/me")];
            all.extend(variables);
            let env = Env::from_slice(&all);
            let profiles = load(&fs, &env, &Default::default(), None).await.expect("profiles");
            let source = Source::find(&profiles, profile, is_named, &env);
            let found = (source.name.as_str(), source.limit.as_secs());
            assert_eq!(found, (name, seconds), "{profile}, {variables:?}");
            assert_eq!(source.login.is_some(), profile == "sso", "{profile}");
        }
    }

    #[derive(Debug)]
    struct Silent;

    impl ProvideCredentials for Silent {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_never_come_are_given_up() {
        let source = Source::service("a service".into());
        let config = SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(Silent));
        let began = Instant::now();
        let config = source.bound(config.build(), None).await;
        assert_eq!(began.elapsed().as_secs(), 25);
        let bounded = config.credentials_provider().expect("a provider");
        for (took, limit) in [(25, 25), (34, 9)] {
            let error = bounded.provide_credentials().await.expect_err("none came");
            assert_eq!(began.elapsed().as_secs(), took);
            let why = why_none(&error).expect("it is said");
            assert_eq!(why, format!("no credentials came within {limit} s from a service"));
            assert!(is_about_credentials(&why));
        }
    }

    /// Gives other credentials each time, which end then, if they say when.
    #[derive(Debug)]
    struct Counting(std::sync::atomic::AtomicU32, Option<SystemTime>);

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let credentials = Credentials::new(number.to_string(), "secret", None, self.1, "test");
            future::ProvideCredentials::ready(Ok(credentials))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_credentials_are_given_again_for_a_while() {
        // The wall clock stands, as far as this test goes: an hour, a minute, and nothing said of an end.
        for (ends_in, numbers) in [
            (Some(SOON * 60), ["0", "0", "0", "0"]),
            (Some(SOON), ["0", "1", "2", "3"]),
            (None, ["0", "0", "1", "2"]),
        ] {
            let source = Source::service("a service".into());
            let end = ends_in.map(|after| SystemTime::now() + after);
            let chain = SharedCredentialsProvider::new(Counting(Default::default(), end));
            let config = SdkConfig::builder().credentials_provider(chain).build();
            let config = source.bound(config, None).await;
            let bounded = config.credentials_provider().expect("a provider");
            for (after, number) in [0, 14, 2, 0].into_iter().zip(numbers) {
                tokio::time::advance(Duration::from_secs(after)).await;
                let given = bounded.provide_credentials().await.expect("credentials");
                assert_eq!(given.access_key_id(), number, "{ends_in:?}");
            }
        }
    }
}
