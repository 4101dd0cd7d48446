//! Names and values of resources: what `Ref` and `Fn::GetAtt` give.

use serde_json::{Value, json};

use super::state::Stack;
use super::world::World;

impl World {
    /// The name of a resource in its service.
    pub fn physical_id(&mut self, stack: usize, id: &str, kind: &str, properties: &Value) -> String {
        let unique = &self.unique()[..8];
        let given = super::kept::name(kind, properties);
        let name = given.map_or_else(|| format!("{}-{id}-{unique}", self.stacks[stack].name), str::to_owned);
        // A value of another resource that isn't there yet is no text for a name.
        let text = |name: &str| -> String {
            let text = properties[name].as_str().unwrap_or_default();
            text.chars().filter(|c| !c.is_control()).collect()
        };
        match kind {
            "AWS::SQS::Queue" => {
                format!(
                    "https://sqs.{}.amazonaws.com/{}/{name}",
                    self.script.region, self.script.account
                )
            }
            "AWS::SNS::Topic" => self.arn("sns", &name),
            // <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html>
            "AWS::SNS::Subscription" => format!("{}:{unique}", text("TopicArn")),
            // <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-autoscaling-scalingpolicy.html>
            "AWS::AutoScaling::ScalingPolicy" => {
                let group = text("AutoScalingGroupName");
                let policy = format!("scalingPolicy:{unique}:autoScalingGroupName/{group}:policyName/{name}");
                self.arn("autoscaling", &policy)
            }
            // Fourteen capitals and digits, of which the first is an E.
            "AWS::CloudFront::Distribution" | "AWS::CloudFront::OriginAccessControl" => {
                format!("E{}", unique.to_uppercase())
            }
            "AWS::EC2::LaunchTemplate" => format!("lt-{unique}"),
            "AWS::SSM::Parameter" if !text("Name").is_empty() => text("Name"),
            "AWS::Lambda::EventSourceMapping" => self.unique(),
            _ => name,
        }
    }

    /// What `Ref` (no attribute) and `Fn::GetAtt` of a resource give.
    pub fn value_of(&self, stack: &Stack, id: &str, attribute: Option<&str>) -> Value {
        let Some(resource) = stack.resource(id) else {
            return json!("");
        };
        let physical_id = resource.physical_id.clone().unwrap_or_default();
        let name = physical_id.rsplit(['/', ':']).next().unwrap_or_default();
        let service = resource.kind.split("::").nth(1).unwrap_or_default().to_lowercase();
        match attribute {
            None => json!(physical_id),
            Some("Arn" | "TopicArn") if physical_id.starts_with("arn:") => json!(physical_id),
            Some("Arn") if resource.kind == "AWS::DynamoDB::Table" => {
                json!(self.arn(&service, &format!("table/{name}")))
            }
            Some("Arn") => json!(self.arn(&service, name)),
            Some("DomainName") if resource.kind == super::cloudfront::DISTRIBUTION => {
                json!(format!("d{}.cloudfront.net", name.to_lowercase()))
            }
            Some("QueueName" | "RoleName" | "TopicName") => json!(name),
            Some("LatestVersionNumber" | "DefaultVersionNumber") => json!(resource.version.to_string()),
            Some(other) => match resource.properties.get(other) {
                Some(given) => given.clone(),
                None => json!(format!("{name}.{other}")),
            },
        }
    }
}
