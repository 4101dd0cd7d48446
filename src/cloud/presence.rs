//! Whether a resource is there, by a read of the resource itself: listings and tags lag by a minute or more.
//!
//! Each service that qfleet's templates use is asked in its own words; EC2, and types that they don't have, through Cloud
//! Control API, which reads every type of resource. EC2's own crate would say the same, and takes 6.7 GB and two and a
//! half minutes to compile.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::s3::buckets::BucketState;
use crate::cloud::{Cloud, CloudError, explain};

/// How a resource was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Whether it is there.
    pub state: State,
    /// The API operation that said so.
    pub operation: &'static str,
}

/// Whether a resource is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Gone,
    /// It is on its way out; the service's own word for it.
    Going(String),
    There,
}

impl Presence {
    fn new(operation: &'static str, is_there: bool) -> Presence {
        let state = if is_there { State::There } else { State::Gone };
        Presence { state, operation }
    }
}

impl Cloud {
    /// Whether this resource is there. `id` is what CloudFormation calls the physical id; a queue may be given by its name,
    /// too. `None` when nothing can be asked about resources of this type.
    ///
    /// # Errors
    /// Those of the read: a denied one above all, which says nothing about the resource.
    pub async fn presence(&self, resource_type: &str, id: &str) -> Result<Option<Presence>, CloudError> {
        let is_there = |operation, is_there| Ok(Some(Presence::new(operation, is_there)));
        match resource_type {
            "AWS::CloudFormation::Stack" => self.stack_presence(id).await.map(Some),
            "AWS::S3::Bucket" => self.bucket_presence(id).await.map(Some),
            "AWS::SQS::Queue" => self.queue_presence(id).await.map(Some),
            "AWS::DynamoDB::Table" => self.table_presence(id).await.map(Some),
            "AWS::SNS::Topic" => is_there("GetTopicAttributes", self.actual_topic(id).await?.is_some()),
            // One that nobody confirmed gets nothing, can't be deleted by anybody, and goes after 48 hours
            // (<https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html>).
            "AWS::SNS::Subscription" => is_there(
                "GetSubscriptionAttributes",
                self.actual_subscription(id)
                    .await?
                    .is_some_and(|found| found["PendingConfirmation"] != "true"),
            ),
            "AWS::AutoScaling::AutoScalingGroup" => {
                is_there("DescribeAutoScalingGroups", self.group(id).await?.is_some())
            }
            "AWS::AutoScaling::ScalingPolicy" => is_there("DescribePolicies", self.policy(id).await?.is_some()),
            "AWS::CloudWatch::Alarm" => is_there(
                "DescribeAlarms",
                !self.metric_alarms(&[id.to_owned()]).await?.is_empty(),
            ),
            "AWS::CloudWatch::Dashboard" => is_there("GetDashboard", self.dashboard_body(id).await?.is_some()),
            "AWS::Logs::LogGroup" => {
                let found = self.log_groups(id).await?;
                is_there("DescribeLogGroups", found.iter().any(|name| name == id))
            }
            "AWS::IAM::Role" => is_there("GetRole", self.has_role(id).await?),
            // The emulator gives a profile's ARN for its name.
            "AWS::IAM::InstanceProfile" => {
                let name = id.rsplit('/').next().unwrap_or(id);
                is_there("GetInstanceProfile", self.has_profile(name).await?)
            }
            "AWS::CloudFront::Distribution" => is_there("GetDistribution", self.distribution(id).await?.is_some()),
            "AWS::CloudFront::OriginAccessControl" => {
                is_there("GetOriginAccessControl", self.has_origin_access(id).await?)
            }
            "AWS::ElasticLoadBalancingV2::LoadBalancer" => {
                is_there("DescribeLoadBalancers", self.has_load_balancer(id).await?)
            }
            "AWS::ElasticLoadBalancingV2::TargetGroup" => {
                is_there("DescribeTargetGroups", self.has_target_group(id).await?)
            }
            "AWS::ElasticLoadBalancingV2::Listener" => is_there("DescribeListeners", self.has_listener(id).await?),
            "AWS::Lambda::Function" => is_there("GetFunction", self.function(id).await?.is_some()),
            "AWS::Lambda::EventSourceMapping" => self.mapping_presence(id).await.map(Some),
            "AWS::SSM::Parameter" => is_there("GetParameter", self.parameter(id).await?.is_some()),
            // Cloud Control API knows a schedule by its name alone and looks for it in the group `default`, so it would say of
            // one in another group that it isn't there (<https://github.com/go-to-k/cdkd/issues/961>). A group goes with all
            // schedules in it, and can be asked about
            // (<https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteScheduleGroup.html>).
            "AWS::Scheduler::Schedule" => Ok(None),
            // The local emulator's Cloud Control API knows what was made through it, and nothing else.
            _ if self.local => Ok(None),
            _ => self.resource_presence(resource_type, id).await,
        }
    }

