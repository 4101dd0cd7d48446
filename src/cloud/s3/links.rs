//! Links to objects that work without credentials of one's own, for some time.

use std::time::Duration;

use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use aws_sdk_s3::presigning::PresigningConfig;
use jiff::Timestamp;

use crate::cloud::{Cloud, CloudError, explain, unless};

/// "The maximum expiration … 7 days" of what is signed with Signature Version 4
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>).
pub const LONGEST_LINK: Duration = Duration::from_secs(7 * 24 * 3600);

const OPERATION: &str = "GetObject";

/// A link to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub credentials: Lifetime,
}

/// How long the credentials are good for that a link was signed with: it ends with them
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until somebody takes them away.
    Lasting,
    /// They are temporary; until when is known only where they say so.
    Until(Option<Timestamp>),
}

/// Why there is no link.
pub(super) fn unsigned(operation: &'static str, why: &dyn std::fmt::Display) -> CloudError {
    CloudError {
        operation,
        code: None,
        message: format!("no link can be signed: {why}"),
    }
}

impl Cloud {
    /// The size of an object in bytes, if it is there.
    pub async fn object_size(&self, bucket: &str, key: &str) -> Result<Option<u64>, CloudError> {
        let asked = self.s3.head_object().bucket(bucket).key(key);
        let found = asked.expected_bucket_owner(&self.account).send().await;
        let found = unless(
            &["NotFound", "NoSuchKey"],
            found.map_err(|error| explain("HeadObject", error)),
        )?;
        Ok(found.map(|object| {
            object
                .content_length()
                .unwrap_or_default()
                .try_into()
                .unwrap_or_default()
        }))
    }

    /// What links are signed with, and how long it lasts.
    pub(super) async fn signer(&self, operation: &'static str) -> Result<(Credentials, Lifetime), CloudError> {
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| unsigned(operation, &"no credentials were found"))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| unsigned(operation, &error))?;
        let lifetime = match (credentials.session_token(), credentials.expiry()) {
            (None, None) => Lifetime::Lasting,
            (_, end) => Lifetime::Until(end.and_then(|end| Timestamp::try_from(end).ok())),
        };
        Ok((credentials, lifetime))
    }

    /// A link with which anybody can get this object for so long, as far as these credentials may get it. Whether it is
    /// there isn't looked at.
    ///
    /// # Errors
    /// When there are no credentials.
    pub async fn link(&self, bucket: &str, key: &str, length: Duration) -> Result<Link, CloudError> {
        let (credentials, lifetime) = self.signer(OPERATION).await?;
        // Signed with those whose end is known, and not with what the client gets by itself.
        let config = self.s3.config().to_builder().credentials_provider(credentials);
        let presigning = PresigningConfig::expires_in(length).map_err(|error| unsigned(OPERATION, &error))?;
        // Without the bucket's expected owner: that is a header, which a browser doesn't send.
        let signed = aws_sdk_s3::Client::from_conf(config.build())
            .get_object()
            .bucket(bucket)
            .key(key)
            .presigned(presigning)
            .await
            .map_err(|error| explain(OPERATION, error))?;
        Ok(Link {
            url: signed.uri().to_owned(),
            credentials: lifetime,
        })
    }
}
