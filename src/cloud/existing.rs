//! Whether a bucket or a queue of a name is there.

use crate::cloud::sqs::queues;
use crate::cloud::{Cloud, CloudError, explain};

impl Cloud {
    /// Whether this account has a bucket of this name. One of somebody else's (403) counts as none: it can't be used.
    pub async fn has_bucket(&self, name: &str) -> Result<bool, CloudError> {
        let asked = self.s3.head_bucket().bucket(name);
        match asked.expected_bucket_owner(&self.account).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(false),
            Err(error) => {
                let status = error.raw_response().map(|response| response.status().as_u16());
                match status {
                    // An answer without a body has no code: the status is all it says.
                    Some(403 | 404) => Ok(false),
                    _ => Err(explain("HeadBucket", error)),
                }
            }
        }
    }

    /// The URL of this account's queue of this name, if there is one.
    pub async fn queue_url(&self, name: &str) -> Result<Option<String>, CloudError> {
        match self.sqs.get_queue_url().queue_name(name).send().await {
            Ok(found) => Ok(found.queue_url().map(str::to_owned)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_queue_does_not_exist()) =>
            {
                Ok(None)
            }
            Err(error) => match queues::explain("GetQueueUrl", error) {
                error if error.is("NonExistentQueue") => Ok(None),
                error => Err(error),
            },
        }
    }
}
