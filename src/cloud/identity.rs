//! Who calls, with what credentials, and what they may do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use jiff::Timestamp;

use super::connection::causes::causes;
use super::connection::no_credentials::why_none;
use super::{Cloud, CloudError, explain};

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsFrom {
    /// `AWS_ACCESS_KEY_ID` and its like.
    Environment,
    /// Keys of a profile.
    Profile,
    /// IAM Identity Center, for a profile.
    IdentityCenter,
    /// `aws login`, for a profile.
    Login,
    /// The program that a profile names.
    Program,
    /// A role that a profile names.
    AssumedRole,
    /// A role for the token of `AWS_WEB_IDENTITY_TOKEN_FILE`, or of a profile's.
    WebIdentity,
    /// The endpoint of a container.
    Container,
    /// The metadata service of an instance.
    Instance,
    Unknown,
}

/// The credentials that calls are signed with. Nothing of them themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCredentials {
    pub from: CredentialsFrom,
    /// Whether they are good for a while only.
    pub are_temporary: bool,
    /// When they end, where that is known.
    pub until: Option<Timestamp>,
}

impl FoundCredentials {
    /// Whether new ones come when these end, without anybody's doing.
    pub fn are_renewed(&self) -> bool {
        !matches!(self.from, CredentialsFrom::Environment | CredentialsFrom::Unknown)
    }
}

/// Whose credentials these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account's twelve digits.
    pub account: String,
    pub arn: String,
}

/// The same instant, by AWS's clock and by this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    pub of_aws: Timestamp,
    pub here: Timestamp,
}

impl Cloud {
    /// The credentials that there are.
    pub async fn credentials(&self) -> Result<FoundCredentials, CloudError> {
        let error = |message| CloudError {
            operation: "the search for credentials",
            code: None,
            message,
        };
        let Some(provider) = self.config.credentials_provider() else {
            return Err(error("no source of credentials is configured".to_owned()));
        };
        let found = provider
            .provide_credentials()
            .await
            .map_err(|why| error(why_none(&why).unwrap_or_else(|| causes(&why))))?;
        let features = found.get_property::<Vec<Feature>>().map_or(&[][..], Vec::as_slice);
        Ok(FoundCredentials {
            from: from(features),
            are_temporary: found.session_token().is_some(),
            until: found.expiry().and_then(|at| Timestamp::try_from(at).ok()),
        })
    }

    /// Whose credentials these are, as AWS says, and what its clock said meanwhile: that is also told by who refuses.
    pub async fn caller(&self) -> (Result<Caller, CloudError>, Option<Clocks>) {
        let clocks = Arc::new(Mutex::new(None));
        let asked = self.sts.get_caller_identity().customize();
        let answer = asked.interceptor(DateOf(clocks.clone())).send().await;
        let caller = answer
            .map_err(|error| explain("GetCallerIdentity", error))
            .map(|found| Caller {
                account: found.account.unwrap_or_default(),
                arn: found.arn.unwrap_or_default(),
            });
        let clocks = *clocks.lock().unwrap_or_else(PoisonError::into_inner);
        (caller, clocks)
    }

    /// The ARN of a role, with its path, which the ARN of a session in it leaves out.
    pub async fn role_arn(&self, name: &str) -> Result<String, CloudError> {
        let answer = self.iam.get_role().role_name(name).send().await;
        let answer = answer.map_err(|error| explain("GetRole", error))?;
        Ok(answer.role.map(|role| role.arn).unwrap_or_default())
    }
}

/// The last word counts: a role is assumed with credentials that come from elsewhere.
fn from(features: &[Feature]) -> CredentialsFrom {
    let has = |feature: Feature| features.contains(&feature);
    if has(Feature::CredentialsStsAssumeRole) {
        return CredentialsFrom::AssumedRole;
    }
    if has(Feature::CredentialsStsAssumeRoleWebId)
        || has(Feature::CredentialsProfileStsWebIdToken)
        || has(Feature::CredentialsEnvVarsStsWebIdToken)
    {
        return CredentialsFrom::WebIdentity;
    }
    let all = [
        (Feature::CredentialsSso, CredentialsFrom::IdentityCenter),
        (Feature::CredentialsProfileSso, CredentialsFrom::IdentityCenter),
        (Feature::CredentialsLogin, CredentialsFrom::Login),
        (Feature::CredentialsProfileLogin, CredentialsFrom::Login),
        (Feature::CredentialsProcess, CredentialsFrom::Program),
        (Feature::CredentialsProfileProcess, CredentialsFrom::Program),
        (Feature::CredentialsHttp, CredentialsFrom::Container),
        (Feature::CredentialsImds, CredentialsFrom::Instance),
        (Feature::CredentialsEnvVars, CredentialsFrom::Environment),
        (Feature::CredentialsProfile, CredentialsFrom::Profile),
    ];
    let found = all.into_iter().find(|(feature, _)| has(feature.clone()));
    found.map_or(CredentialsFrom::Unknown, |(_, from)| from)
}

/// Reads the header `Date` of an answer, and this machine's clock beside it.
#[derive(Debug)]
struct DateOf(Arc<Mutex<Option<Clocks>>>);

#[dyn_dispatch_hint]
impl Intercept for DateOf {
    fn name(&self) -> &'static str {
        "date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        // `Mon, 23 Nov 2026 18:12:02 GMT`
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let (Some(of_aws), Ok(here)) = (date, Timestamp::try_from(SystemTime::now())) {
            let clocks = Clocks {
                of_aws: of_aws.timestamp(),
                here,
            };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(clocks);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_last_says_where_they_are_from() {
        for (features, wanted) in [
            (&[Feature::CredentialsEnvVars][..], CredentialsFrom::Environment),
            (&[Feature::CredentialsProfile], CredentialsFrom::Profile),
            (
                &[Feature::CredentialsProfile, Feature::CredentialsStsAssumeRole],
                CredentialsFrom::AssumedRole,
            ),
            (
                &[Feature::CredentialsSso, Feature::CredentialsProfile],
                CredentialsFrom::IdentityCenter,
            ),
            (&[Feature::CredentialsImds], CredentialsFrom::Instance),
            (&[], CredentialsFrom::Unknown),
        ] {
            assert_eq!(from(features), wanted, "{features:?}");
        }
    }
}
