//! Which stack holds a resource.

use aws_sdk_cloudformation::types::StackResource;

use crate::cloud::cloudformation::does_not_exist;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError, explain};

/// Who holds a resource, as far as CloudFormation says. Unless it says that nobody does, anybody may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    Stack {
        name: String,
        id: String,
    },
    /// CloudFormation couldn't be asked.
    Unknown(String),
}

impl Cloud {
    /// The stack that holds a resource, by its physical id.
    pub async fn holder(&self, resource_type: &str, id: &str) -> Holder {
        let held = match self.local {
            true => self.holder_here(resource_type, id).await,
            false => self.holder_by_id(resource_type, id).await,
        };
        held.unwrap_or_else(|error| Holder::Unknown(error.to_string()))
    }

    async fn holder_by_id(&self, resource_type: &str, id: &str) -> Result<Holder, CloudError> {
        for id in forms(id, &self.region) {
            let id = id.as_str();
            let read = move || async move {
                let asked = self.cloudformation.describe_stack_resources().physical_resource_id(id);
                match asked.send().await {
                    Ok(found) => Ok(holds(found.stack_resources(), resource_type, id)),
                    // "Stack for … does not exist".
                    Err(error) => match explain("DescribeStackResources", error) {
                        error if does_not_exist(&error) => Ok(Holder::Nobody),
                        error => Err(error),
                    },
                }
            };
            let found = self.limiter.patiently(read).await?;
            if found != Holder::Nobody {
                return Ok(found);
            }
        }
        Ok(Holder::Nobody)
    }

    /// The emulator doesn't look for physical ids.
    async fn holder_here(&self, resource_type: &str, id: &str) -> Result<Holder, CloudError> {
        let name = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
        for stack in self.stacks().await? {
            if stack.status == StackStatus::DeleteComplete {
                continue;
            }
            let resources = self.stack_resources(&stack.id).await?;
            let is_it = |held: &crate::cloud::cloudformation::stacks::StackResource| {
                held.resource_type == resource_type && name(&held.physical_id) == name(id)
            };
            if resources.iter().any(is_it) {
                return Ok(Holder::Stack {
                    name: stack.name,
                    id: stack.id,
                });
            }
        }
        Ok(Holder::Nobody)
    }
}

/// The forms of a queue's URL: a stack knows the one that was in use when it was made. Any other id has one form
/// (<https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>, on legacy endpoints).
fn forms(id: &str, region: &str) -> Vec<String> {
    let mut forms = vec![id.to_owned()];
    if let Some(rest) = id.strip_prefix(&format!("https://sqs.{region}.")) {
        forms.push(format!("https://{region}.queue.{rest}"));
        if region == "us-east-1" {
            forms.push(format!("https://queue.{rest}"));
        }
    }
    forms
}

/// Who holds what was asked for, when these resources of one stack are the answer. "Only the first 100 resources will be
/// returned", so that it may not be among them; and stacks that are gone may be told of, which left it where it is
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html>). Of two resources
/// of that id only one is told, whatever its type
/// (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/998>).
fn holds(resources: &[StackResource], resource_type: &str, id: &str) -> Holder {
    let named = || {
        let is_named = |resource: &&StackResource| resource.physical_resource_id() == Some(id);
        resources.iter().filter(is_named)
    };
    let found = named().find(|resource| resource.resource_type() == Some(resource_type));
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let found = match (found, named().next()) {
        (None, Some(other)) => {
            return Holder::Unknown(format!(
                "CloudFormation tells only of the {} of that name, in the stack {}",
                text(other.resource_type()),
                text(other.stack_name())
            ));
        }
        (Some(found), _) => found,
        (None, None) => match resources.first() {
            Some(first) => first,
            None => return Holder::Nobody,
        },
    };
    let status = found.resource_status().map_or("", |status| status.as_str());
    if found.physical_resource_id() == Some(id) && matches!(status, "DELETE_COMPLETE" | "DELETE_SKIPPED") {
        return Holder::Nobody;
    }
    Holder::Stack {
        name: text(found.stack_name()),
        id: text(found.stack_id()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::ResourceStatus;

    use super::*;

    #[test]
    fn a_stack_holds_what_it_did_not_leave() {
        let resource = |resource_type: &str, id: &str, status: ResourceStatus| {
            StackResource::builder()
                .stack_name("payroll")
                .stack_id("arn")
                .resource_type(resource_type)
                .physical_resource_id(id)
                .resource_status(status)
                .build()
        };
        let of = |resource: StackResource| holds(&[resource], "AWS::S3::Bucket", "files");
        let is_held = |resource: StackResource| matches!(of(resource), Holder::Stack { name, .. } if name == "payroll");
        assert!(is_held(resource(
            "AWS::S3::Bucket",
            "files",
            ResourceStatus::UpdateComplete
        )));
        assert!(is_held(resource(
            "AWS::S3::Bucket",
            "files",
            ResourceStatus::DeleteFailed
        )));
        // It is one of more than a hundred.
        assert!(is_held(resource(
            "AWS::SNS::Topic",
            "arn",
            ResourceStatus::CreateComplete
        )));
        let left = resource("AWS::S3::Bucket", "files", ResourceStatus::DeleteSkipped);
        assert_eq!(of(left), Holder::Nobody);
        // The bucket of that name may be in the same stack, in another one, or in none.
        let other = of(resource("AWS::Logs::LogGroup", "files", ResourceStatus::CreateComplete));
        assert!(
            matches!(&other, Holder::Unknown(why) if why.contains("AWS::Logs::LogGroup") && why.contains("payroll")),
            "{other:?}"
        );
        assert_eq!(holds(&[], "AWS::S3::Bucket", "files"), Holder::Nobody);
    }

    #[test]
    fn a_queue_is_asked_for_by_each_form_of_its_url() {
        assert_eq!(forms("files", "us-east-2"), ["files"]);
        assert_eq!(
            forms("https://sqs.us-east-1.amazonaws.com/1/q", "us-east-1"),
            [
                "https://sqs.us-east-1.amazonaws.com/1/q",
                "https://us-east-1.queue.amazonaws.com/1/q",
                "https://queue.amazonaws.com/1/q",
            ]
        );
    }
}