    async fn stack_presence(&self, id: &str) -> Result<Presence, CloudError> {
        let state = match self.stack(id).await?.map(|stack| stack.status) {
            None | Some(StackStatus::DeleteComplete) => State::Gone,
            Some(status @ StackStatus::DeleteInProgress) => State::Going(status.to_string()),
            Some(_) => State::There,
        };
        let operation = "DescribeStacks";
        Ok(Presence { state, operation })
    }

    async fn bucket_presence(&self, name: &str) -> Result<Presence, CloudError> {
        let operation = "HeadBucket";
        match self.bucket_state(name).await? {
            BucketState::There => Ok(Presence::new(operation, true)),
            BucketState::Missing => Ok(Presence::new(operation, false)),
            BucketState::Denied => Err(CloudError {
                operation,
                code: Some("AccessDenied".to_owned()),
                message: "the answer is 403: it is another account's, or reading it is denied".to_owned(),
            }),
        }
    }

    async fn queue_presence(&self, name_or_url: &str) -> Result<Presence, CloudError> {
        if !name_or_url.starts_with("http") {
            let found = self.queue_url(name_or_url).await?;
            return Ok(Presence::new("GetQueueUrl", found.is_some()));
        }
        let found = self
            .queue_attributes(name_or_url, &[QueueAttributeName::QueueArn])
            .await?;
        Ok(Presence::new("GetQueueAttributes", found.is_some()))
    }

    async fn table_presence(&self, name: &str) -> Result<Presence, CloudError> {
        let state = match self.table_status(name).await? {
            None => State::Gone,
            Some(status) if status == "DELETING" => State::Going(status),
            Some(_) => State::There,
        };
        let operation = "DescribeTable";
        Ok(Presence { state, operation })
    }

    async fn mapping_presence(&self, uuid: &str) -> Result<Presence, CloudError> {
        let state = match self.mapping(uuid).await?.map(|mapping| mapping.state) {
            None => State::Gone,
            Some(state) if state == "Deleting" => State::Going(state),
            Some(_) => State::There,
        };
        let operation = "GetEventSourceMapping";
        Ok(Presence { state, operation })
    }

    /// Cloud Control API: types that nobody can read, such as a queue's policy, are refused by their name
    /// (<https://docs.aws.amazon.com/cloudcontrolapi/latest/APIReference/API_GetResource.html>).
    async fn resource_presence(&self, resource_type: &str, id: &str) -> Result<Option<Presence>, CloudError> {
        let operation = "GetResource";
        let asked = self.cloudcontrol.get_resource().type_name(resource_type).identifier(id);
        match asked.send().await.map_err(|error| explain(operation, error)) {
            Ok(answer) => {
                let described = answer.resource_description.and_then(|described| described.properties);
                let state = state_of(resource_type, described.as_deref().unwrap_or_default());
                Ok(Some(Presence { state, operation }))
            }
            Err(error) if error.is("ResourceNotFoundException") => Ok(Some(Presence::new(operation, false))),
            Err(error) if error.is("UnsupportedActionException") || error.is("TypeNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An instance is described for an hour after its end, in the state `terminated`
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>). A group of schedules is `DELETING`
/// until all in it are gone (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html>).
fn state_of(resource_type: &str, properties: &str) -> State {
    let read: Value = serde_json::from_str(properties).unwrap_or_default();
    let said = match resource_type {
        "AWS::EC2::Instance" => read["State"]["Name"].as_str(),
        "AWS::Scheduler::ScheduleGroup" => read["State"].as_str(),
        _ => None,
    };
    match said {
        Some("terminated") => State::Gone,
        Some(going @ ("shutting-down" | "DELETING")) => State::Going(going.to_owned()),
        _ => State::There,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminated_instance_is_gone_and_one_that_shuts_down_is_going() {
        let of = |state: &str| state_of("AWS::EC2::Instance", &format!(r#"{{"State":{{"Name":"{state}"}}}}"#));
        assert_eq!(of("terminated"), State::Gone);
        assert_eq!(of("shutting-down"), State::Going("shutting-down".into()));
        for state in ["pending", "running", "stopping", "stopped", "a-new-word"] {
            assert_eq!(of(state), State::There, "{state}");
        }
        assert_eq!(state_of("AWS::EC2::Instance", "{}"), State::There);
        let of_group = |state: &str| state_of("AWS::Scheduler::ScheduleGroup", &format!(r#"{{"State":"{state}"}}"#));
        assert_eq!(of_group("DELETING"), State::Going("DELETING".into()));
        assert_eq!(of_group("ACTIVE"), State::There);
        let other = r#"{"State":{"Name":"terminated"}}"#;
        assert_eq!(state_of("AWS::EC2::Volume", other), State::There);
    }
}
