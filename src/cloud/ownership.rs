//! What says whose a thing is that was found by its name alone.

use crate::cloud::sqs::queues;
use crate::cloud::{Cloud, CloudError, explain};

impl Cloud {
    /// A tag of a bucket; none when it hasn't that tag, or isn't there.
    pub async fn bucket_tag(&self, bucket: &str, key: &str) -> Result<Option<String>, CloudError> {
        let asked = self.s3.get_bucket_tagging().bucket(bucket);
        match asked.expected_bucket_owner(&self.account).send().await {
            Ok(answer) => {
                let found = answer.tag_set.into_iter().find(|tag| tag.key == key);
                Ok(found.map(|tag| tag.value))
            }
            Err(error) => match explain("GetBucketTagging", error) {
                // (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html>)
                error if error.is("NoSuchTagSet") || error.is("NoSuchBucket") => Ok(None),
                error => Err(error),
            },
        }
    }

    /// A tag of a queue; none when it hasn't that tag, or isn't there any more.
    pub async fn queue_tag(&self, url: &str, key: &str) -> Result<Option<String>, CloudError> {
        let asked = self.sqs.list_queue_tags().queue_url(url).send().await;
        match asked.map_err(|error| queues::explain("ListQueueTags", error)) {
            Ok(answer) => Ok(answer.tags.and_then(|mut tags| tags.remove(key))),
            Err(error) if error.is("QueueDoesNotExist") || error.is("NonExistentQueue") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A tag of a topic; none when it hasn't that tag, or isn't there any more.
    pub async fn topic_tag(&self, arn: &str, key: &str) -> Result<Option<String>, CloudError> {
        let asked = self.sns.list_tags_for_resource().resource_arn(arn).send().await;
        match asked.map_err(|error| explain("ListTagsForResource", error)) {
            Ok(answer) => {
                let found = answer.tags.into_iter().flatten().find(|tag| tag.key == key);
                Ok(found.map(|tag| tag.value))
            }
            // (<https://docs.aws.amazon.com/sns/latest/api/API_ListTagsForResource.html>)
            Err(error) if error.is("ResourceNotFound") || error.is("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a dashboard shows, as JSON; none when it isn't there.
    pub async fn dashboard_body(&self, name: &str) -> Result<Option<String>, CloudError> {
        let asked = self.cloudwatch.get_dashboard().dashboard_name(name).send().await;
        match asked.map_err(|error| explain("GetDashboard", error)) {
            Ok(answer) => Ok(answer.dashboard_body),
            Err(error) if error.is("ResourceNotFound") || error.is("DashboardNotFoundError") => Ok(None),
            Err(error) => Err(error),
        }
    }
}
