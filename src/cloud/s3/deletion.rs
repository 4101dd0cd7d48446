//! Versions of objects deleted for good, many a call, and open uploads aborted.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::cloud::s3::versions::{OpenUpload, Version};
use crate::cloud::{Cloud, CloudError, explain};

/// Something that a call could not delete, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeleted {
    pub key: String,
    pub version: String,
    /// S3's error code, e.g. `AccessDenied`.
    pub code: String,
    /// S3's own message.
    pub message: String,
}

impl Undeleted {
    /// Whether the next try may well succeed: "We encountered an internal error. Please try again.", "Please reduce your
    /// request rate." (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
    pub fn may_pass(&self) -> bool {
        let codes = [
            "InternalError",
            "SlowDown",
            "ServiceUnavailable",
            "OperationAborted",
            "RequestTimeout",
        ];
        codes.contains(&self.code.as_str())
    }

    /// Whether a retention period or a legal hold keeps it: "Access Denied because object protected by object lock."
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>).
    pub fn is_locked(&self) -> bool {
        self.code == "AccessDenied" && self.message.to_lowercase().contains("object lock")
    }

    /// Whether this is about `version`.
    pub fn is(&self, version: &Version) -> bool {
        self.key == version.key && (self.version == version.id || self.version.is_empty())
    }

    /// It isn't there, which is what was wanted.
    fn is_gone(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchKey" | "NoSuchVersion")
    }
}

impl Cloud {
    /// Deletes versions and delete markers for good: at most 1,000, the service's limit and also that of a listing's
    /// page. Returns those that are still there; only those are answered.
    ///
    /// A key that XML can't hold goes by [`Cloud::delete_version`]: S3 refuses the whole of such a call with
    /// `MalformedXML`, character references included (<https://github.com/aws/aws-sdk/issues/271>).
    ///
    /// # Errors
    /// When the call as a whole fails.
    pub async fn delete_versions(&self, bucket: &str, versions: &[Version]) -> Result<Vec<Undeleted>, CloudError> {
        const OPERATION: &str = "DeleteObjects";
        let unusable = |error: &dyn std::error::Error| CloudError {
            operation: OPERATION,
            code: None,
            message: error.to_string(),
        };
        let mut delete = Delete::builder().quiet(true);
        for version in versions {
            let identifier = ObjectIdentifier::builder().key(&version.key).version_id(&version.id);
            delete = delete.objects(identifier.build().map_err(|error| unusable(&error))?);
        }
        let answer = self
            .s3
            .delete_objects()
            .bucket(bucket)
            .expected_bucket_owner(&self.account)
            .delete(delete.build().map_err(|error| unusable(&error))?)
            .send()
            .await
            .map_err(|error| explain(OPERATION, error))?;
        let errors = answer.errors().iter().map(|error| Undeleted {
            key: error.key().unwrap_or_default().to_owned(),
            version: error.version_id().unwrap_or_default().to_owned(),
            code: error.code().unwrap_or_default().to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
        });
        Ok(errors.filter(|error| !error.is_gone()).collect())
    }

    /// Deletes one version, or one delete marker, for good: its key goes in the URL, which can hold any. Returns it when
    /// it is still there.
    ///
    /// # Errors
    /// When no answer came, or one that isn't about this object.
    pub async fn delete_version(&self, bucket: &str, version: &Version) -> Result<Option<Undeleted>, CloudError> {
        let deleted = self
            .s3
            .delete_object()
            .bucket(bucket)
            .key(&version.key)
            .version_id(&version.id)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        let error = match deleted {
            Ok(_) => return Ok(None),
            Err(error) => explain("DeleteObject", error),
        };
        match &error.code {
            Some(code) if code != "NoSuchBucket" && !error.is_throttling() => Ok(Some(Undeleted {
                key: version.key.clone(),
                version: version.id.clone(),
                code: code.clone(),
                message: error.message,
            })
            .filter(|undeleted| !undeleted.is_gone())),
            _ => Err(error),
        }
    }

    /// Aborts an upload; none of its parts stays. One that is gone already counts as aborted.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
    pub async fn abort_upload(&self, bucket: &str, upload: &OpenUpload) -> Result<(), CloudError> {
        let aborted = self
            .s3
            .abort_multipart_upload()
            .bucket(bucket)
            .key(&upload.key)
            .upload_id(&upload.id)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        match aborted {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_upload()) => Ok(()),
            Err(error) => Err(explain("AbortMultipartUpload", error)),
        }
    }
}

/// Whether XML 1.0 can hold a key (<https://www.w3.org/TR/xml/#charsets>). A key is any UTF-8
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
pub fn fits_xml(key: &str) -> bool {
    key.chars().all(|c| match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => c >= ' ',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_xml_can_hold_goes_by_xml() {
        for key in [
            "a",
            "a b",
            "<&>\"'",
            "tab\tline\nreturn\r",
            "\u{7F}\u{85}",
            "ü🚚",
            "\u{FFFD}",
        ] {
            assert!(fits_xml(key), "{key:?}");
        }
        for key in [
            "\0", "a\u{1}", "\u{8}", "\u{B}", "\u{C}", "\u{1F}", "\u{FFFE}", "\u{FFFF}",
        ] {
            assert!(!fits_xml(key), "{key:?}");
        }
    }

    #[test]
    fn what_keeps_an_object_is_told_apart() {
        let undeleted = |code: &str, message: &str| Undeleted {
            key: "a".into(),
            version: "null".into(),
            code: code.into(),
            message: message.into(),
        };
        let locked = undeleted("AccessDenied", "Access Denied because object protected by object lock.");
        assert!(locked.is_locked() && !locked.may_pass());
        let denied = undeleted("AccessDenied", "Access Denied");
        assert!(!denied.is_locked() && !denied.may_pass());
        assert!(undeleted("SlowDown", "Please reduce your request rate.").may_pass());
        assert!(undeleted("InternalError", "We encountered an internal error. Please try again.").may_pass());
        assert!(undeleted("NoSuchVersion", "").is_gone() && !denied.is_gone());
    }
}
