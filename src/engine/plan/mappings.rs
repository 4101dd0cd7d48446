//! Event source mappings that a destroy disabled before it was stopped: a deploy has them receive again.

use crate::blueprint::{Stack, template};
use crate::cloud::lambda::mappings::Mapping;
use crate::cloud::{Cloud, CloudError};

pub const MAPPING: &str = "AWS::Lambda::EventSourceMapping";

/// The mappings that a stack's template has enabled and that a destroy disabled before it was stopped; and those that
/// somebody has enabled since, which only carry its mark. A stack without mappings costs no call.
///
/// # Errors
/// When AWS can't be asked.
pub async fn marked(cloud: &Cloud, stack: &Stack, id: Option<&str>) -> Result<Vec<Mapping>, CloudError> {
    let enabled = enabled(&stack.body);
    let Some(id) = id.filter(|_| !enabled.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for resource in cloud.stack_resources(id).await? {
        if resource.resource_type == MAPPING
            && enabled.contains(&resource.logical_id)
            && let Some(mapping) = cloud.mapping(&resource.physical_id).await?
            && cloud.is_marked(&mapping).await?
        {
            all.push(mapping);
        }
    }
    Ok(all)
}

/// The mappings of a template that aren't disabled by it: "Default: True"
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html>).
fn enabled(body: &str) -> Vec<String> {
    if !body.contains(MAPPING) {
        return Vec::new();
    }
    let template = template::read(body).unwrap_or_default();
    template::section(&template, "Resources")
        .filter(|(_, resource)| resource["Type"] == MAPPING)
        .filter(|(_, resource)| matches!(resource["Properties"]["Enabled"].as_bool(), None | Some(true)))
        .map(|(id, _)| id.clone())
        .collect()
}
